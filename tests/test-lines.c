/* SPDX-License-Identifier: MIT */
/* test-lines.c - bytes cut into lines, secrets compared, sentences that fail. */
#include <string.h>
#include <backplane/bytes.h>
#include "suite.h"

typedef struct {
	BpLines *lines;
	GString *got;
	guint free_at, count;
} Taken;

static void on_line(gpointer data, const char *line, gsize size)
{
	Taken *taken = data;

	CU_ASSERT_EQUAL(line[size], 0);
	g_string_append_len(taken->got, line, (gssize)size);
	g_string_append_c(taken->got, '|');
	if (++taken->count == taken->free_at)
		g_clear_pointer(&taken->lines, bp_lines_free);
}

static void check(const char *bytes, gsize size, gsize piece, gsize limit, const char *wanted)
{
	Taken taken = { .got = g_string_new(NULL) };

	taken.lines = bp_lines_new(limit, on_line, &taken);
	for (gsize at = 0; at < size; at += piece)
		bp_lines_take(taken.lines, bytes + at, MIN(piece, size - at));
	bp_lines_end(taken.lines);
	CU_ASSERT_STRING_EQUAL(taken.got->str, wanted);
	bp_lines_free(taken.lines);
	g_string_free(taken.got, TRUE);
}

static void test_ends(void)
{
	static const struct {
		const char *bytes, *wanted;
	} rows[] = {
		{ "a\nb\n", "a|b|" },	 { "a\r\nb\r\n", "a|b|" }, { "a\rb\r", "a|b|" },
		{ "a\r\r\nb", "a||b|" }, { "\n\n", "||" },	   { "\r\n\r\n", "||" },
		{ "a\n\rb", "a||b|" },	 { "no end", "no end|" },  { "", "" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
		for (gsize piece = 1; piece < 9; piece++)
			check(rows[i].bytes, strlen(rows[i].bytes), piece, 0, rows[i].wanted);
}

static void test_limit(void)
{
	for (gsize piece = 1; piece < 12; piece++) {
		check("abcdefgh\nij\n", 12, piece, 3, "abc|def|gh|ij|");
		check("abc\nde\n", 7, piece, 3, "abc|de|");
	}
}

static void test_freed_inside(void)
{
	Taken taken = { .got = g_string_new(NULL), .free_at = 2 };

	taken.lines = bp_lines_new(0, on_line, &taken);
	bp_lines_take(taken.lines, "a\nb\nc\n", 6);
	CU_ASSERT_STRING_EQUAL(taken.got->str, "a|b|");
	CU_ASSERT_PTR_NULL(taken.lines);
	g_string_free(taken.got, TRUE);
}

static void test_reset(void)
{
	Taken taken = { .got = g_string_new(NULL) };

	taken.lines = bp_lines_new(0, on_line, &taken);
	bp_lines_take(taken.lines, "half\r", 5);
	bp_lines_take(taken.lines, "of it", 5);
	bp_lines_reset(taken.lines);
	bp_lines_take(taken.lines, "\nwhole\n", 7);
	CU_ASSERT_STRING_EQUAL(taken.got->str, "half||whole|");
	bp_lines_free(taken.lines);
	g_string_free(taken.got, TRUE);
}

static void test_secrets(void)
{
	CU_ASSERT_TRUE(bp_secret_equal("abc", "abc"));
	CU_ASSERT_TRUE(bp_secret_equal("", ""));
	CU_ASSERT_FALSE(bp_secret_equal("abc", "abd"));
	CU_ASSERT_FALSE(bp_secret_equal("ab", "abc"));
	CU_ASSERT_FALSE(bp_secret_equal("abcabc", "abc"));
	CU_ASSERT_FALSE(bp_secret_equal("", "abc"));
	CU_ASSERT_FALSE(bp_secret_equal("abc", ""));
	CU_ASSERT_FALSE(bp_secret_equal(NULL, NULL));
	CU_ASSERT_FALSE(bp_secret_equal(NULL, ""));
	CU_ASSERT_FALSE(bp_secret_equal("", NULL));
}

static void test_fail(void)
{
	g_autoptr(GError) error = NULL;

	CU_ASSERT_FALSE(bp_fail(&error, BP_LIMIT, "%s: too many, %d", "axes", 9));
	CU_ASSERT_TRUE(g_error_matches(error, BP_PLUGIN_ERROR, BP_LIMIT));
	CU_ASSERT_STRING_EQUAL(error->message, "axes: too many, 9");
	CU_ASSERT_FALSE(bp_fail(NULL, BP_LIMIT, "nobody asks"));
}

static const SuiteTest tests[] = {
	{ "ends", test_ends },
	{ "limit", test_limit },
	{ "freed_inside", test_freed_inside },
	{ "reset", test_reset },
	{ "secrets", test_secrets },
	{ "fail", test_fail },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("lines", tests, argc, argv);
}
