/* SPDX-License-Identifier: MIT */
/* import.c - messages of topics to channels.
 *
 * What has passed this host, on this way or another, names it in its path and does not come again. What is numbered (keep) is taken once.
 */
#include <string.h>
#include "bridge-state.h"

#define MOST_SENDERS 4096
#define MOST_PATH 1024 /* bytes */

static gboolean has_passed(const BpBridge *bridge, const char *path)
{
	g_auto(GStrv) hosts = path ? g_strsplit(path, ",", -1) : NULL;

	return hosts && g_strv_contains((const char *const *)hosts, bridge->id);
}

/* "HOST/BRIDGE:NUMBER"; the numbers of one bridge grow. */
static gboolean was_seen(BpBridge *bridge, const char *identity)
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
static BpMessage *decode(gconstpointer data, gsize size)
{
	json_t *object = bp_json_parse_object(data, size, 0, NULL);
	json_t *text = json_object_get(object, "text");
	const char *coded = json_string_value(json_object_get(object, "base64"));
	BpMessage *result = NULL;

	if (json_is_string(text)) {
		result = bp_message_new(json_string_value(text), json_string_length(text), BP_TEXT);
	} else if (coded) {
		gsize length;
		g_autofree guchar *bytes = g_base64_decode(coded, &length);

		result = bp_message_new(bytes, length, BP_BINARY);
	}
	json_decref(object);
	return result;
}

/* The other side has as many topics as it likes. */
static BpChannel *channel_of(BpBridge *bridge, const char *name)
{
	BpChannel *channel = g_hash_table_lookup(bridge->channels, name);

	if (channel || g_hash_table_size(bridge->channels) >= bridge->max_channels)
		return channel;
	channel = bp_channel(bridge->self, name);
	g_hash_table_insert(bridge->channels, g_strdup(name), channel);
	return channel;
}

static gboolean deliver(BridgeRule *rule, const char *topic, gconstpointer data, gsize size, const char *path)
{
	BpBridge *bridge = rule->rule.bridge;
	g_autofree char *name = bridge_rule_target(rule, topic);
	g_autoptr(BpMessage) made = rule->json ? decode(data, size) : NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	BpChannel *channel;
	char *origin;

	if (!name || !bp_channel_check_name(name, &error)) {
		g_autofree char *why = g_strdup_printf("its %s makes no channel", bridge->system.noun);

		bp_bridge_lost(bridge, &rule->rule, 1, error ? error->message : why);
		return FALSE;
	}
	if (!made)
		made = bp_message_new(data, size, g_utf8_validate(data, (gssize)size, NULL) ? BP_TEXT : BP_BINARY);
	channel = channel_of(bridge, name);
	if (!channel) {
		bp_bridge_lost(bridge, &rule->rule, 1, "max_channels is reached");
		return FALSE;
	}
	text = path && strlen(path) <= MOST_PATH ? g_strconcat(bridge->origin, BRIDGE_VIA, path, NULL) : NULL;
	origin = g_ref_string_new(text ? text : bridge->origin);
	bp_message_set_origin(made, origin);
	g_ref_string_release(origin);
	rule->rule.count++;
	bp_channel_send(channel, made);
	return TRUE;
}

/* The first rule that the topic matches is the one. */
static BridgeRule *rule_of(BpBridge *bridge, const char *name)
{
	for (guint i = 0; i < bridge->rules->len; i++) {
		BridgeRule *rule = bridge->rules->pdata[i];
		g_auto(GStrv) captures = rule->rule.import ? bridge->system.captures(rule->rule.from, name) : NULL;

		if (captures)
			return rule;
	}
	return NULL;
}

BpBridgeRule *bp_bridge_rule_of(BpBridge *bridge, const char *name)
{
	return (BpBridgeRule *)rule_of(bridge, name);
}

void bp_bridge_echoed(BpBridge *bridge)
{
	bridge->echoed++;
}

gboolean bp_bridge_take(BpBridge *bridge, const char *name, gconstpointer data, gsize size, const char *path,
			const char *identity)
{
	BridgeRule *rule;

	if (has_passed(bridge, path)) {
		bridge->echoed++;
		return FALSE;
	}
	if (was_seen(bridge, identity)) {
		bridge->repeated++;
		return FALSE;
	}
	bridge->in++;
	bp_metric_add(bridge->in_metric, 1);
	rule = rule_of(bridge, name);
	return rule && deliver(rule, name, data, size, path);
}
