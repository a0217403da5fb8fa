/* SPDX-License-Identifier: MIT */
/* http.h - HTTP/1.1 servers for plugins, with strict parsing and bounded memory.
 *
 * A module includes bp_http_params in its table (they include bp_server_params) and calls bp_http_open with its
 * instance. `request` gets each valid request that Host and Origin allow as an exchange, complete with its body. The exchange is
 * answered immediately or later, by exactly one of bp_http_respond..., bp_http_begin ...
 * bp_http_end, or bp_http_take_stream. Keep-alive, pipelining, HEAD, Expect, chunks, deadlines, conditional
 * requests, ranges, gzip, Date and the security headers are done here. The next request of a connection is parsed after
 * this one was answered.
 *
 *	static void on_request(BpPlugin *self, BpHttpExchange *exchange, gpointer user)
 *	{
 *		if (strcmp(bp_http_path(exchange), "/time") == 0)
 *			bp_http_respond_json(exchange, 200, json_pack("{s:i}", "time", (int)time(NULL)));
 *		else
 *			bp_http_respond_problem(exchange, 404, "there is nothing here");
 *	}
 *
 * The exchange is valid until it is answered. If the client disconnects before, `gone` is called (see bp_http_on_gone); the exchange is
 * invalid after it. All functions are called on the loop of the instance.
 */
#pragma once
#include <backplane/json.h>
#include <backplane/server.h>

G_BEGIN_DECLS

typedef struct BpHttpServer BpHttpServer;
typedef struct BpHttpExchange BpHttpExchange;

/* header_timeout, keepalive_timeout, body_rate, max_header, max_uri, max_body, hosts, origins, trusted_proxies; then bp_server_params. */
BP_API extern const BpParam bp_http_params[];

typedef struct {
	gsize size; /* sizeof(BpHttpEvents), so that it can grow */
	/* A whole request. */
	void (*request)(BpPlugin *self, BpHttpExchange *exchange, gpointer user);
	/* Optional: the head was received, the body was not. An exchange that is answered here (401, 404) is answered without
	 * reading the body, and the connection is closed. */
	void (*head)(BpPlugin *self, BpHttpExchange *exchange, gpointer user);
	/* Optional, for the access log: the exchange was answered with `bytes` of body; the request can still be read from it. Also called for
	 * requests that the library refused; one that could not be parsed has "-" as its method. */
	void (*finished)(BpPlugin *self, BpHttpExchange *exchange, guint status, guint64 bytes, gpointer user);
	const char *policy; /* Content-Security-Policy of all answers; NULL: nothing is allowed */
} BpHttpEvents;

/* Binds before it returns; `events_name` as of bp_server_open. */
BP_API BpHttpServer *bp_http_open(BpInstance *self, const char *events_name, const BpHttpEvents *events, gpointer user,
				  GError **error);
/* A server without a socket of its own, on any loop and for any owner: for streams that were accepted elsewhere (listener.h). */
typedef struct {
	gsize size;		    /* sizeof(BpHttpOptions), so that it can grow */
	const char *bind;	    /* a name by which it may be called in Host, beside loopback; NULL: none */
	const char *const *hosts;   /* more of them; NULL: none. The lists are not copied */
	const char *const *origins; /* as in bp_http_params; NULL: none */
	gsize max_body;		    /* 0: 1 MiB */
} BpHttpOptions;
BP_API BpHttpServer *bp_http_new(BpPlugin *self, const BpHttpOptions *options, const BpHttpEvents *events,
				 gpointer user);
/* Takes the stream, which `self` of the server owns. */
BP_API void bp_http_serve(BpHttpServer *server, BpStream *stream);
/* Stops listening and ends open exchanges. Also done at the end of the instance. */
BP_API void bp_http_close(BpHttpServer *server);
BP_API BpServer *bp_http_listener(const BpHttpServer *server);
BP_API BpHttpServer *bp_http_server(const BpHttpExchange *exchange);

/* --- the request; texts are borrowed from the exchange --- */
BP_API const char *bp_http_method(const BpHttpExchange *exchange); /* "GET" */
/* Percent-decoded, valid UTF-8, without control characters and dot segments; "*" for OPTIONS. */
BP_API const char *bp_http_path(const BpHttpExchange *exchange);
BP_API const char *bp_http_target(const BpHttpExchange *exchange);  /* as it was sent */
BP_API const char *bp_http_query(const BpHttpExchange *exchange);   /* what follows '?', as it was sent, or "" */
BP_API const char *bp_http_version(const BpHttpExchange *exchange); /* "1.1" */
/* The first field with that name, or NULL. */
BP_API const char *bp_http_header(const BpHttpExchange *exchange, const char *name);
/* The field number `index`, from 0, in the order in which they were sent, and its name; NULL: there are no more. */
BP_API const char *bp_http_field(const BpHttpExchange *exchange, guint index, const char **name);
/* All fields with that name as one list, "a, b", or NULL. Yours. */
BP_API char *bp_http_header_list(const BpHttpExchange *exchange, const char *name);
/* TRUE if the list of all fields with that name contains the word, ignoring case. */
BP_API gboolean bp_http_header_has(const BpHttpExchange *exchange, const char *name, const char *word);
BP_API gboolean bp_http_has_body(const BpHttpExchange *exchange); /* Content-Length or chunks, perhaps of size 0 */
BP_API const char *bp_http_body(const BpHttpExchange *exchange, gsize *size); /* NUL-terminated; `size` may be NULL */
BP_API const char *bp_http_peer(const BpHttpExchange *exchange); /* "127.0.0.1:4711"; of a trusted proxy: its client */
/* The decoded value of a field of a form or query ("a=1&b=x+y%21"); NULL if it is missing, not UTF-8 or contains a NUL. Yours. Any
 * thread. */
