/* SPDX-License-Identifier: MIT */
/* test-server.c - servers: what they let in, refuse, time out, announce and count. */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include "peers.h"

static struct {
	guint accepted;
	gboolean leave; /* streams get no events */
	gboolean refusals;
	Peer *last;
	GPtrArray *peers; /* near ends, freed with the test */
	GPtrArray *said;  /* on the event channel */
	BpInstance *instance;
	BpWatch *watch;
} scene;

static void server_accept(BpPlugin *self, BpServer *of, BpStream *stream, gpointer user)
{
	scene.accepted++;
	if (scene.leave) {
		bp_stream_write(stream, "nobody home", 11);
		return;
	}
	g_ptr_array_add(scene.peers, scene.last = peer_new());
	scene.last->stream = stream;
	scene.last->echo = TRUE;
	bp_stream_set_user(stream, &peer_events, scene.last);
}

static char *server_refusal(BpPlugin *self, BpServer *of, const char *why, gpointer user)
{
	return scene.refusals ? g_strdup_printf("Sorry: %s.\r\n", why) : NULL;
}

static void on_event(BpPlugin *self, BpMessage *message, gpointer data)
{
	g_ptr_array_add(scene.said, g_strstrip(g_strdup(bp_message_data(message))));
}

static gboolean begin(const char *const *pairs, GError **error)
{
	memset(&scene, 0, sizeof(scene));
	scene.peers = g_ptr_array_new_with_free_func((GDestroyNotify)peer_free);
	scene.said = g_ptr_array_new_with_free_func(g_free);
	scene.watch = bp_channel_watch(bp_kernel(), bp_channel(bp_kernel(), "server-test"), on_event, NULL, NULL);
	return (scene.instance = server_open(error, pairs)) != NULL;
}

#define BEGIN(...) CU_ASSERT_FATAL(begin((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL }, NULL))

static gboolean none_open(gpointer data)
{
	return bp_server_stats(server).connections == 0;
}

static void end(void)
{
	g_clear_pointer(&scene.peers, g_ptr_array_unref);
	if (scene.instance) {
		bp_instance_close(scene.instance, NULL);
		CU_ASSERT_STRING_EQUAL(scene.said->pdata[scene.said->len - 1], "Shutting down server.");
	}
	bp_watch_remove(scene.watch);
	g_ptr_array_unref(scene.said);
}

/* How often something of this pattern was announced. */
static guint said(const char *pattern)
{
	guint count = 0;

	for (guint i = 0; i < scene.said->len; i++)
		count += g_pattern_match_simple(pattern, scene.said->pdata[i]);
	return count;
}

static gboolean was_said(gpointer pattern)
{
	return said(pattern) > 0;
}

static gboolean has_accepted(gpointer count)
{
	return scene.accepted >= GPOINTER_TO_UINT(count);
}

static gboolean has_decided(gpointer count)
{
	BpServerStats stats = bp_server_stats(server);

	return stats.accepted + stats.refused >= GPOINTER_TO_UINT(count);
}

static int bind_socket(int fd, const BpAddress *address)
{
	return bind(fd, (const struct sockaddr *)&address->storage, address->size);
}

/* A second one beside that of the scene. */
static BpInstance *open_second(const char *pair, GError **error)
{
	BpServer *first = server;
	BpValues *values = bp_values_new(peer_server_params);
	BpInstance *second;

	g_assert(bp_values_set_pairs(values, (const char *const[]){ pair, NULL }, NULL));
	second = bp_module_open("TestServer", "second", "/", values, error);
	server = first;
	return second;
}

static Peer *visit(void)
{
	Peer *peer = peer_connect();
	guint before = scene.accepted;

	CU_ASSERT(suite_wait_until(has_accepted, GUINT_TO_POINTER(before + 1), 5));
	CU_ASSERT(suite_wait_until(is_ready, peer, 5));
	return peer;
}

