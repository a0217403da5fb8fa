/* SPDX-License-Identifier: MIT */
/* test-datagram.c - whole datagrams, bursts, errors, groups. */
#include <string.h>
#include <unistd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <backplane/backplane.h>
#include <backplane/net.h>
#include <backplane/kernel.h>
#include "suite.h"

typedef struct {
	BpDatagram *socket;
	GPtrArray *got; /* GBytes */
	BpAddress from;
	GError *error;
	guint errors;
	gboolean echo, close;
} Post;

static void on_data(BpPlugin *self, BpDatagram *socket, const guint8 *data, gsize size, const BpAddress *from,
		    gpointer user)
{
	Post *post = user;

	g_ptr_array_add(post->got, g_bytes_new(data, size));
	post->from = *from;
	if (post->echo)
		bp_datagram_send(socket, data, size, from);
	if (post->close)
		bp_datagram_close(socket);
}

static void on_error(BpPlugin *self, BpDatagram *socket, const GError *error, gpointer user)
{
	Post *post = user;

	post->errors++;
	g_clear_error(&post->error);
	post->error = g_error_copy(error);
}

static const BpDatagramEvents events = { .size = sizeof(events), .data = on_data, .error = on_error };

static Post *post_open(const char *host, gboolean shared)
{
	Post *post = g_new0(Post, 1);
	g_autoptr(GError) error = NULL;
	BpAddress address;

	post->got = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	g_assert(bp_address_parse(&address, host, 0, NULL));
	post->socket = bp_datagram_open(bp_kernel(), &address, shared, &events, post, &error);
	CU_ASSERT_PTR_NULL(error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(post->socket);
	return post;
}

static void post_free(Post *post)
{
	if (!post->close)
		bp_datagram_close(post->socket);
	g_ptr_array_unref(post->got);
	g_clear_error(&post->error);
	g_free(post);
}

typedef struct {
	Post *post;
	guint count;
} Wanted;

static gboolean has_count(gpointer data)
{
	Wanted *wanted = data;

	return wanted->post->got->len >= wanted->count;
}

static gboolean wait_count(Post *post, guint count)
{
	Wanted wanted = { post, count };

	return suite_wait_until(has_count, &wanted, 5);
}

static gboolean has_error(gpointer data)
{
	return ((Post *)data)->errors > 0;
}

static gboolean has_sent(gpointer data)
{
	Wanted *wanted = data;

	return bp_datagram_stats(wanted->post->socket).sent >= wanted->count;
}

static gboolean has_accounted(gpointer data)
{
	Wanted *wanted = data;
	BpDatagramStats stats = bp_datagram_stats(wanted->post->socket);

	return stats.received + stats.kernel_drops >= wanted->count;
}

static void test_sizes(void)
{
	static const gsize sizes[] = { 0, 1, 1472, 1024, 9000, 65507 };
	g_autofree guint8 *bytes = g_malloc(65507);
	Post *near = post_open("127.0.0.1", FALSE), *far = post_open("127.0.0.1", FALSE);

	for (gsize i = 0; i < 65507; i++)
		bytes[i] = (guint8)(i * 13 + (i >> 8));
	far->echo = TRUE;
	for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
		CU_ASSERT(bp_datagram_send(near->socket, bytes, sizes[i], bp_datagram_local(far->socket)) == BP_SENT);
	CU_ASSERT(wait_count(near, G_N_ELEMENTS(sizes)));
	for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
		gsize size;
		const void *data = g_bytes_get_data(near->got->pdata[i], &size);

		CU_ASSERT_EQUAL(size, sizes[i]);
		CU_ASSERT(size == 0 || memcmp(data, bytes, size) == 0);
	}
	CU_ASSERT(bp_address_equal(&far->from, bp_datagram_local(near->socket)));
	CU_ASSERT_EQUAL(bp_datagram_stats(near->socket).received, G_N_ELEMENTS(sizes));
	CU_ASSERT_EQUAL(bp_datagram_stats(near->socket).sent, G_N_ELEMENTS(sizes));
	CU_ASSERT_EQUAL(bp_datagram_stats(near->socket).bytes_in, bp_datagram_stats(near->socket).bytes_out);
	post_free(near);
	post_free(far);
}

