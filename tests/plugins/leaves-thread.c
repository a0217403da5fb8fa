/* SPDX-License-Identifier: MIT */
/* leaves-thread.c - starts a thread that it does not end. */
#include <backplane/backplane.h>

static gint steps;

static void __attribute__((noinline)) step(void)
{
	g_atomic_int_inc(&steps);
	g_usleep(1000);
}

static gpointer tick(gpointer data)
{
	for (;;)
		step();
	return NULL;
}

static gboolean load(BpPlugin *self, GError **error)
{
	g_thread_unref(g_thread_new("ticker", tick, NULL));
	return TRUE;
}

BP_PLUGIN(.name = "leaves-thread", .version = "1.0", .load = load);