static void test_announces(void)
{
	g_autofree char *listening = NULL, *connected = NULL, *closed = NULL;
	g_autoptr(GPtrArray) streams = NULL;
	Peer *peer;
	guint port;
	GPtrArray *all;

	BEGIN();
	listening = g_strdup_printf("Listening test on port %u...", bp_server_port(server));
	CU_ASSERT(bp_server_port(server) > 0);
	CU_ASSERT_STRING_EQUAL(scene.said->pdata[0], listening);
	peer = visit();
	CU_ASSERT_EQUAL_FATAL(sscanf(bp_stream_local(peer->stream), "127.0.0.1:%u", &port), 1);
	connected = g_strdup_printf("Socket Connected: ('127.0.0.1', %u)", port);
	closed = g_strdup_printf("Connection to ('127.0.0.1', %u) was closed.", port);
	CU_ASSERT_STRING_EQUAL(scene.said->pdata[1], connected);
	CU_ASSERT_STRING_EQUAL(bp_stream_peer(scene.last->stream), bp_stream_local(peer->stream));
	CU_ASSERT_PTR_EQUAL(bp_stream_server(scene.last->stream), server);
	CU_ASSERT_EQUAL(bp_stream_number(scene.last->stream), 1);
	streams = bp_server_streams(server);
	CU_ASSERT_EQUAL(streams->len, 1);
	all = bp_server_list();
	CU_ASSERT_EQUAL(all->len, 1);
	g_ptr_array_unref(all);
	bp_stream_write(peer->stream, "ping", 4);
	CU_ASSERT(wait_size(peer, 4));
	CU_ASSERT_EQUAL(bp_server_stats(server).bytes_in, 4);
	bp_stream_close(peer->stream);
	CU_ASSERT(suite_wait_until(none_open, NULL, 5));
	CU_ASSERT_STRING_EQUAL(scene.said->pdata[2], closed);
	CU_ASSERT_EQUAL(bp_server_stats(server).bytes_out, 4);
	CU_ASSERT_EQUAL(bp_server_stats(server).accepted, 1);
	peer_free(peer);
	end();
	all = bp_server_list();
	CU_ASSERT_EQUAL(all->len, 0);
	g_ptr_array_unref(all);
}

static void test_stream_left_alone_is_closed(void)
{
	Peer *peer;

	BEGIN();
	scene.leave = TRUE;
	peer = visit();
	CU_ASSERT(suite_wait_until(is_closed, peer, 5));
	CU_ASSERT_STRING_EQUAL(peer->got->str, "nobody home");
	peer_free(peer);
	end();
}

static void test_most_connections(void)
{
	Peer *first, *second, *third = peer_new();
	BpAddress address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	BEGIN("max_connections=2");
	scene.refusals = TRUE;
	first = visit();
	second = visit();
	/* It has spoken before it is refused, and is told nevertheless. */
	address = server_address();
	CU_ASSERT_EQUAL(connect(fd, (struct sockaddr *)&address.storage, address.size), 0);
	CU_ASSERT_EQUAL(send(fd, "something unread", 16, 0), 16);
	third->stream = bp_stream_open_fd(bp_kernel(), fd, &peer_events, third);
	CU_ASSERT(suite_wait_until(is_closed, third, 5));
	CU_ASSERT_PTR_NULL(third->why);
	CU_ASSERT_STRING_EQUAL(third->got->str, "Sorry: 2 of 2 connections are open.\r\n");
	CU_ASSERT_EQUAL(said("Connection from ('127.0.0.1', *) refused: 2 of 2 connections are open."), 1);
	CU_ASSERT_EQUAL(bp_server_stats(server).refused, 1);
	CU_ASSERT_EQUAL(bp_server_stats(server).connections, 2);
	/* When one has gone, there is room again. */
	peer_free(third);
	peer_free(first);
	CU_ASSERT(suite_wait_until(is_closed, scene.peers->pdata[0], 5));
	first = visit();
	CU_ASSERT_EQUAL(scene.accepted, 3);
	peer_free(first);
	peer_free(second);
	end();
}

