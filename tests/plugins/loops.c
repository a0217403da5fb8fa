/* SPDX-License-Identifier: MIT */
/* loops.c - instances that live on loops of their own, as scripts do: each says something every millisecond on NAME/out, and
 * answers there what is said on NAME/in and on c/1.
 */
#include <backplane/backplane.h>
#include <backplane/kernel.h>

typedef struct {
	BpInstance *self;
	BpChannel *in, *out, *shared;
	guint count;
} Looper;

static void on_message(BpPlugin *self, BpMessage *message, gpointer data)
{
	Looper *looper = data;
	const char *text = bp_message_data(message);
	const BpChannelOptions options = { .replay = looper->count % 5, .greet = looper->count % 2 ? "hello" : NULL };

	bp_channel_set_options(looper->out, &options);
	/* What is linked in a circle would multiply. */
	if (g_ascii_isalpha(*text))
		bp_channel_printf(looper->out, "%u: %s", looper->count, text);
}

static void tick(BpPlugin *self, gpointer data)
{
	Looper *looper = data;

	bp_channel_printf(looper->out, "%u", looper->count++);
}

static void begin(BpPlugin *self, gpointer data)
{
	Looper *looper = data;

	bp_channel_watch(self, looper->in, on_message, looper, NULL);
	bp_channel_watch(self, looper->shared, on_message, looper, NULL);
	bp_timer_add(self, NULL, 1000, 0, tick, looper, NULL);
}

static gboolean open_looper(BpInstance *self, GError **error)
{
	Looper *looper = bp_instance_data(self);
	BpLoop *loop = bp_loop_open(self, bp_plugin_name(self), error);

	if (!loop)
		return FALSE;
	looper->self = self;
	looper->in = bp_instance_channel(self, "in");
	looper->out = bp_instance_channel(self, "out");
	looper->shared = bp_channel(self, "c/1");
	return bp_loop_call(self, loop, begin, looper, NULL);
}

static const BpModule modules[] = {
	{ "Looper", .help = "lives on a loop of its own", .size = sizeof(Looper), .open = open_looper },
	{ NULL },
};

BP_PLUGIN(.name = "loops", .version = "1.0", .modules = modules);
