/* SPDX-License-Identifier: MIT */
/* http-answer.c - whole answers: head and body in one message, one write. */
#include <string.h>
#include <time.h>
#include <zlib.h>
#include "http-server.h"

#define GZIP_WRAPPER 16 /* added to the window bits: RFC 1952 around the data */

#define COMPRESS_FROM 1024
#define ONE_MESSAGE 65536 /* a larger body gets a message of its own */

const char *http_date_now(void)
{
	static __thread char text[32];
	static __thread gint64 until;
	gint64 now = bp_loop_now();

	if (G_UNLIKELY(now >= until)) {
		gint64 wall = g_get_real_time();

		http_date_format(wall / G_USEC_PER_SEC, text);
		until = now + G_USEC_PER_SEC - wall % G_USEC_PER_SEC;
	}
	return text;
}

static void scratch_free(gpointer text)
{
	g_string_free(text, TRUE);
}

/* One a thread: an answer is built in it and copied into its message. */
static GString *scratch(void)
{
	static GPrivate memory = G_PRIVATE_INIT(scratch_free);
	static __thread GString *text;

	if (G_UNLIKELY(!text)) {
		text = g_string_sized_new(4096);
		g_private_set(&memory, text);
	}
	return g_string_truncate(text, 0);
}

static inline void add(GString *to, const char *text)
{
	g_string_append_len(to, text, (gssize)strlen(text));
}

static void add_number(GString *to, guint64 number)
{
	char digits[24], *at = digits + sizeof(digits);

	do {
		*--at = (char)('0' + number % 10);
	} while (number /= 10);
	g_string_append_len(to, at, digits + sizeof(digits) - at);
}

gboolean http_is_bodiless(const BpHttpExchange *exchange, guint status)
{
	return exchange->head.method == HTTP_HEAD || status == 304 || status == 204 || status < 200;
}

GString *http_answer_head(BpHttpExchange *exchange, guint status, const char *type, guint64 length)
{
	HttpConnection *connection = exchange->connection;
	GString *head = scratch();

	exchange->status = status;
	/* A body that was not read would be taken for a request. */
	if (exchange->stage < HTTP_ASKED && (exchange->head.chunked || exchange->head.length))
		connection->closing = TRUE;
	add(head, "HTTP/1.1 ");
	add_number(head, status);
	add(head, " ");
	add(head, http_status_text(status));
	add(head, "\r\nDate: ");
	add(head, http_date_now());
	add(head, "\r\n");
	add(head, connection->server->security);
	if (type) {
		add(head, "Content-Type: ");
		add(head, type);
		add(head, "\r\n");
	}
	if (length != G_MAXUINT64 && status != 304 && status != 204 && status >= 200) {
		add(head, "Content-Length: ");
		add_number(head, length);
		add(head, "\r\n");
	}
	if (exchange->fields)
		g_string_append_len(head, exchange->fields->str, (gssize)exchange->fields->len);
	if (exchange->etag) {
		add(head, "ETag: ");
		add(head, exchange->etag);
		add(head, "\r\nCache-Control: no-cache\r\n");
	} else if (!exchange->fields || !strstr(exchange->fields->str, "Cache-Control:")) {
		add(head, "Cache-Control: no-store\r\n");
	}
	if (status == 426) /* what it is to be asked with (RFC 9110, 15.5.22) */
		add(head, connection->closing ? "Upgrade: websocket\r\nConnection: upgrade, close\r\n"
					      : "Upgrade: websocket\r\nConnection: upgrade\r\n");
	else if (connection->closing)
		add(head, "Connection: close\r\n");
	else if (!exchange->head.minor)
		add(head, "Connection: keep-alive\r\n");
	add(head, "\r\n");
	return head;
}

void http_answer_send(BpHttpExchange *exchange, GString *head, gconstpointer body, gsize size, gboolean with_body)
{
	BpStream *stream = exchange->connection->stream;
	gsize inside = with_body && size <= ONE_MESSAGE ? size : 0;
	g_autoptr(BpMessage) message = NULL;
	guint8 *buffer;

	if (!stream)
		return;
	message = bp_message_alloc(head->len + inside, BP_BINARY, &buffer);
	memcpy(buffer, head->str, head->len);
	if (inside)
		memcpy(buffer + head->len, body, inside);
	bp_stream_send(stream, message);
	if (with_body)
		exchange->sent = size;
	if (with_body && size > inside) {
		g_autoptr(BpMessage) rest = bp_message_new(body, size, BP_BINARY);

		bp_stream_send(stream, rest);
	}
}

void http_answer_done(BpHttpExchange *exchange)
{
	HttpConnection *connection = exchange->connection;
	BpHttpServer *server = connection->server;
	BpPlugin *owner = server->owned.owner;

	exchange->stage = HTTP_ANSWERED;
	exchange->gone = NULL;
	if (server->events.finished && !server->closed && bp_owner_enter(owner)) {
		server->events.finished(owner, exchange, exchange->status, exchange->sent, server->user);
		bp_owner_leave(owner);
	}
	http_connection_answered(connection);
}

char *http_problem(guint status, const char *detail, const char *path)
{
	json_auto_t *value = json_pack("{s:s,s:s,s:i,s:o,s:o*}", "type", "about:blank", "title",
				       http_status_text(status), "status", (int)status, "detail",
				       bp_json_string(detail ? detail : "", -1), "instance",
				       path ? bp_json_string(path, -1) : NULL);

	return bp_json_text(value);
}

