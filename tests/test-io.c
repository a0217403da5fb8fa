/* SPDX-License-Identifier: MIT */
/* test-io.c - streams: order, limits, ends; both ends live on this loop. */
#define _GNU_SOURCE
#include <poll.h>
#include <pty.h>
#include <termios.h>
#include "peers.h"

static void server_accept(BpPlugin *self, BpServer *of, BpStream *stream, gpointer user)
{
}

static char *server_refusal(BpPlugin *self, BpServer *of, const char *why, gpointer user)
{
	return NULL;
}

/* Two streams of `owner` and of the kernel. */
static void make_pair(BpPlugin *owner, Peer **near, Peer **far)
{
	int fds[2];

	g_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	*near = peer_new();
	*far = peer_new();
	(*near)->stream = bp_stream_open_fd(owner, fds[0], &peer_events, *near);
	(*far)->stream = bp_stream_open_fd(bp_kernel(), fds[1], &peer_events, *far);
}

/* Over TCP, which takes any part of what it is given. */
static void make_tcp_pair(Peer **near, Peer **far)
{
	BpAddress address;
	int listener = listen_tcp(&address, 5), small = 20000;

	*near = peer_new();
	*far = peer_new();
	(*far)->stream = bp_stream_connect(bp_kernel(), &address, G_USEC_PER_SEC, NULL, &peer_events, *far);
	(*near)->stream = bp_stream_open_fd(bp_kernel(), accept(listener, NULL, NULL), &peer_events, *near);
	setsockopt(bp_stream_fd((*near)->stream), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	CU_ASSERT(suite_wait_until(is_ready, *far, 5));
	close(listener);
}

static void test_writes_arrive_in_order(void)
{
	GString *sent = g_string_new(NULL);
	Peer *near, *far;

	make_pair(bp_kernel(), &near, &far);
	for (guint i = 0; i < 3000; i++) {
		g_autofree char *word = g_strdup_printf("%u;", i * 7919);

		g_string_append(sent, word);
		if (i % 3) {
			bp_stream_write(near->stream, word, strlen(word));
		} else {
			g_autoptr(BpMessage) message = bp_message_new(word, strlen(word), BP_BINARY);

			bp_stream_send(near->stream, message);
		}
	}
	CU_ASSERT_EQUAL(bp_stream_queued(near->stream), sent->len);
	CU_ASSERT_EQUAL(far->size, 0); /* nothing leaves before the turn's end */
	CU_ASSERT(wait_size(far, sent->len));
	CU_ASSERT_STRING_EQUAL(far->got->str, sent->str);
	CU_ASSERT_EQUAL(bp_stream_queued(near->stream), 0);
	CU_ASSERT_EQUAL(bp_stream_stats(near->stream).bytes_out, sent->len);
	CU_ASSERT_EQUAL(bp_stream_stats(far->stream).bytes_in, sent->len);
	g_string_free(sent, TRUE);
	peer_free(near);
	peer_free(far);
}

static void test_empty_writes_are_nothing(void)
{
	g_autoptr(BpMessage) empty = bp_message_new(NULL, 0, BP_BINARY);
	Peer *near, *far;

	make_pair(bp_kernel(), &near, &far);
	CU_ASSERT(bp_stream_write(near->stream, NULL, 0) == BP_SENT);
	CU_ASSERT(bp_stream_send(near->stream, empty) == BP_SENT);
	CU_ASSERT(bp_stream_write(near->stream, "x", 1) == BP_SENT);
	CU_ASSERT(wait_size(far, 1));
	CU_ASSERT_STRING_EQUAL(far->got->str, "x");
	peer_free(near);
	peer_free(far);
}

#define HUGE_SIZE (8 * 1024 * 1024)

static guint8 huge_byte(gsize at)
{
	return (guint8)(at * 31 + (at >> 11));
}

static void write_more(BpStream *stream, gpointer data)
{
	Peer *peer = data;
	guint8 piece[5000];
	gboolean more = TRUE;

	while (more && peer->done < HUGE_SIZE) {
		gsize size = MIN(sizeof(piece), HUGE_SIZE - peer->done);

		for (gsize i = 0; i < size; i++)
			piece[i] = huge_byte(peer->done + i);
		peer->done += size;
		more = bp_stream_write(stream, piece, size) == BP_SENT;
	}
}

static void test_drained_paces_huge_writes(void)
{
	Peer *near, *far;
	gsize wrong = 0;

	make_pair(bp_kernel(), &near, &far);
	bp_stream_set_backlog(near->stream, 64 * 1024, BP_BACKLOG_CLOSE);
	near->on_drained = write_more;
	write_more(near->stream, near);
	CU_ASSERT(near->done < HUGE_SIZE);
	CU_ASSERT(wait_size(far, HUGE_SIZE));
	CU_ASSERT(near->drained > 10);
	CU_ASSERT_EQUAL(far->got->len, HUGE_SIZE);
	for (gsize i = 0; i < far->got->len; i++)
		wrong += (guint8)far->got->str[i] != huge_byte(i);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(near->closed, 0);
	peer_free(near);
	peer_free(far);
}

/* One message larger than the limit is the memory of that message, no more. */
static void test_one_large_message_passes(void)
{
	g_autofree char *bytes = g_malloc0(3000000);
	g_autoptr(BpMessage) message = bp_message_new(bytes, 3000000, BP_BINARY);
	Peer *near, *far;

	make_pair(bp_kernel(), &near, &far);
	bp_stream_set_backlog(near->stream, 100000, BP_BACKLOG_CLOSE);
	CU_ASSERT_NOT_EQUAL(bp_stream_send(near->stream, message), BP_SENT);
	CU_ASSERT(wait_size(far, 3000000));
	CU_ASSERT_EQUAL(near->closed, 0);
	CU_ASSERT_EQUAL(near->drained, 1);
	peer_free(near);
	peer_free(far);
}

static void test_peers_end_leaves_our_half(void)
{
	Peer *near, *far;

	make_pair(bp_kernel(), &near, &far);
	near->keep_open = TRUE;
	bp_stream_write(far->stream, "question", 8);
	CU_ASSERT(wait_size(near, 8));
	shutdown(bp_stream_fd(far->stream), SHUT_WR);
	CU_ASSERT(suite_wait_until(has_ended, near, 5));
	CU_ASSERT_EQUAL(near->closed, 0);
	bp_stream_write(near->stream, "answer", 6);
	CU_ASSERT(wait_size(far, 6));
	bp_stream_close(near->stream);
	CU_ASSERT(suite_wait_until(is_closed, near, 5));
	CU_ASSERT(suite_wait_until(is_closed, far, 5));
	CU_ASSERT_PTR_NULL(near->why);
	CU_ASSERT_PTR_NULL(far->why);
	CU_ASSERT_EQUAL(near->ended, 1);
	peer_free(near);
	peer_free(far);
}

static void test_without_end_function_the_queue_is_sent(void)
{
	static const BpStreamEvents events = { .size = sizeof(events), .data = peer_data, .closed = peer_closed };
	g_autofree char *bytes = g_malloc0(500000);
	Peer *near, *far;

	make_pair(bp_kernel(), &near, &far);
	bp_stream_set_user(near->stream, &events, near);
	bp_stream_write(near->stream, bytes, 500000);
	shutdown(bp_stream_fd(far->stream), SHUT_WR);
	CU_ASSERT(wait_size(far, 500000));
	CU_ASSERT(suite_wait_until(is_closed, near, 5));
	CU_ASSERT_PTR_NULL(near->why);
	CU_ASSERT_EQUAL(near->ended, 0);
	peer_free(near);
	peer_free(far);
}

static void test_slow_reader_is_closed(void)
{
	g_autofree char *bytes = g_malloc0(10000);
	Peer *near, *far;
	guint written = 0;

	make_pair(bp_kernel(), &near, &far);
	bp_stream_set_reading(far->stream, FALSE);
	bp_stream_set_backlog(near->stream, 1024 * 1024, BP_BACKLOG_CLOSE);
	near->inside++;
	for (; !bp_stream_is_closing(near->stream) && written < 1000; written++)
		bp_stream_write(near->stream, bytes, 10000);
	near->inside--;
	CU_ASSERT(written > 100 && written < 200);
	CU_ASSERT_EQUAL(near->closed, 0);
	CU_ASSERT_NOT_EQUAL(bp_stream_write(near->stream, "x", 1), BP_SENT);
	CU_ASSERT(suite_wait_until(is_closed, near, 5));
	CU_ASSERT(g_error_matches(near->why, BP_IO_ERROR, BP_LIMIT));
	CU_ASSERT_STRING_EQUAL(near->why->message, "did not read: 1.0 MiB were waiting");
	CU_ASSERT_EQUAL(near->closed, 1);
	peer_free(near);
	peer_free(far);
}

#define LINE 5003
#define LINES 4000

static void test_slow_reader_loses_whole_messages(void)
{
	Peer *near, *far;
	guint last = 0, lost = 0, torn = 0;

	make_tcp_pair(&near, &far);
	bp_stream_set_reading(far->stream, FALSE);
	bp_stream_set_backlog(near->stream, 200000, BP_BACKLOG_DROP_OLDEST);
	for (guint i = 1; i <= LINES; i++) {
		char line[LINE + 1];

		memset(line, (int)('a' + i % 26), LINE);
		line[g_snprintf(line, sizeof(line), "%u:", i)] = (char)('a' + i % 26);
		line[LINE - 1] = '\n';
		bp_stream_write(near->stream, line, LINE);
		CU_ASSERT_FATAL(bp_stream_queued(near->stream) <= 200000);
		if (i % 100 == 0)
			CU_ASSERT(suite_settle());
	}
	CU_ASSERT(bp_stream_stats(near->stream).drops > 100);
	bp_stream_set_reading(far->stream, TRUE);
	CU_ASSERT(wait_size(far, (LINES - (gsize)bp_stream_stats(near->stream).drops) * LINE));
	CU_ASSERT_EQUAL(far->got->len % LINE, 0);
	for (gsize at = 0; at + LINE <= far->got->len; at += LINE) {
		guint number = (guint)atoi(far->got->str + at);

		torn += far->got->str[at + LINE - 1] != '\n' || number <= last;
		torn += far->got->str[at + LINE - 2] != (char)('a' + number % 26);
		lost += number - last - 1;
		last = number;
	}
	CU_ASSERT_EQUAL(torn, 0);
	CU_ASSERT_EQUAL(last, LINES);
	CU_ASSERT_EQUAL(lost, bp_stream_stats(near->stream).drops);
	CU_ASSERT_EQUAL(near->closed, 0);
	peer_free(near);
	peer_free(far);
}

static void close_it(BpStream *stream, gpointer data)
{
	Peer *peer = data;

	peer->inside++;
	bp_stream_write(stream, "bye", 3);
	bp_stream_close(stream);
	bp_stream_close(stream);
	CU_ASSERT_NOT_EQUAL(bp_stream_write(stream, "more", 4), BP_SENT);
	peer->inside--;
}

static void abort_it(BpStream *stream, gpointer data)
{
	g_autoptr(GError) why = g_error_new_literal(BP_IO_ERROR, BP_CANCELLED, "enough");
	Peer *peer = data;

	peer->inside++;
	bp_stream_write(stream, "lost", 4);
	bp_stream_abort(stream, why);
	bp_stream_abort(stream, NULL);
	bp_stream_close(stream);
	CU_ASSERT_EQUAL(bp_stream_fd(stream), -1);
	peer->inside--;
}

static void test_close_inside_data(void)
{
	Peer *near, *far;

	make_pair(bp_kernel(), &near, &far);
	near->on_data = close_it;
	bp_stream_write(far->stream, "hello", 5);
	CU_ASSERT(suite_wait_until(is_closed, near, 5));
	CU_ASSERT(suite_wait_until(is_closed, far, 5));
	CU_ASSERT_STRING_EQUAL(far->got->str, "bye");
	CU_ASSERT_PTR_NULL(near->why);
	CU_ASSERT_EQUAL(near->closed, 1);
	CU_ASSERT_EQUAL(near->data, 1);
	peer_free(near);
	peer_free(far);
}

static void test_abort_inside_data(void)
{
	Peer *near, *far;

	make_pair(bp_kernel(), &near, &far);
	near->on_data = abort_it;
	bp_stream_write(far->stream, "hello", 5);
	CU_ASSERT(suite_wait_until(is_closed, near, 5));
	CU_ASSERT(suite_wait_until(is_closed, far, 5));
	CU_ASSERT_EQUAL(far->size, 0);
	CU_ASSERT_STRING_EQUAL(near->why->message, "enough");
	CU_ASSERT_EQUAL(near->closed, 1);
	peer_free(near);
	peer_free(far);
}

/* A socket closed with unread bytes is reset, and the peer loses what it has not read yet. */
static void test_close_with_unread_bytes_is_no_reset(void)
{
	g_autofree char *bytes = g_malloc0(4000000);
	Peer *near, *far;

	make_tcp_pair(&near, &far);
	bp_stream_set_reading(near->stream, FALSE);
	bp_stream_write(far->stream, bytes, 4000000);
	CU_ASSERT(suite_settle());
	CU_ASSERT_EQUAL(near->size, 0);
	CU_ASSERT(bp_stream_queued(far->stream) > 0);
	bp_stream_write(near->stream, "last words", 10);
	bp_stream_close(near->stream);
	CU_ASSERT(suite_wait_until(is_closed, far, 5));
	CU_ASSERT_STRING_EQUAL(far->got->str, "last words");
	CU_ASSERT_PTR_NULL(far->why);
	CU_ASSERT(suite_wait_until(is_closed, near, 5));
	CU_ASSERT_PTR_NULL(near->why);
	CU_ASSERT_EQUAL(near->size, 0);
	peer_free(near);
	peer_free(far);
}

/* It does not read our end, so it need not be heard out: some of what it sends, and no more. */
static void test_peer_that_goes_on_sending(void)
{
	gsize size = 64 * 1024 * 1024;
	g_autofree char *bytes = g_malloc0(size);
	Peer *near, *far;

	make_tcp_pair(&near, &far);
	far->keep_open = TRUE;
	bp_stream_set_backlog(far->stream, 2 * size, BP_BACKLOG_CLOSE);
	bp_stream_write(far->stream, bytes, size);
	bp_stream_close(near->stream);
	CU_ASSERT(suite_wait_until(is_closed, near, 10));
	CU_ASSERT(suite_wait_until(is_closed, far, 10));
	CU_ASSERT_PTR_NOT_NULL(far->why); /* a reset: it has not sent all */
	peer_free(near);
	peer_free(far);
}

static void test_reset_is_told(void)
{
	struct linger now = { .l_onoff = 1 };
	Peer *near = peer_new();
	BpAddress address;
	int listener = listen_tcp(&address, 5), other;

	near->stream = bp_stream_connect(bp_kernel(), &address, G_USEC_PER_SEC, NULL, &peer_events, near);
	other = accept(listener, NULL, NULL);
	CU_ASSERT(suite_wait_until(is_ready, near, 5));
	CU_ASSERT_STRING_NOT_EQUAL(bp_stream_local(near->stream), "");
	/* A stream that is not read is told too. */
	bp_stream_set_reading(near->stream, FALSE);
	setsockopt(other, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(other);
	CU_ASSERT(suite_wait_until(is_closed, near, 5));
	CU_ASSERT(g_error_matches(near->why, BP_IO_ERROR, BP_CLOSED));
	close(listener);
	peer_free(near);
}

/* Data queued by an owner that goes still arrives; that the stream has gone is said once. */
static void test_owner_goes(void)
{
	static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "short-lived", .version = "1", .summary = "test" };
	g_autofree char *bytes = g_malloc0(2000000);
	BpPlugin *owner = bp_plugin_add(&info, NULL);
	Peer *near, *far;

	CU_ASSERT_PTR_NOT_NULL_FATAL(owner);
	make_pair(owner, &near, &far);
	bp_stream_set_backlog(near->stream, 4000000, BP_BACKLOG_CLOSE);
	bp_stream_write(near->stream, bytes, 2000000);
	bp_plugin_unload(owner, NULL, NULL);
	CU_ASSERT(suite_wait_until(is_closed, far, 10));
	CU_ASSERT_EQUAL(far->size, 2000000);
	CU_ASSERT_EQUAL(near->closed, 1);
	peer_free(near);
	peer_free(far);
}

static void test_paused_stream_sleeps(void)
{
	Peer *near, *far;

	make_pair(bp_kernel(), &near, &far);
	bp_stream_set_reading(near->stream, FALSE);
	bp_stream_write(far->stream, "kept", 4);
	bp_stream_close(far->stream);
	CU_ASSERT_PTR_NOT_NULL(far->stream);
	CU_ASSERT(suite_settle());
	/* Its peer has ended, which the system would tell again and again. */
	shutdown(bp_stream_fd(near->stream), SHUT_WR);
	CU_ASSERT(suite_wait_until(is_closed, far, 5));
	CU_ASSERT(suite_settle());
	CU_ASSERT_EQUAL(near->size, 0);
	CU_ASSERT_EQUAL(near->closed, 0);
	bp_stream_set_reading(near->stream, TRUE);
	CU_ASSERT(suite_wait_until(is_closed, near, 5));
	CU_ASSERT_STRING_EQUAL(near->got->str, "kept");
	peer_free(near);
	peer_free(far);
}

static void take_over(BpStream *stream, gpointer data)
{
	Peer *peer = data;
	Peer *next = *(Peer **)(peer + 1);

	next->stream = stream;
	peer->stream = NULL;
	bp_stream_set_user(stream, &peer_events, next);
}

static void test_user_changes_inside_data(void)
{
	struct {
		Peer peer;
		Peer *next;
	} first = { .peer = { .got = g_string_new(NULL), .on_data = take_over } };
	Peer *far = peer_new();
	int fds[2];

	first.next = peer_new();
	g_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	first.peer.stream = bp_stream_open_fd(bp_kernel(), fds[0], &peer_events, &first.peer);
	far->stream = bp_stream_open_fd(bp_kernel(), fds[1], &peer_events, far);
	bp_stream_write(far->stream, "one", 3);
	CU_ASSERT(wait_size(&first.peer, 3));
	bp_stream_write(far->stream, "two", 3);
	CU_ASSERT(wait_size(first.next, 3));
	CU_ASSERT_STRING_EQUAL(first.peer.got->str, "one");
	CU_ASSERT_STRING_EQUAL(first.next->got->str, "two");
	peer_free(first.next);
	CU_ASSERT_EQUAL(first.peer.closed, 0);
	g_string_free(first.peer.got, TRUE);
	peer_free(far);
}

static gboolean is_flushed(gpointer data)
{
	return bp_stream_queued(((Peer *)data)->stream) == 0;
}

static void test_terminal(void)
{
	struct termios raw;
	Peer *near = peer_new();
	char bytes[16] = "";
	int master, slave;

	CU_ASSERT_EQUAL_FATAL(openpty(&master, &slave, NULL, NULL, NULL), 0);
	tcgetattr(slave, &raw);
	cfmakeraw(&raw);
	tcsetattr(slave, TCSANOW, &raw);
	near->stream = bp_stream_open_fd(bp_kernel(), master, &peer_events, near);
	CU_ASSERT_STRING_EQUAL(bp_stream_peer(near->stream), "");
	CU_ASSERT_EQUAL(write(slave, "typed", 5), 5);
	CU_ASSERT(wait_size(near, 5));
	bp_stream_write(near->stream, "shown", 5);
	CU_ASSERT(suite_wait_until(is_flushed, near, 5));
	CU_ASSERT_EQUAL(poll(&(struct pollfd){ slave, POLLIN, 0 }, 1, 5000), 1);
	CU_ASSERT_EQUAL(read(slave, bytes, sizeof(bytes)), 5);
	CU_ASSERT_STRING_EQUAL(bytes, "shown");
	close(slave);
	CU_ASSERT(suite_wait_until(is_closed, near, 5));
	CU_ASSERT_PTR_NULL(near->why);
	CU_ASSERT_EQUAL(near->ended, 1);
	peer_free(near);
}

/* One message, many readers: no copies are made. */
static void test_message_is_shared(void)
{
	g_autoptr(BpMessage) message = bp_message_new("to all", 6, BP_BINARY);
	Peer *near[20], *far[20];

	for (guint i = 0; i < 20; i++) {
		make_pair(bp_kernel(), &near[i], &far[i]);
		bp_stream_send(near[i]->stream, message);
		bp_stream_write(near[i]->stream, "!", 1);
	}
	for (guint i = 0; i < 20; i++) {
		CU_ASSERT(wait_size(far[i], 7));
		CU_ASSERT_STRING_EQUAL(far[i]->got->str, "to all!");
		peer_free(near[i]);
		peer_free(far[i]);
	}
	CU_ASSERT_NSTRING_EQUAL(bp_message_data(message), "to all", 6);
}

typedef struct {
	Peer *peer;
	int fd;
} Elsewhere;

static void open_elsewhere(BpPlugin *self, gpointer data)
{
	Elsewhere *elsewhere = data;

	elsewhere->peer->echo = TRUE;
	elsewhere->peer->stream = bp_stream_open_fd(self, elsewhere->fd, &peer_events, elsewhere->peer);
}

static void test_stream_on_another_loop(void)
{
	static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "elsewhere", .version = "1", .summary = "test" };
	BpPlugin *owner = bp_plugin_add(&info, NULL);
	BpLoop *loop = bp_loop_open(owner, "elsewhere", NULL);
	Elsewhere elsewhere = { .peer = peer_new() };
	Peer *far = peer_new();
	int fds[2];

	g_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	elsewhere.fd = fds[0];
	far->stream = bp_stream_open_fd(bp_kernel(), fds[1], &peer_events, far);
	bp_loop_call(owner, loop, open_elsewhere, &elsewhere, NULL);
	bp_stream_write(far->stream, "around", 6);
	CU_ASSERT(wait_size(far, 6));
	CU_ASSERT_STRING_EQUAL(far->got->str, "around");
	bp_plugin_unload(owner, NULL, NULL);
	elsewhere.peer->stream = NULL;
	CU_ASSERT(suite_wait_until(is_closed, far, 5));
	peer_free(elsewhere.peer);
	peer_free(far);
}

