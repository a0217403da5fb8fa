/* SPDX-License-Identifier: MIT */
/* takes-signals.c - takes away the signals that the program waits for, and those that it ignores. */
#include <signal.h>
#include <backplane/backplane.h>

static void on_signal(int number)
{
}

static gboolean load(BpPlugin *self, GError **error)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, on_signal);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGUSR2, on_signal); /* its own affair */
	return TRUE;
}

BP_PLUGIN(.name = "takes-signals", .version = "1.0", .load = load);
