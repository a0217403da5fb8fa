/* SPDX-License-Identifier: MIT */
/* http.h - HTTP/1.1 servers for plugins: strict about what comes in, bounded, on the streams of the kernel.
 *
 * A module includes bp_http_params in its table (they include bp_server_params) and calls bp_http_open with its
 * instance. Each request that is correct, and allowed by Host and Origin, is given to `request` as an exchange, whole,
 * with its body. It is answered at once or later, by exactly one of bp_http_respond..., bp_http_begin ...
 * bp_http_end, or bp_http_take_stream. Keep-alive, pipelining, HEAD, Expect, chunks, deadlines, conditional
 * requests, ranges, gzip, Date and the security headers are done here. Answers go out in order; the next request of a
 * connection is not looked at before this one is answered.
 *
 *	static void on_request(BpPlugin *self, BpHttpExchange *exchange, gpointer user)
 *	{
 *		if (strcmp(bp_http_path(exchange), "/time") == 0)
 *			bp_http_respond_json(exchange, 200, json_pack("{s:i}", "time", (int)time(NULL)));
 *		else
 *			bp_http_respond_problem(exchange, 404, "there is nothing here");
 *	}
 *
 * The exchange is yours to use until it is answered; then it is gone. If the client goes first, `gone` is called
 * (see bp_http_on_gone), in which it must be forgotten. All on the loop of the instance.
 */
#pragma once
#include <backplane/json.h>
#include <backplane/server.h>

G_BEGIN_DECLS

typedef struct BpHttpServer BpHttpServer;
typedef struct BpHttpExchange BpHttpExchange;

/* header_timeout, keepalive_timeout, body_rate, max_header, max_uri, max_body, hosts, origins; then bp_server_params. */
BP_API extern const BpParam bp_http_params[];

typedef struct {
	gsize size; /* sizeof(BpHttpEvents), so that it can grow */
	/* A whole request. */
	void (*request)(BpPlugin *self, BpHttpExchange *exchange, gpointer user);
	/* Optional: its head has come and its body has not. What is answered here (a 401, a 404) is answered without
	 * reading the body, and the connection then closes. */
	void (*head)(BpPlugin *self, BpHttpExchange *exchange, gpointer user);
	/* Optional: it was answered, with so many bytes of body. For the access log: the exchange still tells the
	 * request. Also for what was refused here; a request that could not be read has "-" as its method. */
	void (*finished)(BpPlugin *self, BpHttpExchange *exchange, guint status, guint64 bytes, gpointer user);
	const char *policy; /* Content-Security-Policy of all answers; NULL: nothing is allowed */
} BpHttpEvents;

/* Binds before it returns; `events_name` as of bp_server_open. */
BP_API BpHttpServer *bp_http_open(BpInstance *self, const char *events_name, const BpHttpEvents *events, gpointer user,
				  GError **error);
/* Stops listening; exchanges under way are ended. The instance's end does it too. */
BP_API void bp_http_close(BpHttpServer *server);
BP_API BpServer *bp_http_listener(const BpHttpServer *server);
BP_API BpHttpServer *bp_http_server(const BpHttpExchange *exchange);

/* --- the request; what is given is the exchange's --- */
BP_API const char *bp_http_method(const BpHttpExchange *exchange); /* "GET" */
/* Percent signs decoded, UTF-8, without control characters and dot segments; "*" of OPTIONS. */
BP_API const char *bp_http_path(const BpHttpExchange *exchange);
BP_API const char *bp_http_target(const BpHttpExchange *exchange);  /* as it was sent */
BP_API const char *bp_http_query(const BpHttpExchange *exchange);   /* what follows '?', as it was sent, or "" */
BP_API const char *bp_http_version(const BpHttpExchange *exchange); /* "1.1" */
/* The first field with that name, or NULL. */
BP_API const char *bp_http_header(const BpHttpExchange *exchange, const char *name);
/* All fields with that name as one list, "a, b", or NULL. Yours. */
BP_API char *bp_http_header_list(const BpHttpExchange *exchange, const char *name);
/* TRUE if the list that the fields make has the word, whatever its case. */
BP_API gboolean bp_http_header_has(const BpHttpExchange *exchange, const char *name, const char *word);
BP_API gboolean bp_http_has_body(const BpHttpExchange *exchange); /* it said a length or chunks, be it none */
BP_API const char *bp_http_body(const BpHttpExchange *exchange, gsize *size); /* NUL-terminated; `size` may be NULL */
BP_API const char *bp_http_peer(const BpHttpExchange *exchange);	      /* "127.0.0.1:4711" */
/* The value of a field of a form or query ("a=1&b=x+y%21"), decoded; NULL: not there. Not UTF-8, or with a NUL: it
 * is as if it were not there. Yours. Any thread. */
BP_API char *bp_http_form_value(const char *form, gsize size, const char *name);
/* A path or query part with %XX where needed. Yours. Any thread. */
BP_API char *bp_http_escape(const char *text);

