/* SPDX-License-Identifier: MIT */
/* call.c - a call of a command: its values, its output, its end. */
#include "command/run.h"
#include <string.h>

struct BpCall {
	BpOwned owned;	 /* of the command's plugin, while it is held */
	BpPlugin *scope; /* NULL: nothing waits for it */
	CommandRun *run; /* NULL: nobody waits for it any more */
	BpSession *session;
	const BpCommand *command;
	BpValues *values;
	char *suffix;
	GError *error;
	BpFunc cancel;
	gpointer data;
	BpInputFunc input;
	gpointer input_data;
	guint json : 1;	  /* --json was typed */
	guint begun : 1;  /* the list of objects */
	guint in_run : 1; /* its run function is on the stack */
	guint held : 1;
	guint done : 1;
	guint cancelled : 1;
};

static GPtrArray *held; /* of BpCall */

static void call_free(BpCall *call)
{
	scope_clear(&call->scope);
	bp_session_unref(call->session);
	bp_values_free(call->values);
	g_clear_error(&call->error);
	g_free(call->suffix);
	g_free(call);
}

BpCall *call_new(CommandRun *run, const BpCommand *command, BpPlugin *owner, BpValues *take_values, const char *suffix,
		 gboolean json)
{
	BpCall *call = g_new0(BpCall, 1);

	call->run = run;
	call->session = bp_session_ref(run_session(run));
	call->command = command;
	call->owned.owner = owner;
	call->values = take_values;
	call->suffix = g_strdup(suffix);
	call->json = json;
	call->in_run = TRUE;
	return call;
}

/* --- its end --- */

static void unhold(BpCall *call)
{
	if (!call->held)
		return;
	call->held = FALSE;
	if (call->session->taker == call)
		input_set_taker(call->session, NULL);
	g_ptr_array_remove(held, call);
	owner_unlink(&call->owned);
}

gboolean call_waits(BpCall *call, gboolean good)
{
	call->in_run = FALSE;
	if (!good)
		unhold(call);
	return call->held && !call->done;
}

void call_end(BpCall *call, gboolean good, GError *take_error)
{
	g_autoptr(GError) error = take_error;
	CommandRun *run = call->run;

	unhold(call);
	session_progress(call->session, NULL);
	if (call->json)
		session_say(call->session, BP_PLAIN, call->begun ? "]" : "[]");
	if (!error)
		error = g_steal_pointer(&call->error);
	if (run && (error || !good)) {
		g_autofree char *text = error ? g_strdup(error->message)
					      : g_strconcat(call->command->name, " failed", NULL);

		run_fail(run, text);
	}
	call_free(call);
}

void bp_call_done(BpCall *call, GError *take_error)
{
	CommandRun *run = call->run;

	/* The call has ended already, and with it its scope, whose runs report their end here. */
	if (!call->held || call->done) {
		g_clear_error(&take_error);
		return;
	}
	call->done = TRUE;
	call->error = take_error;
	if (call->in_run)
		return;
	if (run)
		run_call_ended(run);
	call_end(call, TRUE, NULL);
	if (run)
		run_unref(run);
}

/* Its plugin goes without having ended it. */
static void drop_call(BpOwned *owned)
{
	BpCall *call = OWNED_BY(owned, BpCall, owned);

	bp_call_done(call, g_error_new(BP_CONSOLE_ERROR, BP_CLOSED, "%s was ended: its plugin was unloaded",
				       call->command->name));
}

void bp_call_hold(BpCall *call, BpFunc cancel, gpointer data)
{
	g_return_if_fail(!call->held);
	if (!held)
		held = g_ptr_array_new();
	call->held = TRUE;
	call->cancel = cancel;
	call->data = data;
	g_ptr_array_add(held, call);
	owner_link(call->owned.owner, &call->owned, "call", drop_call);
}

BpScope *bp_call_scope(BpCall *call)
{
	g_return_val_if_fail(call, NULL);
	return scope_obtain(&call->scope, call->owned.owner);
}

gboolean bp_call_take_input(BpCall *call, BpInputFunc func, gpointer data)
{
	g_return_val_if_fail(call->held && !call->done && func, FALSE);
	if (call->session->ended || (call->session->taker && call->session->taker != call))
		return FALSE;
	call->input = func;
	call->input_data = data;
	input_set_taker(call->session, call);
	return TRUE;
}

