/* SPDX-License-Identifier: MIT */
/* uart-server.c - module UARTServer: a UART on a TCP port, by RFC 2217 or as bytes; its connections.
 *
 * It meets its UART on NAME/raw/recv and NAME/raw/send, so either may close and come again. What comes from a client
 * faster than the line takes it stays with the client: reading pauses while half of the UART's backlog is used.
 *
 * Every command of a client is acknowledged, since clients give up otherwise: one that the line cannot do (DTR on a pseudo-terminal) with
 * the value asked for, one that is refused with the value that stays. While another client is the writer, all are refused. Telnet's BREAK
 * lasts a quarter of a second; a break that was begun ends with its client, and so do the settings that it has changed (restore).
 */
#include <string.h>
#include "uart-control.h"
#include "uart-server.h"

#define KICKED_CLIENTS 16 /* at a time */

/* --- to the client --- */

static void show(UartConnection *connection, const guint8 *data, gsize size)
{
	connection->last_out = bp_loop_now();
	if (connection->codec)
		rfc2217_send(connection->codec, data, size);
	else
		bp_stream_write(connection->stream, data, size);
}

/* From the first that does not fit on, all are lost: no hole is in what it gets later. */
static void hold(UartConnection *connection, BpMessage *message)
{
	gsize size = bp_message_size(message);

	if (!connection->unheld && connection->held->len + size <= UART_HELD_LIMIT) {
		g_byte_array_append(connection->held, bp_message_data(message), (guint)size);
		return;
	}
	if (!connection->unheld)
		bp_channel_printf(bp_server_events(connection->server->server),
				  "%s has suspended its data and %u bytes wait: what comes now is lost",
				  connection->who, connection->held->len);
	connection->unheld += size;
}

static void pace(UartServer *server)
{
	Uart *uart = uart_server_uart(server);

	if (uart)
		uart_servers_pace(uart);
}

static void on_raw_recv(BpPlugin *self, BpMessage *message, gpointer data)
{
	UartServer *server = data;
	UartConnection *next;
	gboolean full = FALSE;

	for (UartConnection *at = server->first; at; at = next) {
		next = at->next;
		at->last_out = bp_loop_now();
		if (at->end_timer)
			bp_timer_restart(at->end_timer);
		if (at->suspended) {
			hold(at, message);
		} else if (at->codec) {
			rfc2217_send(at->codec, bp_message_data(message), bp_message_size(message));
		} else {
			bp_stream_send(at->stream, message);
		}
		full |= at->suspended || !bp_stream_has_room(at->stream);
	}
	if (G_UNLIKELY(full))
		pace(server);
}

static void suspend(UartConnection *connection, gboolean on)
{
	connection->suspended = on;
	if (on || !connection->held->len)
		return;
	show(connection, connection->held->data, connection->held->len);
	g_byte_array_set_size(connection->held, 0);
	pace(connection->server);
	if (connection->unheld)
		bp_channel_printf(bp_server_events(connection->server->server),
				  "%s goes on; it has lost %" G_GUINT64_FORMAT " bytes", connection->who,
				  connection->unheld);
	connection->unheld = 0;
}

static void set_state(UartServer *server)
{
	Uart *uart = uart_server_uart(server);

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
	uart_server_notify(server);
	uart_server_poll(server);
}

void uart_servers_look(Uart *uart)
{
	uart_servers_each(uart, look);
}

/* --- from the client --- */

void uart_connection_notify(UartConnection *connection, const char *text)
{
	g_autofree char *line = g_strdup_printf("\r\n[%s]\r\n", text);

	if (connection->server->notices && !(connection->codec && rfc2217_is_agreed(connection->codec)))
		show(connection, (const guint8 *)line, strlen(line));
}

/* Data for a device that is absent is dropped: once per connection, it is reported. */
static void report_absent(UartConnection *connection)
{
	UartServer *server = connection->server;
	g_autofree char *text = g_strdup_printf("%s is not open: what %s sends is dropped until it is",
						server->uart_name, connection->who);

	if (connection->absent)
		return;
	connection->absent = TRUE;
	bp_channel_print(bp_server_events(server->server), text);
	uart_connection_notify(connection, text);
}

