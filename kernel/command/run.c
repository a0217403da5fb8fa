/* SPDX-License-Identifier: MIT */
/* run.c - lines of commands under way in a session.
 *
 * Each line is a run. Typed lines run one after the other; lines of timers, aliases and scripts run concurrently. A run pauses at a held
 * call, while the peer does not read, and every few milliseconds, so that it does not delay other work; it continues from the inbox of
 * the loop.
 */
#include "command/run.h"
#include <string.h>
#include <backplane/registry.h>
#include "command/bind.h"
#include "command/console.h"
#include "host/plugin.h"
#include "loop/loop.h"

#define SLICE (5 * 1000) /* microseconds */
#define DEPTH_LIMIT 16
#define TYPED_ENOUGH (256 * 1024)      /* the transport is asked to read no more */
#define TYPED_LIMIT (16 * 1024 * 1024) /* it did not stop */

struct CommandRun {
	BpOwned owned; /* owner: the handle of `done`; NULL: none, or `done` has been called */
	gint refs;
	BpSession *session;
	GList of_runs, of_typed; /* its places in the session: it may be one of thousands */
	GPtrArray *commands;
	guint next;
	guint skip_line;
	guint failed;
	guint depth;
	gsize cost;				 /* of a typed line, in `waiting` */
	BpCall *call;				 /* held */
	gboolean typed, shown, scheduled, ended; /* shown: each command before it runs */
	BpRunDone done;
	gpointer data;
};

static void step(CommandRun *run);

void run_unref(CommandRun *run)
{
	if (--run->refs)
		return;
	bp_session_unref(run->session);
	g_ptr_array_unref(run->commands);
	g_free(run);
}

/* Once: at its end, or when its owner goes before that. */
static void call_done(CommandRun *run, guint failed)
{
	BpPlugin *owner = g_steal_pointer(&run->owned.owner);

	if (!owner)
		return;
	owner_unlink(&run->owned);
	if (!run->done)
		return;
	owner_enter_always(owner);
	run->done(owner, failed, run->data);
	owner_leave(owner);
}

static void drop_run(BpOwned *owned)
{
	CommandRun *run = OWNED_BY(owned, CommandRun, owned);

	call_done(run, run->failed + 1);
}

static void ask_for_input(BpSession *session, gboolean on)
{
	BpPlugin *owner = session->owned.owner;

	if (session->ended || !session->link->input || !owner_enter(owner))
		return;
	session->link->input(session->owned.owner, session, on, session->link_data);
	owner_leave(owner);
}

static void end_run(CommandRun *run)
{
	BpSession *session = run->session;
	gboolean typed = run->typed;

	if (run->ended)
		return;
	run->ended = TRUE;
	bp_session_ref(session);
	g_queue_unlink(&session->runs, &run->of_runs);
	if (typed) {
		g_queue_unlink(&session->typed, &run->of_typed);
		session->waiting -= run->cost;
		if (session->waiting + run->cost > TYPED_ENOUGH && session->waiting <= TYPED_ENOUGH)
			ask_for_input(session, TRUE);
	}
	call_done(run, run->failed);
	run_unref(run);
	if (typed && !session->ending) {
		CommandRun *next = g_queue_peek_head(&session->typed);

		if (next) /* not from here: there may be thousands */
			run_schedule(next);
		else
			input_resume(session);
	}
	bp_session_unref(session);
}

/* --- one command --- */

void run_fail(CommandRun *run, const char *text)
{
	session_say(run->session, BP_BAD, text);
	run->failed++;
	run->session->failed++;
	run->skip_line = ((ParsedCommand *)run->commands->pdata[run->next - 1])->line;
}

static const char *const roles[] = { "an observer", "an operator", "an admin" };

static gboolean run_alias(BpPlugin *self, BpCall *call, GError **error)
{
	bp_call_run(call, bp_call_suffix(call));
	return TRUE;
}

static const BpCommand alias_command = { "alias", .run = run_alias };

