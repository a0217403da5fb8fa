/* SPDX-License-Identifier: MIT */
/* tcp-server.c - module TCPServer: connections on channels, or as sessions of a handler.
 *
 * Without a handler a message is built from what a connection sent only if NAME/recv or NAME/ID/recv is
 * watched, once for both. NAME/send has one watch for all connections, which queues the message itself on
 * each stream. With a handler the bytes go to the connection's session as they are: it parts the lines.
 *
 * A connection is freed when its stream tells that it is closed, or before the instance goes.
 */
#include <string.h>
#include <backplane/kernel.h>
#include "tcp.h"


struct TcpConnection {
	TcpConnection *prev, *next; /* in order of arrival */
	TcpServer *server;
	BpStream *stream;
	BpChannel *recv, *send; /* NAME/ID/..., without a handler */
	BpWatch *watch;		/* of send */
	char *origin;		/* GRefString: the peer */
	BpSession *session;	/* with a handler, until it ends */
	gboolean hidden;	/* a password is being typed */
};

static void connection_add(TcpServer *server, TcpConnection *connection)
{
	connection->prev = server->last;
	*(server->last ? &server->last->next : &server->first) = connection;
	server->last = connection;
}

static void connection_free(TcpConnection *connection)
{
	TcpServer *server = connection->server;

	*(connection->prev ? &connection->prev->next : &server->first) = connection->next;
	*(connection->next ? &connection->next->prev : &server->last) = connection->prev;
	if (connection->watch)
		bp_watch_remove(connection->watch);
	if (connection->recv)
		bp_channel_release(server->self, connection->recv);
	if (connection->send)
		bp_channel_release(server->self, connection->send);
	g_ref_string_release(connection->origin);
	g_free(connection);
}

/* --- bytes on channels --- */

static void publish(TcpConnection *connection, const guint8 *data, gsize size)
{
	TcpServer *server = connection->server;
	gboolean one = connection->recv && bp_channel_is_watched(connection->recv);
	gboolean all = bp_channel_is_watched(server->recv);
	BpMessage *message;

	if (bp_channel_is_watched(server->data))
		bp_channel_print_bytes(server->data, "-->", data, size);
	if (!one && !all)
		return;
	message = bp_message_new(data, size, BP_BINARY);
	bp_message_set_origin(message, connection->origin);
	if (connection->send)
		bp_message_set_reply_channel(message, connection->send);
	if (one)
		bp_channel_send(connection->recv, message);
	if (all)
		bp_channel_send(server->recv, message);
	bp_message_unref(message);
}

static void on_data(BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	publish(user, data, size);
}

static void on_closed(BpStream *stream, const GError *why, gpointer user)
{
	connection_free(user);
}

static const BpStreamEvents channel_events = { .data = on_data, .closed = on_closed };

static void on_send_one(BpPlugin *self, BpMessage *message, gpointer data)
{
	TcpConnection *connection = data;

	if (bp_channel_is_watched(connection->server->data))
		bp_channel_print_bytes(connection->server->data, "<--", bp_message_data(message), bp_message_size(message));
	bp_stream_send(connection->stream, message);
}

static void open_channels(TcpConnection *connection)
{
	TcpServer *server = connection->server;
	BpInstance *self = server->self;
	guint number = bp_stream_number(connection->stream);
	char name[32];

	g_snprintf(name, sizeof(name), "%u/recv", number);
	connection->recv = bp_instance_channel(self, name);
	g_snprintf(name, sizeof(name), "%u/send", number);
	connection->send = bp_instance_channel(self, name);
	connection->watch = bp_channel_watch(self, connection->send, on_send_one, connection, NULL);
	bp_stream_set_user(connection->stream, &channel_events, connection);
}

/* --- sessions --- */

static void link_send(BpSession *session, gconstpointer data, gsize size, gboolean text, gpointer link)
{
	TcpConnection *connection = link;

	if (bp_channel_is_watched(connection->server->data))
		bp_channel_print_bytes(connection->server->data, "<--", data, size);
	if (bp_stream_write(connection->stream, data, size) || !connection->session)
		return;
	bp_session_set_writable(session, FALSE);
	bp_stream_set_reading(connection->stream, FALSE);
}

static void link_end(BpSession *session, BpEnd why, gpointer link)
{
	TcpConnection *connection = link;

	connection->session = NULL;
	bp_stream_close(connection->stream);
}

static void link_echo(BpSession *session, gboolean on, gpointer link)
{
	TcpConnection *connection = link;

	connection->hidden = !on;
}

static void on_link_input(BpSession *session, gboolean on, gpointer data)
{
	bp_stream_set_reading(((TcpConnection *)data)->stream, on);
}

static const BpSessionLink session_link = {
	.input = on_link_input,
	.name = "tcp", .send = link_send, .end = link_end, .echo = link_echo, .crlf = TRUE,
};

static void on_session_data(BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	TcpConnection *connection = user;

	if (!connection->session)
		return;
	if (!connection->hidden)
		publish(connection, data, size);
	if (connection->session)
		bp_session_receive(connection->session, data, size);
}

static void on_session_input_end(BpStream *stream, gpointer user)
{
	TcpConnection *connection = user;

	if (connection->session)
		bp_session_receive_end(connection->session);
}

static void on_session_closed(BpStream *stream, const GError *why, gpointer user)
{
	TcpConnection *connection = user;

	if (connection->session)
		bp_session_end(connection->session, BP_END_PEER, NULL);
	connection_free(connection);
}

static void on_session_drained(BpStream *stream, gpointer user)
{
	TcpConnection *connection = user;

	bp_stream_set_reading(stream, TRUE);
	if (connection->session)
		bp_session_set_writable(connection->session, TRUE);
}

