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
#include <CUnit/CUnit.h>
#include "marked.h"

typedef struct {
	const char *name;
	void (*run)(void);
} SuiteTest;

int suite_run(const char *name, const SuiteTest *tests, int argc, char **argv);

/* Turns the calling thread's default context until *flag is TRUE; gives FALSE after `seconds`, or after half a minute if that
 * is more, since a busy machine is no fault. */
gboolean suite_wait(const gboolean *flag, double seconds);
/* The same with a question. */
gboolean suite_wait_until(gboolean (*ask)(gpointer data), gpointer data, double seconds);
/* Turns the context until nothing is ready in it any more: FALSE if something always is. What has been sent over loopback
 * by then has arrived. */
gboolean suite_settle(void);
/* For a test of many parts: its time begins anew. */
void suite_go_on(void);
/* A fresh folder, removed with its contents when the program ends. */
const char *suite_folder(void);
/* A file in it. Yours. */
char *suite_file(const char *name, const char *contents);