BP_API char *bp_http_form_value(const char *form, gsize size, const char *name);
/* The secret that the client shows: TOKEN of "Authorization: Bearer TOKEN", else, with `in_query`, of ?token=TOKEN. NULL: none. Yours;
 * compare it with bp_secret_equal (bytes.h). */
BP_API char *bp_http_token(const BpHttpExchange *exchange, gboolean in_query);
/* A path or query part with %XX where needed. Yours. Any thread. */
BP_API char *bp_http_escape(const char *text);

/* --- the answer; bp_http_respond... ends the exchange --- */
/* Adds a header field to the answer. Content-Length, Connection, Date and the like are set by the library and refused here. With "ETag", a
 * GET with a matching If-None-Match is answered with 304. */
BP_API void bp_http_add_header(BpHttpExchange *exchange, const char *name, const char *value);
/* Called exactly once if the exchange ends without an answer: the client has disconnected, the server closes, or the plugin of the route is
 * being unloaded. The exchange is freed when `gone` returns. */
typedef void (*BpHttpGone)(BpPlugin *self, BpHttpExchange *exchange, gpointer data);
BP_API void bp_http_on_gone(BpHttpExchange *exchange, BpHttpGone gone, gpointer data);
/* The scope of this exchange (scope.h), for a timer, a job, or a watch whose messages are the answer. It ends with the answer, or after
 * `gone`. */
BP_API BpScope *bp_http_scope(BpHttpExchange *exchange);
/* `type` NULL: no body. Text of 1 KiB and more is compressed if the client accepts it. The body is copied. */
BP_API void bp_http_respond(BpHttpExchange *exchange, guint status, const char *type, gconstpointer body, gsize size);
BP_API void bp_http_respond_text(BpHttpExchange *exchange, guint status, const char *text);
BP_API void bp_http_respond_json(BpHttpExchange *exchange, guint status, json_t *take_value);
/* RFC 9457: {"type","title","status","detail","instance"}. */
BP_API void bp_http_respond_problem(BpHttpExchange *exchange, guint status, const char *detail);
/* The same with a status according to the error: 404 for BP_NOT_FOUND, 409, 403, 503, 504, else 400. */
BP_API void bp_http_respond_error(BpHttpExchange *exchange, const GError *error);
/* Static content with ranges; `gzip` (may be NULL) is the same compressed; `etag` is given without quotes. Not copied. */
BP_API void bp_http_respond_asset(BpHttpExchange *exchange, const char *type, GBytes *content, GBytes *gzip,
				  const char *etag);
/* A regular file with Last-Modified, ETag and ranges; 404 if it cannot be read. Read in pieces, as the client receives it. */
BP_API void bp_http_respond_file(BpHttpExchange *exchange, const char *type, const char *path);

/* --- an answer in pieces: chunked, or, for HTTP/1.0, until the connection is closed --- */
/* Sends the head; the exchange is valid until bp_http_end, or `gone`. */
BP_API void bp_http_begin(BpHttpExchange *exchange, guint status, const char *type);
/* BP_FULL: the queue of the connection is over half of backlog_limit, and nothing of `data` was queued. `drained` of bp_http_on_drained is
 * called when there is room again. */
BP_API BpSent bp_http_send(BpHttpExchange *exchange, gconstpointer data, gsize size);
BP_API void bp_http_on_drained(BpHttpExchange *exchange, BpHttpGone drained);
BP_API void bp_http_end(BpHttpExchange *exchange);

/* --- another protocol: WebSocket --- */
/* Ends the exchange and returns its stream, which `self` owns from now on, with `events`; the server still counts it. Bytes that the client
 * has sent after the request are delivered to `events->data` in this turn, after your code has returned. Write the 101 before, with
 * bp_http_write_switch. `status` is for the access log. */
BP_API BpStream *bp_http_take_stream(BpHttpExchange *exchange, BpPlugin *self, guint status,
				     const BpStreamEvents *events, gpointer user);
/* Writes "HTTP/1.1 101 Switching Protocols" with "Upgrade: PROTOCOL" and the added fields; call bp_http_take_stream next. */
BP_API void bp_http_write_switch(BpHttpExchange *exchange, const char *protocol);

/* --- paths that plugins add to every web server --- */
/* Registered as "route/NAME" (registry.h); constant. */
typedef struct {
	gsize size;	  /* sizeof(BpHttpRoute), so that it can grow */
	const char *path; /* exact: "/ws" */
	const char *help;
	/* Answers, now or later. */
	void (*request)(BpPlugin *self, BpHttpExchange *exchange);
	/* Optional: that server closes; end the streams that were taken from it. */
	void (*closing)(BpPlugin *self, BpServer *listener);
	/* Optional: `request` also gets requests with a foreign Origin, which are otherwise answered with 403. */
	gboolean any_origin;
} BpHttpRoute;
/* For servers made with bp_http_open: passes a request with an unknown path to the route of that path. FALSE: there is none. */
BP_API gboolean bp_http_dispatch(BpHttpExchange *exchange);
/* TRUE unless the request comes from a page of another site: its Origin (or Referer, or Sec-Fetch-Site) is this server, one of `origins`,
 * or missing. Checked already, except for routes with `any_origin`. */
BP_API gboolean bp_http_is_own_origin(const BpHttpExchange *exchange);
/* Besides, a browser has said so: Origin, Referer, Sec-Fetch-Site, X-Backplane or Authorization. A program need not. Checked already
 * for methods that change something; a GET that does asks itself. */
BP_API gboolean bp_http_is_proven(const BpHttpExchange *exchange);

G_END_DECLS
