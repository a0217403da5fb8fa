/* SPDX-License-Identifier: MIT */
/* hello.c - greets whoever is named on channel "door"; answers on channel "hall". */
#include <backplane/backplane.h>

static BpChannel *hall;

static void on_door(BpPlugin *self, BpMessage *message, gpointer data)
{
	bp_channel_printf(hall, "hello, %s", (const char *)bp_message_data(message));
}

static gboolean run_hello(BpPlugin *self, BpCall *call, GError **error)
{
	bp_call_printf(call, "hello, %s", bp_call_string(call, "name"));
	return TRUE;
}

static const BpParam hello_params[] = {
	{ "name", .kind = BP_ARGUMENT, .fallback = "world", .help = "whom to greet" },
	{ NULL },
};

static const BpCommand commands[] = {
	{ "hello", .params = hello_params, .run = run_hello, .help = "say hello", .role = BP_OBSERVER },
	{ NULL },
};

static gboolean load(BpPlugin *self, GError **error)
{
	hall = bp_channel(self, "hall");
	bp_channel_watch(self, bp_channel(self, "door"), on_door, NULL, NULL);
	return TRUE;
}

BP_PLUGIN(.name = "hello", .version = "1.0", .summary = "A greeter", .commands = commands, .load = load);
