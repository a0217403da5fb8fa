/* SPDX-License-Identifier: MIT */
/* test-plugin.c - the life of a plugin, mostly of those that misbehave on purpose (tests/plugins). */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <backplane/backplane.h>
#include <backplane/kernel.h>
#include <backplane/resource.h>
#include "command/console.h"
#include "host/plugin.h"
#include "suite.h"

static char *folder(void)
{
	const char *build = g_getenv("BUILD");

	return g_build_filename(build ? build : ".", "tests", "plugins", NULL);
}

static void start(void)
{
	g_autofree char *path = folder();
	const char *const paths[] = { path, NULL };
	BpKernelOptions options = { .plugin_path = paths };

	CU_ASSERT_FATAL(bp_kernel_start(&options, NULL));
}

static void stop(void)
{
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
}

static gboolean is_gone(gpointer name)
{
	return !bp_plugin_find(name);
}

static void expect_refused(const char *file, const char *word)
{
	g_autoptr(GError) error = NULL;

	CU_ASSERT_PTR_NULL(bp_plugin_load(file, &error));
	CU_ASSERT_PTR_NOT_NULL_FATAL(error);
	CU_ASSERT_PTR_NOT_NULL(strstr(error->message, word));
	if (!strstr(error->message, word))
		g_printerr("\"%s\" does not say %s\n", error->message, word);
}

static void expect_nothing_left(const char *plugin)
{
	g_autoptr(GPtrArray) channels = bp_channel_list(NULL);

	CU_ASSERT_PTR_NULL(bp_plugin_find(plugin));
	for (guint i = 0; i < channels->len; i++)
		CU_ASSERT_PTR_NULL(strstr(bp_channel_name(channels->pdata[i]), plugin));
}

/* --- what is refused --- */

static void test_refusals(void)
{
	g_autofree char *text = suite_file("text.so", "this is no library\n");
	g_autofree char *empty = suite_file("empty.so", "");

	start();
	g_chmod(text, 0644);
	g_chmod(empty, 0644);
	expect_refused("bad-abi", "built for ABI 2");
	expect_refused("no-symbol", "not a Backplane plugin");
	expect_refused("bad-name", "a-z, 0-9");
	expect_refused("fails-load", "the moon is in the wrong place");
	expect_refused(text, "cannot be loaded");
	expect_refused(empty, "cannot be loaded");
	expect_refused("no-such-plugin", "there is no plugin no-such-plugin");
	expect_refused("/no/such/file.so", "/no/such/file.so");
	expect_refused("/tmp", "not a file");
	CU_ASSERT(suite_wait_until(is_gone, "fails-load", 10));
	expect_nothing_left("fails-load");
	stop();
}

static char *copy_of(const char *name, const char *as, int mode)
{
	g_autofree char *from = folder();
	g_autofree char *file = g_strdup_printf("%s/%s.so", from, name);
	char *to = g_build_filename(suite_folder(), as, NULL);
	g_autofree char *data = NULL;
	gsize size;

	CU_ASSERT_FATAL(g_file_get_contents(file, &data, &size, NULL));
	CU_ASSERT_FATAL(g_file_set_contents(to, data, (gssize)size, NULL));
	g_chmod(to, mode);
	return to;
}

static void test_writable_by_others(void)
{
	g_autofree char *group = copy_of("self-unload", "group.so", 0664);
	g_autofree char *everybody = copy_of("self-unload", "everybody.so", 0646);
	g_autofree char *stranger = copy_of("self-unload", "stranger.so", 0644);

	start();
	expect_refused(everybody, "everybody");
	if (geteuid() == getegid() && geteuid()) {
		g_autoptr(GError) error = NULL;

		CU_ASSERT(bp_plugin_load(group, &error) || !strstr(error->message, "its group"));
	} else {
		expect_refused(group, "its group");
	}
	if (!geteuid()) {
		CU_ASSERT_EQUAL(chown(stranger, 12345, (gid_t)-1), 0);
		expect_refused(stranger, "another user");
	}
	stop();
}

static void test_twice(void)
{
	start();
	CU_ASSERT_PTR_NOT_NULL(bp_plugin_load("never-answers", NULL));
	expect_refused("never-answers", "loaded already");
	stop();
}

/* A command, module or handler whose name is taken undoes the whole load. */
static void test_name_clash(void)
{
	static const BpCommand commands[] = { { "flush", .help = "a second one" }, { NULL } };
	static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "clash", .commands = commands };
	g_autoptr(GError) error = NULL;

	start();
	CU_ASSERT_PTR_NULL(bp_plugin_add(&info, &error));
	CU_ASSERT(error && strstr(error->message, "command/flush is registered by kernel already"));
	CU_ASSERT(suite_wait_until(is_gone, "clash", 10));
	stop();
}