void http_answer_refuse(BpHttpExchange *exchange, guint status, const char *why)
{
	g_autofree char *text = http_problem(status, why, exchange->path);
	GString *head;

	exchange->connection->closing = TRUE;
	head = http_answer_head(exchange, status, HTTP_PROBLEM, strlen(text));
	http_answer_send(exchange, head, text, strlen(text), !http_is_bodiless(exchange, status));
	http_answer_done(exchange);
}

/* --- fields --- */

static gboolean is_ours(const char *name)
{
	static const char *const ours[] = { "content-length", "transfer-encoding", "connection",   "date",
					    "server",	      "keep-alive",	   "content-type", NULL };

	for (guint i = 0; ours[i]; i++)
		if (g_ascii_strcasecmp(ours[i], name) == 0)
			return TRUE;
	return FALSE;
}

static gboolean is_line(const char *text)
{
	for (; *text; text++)
		if ((guint8)*text < ' ' ? *text != '\t' : *text == 127)
			return FALSE;
	return TRUE;
}

void bp_http_add_header(BpHttpExchange *exchange, const char *name, const char *value)
{
	g_return_if_fail(exchange && name && value);
	g_return_if_fail(!is_ours(name) && *name && is_line(name) && !strpbrk(name, ": \t") && is_line(value));
	if (g_ascii_strcasecmp(name, "etag") == 0) {
		g_free(exchange->etag);
		exchange->etag = g_strdup(value);
		return;
	}
	if (!exchange->fields)
		exchange->fields = g_string_new(NULL);
	g_string_append_printf(exchange->fields, "%s: %s\r\n", name, value);
}

/* --- whole answers --- */

static gboolean is_compressible(const char *type)
{
	return g_str_has_prefix(type, "text/") || strstr(type, "json") || strstr(type, "javascript") ||
	       strstr(type, "xml");
}

static GBytes *gzip_bytes(gconstpointer body, gsize size)
{
	z_stream gzip = { .next_in = (Bytef *)body, .avail_in = (uInt)size };
	guint8 *out;
	gsize room;
	int result;

	if (size > G_MAXINT32 ||
	    deflateInit2(&gzip, 1, Z_DEFLATED, MAX_WBITS + GZIP_WRAPPER, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		return NULL;
	room = deflateBound(&gzip, size);
	gzip.next_out = out = g_malloc(room);
	gzip.avail_out = (uInt)room;
	result = deflate(&gzip, Z_FINISH);
	room -= gzip.avail_out;
	deflateEnd(&gzip);
	if (result == Z_STREAM_END && room < size)
		return g_bytes_new_take(out, room);
	g_free(out);
	return NULL;
}

void bp_http_respond(BpHttpExchange *exchange, guint status, const char *type, gconstpointer body, gsize size)
{
	g_autoptr(GBytes) small = NULL;
	const char *accepted;
	GString *head;

	g_return_if_fail(exchange && exchange->stage != HTTP_ANSWERED && exchange->stage < HTTP_PIECES);
	if (status == 200 && exchange->etag &&
	    (exchange->head.method == HTTP_GET || exchange->head.method == HTTP_HEAD)) {
		status = http_precondition(exchange, -1);
		if (http_answer_unmet(exchange, status))
			return;
	}
	if (status == 304) {
		type = NULL;
	} else if (type && size >= COMPRESS_FROM && is_compressible(type) &&
		   (!exchange->fields || !strstr(exchange->fields->str, "Content-Encoding:"))) {
		accepted = bp_http_header(exchange, "accept-encoding");
		bp_http_add_header(exchange, "Vary", "Accept-Encoding");
		if (accepted && http_accepts_gzip(accepted) && (small = gzip_bytes(body, size))) {
			bp_http_add_header(exchange, "Content-Encoding", "gzip");
			body = g_bytes_get_data(small, &size);
		}
	}
	head = http_answer_head(exchange, status, type, size);
	http_answer_send(exchange, head, body, size, !http_is_bodiless(exchange, status));
	http_answer_done(exchange);
}

void bp_http_respond_text(BpHttpExchange *exchange, guint status, const char *text)
{
	bp_http_respond(exchange, status, "text/plain; charset=utf-8", text, strlen(text));
}

void bp_http_respond_json(BpHttpExchange *exchange, guint status, json_t *take_value)
{
	g_autofree char *text = bp_json_text(take_value);

	json_decref(take_value);
	bp_http_respond(exchange, status, "application/json", text ? text : "null", text ? strlen(text) : 4);
}

void bp_http_respond_problem(BpHttpExchange *exchange, guint status, const char *detail)
{
	g_autofree char *text = http_problem(status, detail, bp_http_path(exchange));

	bp_http_respond(exchange, status, HTTP_PROBLEM, text, strlen(text));
}

void bp_http_respond_error(BpHttpExchange *exchange, const GError *error)
{
	guint status = 400;

	switch (error->code) {
	case BP_NOT_FOUND:
		status = 404;
		break;
	case BP_EXISTS:
	case BP_BUSY:
		status = 409;
		break;
	case BP_NOT_PERMITTED:
		status = 403;
		break;
	case BP_LIMIT:
	case BP_CLOSED:
	case BP_CANCELLED:
		status = 503;
		break;
	case BP_TIMEOUT:
		status = 504;
		break;
	default:
		break;
	}
	bp_http_respond_problem(exchange, status, error->message);
}
