/* SPDX-License-Identifier: MIT */
/* memory.c - gives memory back that was freed. The C library keeps it where something that is still in use lies behind it: after ten
 * thousand connections a hundred MiB stayed resident, with one MiB in use.
 *
 * It looks when much fewer descriptors are watched than before, or when the process has grown. A job does it: the library looks at every
 * free piece.
 */
#include "leftovers.h"
#include <backplane/loop.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#define INTERVAL (2 * G_USEC_PER_SEC)
#define MANY 100		       /* descriptors */
#define GROWN ((gsize)2 * 1024 * 1024) /* bytes, or a quarter, since the last time */

static guint most;     /* descriptors watched at once, since the last time */
static gsize resident; /* after the last time */
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
}

static void on_look(BpPlugin *self, gpointer data)
{
	guint watched = bp_loop_stats(bp_loop_main()).fds;
	gboolean fewer;

	most = MAX(most, watched);
	fewer = most >= MANY && watched < most / 2;
	if (busy || !(fewer || resident_now() > resident + MAX(GROWN, resident / 4)))
		return;
	most = watched;
	busy = bp_job_add(self, "give memory back", work_trim, on_trimmed, NULL, NULL) != NULL;
}

void left_watch_memory(BpPlugin *self)
{
	busy = FALSE;
	most = 0;
	resident = resident_now();
	bp_timer_add(self, NULL, INTERVAL, 0, on_look, NULL, NULL);
}