static void test_most_per_address(void)
{
	BpAddress other;
	Peer *first, *second, *far = peer_new();
	int fd;

	BEGIN("max_per_address=1");
	first = visit();
	second = peer_connect();
	CU_ASSERT(suite_wait_until(is_closed, second, 5));
	CU_ASSERT_EQUAL(said("Connection from * refused: 1 of 1 connections from this address are open."), 1);
	/* From another loopback address one may come in. */
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_assert(bp_address_parse(&other, "127.0.0.2", 0, NULL));
	CU_ASSERT_EQUAL(bind_socket(fd, &other), 0);
	other = server_address();
	CU_ASSERT_EQUAL(connect(fd, (struct sockaddr *)&other.storage, other.size), 0);
	far->stream = bp_stream_open_fd(bp_kernel(), fd, &peer_events, far);
	CU_ASSERT(suite_wait_until(has_accepted, GUINT_TO_POINTER(2), 5));
	peer_free(first);
	CU_ASSERT(suite_wait_until(is_closed, scene.peers->pdata[0], 5));
	first = visit();
	peer_free(first);
	peer_free(second);
	peer_free(far);
	end();
}

static void test_rate(void)
{
	gint64 begun = g_get_monotonic_time();
	Peer *peers[8];
	double more;

	BEGIN("rate_limit=3");
	for (guint i = 0; i < 8; i++)
		peers[i] = peer_connect();
	CU_ASSERT(suite_wait_until(was_said,
				   (gpointer) "Connection from * refused: more than 3 new connections a second.", 5));
	CU_ASSERT(suite_wait_until(has_decided, GUINT_TO_POINTER(8), 5));
	/* As many as came in meanwhile, which is none unless the machine was very busy. */
	more = 3.0 * (double)(g_get_monotonic_time() - begun) / G_USEC_PER_SEC;
	CU_ASSERT(scene.accepted >= 3 && scene.accepted <= 3 + more);
	CU_ASSERT_EQUAL(bp_server_stats(server).refused, 8 - scene.accepted);
	for (guint i = 0; i < 8; i++)
		peer_free(peers[i]);
	end();
}

/* The server echoes, and what it echoes is answered: both ends are always busy. */
static void go_on(BpStream *stream, gpointer peer)
{
	bp_stream_write(stream, ".", 1);
}

static void test_idle_timeout(void)
{
	static guint tries;
	Peer *silent, *busy;
	gboolean again;

	BEGIN("idle_timeout=80ms");
	busy = visit();
	busy->on_data = go_on;
	go_on(busy->stream, busy);
	silent = visit();
	CU_ASSERT(suite_wait_until(is_closed, silent, 5));
	again = busy->closed; /* the machine has kept it from talking */
	busy->on_data = NULL;
	CU_ASSERT(suite_wait_until(is_closed, scene.peers->pdata[1], 5));
	CU_ASSERT(g_error_matches(((Peer *)scene.peers->pdata[1])->why, BP_IO_ERROR, BP_TIMEOUT));
	CU_ASSERT_EQUAL(said("Connection to ('127.0.0.1', *) timed out."), bp_server_stats(server).timeouts);
	CU_ASSERT(suite_wait_until(is_closed, busy, 5));
	CU_ASSERT(suite_wait_until(none_open, NULL, 5));
	CU_ASSERT_EQUAL(bp_server_stats(server).timeouts, 2);
	peer_free(silent);
	peer_free(busy);
	end();
	CU_ASSERT_FATAL(!again || ++tries < 50);
	if (again)
		test_idle_timeout();
}

static void test_session_timeout(void)
{
	gint64 start = g_get_monotonic_time();
	Peer *busy;

	BEGIN("connection_timeout=80ms");
	busy = visit();
	busy->on_data = go_on;
	go_on(busy->stream, busy);
	CU_ASSERT(suite_wait_until(is_closed, busy, 5));
	CU_ASSERT(g_get_monotonic_time() - start >= 80000);
	CU_ASSERT(suite_wait_until(none_open, NULL, 5));
	CU_ASSERT_EQUAL(said("Connection to * timed out."), 1);
	peer_free(busy);
	end();
}

