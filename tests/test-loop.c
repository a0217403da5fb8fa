/* SPDX-License-Identifier: MIT */
/* test-loop.c - timers, descriptors, deferred and posted calls, jobs, loops with threads of their own. */
#include <unistd.h>
#include <backplane/backplane.h>
#include <backplane/kernel.h>
#include "suite.h"

static BpPlugin *self;
static gboolean reached;
static guint count;

static void start(void)
{
	static const BpKernelOptions options = { 0 };

	CU_ASSERT_FATAL(bp_kernel_start(&options, NULL));
	self = bp_kernel();
	reached = FALSE;
	count = 0;
}

static void stop(void)
{
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
}

static void set_flag(BpPlugin *plugin, gpointer data)
{
	*(gboolean *)data = TRUE;
}

static void add_one(BpPlugin *plugin, gpointer data)
{
	count++;
}

static void destroyed(gpointer data)
{
	(*(guint *)data)++;
}

/* --- timers --- */

static void test_timer_times(void)
{
	guint ends = 0;

	start();
	bp_timer_add(self, NULL, 2000, 3, add_one, &ends, destroyed);
	bp_timer_add(self, NULL, 30000, 1, set_flag, &reached, NULL);
	CU_ASSERT(suite_wait(&reached, 10));
	CU_ASSERT_EQUAL(count, 3);
	CU_ASSERT_EQUAL(ends, 1);
	CU_ASSERT_EQUAL(bp_loop_stats(bp_loop_main()).timers, 0);
	stop();
}

static char order[8];

static void note_order(BpPlugin *plugin, gpointer data)
{
	order[count++] = *(const char *)data;
}

static void test_timer_order(void)
{
	start();
	bp_timer_add(self, NULL, 9000, 1, note_order, "c", NULL);
	bp_timer_add(self, NULL, 3000, 1, note_order, "a", NULL);
	bp_timer_add(self, NULL, 6000, 1, note_order, "b", NULL);
	bp_timer_remove(bp_timer_add(self, NULL, 1000, 1, note_order, "x", NULL));
	bp_timer_add(self, NULL, 12000, 1, set_flag, &reached, NULL);
	CU_ASSERT(suite_wait(&reached, 10));
	order[count] = 0;
	CU_ASSERT_STRING_EQUAL(order, "abc");
	stop();
}

static BpTimer *own_timer;

static void remove_own(BpPlugin *plugin, gpointer data)
{
	count++;
	bp_timer_remove(own_timer);
	reached = TRUE;
}

static void test_timer_removes_itself(void)
{
	guint ends = 0;

	start();
	own_timer = bp_timer_add(self, NULL, 1000, 0, remove_own, &ends, destroyed);
	CU_ASSERT(suite_wait(&reached, 10));
	CU_ASSERT_EQUAL(count, 1);
	CU_ASSERT_EQUAL(ends, 1);
	stop();
}

static gint64 begun, last;

/* The third beat is 30 intervals after the beginning however late the ones before were. */
static void on_beat(BpPlugin *plugin, gpointer data)
{
	gint64 until = g_get_monotonic_time() + 12000;

	last = bp_loop_now() - begun;
	if (++count == 1)
		while (g_get_monotonic_time() < until)
			; /* a slow one */
	reached = count == 20;
}

static void test_timer_does_not_drift(void)
{
	start();
	begun = g_get_monotonic_time();
	bp_timer_add(self, NULL, 5000, 20, on_beat, NULL, NULL);
	CU_ASSERT(suite_wait(&reached, 20));
	/* 20 beats and the one that was missed. A busy machine may be late, never early. */
	CU_ASSERT(last >= 21 * 5000 - 1000);
	CU_ASSERT(last % 5000 < 4999);
	stop();
}

static void test_timer_restart(void)
{
	BpTimer *idle;

	start();
	idle = bp_timer_add(self, NULL, 20000, 1, note_order, "t", NULL);
	bp_timer_set_interval(idle, 8000);
	bp_timer_restart(idle);
	bp_timer_add(self, NULL, 15000, 1, set_flag, &reached, NULL);
	CU_ASSERT(suite_wait(&reached, 10));
	CU_ASSERT_EQUAL(count, 1);
	stop();
}

/* --- descriptors --- */

static void on_readable(BpPlugin *plugin, int fd, BpEvents events, gpointer data)
{
	char byte;

	CU_ASSERT(events & BP_IN);
	CU_ASSERT_EQUAL(read(fd, &byte, 1), 1);
	count++;
	reached = byte == '!';
}

static void test_descriptor(void)
{
	int ends[2];
	BpFd *source;

	start();
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	source = bp_fd_add(self, ends[0], BP_IN, on_readable, NULL, NULL);
	CU_ASSERT_EQUAL(write(ends[1], "ab!", 3), 3);
	CU_ASSERT(suite_wait(&reached, 10));
	CU_ASSERT_EQUAL(count, 3);
	bp_fd_remove(source);
	CU_ASSERT_EQUAL(bp_loop_stats(bp_loop_main()).fds, 0);
	close(ends[0]);
	close(ends[1]);
	stop();
}

