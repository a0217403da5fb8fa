/* SPDX-License-Identifier: MIT */
/* http-connection.c - one client, one request after the other.
 *
 * What comes is parsed where it lies and only then copied, so that a silent connection has no buffer. While a request is
 * asked, what comes behind it waits in `pending`, and when that is full the stream is not read.
 */
#include <string.h>
#include <unistd.h>
#include "http-server.h"

#define MOST_PENDING 65536
#define FIRST_BODY 4096 /* more is only taken as it comes: a length is a promise, not bytes */

/* --- exchanges --- */

static BpHttpExchange *exchange_new(HttpConnection *connection)
{
	BpHttpServer *server = connection->server;
	BpHttpExchange *exchange = g_steal_pointer(&server->spare);

	if (!exchange) {
		exchange = g_malloc(sizeof(*exchange));
		exchange->bytes = g_byte_array_sized_new(1024);
	}
	exchange->connection = connection;
	exchange->stage = HTTP_READING;
	memset(&exchange->route, 0, sizeof(exchange->route));
	exchange->routed = FALSE;
	exchange->handler = NULL;
	exchange->body = NULL;
	exchange->left = 0;
	exchange->path = NULL;
	exchange->peer = NULL;
	memset(&exchange->gone, 0, sizeof(*exchange) - offsetof(BpHttpExchange, gone));
	exchange->file = -1;
	http_head_init(&exchange->head, server->max_header, server->max_uri);
	return exchange;
}

void http_exchange_free(BpHttpExchange *exchange)
{
	g_byte_array_unref(exchange->bytes);
	g_free(exchange);
}

void http_exchange_gone(BpHttpExchange *exchange)
{
	BpPlugin *owner = exchange->handler ? exchange->handler : exchange->connection->server->owned.owner;
	BpHttpGone gone = g_steal_pointer(&exchange->gone);

	exchange->drained = NULL;
	bp_scope_stop(exchange->scope);
	if (gone) {
		bp_owner_enter_always(owner);
		gone(owner, exchange, exchange->gone_data);
		bp_owner_leave(owner);
	}
	bp_scope_clear(&exchange->scope);
}

static void exchange_end(BpHttpExchange *exchange)
{
	BpHttpServer *server = exchange->connection->server;

	bp_scope_clear(&exchange->scope);
	http_route_leave(exchange);
	if (exchange->body)
		g_byte_array_unref(exchange->body);
	if (exchange->path && exchange->path != exchange->path_few)
		g_free(exchange->path);
	g_free(exchange->peer);
	if (exchange->fields)
		g_string_free(exchange->fields, TRUE);
	g_free(exchange->etag);
	if (exchange->file >= 0)
		close(exchange->file);
	if (server->spare || exchange->bytes->len > 4096) {
		http_exchange_free(exchange);
		return;
	}
	g_byte_array_set_size(exchange->bytes, 0);
	server->spare = exchange;
}

BpScope *bp_http_scope(BpHttpExchange *exchange)
{
	g_return_val_if_fail(exchange, NULL);
	return bp_scope_obtain(&exchange->scope,
			       exchange->handler ? exchange->handler : exchange->connection->server->owned.owner);
}

/* --- life --- */

void http_connection_unref(HttpConnection *connection)
{
	if (--connection->refs)
		return;
	http_server_unref(connection->server);
	g_free(connection);
}

static void give_taken(HttpConnection *connection, const char *data, gsize size)
{
	BpStream *stream = g_steal_pointer(&connection->taken);

	if ((size || connection->ended || connection->paused) && !bp_stream_is_closing(stream))
		bp_stream_give_back(stream, data, size, connection->ended);
	bp_stream_unref(stream);
}

void http_connection_drop(HttpConnection *connection)
{
	BpHttpServer *server = connection->server;
	BpHttpExchange *exchange = g_steal_pointer(&connection->exchange);

	*(connection->prev ? &connection->prev->next : &server->first) = connection->next;
	*(connection->next ? &connection->next->prev : &server->last) = connection->prev;
	connection->closing = TRUE;
	if (exchange) {
		http_exchange_gone(exchange);
		exchange_end(exchange);
	}
	if (connection->taken && !connection->feeding)
		give_taken(connection, connection->pending ? (const char *)connection->pending->data : NULL,
			   connection->pending ? connection->pending->len : 0);
	if (connection->pending)
		g_byte_array_unref(g_steal_pointer(&connection->pending));
	http_connection_unref(connection);
}