static const BpStreamEvents session_events = {
	.data = on_session_data,
	.end = on_session_input_end,
	.closed = on_session_closed,
	.drained = on_session_drained,
};

static void open_session(TcpConnection *connection)
{
	TcpServer *server = connection->server;
	g_autoptr(GError) error = NULL;
	BpSessionOptions options = {
		.handler = bp_handler_find(server->handler),
		.link = &session_link,
		.data = connection,
		.peer = connection->origin,
		.local = bp_stream_local(connection->stream),
		.query = "",
		.welcome = bp_instance_string(server->self, "welcome_message"),
		.role = BP_ADMIN,
		.quiet = bp_instance_bool(server->self, "quiet"),
	};
	BpSession *session = NULL;

	bp_stream_set_user(connection->stream, &session_events, connection);
	if (options.handler)
		session = bp_session_open(server->self, &options, &error);
	else
		g_set_error(&error, BP_HOST_ERROR, BP_NOT_FOUND, "There is no handler %s any more.", server->handler);
	if (bp_stream_is_closing(connection->stream))
		return; /* the handler has ended it */
	connection->session = session;
	if (!session) {
		g_autofree char *text = g_strconcat(error->message, "\r\n", NULL);

		bp_stream_write(connection->stream, text, strlen(text));
		bp_stream_close(connection->stream);
	}
}

static void show_line(BpSession *session, BpMessage *message)
{
	g_autofree char *text = g_utf8_make_valid(bp_message_data(message), (gssize)bp_message_size(message));

	g_strchomp(text);
	bp_session_notify(session, text);
}

/* --- the server --- */

static void on_send_all(BpPlugin *self, BpMessage *message, gpointer data)
{
	TcpServer *server = data;
	gboolean text = (bp_message_flags(message) & BP_TEXT) != 0;

	if (!server->handler && bp_channel_is_watched(server->data))
		bp_channel_print_bytes(server->data, "<--", bp_message_data(message), bp_message_size(message));
	for (TcpConnection *at = server->first; at; at = at->next) {
		if (!server->handler)
			bp_stream_send(at->stream, message);
		else if (at->session && text)
			show_line(at->session, message);
		else if (at->session)
			bp_session_send(at->session, bp_message_data(message), bp_message_size(message));
	}
}

static void on_accept(BpServer *bp_server, BpStream *stream, gpointer user)
{
	TcpConnection *connection = g_new0(TcpConnection, 1);

	connection->server = user;
	connection->stream = stream;
	connection->origin = g_ref_string_new(bp_stream_peer(stream));
	connection_add(user, connection);
	if (connection->server->handler)
		open_session(connection);
	else
		open_channels(connection);
}

static const BpServerEvents server_events = { .accept = on_accept, .refusal = bp_server_refusal_line };

gboolean tcp_server_open(BpInstance *self, GError **error)
{
	TcpServer *server = bp_instance_data(self);
	BpChannelOptions pure = { .pure = TRUE }, log = { .log = TRUE };
	char name[32];

	server->self = self;
	server->handler = bp_instance_string(self, "handler");
	if (server->handler && !*server->handler)
		server->handler = NULL;
	if (server->handler && !bp_handler_find(server->handler)) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND,
			    "there is no handler %s: load the plugin that has it, or leave handler out", server->handler);
		return FALSE;
	}
	server->server = bp_server_open(self, "server-tcp-%u", &server_events, server, error);
	if (!server->server)
		return FALSE;
	g_snprintf(name, sizeof(name), "data-tcp-%u", bp_server_port(server->server));
	server->data = bp_channel(self, name);
	bp_channel_set_options(server->data, &log);
	server->recv = bp_instance_channel(self, "recv");
	server->send = bp_instance_channel(self, "send");
	bp_channel_set_options(server->send, &pure);
	bp_channel_watch(self, server->send, on_send_all, server, NULL);
	return TRUE;
}

static void ignore_data(BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
}

static void ignore_closed(BpStream *stream, const GError *why, gpointer user)
{
}

static const BpStreamEvents no_events = { .data = ignore_data, .closed = ignore_closed };

/* What is queued still goes out: the streams end in order. */
void tcp_server_close(BpInstance *self)
{
	TcpServer *server = bp_instance_data(self);
	const char *why = bp_kernel_is_quitting() ? "" : bp_instance_close_reason(self);
	g_autofree char *text = g_strdup_printf("Server is shutting down%s%s. Goodbye!", *why ? ": " : "", why);

	while (server->first) {
		TcpConnection *connection = server->first;
		BpStream *stream = connection->stream;

		if (connection->session)
			bp_session_end(connection->session, BP_END_SHUTDOWN, text);
		bp_stream_set_user(stream, &no_events, NULL);
		bp_stream_close(stream);
		connection_free(connection);
	}
}

void tcp_server_describe(BpInstance *self, GString *text)
{
	TcpServer *server = bp_instance_data(self);
	BpServerStats stats = bp_server_stats(server->server);

	g_string_append_printf(text, "listening on %s%s%s\n", bp_server_addresses(server->server),
			       server->handler ? ", handler " : "", server->handler ? server->handler : "");
	g_string_append_printf(text, "%u connections, %" G_GUINT64_FORMAT " so far, %" G_GUINT64_FORMAT " refused; %"
			       G_GUINT64_FORMAT " bytes in, %" G_GUINT64_FORMAT " bytes out, %" G_GUINT64_FORMAT " drops\n",
			       stats.connections, stats.accepted, stats.refused, stats.bytes_in, stats.bytes_out, stats.drops);
}
