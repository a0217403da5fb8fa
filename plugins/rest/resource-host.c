/* SPDX-License-Identifier: MIT */
/* resource-host.c - resources host, servers, contexts, settings. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <backplane/metric.h>
#include "resources.h"

gboolean resource_matches(const char *query, const char *id)
{
	return !query || !*query || g_pattern_match_simple(query, id);
}

static json_t *loops_json(void)
{
	g_autoptr(GPtrArray) loops = bp_loop_list();
	json_t *list = json_array();

	for (guint i = 0; i < loops->len; i++) {
		BpLoopStats stats = bp_loop_stats(loops->pdata[i]);
		g_autofree char *whose = NULL;
		gint64 longest = bp_loop_longest_turn(loops->pdata[i], &whose);

		json_array_append_new(list, json_pack("{s:s,s:f,s:o,s:I,s:I,s:I,s:i,s:I,s:i,s:i}", "name",
						      bp_loop_name(loops->pdata[i]), "longest", (double)longest / 1e6,
						      "longest_in", bp_json_string(whose, -1), "turns",
						      (json_int_t)stats.turns, "events", (json_int_t)stats.events,
						      "calls", (json_int_t)stats.calls, "waiting", (int)stats.waiting,
						      "drops", (json_int_t)stats.drops, "descriptors", (int)stats.fds,
						      "timers", (int)stats.timers));
	}
	return list;
}

/* What the program's memory is, as the system counts it. */
static json_int_t resident_bytes(void)
{
	g_autofree char *text = bp_file_load("/proc/self/statm", 4096, BP_FILE_READ, NULL, NULL);
	gulong size, resident;

	return text && sscanf(text, "%lu %lu", &size, &resident) == 2
		       ? (json_int_t)(resident * (gulong)sysconf(_SC_PAGESIZE))
		       : 0;
}