static void test_too_large(void)
{
	g_autofree guint8 *bytes = g_malloc0(70000);
	Post *near = post_open("127.0.0.1", FALSE), *far = post_open("127.0.0.1", FALSE);

	CU_ASSERT_NOT_EQUAL(bp_datagram_send(near->socket, bytes, 65536, bp_datagram_local(far->socket)), BP_SENT);
	CU_ASSERT_EQUAL(bp_datagram_stats(near->socket).drops, 1);
	/* Larger than IPv4 can carry: the system says so, and those behind it still go. */
	CU_ASSERT(bp_datagram_send(near->socket, bytes, 65508, bp_datagram_local(far->socket)) == BP_SENT);
	CU_ASSERT(bp_datagram_send(near->socket, "next", 4, bp_datagram_local(far->socket)) == BP_SENT);
	CU_ASSERT(wait_count(far, 1));
	CU_ASSERT_EQUAL(g_bytes_get_size(far->got->pdata[0]), 4);
	CU_ASSERT_EQUAL(bp_datagram_stats(near->socket).drops, 2);
	CU_ASSERT_EQUAL(near->errors, 1);
	CU_ASSERT(near->error && strstr(near->error->message, "65508 bytes"));
	post_free(near);
	post_free(far);
}

static void test_queue_is_bounded(void)
{
	Post *near = post_open("127.0.0.1", FALSE), *far = post_open("127.0.0.1", FALSE);
	guint taken = 0;
	BpDatagramStats stats;

	for (guint i = 0; i < 3000; i++)
		taken += bp_datagram_send(near->socket, &i, sizeof(i), bp_datagram_local(far->socket)) == BP_SENT;
	CU_ASSERT_EQUAL(taken, 1024);
	CU_ASSERT_EQUAL(bp_datagram_stats(near->socket).drops, 3000 - 1024);
	CU_ASSERT(suite_wait_until(has_sent, &(Wanted){ near, 1024 }, 5));
	CU_ASSERT(suite_settle());
	/* The last one tells how many the system had no room for. */
	CU_ASSERT(bp_datagram_send(near->socket, &(guint){ 3000 }, sizeof(guint), bp_datagram_local(far->socket)) ==
		  BP_SENT);
	CU_ASSERT(suite_wait_until(has_accounted, &(Wanted){ far, 1025 }, 5));
	stats = bp_datagram_stats(far->socket);
	CU_ASSERT_EQUAL(bp_datagram_stats(near->socket).sent, 1025);
	CU_ASSERT_EQUAL(far->got->len, stats.received);
	CU_ASSERT(far->got->len > 100);
	/* The oldest ones were kept, in order. */
	for (guint i = 1; i < far->got->len; i++)
		CU_ASSERT(*(const guint *)g_bytes_get_data(far->got->pdata[i - 1], NULL) <
			  *(const guint *)g_bytes_get_data(far->got->pdata[i], NULL));
	post_free(near);
	post_free(far);
}

/* What the system had no room for is counted with the next that comes. */
static void test_kernel_drops_are_counted(void)
{
	Post *post = post_open("127.0.0.1", FALSE);
	const BpAddress *to = bp_datagram_local(post->socket);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	static guint8 bytes[30000];
	guint sent = 0;
	BpDatagramStats stats;

	for (guint i = 0; i < 500; i++)
		sent += sendto(fd, bytes, sizeof(bytes), 0, (const struct sockaddr *)&to->storage, to->size) > 0;
	CU_ASSERT(wait_count(post, 1));
	CU_ASSERT(suite_settle());
	sent += sendto(fd, "last", 4, 0, (const struct sockaddr *)&to->storage, to->size) > 0;
	CU_ASSERT(suite_wait_until(has_accounted, &(Wanted){ post, sent }, 5));
	stats = bp_datagram_stats(post->socket);
	CU_ASSERT(stats.kernel_drops > 0);
	CU_ASSERT_EQUAL(stats.received + stats.kernel_drops, sent);
	close(fd);
	post_free(post);
}

