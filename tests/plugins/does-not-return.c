/* SPDX-License-Identifier: MIT */
/* does-not-return.c - is held by a call and by a job that do not return, and has a descriptor that is always ready. */
#include <unistd.h>
#include <backplane/backplane.h>

static int ends[2];

static void work(BpJob *job, gpointer data)
{
	for (;;)
		g_usleep(1000);
}

static void on_ready(BpPlugin *self, int fd, BpEvents events, gpointer data)
{
}

static gboolean load(BpPlugin *self, GError **error)
{
	if (pipe(ends) < 0 || close(ends[1]) < 0 || !bp_fd_add(self, ends[0], BP_IN, on_ready, NULL, NULL))
		return FALSE;
	bp_plugin_hold_for(self, "an answer");
	return !!bp_job_add(self, "scan", work, NULL, NULL, NULL);
}

BP_PLUGIN(.name = "does-not-return", .version = "1.0", .load = load);
