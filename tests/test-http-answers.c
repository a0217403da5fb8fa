/* SPDX-License-Identifier: MIT */
/* test-http-answers.c - the server: answers in pieces, files, taken streams, routes of plugins. */
#include "webs.h"

/* --- pieces and files --- */

static void test_pieces(void)
{
	Peer *peer;
	char piece[4096];
	guint sent = 0;

	BEGIN("backlog_limit=64K");
	peer = peer_connect();
	say(peer, GET("/pieces"));
	CU_ASSERT_FATAL(suite_wait_until(is_held, NULL, 5));
	CU_ASSERT(bp_http_send(web.held, "abc", 3) == BP_SENT);
	CU_ASSERT(expect(peer, "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 1));
	bp_stream_set_reading(peer->stream, FALSE);
	memset(piece, 'x', sizeof(piece));
	while (sent < 100000 && bp_http_send(web.held, piece, sizeof(piece)) == BP_SENT) {
		if (++sent % 64 == 0)
			CU_ASSERT(suite_settle());
	}
	CU_ASSERT(sent < 100000);
	CU_ASSERT(web.held != NULL);
	bp_stream_set_reading(peer->stream, TRUE);
	peer->discard = TRUE;
	while (!web.drained && g_main_context_iteration(NULL, TRUE))
		;
	CU_ASSERT(bp_http_send(web.held, "end", 3) == BP_SENT);
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
	const char *at, *body;
	Peer *peer;

	BEGIN("backlog_limit=32K");
	peer = peer_connect();
	say(peer, GET("/file"));
	CU_ASSERT(wait_size(peer, 300000));
	CU_ASSERT(expect(peer, "Content-Length: 300000\r\n", 1));
	at = strstr(peer->got->str, "ETag: ");
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	tag = g_strndup(at + 6, strcspn(at + 6, "\r"));
	body = strstr(peer->got->str, "\r\n\r\n") + 4;
	CU_ASSERT(wait_size(peer, (gsize)(body - peer->got->str) + 300000));
	g_string_truncate(peer->got, 0);
	request = g_strdup_printf("GET /file HTTP/1.1\r\nHost: localhost\r\nRange: bytes=10-19\r\nIf-Range: %s\r\n\r\n"
				  "GET /file HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: %s\r\n\r\n"
				  "GET /file HTTP/1.1\r\nHost: localhost\r\nRange: bytes=400000-\r\n\r\n"
				  "HEAD /file HTTP/1.1\r\nHost: localhost\r\n\r\n"
				  "PUT /file HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
				  tag, tag);
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

static void test_file_conditions(void)
{
	static const struct {
		const char *field, *status;
	} cases[] = {
		{ "If-Unmodified-Since: Sunday, 06-Nov-94 08:49:37 GMT", "HTTP/1.1 412 " },
		{ "If-Unmodified-Since: Fri, 31 Dec 2060 23:59:59 GMT", "HTTP/1.1 200 " },
		{ "If-Unmodified-Since: yesterday", "HTTP/1.1 200 " },
		{ "If-Match: *\r\nIf-Unmodified-Since: Sun Nov  6 08:49:37 1994", "HTTP/1.1 200 " },
		{ "If-Match: \"x\"", "HTTP/1.1 412 " },
		{ "If-Match: \"x\"\r\nIf-None-Match: *", "HTTP/1.1 412 " },
		{ "If-Modified-Since: Sun Nov  6 08:49:37 1994", "HTTP/1.1 200 " },
		{ "If-Modified-Since: Fri, 31 Dec 2060 23:59:59 GMT", "HTTP/1.1 304 " },
		{ "If-None-Match: \"x\"\r\nIf-Modified-Since: Fri, 31 Dec 2060 23:59:59 GMT", "HTTP/1.1 200 " },
		{ "If-None-Match: \"x\"\r\nIf-None-Match: *", "HTTP/1.1 304 " },
		{ "Range: bytes=0-1,4-5", "HTTP/1.1 200 " },
		{ "Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT", "HTTP/1.1 200 " },
		{ "Range: bytes=0-1\r\nIf-Match: \"x\"", "HTTP/1.1 412 " },
		{ "Range: bytes=0-60000x", "HTTP/1.1 200 " },
		{ "Range: bytes=999999999", "HTTP/1.1 200 " },
		{ "Range: bytes=5-1", "HTTP/1.1 200 " },
		{ "Range: bytes=2-3\r\nIf-None-Match: *", "HTTP/1.1 304 " },
	};
	g_autofree char *file = suite_file("file", "content");
	Peer *peer;

	BEGIN();
	peer = peer_connect();
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *request = g_strdup_printf("GET /file HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n",
							   cases[i].field);

		g_string_truncate(peer->got, 0);
		say(peer, request);
		CU_ASSERT(expect(peer, cases[i].status, 1));
		CU_ASSERT(expect(
			peer, g_str_has_prefix(cases[i].status, "HTTP/1.1 200") ? "\r\n\r\ncontent" : "\r\n\r\n", 1));
	}
	peer_free(peer);
	end();
}

/* A path that is refused is not there: nothing of another request's is in the answer, nor of what stood in the memory. */
static void test_refused_path(void)
{
	g_autofree char *longest = g_strnfill(1000, 'a');
	g_autofree char *request = g_strdup_printf("GET /%s%%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", longest);
	static const char *const paths[] = { GET("/%zz"), GET("/%00"), GET("/a/../b"), GET("/%ff"), NULL };
	Peer *peer;

	BEGIN();
	for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
		peer = peer_connect();
		say(peer, GET("/what-somebody-else-has-asked-for"));
		CU_ASSERT(expect(peer, "GET /what-somebody-else-has-asked-for", 1));
		peer_free(peer);
		peer = peer_connect();
		say(peer, paths[i] ? paths[i] : request);
		CU_ASSERT(expect(peer, "HTTP/1.1 400 ", 1));
		CU_ASSERT(suite_wait_until(has_ended, peer, 5));
		CU_ASSERT_PTR_NULL(strstr(peer->got->str, "somebody"));
		CU_ASSERT_PTR_NULL(strstr(peer->got->str, "\"instance\""));
		peer_free(peer);
	}
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
	CU_ASSERT(suite_wait_until(server_has_read, GSIZE_TO_POINTER(strlen(GET("/hold") "more and more")), 5));
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
	g_autofree char *token = bp_http_token(exchange, TRUE), *header_token = bp_http_token(exchange, FALSE);
	g_autofree char *text = token ? g_strdup_printf("token %s, %s", token, header_token ? "header" : "query")
				      : NULL;

	if (text)
		bp_http_respond_text(exchange, 200, text);
	else if (*bp_http_query(exchange))
		hold(exchange);
	else
		bp_http_respond_text(exchange, 200,
				     bp_http_is_own_origin(exchange) ? "of the route, own" : "of the route, foreign");
}

static const BpHttpRoute route = {
	.size = sizeof(route), .path = "/route", .request = route_request, .any_origin = TRUE
};

static gboolean load_route(BpPlugin *self, GError **error)
{
	return bp_registry_add(self, "route/test", &route, error);
}

static const BpPluginInfo route_plugin = { BP_PLUGIN_BUILT, .name = "routes", .version = "1", .summary = "test",
					   .load = load_route };

static void test_routes(void)
{
	BpPlugin *plugin;
	Peer *peer;

	BEGIN();
	plugin = bp_plugin_add(&route_plugin, NULL);
	peer = peer_connect();
	say(peer, GET("/route") GET(
			  "/routes") "GET /route HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n");
	CU_ASSERT(expect(peer, "of the route, own", 1));
	CU_ASSERT(expect(peer, "GET /routes", 1));
	CU_ASSERT(expect(peer, "of the route, foreign", 1));
	say(peer, GET("/route?a=b&token=of%20query") "GET /route?token=a HTTP/1.1\r\nHost: localhost\r\n"
						     "Authorization: bearer  of header \r\n\r\n");
	CU_ASSERT(expect(peer, "token of query, query", 1));
	CU_ASSERT(expect(peer, "token of header, header", 1));
	say(peer, GET("/route?hold"));
	CU_ASSERT_FATAL(suite_wait_until(is_held, NULL, 5));
	/* Its plugin goes: the client is told, and the plugin that its exchange is gone. */
	bp_plugin_unload(plugin, NULL, NULL);
	CU_ASSERT(expect(peer, "HTTP/1.1 503 ", 1));
	CU_ASSERT_EQUAL(web.gone, 1);
	peer_free(peer);
	peer = peer_connect();
	say(peer, GET("/route"));
	CU_ASSERT(expect(peer, "GET /route", 1));
	peer_free(peer);
	end();
}

static const SuiteTest tests[] = {
	{ "pieces", test_pieces },
	{ "pieces for 1.0", test_pieces_for_1_0 },
	{ "file", test_file },
	{ "file_conditions", test_file_conditions },
	{ "refused path", test_refused_path },
	{ "take", test_take },
	{ "take later", test_take_later },
	{ "routes", test_routes },
	{ NULL },
};

int main(int argc, char **argv)
{
	return run_with_kernel("http-answers", tests, argc, argv);
}
