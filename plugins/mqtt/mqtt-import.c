/* SPDX-License-Identifier: MIT */
/* mqtt-import.c - messages of topics to channels. What this host has sent does not come back: MQTT 5 has an option for that; with 3.1.1 it is
 * known by its bytes.
 */
#include <string.h>
#include "mqtt.h"

#define MOST_ECHOES 1024

static guint hash_of(const char *topic, gconstpointer data, gsize size)
{
	guint hash = g_str_hash(topic);

	for (gsize i = 0; i < size; i++)
		hash = hash * 33 + ((const guint8 *)data)[i];
	return hash;
}

void mqtt_import_expect_echo(MqttBridge *bridge, const char *topic, gconstpointer data, gsize size)
{
	if (!bp_bridge_rule_of(bridge->bridge, topic))
		return;
	if (bridge->echoes.length == MOST_ECHOES)
		g_queue_pop_head(&bridge->echoes);
	g_queue_push_tail(&bridge->echoes, GUINT_TO_POINTER(hash_of(topic, data, size)));
}

static gboolean is_echo(MqttBridge *bridge, const BpMqttMessage *message)
{
	GList *found = bridge->echoes.length && !message->retain
			       ? g_queue_find(&bridge->echoes, GUINT_TO_POINTER(hash_of(message->topic, message->data,
											message->data_size)))
			       : NULL;

	if (found)
		g_queue_delete_link(&bridge->echoes, found);
	return found != NULL;
}

static const char *property(const BpMqttMessage *message, const char *name)
{
	for (const char *const *at = message->user; at && at[0] && at[1]; at += 2)
		if (strcmp(at[0], name) == 0)
			return at[1];
	return NULL;
}

void mqtt_import_take(MqttBridge *bridge, const BpMqttMessage *message)
{
	if (is_echo(bridge, message))
		bp_bridge_echoed(bridge->bridge);
	else
		bp_bridge_take(bridge->bridge, message->topic, message->data, message->data_size,
			       property(message, "bp-path"), property(message, "bp-id"));
}

void mqtt_import_subscribe(MqttBridge *bridge)
{
	const GPtrArray *rules = bp_bridge_rules(bridge->bridge);

	for (guint i = 0; i < rules->len; i++) {
		const BpBridgeRule *rule = rules->pdata[i];
		g_autoptr(GError) error = NULL;
		guint id;

		/* With a session too: the rules may have been others then. Kept messages come once again, and are known by that. */
		if (rule->import && !bp_mqtt_subscribe(bridge->mqtt, rule->from, rule->qos,
						       BP_MQTT_NO_LOCAL | BP_MQTT_RETAIN_AS_PUBLISHED, &id, &error))
			bp_channel_printf(bp_bridge_events(bridge->bridge), "%s", error->message);
	}
}
