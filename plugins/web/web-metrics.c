/* SPDX-License-Identifier: MIT */
/* web-metrics.c - /metrics in Prometheus' text format, and /healthz. */
#include <string.h>
#include <unistd.h>
#include <backplane/host.h>
#include <backplane/metric.h>
#include "web.h"

static void family(GString *text, const char *name, const char *type, const char *help)
{
	g_string_append_printf(text, "# HELP backplane_%s %s\n# TYPE backplane_%s %s\n", name, help, name, type);
}

static void add_label(GString *text, const char *value)
{
	g_autofree char *valid = g_utf8_make_valid(value, -1);

	for (const char *at = valid; *at; at++) {
		if (*at == '\n')
			g_string_append(text, "\\n");
		else if (*at == '\\' || *at == '"')
			g_string_append_printf(text, "\\%c", *at);
		else
			g_string_append_c(text, *at);
	}
}

static void add_sample(GString *text, const char *name, const char *label, const char *value, double number)
{
	char digits[G_ASCII_DTOSTR_BUF_SIZE];

	g_string_append_printf(text, "backplane_%s", name);
	if (label) {
		g_string_append_printf(text, "{%s=\"", label);
		add_label(text, value);
		g_string_append(text, "\"}");
	}
	g_string_append_printf(text, " %s\n", g_ascii_dtostr(digits, sizeof(digits), number));
}

/* One family from a resource: a row an object, its member as the value. */
static void add_rows(GString *text, json_t *rows, const char *label, const char *name, const char *member,
		     const char *type, const char *help)
{
	json_t *row;
	size_t at;

	family(text, name, type, help);
	json_array_foreach(rows, at, row)
	{
		const char *id = json_string_value(json_object_get(row, strcmp(label, "loop") == 0 ? "name" : "id"));

		if (id)
			add_sample(text, name, label, id, json_number_value(json_object_get(row, member)));
	}
}

static void add_host(GString *text, json_t *host)
{
	json_t *loops = json_object_get(host, "loops");

	family(text, "info", "gauge", "The version that runs.");
	add_sample(text, "info", "version", json_string_value(json_object_get(host, "version")), 1);
	family(text, "start_time_seconds", "gauge", "When the program started, since 1970.");
	add_sample(text, "start_time_seconds", NULL, NULL, json_number_value(json_object_get(host, "started")));
	family(text, "cpu_seconds_total", "counter", "Processor time of all threads.");
	add_sample(text, "cpu_seconds_total", NULL, NULL, json_number_value(json_object_get(host, "cpu")));
	family(text, "resident_memory_bytes", "gauge", "Memory in use.");
	add_sample(text, "resident_memory_bytes", NULL, NULL, json_number_value(json_object_get(host, "resident")));
	family(text, "sessions", "gauge", "Sessions open.");
	add_sample(text, "sessions", NULL, NULL, json_number_value(json_object_get(host, "sessions")));
	family(text, "instances", "gauge", "Modules open.");
	add_sample(text, "instances", NULL, NULL, json_number_value(json_object_get(host, "instances")));
	family(text, "channels", "gauge", "Channels there are.");
	add_sample(text, "channels", NULL, NULL, json_number_value(json_object_get(host, "channels")));
	add_rows(text, loops, "loop", "loop_turns_total", "turns", "counter", "Turns of a loop.");
	add_rows(text, loops, "loop", "loop_events_total", "events", "counter", "Descriptors that were ready.");
	add_rows(text, loops, "loop", "loop_drops_total", "drops", "counter", "Calls lost to a full inbox.");
	add_rows(text, loops, "loop", "loop_descriptors", "descriptors", "gauge", "Descriptors waited for.");
	add_rows(text, loops, "loop", "loop_longest_turn_seconds", "longest", "gauge",
		 "Longest turn of the last minute.");
}

static void add_plugins(GString *text)
{
	g_autoptr(GPtrArray) plugins = bp_plugin_list();

	g_ptr_array_add(plugins, bp_kernel());
	family(text, "plugin_cpu_seconds_total", "counter", "Processor time that the code of a plugin took.");
	for (guint i = 0; i < plugins->len; i++)
		add_sample(text, "plugin_cpu_seconds_total", "plugin", bp_plugin_name(plugins->pdata[i]),
			   bp_plugin_cpu(plugins->pdata[i]));
}

