/* SPDX-License-Identifier: MIT */
/* test-http.c - the server: connections, order, deadlines, answers in pieces, taken streams, routes of plugins. */
#include <backplane/http.h>
#include "peers.h"

static char *server_refusal(BpServer *of, const char *why, gpointer user)
{
	return NULL;
}

static void server_accept(BpServer *of, BpStream *stream, gpointer user)
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

static void on_gone(BpHttpExchange *exchange, gpointer data)
{
	web.gone++;
	web.held = NULL;
}

static void on_drained(BpHttpExchange *exchange, gpointer data)
{
	web.drained++;
}

static void hold(BpHttpExchange *exchange)
{
	web.held = exchange;
	bp_http_on_gone(exchange, on_gone, NULL);
}

static void echo(BpHttpExchange *exchange)
{
	gsize size;
	const char *body = bp_http_body(exchange, &size);
	g_autofree char *text = g_strdup_printf("%s %s %.*s", bp_http_method(exchange), bp_http_path(exchange), (int)size, body);

	bp_http_respond_text(exchange, 200, text);
}

static void take(BpHttpExchange *exchange)
{
	web.taken = peer_new();
	web.taken->echo = TRUE;
	bp_http_add_header(exchange, "X-Test", "1");
	bp_http_write_switch(exchange, "test");
	web.taken->stream = bp_http_take_stream(exchange, bp_kernel(), 101, &peer_events, web.taken);
}

static void on_request(BpHttpExchange *exchange, gpointer user)
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

static void on_finished(BpHttpExchange *exchange, guint status, guint64 bytes, gpointer user)
{
	web.status = status;
	web.bytes = bytes;
}

static const BpParam web_params[] = {
	{ "port", 'p', BP_INT, .fallback = "0", .min = 0, .max = 65535, .help = "port" },
	{ .include = bp_http_params },
	{ NULL },
};

static gboolean open_web(BpInstance *self, GError **error)
{
	static const BpHttpEvents events = { .request = on_request, .finished = on_finished };

	web.http = bp_http_open(self, "server-test", &events, NULL, error);
	server = web.http ? bp_http_listener(web.http) : NULL;
	return web.http != NULL;
}

static void close_web(BpInstance *self)
{
	bp_http_close(web.http);
}

static const BpModule web_modules[] = {
	{ "TestWeb", .help = "a server", .params = web_params, .open = open_web, .close = close_web },
	{ NULL },
};

static const BpPluginInfo web_plugin = { .abi = BP_ABI, .name = "webs", .version = "1", .summary = "test", .modules = web_modules };

static gboolean begin(const char *const *pairs)
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

#define BEGIN(...) CU_ASSERT_FATAL(begin((const char *const[]){ __VA_ARGS__ __VA_OPT__(,) NULL }))

static gboolean is_instance_gone(gpointer data)
{
	return !bp_instance_find("test");
}

static void end(void)
{
	bp_instance_close(web.instance, NULL);
	CU_ASSERT(suite_wait_until(is_instance_gone, NULL, 5));
	if (web.taken)
		peer_free(web.taken);
}

static void say(Peer *peer, const char *text)
{
	bp_stream_write(peer->stream, text, strlen(text));
}

typedef struct {
	Peer *peer;
	const char *text;
	guint times;
} Expected;

static guint count(const char *in, const char *text)
{
	guint times = 0;

	for (const char *at = strstr(in, text); at; at = strstr(at + strlen(text), text))
		times++;
	return times;
}

static gboolean has_come(gpointer data)
{
	Expected *expected = data;

	return count(expected->peer->got->str, expected->text) >= expected->times;
}

static gboolean expect(Peer *peer, const char *text, guint times)
{
	Expected expected = { peer, text, times };
	gboolean came = suite_wait_until(has_come, &expected, 5);

	if (!came)
		g_printerr("\n  %u times %s did not come: %s\n", times, text, peer->got->str);
	return came;
}

static gboolean is_held(gpointer data)
{
	return web.held != NULL;
}