static void close_stream(HttpConnection *connection)
{
	connection->closing = TRUE;
	if (connection->stream)
		bp_stream_close(connection->stream);
}

/* --- one request --- */

static void ask(BpHttpExchange *exchange)
{
	BpHttpServer *server = exchange->connection->server;

	exchange->stage = HTTP_ASKED;
	server->events.request(server->owned.owner, exchange, server->user);
}

static gboolean add_body(BpHttpExchange *exchange, const char *data, gsize size)
{
	gsize most = exchange->connection->server->max_body;
	gsize have = exchange->body ? exchange->body->len : 0;

	if (size > most || have > most - size) {
		http_answer_refuse(exchange, 413, "the body is too long");
		return FALSE;
	}
	if (!exchange->body)
		exchange->body = g_byte_array_sized_new((guint)MAX(size, FIRST_BODY) + 1);
	g_byte_array_append(exchange->body, (const guint8 *)data, (guint)size);
	return TRUE;
}

static void body_complete(BpHttpExchange *exchange)
{
	if (exchange->body)
		g_byte_array_append(exchange->body, (const guint8 *)"", 1);
	ask(exchange);
}

static gsize read_chunks(BpHttpExchange *exchange, const char *data, gsize size)
{
	gsize at = 0;

	while (at < size) {
		const char *piece;
		gsize used, piece_size;
		HttpState state = http_chunks_parse(&exchange->chunks, data + at, size - at, &used, &piece,
						    &piece_size);

		if (state == HTTP_BAD) {
			http_answer_refuse(exchange, 400, exchange->chunks.why);
			return size;
		}
		at += used;
		if (piece_size && !add_body(exchange, piece, piece_size))
			return size;
		if (state == HTTP_DONE) {
			body_complete(exchange);
			return at;
		}
	}
	return at;
}

static gsize read_body(BpHttpExchange *exchange, const char *data, gsize size)
{
	gsize take = (gsize)MIN((guint64)size, exchange->left);

	if (exchange->head.chunked)
		return read_chunks(exchange, data, size);
	if (!add_body(exchange, data, take))
		return size;
	exchange->left -= take;
	if (!exchange->left)
		body_complete(exchange);
	return take;
}

/* The head is whole: may it be asked for, and is there a body to wait for? `behind` bytes came already. */
static void head_complete(BpHttpExchange *exchange, gsize behind)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	HttpConnection *connection = exchange->connection;
	BpHttpServer *server = connection->server;
	HttpHead *head = &exchange->head;
	const char *why = NULL;
	guint status;

	connection->since = bp_loop_now();
	if (!head->keep_alive)
		connection->closing = TRUE;
	if (!http_request_settle(exchange)) {
		http_answer_refuse(exchange, 400, "the path of the request is not valid");
		return;
	}
	status = http_guard(exchange, &why);
	if (!status && head->expects_other)
		status = 417, why = "only 100-continue can be expected";
	if (!status && head->has_length && head->length > server->max_body)
		status = 413, why = "the body is too long";
	if (status) {
		http_answer_refuse(exchange, status, why);
		return;
	}
	if (!head->chunked && !head->length) {
		if (server->events.head)
			server->events.head(server->owned.owner, exchange, server->user);
		if (connection->exchange == exchange && exchange->stage == HTTP_READING)
			ask(exchange);
		return;
	}
	exchange->stage = HTTP_BODY;
	exchange->left = head->length;
	memset(&exchange->chunks, 0, sizeof(exchange->chunks));
	if (server->events.head)
		server->events.head(server->owned.owner, exchange, server->user);
	if (connection->exchange == exchange && exchange->stage == HTTP_BODY && head->expects_continue && head->minor &&
	    !behind)
		bp_stream_write(connection->stream, go_on, sizeof(go_on) - 1);
}

