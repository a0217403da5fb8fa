/* SPDX-License-Identifier: MIT */
/* memory.c - gives memory back that was freed. The C library keeps it where something that is still in use lies behind it: after ten
 * thousand connections a hundred MiB stayed resident, with one MiB in use.
 *
 * While the process has more than it had at its smallest, the library is asked now and then, in a job, since it looks at every free piece:
 * soon after something has changed, then less and less often.
 */
#include "leftovers.h"
#include <backplane/loop.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#define INTERVAL (2 * G_USEC_PER_SEC)
#define LONGEST (600 * G_USEC_PER_SEC)
#define SMALL (512 * 1024) /* bytes that are not worth it */
#define MANY 50		   /* descriptors */

static gsize smallest;	   /* resident bytes */
static gsize resident;	   /* after the last time */
static guint watched;	   /* descriptors, then */
static gint64 next, delay; /* when it is asked again, monotonic, and how long after the last time that is */
static gboolean busy;

static gsize resident_now(void)
{
	g_autofree char *text = bp_file_load("/proc/self/statm", 4096, BP_FILE_READ, NULL, NULL);
	gulong all, pages;

	return text && sscanf(text, "%lu %lu", &all, &pages) == 2 ? pages * (gsize)sysconf(_SC_PAGESIZE) : 0;
}

static void work_trim(BpJob *job, gpointer data)
{
	malloc_trim(0);
}

static void on_trimmed(BpPlugin *self, gboolean cancelled, gpointer data)
{
	busy = FALSE;
	resident = resident_now();
	delay = MIN(delay * 2, LONGEST);
	next = bp_loop_now() + delay;
}

static void on_look(BpPlugin *self, gpointer data)
{
	guint fds = bp_loop_stats(bp_loop_main()).fds;
	gsize now = resident_now();

	if (!now)
		return;
	smallest = MIN(smallest, now);
	if (ABS((gssize)now - (gssize)resident) > (gssize)resident / 10 || ABS((gint)fds - (gint)watched) > MANY) {
		delay = INTERVAL / 2;
		next = 0;
	}
	if (busy || now < smallest + smallest / 10 + SMALL || bp_loop_now() < next)
		return;
	resident = now;
	watched = fds;
	busy = bp_job_add(self, "give memory back", work_trim, on_trimmed, NULL, NULL) != NULL;
}

void left_watch_memory(BpPlugin *self)
{
	busy = FALSE;
	smallest = resident = resident_now();
	watched = 0;
	next = 0;
	delay = INTERVAL;
	bp_timer_add(self, NULL, INTERVAL, 0, on_look, NULL, NULL);
}