static gboolean was_gone(gpointer data)
{
	return web.gone > 0;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

/* --- requests --- */

static void test_pipelining(void)
{
	Peer *peer;

	BEGIN();
	peer = peer_connect();
	say(peer, GET("/1") GET("/hold") GET("/2") "POST /3 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab" GET("/4"));
	CU_ASSERT_FATAL(suite_wait_until(is_held, NULL, 5));
	CU_ASSERT(expect(peer, "GET /1 ", 1));
	CU_ASSERT_EQUAL(web.requests, 2);
	bp_http_respond_text(web.held, 200, "held");
	CU_ASSERT(expect(peer, "GET /4 ", 1));
	CU_ASSERT(strstr(peer->got->str, "held") < strstr(peer->got->str, "GET /2 "));
	CU_ASSERT(strstr(peer->got->str, "GET /2 ") < strstr(peer->got->str, "POST /3 ab"));
	CU_ASSERT_EQUAL(count(peer->got->str, "HTTP/1.1 200"), 5);
	peer_free(peer);
	end();
}

static void test_split_at_every_byte(void)
{
	static const char text[] = "POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: v\r\n\r\n";
	Peer *peer;

	BEGIN();
	peer = peer_connect();
	for (guint i = 0; text[i]; i++) {
		bp_stream_write(peer->stream, &text[i], 1);
		turn_for(1000);
	}
	CU_ASSERT(expect(peer, "POST /a abcde", 1));
	peer_free(peer);
	end();
}

static void test_half_close(void)
{
	Peer *peer;

	BEGIN();
	peer = peer_connect();
	peer->keep_open = TRUE;
	say(peer, GET("/hold") GET("/2"));
	CU_ASSERT_FATAL(suite_wait_until(is_ready, peer, 5));
	CU_ASSERT_FATAL(suite_wait_until(is_held, NULL, 5));
	shutdown(bp_stream_fd(peer->stream), SHUT_WR);
	turn_for(20000);
	CU_ASSERT_EQUAL(web.gone, 0);
	bp_http_respond_text(web.held, 200, "held");
	CU_ASSERT(expect(peer, "GET /2 ", 1));
	CU_ASSERT(suite_wait_until(has_ended, peer, 5));
	peer_free(peer);
	end();
}

static void test_client_goes_first(void)
{
	Peer *peer;

	BEGIN();
	peer = peer_connect();
	say(peer, GET("/hold"));
	CU_ASSERT_FATAL(suite_wait_until(is_held, NULL, 5));
	/* A reset: an end alone may be half of one. */
	setsockopt(bp_stream_fd(peer->stream), SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
	peer_free(peer);
	CU_ASSERT(suite_wait_until(was_gone, NULL, 5));
	CU_ASSERT_PTR_NULL(web.held);
	end();
}

static void test_server_closes_first(void)
{
	Peer *peer;

	BEGIN();
	peer = peer_connect();
	say(peer, GET("/hold"));
	CU_ASSERT_FATAL(suite_wait_until(is_held, NULL, 5));
	end();
	CU_ASSERT_EQUAL(web.gone, 1);
	CU_ASSERT(suite_wait_until(has_ended, peer, 5));
	peer_free(peer);
}

static void test_expect(void)
{
	Peer *peer;

	BEGIN();
	peer = peer_connect();
	say(peer, "POST /a HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	CU_ASSERT(expect(peer, "HTTP/1.1 100 Continue\r\n\r\n", 1));
	say(peer, "abc");
	CU_ASSERT(expect(peer, "POST /a abc", 1));
	say(peer, "POST /a HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n");
	CU_ASSERT(expect(peer, "HTTP/1.1 413", 1));
	CU_ASSERT_EQUAL(count(peer->got->str, "100 Continue"), 1);
	CU_ASSERT(suite_wait_until(has_ended, peer, 5));
	peer_free(peer);
	end();
}

static void test_refused(void)
{
	static const struct {
		const char *request, *answer;
	} cases[] = {
		{ "GET / HTTP/1.1\n", "HTTP/1.1 400 " },
		{ "GET /%2e%2e/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400 " },
		{ "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "HTTP/1.1 421 " },
		{ "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 421 " },
		{ "GET / HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", "HTTP/1.1 421 " },
		{ "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n", "HTTP/1.1 403 " },
		{ "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n", "HTTP/1.1 403 " },
		{ "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:81\r\n\r\n", "HTTP/1.1 403 " },
		{ "GET / HTTP/1.1\r\nHost: localhost\r\nReferer: http://evil.example/http://localhost\r\n\r\n", "HTTP/1.1 403 " },
		{ "GET / HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n", "HTTP/1.1 403 " },
		{ "GET / HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-site\r\n\r\n", "HTTP/1.1 403 " },
		{ "POST / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Mozilla/5.0\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 403 " },
		{ "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 " },
		{ "POST / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:80\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 " },
		{ "GET / HTTP/1.1\r\nHost: 127.0.0.1:1\r\nOrigin: http://127.0.0.1:1\r\nReferer: http://127.0.0.1:1/x\r\n\r\n", "HTTP/1.1 200 " },
		{ "GET / HTTP/1.1\r\nHost: [::1]:1\r\nSec-Fetch-Site: none\r\n\r\n", "HTTP/1.1 200 " },
		{ "GET / HTTP/1.1\r\nHost: box.example:7\r\n\r\n", "HTTP/1.1 200 " },
		{ "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://friend.example\r\nSec-Fetch-Site: cross-site\r\n\r\n", "HTTP/1.1 200 " },
		{ "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: tea\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 417 " },
		{ "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nx", "HTTP/1.1 400 " },
		{ "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", "HTTP/1.1 413 " },
		{ "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200 " },
		{ "GET http://localhost/x HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200 " },
		{ "GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 " },
	};

	BEGIN("hosts=box.example", "origins=https://friend.example", "max_body=4096");
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		Peer *peer = peer_connect();
		g_autofree char *body = g_strnfill(5000, 'x');

		say(peer, cases[i].request);
		if (strstr(cases[i].answer, "413"))
			say(peer, body);
		CU_ASSERT(expect(peer, "\r\n\r\n", 1));
		if (!g_str_has_prefix(peer->got->str, cases[i].answer))
			g_printerr("\n  %s  got: %s\n", cases[i].request, peer->got->str);
		CU_ASSERT(g_str_has_prefix(peer->got->str, cases[i].answer));
		CU_ASSERT_PTR_NOT_NULL(strstr(peer->got->str, "X-Content-Type-Options: nosniff\r\n"));
		CU_ASSERT_EQUAL(web.status, (guint)g_ascii_strtoull(cases[i].answer + 9, NULL, 10));
		peer_free(peer);
	}
	end();
}

/* --- deadlines --- */

static void test_slow_clients(void)
{
	static const struct {
		const char *text, *answer;
	} cases[] = {
		{ "", NULL },
		{ "GET / HT", "HTTP/1.1 408 " },
		{ "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nab", "HTTP/1.1 408 " },
		{ "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "HTTP/1.1 408 " },
		{ GET("/done"), "HTTP/1.1 200 " }, /* then silence: keep-alive ends */
	};

	BEGIN("header_timeout=60ms", "keepalive_timeout=120ms", "body_rate=100");
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		Peer *peer = peer_connect();

		say(peer, cases[i].text);
		CU_ASSERT(suite_wait_until(has_ended, peer, 5));
		CU_ASSERT(g_str_has_prefix(peer->got->str, cases[i].answer ? cases[i].answer : ""));
		CU_ASSERT(cases[i].answer || peer->got->len == 0);
		peer_free(peer);
	}
	end();
}

static gboolean is_alone(gpointer data)
{
	BpServerStats stats = bp_server_stats(server);

	return stats.accepted && !stats.connections;
}

static void test_client_that_does_not_read(void)
{
	Peer *peer;

	BEGIN("keepalive_timeout=150ms", "backlog_limit=64K");
	peer = peer_connect();
	CU_ASSERT_FATAL(suite_wait_until(is_ready, peer, 5));
	bp_stream_set_reading(peer->stream, FALSE);
	for (guint i = 0; i < 20; i++)
		say(peer, GET("/big"));
	CU_ASSERT(suite_wait_until(is_alone, NULL, 10));
	CU_ASSERT_EQUAL(bp_server_stats(server).timeouts, 1);
	/* The second was not begun before the first had been read. */
	CU_ASSERT(web.requests < 20);
	peer_free(peer);
	end();
}

/* --- answers --- */

static void test_pieces(void)
{
	Peer *peer;
	char piece[4096];
	guint sent = 0;

	BEGIN("backlog_limit=64K");
	peer = peer_connect();
	say(peer, GET("/pieces"));
	CU_ASSERT_FATAL(suite_wait_until(is_held, NULL, 5));
	CU_ASSERT(bp_http_send(web.held, "abc", 3));
	CU_ASSERT(expect(peer, "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 1));
	bp_stream_set_reading(peer->stream, FALSE);
	memset(piece, 'x', sizeof(piece));
	while (sent < 100000 && bp_http_send(web.held, piece, sizeof(piece))) {
		if (++sent % 64 == 0)
			turn_for(1000);
	}
	CU_ASSERT(sent < 100000);
	CU_ASSERT(web.held != NULL);
	bp_stream_set_reading(peer->stream, TRUE);
	peer->discard = TRUE;
	while (!web.drained && g_main_context_iteration(NULL, TRUE))
		;
	CU_ASSERT(bp_http_send(web.held, "end", 3));
	CU_ASSERT(wait_size(peer, (gsize)sent * sizeof(piece)));
	peer->discard = FALSE;
	bp_http_end(web.held);
	CU_ASSERT(expect(peer, "0\r\n\r\n", 1));
	say(peer, GET("/next"));
	CU_ASSERT(expect(peer, "GET /next", 1));
	peer_free(peer);
	end();
}

static void test_pieces_for_1_0(void)
{
	Peer *peer;

	BEGIN();
	peer = peer_connect();
	say(peer, "GET /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	CU_ASSERT_FATAL(suite_wait_until(is_held, NULL, 5));
	bp_http_send(web.held, "abc", 3);
	bp_http_end(web.held);
	CU_ASSERT(suite_wait_until(has_ended, peer, 5));
	CU_ASSERT(g_str_has_suffix(peer->got->str, "\r\n\r\nabc"));
	CU_ASSERT_PTR_NULL(strstr(peer->got->str, "chunked"));
	peer_free(peer);
	end();
}

static void test_file(void)
{
	g_autofree char *text = g_strnfill(300000, 'f'), *file = suite_file("file", text), *tag = NULL, *request = NULL;
	const char *at;
	Peer *peer;

	BEGIN("backlog_limit=32K");
	peer = peer_connect();
	say(peer, GET("/file"));
	CU_ASSERT(wait_size(peer, 300000));
	CU_ASSERT(expect(peer, "Content-Length: 300000\r\n", 1));
	at = strstr(peer->got->str, "ETag: ");
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	tag = g_strndup(at + 6, strcspn(at + 6, "\r"));
	g_string_truncate(peer->got, 0);
	request = g_strdup_printf("GET /file HTTP/1.1\r\nHost: localhost\r\nRange: bytes=10-19\r\nIf-Range: %s\r\n\r\n"
				  "GET /file HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: %s\r\n\r\n"
				  "GET /file HTTP/1.1\r\nHost: localhost\r\nRange: bytes=400000-\r\n\r\n"
				  "HEAD /file HTTP/1.1\r\nHost: localhost\r\n\r\n"
				  "PUT /file HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", tag, tag);
	turn_for(10000);
	g_string_truncate(peer->got, 0);
	say(peer, request);
	CU_ASSERT(expect(peer, "HTTP/1.1 405 ", 1));
	CU_ASSERT_PTR_NOT_NULL(strstr(peer->got->str, "HTTP/1.1 206 "));
	CU_ASSERT_PTR_NOT_NULL(strstr(peer->got->str, "Content-Range: bytes 10-19/300000\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(peer->got->str, "ffffffffffHTTP/1.1 304 "));
	CU_ASSERT_PTR_NOT_NULL(strstr(peer->got->str, "HTTP/1.1 416 "));
	CU_ASSERT_PTR_NOT_NULL(strstr(peer->got->str, "Content-Range: bytes */300000\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(peer->got->str, "Content-Length: 300000\r\n"));
	CU_ASSERT(peer->got->len < 4000);
	peer_free(peer);
	end();
}

/* --- taken streams --- */

static gboolean is_taken(gpointer data)
{
	return web.taken != NULL;
}

static void test_take(void)
{
	Peer *peer;

	BEGIN();
	peer = peer_connect();
	say(peer, GET("/1") GET("/take") "what came behind");
	CU_ASSERT(expect(peer, "Upgrade: test\r\n", 1));
	CU_ASSERT(expect(peer, "X-Test: 1\r\n", 1));
	CU_ASSERT(expect(peer, "\r\n\r\nwhat came behind", 1));
	CU_ASSERT_EQUAL(web.status, 101);
	say(peer, "and more");
	CU_ASSERT(expect(peer, "and more", 1));
	/* It is not the server's any more, so it outlives it. */
	bp_instance_close(web.instance, NULL);
	CU_ASSERT(suite_wait_until(is_instance_gone, NULL, 5));
	say(peer, "afterwards");
	CU_ASSERT(expect(peer, "afterwards", 1));
	peer_free(peer);
	CU_ASSERT(suite_wait_until(is_closed, web.taken, 5));
	peer_free(web.taken);
}

static void test_take_later(void)
{
	Peer *peer;

	BEGIN();
	peer = peer_connect();
	say(peer, GET("/hold") "more");
	CU_ASSERT_FATAL(suite_wait_until(is_held, NULL, 5));
	say(peer, " and more");
	turn_for(10000);
	take(web.held);
	CU_ASSERT(suite_wait_until(is_taken, NULL, 5));
	CU_ASSERT(expect(peer, "\r\n\r\nmore and more", 1));
	peer_free(peer);
	CU_ASSERT(suite_wait_until(is_closed, web.taken, 5));
	end();
}

/* --- routes --- */

static void route_request(BpPlugin *self, BpHttpExchange *exchange)
{
	if (*bp_http_query(exchange))
		hold(exchange);
	else
		bp_http_respond_text(exchange, 200, bp_http_is_own_origin(exchange) ? "of the route, own" : "of the route, foreign");
}

static const BpHttpRoute route = { .path = "/route", .request = route_request, .any_origin = TRUE };

static gboolean load_route(BpPlugin *self, GError **error)
{
	return bp_registry_add(self, "route/test", &route, error);
}

static const BpPluginInfo route_plugin = { .abi = BP_ABI, .name = "routes", .version = "1", .summary = "test", .load = load_route };

static void test_routes(void)
{
	BpPlugin *plugin;
	Peer *peer;

	BEGIN();
	plugin = bp_plugin_add(&route_plugin, NULL);
	peer = peer_connect();
	say(peer, GET("/route") GET("/routes") "GET /route HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n" GET("/route?hold"));
	CU_ASSERT(expect(peer, "of the route, own", 1));
	CU_ASSERT(expect(peer, "GET /routes", 1));
	CU_ASSERT(expect(peer, "of the route, foreign", 1));
	CU_ASSERT_FATAL(suite_wait_until(is_held, NULL, 5));
	/* Its plugin goes: the client is told, and nothing of it is called. */
	bp_plugin_unload(plugin, NULL, NULL);
	CU_ASSERT(expect(peer, "HTTP/1.1 503 ", 1));
	CU_ASSERT_EQUAL(web.gone, 0);
	peer_free(peer);
	peer = peer_connect();
	say(peer, GET("/route"));
	CU_ASSERT(expect(peer, "GET /route", 1));
	peer_free(peer);
	end();
}

static const SuiteTest tests[] = {
	{ "pipelining", test_pipelining },
	{ "split at every byte", test_split_at_every_byte },
	{ "half close", test_half_close },
	{ "client goes first", test_client_goes_first },
	{ "server closes first", test_server_closes_first },
	{ "expect", test_expect },
	{ "refused", test_refused },
	{ "slow clients", test_slow_clients },
	{ "client that does not read", test_client_that_does_not_read },
	{ "pieces", test_pieces },
	{ "pieces for 1.0", test_pieces_for_1_0 },
	{ "file", test_file },
	{ "take", test_take },
	{ "take later", test_take_later },
	{ "routes", test_routes },
	{ NULL },
};

int main(int argc, char **argv)
{
	return run_with_kernel("http", tests, argc, argv);
}
