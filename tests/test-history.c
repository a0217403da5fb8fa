/* SPDX-License-Identifier: MIT */
/* test-history.c - what comes to the line from elsewhere: history by keys, search and
 * completion on a small terminal; the history's file; text made fit to be shown. */
#include <glib/gstdio.h>
#include <sys/stat.h>
#include "terminal.h"

/* --- recall --- */

static void test_history_keys(void)
{
	History *history = history_open(NULL, 3);
	Term *term = term_new(10, "$ ");

	line_editor_set_history(term->editor, history);
	term_type(term, UP DOWN "one\rtwo\rtwo\r hidden\rsecret x\rthree and more\r");
	CU_ASSERT_EQUAL(history_end(history), 3);
	term_type(term, "dra" UP);
	CU_ASSERT_STRING_EQUAL(line_editor_text(term->editor), "three and more");
	CU_ASSERT(layout_holds(term));
	term_type(term, "\020\020\020\020");
	CU_ASSERT_STRING_EQUAL(line_editor_text(term->editor), "one");
	CU_ASSERT(layout_holds(term));
	/* Another session adds one, and the oldest is dropped. */
	history_add(history, "other");
	term_type(term, DOWN);
	CU_ASSERT_STRING_EQUAL(line_editor_text(term->editor), "two");
	term_type(term, "\016\016\016\016ft");
	CU_ASSERT_STRING_EQUAL(line_editor_text(term->editor), "draft");
	term_type(term, UP UP UP UP);
	for (guint i = 0; i < 9; i++)
		history_add(history, i % 2 ? "odd" : "even");
	term_type(term, UP);
	CU_ASSERT_STRING_EQUAL(line_editor_text(term->editor), "two");
	term_type(term, DOWN DOWN);
	CU_ASSERT_STRING_EQUAL(line_editor_text(term->editor), "odd");
	CU_ASSERT(layout_holds(term));
	term_free(term);
	history_free(history);
}

static void test_search(void)
{
	static const struct {
		const char *keys, *line, *log;
	} searches[] = {
		{ "\022pl", "banana split", "" },
		{ "\022ap", "apple tart", "" },
		{ "\022ap\022", "apple pie", "" },
		{ "\022ap\022\022\022", "apple pie", "" },
		{ "\022apx", "apple tart", "" },
		{ "\022apx\177\r", "", "<apple tart>" },
		{ "\022ap\001X", "Xapple tart", "" },
		{ "mine\022ap\007", "mine", "" },
		{ "mine\022ap\033x", "minex", "" },
		{ "\022ap\033[D\001X", "Xapple tart", "" },
		{ "\022ap\033OFX", "apple tartX", "" },
		{ "mine\022ap\177\177\001X", "Xmine", "" },
		{ "mine\022ap\003", "", "^C" },
		{ "\022ap\005" UP, "apple pie", "" },
		{ "mine\022ap\005" DOWN DOWN, "mine", "" },
	};

	for (guint i = 0; i < 2 * G_N_ELEMENTS(searches); i++) {
		History *history = history_open(NULL, 0);
		Term *term = term_new(20, "$ ");
		const char *keys = searches[i / 2].keys;

		history_add(history, "apple pie");
		history_add(history, "apple tart");
		history_add(history, "banana split");
		line_editor_set_history(term->editor, history);
		term_feed(term, keys, strlen(keys), i % 2);
		CU_ASSERT_STRING_EQUAL(line_editor_text(term->editor), searches[i / 2].line);
		CU_ASSERT_STRING_EQUAL(term->log->str, searches[i / 2].log);
		term_type(term, "\005");
		CU_ASSERT(layout_holds(term));
		term_free(term);
		history_free(history);
	}
}

static void test_search_screen(void)
{
	History *history = history_open(NULL, 0);
	Term *term = term_new(40, "$ ");
	g_autofree char *screen = NULL, *failing = NULL;

	history_add(history, "apple pie");
	line_editor_set_history(term->editor, history);
	term_type(term, "\022pie");
	screen = screen_text(&term->screen);
	CU_ASSERT_STRING_EQUAL(screen, "(search 'pie') apple pie");
	CU_ASSERT_EQUAL(term->screen.col, 21);
	term_type(term, "s");
	failing = screen_text(&term->screen);
	CU_ASSERT_STRING_EQUAL(failing, "(not found 'pies') apple pie");
	term_free(term);
	history_free(history);
}

