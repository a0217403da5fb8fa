/* SPDX-License-Identifier: MIT */
/* loop.c - loop: a command for each number of a range, with {expressions} of it filled in. */
#include <math.h>
#include <string.h>
#include "automation.h"

#define DEPTH 32

/* --- expressions: + - * / // % ** ( ) numbers and the variable --- */

typedef struct {
	const char *at, *end;
	const char *name; /* of the variable */
	double value;
	guint depth;
	gboolean bad;
} Expression;

static double sum(Expression *expression);

static void skip(Expression *e)
{
	while (e->at < e->end && *e->at == ' ')
		e->at++;
}

static gboolean take(Expression *e, const char *sign)
{
	gsize size = strlen(sign);

	skip(e);
	if ((gsize)(e->end - e->at) < size || memcmp(e->at, sign, size))
		return FALSE;
	e->at += size;
	return TRUE;
}

static double primary(Expression *e)
{
	gsize size = strlen(e->name);
	char *end;
	double value;

	if (e->bad || ++e->depth > DEPTH) {
		e->bad = TRUE;
		return 0;
	}
	if (take(e, "(")) {
		value = sum(e);
		e->bad |= !take(e, ")");
	} else if (take(e, "-")) {
		value = -primary(e);
	} else if (g_ascii_isdigit(*e->at)) {
		value = g_ascii_strtod(e->at, &end);
		e->bad |= end > e->end;
		e->at = end;
	} else if (take(e, e->name) && (e->at == e->end || !(g_ascii_isalnum(*e->at) || *e->at == '_'))) {
		value = e->value;
	} else {
		e->bad |= size > 0;
		value = 0;
	}
	e->depth--;
	return value;
}

static double power(Expression *e)
{
	double value = primary(e);

	return take(e, "**") ? pow(value, power(e)) : value;
}

static double product(Expression *e)
{
	double value = power(e), right;

	for (;;) {
		if (take(e, "//")) {
			right = power(e);
			value = floor(value / right);
		} else if (take(e, "/")) {
			right = power(e);
			value /= right;
		} else if (take(e, "%")) {
			right = power(e);
			value -= right * floor(value / right);
		} else if (take(e, "*")) {
			value *= power(e);
			continue;
		} else {
			return value;
		}
		e->bad |= right == 0;
	}
}

static double sum(Expression *e)
{
	double value = product(e);

	for (;;) {
		if (take(e, "+"))
			value += product(e);
		else if (take(e, "-"))
			value -= product(e);
		else
			return value;
	}
}

/* What cannot be worked out stays as it is. */
static char *fill_in(const char *command, const char *name, gint64 value)
{
	GString *text = g_string_new(NULL);

	while (*command) {
		const char *close = *command == '{' ? strchr(command, '}') : NULL;
		Expression e = { command + 1, close, name, (double)value, 0, FALSE };
		double result;

		if (close) {
			result = sum(&e);
			skip(&e);
			if (!e.bad && e.at == close && isfinite(result)) {
				char number[G_ASCII_DTOSTR_BUF_SIZE];

				g_ascii_formatd(number, sizeof(number), "%.15g", result);
				g_string_append(text, number);
				command = close + 1;
				continue;
			}
		}
		g_string_append_c(text, *command++);
	}
	return g_string_free(text, FALSE);
}

/* --- the command --- */

typedef struct {
	BpCall *call;
	char *command, *name;
	gint64 at, to;
	guint failed;
	gboolean cancelled, running;
} LoopCommand;

static void next(BpPlugin *self, gpointer data);

static void loop_end(LoopCommand *loop)
{
	GError *error = NULL;

	if (loop->cancelled)
		error = g_error_new(BP_CONSOLE_ERROR, BP_CANCELLED, "loop was interrupted");
	else if (loop->failed)
		error = g_error_new(BP_CONSOLE_ERROR, BP_FAILED, "%u of its commands failed", loop->failed);
	bp_call_done(loop->call, error);
}

static void loop_free(gpointer data)
{
	LoopCommand *loop = data;

	g_free(loop->command);
	g_free(loop->name);
	g_free(loop);
}

static void on_done(BpPlugin *self, guint failed, gpointer data)
{
	LoopCommand *loop = data;

	loop->running = FALSE;
	loop->failed += failed;
	if (!bp_loop_call(bp_call_scope(loop->call), bp_loop_current(), next, loop, NULL))
		loop_end(loop);
}

static void next(BpPlugin *self, gpointer data)
{
	LoopCommand *loop = data;
	g_autofree char *line = NULL;

	if (loop->cancelled || loop->at > loop->to) {
		loop_end(loop);
		return;
	}
	line = fill_in(loop->command, loop->name, loop->at++);
	loop->running = TRUE;
	if (*line != '.') {
		g_autofree char *shown = bp_command_shown(line);

		bp_call_printf(loop->call, "#%" G_GINT64_FORMAT ": %s", loop->at - 1, shown);
	}
	bp_session_run(bp_call_scope(loop->call), bp_call_session(loop->call), line, on_done, loop);
}

static void on_cancelled(BpPlugin *self, gpointer data)
{
	((LoopCommand *)data)->cancelled = TRUE;
}

static gboolean run_loop(BpPlugin *self, BpCall *call, GError **error)
{
	gint64 from = bp_call_int(call, "from"), to = bp_call_int(call, "to");
	const char *command = bp_call_string(call, "command");
	LoopCommand *loop;

	if (to < from || !command || !*command) {
		if (to < from)
			g_set_error(error, BP_CONSOLE_ERROR, BP_INVALID,
				    "Invalid values for from=%" G_GINT64_FORMAT ", to=%" G_GINT64_FORMAT
				    ": upper bound needs to be greater than lower bound",
				    from, to);
		else
			g_set_error(error, BP_CONSOLE_ERROR, BP_INVALID, "Please provide a command to loop.");
		return FALSE;
	}
	loop = g_new0(LoopCommand, 1);
	loop->call = call;
	loop->command = g_strdup(command);
	loop->name = g_strdup(bp_call_string(call, "variable"));
	loop->at = from;
	loop->to = to;
	bp_call_hold(call, on_cancelled, loop);
	bp_plugin_defer_undo(bp_call_scope(call), loop_free,
			     loop); /* the oldest, and so the last to go with the call */
	next(self, loop);
	return TRUE;
}

static const BpParam loop_params[] = {
	{ "from", .kind = BP_ARGUMENT, .type = BP_INT, .required = TRUE, .min = -1e15, .max = 1e15,
	  .help = "first number" },
	{ "to", .kind = BP_ARGUMENT, .type = BP_INT, .required = TRUE, .min = -1e15, .max = 1e15,
	  .help = "last number" },
	{ "command", .kind = BP_ARGUMENT, .type = BP_REST,
	  .help = "what to run; {loop}, {loop*2+1}, ... are filled in" },
	{ "variable", 'v', .fallback = "loop", .help = "another name for the number in braces" },
	{ NULL },
};

const BpCommand loop_commands[] = {
	{ "loop", .example = "loop 1 8 channel send relay{loop}/send on",
	  .help = "run a command for each number of a range", .params = loop_params, .run = run_loop,
	  .role = BP_OPERATOR, .group = "base" },
	{ NULL },
};
