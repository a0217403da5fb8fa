/* SPDX-License-Identifier: MIT */
/* webs.h - an HTTP server whose answers the tests choose, and clients that say exact bytes. */
#pragma once
#include <backplane/http.h>
#include "peers.h"

static char *server_refusal(BpPlugin *self, BpServer *of, const char *why, gpointer user)
{
	return NULL;
}

static void server_accept(BpPlugin *self, BpServer *of, BpStream *stream, gpointer user)
{
}

/* --- an HTTP server whose answers the tests choose --- */

typedef struct {
	BpHttpServer *http;
	BpInstance *instance;
	BpHttpExchange *held; /* a request that waits */
	guint requests, gone, drained;
	guint status; /* of the last that was finished */
	guint64 bytes;
	Peer *taken;
	gboolean deaf; /* a stream of events said that there is no room */
} Web;
static Web web;

static inline void on_gone(BpPlugin *self, BpHttpExchange *exchange, gpointer data)
{
	web.gone++;
	web.held = NULL;
}

static inline void on_drained(BpPlugin *self, BpHttpExchange *exchange, gpointer data)
{
	web.drained++;
}

static inline void hold(BpHttpExchange *exchange)
{
	web.held = exchange;
	bp_http_on_gone(exchange, on_gone, NULL);
}

static inline void echo(BpHttpExchange *exchange)
{
	gsize size;
	const char *body = bp_http_body(exchange, &size);
	g_autofree char *text = g_strdup_printf("%s %s %.*s", bp_http_method(exchange), bp_http_path(exchange),
						(int)size, body);

	bp_http_respond_text(exchange, 200, text);
}

static inline void take(BpHttpExchange *exchange)
{
	web.taken = peer_new();
	web.taken->echo = TRUE;
	bp_http_add_header(exchange, "X-Test", "1");
	bp_http_write_switch(exchange, "test");
	web.taken->stream = bp_http_take_stream(exchange, bp_kernel(), 101, &peer_events, web.taken);
}

static inline void on_request(BpPlugin *self, BpHttpExchange *exchange, gpointer user)
{
	const char *path = bp_http_path(exchange);

	web.requests++;
	if (strcmp(path, "/hold") == 0) {
		hold(exchange);
	} else if (strcmp(path, "/pieces") == 0) {
		hold(exchange);
		bp_http_on_drained(exchange, on_drained);
		bp_http_begin(exchange, 200, "text/plain");
	} else if (strcmp(path, "/take") == 0) {
		take(exchange);
	} else if (strcmp(path, "/file") == 0) {
		g_autofree char *file = g_build_filename(suite_folder(), "file", NULL);

		bp_http_respond_file(exchange, "text/plain", file);
	} else if (strcmp(path, "/big") == 0) {
		g_autofree char *body = g_strnfill(3000000, 'x');

		bp_http_respond(exchange, 200, "application/octet-stream", body, 3000000);
	} else if (!bp_http_dispatch(exchange)) {
		echo(exchange);
	}
}

static inline void on_finished(BpPlugin *self, BpHttpExchange *exchange, guint status, guint64 bytes, gpointer user)
{
	web.status = status;
	web.bytes = bytes;
}

static const BpParam web_params[] = {
	{ "port", 'p', BP_INT, .fallback = "0", .min = 0, .max = 65535, .help = "port" },
	{ .include = bp_http_params },
	{ NULL },
};

static inline gboolean open_web(BpInstance *self, GError **error)
{
	static const BpHttpEvents events = { .size = sizeof(events), .request = on_request, .finished = on_finished };

	web.http = bp_http_open(self, "server-test", &events, NULL, error);
	server = web.http ? bp_http_listener(web.http) : NULL;
	return web.http != NULL;
}

static inline void close_web(BpInstance *self)
{
	bp_http_close(web.http);
}

static const BpModule web_modules[] = {
	{ "TestWeb", .help = "a server", .params = web_params, .open = open_web, .close = close_web },
	{ NULL },
};

static const BpPluginInfo web_plugin = { BP_PLUGIN_BUILT, .name = "webs", .version = "1", .summary = "test",
					 .modules = web_modules };

static inline gboolean begin(const char *const *pairs)
{
	BpValues *values = bp_values_new(web_params);
	g_autoptr(GError) error = NULL;

	memset(&web, 0, sizeof(web));
	if (!bp_plugin_find("webs") && !bp_plugin_add(&web_plugin, NULL))
		return FALSE;
	if (!bp_values_set_pairs(values, pairs, NULL)) {
		bp_values_free(values);
		return FALSE;
	}
	web.instance = bp_module_open("TestWeb", "test", "/", values, &error);
	if (!web.instance)
		g_printerr("%s\n", error->message);
	return web.instance != NULL;
}

#define BEGIN(...) CU_ASSERT_FATAL(begin((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL }))

static inline gboolean is_instance_gone(gpointer data)
{
	return !bp_instance_find("test");
}

static inline void end(void)
{
	bp_instance_close(web.instance, NULL);
	CU_ASSERT(suite_wait_until(is_instance_gone, NULL, 5));
	if (web.taken)
		peer_free(web.taken);
}

static inline void say(Peer *peer, const char *text)
{
	bp_stream_write(peer->stream, text, strlen(text));
}

typedef struct {
	Peer *peer;
	const char *text;
	guint times;
} Expected;

static inline guint count(const char *in, const char *text)
{
	guint times = 0;

	for (const char *at = strstr(in, text); at; at = strstr(at + strlen(text), text))
		times++;
	return times;
}

static inline gboolean has_come(gpointer data)
{
	Expected *expected = data;

	return count(expected->peer->got->str, expected->text) >= expected->times;
}

static inline gboolean expect(Peer *peer, const char *text, guint times)
{
	Expected expected = { peer, text, times };
	gboolean came = suite_wait_until(has_come, &expected, 5);

	if (!came)
		g_printerr("\n  %u times %s did not come: %s\n", times, text, peer->got->str);
	return came;
}

static inline gboolean is_held(gpointer data)
{
	return web.held != NULL;
}

static inline gboolean was_gone(gpointer data)
{
	return web.gone > 0;
}

static inline gboolean server_has_read(gpointer size)
{
	return bp_server_stats(server).bytes_in >= GPOINTER_TO_SIZE(size);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"
