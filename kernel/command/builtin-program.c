/* SPDX-License-Identifier: MIT */
/* builtin-program.c - flush, exit, quit, shutdown, restart. */
#include <unistd.h>
#include "command/command.h"
#include "command/session.h"
#include "host/settings.h"
#include "loop/loop.h"
#include "start.h"

static void on_saved(const GError *error, gpointer data)
{
	BpCall *call = data;

	if (!error)
		bp_call_print(call, "Persistent settings force saved.");
	bp_call_done(call, error ? g_error_copy(error) : NULL);
}

static gboolean run_flush(BpPlugin *self, BpCall *call, GError **error)
{
	bp_call_hold(call, NULL, NULL);
	settings_save(on_saved, call);
	return TRUE;
}

static gboolean run_exit(BpPlugin *self, BpCall *call, GError **error)
{
	bp_session_end(bp_call_session(call), BP_END_HANDLER, "Goodbye!");
	return TRUE;
}

static gboolean run_quit(BpPlugin *self, BpCall *call, GError **error)
{
	bp_call_print(call, "Shutting down.");
	bp_kernel_quit(bp_call_session(call)->failed ? 1 : 0);
	return TRUE;
}

static gboolean run_restart(BpPlugin *self, BpCall *call, GError **error)
{
	bp_call_print(call, "Restarting.");
	kernel_restart();
	return TRUE;
}

const BpCommand program_commands[] = {
	{ "flush", .help = "save the settings now", .run = run_flush, .role = BP_OPERATOR, .group = "settings" },
	{ "exit", .help = "leave: ends this session only", .run = run_exit, .group = "base" },
	{ "logout", .help = "the same as exit", .run = run_exit, .hidden = TRUE, .group = "base" },
	{ "quit", .help = "end the program: sessions, modules, plugins, settings, in order", .run = run_quit,
	  .role = BP_ADMIN, .group = "base" },
	{ "shutdown", .help = "the same as quit", .run = run_quit, .role = BP_ADMIN, .group = "base" },
	{ "restart", .help = "end and start again with the same arguments", .run = run_restart, .role = BP_ADMIN,
	  .group = "base" },
	{ NULL },
};