/* --- unloading --- */

static guint ticks;

static void on_tick(BpPlugin *self, BpMessage *message, gpointer data)
{
	ticks++;
}

static gboolean has_ticked(gpointer data)
{
	return ticks > 2;
}

static void say(const char *name, const char *text)
{
	BpChannel *channel = bp_channel_find(name);

	CU_ASSERT_PTR_NOT_NULL_FATAL(channel);
	bp_channel_print(channel, text);
	bp_channel_unref(channel);
}

static void test_unloads_itself(void)
{
	static const char *const words[] = { "unload", "twice", NULL };

	start();
	for (const char *const *word = words; *word; word++) {
		BpChannel *out = bp_channel(bp_kernel(), "self-unload/out");
		BpWatch *watch;

		CU_ASSERT_PTR_NOT_NULL_FATAL(bp_plugin_load("self-unload", NULL));
		ticks = 0;
		watch = bp_channel_watch(bp_kernel(), out, on_tick, NULL, NULL);
		CU_ASSERT(suite_wait_until(has_ticked, NULL, 10));
		say("self-unload/in", *word);
		CU_ASSERT_PTR_NOT_NULL(bp_plugin_find("self-unload")); /* its code was on the stack */
		CU_ASSERT(suite_wait_until(is_gone, "self-unload", 10));
		CU_ASSERT_PTR_NULL(bp_channel_find("never-released"));
		bp_watch_remove(watch);
		bp_channel_release(bp_kernel(), out);
	}
	stop();
}

static void test_unloads_itself_in_command(void)
{
	start();
	CU_ASSERT_PTR_NOT_NULL_FATAL(bp_plugin_load("self-unload", NULL));
	bp_session_run(bp_kernel(), bp_session_system(), "leave|version", NULL, NULL);
	CU_ASSERT(suite_wait_until(is_gone, "self-unload", 10));
	CU_ASSERT_PTR_NULL(bp_command_find("leave"));
	stop();
}

static gboolean run_ended;
static guint run_failed;

static void on_run_end(BpPlugin *self, guint failed, gpointer data)
{
	run_ended = TRUE;
	run_failed = failed;
}

/* A command that never ends is ended by the unloading of its plugin, and the session goes on. */
static void test_never_answers(void)
{
	BpPlugin *plugin;

	start();
	plugin = bp_plugin_load("never-answers", NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(plugin);
	run_ended = FALSE;
	bp_session_run(bp_kernel(), bp_session_system(), "never", on_run_end, NULL);
	CU_ASSERT_FALSE(run_ended);
	bp_plugin_unload(plugin, NULL, NULL);
	CU_ASSERT(suite_wait_until(is_gone, "never-answers", 10));
	CU_ASSERT(suite_wait(&run_ended, 10));
	CU_ASSERT_EQUAL(run_failed, 1);
	stop();
}

static void on_acted(BpPlugin *self, json_t *value, const GError *error, gpointer data)
{
	CU_ASSERT_PTR_NULL(value);
	*(int *)data = error->code;
}

/* Who asked for an action hears of it once, whether it goes first or who should answer does. */
static void test_action_never_answered(void)
{
	static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "asker" };
	int first = -1, second = -1;
	BpPlugin *asker, *never;

	start();
	asker = bp_plugin_add(&info, NULL);
	never = bp_plugin_load("never-answers", NULL);
	CU_ASSERT_FATAL(asker && never);
	bp_resource_act(bp_kernel(), "never", NULL, "begin", NULL, BP_ADMIN, on_acted, &first);
	bp_resource_act(asker, "never", NULL, "begin", NULL, BP_ADMIN, on_acted, &second);
	CU_ASSERT(first == -1 && second == -1);
	bp_plugin_unload(asker, NULL, NULL);
	CU_ASSERT(suite_wait_until(is_gone, "asker", 10));
	CU_ASSERT(first == -1 && second == BP_CANCELLED);
	second = -1;
	bp_plugin_unload(never, NULL, NULL);
	CU_ASSERT(suite_wait_until(is_gone, "never-answers", 10));
	CU_ASSERT(first == BP_CLOSED && second == -1);
	stop();
}

