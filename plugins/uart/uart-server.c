/* SPDX-License-Identifier: MIT */
/* uart-server.c - module UARTServer: a UART on a TCP port, by RFC 2217 or as bytes; its connections.
 *
 * It meets its UART on NAME/raw/recv and NAME/raw/send, so either may close and come again. What comes from a client
 * faster than the line takes it stays with the client: reading pauses while half of the UART's backlog is used.
 *
 * Every command of a client is acknowledged: one that the line cannot do (DTR on a pty) with the value asked for, since
 * clients give up otherwise; a setting that it does not take with the one that stays. While somebody else is the writer
 * settings stay. Telnet's BREAK is one of a quarter of a second; a break that was begun ends with its client.
 */
#include <string.h>
#include "rfc2217.h"
#include "uart-control.h"
#include "uart.h"

#define MODEM_INTERVAL (200 * G_TIME_SPAN_MILLISECOND)

struct UartConnection {
	UartConnection *prev, *next;
	UartServer *server;
	BpStream *stream;
	Rfc2217 *codec; /* NULL: bytes */
	char *who;	/* "lab/3" */
	guint8 modem_mask;
	gboolean told; /* it was told that it may not write */
	gboolean suspended, throttled;
	gboolean breaking; /* it has begun a break, and not ended it */
	GByteArray *held;  /* data held back while the client is suspended */
	guint64 unheld;	   /* bytes since, which were too many */
};

static Uart *its_uart(const UartServer *server)
{
	return uart_find(server->uart_name, NULL);
}

/* --- to the client --- */

static void show(UartConnection *connection, const guint8 *data, gsize size)
{
	if (connection->codec)
		rfc2217_send(connection->codec, data, size);
	else
		bp_stream_write(connection->stream, data, size);
}

#define HELD_LIMIT (64 * 1024)

/* From the first that does not fit on, all are lost: no hole is in what it gets later. */
static void hold(UartConnection *connection, BpMessage *message)
{
	gsize size = bp_message_size(message);

	if (!connection->unheld && connection->held->len + size <= HELD_LIMIT) {
		g_byte_array_append(connection->held, bp_message_data(message), (guint)size);
		return;
	}
	if (!connection->unheld)
		bp_channel_printf(bp_server_events(connection->server->server),
				  "%s has suspended its data and %u bytes wait: what comes now is lost",
				  connection->who, connection->held->len);
	connection->unheld += size;
}

static void on_raw_recv(BpPlugin *self, BpMessage *message, gpointer data)
{
	UartServer *server = data;
	UartConnection *next;

	for (UartConnection *at = server->first; at; at = next) {
		next = at->next;
		if (at->suspended) {
			hold(at, message);
		} else if (at->codec) {
			rfc2217_send(at->codec, bp_message_data(message), bp_message_size(message));
		} else {
			bp_stream_send(at->stream, message);
		}
	}
}

static void suspend(UartConnection *connection, gboolean on)
{
	connection->suspended = on;
	if (on || !connection->held->len)
		return;
	show(connection, connection->held->data, connection->held->len);
	g_byte_array_set_size(connection->held, 0);
	if (connection->unheld)
		bp_channel_printf(bp_server_events(connection->server->server),
				  "%s goes on; it has lost %" G_GUINT64_FORMAT " bytes", connection->who,
				  connection->unheld);
	connection->unheld = 0;
}

/* --- modem lines: looked at only while a client that asked is there and the port has some --- */

static guint modem_state(const UartServer *server)
{
	Uart *uart = its_uart(server);
	guint lines = 0;

	if (uart)
		uart_line_modem(&uart->line, &lines);
	return lines & 15;
}

static void tell_modem(UartServer *server)
{
	guint before = server->modem, now = modem_state(server);
	guint8 state = (guint8)(now << 4 | (before ^ now));

	server->modem = now;
	for (UartConnection *at = server->first; at && before != now; at = at->next)
		if (at->codec && state & at->modem_mask)
			rfc2217_notify(at->codec, RFC2217_MODEM_STATE, state & at->modem_mask);
}

static void on_modem(BpPlugin *self, gpointer data)
{
	tell_modem(data);
}

static void watch_modem(UartServer *server)
{
	Uart *uart = its_uart(server);
	gboolean wanted = FALSE;
	guint lines;

	for (UartConnection *at = server->first; at; at = at->next)
		wanted |= at->modem_mask != 0;
	wanted = wanted && uart && uart_line_modem(&uart->line, &lines);
	if (wanted && !server->modem_timer) {
		server->modem = modem_state(server);
		server->modem_timer = bp_timer_add(server->self, NULL, MODEM_INTERVAL, 0, on_modem, server, NULL);
	} else if (!wanted && server->modem_timer) {
		bp_timer_remove(g_steal_pointer(&server->modem_timer));
	}
}

