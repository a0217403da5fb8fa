/* SPDX-License-Identifier: MIT */
/* status.c - status, thread, schedule, version; how an instance is, in words. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <backplane/file.h>
#include <backplane/metric.h>
#include "commands.h"

char *state_text(const BpInstance *instance)
{
	BpInstanceState state;
	g_autofree char *age = NULL;

	state = bp_instance_state(instance);
	if (state.state == BP_STATE_OK)
		return g_strdup(*state.reason ? state.reason : "ok");
	age = bp_duration_text(g_get_monotonic_time() - state.since);
	return g_strdup_printf("%s%s%s (%s)", bp_state_text(state.state), *state.reason ? ": " : "", state.reason, age);
}

BpStyle state_style(const BpInstance *instance)
{
	static const BpStyle styles[] = { BP_GOOD, BP_WARN, BP_BAD };
	BpInstanceState state;

	state = bp_instance_state(instance);
	return styles[state.state];
}

static gsize resident_kib(void)
{
	g_autofree char *text = bp_file_load("/proc/self/statm", 4096, BP_FILE_READ, NULL, NULL);
	gulong all, resident;

	if (!text || sscanf(text, "%lu %lu", &all, &resident) != 2)
		return 0;
	return resident * (gsize)sysconf(_SC_PAGESIZE) / 1024;
}

/* With the first line of what its module has to say of it. */
static void show_instances(BpCall *call, GPtrArray *instances)
{
	BpTable *table = bp_table_new("Module", "Class", "State", "What it does", NULL);

	for (guint i = 0; i < instances->len; i++) {
		BpInstance *instance = instances->pdata[i];
		g_autofree char *state = state_text(instance);
		g_autofree char *about = bp_instance_describe(instance);

		about[strcspn(about, "\n")] = 0;
		bp_table_row(table, "%s\t%s\t%s\t%s", bp_plugin_name(instance), bp_instance_module(instance)->name,
			     state, about);
		bp_table_style(table, 2, state_style(instance));
	}
	bp_call_table(call, table);
}

char *problems_text(void)
{
	g_autoptr(GPtrArray) instances = bp_instance_list(NULL);
	g_autoptr(GString) text = g_string_new(NULL);
	guint count = 0;

	for (guint i = 0; i < instances->len; i++) {
		BpInstanceState state = bp_instance_state(instances->pdata[i]);
		g_autofree char *age = NULL;

		if (state.state == BP_STATE_OK)
			continue;
		age = bp_duration_text(g_get_monotonic_time() - state.since);
		g_string_append_printf(text, "%s%s %s (%s)", count++ ? "; " : "", bp_plugin_name(instances->pdata[i]),
				       *state.reason ? state.reason : bp_state_text(state.state), age);
	}
	return count ? g_strdup_printf("%u problem%s: %s", count, count > 1 ? "s" : "", text->str) : NULL;
}

static guint show_problems(BpCall *call, GPtrArray *instances)
{
	guint count = 0;

	for (guint i = 0; i < instances->len; i++) {
		g_autofree char *text = NULL;

		if (state_style(instances->pdata[i]) == BP_GOOD)
			continue;
		text = state_text(instances->pdata[i]);
		bp_call_styled(call, state_style(instances->pdata[i]), "problem: %s %s",
			       bp_plugin_name(instances->pdata[i]), text);
		count++;
	}
	return count;
}

/* Those of whom somebody has said so. */
static void show_open(BpCall *call, GPtrArray *instances)
{
	for (guint i = 0; i < instances->len; i++) {
		const BpValues *values = bp_instance_values(instances->pdata[i]);
		const BpParam *param = bp_param_find(bp_values_table(values), "insecure");

		if (param && param->type == BP_BOOL && bp_values_bool(values, "insecure"))
			bp_call_styled(call, BP_BAD, "insecure: %s may be reached from the network without login",
				       bp_plugin_name(instances->pdata[i]));
	}
}

static void show_longest(BpCall *call)
{
	g_autoptr(GPtrArray) loops = bp_loop_list();

	for (guint i = 0; i < loops->len; i++) {
		g_autofree char *whose = NULL;
		gint64 longest = bp_loop_longest_turn(loops->pdata[i], &whose);

		bp_call_printf(call, "longest turn of loop %s in the last minute: %.1f ms%s%s",
			       bp_loop_name(loops->pdata[i]), (double)longest / 1000, *whose ? ", in " : "", whose);
	}
}

static void show_loss(BpCall *call, double count, const char *who, const char *what)
{
	if (count > 0)
		bp_call_styled(call, BP_BAD, "lost by %s: %.0f %s", who, count, what);
}

/* What queues of this host have lost since it began, or since their owner did. */
static void show_losses(BpCall *call)
{
	g_autoptr(GPtrArray) loops = bp_loop_list(), metrics = bp_metric_list(NULL), channels = bp_channel_list(NULL);
	guint64 drops = 0;

	for (guint i = 0; i < loops->len; i++)
		show_loss(call, (double)bp_loop_stats(loops->pdata[i]).drops, bp_loop_name(loops->pdata[i]),
			  "calls, as the inbox of that loop was full");
	for (guint i = 0; i < metrics->len; i++)
		if (g_str_has_prefix(bp_metric_name(metrics->pdata[i]), "lost_"))
			show_loss(call, bp_metric_value(metrics->pdata[i]),
				  bp_plugin_name(bp_metric_owner(metrics->pdata[i])),
				  bp_metric_help(metrics->pdata[i]));
	for (guint i = 0; i < channels->len; i++)
		drops += bp_channel_stats(channels->pdata[i]).drops;
	show_loss(call, (double)drops, "channels", "messages, to some of their watchers; channel list names them");
}