/* A call that will still come back keeps the code mapped, however long it takes. */
static void test_unload_waits_for_holds(void)
{
	static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "leaky" };
	BpPlugin *plugin;

	start();
	plugin = bp_plugin_add(&info, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(plugin);
	bp_plugin_hold(plugin);
	bp_plugin_hold(plugin);
	bp_plugin_unload(plugin, NULL, NULL);
	bp_plugin_release(plugin);
	while (g_main_context_iteration(NULL, FALSE))
		;
	CU_ASSERT_PTR_EQUAL(bp_plugin_find("leaky"), plugin);
	CU_ASSERT(plugin->file->unloading);
	expect_refused("leaky", "there is no plugin");
	bp_plugin_release(plugin);
	CU_ASSERT(suite_wait_until(is_gone, "leaky", 10));
	stop();
}

static void expect_holds(BpPlugin *plugin, const char *pattern)
{
	g_autofree char *text = bp_owner_holds_text(plugin);

	CU_ASSERT_FATAL(text != NULL);
	CU_ASSERT(g_pattern_match_simple(pattern, text));
	if (!g_pattern_match_simple(pattern, text))
		g_printerr("\"%s\" is not %s\n", text, pattern);
}

static gboolean open_nothing(BpInstance *self, GError **error)
{
	return TRUE;
}

static void test_holds_are_named(void)
{
	static const BpModule modules[] = { { "Thing", .open = open_nothing }, { NULL } };
	static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "leaky", .modules = modules };
	BpInstance *instance;
	BpPlugin *plugin;

	start();
	plugin = bp_plugin_add(&info, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(plugin);
	CU_ASSERT_PTR_NULL(bp_owner_holds_text(plugin));
	bp_plugin_hold_for(plugin, "look up");
	bp_plugin_hold_for(plugin, "look up");
	bp_plugin_hold(plugin);
	instance = bp_module_open("Thing", "one", "/", NULL, NULL);
	bp_plugin_hold_for(instance, "look up");
	expect_holds(plugin,
		     "2 calls \"look up\" (since ?.? s), call (since ?.? s), call \"look up\" of one (since ?.? s)");
	expect_holds(instance, "call \"look up\" of one (since ?.? s)");
	bp_plugin_release(plugin); /* the one without a name */
	expect_holds(plugin, "2 calls \"look up\" (since ?.? s), call \"look up\" of one (since ?.? s)");
	bp_plugin_release_for(plugin, "look up");
	bp_plugin_release(plugin); /* any */
	bp_instance_close(instance, NULL);
	expect_holds(plugin, "call \"look up\" of one (since ?.? s)");
	CU_ASSERT_PTR_NOT_NULL(bp_instance_find("one"));
	bp_plugin_unload(plugin, NULL, NULL);
	bp_plugin_release_for(instance, "look up");
	CU_ASSERT(suite_wait_until(is_gone, "leaky", 10));
	stop();
}

/* --- by force --- */

static gint job_may_end, job_begun; /* atomic */
static guint job_dones, job_destroys, closes;

static void work_on(BpJob *job, gpointer data)
{
	g_atomic_int_set(&job_begun, TRUE);
	while (!g_atomic_int_get(&job_may_end))
		g_thread_yield();
}

static void on_job_done(BpPlugin *self, gboolean cancelled, gpointer data)
{
	job_dones++;
}

static void on_job_destroyed(gpointer data)
{
	job_destroys++;
}

static gint loop_may_end, loop_stuck; /* atomic */

static void stick(BpPlugin *self, gpointer data)
{
	g_atomic_int_set(&loop_stuck, TRUE);
	while (!g_atomic_int_get(&loop_may_end))
		g_thread_yield();
	*(guint *)bp_instance_data(self) = 1; /* it still has its memory */
	bp_channel_print(bp_channel(self, "stuck/late"), "x");
}

static gboolean open_stuck(BpInstance *self, GError **error)
{
	BpLoop *loop = bp_loop_open(self, "stuck", error);

	bp_job_add(self, "for ever", work_on, on_job_done, NULL, on_job_destroyed);
	return loop && bp_loop_call(self, loop, stick, NULL, NULL);
}

static void close_stuck(BpInstance *self)
{
	closes++;
}

static gboolean is_buried(gpointer data)
{
	return !plugin_abandoned()->len;
}

static gboolean is_stuck(gpointer data)
{
	return g_atomic_int_get(&loop_stuck) && g_atomic_int_get(&job_begun);
}

static void note_unload(const char *name, gpointer data)
{
	*(gboolean *)data = TRUE;
}

static void note_unload_by_force(const char *name, const char *left, gpointer data)
{
	*(gboolean *)data = TRUE;
}

