/* SPDX-License-Identifier: MIT */
/* test-turns.c - whose code runs, what it costs, and what is told of a turn that is long. */
#include <string.h>
#include <time.h>
#include <backplane/backplane.h>
#include <backplane/host.h>
#include <backplane/kernel.h>
#include "bus/owner.h"
#include "loop/turns.h"
#include "suite.h"

static BpPlugin *first, *second;
static BpChannel *door;
static char seen[FRAME_TEXT], late_text[1024], again_text[1024];
static gint is_late; /* atomic */
static gboolean reached;

static void on_late(const char *text, gboolean is_main)
{
	g_strlcpy(late_text, text, sizeof(late_text));
	g_atomic_int_set(&is_late, TRUE);
}

static void on_again(const char *text, gboolean is_main)
{
	g_strlcpy(again_text, text, sizeof(again_text));
	reached = TRUE;
	g_main_context_wakeup(NULL);
}

static const TurnsHooks hooks = { .late = on_late, .again = on_again };

static const BpPluginInfo infos[] = { { BP_PLUGIN_BUILT, .name = "first" }, { BP_PLUGIN_BUILT, .name = "second" } };

static void start(gboolean watched)
{
	static const BpKernelOptions options = { 0 };

	if (watched)
		CU_ASSERT_FATAL(turns_start(&hooks));
	CU_ASSERT_FATAL(bp_kernel_start(&options, NULL));
	first = bp_plugin_add(&infos[0], NULL);
	second = bp_plugin_add(&infos[1], NULL);
	door = bp_channel(first, "door");
	reached = FALSE;
}

static void stop(gboolean watched)
{
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
	if (watched)
		turns_stop();
}

static void describe(void)
{
	frame_describe(&frame_stack, seen, sizeof(seen));
}

/* --- whose code runs --- */

static void on_door(BpPlugin *self, BpMessage *message, gpointer data)
{
	describe();
}

static void send(BpPlugin *self, gpointer data)
{
	char before[FRAME_TEXT];

	describe();
	g_strlcpy(before, seen, sizeof(before));
	CU_ASSERT_STRING_EQUAL(before, "plugin first, deferred call");
	bp_channel_print(door, "knock");
	CU_ASSERT_STRING_EQUAL(seen, "plugin second, channel \"door\"");
	describe();
	CU_ASSERT_STRING_EQUAL(seen, before);
	reached = TRUE;
}

static void test_innermost(void)
{
	start(FALSE);
	bp_channel_watch(second, door, on_door, NULL, NULL);
	bp_defer(first, send, NULL, NULL);
	CU_ASSERT(suite_wait(&reached, 10));
	describe();
	CU_ASSERT_STRING_EQUAL(seen, "the kernel or a source of GLib");
	stop(FALSE);
}

static void test_history(void)
{
	static const BpChannelOptions options = { .greet = "hello", .replay = 1 };

	start(FALSE);
	bp_channel_set_options(door, &options);
	seen[0] = 0;
	bp_channel_watch(second, door, on_door, NULL, NULL);
	CU_ASSERT_STRING_EQUAL(seen, "plugin second, channel \"door\"");
	stop(FALSE);
}

static void test_deep(void)
{
	static const char name[] = "\xc3\xa4\xc3\xa4\xc3\xa4\n";

	start(FALSE);
	for (guint i = 0; i < FRAME_LIMIT + 10; i++)
		CU_ASSERT(owner_enter_as(i < FRAME_LIMIT ? first : second, "call", NULL));
	describe();
	CU_ASSERT_STRING_EQUAL(seen, "plugin first, call");
	for (guint i = 0; i < FRAME_LIMIT + 9; i++)
		owner_leave(i < 10 ? second : first);
	describe();
	CU_ASSERT_STRING_EQUAL(seen, "plugin first, call");
	owner_leave(first);
	CU_ASSERT_EQUAL(frame_stack.depth, 0);
	frame_push(second, "call", name);
	describe();
	CU_ASSERT_STRING_EQUAL(seen, "plugin second, call \"\xc3\xa4\xc3\xa4\xc3\xa4?\"");
	CU_ASSERT_PTR_EQUAL(frame_describe(&frame_stack, seen, 26), second);
	CU_ASSERT_STRING_EQUAL(seen, "plugin second, call \"\xc3\xa4\"");
	frame_pop();
	stop(FALSE);
}

/* --- what it costs --- */

static void burn(guint milliseconds)
{
	struct timespec begin, now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 < milliseconds);
}

static void burn_at_door(BpPlugin *self, BpMessage *message, gpointer data)
{
	burn(600);
}

static void send_and_burn(BpPlugin *self, gpointer data)
{
	bp_channel_print(door, "knock");
	burn(300);
	reached = TRUE;
}

