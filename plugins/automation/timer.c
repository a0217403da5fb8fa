/* SPDX-License-Identifier: MIT */
/* timer.c - the command timer. Timers belong to nobody's session: what they print goes to channel console. A timer may make timers, so
 * there are at most TIMERS_MOST; a command that takes longer than the interval runs RUNS_MOST times at once, further runs are left out.
 */
#include <string.h>
#include "automation.h"

#define TIMERS_MOST 1000
#define RUNS_MOST 8

typedef struct {
	char *name, *command;
	BpTimer *timer;
	GList link; /* of `timers` */
	guint64 number;
	guint times, done, running, left_out;
	double interval; /* seconds */
	gboolean quiet;
} CommandTimer;

static GQueue timers; /* CommandTimer, in order of making */
static GHashTable *by_name, *by_number;
static guint64 last_number;

static CommandTimer *find_timer(const char *name)
{
	return by_name ? g_hash_table_lookup(by_name, name) : NULL;
}

static void timer_enter(CommandTimer *timer)
{
	if (!by_name) {
		by_name = g_hash_table_new(g_str_hash, g_str_equal);
		by_number = g_hash_table_new(g_int64_hash, g_int64_equal);
	}
	timer->link.data = timer;
	timer->number = ++last_number;
	g_queue_push_tail_link(&timers, &timer->link);
	g_hash_table_insert(by_name, timer->name, timer);
	g_hash_table_insert(by_number, &timer->number, timer);
}

static void timer_free(gpointer data)
{
	CommandTimer *timer = data;

	g_queue_unlink(&timers, &timer->link);
	g_hash_table_remove(by_name, timer->name);
	g_hash_table_remove(by_number, &timer->number);
	if (!timers.length) {
		g_clear_pointer(&by_name, g_hash_table_unref);
		g_clear_pointer(&by_number, g_hash_table_unref);
	}
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

/* The timer may have ended before its command. */
static void on_run_end(BpPlugin *self, guint failed, gpointer data)
{
	g_autofree guint64 *number = data;
	CommandTimer *timer = by_number ? g_hash_table_lookup(by_number, number) : NULL;

	if (timer)
		timer->running--;
}

static void on_timer(BpPlugin *self, gpointer data)
{
	CommandTimer *timer = data;
	g_autofree char *line = NULL;
	guint64 *number;

	timer->done++;
	if (timer->running >= RUNS_MOST) {
		if (!timer->left_out++)
			bp_log(self, BP_LOG_WARNING,
			       "timer%s: %u runs of its command have not ended, so the next ones are left out",
			       timer->name, timer->running);
		return;
	}
	timer->running++;
	line = fill_in(timer);
	number = g_memdup2(&timer->number, sizeof(timer->number));
	if (timer->quiet)
		bp_session_run(self, bp_session_system(), line, on_run_end, number);
	else
		bp_session_run_script(self, bp_session_system(), line, on_run_end, number);
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
		g_autofree char *left_out = timer->left_out ? g_strdup_printf(", %u runs left out", timer->left_out)
							    : g_strdup("");

		if (timer->times)
			bp_call_printf(call, "%u: timer%s \"%s\" %u/%u times, each %.1f seconds%s", ++number,
				       timer->name, shown, timer->done, timer->times, timer->interval, left_out);
		else
			bp_call_printf(call, "%u: timer%s \"%s\" forever, each %.1f seconds%s", ++number, timer->name,
				       shown, timer->interval, left_out);
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
	timer = *name ? find_timer(name) : NULL;
	if (!timer && timers.length >= TIMERS_MOST)
		return bp_fail(error, BP_LIMIT, "there are %u timers, which is the most; timer* off ends all",
			       TIMERS_MOST);
	if (!*name)
		bp_call_printf(call, "Timer '%s' started.", unnamed = free_name());
	if (timer)
		bp_timer_remove(timer->timer);
	timer = g_new0(CommandTimer, 1);
	timer->name = g_strdup(*name ? name : unnamed);
	timer->command = g_strdup(command);
	timer->times = (guint)count;
	timer->interval = (double)bp_call_duration(call, "seconds") / G_USEC_PER_SEC;
	timer->quiet = bp_call_bool(call, "quiet");
	timer_enter(timer);
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
	  .run = run_timer, .role = BP_ADMIN, .prefix = TRUE, .group = "base" },
	{ NULL },
};
