/* SPDX-License-Identifier: MIT */
/* http-server.h - what the files of this room know of servers, connections and exchanges.
 *
 * http-codec.c, http-chunks.c, http-text.c: bytes in, structs out. http-server.c: opening, closing, deadlines.
 * http-connection.c: what a client sends, one request at a time. http-request.c: what a request tells. http-guard.c: Host
 * and Origin. http-answer.c: whole answers; http-content.c: tags, ranges, files; http-pieces.c: answers in pieces and
 * taken streams. http-route.c: paths of plugins.
 *
 * A connection that is silent has no buffer. While a request is under way there is an exchange, which holds the bytes of
 * its head and of its body; one spare exchange is kept for the next request.
 */
#pragma once
#include <backplane/http.h>
#include <backplane/module.h>
#include <backplane/plugin.h>
#include "http-codec.h"
#include <backplane/loop.h>
#include <backplane/owner.h>
#include <backplane/stream.h>

typedef struct HttpConnection HttpConnection;

struct BpHttpServer {
	BpOwned owned;
	gint refs;
	gboolean closed;
	BpServer *listener; /* NULL: its streams are accepted by its owner */
	BpHttpEvents events;
	gpointer user;
	char *security; /* field lines of every answer */

	/* --- as its parameters say --- */
	gint64 header_timeout, keepalive_timeout;
	gint64 body_rate; /* bytes a second */
	gsize max_header, max_uri, max_body;
	const char *bind; /* as its parameters say, or in `own_bind`; NULL: not known */
	char *own_bind;
	const char *const *hosts, *const *origins;
	GArray *proxies;  /* NULL: none is trusted; see http-proxy.c */
	char *known_host; /* the last one that was found good */
	gsize known_size;

	HttpConnection *first, *last;
	BpTimer *sweep; /* while there are connections */
	BpHttpExchange *spare;
};

typedef enum { HTTP_READING, HTTP_BODY, HTTP_ASKED, HTTP_PIECES, HTTP_FILE, HTTP_ANSWERED } HttpStage;

struct HttpConnection {
	HttpConnection *prev, *next;
	gint refs;
	BpHttpServer *server;
	BpStream *stream;	  /* NULL: closed, or taken */
	BpStream *taken;	  /* by a route; a reference, until it has what came behind its request */
	BpHttpExchange *exchange; /* the request under way */
	GByteArray *pending;	  /* what came behind it */
	gint64 since;		  /* of the present wait: for a request, for the rest of its head, for its body */
	gint64 moved;		  /* when bytes went out last */
	guint64 sent;		  /* bytes out at that time */
	guint served;		  /* requests so far */
	guint feeding : 1;	  /* requests are being taken; on the stack */
	guint resuming : 1;	  /* will be, in the last part of the turn */
	guint ended : 1;	  /* the client sends no more */
	guint closing : 1;	  /* after this answer, or now */
	guint paused : 1;
};

struct BpHttpExchange {
	HttpConnection *connection;
	HttpStage stage;
	BpOwned route; /* of the plugin whose route has it, while it is asked */
	gboolean routed;
	BpPlugin *handler;
	HttpHead head;
	GByteArray *bytes; /* of the head; NULs were put behind names and values */
	GByteArray *body;
	HttpChunks chunks;
	guint64 left; /* of a body with a length */
	char *peer;   /* as a trusted proxy says; NULL: the stream's */
	char *path;   /* decoded; in path_few, or allocated */
	char path_few[128];
	BpHttpGone gone, drained;
	gpointer gone_data;
	BpPlugin *scope; /* what waits for it; NULL: nothing */

	/* --- of the answer --- */
	GString *fields; /* added; NULL: none */
	char *etag;
	guint status;
	guint64 sent; /* bytes of body */
	gboolean chunked;
	gboolean of_events; /* text/event-stream */
	int file;	    /* descriptor; -1 */
	guint64 file_at, file_left;
	gboolean full; /* bp_http_send returned BP_FULL */
};

/* --- http-server.c --- */
void http_server_unref(BpHttpServer *server);

/* --- http-connection.c --- */
HttpConnection *http_connection_new(BpHttpServer *server, BpStream *stream);
void http_connection_unref(HttpConnection *connection);
/* Ends its exchange: calls `gone`, frees buffers. The stream is not touched. */
void http_connection_drop(HttpConnection *connection);
/* The answer is queued: the exchange ends, the next request is looked at. */
void http_connection_answered(HttpConnection *connection);
/* Answers late requests with 408 or closes the connection. */
void http_connection_check(HttpConnection *connection, gint64 now);
void http_exchange_free(BpHttpExchange *exchange);
/* Calls `gone`, if the answer is pending. */
void http_exchange_gone(BpHttpExchange *exchange);

/* --- http-request.c --- */
static inline const char *http_text(const BpHttpExchange *exchange, HttpPart part)
{
	return (const char *)exchange->bytes->data + part.at;
}
/* Path decoded, texts ended with NUL. FALSE: not a good path. */
gboolean http_request_settle(BpHttpExchange *exchange);

/* --- http-guard.c --- */
/* 0, or the status with which it is refused and why. */
guint http_guard(BpHttpExchange *exchange, const char **why);

/* --- http-proxy.c --- */
gboolean http_proxies_parse(BpHttpServer *server, const char *const *list, GError **error);
/* It comes from a trusted proxy. */
gboolean http_is_proxied(const BpHttpExchange *exchange);
/* Yours; NULL: not proxied, or not said. */
char *http_forwarded_peer(const BpHttpExchange *exchange);
const char *http_forwarded_scheme(const BpHttpExchange *exchange);

/* --- http-answer.c --- */
/* The head into the thread's scratch: status line, fixed fields, those added, type, and `length` (G_MAXUINT64: none). */
GString *http_answer_head(BpHttpExchange *exchange, guint status, const char *type, guint64 length);
/* Head (the scratch) and body in one message; FALSE in `with_body` for HEAD, 304 and 204. */
void http_answer_send(BpHttpExchange *exchange, GString *head, gconstpointer body, gsize size, gboolean with_body);
/* The exchange has its answer, of so many bytes. */
void http_answer_done(BpHttpExchange *exchange);
gboolean http_is_bodiless(const BpHttpExchange *exchange, guint status);
/* RFC 9457; `path` may be NULL. Yours. */
#define HTTP_PROBLEM "application/problem+json"
char *http_problem(guint status, const char *detail, const char *path);
/* A problem that says what was wrong, and the connection closes. */
void http_answer_refuse(BpHttpExchange *exchange, guint status, const char *why);
const char *http_date_now(void);

/* --- http-content.c --- */
/* 200, 304 or 412, as the request's If-... fields say of the answer's ETag and of when it changed (-1: not known). */
guint http_precondition(BpHttpExchange *exchange, gint64 changed);
/* 412 and 416 are answered; FALSE: another status. */
gboolean http_answer_unmet(BpHttpExchange *exchange, guint status);
void http_file_pump(BpHttpExchange *exchange);

/* --- http-route.c --- */
const BpHttpRoute *http_route_find(const char *path, BpPlugin **owner);
void http_route_leave(BpHttpExchange *exchange);
void http_routes_closing(BpHttpServer *server);

/* --- http-pieces.c --- */
void http_pieces_drained(BpHttpExchange *exchange);
