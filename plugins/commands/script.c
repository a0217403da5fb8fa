/* SPDX-License-Identifier: MIT */
/* script.c - echo, execute, threaded, wait, exit, quit: what scripts are made of. */
#include <backplane/kernel.h>
#include "commands.h"

#define FILE_LIMIT (16 * 1024 * 1024)

static void on_script(BpPlugin *self, const char *text, gsize size, const GError *error, gpointer data)
{
	BpCall *call = data;

	if (text)
		bp_call_run(call, text);
	else if (error->code == BP_NOT_FOUND)
		bp_call_done(call, g_error_new(BP_CONSOLE_ERROR, BP_NOT_FOUND, "The file does not exist: %s",
					       bp_call_string(call, "file")));
	else
		bp_call_done(call,
			     g_error_new(BP_CONSOLE_ERROR, error->code, "Could not load file: %s", error->message));
}

static gboolean run_execute(BpPlugin *self, BpCall *call, GError **error)
{
	if (!bp_file_read(self, bp_call_string(call, "file"), FILE_LIMIT, on_script, call, error))
		return FALSE;
	bp_call_hold(call, NULL, NULL);
	return TRUE;
}

/* --- beside --- */

typedef struct {
	guint session;
	char *command;
	gint64 started;
} BesideRun;

static void on_beside_done(BpPlugin *self, guint failed, gpointer data)
{
	BesideRun *beside = data;
	BpSession *session = bp_session_find(beside->session);
	g_autofree char *text = g_strdup_printf("Finished command %s after %.2fsec", beside->command,
						(double)(g_get_monotonic_time() - beside->started) / G_USEC_PER_SEC);

	if (session)
		bp_session_notify(session, text);
	g_free(beside->command);
	g_free(beside);
}

static gboolean run_threaded(BpPlugin *self, BpCall *call, GError **error)
{
	BesideRun *beside = g_new0(BesideRun, 1);

	beside->session = bp_session_id(bp_call_session(call));
	beside->command = g_strdup(bp_call_string(call, "command"));
	beside->started = g_get_monotonic_time();
	bp_call_printf(call, "Command '%s' is now running in the background.", beside->command);
	bp_session_run(self, bp_call_session(call), beside->command, on_beside_done, beside);
	return TRUE;
}

static gboolean run_echo(BpPlugin *self, BpCall *call, GError **error)
{
	const char *text = bp_call_string(call, "text");

	bp_call_print(call, text ? text : "");
	return TRUE;
}

/* --- wait --- */

static void on_waited(BpPlugin *self, gpointer call)
{
	bp_call_done(call, NULL);
}

static void on_wait_cancelled(BpPlugin *self, gpointer call)
{
	bp_call_done(call, g_error_new(BP_CONSOLE_ERROR, BP_CANCELLED, "wait was interrupted"));
}

static gboolean run_wait(BpPlugin *self, BpCall *call, GError **error)
{
	bp_call_hold(call, on_wait_cancelled, call);
	bp_timer_add(bp_call_scope(call), NULL, bp_call_duration(call, "seconds"), 1, on_waited, call, NULL);
	return TRUE;
}

/* --- tables --- */

static const BpParam execute_params[] = {
	{ "file", .kind = BP_ARGUMENT, .required = TRUE, .names = BP_A_FILE,
	  .help = "one command a line; # begins a comment" },
	{ NULL },
};

static const BpParam threaded_params[] = {
	{ "command", .kind = BP_ARGUMENT, .type = BP_REST, .required = TRUE, .help = "what to run" },
	{ NULL },
};

static const BpParam echo_params[] = {
	{ "text", .kind = BP_ARGUMENT, .type = BP_REST, .help = "as it stands" },
	{ NULL },
};

static const BpParam wait_params[] = {
	{ "seconds", .type = BP_DURATION, .kind = BP_ARGUMENT, .required = TRUE, .max = 31536000, .help = "how long" },
	{ NULL },
};

const BpCommand script_commands[] = {
	{ "echo", .help = "say a text", .params = echo_params, .run = run_echo, .group = "base" },
	{ "execute", .help = "run the commands in a file", .params = execute_params, .run = run_execute,
	  .role = BP_ADMIN, .group = "base" },
	{ "threaded", .help = "run a command and take the next one at once", .params = threaded_params,
	  .run = run_threaded, .role = BP_OPERATOR, .group = "base" },
	{ "wait", .help = "let some time pass before the next command", .params = wait_params, .run = run_wait,
	  .group = "base" },
	{ NULL },
};
