/* SPDX-License-Identifier: MIT */
/* test-abi.c - plugins that were built with other headers: earlier ones load, with their shorter rows; others are refused. */
#include <stddef.h>
#include <backplane/host.h>
#include <backplane/kernel.h>
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

static gboolean is_gone(gpointer name)
{
	return !bp_plugin_find(name);
}

/* Rows as they were before their last members came. */
typedef struct {
	const char *name, *help;
	const BpParam *params;
	gboolean (*run)(BpPlugin *self, BpCall *call, GError **error);
	BpRole role;
} EarlyCommand;

typedef struct {
	const char *name, *help;
	const BpParam *params;
	gsize size;
	gboolean (*open)(BpInstance *self, GError **error);
} EarlyModule;

typedef struct {
	const char *name, *help;
	BpMode mode;
} EarlyHandler;

static gboolean run_nothing(BpPlugin *self, BpCall *call, GError **error)
{
	return TRUE;
}

static gboolean open_nothing(BpInstance *self, GError **error)
{
	return TRUE;
}

static const EarlyCommand early_commands[] = { { "early one", "first", NULL, run_nothing, BP_ADMIN },
					       { "early two", "second", NULL, run_nothing, BP_OPERATOR },
					       { NULL } };
static const EarlyCommand later_commands[] = { { "early three", "third", NULL, run_nothing, BP_ADMIN }, { NULL } };
static const EarlyModule early_modules[] = { { "EarlyOne", "first", NULL, 8, open_nothing },
					     { "EarlyTwo", "second", NULL, 0, open_nothing },
					     { NULL } };
static const EarlyHandler early_handlers[] = { { "early", "first", BP_RAW }, { NULL } };

static gboolean load_early(BpPlugin *self, GError **error)
{
	return bp_command_add(self, (const BpCommand *)later_commands, error);
}

static void test_earlier_rows(void)
{
	static const BpPluginInfo info = { .size = offsetof(BpPluginInfo, resident),
					   .abi = BP_ABI,
					   .command_size = sizeof(EarlyCommand),
					   .module_size = sizeof(EarlyModule),
					   .handler_size = sizeof(EarlyHandler),
					   .name = "early",
					   .commands = (const BpCommand *)early_commands,
					   .modules = (const BpModule *)early_modules,
					   .handlers = (const BpHandler *)early_handlers,
					   .load = load_early,
					   .resident = TRUE };
	static const char *const names[] = { "early one", "early two", "early three" };
	BpInstance *instance;

	start();
	CU_ASSERT_PTR_NOT_NULL_FATAL(bp_plugin_add(&info, NULL));
	CU_ASSERT_FALSE(bp_plugin_info_of(bp_plugin_find("early"))->resident); /* beyond its size */
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		const BpCommand *command = bp_command_find(names[i]);

		CU_ASSERT_PTR_NOT_NULL_FATAL(command);
		CU_ASSERT_STRING_EQUAL(command->name, names[i]);
		CU_ASSERT_EQUAL(command->run, run_nothing);
		CU_ASSERT_EQUAL(command->role, i == 1 ? BP_OPERATOR : BP_ADMIN);
		CU_ASSERT_PTR_NULL(command->group);
		CU_ASSERT_PTR_NULL(command->manual);
		CU_ASSERT_FALSE(command->hidden || command->prefix);
	}
	instance = bp_module_open("EarlyTwo", "two", "/", NULL, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(instance);
	CU_ASSERT_PTR_NULL(bp_instance_module(instance)->close);
	CU_ASSERT_EQUAL(bp_handler_find("early")->mode, BP_RAW);
	CU_ASSERT_PTR_NULL(bp_handler_find("early")->close);
	bp_plugin_unload(bp_plugin_find("early"), NULL, NULL);
	CU_ASSERT(suite_wait_until(is_gone, "early", 10));
	CU_ASSERT_PTR_NULL(bp_command_find("early three"));
	stop();
}

static void expect_info_refused(const BpPluginInfo *info, const char *word)
{
	g_autoptr(GError) error = NULL;

	CU_ASSERT_PTR_NULL(bp_plugin_add(info, &error));
	CU_ASSERT(g_error_matches(error, BP_HOST_ERROR, BP_ABI_MISMATCH));
	CU_ASSERT_PTR_NOT_NULL(strstr(error->message, word));
}

static void test_others(void)
{
	start();
	expect_info_refused(&(BpPluginInfo){ .size = 1, .name = "early" }, "before ABI 1");
	expect_info_refused(&(BpPluginInfo){ .size = sizeof(BpPluginInfo), .abi = BP_ABI + 1, .name = "other" },
			    "built for ABI 2");
	expect_info_refused(
		&(BpPluginInfo){
			.size = sizeof(BpPluginInfo), .abi = BP_ABI, .abi_minor = BP_ABI_MINOR + 1, .name = "newer" },
		"update Backplane");
	stop();
}

static const SuiteTest tests[] = { { "earlier_rows", test_earlier_rows }, { "others", test_others }, { NULL } };

int main(int argc, char **argv)
{
	return suite_run("abi", tests, argc, argv);
}
