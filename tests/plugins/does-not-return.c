/* SPDX-License-Identifier: MIT */
/* does-not-return.c - is held by a call and by a job that do not return until there is a file `return` in the working
 * folder, and has a descriptor that is always ready. */
#include <unistd.h>
#include <backplane/backplane.h>

static int ends[2];

static void work(BpJob *job, gpointer data)
{
	while (access("return", F_OK))
		g_usleep(1000);
}

static void on_worked(BpPlugin *self, gboolean cancelled, gpointer data)
{
	bp_plugin_release_for(self, "an answer");
}

static void on_ready(BpPlugin *self, int fd, BpEvents events, gpointer data)
{
}

static void close_end(gpointer fd)
{
	close(GPOINTER_TO_INT(fd));
}

static gboolean load(BpPlugin *self, GError **error)
{
	if (pipe(ends) < 0 || close(ends[1]) < 0 ||
	    !bp_fd_add(self, ends[0], BP_IN, on_ready, GINT_TO_POINTER(ends[0]), close_end))
		return FALSE;
	bp_plugin_hold_for(self, "an answer");
	return !!bp_job_add(self, "scan", work, on_worked, NULL, NULL);
}

BP_PLUGIN(.name = "does-not-return", .version = "1.0", .load = load);
