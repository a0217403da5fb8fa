/* SPDX-License-Identifier: MIT */
/* bridge.c - a bridge: its parameters, counters, state, and what commands show of it. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <backplane/file.h>
#include <backplane/kernel.h>
#include "bridge-state.h"

#define COUNT "%" G_GUINT64_FORMAT

const BpParam bp_bridge_params[] = {
	{ "backlog_limit", .type = BP_BYTES, .fallback = "8M", .min = 1024, .max = 1073741824,
	  .help = "bytes that may wait for a slow connection; then the oldest are lost" },
	{ "keep_limit", .type = BP_BYTES, .fallback = "16M", .min = 1024, .max = 1073741824,
	  .help = "bytes that may be kept on the disk; then the oldest are lost" },
	{ "keep_time", .type = BP_DURATION, .fallback = "7d", .min = 1, .max = 315360000,
	  .help = "for how long they are kept" },
	{ "max_channels", .type = BP_INT, .fallback = "1000", .min = 1, .max = 100000,
	  .help = "channels that imports may make" },
	{ "reconnect_min", .type = BP_DURATION, .fallback = "1s", .min = 0.01, .max = 3600,
	  .help = "first pause; doubled each time" },
	{ "reconnect_max", .type = BP_DURATION, .fallback = "60s", .min = 0.01, .max = 86400, .help = "longest pause" },
	{ NULL },
};

/* --- parameters --- */

static char *plain(const char *value)
{
	return g_strdup(value);
}

static gboolean parse_rules(BpBridge *bridge, const char *parameter, gboolean import, GError **error)
{
	for (const char *const *text = bp_values_list(bp_instance_values(bridge->self), parameter); *text; text++) {
		BridgeRule *rule = bridge_rule_parse(bridge, *text, import, error);

		if (!rule)
			return FALSE;
		g_ptr_array_add(bridge->rules, rule);
	}
	return TRUE;
}

char *bp_bridge_parameter(BpBridge *bridge, const char *parameter, GError **error)
{
	g_autofree char *text = g_strdup(bp_instance_string(bridge->self, parameter));
	BpBridgeNames names = { .host = bridge->host, .bridge = bp_plugin_name(bridge->self) };
	char *result;

	if (bridge->prefix) {
		g_auto(GStrv) parts = g_strsplit(text, "{prefix}", -1);

		g_free(text);
		text = g_strjoinv(bridge->prefix, parts);
	}
	result = bp_bridge_expand(text, &names, plain, error);
	g_prefix_error(error, "%s: ", parameter);
	return result;
}

gboolean bp_bridge_password(BpInstance *self, char **password, GError **error)
{
	const char *path = bp_instance_string(self, "password_file");
	struct stat file;

	if (!path) {
		*password = g_strdup(bp_instance_string(self, "password"));
		return TRUE;
	}
	if (!stat(path, &file) && file.st_mode & S_IRWXO)
		return bp_fail(error, BP_NOT_PERMITTED, "%s: others may read it: chmod o-rwx %s", path, path);
	*password = bp_file_load(path, 4096, BP_FILE_READ, NULL, error);
	if (*password)
		g_strchomp(*password);
	return *password != NULL;
}

/* --- a bridge --- */

BpBridge *bp_bridge_new(BpInstance *self, const BpBridgeSystem *system, gpointer user, GError **error)
{
	BpBridge *bridge = g_new0(BpBridge, 1);
	g_autofree char *events_name = g_strdup_printf("%s-%s", system->kind, bp_plugin_name(self));
	g_autofree char *origin = g_strdup_printf("%s/%s", system->kind, bp_plugin_name(self));

	bridge->self = self;
	bp_struct_copy(&bridge->system, sizeof(bridge->system), system);
	bridge->user = user;
	bridge->host = g_strdup(g_get_host_name());
	bridge->id = g_strdup_printf("%s-%08x", bridge->host,
				     g_str_hash(bp_kernel_state_folder() ? bp_kernel_state_folder() : ""));
	bridge->origin = g_ref_string_new(origin);
	bridge->limit = (gsize)bp_instance_int(self, "backlog_limit");
	bridge->keep_limit = (gsize)bp_instance_int(self, "keep_limit");
	bridge->keep_time = bp_instance_duration(self, "keep_time");
	bridge->events = bp_channel(self, events_name);
	bridge->rules = g_ptr_array_new_with_free_func((GDestroyNotify)bridge_rule_free);
	bridge->channels = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	bridge->max_channels = (guint)bp_instance_int(self, "max_channels");
	bridge->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_queue_init(&bridge->waiting);
	g_queue_init(&bridge->sent);
	bridge->in_metric = bp_metric(self, "messages_in_total", BP_COUNTER, "messages that came in");
	bridge->out_metric = bp_metric(self, "messages_out_total", BP_COUNTER, "messages that were sent");
	bridge->lost_metric = bp_metric(self, "lost_messages_total", BP_COUNTER,
					"messages that did not reach the other side or a channel");
	bridge->prefix = bp_bridge_parameter(bridge, "prefix", error);
	if (bridge->prefix && parse_rules(bridge, "export", FALSE, error) && parse_rules(bridge, "import", TRUE, error))
		return bridge;
	bp_bridge_free(bridge);
	return NULL;
}