static void add_servers(GString *text, json_t *rows)
{
	add_rows(text, rows, "server", "server_connections", "connections", "gauge", "Connections open.");
	add_rows(text, rows, "server", "server_accepted_total", "accepted", "counter", "Connections let in.");
	add_rows(text, rows, "server", "server_refused_total", "refused", "counter", "Connections refused.");
	add_rows(text, rows, "server", "server_timeouts_total", "timeouts", "counter", "Connections timed out.");
	add_rows(text, rows, "server", "server_slow_total", "slow", "counter", "Connections cut for not reading.");
	add_rows(text, rows, "server", "server_received_bytes_total", "bytes_in", "counter", "Bytes received.");
	add_rows(text, rows, "server", "server_sent_bytes_total", "bytes_out", "counter", "Bytes sent.");
	add_rows(text, rows, "server", "server_drops_total", "drops", "counter",
		 "Messages lost to the backlog policy.");
}

static void add_channels(GString *text, json_t *rows)
{
	add_rows(text, rows, "channel", "channel_messages_total", "messages", "counter", "Messages sent on a channel.");
	add_rows(text, rows, "channel", "channel_bytes_total", "bytes", "counter", "Bytes sent on a channel.");
	add_rows(text, rows, "channel", "channel_drops_total", "drops", "counter", "Messages that were not delivered.");
	add_rows(text, rows, "channel", "channel_watchers", "watchers", "gauge", "Who watches a channel.");
}

/* A resource may have been unloaded with its plugin. */
static void add_resource(GString *text, const char *name, void (*add)(GString *text, json_t *value))
{
	json_t *value = bp_resource_list(name, NULL, BP_ADMIN, NULL);

	if (value)
		add(text, value);
	json_decref(value);
}

static void add_states(GString *text)
{
	g_autoptr(GPtrArray) instances = bp_instance_list(NULL);

	family(text, "instance_state", "gauge", "How a module is: 0 ok, 1 waiting, 2 failed.");
	for (guint i = 0; i < instances->len; i++) {
		BpInstanceState state;

		state = bp_instance_state(instances->pdata[i]);
		add_sample(text, "instance_state", "instance", bp_plugin_name(instances->pdata[i]), state.state);
	}
}

/* Those of one name stand together, as the format wants it. */
static void add_metrics(GString *text)
{
	g_autoptr(GPtrArray) metrics = bp_metric_list(NULL);
	g_autoptr(GHashTable) done = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < metrics->len; i++) {
		BpPlugin *owner = bp_metric_owner(metrics->pdata[i]);
		char *name = g_strdup_printf("%s_%s", bp_plugin_name(bp_plugin_of(owner)),
					     bp_metric_name(metrics->pdata[i]));

		g_strdelimit(name, "-", '_');
		if (!g_hash_table_add(done, name))
			continue;
		family(text, name, bp_metric_kind(metrics->pdata[i]) == BP_COUNTER ? "counter" : "gauge",
		       bp_metric_help(metrics->pdata[i]));
		for (guint k = i; k < metrics->len; k++) {
			BpPlugin *other = bp_metric_owner(metrics->pdata[k]);

			if (bp_plugin_of(other) == bp_plugin_of(owner) &&
			    !strcmp(bp_metric_name(metrics->pdata[k]), bp_metric_name(metrics->pdata[i])))
				add_sample(text, name, other == bp_plugin_of(other) ? NULL : "instance",
					   bp_plugin_name(other), bp_metric_value(metrics->pdata[k]));
		}
	}
}

void web_serve_metrics(WebServer *server, BpHttpExchange *exchange)
{
	g_autoptr(GString) text = g_string_new(NULL);

	add_resource(text, "host", add_host);
	add_plugins(text);
	add_resource(text, "servers", add_servers);
	add_resource(text, "channels", add_channels);
	add_states(text);
	add_metrics(text);
	family(text, "http_requests_total", "counter",
	       "Requests to this web server, by the first digit of their status.");
	for (guint i = 1; i < G_N_ELEMENTS(server->by_class); i++) {
		char name[4] = { (char)('0' + i), 'x', 'x', 0 };

		add_sample(text, "http_requests_total", "code", name, (double)server->by_class[i]);
	}
	bp_http_respond(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", text->str, text->len);
}

void web_serve_health(WebServer *server, BpHttpExchange *exchange)
{
	if (bp_kernel_is_quitting())
		bp_http_respond_text(exchange, 503, "ending\n");
	else
		bp_http_respond_text(exchange, 200, "ok\n");
}