static void test_slow_reader(void)
{
	g_autofree char *bytes = g_malloc0(100000);
	Peer *peer;

	BEGIN("backlog_limit=200K");
	peer = visit();
	bp_stream_set_reading(peer->stream, FALSE);
	for (guint i = 0; i < 1000 && scene.last->stream; i++) {
		bp_stream_write(scene.last->stream, bytes, 100000);
		CU_ASSERT(suite_settle());
	}
	CU_ASSERT(scene.last->closed);
	CU_ASSERT_EQUAL(said("Connection to * was closed: did not read: *KiB were waiting."), 1);
	CU_ASSERT_EQUAL(bp_server_stats(server).slow, 1);
	peer_free(peer);
	end();
}

static void test_slow_reader_cut(void)
{
	g_autofree char *bytes = g_malloc0(100000);
	Peer *peer;

	BEGIN("backlog_limit=200K", "backlog_policy=drop-oldest");
	peer = visit();
	bp_stream_set_reading(peer->stream, FALSE);
	for (guint i = 0; i < 200; i++)
		bp_stream_write(scene.last->stream, bytes, 100000);
	CU_ASSERT_FALSE(scene.last->closed);
	CU_ASSERT_EQUAL(said("Connection to * loses its oldest messages: it does not read."), 1);
	CU_ASSERT_EQUAL(bp_server_stats(server).slow, 1);
	CU_ASSERT(bp_server_stats(server).drops > 100);
	peer_free(peer);
	end();
}

static void test_port_is_taken(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *wanted = NULL, *port = NULL;
	BpAddress address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	bp_address_parse(&address, "127.0.0.1", 0, NULL);
	g_assert(bind_socket(fd, &address) == 0 && listen(fd, 1) == 0);
	getsockname(fd, (struct sockaddr *)&address.storage, &address.size);
	port = g_strdup_printf("port=%u", bp_address_port(&address));
	wanted = g_strdup_printf("port %u is taken by pid %d (*); try another port, or stop it",
				 bp_address_port(&address), getpid());
	CU_ASSERT_FALSE(begin((const char *const[]){ port, NULL }, &error));
	CU_ASSERT_PTR_NOT_NULL_FATAL(error);
	CU_ASSERT(g_pattern_match_simple(wanted, error->message));
	CU_ASSERT_EQUAL(error->code, BP_BUSY);
	CU_ASSERT_EQUAL(scene.said->len, 0);
	end();
	close(fd);
}

static void test_open_to_the_network(void)
{
	g_autoptr(GError) error = NULL;

	CU_ASSERT_FALSE(begin((const char *const[]){ "bind=0.0.0.0", NULL }, &error));
	CU_ASSERT(g_str_has_prefix(error->message, "binding 0.0.0.0 lets anybody on the network in without login; "));
	CU_ASSERT_PTR_NOT_NULL(strstr(error->message, "insecure=yes (--insecure of a command)"));
	end();
	g_clear_error(&error);
	CU_ASSERT_FALSE(begin((const char *const[]){ "bind=*", NULL }, &error));
	end();
	BEGIN("bind=*", "insecure=yes");
	CU_ASSERT_PTR_NOT_NULL(strstr(bp_server_addresses(server), "0.0.0.0:"));
	end();
}

static void test_both_loopbacks(void)
{
	Peer *fourth, *sixth = peer_new();
	BpAddress address;
	g_autofree char *wanted = NULL;

	BEGIN("bind=localhost");
	wanted = g_strdup_printf("127.0.0.1:%u, [::1]:%u", bp_server_port(server), bp_server_port(server));
	CU_ASSERT_STRING_EQUAL(bp_server_addresses(server), wanted);
	fourth = visit();
	bp_address_parse(&address, "::1", bp_server_port(server), NULL);
	sixth->stream = bp_stream_connect(bp_kernel(), &address, G_USEC_PER_SEC, NULL, &peer_events, sixth);
	CU_ASSERT(suite_wait_until(has_accepted, GUINT_TO_POINTER(2), 5));
	CU_ASSERT(said("Socket Connected: ('::1', *, 0, 0)") == 1);
	peer_free(fourth);
	peer_free(sixth);
	end();
}