/* What the clients of a UART need to know or do again. */
static void for_each_server(Uart *uart, void (*func)(UartServer *server))
{
	g_autoptr(GPtrArray) list = bp_instance_list("UARTServer");

	for (guint i = 0; i < list->len; i++) {
		UartServer *server = bp_instance_data(list->pdata[i]);

		if (its_uart(server) == uart)
			func(server);
	}
}

static void set_state(UartServer *server)
{
	Uart *uart = its_uart(server);

	if (!uart || bp_instance_is_closing(uart->self))
		bp_instance_set_state(server->self, BP_STATE_WAITING, "there is no UART %s: uart open %s PORT opens it",
				      server->uart_name, server->uart_name);
	else if (!uart->stream)
		bp_instance_set_state(server->self, BP_STATE_WAITING, "%s is not open: module info %s says why",
				      server->uart_name, server->uart_name);
	else
		bp_instance_set_state(server->self, BP_STATE_OK, "%s on %s", server->uart_name,
				      bp_server_addresses(server->server));
}

static void look(UartServer *server)
{
	set_state(server);
	tell_modem(server);
	watch_modem(server);
}

void uart_servers_look(Uart *uart)
{
	for_each_server(uart, look);
}

/* --- from the client --- */

/* With several writers all may write, unless one has taken the line (uart grab). */
static gboolean may_write(UartConnection *connection, Uart *uart)
{
	UartServer *server = connection->server;

	if (server->one_writer ? uart_may_write(uart, connection->who)
			       : !uart->grabbed || strcmp(uart->writer, connection->who) == 0)
		return TRUE;
	if (!connection->told)
		bp_channel_printf(bp_server_events(server->server),
				  "%s may not write: %s does; `uart grab %s %s` changes that", connection->who,
				  uart->writer, server->uart_name, connection->who);
	connection->told = TRUE;
	return FALSE;
}

static void on_codec_data(const guint8 *data, gsize size, gpointer user)
{
	UartConnection *connection = user;
	UartServer *server = connection->server;
	Uart *uart = its_uart(server);
	BpMessage *message;

	if (!uart || !may_write(connection, uart))
		return;
	message = bp_message_new(data, size, BP_BINARY);
	/* One read more than half of the limit, at most: the connection is paused then. */
	uart->exempt = TRUE;
	bp_channel_send_take(server->send, message);
	uart = its_uart(server); /* a watch may have closed it */
	if (!uart)
		return;
	uart->exempt = FALSE;
	if (uart->queued > uart->backlog / 2 && !connection->throttled) {
		connection->throttled = uart->throttled = TRUE;
		bp_stream_set_reading(connection->stream, FALSE);
	}
}

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
	for_each_server(uart, resume);
}

static void on_codec_send(const guint8 *data, gsize size, gpointer user)
{
	bp_stream_write(((UartConnection *)user)->stream, data, size);
}

static guint32 on_codec_command(guint8 command, guint32 value, gpointer user)
{
	UartConnection *connection = user;
	Uart *uart = its_uart(connection->server);
	gboolean broken;

	switch (command) {
	case RFC2217_SUSPEND:
	case RFC2217_RESUME:
		suspend(connection, command == RFC2217_SUSPEND);
		return 0;
	case RFC2217_MODEM_MASK:
		connection->modem_mask = (guint8)value;
		watch_modem(connection->server);
		return value;
	default:
		if (!uart)
			return value;
		broken = uart->breaking;
		value = uart_control(uart, command, value,
				     !connection->server->one_writer || !uart->writer ||
					     strcmp(uart->writer, connection->who) == 0);
		if (uart->breaking != broken)
			connection->breaking = uart->breaking;
		return value;
	}
}

static void on_codec_break(gpointer user)
{
	Uart *uart = its_uart(((UartConnection *)user)->server);

	if (uart && may_write(user, uart))
		uart_break(uart, UART_BREAK);
}

/* Clients want to hear of the modem lines before they ask (RFC 2217: the mask is 255 until set). */
static void on_codec_agreed(gpointer user)
{
	UartConnection *connection = user;

	connection->modem_mask = 255;
	watch_modem(connection->server);
	rfc2217_notify(connection->codec, RFC2217_MODEM_STATE, (guint8)(modem_state(connection->server) << 4));
}

static const Rfc2217Callbacks callbacks = {
	.data = on_codec_data,
	.send = on_codec_send,
	.command = on_codec_command,
	.agreed = on_codec_agreed,
	.brk = on_codec_break,
};

