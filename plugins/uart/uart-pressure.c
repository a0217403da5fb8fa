/* SPDX-License-Identifier: MIT */
/* uart-pressure.c - back-pressure between a UART and the clients of its servers, in both directions.
 *
 * A client that sends faster than the line is not read while half of the backlog of the UART is used; it is read again whenever the queue
 * has room, or the UART has closed. A client that receives more slowly than the line sends pauses the device (pause_device): with flow
 * control, the device stops, and nothing is lost.
 */
#include <sys/ioctl.h>
#include "uart-server.h"

void uart_servers_each(Uart *uart, void (*func)(UartServer *server))
{
	g_autoptr(GPtrArray) list = bp_instance_list("UARTServer");

	for (guint i = 0; i < list->len; i++) {
		UartServer *server = bp_instance_data(list->pdata[i]);

		if (uart_server_uart(server) == uart)
			func(server);
	}
}

/* --- from client to line --- */

static void resume(UartServer *server)
{
	for (UartConnection *at = server->first; at; at = at->next) {
		if (at->throttled)
			bp_stream_set_reading(at->stream, TRUE);
		at->throttled = FALSE;
	}
}

void uart_servers_resume(Uart *uart)
{
	uart->throttled = FALSE;
	uart_programs_resume(uart, FALSE);
	uart_servers_each(uart, resume);
}

static gboolean has_unread(const UartConnection *connection)
{
	int waiting = 0;

	return connection->throttled ||
	       (ioctl(bp_stream_fd(connection->stream), FIONREAD, &waiting) == 0 && waiting > 0);
}

static void cut(UartServer *server)
{
	UartConnection *next;

	for (UartConnection *at = server->first; at; at = next) {
		next = at->next;
		if (!has_unread(at))
			continue;
		bp_channel_printf(bp_server_events(server->server),
				  "%s is closed: %s was unplugged before it took all that this client has sent",
				  at->who, server->uart_name);
		bp_stream_abort(at->stream, NULL);
	}
}

void uart_servers_cut(Uart *uart)
{
	uart->throttled = FALSE;
	uart_programs_resume(uart, TRUE);
	uart_servers_each(uart, cut);
}

/* --- from line to client --- */

static gboolean is_slow(const UartConnection *connection)
{
	return !bp_stream_is_closing(connection->stream) &&
	       (bp_stream_is_full(connection->stream) ||
		(connection->suspended && connection->held->len > UART_HELD_LIMIT / 2));
}

void uart_servers_pace(Uart *uart)
{
	g_autoptr(GPtrArray) list = bp_instance_list("UARTServer");
	gboolean automatic = FALSE, always = FALSE, paused;
	guint clients = 0;

	if (!uart->stream)
		return;
	for (guint i = 0; i < list->len; i++) {
		const UartServer *server = bp_instance_data(list->pdata[i]);

		if (uart_server_uart(server) != uart)
			continue;
		for (const UartConnection *at = server->first; at; at = at->next) {
			gboolean slow = is_slow(at);

			clients++;
			always |= slow && server->pause_always;
			automatic |= slow && !server->pause_never;
		}
	}
	paused = always || (automatic && clients == 1 && uart->settings.flow != UART_FLOW_NONE);
	if (paused == uart->paused)
		return;
	uart->paused = paused;
	bp_stream_set_reading(uart->stream, !paused);
}
