/* SPDX-License-Identifier: MIT */
/* suite.h - a CUnit program in a few lines.
 *
 *	static void test_greets(void) { CU_ASSERT_STRING_EQUAL(greeting(), "hello"); }
 *	static const SuiteTest tests[] = { { "greets", test_greets }, { NULL } };
 *	int main(int argc, char **argv) { return suite_run("hello", tests, argc, argv); }
 *
 * Arguments are globs of test names to run. A test that hangs is ended after 60 s (SUITE_TIMEOUT) and says its name.
 */
#pragma once
#include <glib.h>
#include <string.h>
#include <CUnit/CUnit.h>

typedef struct {
	const char *name;
	void (*run)(void);
} SuiteTest;

int suite_run(const char *name, const SuiteTest *tests, int argc, char **argv);

/* A function that fails does not write its outputs: MARK(output) before the call, CU_ASSERT(IS_MARKED(output)) after it. */
#define MARK(output) memset(&(output), 0xa5, sizeof(output))
#define IS_MARKED(output) suite_is_marked(&(output), sizeof(output))
gboolean suite_is_marked(gconstpointer output, gsize size);

/* Turns the calling thread's default context until *flag is TRUE or `seconds` have passed; gives *flag. */
gboolean suite_wait(const gboolean *flag, double seconds);
/* The same with a question. */
gboolean suite_wait_until(gboolean (*ask)(gpointer data), gpointer data, double seconds);
/* A fresh folder, removed with its contents when the program ends. */
const char *suite_folder(void);
/* A file in it. Yours. */
char *suite_file(const char *name, const char *contents);