static gsize read_head(HttpConnection *connection, const char *data, gsize size)
{
	BpHttpExchange *exchange = connection->exchange;
	gsize before = exchange ? exchange->bytes->len : 0, used;
	HttpState state;

	if (!exchange) {
		exchange = connection->exchange = exchange_new(connection);
		connection->since = bp_loop_now();
	}
	if (before) {
		g_byte_array_append(exchange->bytes, (const guint8 *)data,
				    (guint)MIN(size, connection->server->max_header + 1));
		size = MIN(size, connection->server->max_header + 1);
		state = http_head_parse(&exchange->head, (const char *)exchange->bytes->data, exchange->bytes->len);
		used = state == HTTP_DONE ? exchange->head.size - before : size;
	} else {
		state = http_head_parse(&exchange->head, data, size);
		used = state == HTTP_DONE ? exchange->head.size : size;
		g_byte_array_append(exchange->bytes, (const guint8 *)data,
				    (guint)MIN(used, connection->server->max_header + 1));
	}
	if (state == HTTP_BAD)
		http_answer_refuse(exchange, exchange->head.status, exchange->head.why);
	else if (state == HTTP_DONE)
		head_complete(exchange, size - used);
	return used;
}

static void hold_back(HttpConnection *connection, const char *data, gsize size)
{
	if (!connection->pending)
		connection->pending = g_byte_array_new();
	g_byte_array_append(connection->pending, (const guint8 *)data, (guint)size);
	if (connection->pending->len > MOST_PENDING && !connection->paused) {
		connection->paused = TRUE;
		bp_stream_set_reading(connection->stream, FALSE);
	}
}

static gboolean is_busy(const HttpConnection *connection)
{
	return connection->exchange && connection->exchange->stage >= HTTP_ASKED;
}

/* Takes requests as long as each is answered at once and the client reads the answers. */
static void feed(HttpConnection *connection, const char *data, gsize size)
{
	gsize at = 0;

	connection->refs++;
	connection->feeding = TRUE;
	while (at < size && connection->stream && !is_busy(connection) && !bp_stream_is_closing(connection->stream)) {
		BpHttpExchange *exchange = connection->exchange;

		if (!exchange && (connection->closing || bp_stream_is_full(connection->stream)))
			break;
		if (exchange && exchange->stage == HTTP_BODY)
			at += read_body(exchange, data + at, size - at);
		else
			at += read_head(connection, data + at, size - at);
	}
	connection->feeding = FALSE;
	if (connection->taken)
		give_taken(connection, data + at, size - at);
	else if (at < size && connection->stream && !connection->closing)
		hold_back(connection, data + at, size - at);
	http_connection_unref(connection);
}

static void feed_pending(HttpConnection *connection)
{
	g_autoptr(GByteArray) pending = g_steal_pointer(&connection->pending);

	if (pending && pending->len)
		feed(connection, (const char *)pending->data, pending->len);
	if (!connection->stream || connection->pending)
		return;
	if (connection->paused) {
		connection->paused = FALSE;
		bp_stream_set_reading(connection->stream, TRUE);
	}
	if (connection->ended && !connection->exchange)
		close_stream(connection);
}

static void on_resume(BpPlugin *self, gpointer data)
{
	HttpConnection *connection = data;

	connection->resuming = FALSE;
	if (!is_busy(connection))
		feed_pending(connection);
}

static void resume(HttpConnection *connection)
{
	if (connection->resuming || connection->feeding)
		return;
	connection->resuming = TRUE;
	bp_defer(bp_stream_scope(connection->stream), on_resume, connection, NULL);
}

void http_connection_answered(HttpConnection *connection)
{
	BpHttpExchange *exchange = g_steal_pointer(&connection->exchange);

	exchange_end(exchange);
	connection->served++;
	connection->since = bp_loop_now();
	if (!connection->stream)
		return;
	if (connection->closing)
		close_stream(connection);
	else if (connection->pending || connection->ended)
		resume(connection);
}

/* --- of the stream --- */

