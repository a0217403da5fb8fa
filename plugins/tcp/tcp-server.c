/* SPDX-License-Identifier: MIT */
/* tcp-server.c - module TCPServer: connections on channels, or as sessions of a handler.
 *
 * A message is built from what a connection sent only if NAME/recv or NAME/ID/recv is watched, once for both.
 * NAME/send has one watch for all connections, which queues the message itself on each stream. Sessions are the
 * kernel's affair (serve.h).
 *
 * A connection is freed when its stream tells that it is closed, or before the instance goes.
 */
#include "tcp.h"

struct TcpConnection {
	TcpConnection *prev, *next; /* in order of arrival */
	TcpServer *server;
	BpStream *stream;
	BpChannel *recv, *send; /* NAME/ID/... */
	BpWatch *watch;		/* of send */
	char *origin;		/* GRefString: the peer */
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
	bp_watch_remove(connection->watch);
	bp_channel_release(server->self, connection->recv);
	bp_channel_release(server->self, connection->send);
	g_ref_string_release(connection->origin);
	g_free(connection);
}

/* --- bytes on channels --- */

static void publish(TcpConnection *connection, const guint8 *data, gsize size)
{
	TcpServer *server = connection->server;
	gboolean one = bp_channel_is_watched(connection->recv);
	gboolean all = bp_channel_is_watched(server->recv);
	BpMessage *message;

	bp_channel_print_bytes(server->data, "-->", data, size);
	if (!one)
		bp_channel_note(connection->recv, data, size);
	if (!all)
		bp_channel_note(server->recv, data, size);
	if (!one && !all)
		return;
	message = bp_message_new(data, size, BP_BINARY);
	bp_message_set_origin(message, connection->origin);
	bp_message_set_reply_channel(message, connection->send);
	if (one)
		bp_channel_send(connection->recv, message);
	if (all)
		bp_channel_send(server->recv, message);
	bp_message_unref(message);
}

static void on_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	publish(user, data, size);
}

static void on_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	connection_free(user);
}

static const BpStreamEvents channel_events = { .size = sizeof(channel_events), .data = on_data, .closed = on_closed };

static void on_send_one(BpPlugin *self, BpMessage *message, gpointer data)
{
	TcpConnection *connection = data;

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

/* --- the server --- */

static void on_send_all(BpPlugin *self, BpMessage *message, gpointer data)
{
	TcpServer *server = data;

	bp_channel_print_bytes(server->data, "<--", bp_message_data(message), bp_message_size(message));
	for (TcpConnection *at = server->first; at; at = at->next)
		bp_stream_send(at->stream, message);
}

static void on_accept(BpPlugin *self, BpServer *bp_server, BpStream *stream, gpointer user)
{
	TcpConnection *connection = g_new0(TcpConnection, 1);

	connection->server = user;
	connection->stream = stream;
	connection->origin = g_ref_string_new(bp_stream_peer(stream));
	connection_add(user, connection);
	open_channels(connection);
}

static const BpServerEvents server_events = { .size = sizeof(server_events),
					      .accept = on_accept,
					      .refusal = bp_server_refusal_line };

static gboolean open_on_channels(TcpServer *server, GError **error)
{
	BpInstance *self = server->self;
	BpChannelOptions pure = { .pure = TRUE }, log = { .log = TRUE };
	char name[32];

	server->server = bp_server_open(self, NULL, "server-tcp-%u", &server_events, server, error);
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

gboolean tcp_server_open(BpInstance *self, GError **error)
{
	TcpServer *server = bp_instance_data(self);
	const char *handler = bp_instance_string(self, "handler");

	server->self = self;
	if (!handler || !*handler)
		return open_on_channels(server, error);
	server->sessions = bp_serve_streams(self, FALSE, error);
	if (server->sessions)
		server->server = bp_serve_streams_server(server->sessions);
	return server->sessions != NULL;
}

/* Streams are closed in order, so that their queues are still sent. */
void tcp_server_close(BpInstance *self)
{
	TcpServer *server = bp_instance_data(self);

	if (server->sessions)
		bp_serve_streams_close(server->sessions);
	while (server->first) {
		BpStream *stream = server->first->stream;

		bp_stream_set_user(stream, NULL, NULL);
		bp_stream_close(stream);
		connection_free(server->first);
	}
}

void tcp_server_describe(BpInstance *self, GString *text)
{
	TcpServer *server = bp_instance_data(self);

	bp_server_describe(server->server, server->sessions ? bp_instance_string(self, "handler") : NULL, text);
}