static char *alias_of(const char *word)
{
	BpPlugin *owner;
	const BpAliases *aliases = registry_find(BP_ALIASES, &owner);
	char *lines;

	if (!owner || !owner_enter_as(owner, "alias", NULL))
		return NULL;
	lines = aliases->find(word);
	owner_leave(owner);
	return lines;
}

static void call_command(CommandRun *run, const BpCommand *command, BpValues *take_values, const char *suffix,
			 gboolean json)
{
	BpPlugin *owner = command == &alias_command ? bp_kernel() : command_owner(command);
	g_autoptr(GError) error = NULL;
	BpCall *call = call_new(run, command, owner, take_values, suffix, json);
	CommandRun *before = run->session->current;
	gboolean good = FALSE;

	run->call = call;
	run->session->current = run;
	frame_mark();
	if (owner_enter_as(owner, "command", command->name)) {
		good = command->run(owner, call, &error);
		frame_mark();
		owner_leave(owner);
	} else {
		g_set_error(&error, BP_CONSOLE_ERROR, BP_CLOSED, "%s is being unloaded", owner->name);
	}
	run->session->current = before;
	if (call_waits(call, good))
		return;
	run->call = NULL;
	call_end(call, good, g_steal_pointer(&error));
}

/* `help` knows by its suffix that only the usage is wanted. */
static void show_usage(CommandRun *run, const char *name)
{
	const BpCommand *help = bp_command_find("help");
	BpValues *values = help ? bp_values_new(help->params) : NULL;

	if (values && bp_values_set(values, "name", name, NULL)) {
		call_command(run, help, values, "--help", FALSE);
		return;
	}
	bp_values_free(values);
	run_fail(run, "there is no help: the plugin commands is not loaded");
}

static void audit(const CommandRun *run, const BpCommand *command, const char *text, const GError *why)
{
	BpPlugin *owner = NULL;
	const BpAudit *audit = command->role > BP_OBSERVER ? registry_find(BP_AUDIT, &owner) : NULL;
	g_autofree char *shown = audit ? bp_command_shown(text) : NULL;

	if (!audit || !owner || !owner_enter_as(owner, "audit", NULL))
		return;
	audit->command(run->session, shown, why ? why->message : NULL);
	owner_leave(owner);
}

static void run_command(CommandRun *run, const ParsedCommand *parsed)
{
	g_autoptr(ParsedWords) words = parse_words(parsed->text);
	g_autofree char *alias = words->count ? alias_of(words->words[0].text) : NULL;
	g_autoptr(GError) error = NULL;
	const BpCommand *command;
	gboolean json = FALSE;
	const char *suffix;
	BpValues *values;
	guint used;

	if (run->shown && !parsed->silent) {
		g_autofree char *shown = bp_command_shown(parsed->text);

		session_say(run->session, BP_DIM, shown);
	}
	if (alias) {
		call_command(run, &alias_command, bp_values_new(NULL), alias, FALSE);
		return;
	}
	if (!words->count) {
		run_fail(run, words->error ? words->error->message : "nothing to run");
		return;
	}
	command = command_of_words(words, &used, &suffix, &error);
	if (command ? bind_asks_help(command->params, words, used, &json)
		    : words->count == 1 && command_is_group(words->words[0].text)) {
		show_usage(run, command ? command->name : words->words[0].text);
		return;
	}
	if (command && command->role > run->session->role)
		g_set_error(&error, BP_CONSOLE_ERROR, BP_NOT_PERMITTED, "%s is for %s only, and you are %s",
			    command->name, roles[command->role], roles[run->session->role]);
	values = error ? NULL : bind_words(command->name, command->params, words, used, &error);
	if (command)
		audit(run, command, parsed->text, error);
	if (!values)
		run_fail(run, error->message);
	else
		call_command(run, command, values, suffix, json);
}

/* --- a run --- */

static void on_scheduled(gpointer a, gpointer b, guint64 c)
{
	CommandRun *run = a;

	run->scheduled = FALSE;
	step(run);
	run_unref(run);
}

/* Also when the inbox is full: a line that does not go on would look like a session that hangs. There is one entry a
 * run at most. */
void run_schedule(CommandRun *run)
{
	if (run->scheduled || run->ended)
		return;
	run->scheduled = TRUE;
	run->refs++;
	inbox_post(bp_loop_current(), on_scheduled, run, NULL, 0, TRUE);
}

