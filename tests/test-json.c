/* SPDX-License-Identifier: MIT */
/* test-json.c - JSON within its limits, and who may do what with resources. */
#include <string.h>
#include <backplane/backplane.h>
#include <backplane/json.h>
#include <backplane/kernel.h>
#include <backplane/resource.h>
#include "suite.h"

/* `depth` arrays within each other. */
static char *nested(guint depth, const char *inside)
{
	g_autofree char *open = g_strnfill(depth, '['), *close = g_strnfill(depth, ']');

	return g_strconcat(open, inside, close, NULL);
}

static gboolean is_taken(const char *text, gsize limit, int code)
{
	g_autoptr(GError) error = NULL;
	json_t *value = bp_json_parse(text, strlen(text), limit, &error);

	if (!value) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(error);
		CU_ASSERT_EQUAL(error->code, code);
		return FALSE;
	}
	CU_ASSERT_PTR_NULL(error);
	json_decref(value);
	return TRUE;
}

static void test_depth(void)
{
	g_autofree char *most = nested(BP_JSON_DEPTH, ""), *more = nested(BP_JSON_DEPTH + 1, "");
	g_autofree char *endless = g_strnfill(1000000, '['), *brackets = g_strnfill(1000, '{');
	g_autofree char *text = g_strdup_printf("[\"\\\"%s\"]", brackets);
	g_autofree char *mixed = g_strdup_printf("{\"a\":%s}", most);
	g_autofree char *side_by_side = nested(BP_JSON_DEPTH - 1, "[],[],[],{}");

	CU_ASSERT(is_taken(most, 0, 0));
	CU_ASSERT(is_taken(side_by_side, 0, 0));
	CU_ASSERT(is_taken(text, 0, 0)); /* in a string they are letters */
	CU_ASSERT_FALSE(is_taken(more, 0, BP_LIMIT));
	CU_ASSERT_FALSE(is_taken(mixed, 0, BP_LIMIT));
	CU_ASSERT_FALSE(is_taken(endless, 0, BP_LIMIT));
}

static void test_size(void)
{
	CU_ASSERT(is_taken("[1,2]", 5, 0));
	CU_ASSERT_FALSE(is_taken("[1,2]", 4, BP_LIMIT));
	CU_ASSERT_FALSE(is_taken("[1,2", 0, BP_INVALID));
	CU_ASSERT_FALSE(is_taken("", 0, BP_INVALID));
}

static void test_object(void)
{
	g_autoptr(GError) error = NULL;
	json_auto_t *value = bp_json_parse_object("{\"a\":1}", 7, 0, &error);

	CU_ASSERT_EQUAL(json_integer_value(json_object_get(value, "a")), 1);
	CU_ASSERT_PTR_NULL(bp_json_parse_object("[]", 2, 0, &error));
	CU_ASSERT(g_error_matches(error, BP_HOST_ERROR, BP_INVALID));
}

/* --- actions of resources, by which programs and the page do things, need their role as commands do --- */

static json_t *list_nothing(BpPlugin *self, const char *query, GError **error)
{
	return json_array();
}

static json_t *run_nothing(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	return json_null();
}

static void on_acted(BpPlugin *self, json_t *value, const GError *error, gpointer data)
{
	CU_ASSERT(!value == !!error);
	*(int *)data = error ? error->code : 0;
}

static int act(const char *action, BpRole role)
{
	json_auto_t *body = json_object();
	int code = -1;

	bp_resource_act(bp_kernel(), "things", NULL, action, body, role, on_acted, &code);
	return code;
}

static void test_roles(void)
{
	static const BpAction actions[] = {
		{ "stop", .role = BP_ADMIN, .on_all = TRUE, .run = run_nothing },
		{ "pause", .role = BP_OPERATOR, .on_all = TRUE, .run = run_nothing },
		{ NULL },
	};
	static const BpResource things = {
		.size = sizeof(things), .name = "things", .role = BP_OPERATOR, .list = list_nothing, .actions = actions
	};
	static const BpKernelOptions options = { 0 };
	g_autoptr(GError) error = NULL;
	json_t *list;

	CU_ASSERT_FATAL(bp_kernel_start(&options, NULL));
	CU_ASSERT(bp_registry_add(bp_kernel(), "resource/things", &things, NULL));
	CU_ASSERT_EQUAL(act("stop", BP_ADMIN), 0);
	CU_ASSERT_EQUAL(act("stop", BP_OPERATOR), BP_NOT_PERMITTED);
	CU_ASSERT_EQUAL(act("pause", BP_OPERATOR), 0);
	CU_ASSERT_EQUAL(act("pause", BP_OBSERVER), BP_NOT_PERMITTED);
	CU_ASSERT_PTR_NULL(bp_resource_list("things", NULL, BP_OBSERVER, &error));
	CU_ASSERT(g_error_matches(error, BP_HOST_ERROR, BP_NOT_PERMITTED));
	list = bp_resource_list("things", NULL, BP_OPERATOR, NULL);
	CU_ASSERT_PTR_NOT_NULL(list);
	json_decref(list);
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
}

static const SuiteTest tests[] = {
	{ "depth", test_depth }, { "size", test_size }, { "object", test_object }, { "roles", test_roles }, { NULL },
};

int main(int argc, char **argv)
{
	return suite_run("json", tests, argc, argv);
}
