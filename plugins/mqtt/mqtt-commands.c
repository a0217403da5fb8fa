/* SPDX-License-Identifier: MIT */
/* mqtt-commands.c - mqtt list, info, publish, watch. */
#include <string.h>
#include "mqtt.h"

static MqttBridge *find(const char *name, GError **error)
{
	BpInstance *self = bp_bridge_find("MqttBridge", name, error);

	return self ? bp_instance_data(self) : NULL;
}

/* --- list, info --- */

static gboolean run_list(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) list = bp_instance_list("MqttBridge");
	BpTable *table = bp_bridge_table("Broker");

	for (guint i = 0; i < list->len; i++) {
		const MqttBridge *bridge = bp_instance_data(list->pdata[i]);

		bp_bridge_row(bridge->bridge, table, bp_instance_string(bridge->self, "host"));
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
	bp_bridge_describe(bridge->bridge, text);
}

static const BpParam info_params[] = {
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .help = "bridge; the only one if left out" },
	{ NULL },
};

static gboolean run_info(BpPlugin *self, BpCall *call, GError **error)
{
	MqttBridge *bridge = find(bp_call_string(call, "name"), error);
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
	MqttBridge *bridge = find(bp_call_string(call, "bridge"), error);
	const char *topic = bp_call_string(call, "topic"), *text = bp_call_string(call, "text");
	g_autoptr(BpMessage) message = NULL;

	if (!bridge)
		return FALSE;
	if (!bp_mqtt_topic_check(topic))
		return bp_fail(error, BP_INVALID,
			       "%s is no topic: it may not be empty, or have + or # or control characters", topic);
	if (!bp_mqtt_is_connected(bridge->mqtt))
		return bp_fail(error, BP_CLOSED, "there is no connection: %s",
			       bp_bridge_why(bridge->bridge) ? bp_bridge_why(bridge->bridge) : "it is being made");
	message = bp_message_new(text ? text : "", text ? strlen(text) : 0, BP_TEXT);
	bp_bridge_add(bridge->bridge, NULL, topic, message, (guint)bp_call_int(call, "qos"),
		      bp_call_bool(call, "retain"), NULL);
	return TRUE;
}

/* --- watch --- */

static const BpParam watch_params[] = {
	{ "bridge", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1, .help = "bridge" },
	{ "filter", .kind = BP_ARGUMENT, .fallback = "#", .help = "filter of topics: + is a level, # the rest" },
	{ "count", 'n', BP_INT, .fallback = "0", .min = 0, .max = 1000000000,
	  .help = "so many messages; 0: until Ctrl-C" },
	{ NULL },
};

static gboolean run_watch(BpPlugin *self, BpCall *call, GError **error)
{
	MqttBridge *bridge = find(bp_call_string(call, "bridge"), error);

	return bridge &&
	       bp_bridge_watch(bridge->bridge, call, bp_call_string(call, "filter"), bp_call_int(call, "count"), error);
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