void bp_bridge_free(BpBridge *bridge)
{
	if (!bridge)
		return;
	bridge_watchers_end(bridge);
	bridge_queue_close(bridge);
	g_ptr_array_unref(bridge->rules);
	g_hash_table_unref(bridge->channels);
	g_hash_table_unref(bridge->seen);
	g_ref_string_release(bridge->origin);
	g_free(bridge->id);
	g_free(bridge->host);
	g_free(bridge->prefix);
	g_free(bridge->why);
	/* The store reports its end to it. */
	bridge->ended = TRUE;
	if (!bridge->store)
		g_free(bridge);
}

gboolean bp_bridge_start(BpBridge *bridge, GError **error)
{
	if (!bridge_queue_open(bridge, error))
		return FALSE;
	for (guint i = 0; i < bridge->rules->len; i++)
		if (!((BpBridgeRule *)bridge->rules->pdata[i])->import)
			bridge_export_start(bridge->rules->pdata[i]);
	return TRUE;
}

void bp_bridge_lost(BpBridge *bridge, BpBridgeRule *rule, guint count, const char *why)
{
	bridge->lost += count;
	bp_metric_add(bridge->lost_metric, count);
	if (rule)
		rule->lost += count;
	if (!bridge->told)
		bp_channel_printf(bridge->events, "Messages are lost: %s; %s list counts them", why,
				  bridge->system.kind);
	bridge->told = TRUE;
}

void bp_bridge_set_open(BpBridge *bridge, const char *address)
{
	g_clear_pointer(&bridge->why, g_free);
	bridge->told = FALSE;
	bp_instance_set_state(bridge->self, BP_STATE_OK, "connected to %s", address);
	bp_channel_printf(bridge->events, "Connected to %s", address);
}

void bp_bridge_set_closed(BpBridge *bridge, gboolean fatal, const char *why)
{
	bp_instance_set_state(bridge->self, fatal ? BP_STATE_FAILED : BP_STATE_WAITING, "%s", why);
	if (g_strcmp0(why, bridge->why) != 0)
		bp_channel_printf(bridge->events, "%s; trying again", why);
	g_free(bridge->why);
	bridge->why = g_strdup(why);
}

const GPtrArray *bp_bridge_rules(const BpBridge *bridge)
{
	return bridge->rules;
}

BpChannel *bp_bridge_events(const BpBridge *bridge)
{
	return bridge->events;
}

const char *bp_bridge_host(const BpBridge *bridge)
{
	return bridge->host;
}

const char *bp_bridge_id(const BpBridge *bridge)
{
	return bridge->id;
}

const char *bp_bridge_why(const BpBridge *bridge)
{
	return bridge->why;
}

/* --- for commands --- */

BpInstance *bp_bridge_find(const char *module, const char *name, GError **error)
{
	g_autoptr(GPtrArray) list = bp_instance_list(module);
	BpInstance *self = name ? bp_instance_find(name) : list->len == 1 ? list->pdata[0] : NULL;

	if (self && bp_instance_module(self)->open && strcmp(bp_instance_module(self)->name, module) == 0)
		return self;
	if (name)
		bp_fail(error, BP_NOT_FOUND, "there is no bridge %s; module list shows the instances", name);
	else if (list->len)
		bp_fail(error, BP_INVALID, "there are %u bridges: name one of them", list->len);
	else
		bp_fail(error, BP_NOT_FOUND, "there is no bridge; module open %s hub opens one", module);
	return NULL;
}

BpTable *bp_bridge_table(const char *peer)
{
	return bp_table_new("Name", peer, "State", ">Out", ">In", ">Waiting", ">Kept", ">Lost", NULL);
}

void bp_bridge_row(BpBridge *bridge, BpTable *table, const char *address)
{
	gboolean up = bridge->system.is_connected(bridge->user);

	bp_table_row(table, "%s\t%s\t%s\t" COUNT "\t" COUNT "\t%u\t%" G_GSIZE_FORMAT "\t" COUNT,
		     bp_plugin_name(bridge->self), address, up ? "connected" : "waiting", bridge->out, bridge->in,
		     bridge->waiting.length, bridge->kept_bytes, bridge->lost);
	bp_table_style(table, 2, up ? BP_GOOD : BP_WARN);
}

void bp_bridge_describe(BpBridge *bridge, GString *text)
{
	if (bridge->why)
		g_string_append_printf(text, "%s\n", bridge->why);
	g_string_append_printf(text,
			       COUNT " messages out, " COUNT " in, %u waiting, %u not acknowledged, %" G_GSIZE_FORMAT
				     " bytes kept, " COUNT " lost, " COUNT " of our own came back, " COUNT
				     " came twice\n",
			       bridge->out, bridge->in, bridge->waiting.length, bridge->sent.length, bridge->kept_bytes,
			       bridge->lost, bridge->echoed, bridge->repeated);
	for (guint i = 0; i < bridge->rules->len; i++) {
		const BpBridgeRule *rule = bridge->rules->pdata[i];
		g_autofree char *options = bp_values_describe(rule->options);

		g_string_append_printf(text, "%s %s -> %s%s%s: " COUNT " messages, " COUNT " lost\n",
				       rule->import ? "import" : "export", rule->from, rule->to, *options ? " " : "",
				       options, rule->count, rule->lost);
	}
}
