/* SPDX-License-Identifier: MIT */
/* test-threads.c - the end of owners whose code runs on several loops, and of what other threads ask of them. */
#include <string.h>
#include <unistd.h>
#include <backplane/backplane.h>
#include <backplane/owner.h>
#include <backplane/kernel.h>
#include "bus/channel.h"
#include <backplane/host.h>
#include "loop/loop.h"
#include "suite.h"

static void start(void)
{
	static const BpKernelOptions options = { 0 };

	CU_ASSERT_FATAL(bp_kernel_start(&options, NULL));
}

static void stop(void)
{
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
}

static void turn(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static gboolean is_unloaded(gpointer name)
{
	return !bp_plugin_find(name);
}

static gboolean is_closed(gpointer name)
{
	return !bp_instance_find(name);
}

static gboolean is_positive(gpointer count)
{
	return g_atomic_int_get((gint *)count) > 0;
}

/* What another thread does wakes the main loop, so that a wait for it looks again. */
static void count_up(gint *count)
{
	g_atomic_int_inc(count);
	g_main_context_wakeup(NULL);
}

/* --- a module that works on loops --- */

typedef struct {
	BpInstance *self;
	BpLoop *loop;
	guint *box; /* freed by close */
} Worker;

static BpLoop *shared; /* of the plugin */
static gint works;     /* atomic */
static gint destroyed; /* atomic: on the loop they belong to */
static gint misplaced; /* atomic: elsewhere */
static BpPlugin *plugin;

static void do_work(Worker *worker)
{
	count_up(&works);
	++*worker->box;
}

static void on_beat(BpPlugin *self, gpointer data)
{
	do_work(data);
}

static void on_message(BpPlugin *self, BpMessage *message, gpointer data)
{
	do_work(data);
}

static void on_any(BpPlugin *self, BpChannel *channel, BpMessage *message, gpointer data)
{
	do_work(data);
}

static void on_again(BpPlugin *self, gpointer data)
{
	Worker *worker = data;

	do_work(worker);
	bp_channel_print(bp_channel(self, "work"), "x");
	bp_loop_call(self, worker->loop, on_again, worker, NULL);
}

static void on_destroyed(gpointer data)
{
	g_atomic_int_inc(bp_loop_current() == data ? &destroyed : &misplaced);
}

static void begin_work(BpPlugin *self, gpointer data)
{
	Worker *worker = data;
	BpLoop *here = bp_loop_current();

	bp_timer_add(self, NULL, 1000, 0, on_beat, worker, NULL);
	bp_channel_watch(self, bp_channel(self, "work"), on_message, worker, NULL);
	bp_channel_watch_glob(self, "wo*", on_any, worker, NULL);
	bp_plugin_defer_undo(self, on_destroyed, here);
	bp_loop_call(self, here, on_again, worker, NULL);
}

static gboolean open_worker(BpInstance *self, GError **error)
{
	Worker *worker = bp_instance_data(self);

	worker->self = self;
	worker->box = g_new0(guint, 1);
	worker->loop = bp_instance_module(self)->help ? shared : bp_loop_open(self, "own", error);
	bp_channel_watch(self, bp_channel(self, "other"), on_message, worker, NULL);
	return worker->loop && bp_loop_call(self, worker->loop, begin_work, worker, NULL);
}

static void close_worker(BpInstance *self)
{
	Worker *worker = bp_instance_data(self);

	CU_ASSERT_PTR_EQUAL(bp_loop_current(), bp_loop_main());
	g_clear_pointer(&worker->box, g_free);
}

static gboolean load_worker(BpPlugin *self, GError **error)
{
	shared = bp_loop_open(self, "shared", error);
	return !!shared;
}

static const BpModule workers[] = {
	{ "Own", .size = sizeof(Worker), .open = open_worker, .close = close_worker },
	{ "Shared", .help = "on the loop of the plugin", .size = sizeof(Worker), .open = open_worker,
	  .close = close_worker },
	{ NULL },
};

static const BpPluginInfo worker_info = { BP_PLUGIN_BUILT, .name = "worker", .modules = workers, .load = load_worker };

static void start_worker(void)
{
	start();
	works = destroyed = misplaced = 0;
	plugin = bp_plugin_add(&worker_info, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(plugin);
}

static void close_at_work(const char *module)
{
	BpInstance *instance = bp_module_open(module, "busy", "/", NULL, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(instance);
	g_atomic_int_set(&works, 0);
	CU_ASSERT(suite_wait_until(is_positive, &works, 20));
	bp_instance_close(instance, NULL);
	CU_ASSERT(suite_wait_until(is_closed, "busy", 20));
}

/* Nothing of an instance runs on any loop when its close function is called, and each thing is undone on its loop. */
static void test_instances_close(void)
{
	start_worker();
	for (guint i = 0; i < 20; i++) {
		close_at_work("Own");
		close_at_work("Shared");
	}
	CU_ASSERT_EQUAL(destroyed, 20); /* those of a loop that has ended are undone by the main one */
	CU_ASSERT_EQUAL(misplaced, 20);
	CU_ASSERT_PTR_NULL(bp_channel_find("work"));
	stop();
}

static guint count_loops(void)
{
	g_autoptr(GPtrArray) loops = bp_loop_list();

	return loops->len;
}

static void test_plugin_unloads(void)
{
	start();
	for (guint i = 0; i < 10; i++) {
		plugin = bp_plugin_add(&worker_info, NULL);
		CU_ASSERT_PTR_NOT_NULL_FATAL(plugin);
		CU_ASSERT_PTR_NOT_NULL(bp_module_open("Own", "one", "/", NULL, NULL));
		CU_ASSERT_PTR_NOT_NULL(bp_module_open("Shared", "two", "/", NULL, NULL));
		g_atomic_int_set(&works, 0);
		CU_ASSERT(suite_wait_until(is_positive, &works, 20));
		bp_plugin_unload(plugin, NULL, NULL);
		CU_ASSERT(suite_wait_until(is_unloaded, "worker", 20));
		CU_ASSERT_EQUAL(count_loops(), 1);
	}
	CU_ASSERT_PTR_NULL(bp_channel_find("work"));
	stop();
}

/* --- code that runs while its owner is asked to end --- */

static gboolean open_nothing(BpInstance *self, GError **error)
{
	return TRUE;
}

static gint inside, ended, overlaps; /* atomic */

/* Is in the midst of something when its owner begins to go; what follows must not see its end. */
static void on_slow(BpPlugin *self, gpointer data)
{
	bp_plugin_defer_undo(self, on_destroyed, bp_loop_current());
	bp_timer_add(self, NULL, 1000, 0, on_slow, NULL, NULL);
	count_up(&inside);
	while (!bp_owner_is_dying(self))
		g_thread_yield();
	for (guint i = 0; i < 20000 && !g_atomic_int_get(&ended); i++)
		g_thread_yield();
	g_atomic_int_add(&overlaps, g_atomic_int_get(&ended));
}

static void note_end(BpPlugin *self)
{
	g_atomic_int_set(&ended, TRUE);
}

static void begin_slow(BpPlugin *self, BpLoop *loop)
{
	inside = ended = FALSE;
	CU_ASSERT(bp_loop_call(self, loop, on_slow, NULL, NULL));
	CU_ASSERT(suite_wait_until(is_positive, &inside, 20));
}

static void test_end_waits_for_code(void)
{
	static const BpModule modules[] = { { "Slow", .open = open_nothing, .close = note_end }, { NULL } };
	static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "slow", .modules = modules, .unload = note_end };
	BpInstance *instance;
	BpPlugin *slow;

	start_worker();
	overlaps = 0;
	slow = bp_plugin_add(&info, NULL);
	instance = bp_module_open("Slow", "shared", "/", NULL, NULL);
	begin_slow(instance, shared);
	bp_instance_close(instance, NULL);
	CU_ASSERT(suite_wait_until(is_closed, "shared", 20));
	instance = bp_module_open("Slow", "own", "/", NULL, NULL);
	begin_slow(instance, bp_loop_open(instance, "own", NULL));
	bp_instance_close(instance, NULL);
	CU_ASSERT(suite_wait_until(is_closed, "own", 20));
	begin_slow(slow, shared);
	bp_plugin_unload(slow, NULL, NULL);
	CU_ASSERT(suite_wait_until(is_unloaded, "slow", 20));
	slow = bp_plugin_add(&info, NULL);
	begin_slow(slow, bp_loop_open(slow, "own", NULL));
	bp_plugin_unload(slow, NULL, NULL);
	CU_ASSERT(suite_wait_until(is_unloaded, "slow", 20));
	CU_ASSERT_EQUAL(overlaps, 0);
	CU_ASSERT_EQUAL(destroyed, 2);
	CU_ASSERT_EQUAL(misplaced, 2);
	CU_ASSERT_EQUAL(count_loops(), 2);
	stop();
}

/* --- an end that is asked for on another loop --- */

static void unload_worker(BpPlugin *self, BpMessage *message, gpointer data)
{
	bp_plugin_unload(plugin, NULL, NULL);
	bp_plugin_unload(plugin, NULL, NULL);
	bp_watch_remove(*(BpWatch **)data); /* its code still runs on that loop, and nothing of it is there any more */
	bp_channel_print(bp_channel(self, "work"), "still here");
}

static void unload_worker_by_glob(BpPlugin *self, BpChannel *channel, BpMessage *message, gpointer data)
{
	if (g_str_equal(bp_channel_name(channel), "end"))
		bp_plugin_unload(plugin, NULL, NULL);
}

static void close_itself(BpPlugin *self, BpMessage *message, gpointer data)
{
	bp_instance_close(self, NULL);
	bp_instance_close(self, NULL);
}

static gint watching; /* atomic */

static void watch_end(BpPlugin *self, gpointer data)
{
	static BpWatch *watch;

	watch = bp_channel_watch(self, bp_channel(self, "end"), unload_worker, &watch, NULL);
	bp_channel_watch(self, bp_channel(self, "close"), close_itself, NULL, NULL);
	count_up(&watching);
}

static void watch_end_by_glob(BpPlugin *self, gpointer data)
{
	bp_channel_watch_glob(self, "e?d", unload_worker_by_glob, NULL, NULL);
	count_up(&watching);
}

/* Who asks: the plugin on its own loop, an instance on its, another plugin, a glob watch. */
static void unload_from(BpPlugin *asker, BpLoop *loop, BpFunc watch)
{
	watching = FALSE;
	CU_ASSERT(bp_loop_call(asker, loop, watch, NULL, NULL));
	CU_ASSERT(suite_wait_until(is_positive, &watching, 20));
	bp_channel_print(bp_channel(bp_kernel(), "end"), "x");
	CU_ASSERT(suite_wait_until(is_unloaded, "worker", 20));
}

static void test_unload_on_another_loop(void)
{
	static const BpPluginInfo other_info = { BP_PLUGIN_BUILT, .name = "other" };
	BpInstance *instance;
	BpPlugin *other;
	BpLoop *loop;

	start_worker();
	unload_from(plugin, shared, watch_end);
	plugin = bp_plugin_add(&worker_info, NULL);
	instance = bp_module_open("Own", "one", "/", NULL, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(instance);
	unload_from(instance, ((Worker *)bp_instance_data(instance))->loop, watch_end);
	plugin = bp_plugin_add(&worker_info, NULL);
	other = bp_plugin_add(&other_info, NULL);
	unload_from(other, shared, watch_end); /* the loop on which it asks is one that ends with it */
	plugin = bp_plugin_add(&worker_info, NULL);
	loop = bp_loop_open(other, "of other", NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(loop);
	CU_ASSERT_PTR_NOT_NULL(bp_module_open("Shared", "two", "/", NULL, NULL));
	unload_from(plugin, loop, watch_end);
	plugin = bp_plugin_add(&worker_info, NULL);
	unload_from(plugin, loop, watch_end_by_glob);
	stop();
}

static void test_close_on_another_loop(void)
{
	BpInstance *instance;

	start_worker();
	instance = bp_module_open("Own", "one", "/", NULL, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(instance);
	watching = FALSE;
	bp_loop_call(instance, ((Worker *)bp_instance_data(instance))->loop, watch_end, NULL, NULL);
	CU_ASSERT(suite_wait_until(is_positive, &watching, 20));
	bp_channel_print(bp_channel(bp_kernel(), "close"), "x");
	CU_ASSERT(suite_wait_until(is_closed, "one", 20));
	stop();
}

/* --- calls from threads, while their owner ends --- */

enum { CALLERS = 3 };

static GThread *callers[CALLERS];
static gint callers_stop, asked, called, undone; /* atomic */

static void on_called(BpPlugin *self, gpointer data)
{
	count_up(&called);
}

static void on_undone(gpointer data)
{
	g_atomic_int_inc(&undone);
}

static gpointer call_on_and_on(gpointer data)
{
	while (!g_atomic_int_get(&callers_stop)) {
		bp_loop_call(data, bp_loop_main(), on_called, NULL, on_undone);
		bp_loop_call(data, shared, on_called, NULL, on_undone);
		g_atomic_int_add(&asked, 2);
	}
	return NULL;
}

static gboolean load_callers(BpPlugin *self, GError **error)
{
	for (guint i = 0; i < CALLERS; i++)
		callers[i] = g_thread_new("caller", call_on_and_on, self);
	return TRUE;
}

static void join_callers(BpPlugin *self)
{
	g_atomic_int_set(&callers_stop, TRUE);
	for (guint i = 0; i < CALLERS; i++)
		g_thread_join(callers[i]);
}

static void test_calls_while_it_ends(void)
{
	static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "calling", .load = load_callers,
					   .unload = join_callers };

	start_worker();
	asked = undone = 0;
	for (guint i = 0; i < 10; i++) {
		BpPlugin *calling;

		callers_stop = called = FALSE;
		calling = bp_plugin_add(&info, NULL);
		CU_ASSERT(suite_wait_until(is_positive, &called, 20));
		bp_plugin_unload(calling, NULL, NULL);
		CU_ASSERT(suite_wait_until(is_unloaded, "calling", 20));
	}
	stop();
	CU_ASSERT_EQUAL(undone, asked);
}

/* --- loops that come and go leave nothing behind --- */

static guint count_branches(const BpChannel *channel)
{
	guint count = 0;

	for (const Branch *branch = channel->branches; branch; branch = branch->next)
		count++;
	return count;
}

static guint count_descriptors(void)
{
	GDir *dir = g_dir_open("/proc/self/fd", 0, NULL);
	guint count = 0;

	while (g_dir_read_name(dir))
		count++;
	g_dir_close(dir);
	return count;
}

static void test_loops_come_and_go(void)
{
	BpChannel *channel;
	guint before;

	start_worker();
	channel = bp_channel(bp_kernel(), "work");
	before = count_descriptors();
	for (guint i = 0; i < 50; i++)
		close_at_work("Own");
	CU_ASSERT_EQUAL(count_descriptors(), before);
	CU_ASSERT(count_branches(channel) <= 2);
	stop();
}

/* --- while an unload waits --- */

static guint reads;

static void on_ready(BpPlugin *self, int fd, BpEvents events, gpointer data)
{
	reads++;
}

static void set_flag(BpPlugin *self, gpointer data)
{
	*(gboolean *)data = TRUE;
}

/* A descriptor that stays ready, of an owner that cannot be called, does not turn the loop. */
static void test_descriptor_of_the_dying(void)
{
	static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "ready" };
	gboolean over = FALSE;
	guint64 turns;
	BpPlugin *ready;
	int ends[2];

	start();
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	CU_ASSERT_EQUAL(write(ends[1], "x", 1), 1);
	close(ends[1]); /* a hang-up cannot be masked */
	ready = bp_plugin_add(&info, NULL);
	bp_fd_add(ready, ends[0], BP_IN, on_ready, NULL, NULL);
	bp_plugin_hold(ready);
	bp_plugin_unload(ready, NULL, NULL);
	turns = bp_loop_stats(bp_loop_main()).turns;
	bp_timer_add(bp_kernel(), NULL, 50000, 1, set_flag, &over, NULL);
	CU_ASSERT(suite_wait(&over, 20));
	CU_ASSERT(bp_loop_stats(bp_loop_main()).turns - turns < 20);
	CU_ASSERT_EQUAL(reads, 0);
	bp_plugin_release(ready);
	CU_ASSERT(suite_wait_until(is_unloaded, "ready", 20));
	close(ends[0]);
	stop();
}

/* A call that turns the context outside of any turn of ours: its code is on the stack, and so it is not unloaded. */
static void unload_and_turn(BpPlugin *self, BpMessage *message, gpointer data)
{
	bp_plugin_unload(self, NULL, NULL);
	turn();
	CU_ASSERT_PTR_EQUAL(bp_plugin_find("modal"), self);
	*(gboolean *)data = TRUE;
}

static void test_code_on_the_stack(void)
{
	static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "modal" };
	gboolean heard = FALSE;
	BpChannel *channel;
	BpPlugin *modal;

	start();
	modal = bp_plugin_add(&info, NULL);
	channel = bp_channel(bp_kernel(), "x");
	bp_channel_watch(modal, channel, unload_and_turn, &heard, NULL);
	bp_channel_print(channel, "x");
	CU_ASSERT(heard);
	CU_ASSERT(suite_wait_until(is_unloaded, "modal", 20));
	stop();
}

static const SuiteTest tests[] = {
	{ "instances_close", test_instances_close },
	{ "plugin_unloads", test_plugin_unloads },
	{ "end_waits_for_code", test_end_waits_for_code },
	{ "unload_on_another_loop", test_unload_on_another_loop },
	{ "close_on_another_loop", test_close_on_another_loop },
	{ "calls_while_it_ends", test_calls_while_it_ends },
	{ "loops_come_and_go", test_loops_come_and_go },
	{ "descriptor_of_the_dying", test_descriptor_of_the_dying },
	{ "code_on_the_stack", test_code_on_the_stack },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("threads", tests, argc, argv);
}
