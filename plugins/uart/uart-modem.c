/* SPDX-License-Identifier: MIT */
/* uart-modem.c - modem lines and line errors for RFC 2217 clients: NOTIFY-MODEMSTATE, NOTIFY-LINESTATE.
 *
 * The port is polled only while a client that wants either is connected and the port has them. Errors are those that the driver has
 * counted (TIOCGICOUNT), so the received bytes stay as they are.
 */
#include "uart-server.h"

#define POLL_INTERVAL (200 * G_TIME_SPAN_MILLISECOND)

guint uart_server_modem(const UartServer *server)
{
	Uart *uart = uart_server_uart(server);
	guint lines = 0;

	if (uart)
		uart_line_modem(&uart->line, &lines);
	return lines & 15;
}

static void notify_modem(UartServer *server)
{
	guint before = server->modem, now = uart_server_modem(server);
	guint8 state = (guint8)(now << 4 | (before ^ now));

	server->modem = now;
	for (UartConnection *at = server->first; at && before != now; at = at->next)
		if (at->codec && state & at->modem_mask)
			rfc2217_notify(at->codec, RFC2217_MODEM_STATE, state & at->modem_mask);
}

/* The counters of a port that was opened again begin anew. */
static void notify_errors(UartServer *server)
{
	Uart *uart = uart_server_uart(server);
	UartErrors now, before = server->errors;
	guint8 state = 0;

	if (!uart || !uart_tty_errors(uart->line.fd, &now)) {
		server->has_errors = FALSE;
		return;
	}
	for (guint i = 0; server->has_errors && i < G_N_ELEMENTS(now.counts); i++)
		state |= now.counts[i] > before.counts[i] ? (guint8)(UART_OVERRUN << i) : 0;
	server->errors = now;
	server->has_errors = TRUE;
	for (UartConnection *at = server->first; at && state; at = at->next)
		if (at->codec && state & at->line_mask)
			rfc2217_notify(at->codec, RFC2217_LINE_STATE, state & at->line_mask);
}

void uart_server_notify(UartServer *server)
{
	notify_modem(server);
	if (server->modem_timer)
		notify_errors(server);
}

static void on_poll(BpPlugin *self, gpointer data)
{
	uart_server_notify(data);
}

void uart_server_poll(UartServer *server)
{
	Uart *uart = uart_server_uart(server);
	gboolean modem = FALSE, errors = FALSE, wanted;
	UartErrors counts;
	guint lines;

	for (UartConnection *at = server->first; at; at = at->next) {
		modem |= at->modem_mask != 0;
		errors |= at->line_mask != 0;
	}
	wanted = uart && ((modem && uart_line_modem(&uart->line, &lines)) ||
			  (errors && uart_tty_errors(uart->line.fd, &counts)));
	if (wanted && errors && !server->has_errors)
		notify_errors(server); /* what was counted before is not reported */
	if (wanted && !server->modem_timer) {
		server->modem = uart_server_modem(server);
		server->modem_timer = bp_timer_add(server->self, NULL, POLL_INTERVAL, 0, on_poll, server, NULL);
	} else if (!wanted && server->modem_timer) {
		bp_timer_remove(g_steal_pointer(&server->modem_timer));
		server->has_errors = FALSE;
	}
}
