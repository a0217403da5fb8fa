/* SPDX-License-Identifier: MIT */
/* ws-client.c - a client of a server: its session, and how messages are lines.
 *
 * To a handler of lines, a text message without a line end is a line by itself: send("hello") is answered. A message
 * with line ends is a piece of a stream: each of LF, CR and CR LF ends a line, and what follows the last one
 * waits for the next message, whose CR LF may be cut anywhere. Binary messages are always pieces of a stream. Text is
 * answered by text, binary by binary, one message each time the handler says something.
 */
#include <string.h>
#include "wsserver.h"

static void client_free(WsClient *client)
{
	WsServer *server = client->server;

	*(client->prev ? &client->prev->next : &server->first) = client->next;
	*(client->next ? &client->next->prev : &server->last) = client->prev;
	ws_telnet_clear(client);
	g_free(client->target);
	g_free(client->query);
	g_free(client->agent);
	g_free(client->peer);
	g_free(client);
}

/* --- to the client --- */

void ws_shared_clear(WsShared *shared)
{
	for (guint i = 0; i < 4; i++)
		g_clear_pointer(&shared->frames[i / 2][i % 2], bp_message_unref);
	g_clear_pointer(&shared->bytes, g_bytes_unref);
}

static BpMessage *shared_frame(WsClient *client, BpWebSocketKind kind, gconstpointer data, gsize size)
{
	WsShared *shared = &client->server->shared;
	gboolean compressed = bp_websocket_takes_compressed(client->socket);
	BpMessage **frame = &shared->frames[kind == BP_WEBSOCKET_BINARY][compressed];
	g_autofree char *valid = NULL;

	if (!shared->bytes || g_bytes_get_size(shared->bytes) != size ||
	    memcmp(g_bytes_get_data(shared->bytes, NULL), data, size) != 0) {
		ws_shared_clear(shared);
		shared->bytes = g_bytes_new(data, size);
	}
	if (!*frame && kind == BP_WEBSOCKET_TEXT)
		data = valid = g_utf8_make_valid(data, (gssize)size);
	if (!*frame)
		*frame = bp_websocket_frame_new(kind, data, valid ? strlen(valid) : size, compressed);
	return *frame;
}

void ws_client_send(WsClient *client, BpWebSocketKind kind, gconstpointer data, gsize size)
{
	BpSent sent;

	if (!client->socket)
		return;
	bp_channel_print_bytes(client->server->serve.data, "<--", data, size);
	/* Telnet's bytes depend on what each client has agreed to. */
	if (client->server->serve.showing && !client->server->telnet && size)
		sent = bp_websocket_send_frame(client->socket, shared_frame(client, kind, data, size));
	else if (kind == BP_WEBSOCKET_TEXT)
		sent = bp_websocket_send_text(client->socket, data, (gssize)size);
	else
		sent = bp_websocket_send(client->socket, kind, data, size);
	if (sent == BP_SENT || !client->session)
		return;
	bp_session_set_writable(client->session, FALSE);
	/* A terminal is still heard: Ctrl-C is what its user will want. */
	if (!bp_session_is_terminal(client->session))
		bp_websocket_set_reading(client->socket, FALSE);
}

static void link_send(BpPlugin *self, BpSession *session, gconstpointer data, gsize size, gboolean text, gpointer link)
{
	WsClient *client = link;
	gboolean binary = client->binary || (!text && !g_utf8_validate(data, (gssize)size, NULL));

	ws_client_send(client, binary ? BP_WEBSOCKET_BINARY : BP_WEBSOCKET_TEXT, data, size);
}

void ws_client_link_end(BpPlugin *self, BpSession *session, BpEnd why, gpointer link)
{
	static const guint codes[] = {
		[BP_END_HANDLER] = BP_CLOSE_NORMAL,	 [BP_END_PEER] = BP_CLOSE_NORMAL,
		[BP_END_TIMEOUT] = BP_CLOSE_POLICY,	 [BP_END_LIMIT] = BP_CLOSE_TOO_BIG,
		[BP_END_SHUTDOWN] = BP_CLOSE_GOING_AWAY, [BP_END_KILLED] = BP_CLOSE_POLICY,
		[BP_END_ERROR] = BP_CLOSE_ERROR,
	};
	WsClient *client = link;

	client->session = NULL;
	if (client->out && client->out->len) {
		ws_client_send(client, BP_WEBSOCKET_BINARY, client->out->data, client->out->len);
		g_byte_array_set_size(client->out, 0);
	}
	if (client->socket)
		bp_websocket_close(client->socket, codes[why],
				   codes[why] == BP_CLOSE_GOING_AWAY ? NULL : "Connection closed");
}

static void link_mode(BpPlugin *self, BpSession *session, BpMode mode, gpointer link)
{
	((WsClient *)link)->bytes = mode != BP_LINES;
}

static const BpSessionLink session_link = {
	.size = sizeof(session_link),
	.name = "websocket",
	.send = link_send,
	.end = ws_client_link_end,
	.mode = link_mode,
	.crlf = TRUE,
};

/* --- the session --- */

