/* SPDX-License-Identifier: MIT */
/* timer.c - the command timer. Timers belong to nobody's session: what they print goes to channel console. */
#include <string.h>
#include "automation.h"

typedef struct {
	char *name, *command;
	BpTimer *timer;
	guint times, done;
	double interval; /* seconds */
	gboolean quiet;
} CommandTimer;

static GQueue timers; /* CommandTimer, in order of making */

static CommandTimer *find_timer(const char *name)
{
	for (GList *at = timers.head; at; at = at->next)
		if (!strcmp(((CommandTimer *)at->data)->name, name))
			return at->data;
	return NULL;
}

static void timer_free(gpointer data)
{
	CommandTimer *timer = data;

	g_queue_remove(&timers, timer);
	g_free(timer->name);
	g_free(timer->command);
	g_free(timer);
}

/* {index} and {remaining}; other braces stay. */
static char *fill_in(const CommandTimer *timer)
{
	GString *text = g_string_new(timer->command);
	char number[16];

	g_snprintf(number, sizeof(number), "%u", timer->done);
	g_string_replace(text, "{index}", number, 0);
	g_snprintf(number, sizeof(number), "%u", timer->times ? timer->times - timer->done : 0);
	g_string_replace(text, "{remaining}", number, 0);
	return g_string_free(text, FALSE);
}

static void on_timer(BpPlugin *self, gpointer data)
{
	CommandTimer *timer = data;
	g_autofree char *line = NULL;

	timer->done++;
	line = fill_in(timer);
	if (timer->quiet)
		bp_session_run(self, bp_session_system(), line, NULL, NULL);
	else
		bp_session_run_script(self, bp_session_system(), line, NULL, NULL);
}

static char *free_name(void)
{
	for (guint i = 1;; i++) {
		char *name = g_strdup_printf("%u", i);

		if (!find_timer(name))
			return name;
		g_free(name);
	}
}

static void list_timers(BpCall *call)
{
	guint number = 0;

	bp_call_styled(call, BP_HEADING, "Timers:");
	for (GList *at = timers.head; at; at = at->next) {
		CommandTimer *timer = at->data;
		g_autofree char *shown = bp_command_shown(timer->command);

		if (timer->times)
			bp_call_printf(call, "%u: timer%s \"%s\" %u/%u times, each %.1f seconds", ++number, timer->name,
				       shown, timer->done, timer->times, timer->interval);
		else
			bp_call_printf(call, "%u: timer%s \"%s\" forever, each %.1f seconds", ++number, timer->name,
				       shown, timer->interval);
	}
	if (!number)
		bp_call_styled(call, BP_DIM, "none; timer 3 1 echo hi says hi three times, once a second");
}

static gboolean cancel(BpCall *call, const char *name, GError **error)
{
	gboolean glob = strpbrk(name, "*?") != NULL, found = FALSE;

	for (GList *at = timers.head, *next; at; at = next) {
		CommandTimer *timer = at->data;

		next = at->next;
		if (!g_pattern_match_simple(name, timer->name))
			continue;
		found = TRUE;
		if (!glob)
			bp_call_printf(call, "Timer '%s' canceled.", name);
		bp_timer_remove(timer->timer);
	}
	if (glob)
		bp_call_print(call, !found	    ? "No timers canceled."
				    : timers.length ? "Timers canceled."
						    : "All timers canceled.");
	else if (!found && !*name)
		g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_FOUND,
			    "Timer '' does not exist. Say which one, as in timer1 off; timer* off ends all.");
	else if (!found)
		g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_FOUND, "Timer '%s' does not exist.", name);
	return glob || found;
}

static gboolean run_timer(BpPlugin *self, BpCall *call, GError **error)
{
	const char *times = bp_call_string(call, "times"), *command = bp_call_string(call, "command");
	const char *name = bp_call_suffix(call);
	g_autofree char *unnamed = NULL;
	CommandTimer *timer;
	char *end = NULL;
	guint64 count;

	if (!times && !bp_call_bool(call, "off")) {
		list_timers(call);
		return TRUE;
	}
	if (bp_call_bool(call, "off") || !strcmp(times, "off"))
		return cancel(call, name, error);
	count = g_ascii_strtoull(times, &end, 10);
	if (*end || *times == '-' || count > G_MAXUINT32 || !command || !*command) {
		g_set_error(
			error, BP_CONSOLE_ERROR, BP_INVALID,
			"Syntax Error (timer): timer<name> <times> <seconds> <command>, where 0 times is for ever; timer%s off ends it",
			name);
		return FALSE;
	}
	if (!*name)
		bp_call_printf(call, "Timer '%s' started.", unnamed = free_name());
	timer = *name ? find_timer(name) : NULL;
	if (timer)
		bp_timer_remove(timer->timer);
	timer = g_new0(CommandTimer, 1);
	timer->name = g_strdup(*name ? name : unnamed);
	timer->command = g_strdup(command);
	timer->times = (guint)count;
	timer->interval = (double)bp_call_duration(call, "seconds") / G_USEC_PER_SEC;
	timer->quiet = bp_call_bool(call, "quiet");
	g_queue_push_tail(&timers, timer);
	timer->timer = bp_timer_add(self, timer->command, bp_call_duration(call, "seconds"), timer->times, on_timer,
				    timer, timer_free);
	return TRUE;
}

static const BpParam timer_params[] = {
	{ "times", .kind = BP_ARGUMENT, .help = "how often, 0 for ever; or off" },
	{ "seconds", .type = BP_DURATION, .kind = BP_ARGUMENT, .fallback = "1", .min = 0.001, .max = 31536000,
	  .help = "between two runs" },
	{ "command", .kind = BP_ARGUMENT, .type = BP_REST,
	  .help = "what to run; {index} and {remaining} are filled in" },
	{ "off", 'o', BP_BOOL, .help = "end it; * and ? in its name end several" },
	{ "quiet", 'q', BP_BOOL, .help = "do not show the command each time" },
	{ NULL },
};

const BpCommand timer_commands[] = {
	{ "timer", .example = "timerbeat 0 60 status",
	  .help = "run a command again and again, as in timerNAME 3 1 echo hi", .params = timer_params,
	  .run = run_timer, .role = BP_OPERATOR, .prefix = TRUE, .group = "base" },
	{ NULL },
};