gsize call_input(BpSession *session, gconstpointer data, gsize size)
{
	BpCall *call = session->taker;
	BpPlugin *owner = call->owned.owner;
	gsize used;

	if (!owner_enter_as(owner, "input of command", call->command->name))
		return size;
	used = call->input(owner, data, size, call->input_data);
	owner_leave(owner);
	return used;
}

static void cancel(BpCall *call)
{
	BpFunc func = call->cancel;
	BpPlugin *owner = call->owned.owner;

	call->cancelled = TRUE;
	call->cancel = NULL;
	if (!func)
		return;
	owner_enter_always_as(owner, "cancel of command", call->command->name);
	func(owner, call->data);
	owner_leave(owner);
}

void call_interrupt(BpCall *call)
{
	CommandRun *run = call->run;

	if (!call->cancelled) {
		session_show(call->session, "^C\n", 3, TRUE);
		if (g_ptr_array_find(held, call, NULL) && call->run) /* output may end the session, and so the call */
			cancel(call);
		return;
	}
	call->run = NULL;
	run_call_ended(run);
	run_fail(run, "It does not end when asked to; it is left to itself.");
	run_unref(run);
}

void call_abandon(BpCall *call)
{
	call->run = NULL;
	cancel(call);
}

void calls_cancel_of(BpPlugin *plugin)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new();

	for (guint i = 0; held && i < held->len; i++)
		if (((BpCall *)held->pdata[i])->owned.owner == plugin)
			g_ptr_array_add(list, held->pdata[i]);
	for (guint i = 0; i < list->len; i++)
		if (g_ptr_array_find(held, list->pdata[i], NULL))
			cancel(list->pdata[i]);
}

static void on_lines_done(BpPlugin *self, guint failed, gpointer data)
{
	bp_call_done(data,
		     failed ? g_error_new(BP_CONSOLE_ERROR, BP_FAILED, "%u of its commands failed", failed) : NULL);
}

/* What runs is interrupted itself, and its end ends the call. */
void bp_call_run(BpCall *call, const char *lines)
{
	BpSession *session = bp_session_ref(call->session);
	CommandRun *before = session->current;

	if (!call->held)
		bp_call_hold(call, NULL, NULL);
	if (call->cancelled || bp_kernel_is_quitting()) {
		bp_call_done(call,
			     g_error_new(BP_CONSOLE_ERROR, BP_CANCELLED, "%s was interrupted", call->command->name));
	} else {
		session->current = call->run; /* what runs counts as one level deeper */
		bp_session_run_script(bp_call_scope(call), session, lines, on_lines_done, call);
		session->current = before;
	}
	bp_session_unref(session);
}

/* --- what was typed --- */

const BpValues *bp_call_values(const BpCall *call)
{
	return call->values;
}

const char *bp_call_suffix(const BpCall *call)
{
	return call->suffix;
}

gboolean bp_call_wants_json(const BpCall *call)
{
	return call->json;
}

BpSession *bp_call_session(const BpCall *call)
{
	return call->session;
}

/* --- output --- */

void bp_call_json(BpCall *call, const char *object)
{
	g_autofree char *line = g_strconcat(call->begun ? "," : "[", object, NULL);

	call->begun = TRUE;
	session_say(call->session, BP_PLAIN, line);
}

/* Titles and hints are for people. */
static void say(BpCall *call, BpStyle style, const char *text)
{
	if (!call->json) {
		session_say(call->session, style, text);
	} else if (style != BP_DIM && style != BP_HEADING && *text) {
		g_autofree char *quoted = bp_quote_json(text), *object = g_strdup_printf("{\"text\":%s}", quoted);

		bp_call_json(call, object);
	}
}

void bp_call_print(BpCall *call, const char *text)
{
	say(call, BP_PLAIN, text);
}

void bp_call_printf(BpCall *call, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	say(call, BP_PLAIN, text);
}

void bp_call_styled(BpCall *call, BpStyle style, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	say(call, style, text);
}

void bp_call_progress(BpCall *call, const char *text)
{
	session_progress(call->session, text);
}