static BpFd *sources[2];

/* Both are ready in one turn; whichever comes first removes the other. */
static void remove_other(BpPlugin *plugin, int fd, BpEvents events, gpointer data)
{
	guint me = GPOINTER_TO_UINT(data);
	char byte;

	CU_ASSERT_EQUAL(read(fd, &byte, 1), 1);
	count++;
	bp_fd_remove(sources[!me]);
	reached = TRUE;
}

static void test_remove_while_pending(void)
{
	int first[2], second[2];

	start();
	CU_ASSERT_EQUAL_FATAL(pipe(first), 0);
	CU_ASSERT_EQUAL_FATAL(pipe(second), 0);
	sources[0] = bp_fd_add(self, first[0], BP_IN, remove_other, GUINT_TO_POINTER(0), NULL);
	sources[1] = bp_fd_add(self, second[0], BP_IN, remove_other, GUINT_TO_POINTER(1), NULL);
	CU_ASSERT_EQUAL(write(first[1], "x", 1) + write(second[1], "x", 1), 2);
	CU_ASSERT(suite_wait(&reached, 10));
	while (g_main_context_iteration(NULL, FALSE))
		;
	CU_ASSERT_EQUAL(count, 1);
	stop();
	close(first[0]);
	close(first[1]);
	close(second[0]);
	close(second[1]);
}

/* --- calls --- */

static void defer_again(BpPlugin *plugin, gpointer data)
{
	if (++count < 5)
		bp_defer(plugin, defer_again, NULL, NULL);
}

static void test_defer(void)
{
	guint ends = 0;

	start();
	bp_defer(self, defer_again, &ends, destroyed);
	bp_defer(self, set_flag, &reached, NULL);
	CU_ASSERT_EQUAL(count, 0);
	CU_ASSERT(suite_wait(&reached, 10));
	CU_ASSERT_EQUAL(count, 5); /* in the same turn */
	CU_ASSERT_EQUAL(ends, 1);
	stop();
}

static GPollFunc loops_poll;
static guint polls_ready;

static gint count_ready(GPollFD *fds, guint size, gint timeout)
{
	gint ready = loops_poll(fds, size, timeout);

	polls_ready += ready > 0;
	return ready;
}

/* Turns the context inside a turn: others are served, we are not, and what of ours is ready does not make it spin. */
static void hold_dialogue(BpPlugin *plugin, gpointer data)
{
	CU_ASSERT_EQUAL(write(GPOINTER_TO_INT(data), "!", 1), 1);
	CU_ASSERT(suite_settle());
	polls_ready = 0;
	loops_poll = g_main_context_get_poll_func(NULL);
	g_main_context_set_poll_func(NULL, count_ready);
	for (guint i = 0; i < 3; i++)
		g_main_context_iteration(NULL, FALSE);
	g_main_context_set_poll_func(NULL, loops_poll);
	CU_ASSERT_EQUAL(polls_ready, 0);
	CU_ASSERT_EQUAL(count, 0);
}

static void test_turn_in_a_turn(void)
{
	int ends[2];

	start();
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	bp_fd_add(self, ends[0], BP_IN, on_readable, NULL, NULL);
	bp_timer_add(self, NULL, 1000, 1, hold_dialogue, GINT_TO_POINTER(ends[1]), NULL);
	CU_ASSERT(suite_wait(&reached, 10));
	CU_ASSERT_EQUAL(count, 1);
	stop();
	close(ends[0]);
	close(ends[1]);
}

static gpointer call_from_thread(gpointer data)
{
	for (guint i = 0; i < 1000; i++)
		bp_loop_call(self, bp_loop_main(), add_one, NULL, NULL);
	bp_loop_call(self, bp_loop_main(), set_flag, &reached, NULL);
	return NULL;
}

static void test_call_from_thread(void)
{
	GThread *thread;

	start();
	thread = g_thread_new("caller", call_from_thread, NULL);
	CU_ASSERT(suite_wait(&reached, 10));
	CU_ASSERT_EQUAL(count, 1000);
	g_thread_join(thread);
	stop();
}

static BpLoop *seen_loop;

static void note_loop(BpPlugin *plugin, gpointer data)
{
	seen_loop = bp_loop_current();
	bp_loop_call(plugin, bp_loop_main(), set_flag, &reached, NULL);
}

static void test_own_loop(void)
{
	BpLoop *loop;

	start();
	loop = bp_loop_open(self, "worker", NULL);
	CU_ASSERT_STRING_EQUAL(bp_loop_name(loop), "worker");
	CU_ASSERT(bp_loop_call(self, loop, note_loop, NULL, NULL));
	CU_ASSERT(suite_wait(&reached, 10));
	CU_ASSERT_PTR_EQUAL(seen_loop, loop);
	bp_loop_close(loop);
	CU_ASSERT_PTR_EQUAL(bp_loop_current(), bp_loop_main());
	stop();
}