static void test_completion(void)
{
	static char *words[] = { "channel", "chat", "context", "help", "name=", "dir/", "bad\033word", "bad2", NULL };
	static const struct {
		const char *keys, *line, *screen;
	} tabs[] = {
		{ "h\t", "help ", "$ help" },
		{ "n\t", "name=", "$ name=" },
		{ "d\t", "dir/", "$ dir" },
		{ "c\t", "c", "$ c" },
		{ "c\t\t", "c", "$ c/channel  context/chat/$ c" },
		{ "ch\t", "cha", "$ cha" },
		{ "ch\t\t", "cha", "$ cha/channel  chat/$ cha" },
		{ "c\tx\177\t", "c", "$ c" },
		{ "x h y" LEFT LEFT "\t", "x help  y", "$ x help  y" },
		{ "zz\t\t", "zz", "$ zz" },
		{ "ba\t", "bad2 ", "$ bad2" },
	};

	for (guint i = 0; i < 2 * G_N_ELEMENTS(tabs); i++) {
		Term *term = term_new(20, "$ ");
		g_autofree char *screen = NULL;

		term->words = words;
		term_feed(term, tabs[i / 2].keys, strlen(tabs[i / 2].keys), i % 2);
		screen = screen_text(&term->screen);
		CU_ASSERT_STRING_EQUAL(line_editor_text(term->editor), tabs[i / 2].line);
		CU_ASSERT_STRING_EQUAL(screen, tabs[i / 2].screen);
		CU_ASSERT(layout_holds(term));
		term_free(term);
	}
}

static void test_completion_many(void)
{
	Term *term = term_new(80, "$ ");
	char *words[301] = { NULL };
	g_autofree char *screen = NULL;

	for (guint i = 0; i < 300; i++)
		words[i] = g_strdup_printf("w%03u", i);
	term->words = words;
	term_type(term, "w\t\t");
	screen = screen_text(&term->screen);
	CU_ASSERT_PTR_NOT_NULL(strstr(screen, "w199/"));
	CU_ASSERT_PTR_NULL(strstr(screen, "w200"));
	CU_ASSERT_PTR_NOT_NULL(strstr(screen, "/... and 100 more/$ w"));
	CU_ASSERT(layout_holds(term));
	for (guint i = 0; i < 300; i++)
		g_free(words[i]);
	term_free(term);
}

/* --- history --- */

static void test_history_rules(void)
{
	g_autoptr(History) history = history_open(NULL, 2);
	g_autofree char *longest = g_strnfill(HISTORY_LINE_LIMIT, 'x');
	g_autofree char *longer = g_strnfill(HISTORY_LINE_LIMIT + 1, 'x');
	guint64 found = 99;

	CU_ASSERT_FALSE(history_add(history, ""));
	CU_ASSERT_FALSE(history_add(history, " blank"));
	CU_ASSERT_FALSE(history_add(history, longer));
	CU_ASSERT_FALSE(history_add(history, "\xff"));
	CU_ASSERT_PTR_NULL(history_get(history, 0));
	CU_ASSERT_FALSE(history_search(history, "", G_MAXUINT64, &found));
	CU_ASSERT(history_add(history, longest));
	CU_ASSERT_FALSE(history_add(history, longest));
	CU_ASSERT(history_add(history, "b1"));
	CU_ASSERT(history_add(history, "b2"));
	CU_ASSERT_EQUAL(history_begin(history), 1);
	CU_ASSERT_EQUAL(history_end(history), 3);
	CU_ASSERT_PTR_NULL(history_get(history, 0));
	CU_ASSERT_STRING_EQUAL(history_get(history, 1), "b1");
	CU_ASSERT_PTR_NULL(history_get(history, 3));
	CU_ASSERT(history_search(history, "b", G_MAXUINT64, &found) && found == 2);
	CU_ASSERT(history_search(history, "b", found, &found) && found == 1);
	CU_ASSERT_FALSE(history_search(history, "b", found, &found));
	CU_ASSERT_PTR_NULL(history_error(history));
}

