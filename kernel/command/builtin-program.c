/* SPDX-License-Identifier: MIT */
/* builtin-program.c - version, thread, schedule, flush, exit, quit, shutdown, restart. */
#include <unistd.h>
#include "command/command.h"
#include "command/session.h"
#include "host/settings.h"
#include "loop/loop.h"
#include "start.h"

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
	g_autoptr(GArray) jobs = job_list();
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
		JobInfo *job = &g_array_index(jobs, JobInfo, i);
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
	g_autoptr(GArray) list = timer_list();

	bp_call_styled(call, BP_HEADING, "Scheduled Processes:");
	for (guint i = 0; i < list->len; i++) {
		const TimerInfo *info = &g_array_index(list, TimerInfo, i);
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
	{ "version", .help = "what runs here", .run = run_version, .group = "base" },
	{ "thread", .help = "list loops and jobs", .run = run_thread, .group = "base" },
	{ "schedule", .help = "list the timers of everybody", .run = run_timers, .group = "base" },
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