/* What a closed loop had not run yet is run or undone, never forgotten. */
static void test_calls_are_not_lost(void)
{
	guint ends = 0;

	start();
	for (guint i = 0; i < 100; i++)
		bp_loop_call(self, bp_loop_main(), add_one, &ends, destroyed);
	stop();
	CU_ASSERT_EQUAL(ends, 100);
}

/* --- jobs --- */

static void work(BpJob *job, gpointer data)
{
	g_atomic_int_inc((gint *)data);
	bp_job_progress(job, 1);
}

static void done(BpPlugin *plugin, gboolean cancelled, gpointer data)
{
	CU_ASSERT_PTR_EQUAL(bp_loop_current(), bp_loop_main());
	count += !cancelled;
	reached = count == 20;
}

static void test_jobs(void)
{
	gint worked = 0;
	guint ends = 0;

	start();
	for (guint i = 0; i < 19; i++)
		CU_ASSERT_PTR_NOT_NULL(bp_job_add(self, "work", work, done, &worked, NULL));
	bp_job_add(self, "last", work, done, &worked, NULL);
	CU_ASSERT(suite_wait(&reached, 10));
	CU_ASSERT_EQUAL(g_atomic_int_get(&worked), 20);
	CU_ASSERT_EQUAL(ends, 0);
	stop();
}

static void work_until_cancelled(BpJob *job, gpointer data)
{
	while (!bp_job_cancelled(job))
		g_thread_yield();
}

static void note_cancelled(BpPlugin *plugin, gboolean cancelled, gpointer data)
{
	reached = cancelled;
}

static void test_job_cancel(void)
{
	guint ends = 0;
	BpJob *job;

	start();
	job = bp_job_add(self, "endless", work_until_cancelled, note_cancelled, &ends, destroyed);
	bp_job_cancel(job);
	CU_ASSERT(suite_wait(&reached, 10));
	CU_ASSERT_EQUAL(ends, 1);
	stop();
}

static gboolean all_have_ended(gpointer data)
{
	return *(guint *)data == count + 1;
}

/* More than may wait is refused at once, and its data is given back. */
static void test_jobs_are_bounded(void)
{
	g_autoptr(GPtrArray) jobs = g_ptr_array_new();
	guint ends = 0;
	BpJob *job;

	start();
	while (jobs->len < 100000 && (job = bp_job_add(self, "endless", work_until_cancelled, NULL, &ends, destroyed)))
		g_ptr_array_add(jobs, job);
	CU_ASSERT_EQUAL(ends, 1);
	count = jobs->len;
	for (guint i = 0; i < jobs->len; i++)
		bp_job_cancel(jobs->pdata[i]);
	CU_ASSERT(suite_wait_until(all_have_ended, &ends, 10));
	stop();
}

static BpTimer *only;
static guint ran;

static void on_only(BpPlugin *owner, gpointer data)
{
	CU_ASSERT_PTR_NULL(only);
	if (++ran == 1)
		bp_timer_once(&only, self, 0, on_only, NULL);
}

static void on_never(BpPlugin *owner, gpointer data)
{
	CU_FAIL("it was removed");
}

static gboolean has_run_twice(gpointer data)
{
	return ran == 2;
}

/* The pointer is never that of a timer that has run out. */
static void test_timer_once(void)
{

	start();
	ran = 0;
	bp_timer_once(&only, self, 1, on_never, NULL);
	CU_ASSERT_PTR_NOT_NULL(only);
	bp_timer_once(&only, self, 1, on_only, NULL);
	CU_ASSERT(suite_wait_until(has_run_twice, NULL, 10));
	CU_ASSERT_PTR_NULL(only);
	bp_timer_once(&only, self, 1000, on_never, NULL);
	bp_timer_remove(only);
	CU_ASSERT_PTR_NULL(only);
	CU_ASSERT_EQUAL(bp_loop_stats(bp_loop_main()).timers, 0);
	stop();
}

static const SuiteTest tests[] = {
	{ "timer_times", test_timer_times },
	{ "timer_order", test_timer_order },
	{ "timer_removes_itself", test_timer_removes_itself },
	{ "timer_does_not_drift", test_timer_does_not_drift },
	{ "timer_restart", test_timer_restart },
	{ "timer_once", test_timer_once },
	{ "descriptor", test_descriptor },
	{ "remove_while_pending", test_remove_while_pending },
	{ "defer", test_defer },
	{ "turn_in_a_turn", test_turn_in_a_turn },
	{ "call_from_thread", test_call_from_thread },
	{ "own_loop", test_own_loop },
	{ "calls_are_not_lost", test_calls_are_not_lost },
	{ "jobs", test_jobs },
	{ "job_cancel", test_job_cancel },
	{ "jobs_are_bounded", test_jobs_are_bounded },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("loop", tests, argc, argv);
}