static void test_history_file(void)
{
	g_autofree char *file = g_build_filename(suite_folder(), "history", NULL);
	g_autoptr(History) first = history_open(file, 100), second = history_open(file, 100), third = NULL;
	struct stat status;

	history_add(first, "from the first");
	history_add(second, "two\nlines \\n");
	history_add(first, "again");
	CU_ASSERT_EQUAL(g_stat(file, &status), 0);
	CU_ASSERT_EQUAL(status.st_mode & 0777, 0600);
	third = history_open(file, 100);
	CU_ASSERT_EQUAL(history_end(third), 3);
	CU_ASSERT_STRING_EQUAL(history_get(third, 0), "from the first");
	CU_ASSERT_STRING_EQUAL(history_get(third, 1), "two\nlines \\n");
	CU_ASSERT_STRING_EQUAL(history_get(third, 2), "again");
}

static void test_history_compacts(void)
{
	g_autofree char *file = g_build_filename(suite_folder(), "history-long", NULL);
	g_autoptr(History) first = history_open(file, 10), second = NULL;
	g_autofree char *contents = NULL;
	guint lines = 0;

	for (guint i = 0; i < 1000; i++) {
		g_autofree char *line = g_strdup_printf("line %u", i);
		history_add(first, line);
	}
	CU_ASSERT(g_file_get_contents(file, &contents, NULL, NULL));
	for (const char *at = contents; (at = strchr(at, '\n')); at++)
		lines++;
	CU_ASSERT(lines >= 10 && lines <= 21);
	second = history_open(file, 10);
	CU_ASSERT_EQUAL(history_end(second) - history_begin(second), 10);
	CU_ASSERT_STRING_EQUAL(history_get(second, history_end(second) - 1), "line 999");
	CU_ASSERT_STRING_EQUAL(history_get(second, history_begin(second)), "line 990");
}

static void test_history_bad_file(void)
{
	g_autofree char *torn = suite_file("history-torn", "good\n\xff\xfe\n\n indented\nend\\");
	g_autoptr(History) history = history_open(torn, 10), again = NULL, folder = history_open(suite_folder(), 10);

	CU_ASSERT_STRING_EQUAL(history_get(history, 0), "good");
	CU_ASSERT_STRING_EQUAL(history_get(history, 1), "end\\");
	history_add(history, "next");
	again = history_open(torn, 10);
	CU_ASSERT_STRING_EQUAL(history_get(again, 2), "next");
	CU_ASSERT_PTR_NOT_NULL(history_error(folder));
	CU_ASSERT(history_add(folder, "kept in memory"));
	CU_ASSERT_PTR_NOT_NULL(history_error(folder));
	CU_ASSERT_STRING_EQUAL(history_get(folder, 0), "kept in memory");
}

/* --- utf8 --- */

static void test_safe_text(void)
{
	g_autofree char *cut = g_strndup("a\xf0\x9f\x98\x80", 2); /* so that the sanitizer sees a read past its end */
	g_autofree char *safe = bp_text_safe(
		"a\033[2J\x7f\xc2\x9b\xff\n" A_UMLAUT "\xe2\x80\xa8\xe2\x80\xae\xd8\x9c\xe2\x81\xa6", -1);
	GString *lines = g_string_new(NULL);

	CU_ASSERT_STRING_EQUAL(safe, "a^[[2J^?\\x9b\\xff^J" A_UMLAUT "\\u2028\\u202e\\u061c\\u2066");
	bp_text_append_safe(lines, "a\n\tb\r", 5, TRUE);
	CU_ASSERT_STRING_EQUAL(lines->str, "a\n\tb^M");
	g_string_free(lines, TRUE);
	CU_ASSERT_EQUAL(bp_text_columns("\033[1;31ma" WIDE "\033[me" ACCENT), 4);
	CU_ASSERT_EQUAL(bp_text_fit("a" WIDE "b", 2), 1);
	CU_ASSERT_EQUAL(bp_text_fit("a" WIDE "b", 3), 4);
	/* What is cut inside of a character ends where it ends. */
	CU_ASSERT_EQUAL(bp_text_fit(cut, 80), 2);
	CU_ASSERT_EQUAL(bp_text_fit("\xff\xf0"
				    "b",
				    2),
			2);
}

static const SuiteTest tests[] = {
	{ "history-keys", test_history_keys },
	{ "search", test_search },
	{ "search-screen", test_search_screen },
	{ "completion", test_completion },
	{ "completion-many", test_completion_many },
	{ "history-rules", test_history_rules },
	{ "history-file", test_history_file },
	{ "history-compacts", test_history_compacts },
	{ "history-bad-file", test_history_bad_file },
	{ "safe-text", test_safe_text },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("history", tests, argc, argv);
}
