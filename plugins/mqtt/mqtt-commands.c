/* SPDX-License-Identifier: MIT */
/* mqtt-commands.c - mqtt list, info, publish, watch. */
#include <string.h>
#include <backplane/bytes.h>
#include "mqtt.h"

#define COUNT "%" G_GUINT64_FORMAT
#define SHOWN 1000 /* bytes of a message */

MqttBridge *mqtt_find(const char *name, GError **error)
{
	g_autoptr(GPtrArray) list = bp_instance_list("MqttBridge");
	BpInstance *self = name ? bp_instance_find(name) : list->len == 1 ? list->pdata[0] : NULL;

	if (self && bp_instance_module(self)->open && strcmp(bp_instance_module(self)->name, "MqttBridge") == 0)
		return bp_instance_data(self);
	if (name)
		bp_fail(error, BP_NOT_FOUND, "there is no bridge %s; mqtt list shows them", name);
	else if (list->len)
		bp_fail(error, BP_INVALID, "there are %u bridges: name one of them", list->len);
	else
		bp_fail(error, BP_NOT_FOUND, "there is no bridge; module open MqttBridge hub host=localhost opens one");
	return NULL;
}

/* --- list, info --- */

static gboolean run_list(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) list = bp_instance_list("MqttBridge");
	BpTable *table = bp_table_new("Name", "Broker", "State", ">Out", ">In", ">Waiting", ">Kept", ">Lost", NULL);

	for (guint i = 0; i < list->len; i++) {
		const MqttBridge *bridge = bp_instance_data(list->pdata[i]);
		gboolean up = bp_mqtt_is_connected(bridge->mqtt);

		bp_table_row(table, "%s\t%s\t%s\t" COUNT "\t" COUNT "\t%u\t%" G_GSIZE_FORMAT "\t" COUNT,
			     bp_plugin_name(bridge->self), bp_instance_string(bridge->self, "host"),
			     up ? "connected" : "waiting", bridge->out, bridge->in, bridge->waiting.length,
			     bridge->kept_bytes, bridge->lost);
		bp_table_style(table, 2, up ? BP_GOOD : BP_WARN);
	}
	bp_call_table(call, table);
	if (!list->len)
		bp_call_styled(
			call, BP_DIM,
			"There is no bridge: `module open MqttBridge hub host=localhost export=uart*` opens one.");
	return TRUE;
}

void mqtt_describe(BpInstance *self, GString *text)
{
	MqttBridge *bridge = bp_instance_data(self);

	g_string_append_printf(text, "MQTT %s, %s %s\n", bridge->version == 5 ? "5" : "3.1.1",
			       bp_mqtt_is_connected(bridge->mqtt) ? "connected to" : "not connected to",
			       *bp_mqtt_address(bridge->mqtt) ? bp_mqtt_address(bridge->mqtt)
							      : bp_instance_string(self, "host"));
	if (bridge->why)
		g_string_append_printf(text, "%s\n", bridge->why);
	g_string_append_printf(text,
			       COUNT " messages out, " COUNT " in, %u waiting, %u not acknowledged, %" G_GSIZE_FORMAT
				     " bytes kept, " COUNT " lost, " COUNT " of our own came back, " COUNT
				     " came twice\n",
			       bridge->out, bridge->in, bridge->waiting.length, bridge->sent.length, bridge->kept_bytes,
			       bridge->lost, bridge->echoed, bridge->repeated);
	for (guint i = 0; i < bridge->rules->len; i++) {
		const MqttRule *rule = bridge->rules->pdata[i];

		g_string_append_printf(text, "%s %s -> %s, qos %u%s%s%s: " COUNT " messages, " COUNT " lost\n",
				       rule->import ? "import" : "export", rule->from, rule->to, rule->qos,
				       rule->retain ? ", retain" : "", rule->json ? ", json" : "",
				       rule->keep ? ", keep" : "", rule->count, rule->lost);
	}
}

static const BpParam info_params[] = {
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .help = "bridge; the only one if left out" },
	{ NULL },
};

static gboolean run_info(BpPlugin *self, BpCall *call, GError **error)
{
	MqttBridge *bridge = mqtt_find(bp_call_string(call, "name"), error);
	g_autoptr(GString) text = g_string_new(NULL);

	if (!bridge)
		return FALSE;
	mqtt_describe(bridge->self, text);
	g_string_truncate(text, text->len - 1);
	bp_call_print(call, text->str);
	return TRUE;
}

/* --- publish --- */

static const BpParam publish_params[] = {
	{ "bridge", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1, .help = "bridge" },
	{ "topic", .kind = BP_ARGUMENT, .required = 1, .help = "topic" },
	{ "text", .kind = BP_ARGUMENT, .type = BP_REST, .help = "message; empty with -r removes the kept one" },
	{ "qos", 'q', BP_INT, .fallback = "1", .min = 0, .max = 2, .help = "quality of service" },
	{ "retain", 'r', BP_BOOL, .help = "the broker keeps it" },
	{ NULL },
};

