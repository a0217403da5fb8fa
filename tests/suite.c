/* SPDX-License-Identifier: MIT */
#include "suite.h"
#include <glib/gstdio.h>
#include <CUnit/Basic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *folder;
static const char *running = "(set-up)";
static guint limit = 60;

static void on_alarm(int number)
{
	char text[200];
	int length = snprintf(text, sizeof(text), "\nnot ended after %u s: %s\n", limit, running);

	if (write(STDERR_FILENO, text, (size_t)length) < 0)
		_exit(3);
	_exit(2);
}

static void remove_tree(const char *path)
{
	GDir *dir = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *child = g_build_filename(path, name, NULL);
		remove_tree(child);
	}
	if (dir)
		g_dir_close(dir);
	g_remove(path);
}

static void remove_folder(void)
{
	if (folder)
		remove_tree(folder);
}

const char *suite_folder(void)
{
	if (!folder) {
		folder = g_dir_make_tmp("backplane-test-XXXXXX", NULL);
		g_assert(folder);
		atexit(remove_folder);
	}
	return folder;
}

char *suite_file(const char *name, const char *contents)
{
	char *path = g_build_filename(suite_folder(), name, NULL);

	g_assert(g_file_set_contents(path, contents, -1, NULL));
	return path;
}

static gboolean is_set(gpointer data)
{
	return *(const gboolean *)data;
}

gboolean suite_wait(const gboolean *flag, double seconds)
{
	return suite_wait_until(is_set, (gpointer)flag, seconds);
}

static gboolean on_deadline(gpointer data)
{
	*(gboolean *)data = TRUE;
	return G_SOURCE_REMOVE;
}

gboolean suite_wait_until(gboolean (*ask)(gpointer data), gpointer data, double seconds)
{
	gboolean late = FALSE;
	GSource *deadline = g_timeout_source_new((guint)(MAX(seconds, 30) * 1000));

	g_source_set_callback(deadline, on_deadline, &late, NULL);
	g_source_attach(deadline, NULL);
	while (!ask(data) && !late)
		g_main_context_iteration(NULL, TRUE);
	g_source_destroy(deadline);
	g_source_unref(deadline);
	return ask(data);
}

/* The source of the lowest priority gets its turn when no other is ready. */
gboolean suite_settle(void)
{
	gboolean idle = FALSE;
	GSource *source = g_idle_source_new();

	g_source_set_priority(source, G_PRIORITY_LOW);
	g_source_set_callback(source, on_deadline, &idle, NULL);
	g_source_attach(source, NULL);
	suite_wait(&idle, 10);
	g_source_destroy(source);
	g_source_unref(source);
	return idle;
}

static void before_test(const CU_pTest test, const CU_pSuite suite)
{
	running = test->pName;
	alarm(limit);
}

void suite_go_on(void)
{
	alarm(limit);
}

static gboolean is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (g_pattern_match_simple(argv[i], name))
			return TRUE;
	return argc < 2;
}

int suite_run(const char *name, const SuiteTest *tests, int argc, char **argv)
{
	CU_pSuite suite;
	guint run, failed;

	if (g_getenv("SUITE_TIMEOUT"))
		limit = (guint)atoi(g_getenv("SUITE_TIMEOUT"));
	setvbuf(stdout, NULL, _IOLBF, 0); /* what was said before a crash is seen */
	signal(SIGALRM, on_alarm);
	signal(SIGPIPE, SIG_IGN);
	if (CU_initialize_registry() != CUE_SUCCESS || !(suite = CU_add_suite(name, NULL, NULL)))
		return 2;
	for (const SuiteTest *test = tests; test->name; test++)
		if (is_wanted(test->name, argc, argv))
			CU_add_test(suite, test->name, test->run);
	CU_set_test_start_handler(before_test);
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	run = CU_get_number_of_tests_run();
	failed = CU_get_number_of_tests_failed();
	CU_cleanup_registry();
	printf("%s: %u passed, %u failed\n", name, run - failed, failed);
	return failed || !run;
}
