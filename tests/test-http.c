/* SPDX-License-Identifier: MIT */
/* test-http.c - the server: connections, order, what is refused, deadlines. */
#include "webs.h"

/* --- requests --- */

static void test_pipelining(void)
{
	Peer *peer;

	BEGIN();
	peer = peer_connect();
	say(peer, GET("/1") GET("/hold")
			  GET("/2") "POST /3 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab" GET("/4"));
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

/* What comes behind a request that waits is left with the client, but for a little; others are served meanwhile. */
static void test_pipelining_is_bounded(void)
{
	gsize size = 32 * 1024 * 1024;
	g_autofree char *more = g_malloc(size);
	g_autoptr(GPtrArray) streams = NULL;
	Peer *peer, *other;

	BEGIN();
	peer = peer_connect();
	say(peer, GET("/hold"));
	CU_ASSERT_FATAL(suite_wait_until(is_held, NULL, 5));
	for (gsize at = 0; at < size; at += 32)
		memcpy(more + at, "GET /xy HTTP/1.1\r\nHost: ::1\r\n\r\n", 32);
	bp_stream_set_backlog(peer->stream, 2 * size, BP_BACKLOG_CLOSE);
	bp_stream_write(peer->stream, more, size);
	other = peer_connect();
	for (guint i = 1; i <= 200; i++) {
		say(other, GET("/other"));
		CU_ASSERT_FATAL(expect(other, "GET /other ", i));
	}
	streams = bp_server_streams(server);
	CU_ASSERT(bp_stream_stats(streams->pdata[0]).bytes_in < 1024 * 1024);
	bp_stream_abort(peer->stream, NULL);
	peer_free(peer);
	peer_free(other);
	end();
}

static void test_split_at_every_byte(void)
{
	static const char text[] =
		"POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: v\r\n\r\n";
	Peer *peer;

	BEGIN();
	peer = peer_connect();
	for (gsize i = 0; text[i]; i++) {
		bp_stream_write(peer->stream, &text[i], 1);
		CU_ASSERT(suite_wait_until(server_has_read, GSIZE_TO_POINTER(i + 1), 5));
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
	CU_ASSERT(suite_settle());
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
		{ "GET / HTTP/1.1\r\nHost: localhost\r\nReferer: http://evil.example/http://localhost\r\n\r\n",
		  "HTTP/1.1 403 " },
		{ "GET / HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n", "HTTP/1.1 403 " },
		{ "GET / HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-site\r\n\r\n", "HTTP/1.1 403 " },
		{ "POST / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Mozilla/5.0\r\nContent-Length: 0\r\n\r\n",
		  "HTTP/1.1 403 " },
		{ "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 " },
		{ "POST / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:80\r\nContent-Length: 0\r\n\r\n",
		  "HTTP/1.1 200 " },
		{ "GET / HTTP/1.1\r\nHost: 127.0.0.1:1\r\nOrigin: http://127.0.0.1:1\r\nReferer: http://127.0.0.1:1/x\r\n\r\n",
		  "HTTP/1.1 200 " },
		{ "GET / HTTP/1.1\r\nHost: [::1]:1\r\nSec-Fetch-Site: none\r\n\r\n", "HTTP/1.1 200 " },
		{ "GET / HTTP/1.1\r\nHost: box.example:7\r\n\r\n", "HTTP/1.1 200 " },
		{ "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://friend.example\r\nSec-Fetch-Site: cross-site\r\n\r\n",
		  "HTTP/1.1 200 " },
		{ "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: tea\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 417 " },
		{ "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nx", "HTTP/1.1 400 " },
		{ "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
		  "HTTP/1.1 413 " },
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

static const SuiteTest tests[] = {
	{ "pipelining", test_pipelining },
	{ "pipelining is bounded", test_pipelining_is_bounded },
	{ "split at every byte", test_split_at_every_byte },
	{ "half close", test_half_close },
	{ "client goes first", test_client_goes_first },
	{ "server closes first", test_server_closes_first },
	{ "expect", test_expect },
	{ "refused", test_refused },
	{ "slow clients", test_slow_clients },
	{ "client that does not read", test_client_that_does_not_read },
	{ NULL },
};

int main(int argc, char **argv)
{
	return run_with_kernel("http", tests, argc, argv);
}