static const SuiteTest tests[] = {
	{ "writes arrive in order", test_writes_arrive_in_order },
	{ "empty writes are nothing", test_empty_writes_are_nothing },
	{ "drained paces huge writes", test_drained_paces_huge_writes },
	{ "one large message passes", test_one_large_message_passes },
	{ "the peer's end leaves our half", test_peers_end_leaves_our_half },
	{ "without end function the queue is sent", test_without_end_function_the_queue_is_sent },
	{ "a slow reader is closed", test_slow_reader_is_closed },
	{ "a slow reader loses whole messages", test_slow_reader_loses_whole_messages },
	{ "close inside data", test_close_inside_data },
	{ "abort inside data", test_abort_inside_data },
	{ "close with unread bytes is no reset", test_close_with_unread_bytes_is_no_reset },
	{ "a peer that goes on sending", test_peer_that_goes_on_sending },
	{ "a reset is told", test_reset_is_told },
	{ "the owner goes", test_owner_goes },
	{ "a paused stream sleeps", test_paused_stream_sleeps },
	{ "the user changes inside data", test_user_changes_inside_data },
	{ "terminal", test_terminal },
	{ "a message is shared", test_message_is_shared },
	{ "stream on another loop", test_stream_on_another_loop },
	{ NULL },
};

int main(int argc, char **argv)
{
	return run_with_kernel("io", tests, argc, argv);
}