static void test_nobody_there(void)
{
	const char *const hosts[] = { "127.0.0.1", "::1" };

	for (guint i = 0; i < 2; i++) {
		Post *near = post_open(hosts[i], FALSE), *gone = post_open(hosts[i], FALSE),
		     *far = post_open(hosts[i], FALSE);
		BpAddress nowhere = *bp_datagram_local(gone->socket);
		g_autofree char *text = bp_address_format(&nowhere);

		post_free(gone);
		bp_datagram_send(near->socket, "x", 1, &nowhere);
		CU_ASSERT(suite_wait_until(has_error, near, 5));
		CU_ASSERT(near->error && strstr(near->error->message, text));
		CU_ASSERT(near->error && strstr(near->error->message, "nobody listens there"));
		CU_ASSERT_EQUAL(bp_datagram_stats(near->socket).errors, 1);
		/* The socket goes on, and sleeps when there is nothing. */
		bp_datagram_send(near->socket, "y", 1, bp_datagram_local(far->socket));
		CU_ASSERT(wait_count(far, 1));
		CU_ASSERT(suite_settle());
		CU_ASSERT_EQUAL(near->errors, 1);
		post_free(near);
		post_free(far);
	}
}

static void test_close_inside_data(void)
{
	Post *near = post_open("127.0.0.1", FALSE), *far = post_open("127.0.0.1", FALSE);

	far->close = far->echo = TRUE;
	for (guint i = 0; i < 5; i++)
		bp_datagram_send(near->socket, "x", 1, bp_datagram_local(far->socket));
	/* The answer was queued before the close. */
	CU_ASSERT(wait_count(near, 1));
	CU_ASSERT(suite_settle());
	CU_ASSERT_EQUAL(far->got->len, 1);
	post_free(near);
	post_free(far);
}

static void test_owner_goes(void)
{
	static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "sender", .version = "1", .summary = "test" };
	BpPlugin *owner = bp_plugin_add(&info, NULL);
	Post *far = post_open("127.0.0.1", FALSE);
	BpAddress address;
	BpDatagram *near;

	bp_address_parse(&address, "127.0.0.1", 0, NULL);
	near = bp_datagram_open(owner, &address, FALSE, &events, NULL, NULL);
	bp_datagram_send(near, "goodbye", 7, bp_datagram_local(far->socket));
	bp_plugin_unload(owner, NULL, NULL);
	CU_ASSERT(wait_count(far, 1));
	post_free(far);
}

static void test_address_is_taken(void)
{
	Post *post = post_open("127.0.0.1", FALSE);
	g_autoptr(GError) error = NULL;

	CU_ASSERT_PTR_NULL(
		bp_datagram_open(bp_kernel(), bp_datagram_local(post->socket), FALSE, &events, NULL, &error));
	CU_ASSERT_EQUAL(error->code, BP_BUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(error->message, "try another port"));
	post_free(post);
}

static gboolean has_either(gpointer data)
{
	Wanted *wanted = data;

	return has_count(wanted) || wanted->post->errors || (wanted + 1)->post->errors;
}

