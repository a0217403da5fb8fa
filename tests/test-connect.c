/* SPDX-License-Identifier: MIT */
/* test-connect.c - outgoing streams: refused, unanswered, written to before they are there. */
#include "peers.h"

static void server_accept(BpPlugin *self, BpServer *of, BpStream *stream, gpointer user)
{
}

static char *server_refusal(BpPlugin *self, BpServer *of, const char *why, gpointer user)
{
	return NULL;
}

static void test_connect_refused(void)
{
	Peer *near = peer_new();
	BpAddress address;
	g_autofree char *text = NULL;
	int listener = listen_tcp(&address, 5);

	close(listener);
	near->inside++;
	near->stream = bp_stream_connect(bp_kernel(), &address, G_USEC_PER_SEC, NULL, &peer_events, near);
	near->inside--;
	CU_ASSERT_PTR_NOT_NULL(near->stream);
	bp_stream_write(near->stream, "never sent", 10);
	CU_ASSERT(suite_wait_until(is_closed, near, 5));
	text = bp_address_format(&address);
	CU_ASSERT_PTR_NOT_NULL(strstr(near->why->message, text));
	CU_ASSERT_PTR_NOT_NULL(strstr(near->why->message, "Connection refused"));
	CU_ASSERT_EQUAL(near->ready, 0);
	peer_free(near);
}

/* A listener whose queue is full does not answer. */
static void test_connect_times_out(void)
{
	Peer *fillers[3], *near = peer_new();
	BpAddress address;
	int listener = listen_tcp(&address, 0);

	for (guint i = 0; i < G_N_ELEMENTS(fillers); i++) {
		fillers[i] = peer_new();
		fillers[i]->stream = bp_stream_connect(bp_kernel(), &address, 5 * G_USEC_PER_SEC, NULL, &peer_events,
						       fillers[i]);
	}
	near->stream = bp_stream_connect(bp_kernel(), &address, 50000, NULL, &peer_events, near);
	CU_ASSERT(suite_wait_until(is_closed, near, 5));
	CU_ASSERT(g_error_matches(near->why, BP_IO_ERROR, BP_TIMEOUT));
	for (guint i = 0; i < G_N_ELEMENTS(fillers); i++)
		peer_free(fillers[i]);
	peer_free(near);
	close(listener);
}

static void test_what_is_written_early_waits(void)
{
	Peer *near = peer_new(), *far = peer_new();
	BpAddress address;
	int listener = listen_tcp(&address, 5);

	near->stream = bp_stream_connect(bp_kernel(), &address, G_USEC_PER_SEC, NULL, &peer_events, near);
	bp_stream_write(near->stream, "early", 5);
	bp_stream_close(near->stream);
	CU_ASSERT_EQUAL(near->closed, 0);
	far->stream = bp_stream_open_fd(bp_kernel(), accept(listener, NULL, NULL), &peer_events, far);
	CU_ASSERT(suite_wait_until(is_closed, near, 5));
	CU_ASSERT(suite_wait_until(is_closed, far, 5));
	CU_ASSERT_STRING_EQUAL(far->got->str, "early");
	close(listener);
	peer_free(near);
	peer_free(far);
}

/* Nothing goes out yet, so nothing is let go: one message over the limit passes, a second one does not. */
static void test_backlog_is_bounded(void)
{
	g_autofree char *bytes = g_malloc0(100000);
	Peer *near = peer_new();
	BpAddress address;
	int listener = listen_tcp(&address, 5);

	near->stream = bp_stream_connect(bp_kernel(), &address, G_USEC_PER_SEC, NULL, &peer_events, near);
	bp_stream_set_backlog(near->stream, 50000, BP_BACKLOG_CLOSE);
	CU_ASSERT_NOT_EQUAL(bp_stream_write(near->stream, bytes, 100000), BP_SENT);
	CU_ASSERT_FALSE(bp_stream_is_closing(near->stream));
	CU_ASSERT_NOT_EQUAL(bp_stream_write(near->stream, bytes, 100000), BP_SENT);
	CU_ASSERT(suite_wait_until(is_closed, near, 5));
	CU_ASSERT(g_error_matches(near->why, BP_IO_ERROR, BP_LIMIT));
	close(listener);
	peer_free(near);
}

static const SuiteTest tests[] = {
	{ "connect refused", test_connect_refused },
	{ "connect times out", test_connect_times_out },
	{ "what is written early waits", test_what_is_written_early_waits },
	{ "the backlog is bounded", test_backlog_is_bounded },
	{ NULL },
};

int main(int argc, char **argv)
{
	return run_with_kernel("connect", tests, argc, argv);
}