static void on_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	UartConnection *connection = user;

	if (connection->codec)
		rfc2217_receive(connection->codec, data, size);
	else
		on_codec_data(data, size, connection);
}

/* --- connections --- */

static void connection_free(UartConnection *connection)
{
	UartServer *server = connection->server;
	Uart *uart = its_uart(server);

	*(connection->prev ? &connection->prev->next : &server->first) = connection->next;
	if (connection->next)
		connection->next->prev = connection->prev;
	if (uart && connection->breaking)
		uart_break_hold(uart, FALSE);
	if (uart)
		uart_release(uart, connection->who);
	if (connection->codec)
		rfc2217_free(connection->codec);
	g_byte_array_unref(connection->held);
	g_free(connection->who);
	g_free(connection);
}

static void on_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	UartServer *server = ((UartConnection *)user)->server;

	connection_free(user);
	watch_modem(server);
}

static const BpStreamEvents stream_events = { .size = sizeof(stream_events), .data = on_data, .closed = on_closed };

static void on_accept(BpPlugin *self, BpServer *bp_server, BpStream *stream, gpointer user)
{
	UartServer *server = user;
	UartConnection *connection = g_new0(UartConnection, 1);
	Uart *uart = its_uart(server);

	connection->server = server;
	connection->stream = stream;
	connection->held = g_byte_array_new();
	connection->who = g_strdup_printf("%s/%u", bp_plugin_name(server->self), bp_stream_number(stream));
	connection->next = server->first;
	if (server->first)
		server->first->prev = connection;
	server->first = connection;
	bp_stream_set_user(stream, &stream_events, connection);
	if (server->rfc2217) {
		connection->codec = rfc2217_new(&callbacks, "Backplane", connection);
		rfc2217_offer(connection->codec);
	}
	if (uart && server->show_replay) {
		g_autoptr(GByteArray) said = uart_replay(uart);

		show(connection, said->data, said->len);
	}
}

static const BpServerEvents server_events = { .size = sizeof(server_events), .accept = on_accept };

gboolean uart_server_has(const char *who)
{
	g_autoptr(GPtrArray) list = bp_instance_list("UARTServer");

	for (guint i = 0; i < list->len; i++)
		for (UartConnection *at = ((UartServer *)bp_instance_data(list->pdata[i]))->first; at; at = at->next)
			if (strcmp(at->who, who) == 0)
				return TRUE;
	return FALSE;
}

/* --- the module --- */

gboolean uart_server_open(BpInstance *self, GError **error)
{
	UartServer *server = bp_instance_data(self);
	g_autofree char *recv = NULL, *send = NULL;

	server->self = self;
	server->uart_name = bp_instance_string(self, "uart");
	server->rfc2217 = strcmp(bp_instance_string(self, "mode"), "rfc2217") == 0;
	server->one_writer = strcmp(bp_instance_string(self, "writers"), "one") == 0;
	server->show_replay = bp_instance_bool(self, "show_replay");
	recv = g_strconcat(server->uart_name, "/raw/recv", NULL);
	send = g_strconcat(server->uart_name, "/raw/send", NULL);
	if (!bp_channel_check_name(recv, error))
		return FALSE;
	server->server = bp_server_open(self, NULL, "server-tcp-%u", &server_events, server, error);
	if (!server->server)
		return FALSE;
	server->send = bp_channel(self, send);
	server->recv = bp_channel(self, recv);
	bp_channel_watch(self, server->recv, on_raw_recv, server, NULL);
	set_state(server);
	if (!its_uart(server))
		bp_channel_printf(bp_server_events(server->server), "There is no UART %s yet", server->uart_name);
	return TRUE;
}

void uart_server_close(BpInstance *self)
{
	UartServer *server = bp_instance_data(self);

	while (server->first) {
		BpStream *stream = server->first->stream;

		bp_stream_set_user(stream, NULL, NULL);
		bp_stream_close(stream);
		connection_free(server->first);
	}
}

void uart_server_describe(BpInstance *self, GString *text)
{
	UartServer *server = bp_instance_data(self);
	Uart *uart = its_uart(server);

	g_string_append_printf(text, "%s on %s, %s\n", server->uart_name, bp_server_addresses(server->server),
			       server->rfc2217 ? "RFC 2217" : "bytes");
	for (UartConnection *at = server->first; at; at = at->next)
		g_string_append_printf(text, "%s %s%s\n", at->who, bp_stream_peer(at->stream),
				       uart && uart->writer && strcmp(uart->writer, at->who) == 0 ? ", writer" : "");
}
