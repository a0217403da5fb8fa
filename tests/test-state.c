/* SPDX-License-Identifier: MIT */
/* test-state.c - states and metrics of instances. */
#include <string.h>
#include <backplane/backplane.h>
#include <backplane/kernel.h>
#include "suite.h"

static gboolean open_thing(BpInstance *self, GError **error)
{
	BpMetric *jobs = bp_metric(self, "jobs_total", BP_COUNTER, "jobs that ended");

	bp_metric_add(jobs, 2);
	bp_metric_add(jobs, 0.5);
	CU_ASSERT_PTR_EQUAL(bp_metric(self, "jobs_total", BP_COUNTER, "jobs that ended"), jobs);
	return TRUE;
}

static const BpModule modules[] = {
	{ "Thing", .help = "a thing", .open = open_thing },
	{ NULL },
};
static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "things", .version = "1", .summary = "x",
				   .modules = modules };
static GPtrArray *told;

static void on_problem(BpPlugin *self, BpMessage *message, gpointer data)
{
	g_ptr_array_add(told, g_strdup(bp_message_data(message)));
}

static BpInstance *start(void)
{
	static const BpKernelOptions options = { 0 };

	CU_ASSERT_FATAL(bp_kernel_start(&options, NULL));
	CU_ASSERT_PTR_NOT_NULL_FATAL(bp_plugin_add(&info, NULL));
	told = g_ptr_array_new_with_free_func(g_free);
	bp_channel_watch(bp_kernel(), bp_channel(bp_kernel(), "problems"), on_problem, NULL, NULL);
	return bp_module_open("Thing", "laser", "/", NULL, NULL);
}

static void stop(void)
{
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
	g_ptr_array_unref(told);
}

static void expect(const BpInstance *self, BpState wanted, const char *reason)
{
	BpInstanceState state;

	state = bp_instance_state(self);
	CU_ASSERT_EQUAL(state.state, wanted);
	CU_ASSERT_STRING_EQUAL(state.reason, reason);
}

static void test_states(void)
{
	BpInstance *laser = start();
	BpInstanceState before, after;

	expect(laser, BP_STATE_OK, "");
	bp_instance_set_state(laser, BP_STATE_FAILED, "cannot connect to \"%s\"", "x");
	expect(laser, BP_STATE_FAILED, "cannot connect to \"x\"");
	CU_ASSERT_EQUAL_FATAL(told->len, 1);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(told->pdata[0], "\"instance\":\"laser\",\"module\":\"Thing\",\"state\":\"failed\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(told->pdata[0], "\"reason\":\"cannot connect to \\\"x\\\"\""));
	before = bp_instance_state(laser);
	bp_instance_set_state(laser, BP_STATE_FAILED, "cannot connect to \"%s\"", "x");
	after = bp_instance_state(laser);
	CU_ASSERT_EQUAL(told->len, 1);
	CU_ASSERT_EQUAL(before.since, after.since);
	bp_instance_set_state(laser, BP_STATE_OK, NULL);
	expect(laser, BP_STATE_OK, "");
	CU_ASSERT_EQUAL(told->len, 2);
	bp_instance_set_state(laser, BP_STATE_OK, "listening"); /* of one that is well only changes are worth a line */
	CU_ASSERT_EQUAL(told->len, 2);
	stop();
}

/* A plugin that was compiled when the struct was shorter gets what it knows of. */
static void test_shorter_struct(void)
{
	BpInstance *laser = start();
	struct {
		BpState state;
		guint8 untouched[sizeof(BpInstanceState)];
	} old = { .untouched = { 7 } };

	bp_instance_set_state(laser, BP_STATE_WAITING, "unplugged");
	bp_instance_state_sized(laser, (BpInstanceState *)&old, sizeof(old.state));
	CU_ASSERT_EQUAL(old.state, BP_STATE_WAITING);
	CU_ASSERT_EQUAL(old.untouched[0], 7);
	stop();
}

static void test_metrics(void)
{
	BpInstance *laser = start();
	g_autoptr(GPtrArray) list = bp_metric_list(laser);
	g_autoptr(GPtrArray) left = NULL;

	CU_ASSERT_EQUAL_FATAL(list->len, 1);
	CU_ASSERT_EQUAL(bp_metric_value(list->pdata[0]), 2.5);
	CU_ASSERT_PTR_EQUAL(bp_metric_owner(list->pdata[0]), laser);
	CU_ASSERT_EQUAL(bp_metric_kind(list->pdata[0]), BP_COUNTER);
	bp_metric_set(list->pdata[0], 7);
	CU_ASSERT_EQUAL(bp_metric_value(list->pdata[0]), 7);
	bp_instance_close(laser, NULL);
	left = bp_metric_list(NULL);
	CU_ASSERT_EQUAL(left->len, 0);
	stop();
}

static const SuiteTest tests[] = {
	{ "states", test_states },
	{ "shorter_struct", test_shorter_struct },
	{ "metrics", test_metrics },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("state", tests, argc, argv);
}