static void test_socket_file(void)
{
	g_autofree char *path = g_build_filename(suite_folder(), "server.sock", NULL);
	g_autofree char *bind = g_strconcat("bind=", path, NULL);
	g_autoptr(GError) error = NULL;
	Peer *peer = peer_new();
	struct stat info;
	BpAddress address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* One that nobody listens on is left from a crash. */
	g_assert(bp_address_parse(&address, path, 0, NULL));
	g_assert(bind_socket(fd, &address) == 0);
	close(fd);
	BEGIN(bind);
	CU_ASSERT_EQUAL(stat(path, &info), 0);
	CU_ASSERT_EQUAL(info.st_mode & 0777, 0600);
	CU_ASSERT_EQUAL(said("Listening test on /*server.sock..."), 1);
	peer->stream = bp_stream_connect(bp_kernel(), &address, G_USEC_PER_SEC, NULL, &peer_events, peer);
	CU_ASSERT(suite_wait_until(has_accepted, GUINT_TO_POINTER(1), 5));
	/* One that is listened on is not. */
	CU_ASSERT_PTR_NULL(open_second(bind, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error->message, "server.sock is taken: somebody listens on it"));
	peer_free(peer);
	end();
	CU_ASSERT_EQUAL(stat(path, &info), -1);
	/* What is no socket stays. */
	g_clear_error(&error);
	g_file_set_contents(path, "precious", -1, NULL);
	CU_ASSERT_FALSE(begin((const char *const[]){ bind, NULL }, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error->message, "a file that is no socket is there"));
	CU_ASSERT_EQUAL(stat(path, &info), 0);
	end();
}