static gboolean run_publish(BpPlugin *self, BpCall *call, GError **error)
{
	MqttBridge *bridge = mqtt_find(bp_call_string(call, "bridge"), error);
	const char *topic = bp_call_string(call, "topic"), *text = bp_call_string(call, "text");
	g_autoptr(BpMessage) message = NULL;

	if (!bridge)
		return FALSE;
	if (!bp_mqtt_topic_check(topic))
		return bp_fail(error, BP_INVALID,
			       "%s is no topic: it may not be empty, or have + or # or control characters", topic);
	if (!bp_mqtt_is_connected(bridge->mqtt))
		return bp_fail(error, BP_CLOSED, "there is no connection: %s",
			       bridge->why ? bridge->why : "it is being made");
	message = bp_message_new(text ? text : "", text ? strlen(text) : 0, BP_TEXT);
	mqtt_queue_add(bridge, NULL, topic, message, (guint)bp_call_int(call, "qos"), bp_call_bool(call, "retain"),
		       FALSE, NULL);
	return TRUE;
}

/* --- watch --- */

typedef struct {
	MqttBridge *bridge;
	BpCall *call;
	char *filter;
	gint64 left;   /* -1: no end */
	gboolean ours; /* no rule subscribes to the same filter */
} TopicWatcher;

static const BpParam watch_params[] = {
	{ "bridge", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1, .help = "bridge" },
	{ "filter", .kind = BP_ARGUMENT, .fallback = "#", .help = "filter of topics: + is a level, # the rest" },
	{ "count", 'n', BP_INT, .fallback = "0", .min = 0, .max = 1000000000,
	  .help = "so many messages; 0: until Ctrl-C" },
	{ NULL },
};

static gboolean is_watched(const MqttBridge *bridge, const char *filter)
{
	for (guint i = 0; i < bridge->rules->len; i++) {
		const MqttRule *rule = bridge->rules->pdata[i];

		if (rule->import && strcmp(rule->from, filter) == 0)
			return TRUE;
	}
	for (const GList *at = bridge->watchers; at; at = at->next)
		if (strcmp(((TopicWatcher *)at->data)->filter, filter) == 0)
			return TRUE;
	return FALSE;
}

static void watcher_end(TopicWatcher *watcher)
{
	MqttBridge *bridge = watcher->bridge;
	BpCall *call = watcher->call;
	guint id;

	bridge->watchers = g_list_remove(bridge->watchers, watcher);
	if (watcher->ours && bridge->mqtt && !is_watched(bridge, watcher->filter))
		bp_mqtt_unsubscribe(bridge->mqtt, watcher->filter, &id, NULL);
	g_free(watcher->filter);
	g_free(watcher);
	bp_call_done(call, NULL);
}

static void on_cancel(BpPlugin *self, gpointer data)
{
	watcher_end(data);
}

void mqtt_watchers_end(MqttBridge *bridge)
{
	while (bridge->watchers)
		watcher_end(bridge->watchers->data);
}

void mqtt_watchers_show(MqttBridge *bridge, const BpMqttMessage *message)
{
	for (GList *at = bridge->watchers, *next; at; at = next) {
		TopicWatcher *watcher = at->data;
		g_autofree char *text = NULL;

		next = at->next;
		if (!bp_mqtt_matches(watcher->filter, message->topic))
			continue;
		text = g_utf8_validate(message->data, (gssize)message->data_size, NULL)
			       ? g_strndup(message->data, MIN(message->data_size, SHOWN))
			       : bp_bytes_text(message->data, MIN(message->data_size, SHOWN));
		bp_call_printf(watcher->call, "%s %s%s", message->topic, text, message->data_size > SHOWN ? "..." : "");
		if (watcher->left > 0 && !--watcher->left)
			watcher_end(watcher);
	}
}

static gboolean run_watch(BpPlugin *self, BpCall *call, GError **error)
{
	MqttBridge *bridge = mqtt_find(bp_call_string(call, "bridge"), error);
	const char *filter = bp_call_string(call, "filter");
	TopicWatcher *watcher;
	gboolean ours;
	guint id;

	if (!bridge)
		return FALSE;
	ours = !is_watched(bridge, filter);
	if (ours && !bp_mqtt_subscribe(bridge->mqtt, filter, 1, 0, &id, error))
		return FALSE;
	watcher = g_new0(TopicWatcher, 1);
	watcher->bridge = bridge;
	watcher->call = call;
	watcher->filter = g_strdup(filter);
	watcher->left = bp_call_int(call, "count");
	watcher->ours = ours;
	bridge->watchers = g_list_append(bridge->watchers, watcher);
	bp_call_hold(call, on_cancel, watcher);
	return TRUE;
}

const BpCommand mqtt_commands[] = {
	{ "mqtt list", .run = run_list, .role = BP_OBSERVER, .help = "the bridges to MQTT brokers" },
	{ "mqtt info", .params = info_params, .run = run_info, .role = BP_OBSERVER,
	  .help = "a bridge: its rules, what they have passed on" },
	{ "mqtt publish", .params = publish_params, .run = run_publish, .role = BP_OPERATOR,
	  .help = "publishes a message" },
	{ "mqtt watch", .params = watch_params, .run = run_watch, .role = BP_OPERATOR,
	  .help = "shows messages of topics as they come" },
	{ NULL },
};
