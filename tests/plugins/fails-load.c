/* SPDX-License-Identifier: MIT */
/* fails-load.c - makes things, then cannot start. */
#include <backplane/backplane.h>

static void ignore(BpPlugin *self, BpMessage *message, gpointer data)
{
}

static void tick(BpPlugin *self, gpointer data)
{
}

static gboolean load(BpPlugin *self, GError **error)
{
	bp_channel_watch(self, bp_channel(self, "fails-load/channel"), ignore, NULL, NULL);
	bp_timer_add(self, "fails-load tick", 1000, 0, tick, NULL, NULL);
	g_set_error(error, BP_HOST_ERROR, BP_FAILED, "the moon is in the wrong place");
	return FALSE;
}

BP_PLUGIN(.name = "fails-load", .version = "1.0", .load = load);