static gboolean run_status(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) channels = bp_channel_list(NULL);
	g_autoptr(GPtrArray) sessions = bp_session_list();
	g_autoptr(GPtrArray) instances = bp_instance_list(NULL);
	g_autofree char *age = bp_duration_text(g_get_real_time() - bp_kernel_started());
	guint64 pieces, lines;
	guint problems;

	bp_call_styled(call, BP_STRONG, "%s, up %s, %zu KiB resident", bp_kernel_version(), age, resident_kib());
	bp_call_printf(call, "%u channels, %u modules open, %u sessions", channels->len, instances->len, sessions->len);
	bp_output_lost(&pieces, &lines);
	if (pieces || lines)
		bp_call_styled(call, BP_BAD,
			       "lost, as nobody reads them: %" G_GUINT64_FORMAT
			       " pieces of output on stdout, %" G_GUINT64_FORMAT " lines of the log on stderr",
			       pieces, lines);
	show_losses(call);
	show_open(call, instances);
	problems = show_problems(call, instances);
	if (!problems)
		bp_call_styled(call, BP_GOOD, "no problems");
	if (bp_call_bool(call, "check"))
		return problems ? bp_fail(error, BP_FAILED, "%u problem%s", problems, problems > 1 ? "s" : "") : TRUE;
	show_longest(call);
	show_instances(call, instances);
	return TRUE;
}

static const BpParam status_params[] = {
	{ "check", .type = BP_BOOL, .help = "problems only; fails when there is one" },
	{ NULL },
};

static gboolean run_version(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) plugins = bp_plugin_list();

	bp_call_printf(call, "%s", bp_kernel_version());
	bp_call_printf(call, "ABI %u.%u, GLib %u.%u.%u, %u plugins, pid %d", BP_ABI, BP_ABI_MINOR, glib_major_version,
		       glib_minor_version, glib_micro_version, plugins->len, (int)getpid());
	return TRUE;
}

static gboolean run_thread(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) loops = bp_loop_list();
	g_autoptr(GPtrArray) jobs = bp_job_list();
	BpTable *table = bp_table_new(">Nr", "Loop", ">Turns", ">Events", ">Calls", ">Waiting", ">Drops",
				      ">Descriptors", ">Timers", NULL);

	bp_call_styled(call, BP_HEADING, "Registered Threads:");
	for (guint i = 0; i < loops->len; i++) {
		BpLoopStats stats = bp_loop_stats(loops->pdata[i]);

		bp_table_row(table,
			     "%u\t%s\t%" G_GUINT64_FORMAT "\t%" G_GUINT64_FORMAT "\t%" G_GUINT64_FORMAT
			     "\t%u\t%" G_GUINT64_FORMAT "\t%u\t%u",
			     i + 1, bp_loop_name(loops->pdata[i]), stats.turns, stats.events, stats.calls,
			     stats.waiting, stats.drops, stats.fds, stats.timers);
	}
	bp_call_table(call, table);
	if (!jobs->len)
		return TRUE;
	table = bp_table_new("Job", "Plugin", "State", ">Done", ">Age", NULL);
	for (guint i = 0; i < jobs->len; i++) {
		const BpJobInfo *job = jobs->pdata[i];
		g_autofree char *age = bp_duration_text(job->age);

		bp_table_row(table, "%s\t%s\t%s\t%.0f%%\t%s", job->name, job->owner,
			     job->cancelled ? "ending"
			     : job->running ? "running"
					    : "waiting",
			     job->progress * 100, age);
	}
	bp_call_table(call, table);
	return TRUE;
}

static gboolean run_timers(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) list = bp_timer_list();

	bp_call_styled(call, BP_HEADING, "Scheduled Processes:");
	for (guint i = 0; i < list->len; i++) {
		const BpTimerInfo *info = list->pdata[i];
		g_autofree char *times = info->times ? g_strdup_printf("%u times", info->times - info->done)
						     : g_strdup("forever");
		g_autofree char *missed = info->missed ? g_strdup_printf(", %" G_GUINT64_FORMAT " beats missed",
									 info->missed)
						       : NULL;

		bp_call_printf(call, "%u: %s %s, each %.3g seconds (%s)%s", i + 1, info->name, times,
			       (double)info->interval / G_USEC_PER_SEC, info->owner, missed ? missed : "");
	}
	return TRUE;
}

const BpCommand status_commands[] = {
	{ "status", .help = "the whole host on one screen, problems first", .params = status_params, .run = run_status,
	  .group = "base" },
	{ "version", .help = "what runs here", .run = run_version, .group = "base" },
	{ "thread", .help = "list loops and jobs", .run = run_thread, .group = "base" },
	{ "schedule", .help = "list the timers of everybody", .run = run_timers, .group = "base" },
	{ NULL },
};