/* A job, a loop and a call that do not end: everything that can be undone is, and they may come back as late as they like. */
static void test_unload_by_force(void)
{
	static const BpModule modules[] = { { "Stuck", .size = 4, .open = open_stuck, .close = close_stuck },
					    { NULL } };
	static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "stuck", .modules = modules };
	gboolean unloaded = FALSE;
	BpInstance *instance;
	BpPlugin *plugin;

	start();
	job_may_end = job_begun = loop_may_end = loop_stuck = FALSE;
	job_dones = job_destroys = closes = 0;
	plugin = bp_plugin_add(&info, NULL);
	instance = bp_module_open("Stuck", "one", "/", NULL, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(instance);
	bp_plugin_hold_for(instance, "look up");
	while (!is_stuck(NULL))
		g_main_context_iteration(NULL, FALSE);
	bp_plugin_unload(plugin, note_unload, &unloaded);
	while (g_main_context_iteration(NULL, FALSE))
		;
	CU_ASSERT_FALSE(unloaded);
	expect_holds(plugin, "job \"for ever\" of one*call \"look up\" of one*loop \"stuck\" of one*");
	plugin_unload(plugin, TRUE, NULL, NULL);
	plugin_unload(plugin, TRUE, NULL, NULL);
	CU_ASSERT(suite_wait(&unloaded, 20));
	CU_ASSERT_EQUAL(closes, 1);
	CU_ASSERT_PTR_NULL(bp_instance_find("one"));
	CU_ASSERT_EQUAL(plugin_abandoned()->len, 1);
	plugin = bp_plugin_add(&info, NULL); /* its name is free */
	CU_ASSERT_PTR_NOT_NULL(plugin);
	bp_plugin_release_for(instance, "look up");
	g_atomic_int_set(&loop_may_end, TRUE);
	g_atomic_int_set(&job_may_end, TRUE);
	CU_ASSERT(suite_wait_until(is_buried, NULL, 20));
	CU_ASSERT_EQUAL(job_dones, 0);
	CU_ASSERT_EQUAL(job_destroys, 1);
	CU_ASSERT_PTR_NULL(bp_channel_find("stuck/late"));
	stop();
}