/* With several writers all may write, unless one has taken the line (uart grab). */
static gboolean may_write(UartConnection *connection, Uart *uart)
{
	UartServer *server = connection->server;

	if (server->one_writer ? uart_may_write(uart, connection->who)
			       : !uart->grabbed || strcmp(uart->writer, connection->who) == 0)
		return TRUE;
	if (!connection->told) {
		g_autofree char *text = g_strdup_printf("%s may not write: %s does; `uart grab %s %s` changes that",
							connection->who, uart->writer, server->uart_name,
							connection->who);

		bp_channel_print(bp_server_events(server->server), text);
		uart_connection_notify(connection, text);
	}
	connection->told = TRUE;
	return FALSE;
}

static void on_codec_data(const guint8 *data, gsize size, gpointer user)
{
	UartConnection *connection = user;
	UartServer *server = connection->server;
	Uart *uart = uart_server_uart(server);
	BpMessage *message;

	if (!uart || !uart_queue_is_taking(uart)) {
		report_absent(connection);
		return;
	}
	connection->absent = FALSE;
	if (!may_write(connection, uart))
		return;
	message = bp_message_new(data, size, BP_BINARY);
	/* One read more than half of the limit, at most: the connection is paused then. */
	uart->exempt = TRUE;
	bp_channel_send_take(server->send, message);
	uart = uart_server_uart(server); /* a watch may have closed it */
	if (!uart)
		return;
	uart->exempt = FALSE;
	if (uart->queued > uart->backlog / 2 && !connection->throttled) {
		connection->throttled = uart->throttled = TRUE;
		bp_stream_set_reading(connection->stream, FALSE);
	}
}

static void on_codec_send(const guint8 *data, gsize size, gpointer user)
{
	bp_stream_write(((UartConnection *)user)->stream, data, size);
}

static guint32 on_codec_command(guint8 command, guint32 value, gpointer user)
{
	UartConnection *connection = user;
	Uart *uart = uart_server_uart(connection->server);
	UartSettings before;
	gboolean broken;

	switch (command) {
	case RFC2217_SUSPEND:
	case RFC2217_RESUME:
		suspend(connection, command == RFC2217_SUSPEND);
		return 0;
	case RFC2217_MODEM_MASK:
	case RFC2217_LINE_MASK:
		*(command == RFC2217_MODEM_MASK ? &connection->modem_mask : &connection->line_mask) = (guint8)value;
		uart_server_poll(connection->server);
		return value;
	default:
		if (!uart)
			return value;
		broken = uart->breaking;
		before = uart->settings;
		value = uart_control(uart, command, value,
				     !connection->server->one_writer || !uart->writer ||
					     strcmp(uart->writer, connection->who) == 0);
		if (uart->breaking != broken)
			connection->breaking = uart->breaking;
		connection->changed |= !uart_settings_equal(&before, &uart->settings);
		return value;
	}
}

static void on_codec_break(gpointer user)
{
	Uart *uart = uart_server_uart(((UartConnection *)user)->server);

	if (uart && may_write(user, uart))
		uart_break(uart, UART_BREAK);
}

