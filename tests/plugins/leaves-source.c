/* SPDX-License-Identifier: MIT */
/* leaves-source.c - attaches sources to the default context past its handle: a timeout, an idle call, one of its own kind. */
#include <backplane/backplane.h>

static guint ticks;

static gboolean on_tick(gpointer data)
{
	ticks++;
	return G_SOURCE_CONTINUE;
}

static gboolean prepare(GSource *source, gint *timeout)
{
	*timeout = 1;
	return FALSE;
}

static gboolean dispatch(GSource *source, GSourceFunc func, gpointer data)
{
	return G_SOURCE_CONTINUE;
}

static gboolean load(BpPlugin *self, GError **error)
{
	static GSourceFuncs funcs = { .prepare = prepare, .dispatch = dispatch };

	g_timeout_add(1, on_tick, NULL);
	g_idle_add_full(G_PRIORITY_LOW, on_tick, NULL, NULL);
	g_source_attach(g_source_new(&funcs, sizeof(GSource)), NULL);
	return TRUE;
}

BP_PLUGIN(.name = "leaves-source", .version = "1.0", .load = load);