/* What takes the samples may be kept waiting by others; hardly every time. */
static gboolean shares_are_right(void)
{
	gboolean good;

	reached = FALSE;
	start(TRUE);
	bp_channel_watch(second, door, burn_at_door, NULL, NULL);
	bp_defer(first, send_and_burn, NULL, NULL);
	CU_ASSERT(suite_wait(&reached, 30));
	good = bp_plugin_cpu(second) > 0.4 && bp_plugin_cpu(second) < 0.8 && bp_plugin_cpu(first) > 0.15 &&
	       bp_plugin_cpu(first) < 0.5;
	stop(TRUE);
	return good;
}

static void test_cpu(void)
{
	guint tries = 0;

	while (!shares_are_right() && ++tries < 20)
		;
	CU_ASSERT(tries < 20);
}

static void work(BpJob *job, gpointer data)
{
	burn(20);
}

static void on_done(BpPlugin *self, gboolean cancelled, gpointer data)
{
	reached = TRUE;
}

static void test_cpu_of_job(void)
{
	start(FALSE);
	bp_job_add(first, "work", work, on_done, NULL, NULL);
	CU_ASSERT(suite_wait(&reached, 30));
	CU_ASSERT(bp_plugin_cpu(first) >= 0.02 && bp_plugin_cpu(second) == 0);
	stop(FALSE);
}

/* --- long turns --- */

static void last_30_ms(BpPlugin *self, gpointer data)
{
	for (gint64 end = g_get_monotonic_time() + 30000; g_get_monotonic_time() < end;)
		;
	reached = TRUE;
}

static void set_reached(BpPlugin *self, gpointer data)
{
	reached = TRUE;
}

static void test_longest(void)
{
	g_autofree char *whose = NULL;

	start(FALSE);
	bp_timer_add(second, NULL, 1000, 1, last_30_ms, NULL, NULL);
	CU_ASSERT(suite_wait(&reached, 10));
	reached = FALSE;
	bp_timer_add(first, NULL, 1000, 1, set_reached, NULL, NULL);
	CU_ASSERT(suite_wait(&reached, 10));
	CU_ASSERT(bp_loop_longest_turn(bp_loop_main(), &whose) >= 30000);
	CU_ASSERT_STRING_EQUAL(whose, "plugin second, timer");
	stop(FALSE);
}

static void until_late(BpPlugin *self, gpointer data)
{
	while (!g_atomic_int_get(&is_late))
		g_thread_yield();
}

static void test_late(void)
{
	start(TRUE);
	g_atomic_int_set(&is_late, FALSE);
	bp_defer(second, until_late, NULL, NULL);
	CU_ASSERT(suite_wait(&reached, 30));
	CU_ASSERT(g_str_has_prefix(late_text, "the loop has been busy for 1."));
	CU_ASSERT(g_str_has_suffix(late_text, " s in plugin second, deferred call"));
	CU_ASSERT(g_str_has_prefix(again_text, "the loop was busy for "));
	CU_ASSERT(g_str_has_suffix(again_text, " s in plugin second, deferred call"));
	stop(TRUE);
}

/* --- what is named goes, while it is read on another thread --- */

static gpointer read_frames(gpointer stack)
{
	char text[FRAME_TEXT];

	while (!g_atomic_int_get(&is_late)) {
		g_mutex_lock(&frame_lock);
		for (guint i = 0; i < 20; i++)
			frame_describe(stack, text, sizeof(text));
		g_mutex_unlock(&frame_lock);
	}
	return NULL;
}

static void test_names_are_freed(void)
{
	GThread *reader;

	start(FALSE);
	g_atomic_int_set(&is_late, FALSE);
	reader = g_thread_new("reader", read_frames, &frame_stack);
	for (guint i = 0; i < 4000; i++) {
		BpPlugin *plugin = g_new0(BpPlugin, 1);
		g_autofree char *name = g_strdup_printf("channel-%u", i);
		BpChannel *channel;
		BpWatch *watch;

		owner_init(plugin, NULL, "guest");
		channel = bp_channel(plugin, name);
		watch = bp_channel_watch(plugin, channel, on_door, NULL, NULL);
		bp_channel_print(channel, "knock");
		CU_ASSERT(g_str_has_prefix(seen, "plugin guest, channel \"channel-"));
		bp_watch_remove(watch);
		owner_drop_all(plugin);
		owner_clear(plugin);
		g_free(plugin);
	}
	g_atomic_int_set(&is_late, TRUE);
	g_thread_join(reader);
	stop(FALSE);
}

static const SuiteTest tests[] = {
	{ "innermost", test_innermost },
	{ "history", test_history },
	{ "deep", test_deep },
	{ "cpu", test_cpu },
	{ "cpu_of_job", test_cpu_of_job },
	{ "longest", test_longest },
	{ "late", test_late },
	{ "names_are_freed", test_names_are_freed },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("turns", tests, argc, argv);
}