/* The program has no descriptor left: who comes is sent away, and nothing spins. */
static void test_no_descriptors_left(void)
{
	struct rlimit before, tight;
	Peer *peer, *late;
	int fds[1024], count = 0, fd;
	BpAddress address;

	BEGIN();
	peer = visit();
	address = server_address();
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	getrlimit(RLIMIT_NOFILE, &before);
	tight = (struct rlimit){ MIN(before.rlim_cur, 512), before.rlim_max };
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &tight), 0);
	while (count < (int)G_N_ELEMENTS(fds) && (fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		count++;
	connect(fd, (struct sockaddr *)&address.storage, address.size);
	CU_ASSERT(suite_wait_until(was_said,
				   (gpointer) "Connection from ('127.0.0.1', *) refused: Too many open files.", 5));
	CU_ASSERT(suite_settle());
	CU_ASSERT_EQUAL(bp_server_stats(server).refused, 1);
	while (count > 0)
		close(fds[--count]);
	setrlimit(RLIMIT_NOFILE, &before);
	close(fd);
	late = visit();
	CU_ASSERT_EQUAL(scene.accepted, 2);
	peer_free(peer);
	peer_free(late);
	end();
}

static void test_thousand_visits(void)
{
	BpAddress address;

	BEGIN("max_connections=0");
	address = server_address();
	for (guint i = 0; i < 1000; i++) {
		struct linger now = { .l_onoff = i % 2 };
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		CU_ASSERT_EQUAL(connect(fd, (struct sockaddr *)&address.storage, address.size), 0);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		CU_ASSERT_EQUAL(send(fd, "hello", 5, 0), 5);
		close(fd);
		if (i % 100 == 99)
			CU_ASSERT(suite_wait_until(has_accepted, GUINT_TO_POINTER(i + 1), 5));
	}
	CU_ASSERT(suite_wait_until(has_accepted, GUINT_TO_POINTER(1000), 5));
	CU_ASSERT(suite_wait_until(none_open, NULL, 5));
	CU_ASSERT_EQUAL(said("Socket Connected: *"), 1000);
	CU_ASSERT_EQUAL(said("Connection to * was closed."), 1000);
	CU_ASSERT_EQUAL(bp_server_stats(server).accepted, 1000);
	end();
}

static void test_streams_outlive_their_server(void)
{
	Peer *peer;

	BEGIN();
	peer = visit();
	bp_server_close(server);
	bp_stream_write(peer->stream, "still here", 10);
	CU_ASSERT(wait_size(peer, 10));
	CU_ASSERT_STRING_EQUAL(peer->got->str, "still here");
	bp_stream_close(peer->stream);
	CU_ASSERT(suite_wait_until(is_closed, scene.last, 5));
	peer_free(peer);
	CU_ASSERT_EQUAL(said("Shutting down server."), 1);
	g_clear_pointer(&scene.peers, g_ptr_array_unref);
	bp_instance_close(scene.instance, NULL);
	scene.instance = NULL;
	end();
}

/* As systemd does: a socket that listens already, told of by the environment. */
static void test_inherited_socket(void)
{
	g_autofree char *pid = g_strdup_printf("%d", getpid()), *count = NULL, *port = NULL;
	BpAddress address;
	Peer *peer;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	bp_address_parse(&address, "127.0.0.1", 0, NULL);
	g_assert(bind_socket(fd, &address) == 0 && listen(fd, 5) == 0);
	getsockname(fd, (struct sockaddr *)&address.storage, &address.size);
	count = g_strdup_printf("%d", fd - 2);
	port = g_strdup_printf("port=%u", bp_address_port(&address));
	g_setenv("LISTEN_PID", pid, TRUE);
	g_setenv("LISTEN_FDS", count, TRUE);
	/* Closed and opened again: the socket is still there. */
	for (guint i = 0; i < 2; i++) {
		BEGIN(port);
		CU_ASSERT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		peer = visit();
		peer_free(peer);
		end();
	}
	g_setenv("LISTEN_PID", "1", TRUE);
	CU_ASSERT_FALSE(begin((const char *const[]){ port, NULL }, NULL));
	end();
	g_unsetenv("LISTEN_PID");
	g_unsetenv("LISTEN_FDS");
	close(fd);
}

static void test_keepalive(void)
{
	Peer *peer;
	int value;
	socklen_t size = sizeof(value);

	for (int on = 0; on < 2; on++) {
		BEGIN(on ? "keepalive=yes" : "keepalive=no");
		peer = visit();
		value = -1;
		CU_ASSERT_EQUAL(getsockopt(bp_stream_fd(scene.last->stream), SOL_SOCKET, SO_KEEPALIVE, &value, &size),
				0);
		CU_ASSERT_EQUAL(value, on);
		peer_free(peer);
		end();
	}
}

static const SuiteTest tests[] = {
	{ "announces", test_announces },
	{ "a stream left alone is closed", test_stream_left_alone_is_closed },
	{ "most connections", test_most_connections },
	{ "most per address", test_most_per_address },
	{ "rate", test_rate },
	{ "idle timeout", test_idle_timeout },
	{ "session timeout", test_session_timeout },
	{ "slow reader", test_slow_reader },
	{ "slow reader cut", test_slow_reader_cut },
	{ "port is taken", test_port_is_taken },
	{ "open to the network", test_open_to_the_network },
	{ "both loopbacks", test_both_loopbacks },
	{ "socket file", test_socket_file },
	{ "no descriptors left", test_no_descriptors_left },
	{ "a thousand visits", test_thousand_visits },
	{ "streams outlive their server", test_streams_outlive_their_server },
	{ "inherited socket", test_inherited_socket },
	{ "keepalive", test_keepalive },
	{ NULL },
};

int main(int argc, char **argv)
{
	return run_with_kernel("server", tests, argc, argv);
}
