/* SPDX-License-Identifier: MIT */
/* uart-clients.c - what UARTServer does as clients come and go: strings for the device, the place of the oldest for the newest, clients
 * that have ended their input, clients that are idle.
 */
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

static void wait_for_answer(UartConnection *connection);

static void on_end_over(BpPlugin *self, gpointer data)
{
	UartConnection *connection = data;
	Uart *uart = uart_server_uart(connection->server);

	/* The device gets what the client has sent first. */
	if (uart && uart->queued)
		wait_for_answer(connection);
	else
		bp_stream_close(connection->stream);
}

static void wait_for_answer(UartConnection *connection)
{
	bp_timer_once(&connection->end_timer, bp_stream_scope(connection->stream), connection->server->half_close,
		      on_end_over, connection);
}

/* The client has sent all, and waits for the answer (`printf 'ver\r' | nc -N`); or it has left: both look the same. */
void uart_connection_end(BpPlugin *self, BpStream *stream, gpointer user)
{
	UartConnection *connection = user;
	Uart *uart = uart_server_uart(connection->server);

	if (!uart || !connection->server->half_close || !bp_stream_stats(stream).bytes_in ||
	    (connection->codec && rfc2217_is_agreed(connection->codec))) {
		bp_stream_close(stream);
		return;
	}
	connection->ended = TRUE;
	uart_release(uart, connection->who);
	wait_for_answer(connection);
}

static void on_idle(BpPlugin *self, gpointer data)
{
	UartConnection *connection = data;
	gint64 limit = connection->server->idle_timeout;
	gint64 rest = MAX(bp_stream_stats(connection->stream).last_in, connection->last_out) + limit - bp_loop_now();
	g_autoptr(GError) why = NULL;

	if (rest > 0) {
		uart_connection_watch_idle(connection, rest);
		return;
	}
	g_set_error(&why, BP_IO_ERROR, BP_TIMEOUT, "nothing was sent or received for %g s",
		    (double)limit / G_USEC_PER_SEC);
	bp_stream_abort(connection->stream, why);
}

void uart_connection_watch_idle(UartConnection *connection, gint64 rest)
{
	bp_timer_once(&connection->idle_timer, bp_stream_scope(connection->stream), rest, on_idle, connection);
}
