/* SPDX-License-Identifier: MIT */
/* export.c - messages of channels to topics. What came from this bridge does not go back over it; what came over another one says
 * which hosts it has passed.
 */
#include <string.h>
#include "bridge-state.h"

/* Of a channel, for `rate` and `every`. */
typedef struct {
	BpInstance *self;
	BridgeRule *rule;
	char *topic;
	BpMessage *latest; /* waits for the timer */
	BpTimer *timer;
	guint skipped;
} HeldMessage;

static void held_free(gpointer data)
{
	HeldMessage *held = data;

	if (held->timer)
		bp_timer_remove(held->timer);
	if (held->latest)
		bp_message_unref(held->latest);
	g_free(held->topic);
	g_free(held);
}

static char *encode(BpMessage *message, const char *channel, gsize *size)
{
	const char *data = bp_message_data(message), *origin = bp_message_origin(message);
	gsize length = bp_message_size(message);
	json_t *object = json_pack("{s:s,s:f}", "channel", channel, "time",
				   (double)bp_message_time(message) / G_USEC_PER_SEC);
	char *text;

	if (origin)
		json_object_set_new(object, "origin", bp_json_string(origin, -1));
	if (g_utf8_validate(data, (gssize)length, NULL)) {
		json_object_set_new(object, "text", bp_json_string(data, (gssize)length));
	} else {
		g_autofree char *coded = g_base64_encode((const guchar *)data, length);

		json_object_set_new(object, "base64", json_string(coded));
	}
	text = bp_json_text(object);
	json_decref(object);
	*size = strlen(text);
	return text;
}

static void export(BridgeRule *rule, const char *topic, BpMessage *message)
{
	const char *origin = bp_message_origin(message), *via = origin ? strstr(origin, BRIDGE_VIA) : NULL;

	rule->rule.count++;
	bp_bridge_add(rule->rule.bridge, &rule->rule, topic, message, rule->rule.qos, rule->retain,
		      via ? via + strlen(BRIDGE_VIA) : NULL);
}

static void on_rate(BpPlugin *self, gpointer data)
{
	HeldMessage *held = data;
	g_autoptr(BpMessage) latest = g_steal_pointer(&held->latest);

	if (!latest)
		return;
	export(held->rule, held->topic, latest);
	bp_timer_once(&held->timer, held->self, held->rule->interval, on_rate, held);
}

static HeldMessage *held_of(BridgeRule *rule, const char *topic)
{
	HeldMessage *held = g_hash_table_lookup(rule->held, topic);

	if (held)
		return held;
	held = g_new0(HeldMessage, 1);
	held->self = rule->rule.bridge->self;
	held->rule = rule;
	held->topic = g_strdup(topic);
	g_hash_table_insert(rule->held, held->topic, held);
	return held;
}

/* The first one goes at once; the latest one of each interval after it. */
static void send_slowly(BridgeRule *rule, const char *topic, BpMessage *message)
{
	HeldMessage *held = held_of(rule, topic);

	if (++held->skipped < rule->every)
		return;
	held->skipped = 0;
	if (!rule->interval) {
		export(rule, topic, message);
	} else if (held->timer) {
		g_clear_pointer(&held->latest, bp_message_unref);
		held->latest = bp_message_ref(message);
	} else {
		export(rule, topic, message);
		bp_timer_once(&held->timer, held->self, rule->interval, on_rate, held);
	}
}

/* The first rule that a channel matches is the one, so that nothing goes twice. */
static gboolean is_first(const BridgeRule *rule, const char *channel)
{
	GPtrArray *rules = rule->rule.bridge->rules;

	for (guint i = 0; rules->pdata[i] != rule; i++) {
		const BridgeRule *before = rules->pdata[i];

		if (!before->rule.import && g_pattern_match_simple(before->rule.from, channel))
			return FALSE;
	}
	return TRUE;
}

static void on_message(BpPlugin *self, BpChannel *channel, BpMessage *given, gpointer data)
{
	BridgeRule *rule = data;
	BpBridge *bridge = rule->rule.bridge;
	const char *name = bp_channel_name(channel), *origin = bp_message_origin(given);
	g_autoptr(BpMessage) message = NULL;
	g_autofree char *topic = NULL;
	gsize size = strlen(bridge->origin);

	if (origin && strncmp(origin, bridge->origin, size) == 0 &&
	    (!origin[size] || g_str_has_prefix(origin + size, BRIDGE_VIA)))
		return;
	if ((bp_message_flags(given) & BP_COPY) || channel == bridge->events || !is_first(rule, name) ||
	    !bp_bridge_may_leave(name))
		return;
	topic = bridge_rule_target(rule, name);
	if (!topic)
		return;
	if (rule->json) {
		g_autofree char *text = encode(given, name, &size);

		message = bp_message_new(text, size, BP_TEXT);
		if (origin && strstr(origin, BRIDGE_VIA))
			bp_message_set_origin(message, (char *)origin);
	} else {
		message = bp_message_ref(given);
	}
	if (bp_message_size(message) > rule->payload) {
		bp_bridge_lost(bridge, &rule->rule, 1, "larger than payload_limit");
	} else if (rule->held) {
		send_slowly(rule, topic, message);
	} else {
		export(rule, topic, message);
	}
}

void bridge_export_start(BridgeRule *rule)
{
	if (rule->interval || rule->every > 1)
		rule->held = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, held_free);
	bp_channel_watch_glob(rule->rule.bridge->self, rule->rule.from, on_message, rule, NULL);
}
