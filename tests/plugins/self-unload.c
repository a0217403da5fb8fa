/* SPDX-License-Identifier: MIT */
/* self-unload.c - unloads itself from its own watch, timer and command, and leaves all it made behind. */
#include <string.h>
#include <backplane/backplane.h>
#include <backplane/kernel.h>

static void tick(BpPlugin *self, gpointer data)
{
	bp_channel_print(data, "tick");
}

static void on_message(BpPlugin *self, BpMessage *message, gpointer data)
{
	const char *text = bp_message_data(message);

	if (!strcmp(text, "unload"))
		bp_plugin_unload(self, NULL, NULL);
	else if (!strcmp(text, "twice")) {
		bp_plugin_unload(self, NULL, NULL);
		bp_plugin_unload(self, NULL, NULL);
	}
}

/* Runs as long as it is let: a timer of 0 ms must not keep it alive. */
static void again(BpPlugin *self, gpointer data)
{
	bp_loop_call(self, bp_loop_current(), again, NULL, NULL);
}

static gboolean run_leave(BpPlugin *self, BpCall *call, GError **error)
{
	bp_plugin_unload(self, NULL, NULL);
	bp_call_print(call, "leaving");
	return TRUE;
}

static const BpCommand commands[] = {
	{ "leave", .help = "unload the plugin that has this command", .run = run_leave },
	{ NULL },
};

static gboolean load(BpPlugin *self, GError **error)
{
	BpChannel *out = bp_channel(self, "self-unload/out");

	bp_channel_watch(self, bp_channel(self, "self-unload/in"), on_message, NULL, NULL);
	bp_timer_add(self, "self-unload tick", 1000, 0, tick, out, NULL);
	bp_loop_call(self, bp_loop_current(), again, NULL, NULL);
	bp_channel_watch(self, bp_channel(self, "never-released"), on_message, NULL, NULL);
	return TRUE;
}

BP_PLUGIN(.name = "self-unload", .version = "1.0", .commands = commands, .load = load);
