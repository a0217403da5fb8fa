/* SPDX-License-Identifier: MIT */
/* test-json.c - JSON within its limits. */
#include <string.h>
#include <backplane/json.h>
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

static const SuiteTest tests[] = {
	{ "depth", test_depth },
	{ "size", test_size },
	{ "object", test_object },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("json", tests, argc, argv);
}