gboolean ws_client_open_session(WsClient *client, BpSessionOptions *options)
{
	const BpHandler *handler = bp_handler_find(client->server->serve.handler);
	BpStream *stream = bp_websocket_stream(client->socket);
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;

	client->bytes = handler && handler->mode != BP_LINES;
	options->data = client;
	options->peer = client->peer;
	options->local = bp_stream_local(stream);
	options->query = client->query;
	options->path = client->target;
	options->agent = client->agent;
	client->session = bp_serve_session(&client->server->serve, client->telnet, options, &error);
	if (client->session) { /* it may have to log in first */
		client->bytes = bp_session_handler(client->session)->mode != BP_LINES;
		return TRUE;
	}
	if (client->socket && !bp_websocket_is_closing(client->socket)) {
		text = g_strconcat(error->message, "\r\n", NULL);
		ws_client_send(client, client->server->telnet ? BP_WEBSOCKET_BINARY : BP_WEBSOCKET_TEXT, text,
			       strlen(text));
		bp_websocket_close(client->socket, BP_CLOSE_POLICY, error->message);
	}
	return FALSE;
}

/* --- from the client --- */

/* Each way to end a line becomes LF; TRUE if there was one. */
static gboolean append_lines(WsClient *client, GString *text, const char *data, gsize size)
{
	gboolean ended = FALSE;

	for (gsize i = 0; i < size; i++) {
		gboolean after_cr = client->after_cr;

		client->after_cr = data[i] == '\r';
		if (data[i] == '\n' && after_cr) {
			ended = TRUE; /* it was said with the CR */
			continue;
		}
		ended |= data[i] == '\r' || data[i] == '\n';
		g_string_append_c(text, data[i] == '\r' ? '\n' : data[i]);
	}
	return ended;
}

static void receive_lines(WsClient *client, BpWebSocketKind kind, const guint8 *data, gsize size)
{
	g_autoptr(GString) text = g_string_sized_new(size + 1);
	gboolean ended = append_lines(client, text, (const char *)data, size);

	if (!ended && !client->pending && kind == BP_WEBSOCKET_TEXT)
		g_string_append_c(text, '\n');
	if (!text->len)
		return;
	client->pending = text->str[text->len - 1] != '\n';
	bp_session_receive(client->session, text->str, text->len);
}

static void on_message(BpPlugin *self, BpWebSocket *socket, BpWebSocketKind kind, const guint8 *data, gsize size,
		       gpointer user)
{
	WsClient *client = user;

	if (!bp_serve_is_private(&client->server->serve, client->session))
		bp_channel_print_bytes(client->server->serve.data, "-->", data, size);
	client->binary = kind == BP_WEBSOCKET_BINARY || client->server->telnet;
	if (client->server->telnet) {
		ws_telnet_receive(client, data, size);
		return;
	}
	if (client->session)
		bp_serve_publish(&client->server->serve, client->session, data, size, !client->binary);
	if (!client->session)
		return;
	if (client->bytes)
		bp_session_receive(client->session, data, size);
	else
		receive_lines(client, kind, data, size);
}

static void on_drained(BpPlugin *self, BpWebSocket *socket, gpointer user)
{
	WsClient *client = user;

	bp_websocket_set_reading(socket, TRUE);
	if (client->session)
		bp_session_set_writable(client->session, TRUE);
}

/* What it typed last has no end but this one. */
static void on_closed(BpPlugin *self, BpWebSocket *socket, guint code, const char *reason, gpointer user)
{
	WsClient *client = user;

	client->socket = NULL;
	if (client->session && code != BP_CLOSE_LOST)
		bp_session_receive_end(client->session);
	if (client->session)
		bp_session_end(client->session, BP_END_PEER, NULL);
	client_free(client);
}

static const BpWebSocketEvents events = {
	.size = sizeof(events), .message = on_message, .drained = on_drained, .closed = on_closed
};

/* --- for the server --- */

void ws_client_new(WsServer *server, BpHttpExchange *exchange)
{
	WsClient *client = g_new0(WsClient, 1);
	BpSessionOptions options = { .link = &session_link };
	const char *agent = bp_http_header(exchange, "User-Agent");

	client->server = server;
	client->target = g_utf8_make_valid(bp_http_target(exchange), -1);
	client->query = g_utf8_make_valid(bp_http_query(exchange), -1);
	client->peer = g_strdup(bp_http_peer(exchange));
	client->agent = agent ? g_utf8_make_valid(agent, -1) : NULL;
	client->binary = server->telnet;
	client->prev = server->last;
	*(server->last ? &server->last->next : &server->first) = client;
	server->last = client;
	client->socket = bp_websocket_accept(server->serve.self, exchange, &server->options, &events, client);
	if (!client->socket)
		client_free(client);
	else if (server->telnet)
		ws_telnet_start(client);
	else
		ws_client_open_session(client, &options);
}

void ws_client_close(WsClient *client, const char *why)
{
	static const BpWebSocketEvents nothing = { .size = sizeof(nothing) };

	if (client->session)
		bp_session_end(client->session, BP_END_SHUTDOWN, why);
	if (client->socket) {
		bp_websocket_set_user(client->socket, &nothing, NULL);
		bp_websocket_close(client->socket, BP_CLOSE_GOING_AWAY, NULL);
	}
	client_free(client);
}