static void on_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	HttpConnection *connection = user;

	if (connection->pending || is_busy(connection))
		hold_back(connection, (const char *)data, size);
	else if (!connection->closing || connection->exchange)
		feed(connection, (const char *)data, size);
}

/* A client that has ended its half may wait for the answer, or have closed its socket: then its system answers the next
 * bytes with a reset. So some are sent that mean nothing. */
static void look_for_client(BpHttpExchange *exchange)
{
	static const char interim[] = "HTTP/1.1 102 Processing\r\n\r\n", comment[] = ":\n\n";

	if (exchange->stage == HTTP_ASKED && exchange->head.minor)
		bp_stream_write(exchange->connection->stream, interim, sizeof(interim) - 1);
	else if (exchange->stage == HTTP_PIECES && exchange->of_events)
		bp_http_send(exchange, comment, sizeof(comment) - 1);
}

/* Half a request is no request; one that is whole is answered. */
static void on_end(BpPlugin *self, BpStream *stream, gpointer user)
{
	HttpConnection *connection = user;

	connection->ended = TRUE;
	if (is_busy(connection))
		look_for_client(connection->exchange);
	else if (!connection->pending)
		close_stream(connection);
}

static void on_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	HttpConnection *connection = user;

	connection->stream = NULL;
	http_connection_drop(connection);
}

static void on_drained(BpPlugin *self, BpStream *stream, gpointer user)
{
	HttpConnection *connection = user;
	BpHttpExchange *exchange = connection->exchange;

	if (exchange && exchange->stage == HTTP_FILE)
		http_file_pump(exchange);
	else if (exchange && exchange->stage == HTTP_PIECES)
		http_pieces_drained(exchange);
	else if (!exchange && connection->pending)
		resume(connection);
}

static const BpStreamEvents stream_events = {
	.size = sizeof(stream_events), .data = on_data, .end = on_end, .closed = on_closed, .drained = on_drained
};

HttpConnection *http_connection_new(BpHttpServer *server, BpStream *stream)
{
	HttpConnection *connection = g_new0(HttpConnection, 1);

	connection->refs = 1;
	connection->server = server;
	server->refs++;
	connection->stream = stream;
	connection->since = connection->moved = bp_loop_now();
	connection->prev = server->last;
	*(server->last ? &server->last->next : &server->first) = connection;
	server->last = connection;
	bp_stream_set_user(stream, &stream_events, connection);
	return connection;
}

/* --- deadlines --- */

static void check_reading(HttpConnection *connection, gint64 waited)
{
	BpHttpServer *server = connection->server;
	BpHttpExchange *exchange = connection->exchange;

	if (!exchange) {
		gint64 most = connection->served ? server->keepalive_timeout : server->header_timeout;

		if (waited > most && !connection->pending)
			close_stream(connection);
	} else if (exchange->stage == HTTP_READING) {
		if (waited > server->header_timeout)
			http_answer_refuse(exchange, 408, "the request did not come in time");
	} else if (server->body_rate && waited > server->header_timeout) {
		gint64 due = (waited - server->header_timeout) * server->body_rate / G_USEC_PER_SEC;

		if ((gint64)(exchange->body ? exchange->body->len : 0) < due)
			http_answer_refuse(exchange, 408, "the body comes too slowly");
	}
}

void http_connection_check(HttpConnection *connection, gint64 now)
{
	BpStream *stream = connection->stream;
	BpStreamStats stats;

	if (!stream || bp_stream_is_closing(stream))
		return;
	if (bp_stream_queued(stream)) {
		stats = bp_stream_stats(stream);
		if (stats.bytes_out != connection->sent) {
			connection->sent = stats.bytes_out;
			connection->moved = now;
		} else if (now - connection->moved > connection->server->keepalive_timeout) {
			g_autoptr(GError) why = g_error_new(BP_IO_ERROR, BP_TIMEOUT, "did not read its answer");

			bp_stream_abort(stream, why);
			return;
		}
	} else {
		connection->moved = now;
	}
	if (!is_busy(connection))
		check_reading(connection, now - connection->since);
}