/* Clients want to hear of the modem lines before they ask (RFC 2217: the mask is 255 until set). */
static void on_codec_agreed(gpointer user)
{
	UartConnection *connection = user;

	connection->modem_mask = 255;
	uart_server_poll(connection->server);
	rfc2217_notify(connection->codec, RFC2217_MODEM_STATE, (guint8)(uart_server_modem(connection->server) << 4));
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

/* The settings that the UART was opened with, when the last client that has changed some leaves. */
static void restore(UartServer *server, Uart *uart)
{
	for (UartConnection *at = server->first; at; at = at->next)
		if (at->changed)
			return;
	if (server->restore && !bp_instance_is_closing(uart->self))
		uart_restore(uart);
}

static void connection_free(UartConnection *connection)
{
	UartServer *server = connection->server;
	Uart *uart = uart_server_uart(server);

	*(connection->prev ? &connection->prev->next : &server->first) = connection->next;
	if (connection->next)
		connection->next->prev = connection->prev;
	if (uart && connection->breaking)
		uart_break_hold(uart, FALSE);
	if (uart && connection->changed)
		restore(server, uart);
	if (uart)
		uart_release(uart, connection->who);
	if (uart)
		uart_servers_pace(uart);
	if (!server->first)
		uart_server_send_string(server, "close_string");
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
	uart_server_poll(server);
}

static void on_drained(BpPlugin *self, BpStream *stream, gpointer user)
{
	pace(((UartConnection *)user)->server);
}

static const BpStreamEvents stream_events = { .size = sizeof(stream_events),
					      .data = on_data,
					      .end = uart_connection_end,
					      .closed = on_closed,
					      .drained = on_drained };

static void on_accept(BpPlugin *self, BpServer *bp_server, BpStream *stream, gpointer user)
{
	UartServer *server = user;
	UartConnection *connection = g_new0(UartConnection, 1);
	g_autoptr(GByteArray) banner = NULL;
	Uart *uart = uart_server_uart(server);

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
	connection->last_out = bp_loop_now();
	if (server->idle_timeout)
		uart_connection_watch_idle(connection, server->idle_timeout);
	if (uart)
		uart_servers_pace(uart);
	if (server->most_clients)
		uart_server_kick(server, connection);
	if (!connection->next)
		uart_server_send_string(server, "open_string");
	banner = uart_server_string(server, "banner");
	if (banner->len)
		show(connection, banner->data, banner->len);
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

static gboolean wants(const BpInstance *self, const char *parameter, const char *choice)
{
	return strcmp(bp_instance_string(self, parameter), choice) == 0;
}

gboolean uart_server_open(BpInstance *self, GError **error)
{
	UartServer *server = bp_instance_data(self);
	g_autofree char *recv = NULL, *send = NULL;
	BpServerOptions options;

	server->self = self;
	server->uart_name = bp_instance_string(self, "uart");
	server->rfc2217 = strcmp(bp_instance_string(self, "mode"), "rfc2217") == 0;
	server->one_writer = strcmp(bp_instance_string(self, "writers"), "one") == 0;
	server->show_replay = wants(self, "show_replay", "yes") ||
			      (wants(self, "show_replay", "auto") && server->rfc2217);
	server->notices = bp_instance_bool(self, "notices");
	server->restore = bp_instance_bool(self, "restore");
	server->half_close = bp_instance_duration(self, "half_close");
	server->pause_always = wants(self, "pause_device", "always");
	server->pause_never = wants(self, "pause_device", "no");
	recv = g_strconcat(server->uart_name, "/raw/recv", NULL);
	send = g_strconcat(server->uart_name, "/raw/send", NULL);
	if (!bp_channel_check_name(recv, error))
		return FALSE;
	options = bp_server_options(self);
	if (wants(self, "idle_counts", "both")) {
		server->idle_timeout = options.idle_timeout;
		options.idle_timeout = 0;
	}
	/* More than most_clients, as those that were kicked are still there until they have got what is queued. */
	if (bp_instance_bool(self, "kick_old") && (server->most_clients = options.max_connections))
		options.max_connections += KICKED_CLIENTS;
	server->server = bp_server_open(self, &options, "server-tcp-%u", &server_events, server, error);
	if (!server->server)
		return FALSE;
	server->send = bp_channel(self, send);
	server->recv = bp_channel(self, recv);
	bp_channel_watch(self, server->recv, on_raw_recv, server, NULL);
	set_state(server);
	if (!uart_server_uart(server))
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
	Uart *uart = uart_server_uart(server);

	g_string_append_printf(text, "%s on %s, %s\n", server->uart_name, bp_server_addresses(server->server),
			       server->rfc2217 ? "RFC 2217" : "bytes");
	for (UartConnection *at = server->first; at; at = at->next)
		g_string_append_printf(text, "%s %s%s\n", at->who, bp_stream_peer(at->stream),
				       uart && uart->writer && strcmp(uart->writer, at->who) == 0 ? ", writer" : "");
}