/* What comes back within the second is not taken for lost. */
static void test_force_is_patient(void)
{
	gboolean unloaded = FALSE;
	BpPlugin *plugin;

	start();
	plugin = bp_plugin_load("never-answers", NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(plugin);
	CU_ASSERT_PTR_NOT_NULL(bp_module_open("Spinner", "one", "/", NULL, NULL));
	plugin_unload(plugin, TRUE, note_unload_by_force, &unloaded);
	CU_ASSERT(suite_wait(&unloaded, 20));
	CU_ASSERT(!plugin_abandoned() || !plugin_abandoned()->len);
	stop();
}

/* Its loop and its endless job are ended too. */
static void test_unload_with_open_instances(void)
{
	BpPlugin *plugin;

	start();
	plugin = bp_plugin_load("never-answers", NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(plugin);
	CU_ASSERT_PTR_NOT_NULL(bp_module_open("Spinner", "one", "/", NULL, NULL));
	CU_ASSERT_PTR_NOT_NULL(bp_module_open("Spinner", "two", "/", NULL, NULL));
	bp_plugin_unload(plugin, NULL, NULL);
	CU_ASSERT(suite_wait_until(is_gone, "never-answers", 10));
	CU_ASSERT_PTR_NULL(bp_instance_find("one"));
	CU_ASSERT_PTR_NULL(bp_channel_find("two/out"));
	CU_ASSERT_PTR_NULL(bp_module_find("Spinner"));
	stop();
}

static void test_close_one_instance(void)
{
	BpInstance *one;

	start();
	CU_ASSERT_PTR_NOT_NULL_FATAL(bp_plugin_load("never-answers", NULL));
	one = bp_module_open("Spinner", "one", "/", NULL, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(one);
	bp_instance_close(one, "enough");
	while (bp_instance_find("one"))
		g_main_context_iteration(NULL, TRUE);
	CU_ASSERT_PTR_NULL(bp_channel_find("one/out"));
	CU_ASSERT_PTR_NOT_NULL(bp_plugin_find("never-answers"));
	stop();
}

static void test_open_errors(void)
{
	static const char *const wrong[] = { "size=11", NULL }, *const unknown[] = { "sise=3", NULL };
	g_autoptr(GError) error = NULL;
	g_autoptr(BpValues) values = NULL;

	start();
	CU_ASSERT_PTR_NOT_NULL_FATAL(bp_plugin_load("never-answers", NULL));
	CU_ASSERT_PTR_NULL(bp_module_open("Spiner", "x", "/", NULL, &error));
	CU_ASSERT(error && strstr(error->message, "did you mean Spinner"));
	g_clear_error(&error);
	CU_ASSERT_PTR_NULL(bp_module_open("Spinner", "a b", "/", NULL, &error));
	CU_ASSERT(error && strstr(error->message, "blank"));
	g_clear_error(&error);
	values = bp_values_new(bp_module_find("Spinner")->params);
	CU_ASSERT_FALSE(bp_values_set_pairs(values, wrong, &error));
	CU_ASSERT(error && strstr(error->message, "1 to 10"));
	g_clear_error(&error);
	CU_ASSERT_FALSE(bp_values_set_pairs(values, unknown, &error));
	CU_ASSERT(error && strstr(error->message, "did you mean size"));
	CU_ASSERT_PTR_NOT_NULL(bp_module_open("Spinner", "x", "/", NULL, NULL));
	g_clear_error(&error);
	CU_ASSERT_PTR_NULL(bp_module_open("Spinner", "x", "/", NULL, &error));
	CU_ASSERT(error && strstr(error->message, "open already"));
	bp_values_free(g_steal_pointer(&values)); /* before its table goes */
	stop();
}

/* --- reloading --- */

static gboolean reloaded;
static char *reload_error;

static void on_reloaded(const GError *error, gpointer data)
{
	g_free(reload_error);
	reload_error = error ? g_strdup(error->message) : NULL;
	reloaded = TRUE;
}

static void test_reload_keeps_instances(void)
{
	static const char *const pairs[] = { "size=7", "secret=rosebud", NULL };
	BpInstance *instance;
	BpValues *values;

	start();
	CU_ASSERT_PTR_NOT_NULL_FATAL(bp_plugin_load("never-answers", NULL));
	values = bp_values_new(bp_module_find("Spinner")->params);
	CU_ASSERT(bp_values_set_pairs(values, pairs, NULL));
	CU_ASSERT_PTR_NOT_NULL(bp_module_open("Spinner", "kept", "/device/x", values, NULL));
	reloaded = FALSE;
	bp_plugin_reload(bp_plugin_find("never-answers"), on_reloaded, NULL);
	CU_ASSERT(suite_wait(&reloaded, 10));
	CU_ASSERT_PTR_NULL(reload_error);
	instance = bp_instance_find("kept");
	CU_ASSERT_PTR_NOT_NULL_FATAL(instance);
	CU_ASSERT_EQUAL(bp_instance_int(instance, "size"), 7);
	CU_ASSERT_STRING_EQUAL(bp_instance_string(instance, "secret"), "rosebud");
	stop();
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

static void test_hundred_reloads(void)
{
	guint before;

	start();
	CU_ASSERT_PTR_NOT_NULL_FATAL(bp_plugin_load("self-unload", NULL));
	before = count_descriptors();
	for (guint i = 0; i < 100; i++) {
		reloaded = FALSE;
		bp_plugin_reload(bp_plugin_find("self-unload"), on_reloaded, NULL);
		CU_ASSERT(suite_wait(&reloaded, 10));
		CU_ASSERT_PTR_NULL(reload_error);
	}
	CU_ASSERT_EQUAL(count_descriptors(), before);
	CU_ASSERT_PTR_NOT_NULL(bp_plugin_find("self-unload"));
	stop();
}

static const SuiteTest tests[] = {
	{ "refusals", test_refusals },
	{ "writable_by_others", test_writable_by_others },
	{ "twice", test_twice },
	{ "name_clash", test_name_clash },
	{ "unloads_itself", test_unloads_itself },
	{ "unloads_itself_in_command", test_unloads_itself_in_command },
	{ "never_answers", test_never_answers },
	{ "action_never_answered", test_action_never_answered },
	{ "unload_waits_for_holds", test_unload_waits_for_holds },
	{ "holds_are_named", test_holds_are_named },
	{ "unload_by_force", test_unload_by_force },
	{ "force_is_patient", test_force_is_patient },
	{ "unload_with_open_instances", test_unload_with_open_instances },
	{ "close_one_instance", test_close_one_instance },
	{ "open_errors", test_open_errors },
	{ "reload_keeps_instances", test_reload_keeps_instances },
	{ "hundred_reloads", test_hundred_reloads },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("plugin", tests, argc, argv);
}
