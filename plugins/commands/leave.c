/* SPDX-License-Identifier: MIT */
/* leave.c - what a console shows first; exit, quit, shutdown, restart. */
#include <string.h>
#include <backplane/input.h>
#include <backplane/registry.h>
#include "commands.h"

/* --- the beginning --- */

/* The address of the first server that serves `what`: a class of servers, or NULL. Yours. */
static char *address_of(const char *class, const char *start, const char *end)
{
	g_autoptr(GPtrArray) list = bp_instance_list(class);

	for (guint i = 0; i < list->len; i++) {
		BpInstanceState state = bp_instance_state(list->pdata[i]);

		if (state.state == BP_STATE_OK && g_str_has_prefix(state.reason, "listening on "))
			return g_strdup_printf("%s%.*s%s", start, (int)strcspn(state.reason + 13, ", "),
					       state.reason + 13, end);
	}
	return NULL;
}

static void show_places(BpSession *session)
{
	g_autofree char *page = address_of("WebServer", "page http://", "/");
	g_autofree char *console = address_of("TelnetServer", "console telnet ", "");
	char *colon = console ? strrchr(console, ':') : NULL;

	if (colon)
		*colon = ' ';
	if (page || console)
		bp_session_printf(session, "%s%s%s", page ? page : "", page && console ? "   " : "",
				  console ? console : "");
}

static void welcome(BpSession *session)
{
	gboolean remote = *bp_session_server(session) && !bp_session_is_own(session) &&
			  strcmp(bp_session_transport(session), "control");
	gboolean terminal = bp_session_is_terminal(session);
	g_autofree char *problems = NULL;

	if (remote)
		bp_session_printf(session, "%s Telnet Console.", bp_kernel_version());
	else if (terminal)
		bp_session_printf(session, "%s. Type help for the commands, %s.", bp_kernel_version(),
				  bp_session_is_own(session) ? "quit to end" : "exit to leave");
	if (!terminal)
		return;
	if (!remote)
		show_places(session);
	problems = problems_text();
	if (problems)
		bp_session_styled(session, BP_WARN, problems);
}

static const BpWelcome greeting = { .size = sizeof(greeting), .show = welcome };

/* --- the end --- */

static gboolean run_exit(BpPlugin *self, BpCall *call, GError **error)
{
	bp_session_end(bp_call_session(call), BP_END_HANDLER, "Goodbye!");
	return TRUE;
}

/* Sessions of others, which somebody reads or types in. */
static guint count_others(BpSession *own)
{
	g_autoptr(GPtrArray) list = bp_session_list();
	guint count = 0;

	for (guint i = 0; i < list->len; i++)
		count += list->pdata[i] != own && *bp_session_server(list->pdata[i]) &&
			 strcmp(bp_session_transport(list->pdata[i]), "control");
	return count;
}

static void end_host(BpCall *call)
{
	bp_call_print(call, "Shutting down.");
	bp_kernel_quit(bp_session_failed(bp_call_session(call)) ? 1 : 0);
}

static gsize on_answer(BpPlugin *self, const guint8 *data, gsize size, gpointer call)
{
	gboolean yes = size && (*data == 'y' || *data == 'Y');

	if (yes)
		end_host(call);
	else
		bp_call_print(call, "nothing was ended");
	bp_call_done(call, NULL);
	return size ? 1 : 0;
}

static void on_cancel(BpPlugin *self, gpointer call)
{
	bp_call_done(call, g_error_new(BP_CONSOLE_ERROR, BP_CANCELLED, "nothing was ended"));
}

/* Somebody at a terminal is asked when others are connected; scripts are not. */
static gboolean run_shutdown(BpPlugin *self, BpCall *call, GError **error)
{
	guint others = count_others(bp_call_session(call));

	if (!others || bp_call_bool(call, "force") || !bp_session_is_terminal(bp_call_session(call))) {
		end_host(call);
		return TRUE;
	}
	bp_call_styled(call, BP_WARN, "%u other%s connected; session list shows who. End the host for all? [y/N]",
		       others, others > 1 ? "s are" : " is");
	bp_call_hold(call, on_cancel, call);
	if (!bp_call_take_input(call, on_answer, call))
		on_cancel(self, call);
	return TRUE;
}

/* At a terminal that is not the program's own, it leaves: whoever types quit there means this console. Else it ends the host, as
 * scripts and whoever started it in his terminal expect. */
static gboolean run_quit(BpPlugin *self, BpCall *call, GError **error)
{
	BpSession *session = bp_call_session(call);

	if (bp_session_is_own(session) || !bp_session_is_terminal(session))
		end_host(call);
	else
		bp_session_end(session, BP_END_HANDLER, "This leaves the console; shutdown ends the host. Goodbye!");
	return TRUE;
}

static gboolean run_restart(BpPlugin *self, BpCall *call, GError **error)
{
	bp_call_print(call, "Restarting.");
	bp_kernel_restart();
	return TRUE;
}

static const BpParam force_params[] = {
	{ "force", 'f', BP_BOOL, .help = "do not ask when others are connected" },
	{ NULL },
};

const BpCommand leave_commands[] = {
	{ "exit", .help = "leave: ends this session only", .run = run_exit, .group = "base", .example = "exit" },
	{ "logout", .help = "the same as exit", .run = run_exit, .hidden = TRUE, .group = "base" },
	{ "quit", .run = run_quit, .group = "base", .example = "quit",
	  .help = "on the program's own terminal and in scripts, end the program; at another terminal, exit",
	  .role = BP_ADMIN },
	{ "shutdown", .help = "end the program: sessions, modules, plugins, settings, in order", .params = force_params,
	  .run = run_shutdown, .role = BP_ADMIN, .group = "base", .example = "shutdown -f" },
	{ "restart", .help = "end and start again with the same arguments", .run = run_restart, .role = BP_ADMIN,
	  .group = "base", .example = "restart" },
	{ NULL },
};

gboolean leave_load(BpPlugin *self, GError **error)
{
	return bp_registry_add(self, BP_WELCOME, &greeting, error);
}
