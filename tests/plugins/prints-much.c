/* SPDX-License-Identifier: MIT */
/* prints-much.c - a command that prints numbered lines of 1 KiB, all of them in one call; another that tells when it is cancelled. */
#include <backplane/backplane.h>

static BpChannel *waits;

static gboolean run_much(BpPlugin *self, BpCall *call, GError **error)
{
	for (gint64 i = 0; i < bp_call_int(call, "lines"); i++)
		bp_call_printf(call, "%08" G_GINT64_FORMAT "%01015d", i, 0);
	return TRUE;
}

static void on_cancel(BpPlugin *self, gpointer call)
{
	bp_channel_print(waits, "cancelled");
	bp_call_done(call, NULL);
}

static gboolean run_waits(BpPlugin *self, BpCall *call, GError **error)
{
	bp_call_hold(call, on_cancel, call);
	bp_channel_print(waits, "begun");
	return TRUE;
}

static const BpParam much_params[] = {
	{ "lines", .kind = BP_ARGUMENT, .type = BP_INT, .required = TRUE, .min = 0, .max = 1000000,
	  .help = "how many" },
	{ NULL },
};

static const BpCommand commands[] = {
	{ "much", .help = "print many lines", .params = much_params, .run = run_much },
	{ "waits", .help = "wait until it is cancelled", .run = run_waits },
	{ NULL },
};

static gboolean load(BpPlugin *self, GError **error)
{
	waits = bp_channel(self, "waits");
	return TRUE;
}

BP_PLUGIN(.name = "prints-much", .version = "1.0", .commands = commands, .load = load);
