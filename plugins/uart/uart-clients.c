/* SPDX-License-Identifier: MIT */
/* uart-clients.c - what UARTServer does as clients come and go: strings for the device, and the place of the oldest for the newest. */
#include <string.h>
#include "uart-server.h"

GByteArray *uart_server_string(const UartServer *server, const char *parameter)
{
	const char *text = bp_instance_string(server->self, parameter);
	GByteArray *bytes = g_byte_array_new();

	for (const char *at = text ? text : ""; *at; at++) {
		guint8 byte = (guint8)*at;

		if (*at == '\\' && at[1]) {
			static const char names[] = "rnte", values[] = "\r\n\t\x1b";
			const char *name = strchr(names, *++at);

			byte = name ? (guint8)values[name - names] : (guint8)*at;
			if (*at == 'x' && g_ascii_isxdigit(at[1]) && g_ascii_isxdigit(at[2])) {
				byte = (guint8)(g_ascii_xdigit_value(at[1]) << 4 | g_ascii_xdigit_value(at[2]));
				at += 2;
			}
		}
		g_byte_array_append(bytes, &byte, 1);
	}
	return bytes;
}

void uart_server_send_string(UartServer *server, const char *parameter)
{
	g_autoptr(GByteArray) bytes = uart_server_string(server, parameter);

	if (bytes->len)
		bp_channel_send_bytes(server->send, bytes->data, bytes->len);
}

void uart_server_kick(UartServer *server, const UartConnection *newcomer)
{
	UartConnection *oldest;
	Uart *uart = uart_server_uart(server);
	guint count;

	for (;;) {
		count = 0;
		oldest = NULL;
		for (UartConnection *at = server->first; at; at = at->next)
			if (!bp_stream_is_closing(at->stream)) {
				oldest = at;
				count++;
			}
		if (count <= server->most_clients)
			return;
		bp_channel_printf(bp_server_events(server->server), "%s is closed: %s takes its place", oldest->who,
				  newcomer->who);
		uart_connection_notify(oldest, "closed: a new client takes this place");
		if (uart)
			uart_release(uart, oldest->who);
		bp_stream_close(oldest->stream);
	}
}
