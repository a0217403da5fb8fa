/* SPDX-License-Identifier: MIT */
/* leaves-handlers.c - functions for a signal and for the end of the process. */
#include <signal.h>
#include <stdlib.h>
#include <backplane/backplane.h>

static volatile sig_atomic_t seen;

static void on_signal(int number)
{
	seen = number;
}

static void on_end(int status, void *data)
{
	seen = status;
}

static void at_end(void)
{
	seen = 0;
}

static gboolean load(BpPlugin *self, GError **error)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGURG, &action, NULL);
	return !on_exit(on_end, NULL) && !atexit(at_end);
}

BP_PLUGIN(.name = "leaves-handlers", .version = "1.0", .load = load);