/* Not every machine has a route for IPv6 groups on its loopback: then that is what the sender is told. */
static void test_group(const char *group, const char *any)
{
	Post *near = post_open(any, FALSE), *far = post_open(any, TRUE);
	g_autoptr(GError) error = NULL;
	BpAddress to;
	guint count;

	bp_address_parse(&to, group, bp_address_port(bp_datagram_local(far->socket)), NULL);
	CU_ASSERT(bp_datagram_join(far->socket, &to, "lo", &error));
	CU_ASSERT(bp_datagram_set_multicast(near->socket, 1, TRUE, "lo", &error));
	CU_ASSERT_PTR_NULL(error);
	bp_datagram_send(near->socket, "to all", 6, &to);
	CU_ASSERT(suite_wait_until(has_either, (Wanted[]){ { far, 1 }, { near, 0 } }, 5));
	if (near->errors)
		CU_ASSERT(to.storage.ss_family == AF_INET6 && strstr(near->error->message, "Network is unreachable"));
	CU_ASSERT_EQUAL(far->got->len, near->errors ? 0 : 1);
	CU_ASSERT(bp_datagram_leave(far->socket, &to, "lo", &error));
	CU_ASSERT_FALSE(bp_datagram_leave(far->socket, &to, "lo", &error));
	CU_ASSERT_PTR_NOT_NULL(error);
	bp_datagram_send(near->socket, "to nobody", 9, &to);
	count = far->got->len;
	bp_address_parse(&to, strchr(any, ':') ? "::1" : "127.0.0.1", bp_address_port(bp_datagram_local(far->socket)),
			 NULL);
	bp_datagram_send(near->socket, "to it", 5, &to);
	CU_ASSERT(wait_count(far, count + 1));
	CU_ASSERT_EQUAL(g_bytes_get_size(far->got->pdata[count]), 5);
	post_free(near);
	post_free(far);
}

static void test_multicast(void)
{
	test_group("239.255.77.1", "0.0.0.0");
	test_group("ff01::7701%lo", "::");
}

static void test_multicast_faults(void)
{
	Post *post = post_open("0.0.0.0", TRUE);
	g_autoptr(GError) error = NULL;
	BpAddress group;

	bp_address_parse(&group, "192.0.2.1", 0, NULL);
	CU_ASSERT_FALSE(bp_datagram_join(post->socket, &group, NULL, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error->message, "groups are 224.0.0.0 to 239.255.255.255"));
	g_clear_error(&error);
	bp_address_parse(&group, "ff02::1", 0, NULL);
	CU_ASSERT_FALSE(bp_datagram_join(post->socket, &group, NULL, &error));
	g_clear_error(&error);
	bp_address_parse(&group, "239.1.2.3", 0, NULL);
	CU_ASSERT_FALSE(bp_datagram_join(post->socket, &group, "nosuch0", &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error->message, "no network interface \"nosuch0\""));
	g_clear_error(&error);
	CU_ASSERT_FALSE(bp_datagram_set_multicast(post->socket, 256, TRUE, NULL, &error));
	post_free(post);
}

/* Without the right to, the system refuses; that is told, not lost. */
static void test_broadcast(void)
{
	Post *post = post_open("0.0.0.0", FALSE);
	BpAddress all;

	bp_address_parse(&all, "127.255.255.255", bp_address_port(bp_datagram_local(post->socket)), NULL);
	bp_datagram_send(post->socket, "x", 1, &all);
	CU_ASSERT(suite_wait_until(has_error, post, 5));
	CU_ASSERT_EQUAL(post->got->len, 0);
	CU_ASSERT(bp_datagram_set_broadcast(post->socket, TRUE, NULL));
	bp_datagram_send(post->socket, "y", 1, &all);
	CU_ASSERT(wait_count(post, 1));
	post_free(post);
}

static const SuiteTest tests[] = {
	{ "sizes", test_sizes },
	{ "too large", test_too_large },
	{ "the queue is bounded", test_queue_is_bounded },
	{ "kernel drops are counted", test_kernel_drops_are_counted },
	{ "nobody there", test_nobody_there },
	{ "close inside data", test_close_inside_data },
	{ "the owner goes", test_owner_goes },
	{ "an address is taken", test_address_is_taken },
	{ "multicast", test_multicast },
	{ "multicast faults", test_multicast_faults },
	{ "broadcast", test_broadcast },
	{ NULL },
};

int main(int argc, char **argv)
{
	static const BpKernelOptions options;
	int failed;

	if (!bp_kernel_start(&options, NULL))
		return 2;
	failed = suite_run("datagram", tests, argc, argv);
	return bp_kernel_stop() ? 1 : failed;
}
