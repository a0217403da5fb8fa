/* SPDX-License-Identifier: MIT */
/* test-unload.c - a plugin is not unloaded while its code is on the stack, even when that code turns the loop. */
#include <string.h>
#include <backplane/backplane.h>
#include <backplane/kernel.h>
#include "host/plugin.h"
#include "suite.h"

static gboolean stayed, unloaded;

static void on_unloaded(const char *name, gpointer data)
{
	unloaded = TRUE;
}

static void on_message(BpPlugin *self, BpMessage *message, gpointer data)
{
	bp_plugin_unload(self, on_unloaded, NULL);
	/* As a library does that waits for an answer. */
	for (guint i = 0; i < 20; i++)
		g_main_context_iteration(NULL, FALSE);
	stayed = !unloaded;
}

static gboolean load(BpPlugin *self, GError **error)
{
	bp_channel_watch(self, bp_channel(self, "in"), on_message, NULL, NULL);
	return TRUE;
}

static void test_its_code_is_on_the_stack(void)
{
	static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "patient", .load = load };
	static const BpKernelOptions options = { 0 };

	CU_ASSERT_FATAL(bp_kernel_start(&options, NULL));
	CU_ASSERT_PTR_NOT_NULL_FATAL(bp_plugin_add(&info, NULL));
	bp_channel_print(bp_channel(bp_kernel(), "in"), "go");
	CU_ASSERT(stayed);
	CU_ASSERT(suite_wait(&unloaded, 10));
	CU_ASSERT_PTR_NULL(bp_plugin_find("patient"));
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
}

static gboolean refused;

static void load_another(BpPlugin *self)
{
	const char *build = g_getenv("BUILD");
	g_autofree char *file = g_strdup_printf("%s/tests/plugins/jobs.so", build ? build : ".");
	g_autoptr(GError) error = NULL;

	refused = !bp_plugin_load(file, &error) && g_error_matches(error, BP_HOST_ERROR, BP_CLOSED);
}

/* Else it would be loaded after all others have gone. */
static void test_nothing_is_loaded_at_the_end(void)
{
	static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "late", .unload = load_another };
	static const BpKernelOptions options = { 0 };

	CU_ASSERT_FATAL(bp_kernel_start(&options, NULL));
	CU_ASSERT_PTR_NOT_NULL_FATAL(bp_plugin_add(&info, NULL));
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
	CU_ASSERT(refused);
}

/* --- what one needs --- */

static guint gone;

static void on_gone(const char *name, const char *left, gpointer data)
{
	CU_ASSERT_EQUAL(left != NULL, data != NULL);
	gone++;
}

static gboolean have_gone(gpointer count)
{
	return gone == GPOINTER_TO_UINT(count);
}

static gboolean is_gone(gpointer name)
{
	return !bp_plugin_find(name);
}

static void expect_refused(const char *name, const char *words)
{
	g_autoptr(GError) error = NULL;

	CU_ASSERT_PTR_NULL(bp_plugin_load(name, &error));
	CU_ASSERT_PTR_NOT_NULL_FATAL(error);
	CU_ASSERT_PTR_NOT_NULL(strstr(error->message, words));
}

/* They are loaded first, also when two need each other; what they leave behind is not its own. */
static void test_needs(void)
{
	const char *build = g_getenv("BUILD") ? g_getenv("BUILD") : ".";
	g_autofree char *finder = g_build_filename(build, "plugins", "leftovers.so", NULL);
	g_autofree char *folder = g_build_filename(build, "tests", "plugins", NULL);
	const char *path[] = { folder, NULL };
	BpKernelOptions options = { .plugin_path = path };

	CU_ASSERT_FATAL(bp_kernel_start(&options, NULL));
	expect_refused("needs-nothing-there",
		       "needs-nothing-there needs no-such-plugin: there is no plugin no-such-plugin");
	CU_ASSERT(suite_wait_until(is_gone, "needs-nothing-there", 10));
	CU_ASSERT_PTR_NOT_NULL_FATAL(bp_plugin_load(finder, NULL));
	CU_ASSERT_PTR_NOT_NULL_FATAL(bp_plugin_load("needs-source", NULL));
	CU_ASSERT(bp_plugin_find("leaves-source") && bp_plugin_find("needs-too"));
	plugin_unload(bp_plugin_find("needs-source"), FALSE, on_gone, NULL);
	CU_ASSERT(suite_wait_until(have_gone, GUINT_TO_POINTER(1), 10));
	plugin_unload(bp_plugin_find("leaves-source"), FALSE, on_gone, "sources");
	expect_refused("needs-source", "needs leaves-source: a plugin named leaves-source is still unloading");
	CU_ASSERT(suite_wait_until(have_gone, GUINT_TO_POINTER(2), 10));
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
}

static const SuiteTest tests[] = {
	{ "its_code_is_on_the_stack", test_its_code_is_on_the_stack },
	{ "nothing_is_loaded_at_the_end", test_nothing_is_loaded_at_the_end },
	{ "needs", test_needs },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("unload", tests, argc, argv);
}
