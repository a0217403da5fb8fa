/* SPDX-License-Identifier: MIT */
/* http-pieces.c - answers that go on (chunks, Server-Sent Events), and streams that become something else. */
#include <string.h>
#include "http-server.h"
#include <backplane/server.h>

void bp_http_begin(BpHttpExchange *exchange, guint status, const char *type)
{
	GString *head;

	g_return_if_fail(exchange && exchange->stage <= HTTP_ASKED);
	exchange->chunked = exchange->head.minor && !http_is_bodiless(exchange, status);
	exchange->of_events = !g_strcmp0(type, "text/event-stream");
	if (!exchange->head.minor)
		exchange->connection->closing = TRUE;
	head = http_answer_head(exchange, status, type, G_MAXUINT64);
	if (exchange->chunked)
		g_string_insert(head, (gssize)head->len - 2, "Transfer-Encoding: chunked\r\n");
	http_answer_send(exchange, head, NULL, 0, FALSE);
	exchange->stage = HTTP_PIECES;
}

BpSent bp_http_send(BpHttpExchange *exchange, gconstpointer data, gsize size)
{
	BpStream *stream = exchange->connection->stream;
	char line[24];
	int length;

	g_return_val_if_fail(exchange->stage == HTTP_PIECES, BP_GONE);
	if (!stream || bp_stream_is_closing(stream))
		return BP_GONE;
	if (!bp_stream_has_room(stream)) {
		exchange->full = TRUE;
		return BP_FULL;
	}
	if (!size || http_is_bodiless(exchange, exchange->status))
		return BP_SENT;
	exchange->sent += size;
	if (!exchange->chunked) {
		bp_stream_write(stream, data, size);
		return BP_SENT;
	}
	length = g_snprintf(line, sizeof(line), "%zx\r\n", size);
	bp_stream_write(stream, line, (gsize)length);
	bp_stream_write(stream, data, size);
	bp_stream_write(stream, "\r\n", 2);
	return BP_SENT;
}

void bp_http_on_drained(BpHttpExchange *exchange, BpHttpGone drained)
{
	exchange->drained = drained;
}

void http_pieces_drained(BpHttpExchange *exchange)
{
	BpPlugin *owner = exchange->handler ? exchange->handler : exchange->connection->server->owned.owner;

	if (!exchange->full)
		return;
	exchange->full = FALSE;
	if (exchange->drained && bp_owner_enter(owner)) {
		exchange->drained(owner, exchange, exchange->gone_data);
		bp_owner_leave(owner);
	}
}

void bp_http_end(BpHttpExchange *exchange)
{
	g_return_if_fail(exchange && exchange->stage == HTTP_PIECES);
	if (exchange->chunked && exchange->connection->stream)
		bp_stream_write(exchange->connection->stream, "0\r\n\r\n", 5);
	http_answer_done(exchange);
}

/* --- another protocol --- */

void bp_http_write_switch(BpHttpExchange *exchange, const char *protocol)
{
	GString *text = g_string_new("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n");

	g_string_append_printf(text, "Upgrade: %s\r\nDate: %s\r\n%s%s\r\n", protocol, http_date_now(),
			       exchange->connection->server->security, exchange->fields ? exchange->fields->str : "");
	bp_stream_write(exchange->connection->stream, text->str, text->len);
	g_string_free(text, TRUE);
}

BpStream *bp_http_take_stream(BpHttpExchange *exchange, BpPlugin *self, guint status, const BpStreamEvents *events,
			      gpointer user)
{
	HttpConnection *connection = exchange->connection;
	BpHttpServer *server = connection->server;
	BpStream *stream = connection->stream;

	g_return_val_if_fail(exchange->stage <= HTTP_ASKED && stream && self && events, NULL);
	exchange->gone = NULL;
	exchange->stage = HTTP_ANSWERED;
	if (server->events.finished)
		server->events.finished(server->owned.owner, exchange, status, 0, server->user);
	connection->stream = NULL;
	connection->taken = bp_stream_ref(stream);
	bp_stream_set_user(stream, events, user);
	bp_stream_set_owner(stream, self);
	http_connection_drop(connection);
	return stream;
}