/* Seconds of processor time that all its threads took. */
static double cpu_seconds(void)
{
	struct timespec used = { 0 };

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static guint count_connections(void)
{
	g_autoptr(GPtrArray) servers = bp_server_list();
	guint count = 0;

	for (guint i = 0; i < servers->len; i++)
		count += bp_server_stats(servers->pdata[i]).connections;
	return count;
}

/* By loops, since their inboxes were full, and by what counts it in a metric (metric.h). */
static double count_lost(void)
{
	g_autoptr(GPtrArray) loops = bp_loop_list(), metrics = bp_metric_list(NULL);
	double lost = 0;

	for (guint i = 0; i < loops->len; i++)
		lost += (double)bp_loop_stats(loops->pdata[i]).drops;
	for (guint i = 0; i < metrics->len; i++)
		if (g_str_has_prefix(bp_metric_name(metrics->pdata[i]), "lost_"))
			lost += bp_metric_value(metrics->pdata[i]);
	return lost;
}

static json_t *list_host(BpPlugin *self, const char *query, GError **error)
{
	g_autoptr(GPtrArray) channels = bp_channel_list(NULL), sessions = bp_session_list(),
			     instances = bp_instance_list(NULL);
	guint64 messages = 0, bytes = 0, output_lost, log_lost;
	gint64 started = bp_kernel_started();

	for (guint i = 0; i < channels->len; i++) {
		BpChannelStats stats = bp_channel_stats(channels->pdata[i]);

		messages += stats.messages;
		bytes += stats.bytes;
	}
	bp_output_lost(&output_lost, &log_lost);
	return json_pack("{s:s,s:s,s:s,s:i,s:i,s:f,s:f,s:f,s:I,s:o,s:i,s:i,s:i,s:i,s:I,s:I,s:I,s:I,s:I}", "id", "host",
			 "name", g_get_host_name(), "version", bp_kernel_version(), "abi", BP_ABI, "pid", (int)getpid(),
			 "uptime", (double)(g_get_real_time() - started) / 1e6, "started", (double)started / 1e6, "cpu",
			 cpu_seconds(), "resident", resident_bytes(), "loops", loops_json(), "connections",
			 (int)count_connections(), "channels", (int)channels->len, "sessions", (int)sessions->len,
			 "instances", (int)instances->len, "messages", (json_int_t)messages, "bytes", (json_int_t)bytes,
			 "log_lost", (json_int_t)log_lost, "output_lost", (json_int_t)output_lost, "lost",
			 (json_int_t)count_lost());
}

static json_t *get_host(BpPlugin *self, const char *id, GError **error)
{
	if (!strcmp(id, "host"))
		return list_host(self, NULL, error);
	g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is nothing named %s below host", id);
	return NULL;
}

const BpResource host_resource = {
	.size = sizeof(host_resource),
	.name = "host",
	.help = "the program: version, uptime, loops, counts",
	.members =
		"id:string name:string version:string abi:integer pid:integer uptime:number started:number cpu:number resident:integer loops:array "
		"connections:integer channels:integer sessions:integer instances:integer messages:integer bytes:integer "
		"log_lost:integer output_lost:integer lost:integer",
	.list = list_host,
	.get = get_host,
};

/* --- servers --- */

static json_t *server_json(BpServer *server)
{
	BpServerStats stats = bp_server_stats(server);
	BpInstance *instance = bp_server_instance(server);

	return json_pack("{s:s,s:s,s:s,s:i,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:b}", "id", bp_plugin_name(instance), "class",
			 bp_instance_module(instance)->name, "addresses", bp_server_addresses(server), "connections",
			 (int)stats.connections, "accepted", (json_int_t)stats.accepted, "refused",
			 (json_int_t)stats.refused, "timeouts", (json_int_t)stats.timeouts, "slow",
			 (json_int_t)stats.slow, "bytes_in", (json_int_t)stats.bytes_in, "bytes_out",
			 (json_int_t)stats.bytes_out, "drops", (json_int_t)stats.drops, "insecure",
			 (int)bp_instance_bool(instance, "insecure"));
}

static json_t *list_servers(BpPlugin *self, const char *query, GError **error)
{
	g_autoptr(GPtrArray) servers = bp_server_list();
	json_t *list = json_array();

	for (guint i = 0; i < servers->len; i++)
		if (resource_matches(query, bp_plugin_name(bp_server_instance(servers->pdata[i]))))
			json_array_append_new(list, server_json(servers->pdata[i]));
	return list;
}

const BpResource servers_resource = {
	.size = sizeof(servers_resource),
	.name = "servers",
	.help = "who listens, and what came and went",
	.members =
		"id:string class:string addresses:string connections:integer accepted:integer refused:integer timeouts:integer "
		"slow:integer bytes_in:integer bytes_out:integer drops:integer insecure:boolean",
	.list = list_servers
};

/* --- contexts --- */

static json_t *list_contexts(BpPlugin *self, const char *query, GError **error)
{
	g_autoptr(GPtrArray) contexts = bp_context_list();
	json_t *list = json_array();

	for (guint i = 0; i < contexts->len; i++)
		if (resource_matches(query, bp_context_path(contexts->pdata[i])))
			json_array_append_new(list, json_pack("{s:s}", "id", bp_context_path(contexts->pdata[i])));
	return list;
}

const BpResource contexts_resource = { .size = sizeof(contexts_resource),
				       .name = "contexts",
				       .help = "the paths that have settings",
				       .members = "id:string",
				       .list = list_contexts };

/* --- settings: the query is a context --- */

static json_t *setting_value(BpContext *context, const BpParam *row)
{
	g_autofree char *text = bp_setting_get(context, row->name);

	if (!text)
		return json_null();
	if (row->secret)
		return json_string("***");
	if (row->type == BP_INT)
		return json_integer(bp_setting_int(context, row->name));
	if (row->type == BP_BOOL)
		return json_boolean(bp_setting_bool(context, row->name));
	return bp_json_string(text, -1);
}

static json_t *setting_json(BpContext *context, const BpParam *row)
{
	const BpParam table[] = { *row, { NULL } };
	json_t *rows = bp_param_json(table);
	json_t *object = json_array_size(rows) ? json_incref(json_array_get(rows, 0)) : json_object();

	json_decref(rows);
	json_object_set_new(object, "id", json_string(row->name));
	json_object_set_new(object, "context", json_string(bp_context_path(context)));
	json_object_set_new(object, "value", setting_value(context, row));
	json_object_set_new(object, "set", json_boolean(bp_setting_is_set(context, row->name)));
	json_object_set_new(object, "temporary", json_boolean(bp_setting_is_temporary(context, row->name)));
	return object;
}

static void add_settings(json_t *list, BpContext *context)
{
	g_autoptr(GPtrArray) rows = bp_setting_rows(context);

	for (guint i = 0; i < rows->len; i++)
		if (!((const BpParam *)rows->pdata[i])->hidden)
			json_array_append_new(list, setting_json(context, rows->pdata[i]));
}

static BpContext *find_context(const char *path, GError **error)
{
	g_autofree char *good = bp_context_check_path(path, error);
	BpContext *context = good ? bp_context_find(good) : NULL;

	if (good && !context)
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no context %s", good);
	return context;
}

static json_t *list_settings(BpPlugin *self, const char *query, GError **error)
{
	g_autoptr(GPtrArray) contexts = NULL;
	BpContext *context = query && *query ? find_context(query, error) : NULL;
	json_t *list;

	if (query && *query && !context)
		return NULL;
	list = json_array();
	if (context) {
		add_settings(list, context);
		return list;
	}
	contexts = bp_context_list();
	for (guint i = 0; i < contexts->len; i++)
		add_settings(list, contexts->pdata[i]);
	return list;
}

static json_t *set_setting(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	BpContext *context = find_context(bp_values_string(values, "context"), error);

	if (!context || !bp_setting_set(context, id, bp_values_string(values, "value"), error))
		return NULL;
	return bp_setting_row(context, id) ? setting_json(context, bp_setting_row(context, id)) : json_null();
}

static const BpParam set_params[] = {
	{ "context", .fallback = "/", .names = BP_A_CONTEXT, .help = "its context" },
	{ "value", .help = "its new value; none is back to the default" },
	{ NULL },
};

static const BpAction setting_actions[] = {
	{ "set", .help = "give a setting a value", .params = set_params, .role = BP_OPERATOR, .run = set_setting },
	{ NULL },
};

const BpResource settings_resource = {
	.size = sizeof(settings_resource),
	.name = "settings",
	.help = "settings by context (match is the context), with what is allowed",
	.members = "id:string name:string type:string context:string value:any set:boolean temporary:boolean",
	.list = list_settings,
	.actions = setting_actions,
};
