/* SPDX-License-Identifier: MIT */
/* hostile.c - keeps its thread, crashes, or refuses signals, wherever it is called: `hostile spin command`,
 * `hostile crash watch`, ... The place is command, watch, timer, loop (one of its own), job or unload.
 *
 * "spin" ends when the file named by `until` is there, so that a test can let it go on.
 */
#include <backplane/backplane.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char *how, *until;
static int *volatile nowhere;
static gboolean at_unload;

static void G_GNUC_NO_INLINE spin(void)
{
	while (!until || access(until, F_OK))
		;
}

static void G_GNUC_NO_INLINE doze(void)
{
	while (!until || access(until, F_OK))
		usleep(1000);
}

/* 0.3 s of processor time, however busy the machine is. */
static void burn(void)
{
	struct timespec begin, now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 < 300);
}

static int G_GNUC_NO_INLINE overflow(int depth)
{
	volatile char room[65536];

	room[0] = (char)depth;
	return depth < G_MAXINT ? overflow(depth + 1) + room[0] : 0;
}

static void G_GNUC_NO_INLINE act(void)
{
	static volatile int zero;

	if (strcmp(how, "spin") == 0)
		spin();
	else if (strcmp(how, "doze") == 0)
		doze();
	else if (strcmp(how, "crash") == 0)
		*nowhere = 1;
	else if (strcmp(how, "divide") == 0)
		zero = 7 / zero;
	else if (strcmp(how, "abort") == 0)
		abort();
	else if (strcmp(how, "strlen") == 0)
		zero = (int)strlen((const char *)nowhere);
	else if (strcmp(how, "overflow") == 0)
		zero = overflow(0);
	else if (strcmp(how, "burn") == 0)
		burn();
}

static void on_message(BpPlugin *self, BpMessage *message, gpointer data)
{
	act();
}

static void on_time(BpPlugin *self, gpointer data)
{
	act();
}

static void work(BpJob *job, gpointer data)
{
	act();
}

static gboolean run_hostile(BpPlugin *self, BpCall *call, GError **error)
{
	const char *where = bp_call_string(call, "where");

	g_free(how);
	g_free(until);
	how = g_strdup(bp_call_string(call, "how"));
	until = g_strdup(bp_call_string(call, "until"));
	at_unload = strcmp(where, "unload") == 0;
	if (strcmp(where, "command") == 0) {
		act();
	} else if (strcmp(where, "watch") == 0) {
		bp_channel_watch(self, bp_channel(self, "victim"), on_message, NULL, NULL);
		bp_channel_print(bp_channel(self, "victim"), "now");
	} else if (strcmp(where, "timer") == 0) {
		bp_timer_add(self, NULL, 1000, 1, on_time, NULL, NULL);
	} else if (strcmp(where, "loop") == 0) {
		BpLoop *loop = bp_loop_open(self, "side", error);

		return loop && bp_loop_call(self, loop, on_time, NULL, NULL);
	} else if (strcmp(where, "job") == 0) {
		bp_job_add(self, "work", work, NULL, NULL, NULL);
	}
	return TRUE;
}

/* As a library may that thinks it owns the process. */
static gboolean run_deaf(BpPlugin *self, BpCall *call, GError **error)
{
	sigset_t all;

	sigfillset(&all);
	signal(SIGTERM, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	return TRUE;
}

static void unload(BpPlugin *self)
{
	if (at_unload)
		act();
}

static const BpParam params[] = {
	{ "how", .kind = BP_ARGUMENT, .required = TRUE, .choices = "spin|doze|crash|divide|abort|strlen|overflow|burn",
	  .help = "what it does" },
	{ "where", .kind = BP_ARGUMENT, .required = TRUE, .choices = "command|watch|timer|loop|job|unload",
	  .help = "in which call" },
	{ "until", .kind = BP_ARGUMENT, .help = "spin and doze end when this file is there" },
	{ NULL },
};

static const BpCommand commands[] = {
	{ "hostile", .help = "do harm", .params = params, .run = run_hostile },
	{ "hostile deaf", .help = "block every signal", .run = run_deaf },
	{ NULL },
};

BP_PLUGIN(.name = "hostile", .version = "1.0", .commands = commands, .unload = unload);
