/* SPDX-License-Identifier: MIT */
/* top.c - tool top: what has changed since the last look, again and again. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <backplane/file.h>
#include <backplane/loop.h>
#include <backplane/scope.h>
#include "tool.h"

const BpParam tool_top_params[] = {
	{ "count", 'n', BP_INT, .fallback = "1", .min = 0, .max = 1000000000,
	  .help = "so many times; 0: until Ctrl-C" },
	{ "interval", 'i', BP_DURATION, .fallback = "1s", .min = 0.1, .max = 3600, .help = "pause between two looks" },
	{ "rows", 'r', BP_INT, .fallback = "15", .min = 1, .max = 1000, .help = "the busiest so many of each kind" },
	{ "json", .type = BP_BOOL, .help = "an object for each look" },
	{ "screen", .type = BP_BOOL, .hidden = 1, .help = "clear the screen before each" },
	{ NULL },
};

typedef struct {
	double rate, bytes; /* a second */
	BpChannelStats now;
	char *name;
} ChannelRow;

typedef struct {
	double cpu; /* percent of a processor */
	BpPlugin *plugin;
} PluginRow;

typedef struct {
	BpCall *call;
	BpTimer *timer;
	gint64 left, then;    /* left: looks; then: of the last one */
	double cpu;	      /* of the process, seconds */
	GHashTable *channels; /* name -> BpChannelStats at the last look */
	GHashTable *plugins;  /* name -> double, seconds */
} Top;