/* --- the answer; each of these but the first two ends the exchange --- */
/* More header fields of the answer. Content-Length, Connection, Date and the like are made here and refused. "ETag" is
 * looked at: a GET whose If-None-Match has it is answered with 304. */
BP_API void bp_http_add_header(BpHttpExchange *exchange, const char *name, const char *value);
/* Exactly once, if there is no answer: the client has gone before it, the server closes, or the plugin whose route it is is being
 * unloaded. The exchange is dead when `gone` returns. */
typedef void (*BpHttpGone)(BpPlugin *self, BpHttpExchange *exchange, gpointer data);
BP_API void bp_http_on_gone(BpHttpExchange *exchange, BpHttpGone gone, gpointer data);
/* Owns what waits for this exchange (scope.h): a timer, a job, a watch whose messages are its answer. It ends when the exchange
 * has its answer, or after `gone`. */
BP_API BpScope *bp_http_scope(BpHttpExchange *exchange);
/* `type` NULL: no body. Text of 1 KiB and more is compressed for those who take it. Copies. */
BP_API void bp_http_respond(BpHttpExchange *exchange, guint status, const char *type, gconstpointer body, gsize size);
BP_API void bp_http_respond_text(BpHttpExchange *exchange, guint status, const char *text);
BP_API void bp_http_respond_json(BpHttpExchange *exchange, guint status, json_t *take_value);
/* RFC 9457: {"type","title","status","detail","instance"}. */
BP_API void bp_http_respond_problem(BpHttpExchange *exchange, guint status, const char *detail);
/* The same with a status that fits the error: 404 for BP_NOT_FOUND, 409, 403, 503, 504, else 400. */
BP_API void bp_http_respond_error(BpHttpExchange *exchange, const GError *error);
/* Fixed content, `gzip` (may be NULL) the same compressed; `etag` is quoted here. Not copied; ranges. */
BP_API void bp_http_respond_asset(BpHttpExchange *exchange, const char *type, GBytes *content, GBytes *gzip,
				  const char *etag);
/* A regular file; with Last-Modified, ETag and ranges. 404 if it cannot be read. Sent as the client reads. */
BP_API void bp_http_respond_file(BpHttpExchange *exchange, const char *type, const char *path);

/* --- an answer in pieces: chunked, or until the end for HTTP/1.0 --- */
/* Begins it; the exchange lives until bp_http_end, or `gone`. */
BP_API void bp_http_begin(BpHttpExchange *exchange, guint status, const char *type);
/* BP_FULL: the client does not read and has too much waiting already (half of backlog_limit): nothing of it was taken.
 * `drained`, if it was given, is called when there is room again. */
BP_API BpSent bp_http_send(BpHttpExchange *exchange, gconstpointer data, gsize size);
BP_API void bp_http_on_drained(BpHttpExchange *exchange, BpHttpGone drained);
BP_API void bp_http_end(BpHttpExchange *exchange);

/* --- another protocol: WebSocket --- */
/* The stream is yours from here: `self` owns it, `events` are its events, and it is counted as the server's until it
 * ends. The exchange is gone. What the client has sent behind the request comes to `events->data` in this turn, after
 * your code has returned. Write the 101 yourself; bp_http_write_switch does. `status` is for the access log. */
BP_API BpStream *bp_http_take_stream(BpHttpExchange *exchange, BpPlugin *self, guint status,
				     const BpStreamEvents *events, gpointer user);
/* "HTTP/1.1 101 Switching Protocols" with Upgrade: `protocol` and the fields added so far, into the exchange's stream;
 * bp_http_take_stream comes next. */
BP_API void bp_http_write_switch(BpHttpExchange *exchange, const char *protocol);

/* --- paths that plugins add to every web server --- */
/* Registered as "route/NAME" (registry.h); constant. */
typedef struct {
	gsize size;	  /* sizeof(BpHttpRoute), so that it can grow */
	const char *path; /* exact: "/ws" */
	const char *help;
	/* Answers, now or later. */
	void (*request)(BpPlugin *self, BpHttpExchange *exchange);
	/* Optional: that server closes; say goodbye on the streams taken from it. */
	void (*closing)(BpPlugin *self, BpServer *listener);
	/* Optional: a foreign Origin is answered by `request` itself (which sees the header), not with 403. */
	gboolean any_origin;
} BpHttpRoute;
/* FALSE: no route has its path, nothing was done. What uses bp_http_open calls it for paths it does not know. */
BP_API gboolean bp_http_dispatch(BpHttpExchange *exchange);
/* The Origin (or Referer, or Sec-Fetch-Site) of the request is our own, one of `origins`, or there is none: it comes
 * from no other site's page. Checked already, but for routes with `any_origin`. */
BP_API gboolean bp_http_is_own_origin(const BpHttpExchange *exchange);
/* Besides, a browser has said so: Origin, Referer, Sec-Fetch-Site, X-Backplane or Authorization. A program need not. Checked already
 * for methods that change something; a GET that does asks itself. */
BP_API gboolean bp_http_is_proven(const BpHttpExchange *exchange);

G_END_DECLS
