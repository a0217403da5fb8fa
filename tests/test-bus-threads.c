/* SPDX-License-Identifier: MIT */
/* test-bus-threads.c - channels between threads: order, replays, a loop that does not keep up. */
#include <string.h>
#include <backplane/backplane.h>
#include <backplane/kernel.h>
#include "suite.h"

static BpPlugin *self;

static void start(void)
{
	static const BpKernelOptions options = { 0 };

	CU_ASSERT_FATAL(bp_kernel_start(&options, NULL));
	self = bp_kernel();
}

static void stop(void)
{
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
}

enum { THREADS = 4, EACH = 2000 };

static guint next_of[THREADS];
static guint received, disorder;

static void check_order(BpPlugin *plugin, BpMessage *message, gpointer data)
{
	const guint *pair = bp_message_data(message);

	disorder += pair[1] != next_of[pair[0]];
	next_of[pair[0]] = pair[1] + 1;
	received++;
}

static gpointer send_many(gpointer data)
{
	BpChannel *channel = bp_channel_find("x");
	guint pair[2] = { GPOINTER_TO_UINT(data), 0 };

	for (; pair[1] < EACH; pair[1]++)
		bp_channel_send_bytes(channel, pair, sizeof(pair));
	bp_channel_unref(channel);
	return NULL;
}

static gboolean all_received(gpointer data)
{
	return received == THREADS * EACH;
}

static void test_threads_keep_order(void)
{
	GThread *threads[THREADS];
	BpChannel *channel;

	start();
	received = disorder = 0;
	memset(next_of, 0, sizeof(next_of));
	channel = bp_channel(self, "x");
	bp_channel_watch(self, channel, check_order, NULL, NULL);
	for (guint i = 0; i < THREADS; i++)
		threads[i] = g_thread_new("sender", send_many, GUINT_TO_POINTER(i));
	CU_ASSERT(suite_wait_until(all_received, NULL, 20));
	for (guint i = 0; i < THREADS; i++)
		g_thread_join(threads[i]);
	CU_ASSERT_EQUAL(disorder, 0);
	CU_ASSERT_EQUAL(bp_channel_stats(channel).drops, 0);
	CU_ASSERT_EQUAL(bp_channel_stats(channel).messages, THREADS * EACH);
	stop();
}

/* A watch on another loop, with a replay buffer filled from here meanwhile: each message exactly once. */
static gint far_count;
static gint far_disorder;

static void count_far(BpPlugin *plugin, BpMessage *message, gpointer data)
{
	far_disorder += *(const gint *)bp_message_data(message) != far_count;
	g_atomic_int_inc(&far_count);
	g_main_context_wakeup(NULL);
}

static void watch_far(BpPlugin *plugin, gpointer data)
{
	bp_channel_watch(plugin, data, count_far, NULL, NULL);
}

static void note_far(BpPlugin *plugin, BpMessage *message, gpointer data)
{
}

static void watch_far_too(BpPlugin *plugin, gpointer data)
{
	bp_channel_watch(plugin, data, note_far, NULL, NULL);
}

static gboolean far_all(gpointer data)
{
	return g_atomic_int_get(&far_count) == 3000;
}