static double process_cpu(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static gsize resident_kib(void)
{
	g_autofree char *text = bp_file_load("/proc/self/statm", 4096, BP_FILE_READ, NULL, NULL);
	gulong all, resident;

	if (!text || sscanf(text, "%lu %lu", &all, &resident) != 2)
		return 0;
	return resident * (gsize)sysconf(_SC_PAGESIZE) / 1024;
}

static void row_clear(gpointer data)
{
	g_free(((ChannelRow *)data)->name);
}

static int compare_channels(gconstpointer a, gconstpointer b)
{
	const ChannelRow *one = a, *two = b;

	if (one->rate != two->rate)
		return one->rate < two->rate ? 1 : -1;
	return strcmp(one->name, two->name);
}

static int compare_plugins(gconstpointer a, gconstpointer b)
{
	const PluginRow *one = a, *two = b;

	if (one->cpu != two->cpu)
		return one->cpu < two->cpu ? 1 : -1;
	return strcmp(bp_plugin_name(one->plugin), bp_plugin_name(two->plugin));
}

/* Since the last look, busiest first. */
static GArray *channel_rows(Top *top, double seconds)
{
	g_autoptr(GPtrArray) list = bp_channel_list(NULL);
	GArray *rows = g_array_new(FALSE, FALSE, sizeof(ChannelRow));
	GHashTable *next = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

	g_array_set_clear_func(rows, row_clear);
	for (guint i = 0; i < list->len; i++) {
		const char *name = bp_channel_name(list->pdata[i]);
		const BpChannelStats *before = g_hash_table_lookup(top->channels, name);
		ChannelRow row = { .now = bp_channel_stats(list->pdata[i]), .name = g_strdup(name) };

		if (before && before->messages <= row.now.messages) {
			row.rate = (double)(row.now.messages - before->messages) / seconds;
			row.bytes = (double)(row.now.bytes - before->bytes) / seconds;
		}
		g_array_append_val(rows, row);
		g_hash_table_insert(next, g_strdup(name), g_memdup2(&row.now, sizeof(row.now)));
	}
	g_hash_table_unref(top->channels);
	top->channels = next;
	g_array_sort(rows, compare_channels);
	return rows;
}

static GArray *plugin_rows(Top *top, double seconds)
{
	g_autoptr(GPtrArray) list = bp_plugin_list();
	GArray *rows = g_array_new(FALSE, FALSE, sizeof(PluginRow));

	for (guint i = 0; i < list->len; i++) {
		const char *name = bp_plugin_name(list->pdata[i]);
		double *before = g_hash_table_lookup(top->plugins, name), now = bp_plugin_cpu(list->pdata[i]);
		PluginRow row = { .plugin = list->pdata[i], .cpu = before ? MAX(now - *before, 0) / seconds * 100 : 0 };

		g_array_append_val(rows, row);
		g_hash_table_insert(top->plugins, g_strdup(name), g_memdup2(&now, sizeof(now)));
	}
	g_array_sort(rows, compare_plugins);
	return rows;
}

static guint problem_count(GPtrArray *instances)
{
	guint count = 0;

	for (guint i = 0; i < instances->len; i++)
		count += bp_instance_state(instances->pdata[i]).state != BP_STATE_OK;
	return count;
}

static void print_json(Top *top, double cpu, const GArray *channels, const GArray *plugins, guint rows)
{
	g_autoptr(GPtrArray) sessions = bp_session_list(), instances = bp_instance_list(NULL);
	json_t *object = json_object(), *list = json_array(), *of_plugins = json_array();

	for (guint i = 0; i < MIN(channels->len, rows); i++) {
		const ChannelRow *row = &g_array_index(channels, ChannelRow, i);

		json_array_append_new(list,
				      json_pack("{s:s, s:f, s:f, s:I, s:I, s:i}", "name", row->name, "rate", row->rate,
						"bytes", row->bytes, "messages", (json_int_t)row->now.messages, "drops",
						(json_int_t)row->now.drops, "watchers", (int)row->now.watchers));
	}
	for (guint i = 0; i < MIN(plugins->len, rows); i++) {
		const PluginRow *row = &g_array_index(plugins, PluginRow, i);

		json_array_append_new(of_plugins,
				      json_pack("{s:s, s:f}", "name", bp_plugin_name(row->plugin), "cpu", row->cpu));
	}
	json_object_set_new(object, "time", json_real((double)g_get_real_time() / G_USEC_PER_SEC));
	json_object_set_new(object, "cpu", json_real(cpu));
	json_object_set_new(object, "resident", json_integer((json_int_t)resident_kib() * 1024));
	json_object_set_new(object, "sessions", json_integer(sessions->len));
	json_object_set_new(object, "modules", json_integer(instances->len));
	json_object_set_new(object, "problems", json_integer(problem_count(instances)));
	json_object_set_new(object, "channels", list);
	json_object_set_new(object, "plugins", of_plugins);
	tool_print_json(top->call, object);
}

static void print_tables(Top *top, double cpu, const GArray *channels, const GArray *plugins, guint rows)
{
	g_autoptr(GPtrArray) sessions = bp_session_list(), instances = bp_instance_list(NULL);
	g_autofree char *age = NULL;
	BpTable *table = bp_table_new("Channel", ">Messages/s", ">Bytes/s", ">Drops", ">Watchers", NULL);
	guint problems = problem_count(instances);

	bp_call_printf(top->call, "cpu %.1f %%, %zu KiB resident, %u channels, %u modules, %u sessions, %u problem%s",
		       cpu, resident_kib(), channels->len, instances->len, sessions->len, problems,
		       problems == 1 ? "" : "s");
	for (guint i = 0; i < MIN(channels->len, rows); i++) {
		const ChannelRow *row = &g_array_index(channels, ChannelRow, i);

		bp_table_row(table, "%s\t%.1f\t%.0f\t%" G_GUINT64_FORMAT "\t%u", row->name, row->rate, row->bytes,
			     row->now.drops, row->now.watchers);
	}
	bp_call_table(top->call, table);
	table = bp_table_new("Plugin", ">CPU %", NULL);
	for (guint i = 0; i < MIN(plugins->len, rows); i++) {
		const PluginRow *row = &g_array_index(plugins, PluginRow, i);

		if (row->cpu >= 0.05)
			bp_table_row(table, "%s\t%.1f", bp_plugin_name(row->plugin), row->cpu);
	}
	if (bp_table_rows(table))
		bp_call_table(top->call, table);
	else
		bp_call_table(top->call, table);
}

static void top_free(gpointer data)
{
	Top *top = data;

	g_hash_table_unref(top->channels);
	g_hash_table_unref(top->plugins);
	g_free(top);
}

static void look(Top *top, gboolean shown)
{
	gint64 now = g_get_monotonic_time();
	double seconds = MAX((double)(now - top->then) / G_USEC_PER_SEC, 0.001), cpu = process_cpu();
	g_autoptr(GArray) channels = channel_rows(top, seconds), plugins = plugin_rows(top, seconds);
	guint rows = (guint)bp_call_int(top->call, "rows");
	double percent = (cpu - top->cpu) / seconds * 100;

	if (shown && bp_call_bool(top->call, "screen"))
		bp_session_send(bp_call_session(top->call), "\033[H\033[J", 6);
	if (shown && bp_call_bool(top->call, "json"))
		print_json(top, percent, channels, plugins, rows);
	else if (shown)
		print_tables(top, percent, channels, plugins, rows);
	top->then = now;
	top->cpu = cpu;
}

static void on_look(BpPlugin *self, gpointer data)
{
	Top *top = data;

	look(top, TRUE);
	if (top->left && !--top->left)
		bp_call_done(top->call, NULL);
}

static void on_cancel(BpPlugin *self, gpointer data)
{
	bp_call_done(((Top *)data)->call, NULL);
}

gboolean tool_run_top(BpPlugin *self, BpCall *call, GError **error)
{
	Top *top = g_new0(Top, 1);

	top->call = call;
	top->left = bp_call_int(call, "count");
	top->channels = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	top->plugins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	look(top, FALSE);
	bp_call_hold(call, on_cancel, top);
	bp_timer_add(bp_call_scope(call), NULL, bp_call_duration(call, "interval"), 0, on_look, top, top_free);
	return TRUE;
}