static void step(CommandRun *run)
{
	gint64 deadline = g_get_monotonic_time() + SLICE;

	run->refs++;
	while (!run->call && !run->ended && !run->session->ending && run->session->writable &&
	       run->next < run->commands->len) {
		const ParsedCommand *parsed = run->commands->pdata[run->next];

		if (run->next && g_get_monotonic_time() > deadline) {
			run_schedule(run);
			break;
		}
		run->next++;
		if (parsed->line != run->skip_line)
			run_command(run, parsed);
	}
	if (!run->call && (run->next >= run->commands->len || run->session->ending))
		end_run(run);
	run_unref(run);
}

static CommandRun *run_new(BpSession *session, const char *line, gsize size)
{
	CommandRun *run = g_new0(CommandRun, 1);

	run->refs = 1;
	run->session = bp_session_ref(session);
	run->commands = parse_commands(line, size);
	run->depth = session->current ? session->current->depth + 1 : 0;
	run->of_runs.data = run->of_typed.data = run;
	g_queue_push_tail_link(&session->runs, &run->of_runs);
	return run;
}

void session_type(BpSession *session, const char *line, gsize size)
{
	gsize cost = size + sizeof(CommandRun); /* an empty line is not free */
	CommandRun *run;

	if (session->waiting + cost > TYPED_LIMIT) {
		bp_session_end(session, BP_END_LIMIT,
			       "Too much was typed ahead of a command that waits; the session ends.");
		return;
	}
	run = run_new(session, line, size);
	run->typed = TRUE;
	run->cost = cost;
	session->waiting += cost;
	if (session->waiting > TYPED_ENOUGH)
		ask_for_input(session, FALSE);
	g_queue_push_tail_link(&session->typed, &run->of_typed);
	if (g_queue_peek_head(&session->typed) == run)
		step(run);
}

static void run_beside(BpPlugin *self, BpSession *session, const char *lines, gboolean shown, BpRunDone done,
		       gpointer data)
{
	CommandRun *run = run_new(session, lines, strlen(lines));

	run->shown = shown;
	run->done = done;
	run->data = data;
	owner_link_notified(self, &run->owned, "run", drop_run);
	if (run->depth > DEPTH_LIMIT) {
		run->next = run->commands->len;
		if (run->next)
			run_fail(run, "Commands run each other more than 16 deep; this one is not run.");
	}
	step(run);
}

void bp_session_run(BpPlugin *self, BpSession *session, const char *line, BpRunDone done, gpointer data)
{
	run_beside(self, session, line, FALSE, done, data);
}

void bp_session_run_script(BpPlugin *self, BpSession *session, const char *lines, BpRunDone done, gpointer data)
{
	run_beside(self, session, lines, TRUE, done, data);
}

gboolean bp_session_is_busy(const BpSession *session)
{
	return session->typed.length > 0;
}

void run_continue(BpSession *session)
{
	for (GList *at = session->runs.head; at; at = at->next) {
		CommandRun *run = at->data;

		if (!run->typed || g_queue_peek_head(&session->typed) == run)
			run_schedule(run);
	}
}

/* --- for calls --- */

BpSession *run_session(CommandRun *run)
{
	return run->session;
}

void run_call_ended(CommandRun *run)
{
	run->refs++;
	run->call = NULL;
	run_schedule(run);
}

/* The newest first: what an alias runs before the alias. */
void run_interrupt(BpSession *session)
{
	for (GList *at = session->runs.tail, *before; at; at = before) {
		CommandRun *run = at->data;

		before = at->prev;
		run->next = run->commands->len;
		if (run->call) {
			call_interrupt(run->call);
			return;
		}
	}
}

void run_cancel_all(BpSession *session)
{
	CommandRun *run;

	while ((run = g_queue_peek_tail(&session->runs))) {
		run->refs++;
		run->next = run->commands->len;
		if (run->call) {
			call_abandon(run->call);
			run->call = NULL;
		}
		end_run(run);
		run_unref(run);
	}
}
