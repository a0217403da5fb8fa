/* SPDX-License-Identifier: MIT */
/* mqtt-import.c - messages of topics to channels.
 *
 * What this host has sent does not come back: MQTT 5 has an option for that; with 3.1.1 it is known by its bytes. What has passed this host
 * on another way names it in its path. What is numbered (keep) is taken once.
 */
#include <string.h>
#include "mqtt.h"

#define MOST_ECHOES 1024
#define MOST_SENDERS 4096
#define MOST_PATH 1024 /* bytes */

static guint hash_of(const char *topic, gconstpointer data, gsize size)
{
	guint hash = g_str_hash(topic);

	for (gsize i = 0; i < size; i++)
		hash = hash * 33 + ((const guint8 *)data)[i];
	return hash;
}

void mqtt_import_expect_echo(MqttBridge *bridge, const char *topic, gconstpointer data, gsize size)
{
	gboolean comes_back = FALSE;

	for (guint i = 0; i < bridge->rules->len && !comes_back; i++) {
		const MqttRule *rule = bridge->rules->pdata[i];

		comes_back = rule->import && bp_mqtt_matches(rule->from, topic);
	}
	if (!comes_back)
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

static gboolean has_passed(const MqttBridge *bridge, const char *path)
{
	g_auto(GStrv) hosts = path ? g_strsplit(path, ",", -1) : NULL;

	return hosts && g_strv_contains((const char *const *)hosts, bridge->id);
}

/* "HOST/BRIDGE:NUMBER"; the numbers of one bridge grow. */
static gboolean was_seen(MqttBridge *bridge, const char *identity)
{
	const char *colon = identity ? strrchr(identity, ':') : NULL;
	g_autofree char *sender = colon ? g_strndup(identity, (gsize)(colon - identity)) : NULL;
	guint64 number = 0, *last;

	if (!colon || !g_ascii_string_to_unsigned(colon + 1, 10, 1, G_MAXUINT64, &number, NULL))
		return FALSE;
	last = g_hash_table_lookup(bridge->seen, sender);
	if (last && number <= *last)
		return TRUE;
	if (last) {
		*last = number;
		return FALSE;
	}
	if (g_hash_table_size(bridge->seen) >= MOST_SENDERS)
		g_hash_table_remove_all(bridge->seen);
	g_hash_table_insert(bridge->seen, g_steal_pointer(&sender), g_memdup2(&number, sizeof(number)));
	return FALSE;
}

/* What json made of it. */
static BpMessage *decode(const BpMqttMessage *message)
{
	json_t *object = bp_json_parse_object(message->data, message->data_size, 0, NULL);
	json_t *text = json_object_get(object, "text");
	const char *coded = json_string_value(json_object_get(object, "base64"));
	BpMessage *result = NULL;

	if (json_is_string(text)) {
		result = bp_message_new(json_string_value(text), json_string_length(text), BP_TEXT);
	} else if (coded) {
		gsize size;
		g_autofree guchar *bytes = g_base64_decode(coded, &size);

		result = bp_message_new(bytes, size, BP_BINARY);
	}
	json_decref(object);
	return result;
}

/* A broker has as many topics as it likes. */
static BpChannel *channel_of(MqttBridge *bridge, const char *name)
{
	BpChannel *channel = g_hash_table_lookup(bridge->channels, name);

	if (channel || g_hash_table_size(bridge->channels) >= bridge->max_channels)
		return channel;
	channel = bp_channel(bridge->self, name);
	g_hash_table_insert(bridge->channels, g_strdup(name), channel);
	return channel;
}

static void deliver(MqttRule *rule, const BpMqttMessage *message, const char *path)
{
	MqttBridge *bridge = rule->bridge;
	g_autofree char *name = mqtt_rule_target(rule, message->topic);
	g_autoptr(BpMessage) made = rule->json ? decode(message) : NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	BpChannel *channel;
	char *origin;

	if (!name || !bp_channel_check_name(name, &error)) {
		rule->refused++;
		mqtt_lost(bridge, rule, 1, error ? error->message : "its topic makes no channel");
		return;
	}
	if (!made)
		made = bp_message_new(message->data, message->data_size,
				      g_utf8_validate(message->data, (gssize)message->data_size, NULL) ? BP_TEXT
												       : BP_BINARY);
	channel = channel_of(bridge, name);
	if (!channel) {
		mqtt_lost(bridge, rule, 1, "max_channels is reached");
		return;
	}
	text = path && strlen(path) <= MOST_PATH ? g_strconcat(bridge->origin, MQTT_VIA, path, NULL) : NULL;
	origin = g_ref_string_new(text ? text : bridge->origin);
	bp_message_set_origin(made, origin);
	g_ref_string_release(origin);
	rule->count++;
	bp_channel_send(channel, made);
}

void mqtt_import_take(MqttBridge *bridge, const BpMqttMessage *message)
{
	const char *path = property(message, "bp-path");

	if (is_echo(bridge, message) || has_passed(bridge, path)) {
		bridge->echoed++;
		return;
	}
	if (was_seen(bridge, property(message, "bp-id"))) {
		bridge->repeated++;
		return;
	}
	bridge->in++;
	bp_metric_add(bridge->in_metric, 1);
	/* The first rule that the topic matches is the one. */
	for (guint i = 0; i < bridge->rules->len; i++) {
		MqttRule *rule = bridge->rules->pdata[i];

		if (rule->import && bp_mqtt_matches(rule->from, message->topic)) {
			deliver(rule, message, path);
			return;
		}
	}
}

void mqtt_import_subscribe(MqttBridge *bridge, gboolean session)
{
	for (guint i = 0; i < bridge->rules->len; i++) {
		const MqttRule *rule = bridge->rules->pdata[i];
		g_autoptr(GError) error = NULL;
		guint id;

		/* With a session too: the rules may have been others then. Kept messages come once again, and are known by that. */
		if (rule->import && !bp_mqtt_subscribe(bridge->mqtt, rule->from, rule->qos,
						       BP_MQTT_NO_LOCAL | BP_MQTT_RETAIN_AS_PUBLISHED, &id, &error))
			bp_channel_printf(bridge->events, "%s", error->message);
	}
}