static void test_far_watch_and_replay(void)
{
	BpChannelOptions options = { .replay = 65536 };
	BpChannel *channel;
	BpLoop *loop;

	start();
	far_count = far_disorder = 0;
	channel = bp_channel(self, "x");
	bp_channel_set_options(channel, &options);
	loop = bp_loop_open(self, "far", NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(loop);
	bp_loop_call(self, loop, watch_far_too, channel, NULL);
	for (gint i = 0; i < 3000; i++) {
		if (i == 1000)
			bp_loop_call(self, loop, watch_far, channel, NULL);
		bp_channel_send_bytes(channel, &i, sizeof(i));
	}
	CU_ASSERT(suite_wait_until(far_all, NULL, 20));
	bp_loop_close(loop);
	CU_ASSERT_EQUAL(far_count, 3000);
	CU_ASSERT_EQUAL(far_disorder, 0);
	stop();
}

static void hang(BpPlugin *plugin, gpointer data)
{
	g_mutex_lock(data);
	g_mutex_unlock(data);
}

/* A loop that does not keep up loses the newest, counted; the sender is never held. */
static void test_full_inbox(void)
{
	static GMutex gate;
	BpChannel *channel;
	BpLoop *loop;

	start();
	channel = bp_channel(self, "x");
	loop = bp_loop_open(self, "slow", NULL);
	far_count = 0;
	bp_loop_call(self, loop, watch_far_too, channel, NULL);
	while (bp_channel_stats(channel).watchers < 1)
		g_thread_yield();
	g_mutex_lock(&gate);
	bp_loop_call(self, loop, hang, &gate, NULL);
	for (guint i = 0; i < 4 * BP_INBOX_LIMIT && bp_channel_stats(channel).drops < 100; i++)
		bp_channel_send_bytes(channel, "x", 1);
	CU_ASSERT_EQUAL(bp_channel_stats(channel).drops, 100);
	g_mutex_unlock(&gate);
	bp_loop_close(loop);
	stop();
}

/* --- channels whose watches are on several loops --- */

static gint there, stopped, passed; /* atomic */
static BpWatch *last_watch;
static BpChannel *from, *to;

static void call_there(BpPlugin *owner, BpLoop *loop, BpFunc func, gpointer data)
{
	g_atomic_int_set(&there, FALSE);
	CU_ASSERT(bp_loop_call(owner, loop, func, data, NULL));
	while (!g_atomic_int_get(&there))
		g_thread_yield();
}

static void give_up_channel(BpPlugin *plugin, BpMessage *message, gpointer data)
{
	bp_channel_release(self, data);
	bp_watch_remove(last_watch);
}

static void watch_and_leave(BpPlugin *plugin, gpointer data)
{
	bp_watch_remove(bp_channel_watch(plugin, data, note_far, NULL, NULL));
	g_atomic_int_set(&there, TRUE);
}

/* The walk over its loops goes on when a watch has given up the last that held the channel. */
static void test_channel_ends_in_a_walk(void)
{
	BpChannel *channel;
	BpLoop *loop;

	start();
	loop = bp_loop_open(self, "far", NULL);
	channel = bp_channel(self, "short");
	call_there(self, loop, watch_and_leave, channel);
	last_watch = bp_channel_watch(self, channel, give_up_channel, channel, NULL);
	bp_channel_print(channel, "x");
	CU_ASSERT_PTR_NULL(bp_channel_find("short"));
	stop();
}

static gpointer set_options(gpointer data)
{
	static const char *const greetings[] = { "a short one",
						 "a greeting that is somewhat longer than the other one" };

	for (guint i = 0; !g_atomic_int_get(&stopped); i++)
		bp_channel_set_options(
			data, &(BpChannelOptions){ .greet = greetings[i % 2], .line_end = i % 3 ? "\n" : NULL });
	return NULL;
}

static void test_options_are_copies(void)
{
	BpChannel *channel;
	GThread *thread;

	start();
	channel = bp_channel(self, "x");
	bp_channel_set_options(channel, &(BpChannelOptions){ .greet = "a first one" });
	stopped = FALSE;
	thread = g_thread_new("options", set_options, channel);
	for (guint i = 0; i < 2000; i++) {
		g_auto(BpChannelOptions) options = bp_channel_options(channel);

		CU_ASSERT(g_str_has_prefix(options.greet, "a "));
	}
	g_atomic_int_set(&stopped, TRUE);
	g_thread_join(thread);
	stop();
}

static void link_there(BpPlugin *plugin, gpointer data)
{
	CU_ASSERT_PTR_NOT_NULL(bp_channel_link(plugin, from, to, NULL));
	g_atomic_int_set(&there, TRUE);
}

static void count_passed(BpPlugin *plugin, BpMessage *message, gpointer data)
{
	g_atomic_int_inc(&passed);
}

static gboolean one_passed(gpointer data)
{
	return g_atomic_int_get(&passed) == 1;
}

static gboolean is_gone(gpointer name)
{
	return !bp_plugin_find(name);
}

/* A link on a loop that ends is replaced by the one that another owner has made on another loop. */
static void test_link_of_two_loops(void)
{
	static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "other" };
	BpPlugin *other;

	start();
	from = bp_channel(self, "from");
	to = bp_channel(self, "to");
	passed = 0;
	bp_channel_watch(self, to, count_passed, NULL, NULL);
	other = bp_plugin_add(&info, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(other);
	call_there(other, bp_loop_open(other, "far", NULL), link_there, NULL);
	CU_ASSERT_PTR_NOT_NULL(bp_channel_link(self, from, to, NULL));
	CU_ASSERT_EQUAL(bp_channel_stats(from).watchers, 1);
	bp_channel_print(from, "1");
	CU_ASSERT(suite_wait_until(one_passed, NULL, 20));
	bp_plugin_unload(other, NULL, NULL);
	CU_ASSERT(suite_wait_until(is_gone, "other", 20));
	CU_ASSERT_EQUAL(bp_channel_stats(from).watchers, 1);
	bp_channel_print(from, "2");
	CU_ASSERT_EQUAL(passed, 2);
	CU_ASSERT_EQUAL(bp_channel_stats(from).drops, 0);
	stop();
}

static guint descriptors(void)
{
	GDir *folder = g_dir_open("/proc/self/fd", 0, NULL);
	guint count = 0;

	while (g_dir_read_name(folder))
		count++;
	g_dir_close(folder);
	return count;
}

/* What watches on a loop that is closed is dropped with its owner; the loop keeps no descriptor until then. */
static void test_closed_loops_keep_nothing(void)
{
	BpChannel *channel;
	guint before;

	start();
	channel = bp_channel(self, "x");
	before = descriptors();
	for (guint i = 0; i < 20; i++) {
		BpLoop *loop = bp_loop_open(self, "far", NULL);

		CU_ASSERT_PTR_NOT_NULL_FATAL(loop);
		bp_loop_call(self, loop, watch_far_too, channel, NULL);
		bp_loop_close(loop);
		bp_channel_print(channel, "to nobody");
	}
	CU_ASSERT_EQUAL(descriptors(), before);
	stop();
}

static const SuiteTest tests[] = {
	{ "threads_keep_order", test_threads_keep_order },
	{ "far_watch_and_replay", test_far_watch_and_replay },
	{ "full_inbox", test_full_inbox },
	{ "channel_ends_in_a_walk", test_channel_ends_in_a_walk },
	{ "options_are_copies", test_options_are_copies },
	{ "link_of_two_loops", test_link_of_two_loops },
	{ "closed_loops_keep_nothing", test_closed_loops_keep_nothing },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("bus-threads", tests, argc, argv);
}
