/* SPDX-License-Identifier: MIT */
/* test-backoff.c - pauses between tries. */
#include <backplane/backoff.h>
#include <backplane/kernel.h>
#include <backplane/scope.h>
#include "suite.h"

static guint tries;

static void on_try(BpPlugin *self, gpointer data)
{
	tries++;
}

static BpBackoff *start(gint64 first, gint64 longest)
{
	static const BpKernelOptions options = { 0 };

	CU_ASSERT_FATAL(bp_kernel_start(&options, NULL));
	tries = 0;
	return bp_backoff_new(bp_kernel(), first, longest, on_try, NULL);
}

static gboolean is_about(gint64 pause, gint64 wanted)
{
	return pause >= wanted * 8 / 10 && pause <= wanted * 12 / 10;
}

/* Twice as long each time, up to the longest; a reset begins again. */
static void test_grows(void)
{
	BpBackoff *again = start(G_USEC_PER_SEC, 5 * G_USEC_PER_SEC);
	gint64 wanted[] = { 1, 2, 4, 5, 5 };

	for (guint i = 0; i < G_N_ELEMENTS(wanted); i++) {
		gint64 pause = bp_backoff_wait(again);

		CU_ASSERT(is_about(pause, wanted[i] * G_USEC_PER_SEC) && pause <= 5 * G_USEC_PER_SEC);
		CU_ASSERT(bp_backoff_left(again) > 0 && bp_backoff_left(again) <= pause);
		CU_ASSERT(bp_backoff_wait(again) <= pause); /* the one under way goes on */
		bp_backoff_stop(again);
		CU_ASSERT_EQUAL(bp_backoff_left(again), -1);
	}
	bp_backoff_reset(again);
	CU_ASSERT(is_about(bp_backoff_wait(again), G_USEC_PER_SEC));
	bp_backoff_free(again);
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
}

/* What has not lasted does not begin again: only the clock could show that it does. */
static void test_short_success(void)
{
	BpBackoff *again = start(G_USEC_PER_SEC, 60 * G_USEC_PER_SEC);

	bp_backoff_wait(again);
	bp_backoff_works(again);
	CU_ASSERT_EQUAL(bp_backoff_left(again), -1);
	CU_ASSERT(is_about(bp_backoff_wait(again), 2 * G_USEC_PER_SEC));
	bp_backoff_wait_for(again, 7 * G_USEC_PER_SEC);
	CU_ASSERT(bp_backoff_left(again) > 6 * G_USEC_PER_SEC);
	bp_backoff_stop(again);
	CU_ASSERT(is_about(bp_backoff_wait(again), 4 * G_USEC_PER_SEC));
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
}

static gboolean has_tried(gpointer data)
{
	return tries > 0;
}

/* It goes with a scope, and its function may end that. */
static void close_scope(BpPlugin *self, gpointer data)
{
	tries++;
	bp_scope_close(data);
}

static void test_owner(void)
{
	BpBackoff *again = start(1000, 1000);
	BpScope *scope = bp_scope_open(bp_kernel());

	bp_backoff_wait(bp_backoff_new(scope, 1000, 1000, close_scope, scope));
	CU_ASSERT(suite_wait_until(has_tried, NULL, 10));
	bp_backoff_wait_for(again, 0);
	tries = 0;
	CU_ASSERT(suite_wait_until(has_tried, NULL, 10));
	CU_ASSERT_EQUAL(tries, 1);
	bp_backoff_wait(again);
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
}

static const SuiteTest tests[] = {
	{ "grows", test_grows },
	{ "short_success", test_short_success },
	{ "owner", test_owner },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("backoff", tests, argc, argv);
}
