/* SPDX-License-Identifier: MIT */
/* mqtt-queue.c - what waits for the broker: in memory, within backlog_limit; what its rule keeps also in a store, until the broker has
 * acknowledged it.
 *
 * The library gets no more than it may have in flight, so a broker that is slow or gone leaves the rest here, in order. A key in the store
 * is the time in microseconds, and greater than the one before it: it is the order after a restart, and with the name of the bridge the
 * identity by which another Backplane knows what it has had already.
 */
#include <string.h>
#include "mqtt.h"

#define OVERHEAD 200 /* bytes of a message besides its own */

static void outgoing_free(gpointer data)
{
	MqttOutgoing *outgoing = data;

	bp_message_unref(outgoing->message);
	g_free(outgoing->key);
	g_free(outgoing->topic);
	g_free(outgoing->path);
	g_free(outgoing);
}

static gsize cost(const MqttOutgoing *outgoing)
{
	return bp_message_size(outgoing->message) + strlen(outgoing->topic) + OVERHEAD;
}

/* It is done with, or lost. */
static void forget(MqttBridge *bridge, MqttOutgoing *outgoing)
{
	if (outgoing->key) {
		bridge->kept_bytes -= cost(outgoing);
		if (bridge->store)
			bp_store_remove(bridge->store, outgoing->key);
	}
	outgoing_free(outgoing);
}

static MqttOutgoing *pop_waiting(MqttBridge *bridge, GList *link)
{
	MqttOutgoing *outgoing = link->data;

	g_queue_delete_link(&bridge->waiting, link);
	bridge->waiting_bytes -= cost(outgoing);
	return outgoing;
}

/* The oldest ones, of those that are kept or of the others, until there is room. */
static void make_room(MqttBridge *bridge, gboolean kept)
{
	guint count = 0;

	for (GList *at = bridge->waiting.head, *next; at; at = next) {
		MqttOutgoing *outgoing = at->data;
		gboolean over = kept ? bridge->kept_bytes > bridge->keep_limit
				     : bridge->waiting_bytes - bridge->kept_bytes > bridge->limit;

		next = at->next;
		if (!over || !next)
			break;
		if ((outgoing->key != NULL) != kept)
			continue;
		if (outgoing->rule)
			outgoing->rule->lost++;
		forget(bridge, pop_waiting(bridge, at));
		count++;
	}
	if (count)
		mqtt_lost(bridge, NULL, count, kept ? "keep_limit is reached" : "backlog_limit is reached");
}

static void drop_old(MqttBridge *bridge)
{
	gint64 oldest = g_get_real_time() - bridge->keep_time;
	MqttOutgoing *outgoing;
	guint count = 0;

	while ((outgoing = g_queue_peek_head(&bridge->waiting)) && outgoing->key &&
	       g_ascii_strtoll(outgoing->key, NULL, 10) < oldest) {
		forget(bridge, pop_waiting(bridge, bridge->waiting.head));
		count++;
	}
	if (count)
		mqtt_lost(bridge, NULL, count, "they waited for longer than keep_time");
}

/* --- the disk --- */

static void keep(MqttBridge *bridge, MqttOutgoing *outgoing)
{
	g_autofree char *coded = g_base64_encode(bp_message_data(outgoing->message),
						 bp_message_size(outgoing->message));
	json_t *row = json_pack("{s:s,s:i,s:b,s:s,s:s*}", "topic", outgoing->topic, "qos", (int)outgoing->qos, "retain",
				outgoing->retain, "data", coded, "path", outgoing->path);
	g_autofree char *text = bp_json_text(row);
	g_autoptr(GError) error = NULL;

	json_decref(row);
	bridge->last_key = MAX(bridge->last_key + 1, g_get_real_time());
	outgoing->key = g_strdup_printf("%020" G_GINT64_FORMAT, bridge->last_key);
	bridge->kept_bytes += cost(outgoing);
	if (!bp_store_set(bridge->store, outgoing->key, text, &error))
		bp_channel_printf(bridge->events, "A message is kept in memory only: %s", error->message);
	if (bridge->kept_bytes > bridge->keep_limit)
		make_room(bridge, TRUE);
}

static gboolean load_one(MqttBridge *bridge, const char *key)
{
	const char *text = bp_store_get(bridge->store, key), *topic, *data, *path;
	json_t *row = bp_json_parse_object(text, strlen(text), 0, NULL);
	g_autofree guchar *bytes = NULL;
	MqttOutgoing *outgoing;
	int qos = 1, retain = 0;
	gsize size;

	path = json_string_value(json_object_get(row, "path"));
	if (!row ||
	    json_unpack(row, "{s:s,s:i,s:b,s:s}", "topic", &topic, "qos", &qos, "retain", &retain, "data", &data)) {
		json_decref(row);
		return FALSE;
	}
	bytes = g_base64_decode(data, &size);
	outgoing = g_new0(MqttOutgoing, 1);
	outgoing->key = g_strdup(key);
	outgoing->topic = g_strdup(topic);
	outgoing->path = g_strdup(path);
	outgoing->qos = (guint)CLAMP(qos, 1, 2);
	outgoing->retain = retain != 0;
	outgoing->message = bp_message_new(bytes, size, BP_BINARY);
	bridge->kept_bytes += cost(outgoing);
	bridge->waiting_bytes += cost(outgoing);
	g_queue_push_tail(&bridge->waiting, outgoing);
	bridge->last_key = MAX(bridge->last_key, g_ascii_strtoll(key, NULL, 10));
	json_decref(row);
	return TRUE;
}

/* What has been kept since the start comes behind it. */
static void load(MqttBridge *bridge)
{
	g_auto(GStrv) keys = bp_store_keys(bridge->store, NULL);
	g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
	GQueue later = bridge->waiting;
	guint damaged = 0;

	for (GList *at = later.head; at; at = at->next)
		if (((MqttOutgoing *)at->data)->key)
			g_hash_table_add(known, ((MqttOutgoing *)at->data)->key);
	g_queue_init(&bridge->waiting);
	for (char **key = keys; *key; key++)
		if (!g_hash_table_contains(known, *key) && !load_one(bridge, *key)) {
			bp_store_remove(bridge->store, *key);
			damaged++;
		}
	for (MqttOutgoing *outgoing; (outgoing = g_queue_pop_head(&later));)
		g_queue_push_tail(&bridge->waiting, outgoing);
	if (damaged)
		mqtt_lost(bridge, NULL, damaged, "they cannot be read from the store");
	bridge->opened = TRUE;
	drop_old(bridge);
	mqtt_queue_pump(bridge);
}

static void on_store(BpPlugin *self, BpStore *store, BpStoreEvent event, const GError *error, gpointer data)
{
	MqttBridge *bridge = data;

	if (event == BP_STORE_OPENED)
		load(bridge);
	else if (event == BP_STORE_CLOSED)
		bridge->store = NULL;
	else if (error)
		bp_channel_printf(bridge->events, "%s", error->message);
}

gboolean mqtt_queue_open(MqttBridge *bridge, GError **error)
{
	BpStoreOptions options = { .sync = BP_STORE_FULL, .interval = 50 * G_TIME_SPAN_MILLISECOND, .batch = 100 };
	g_autofree char *name = g_strdup_printf("mqtt-%s", bp_plugin_name(bridge->self));
	gboolean kept = FALSE;

	for (guint i = 0; i < bridge->rules->len; i++)
		kept |= ((MqttRule *)bridge->rules->pdata[i])->keep;
	bridge->opened = TRUE;
	if (!kept)
		return TRUE;
	g_strdelimit(name, "/", '-');
	bridge->opened = FALSE;
	options.keys_limit = 2 * bridge->keep_limit + 65536;
	bridge->store = bp_store_open(bridge->self, name, &options, on_store, bridge, error);
	return bridge->store != NULL;
}

void mqtt_queue_close(MqttBridge *bridge)
{
	g_queue_clear_full(&bridge->waiting, outgoing_free);
	g_queue_clear_full(&bridge->sent, outgoing_free);
}

/* --- sending --- */

static BpSent publish(MqttBridge *bridge, const MqttOutgoing *outgoing, guint *id, GError **error)
{
	g_autofree char *identity = outgoing->key
					    ? g_strdup_printf("%s/%s:%s", bridge->id, bp_plugin_name(bridge->self),
							      outgoing->key + strspn(outgoing->key, "0"))
					    : NULL;
	g_autofree char *path = outgoing->path ? g_strconcat(outgoing->path, ",", bridge->id, NULL)
					       : g_strdup(bridge->id);
	const char *user[] = { "bp-path", path, identity ? "bp-id" : NULL, identity, NULL };
	BpMqttMessage message = { .size = sizeof(message),
				  .topic = outgoing->topic,
				  .data = bp_message_data(outgoing->message),
				  .data_size = bp_message_size(outgoing->message),
				  .qos = outgoing->qos,
				  .retain = outgoing->retain,
				  .user = user };
	BpSent sent = bp_mqtt_publish(bridge->mqtt, &message, id, error);

	if (sent != BP_SENT)
		return sent;
	bridge->out++;
	bp_metric_add(bridge->out_metric, 1);
	if (bridge->version == 3)
		mqtt_import_expect_echo(bridge, message.topic, message.data, message.data_size);
	return sent;
}

void mqtt_queue_pump(MqttBridge *bridge)
{
	if (!bridge->opened || !bp_mqtt_is_connected(bridge->mqtt))
		return;
	if (bridge->store)
		drop_old(bridge);
	while (bridge->waiting.head && bp_mqtt_has_room(bridge->mqtt)) {
		MqttOutgoing *outgoing = bridge->waiting.head->data;
		g_autoptr(GError) error = NULL;
		BpSent sent = publish(bridge, outgoing, &outgoing->id, &error);

		if (sent == BP_FULL)
			return;
		pop_waiting(bridge, bridge->waiting.head);
		if (sent == BP_SENT) {
			g_queue_push_tail(&bridge->sent, outgoing);
		} else {
			mqtt_lost(bridge, outgoing->rule, 1, error->message);
			forget(bridge, outgoing);
		}
	}
}

static gboolean send_now(MqttBridge *bridge, const MqttOutgoing *outgoing, const char **why)
{
	BpSent sent;
	guint id;

	*why = "there is no connection to the broker";
	if (!bp_mqtt_is_connected(bridge->mqtt))
		return FALSE;
	sent = publish(bridge, outgoing, &id, NULL);
	*why = sent == BP_FULL ? "the broker is slower than its messages" : "it cannot be sent";
	return sent == BP_SENT;
}

void mqtt_queue_add(MqttBridge *bridge, MqttRule *rule, const char *topic, BpMessage *message, guint qos,
		    gboolean retain, gboolean is_kept, const char *path)
{
	MqttOutgoing now = { .rule = rule,
			     .topic = (char *)topic,
			     .path = (char *)path,
			     .message = message,
			     .qos = qos,
			     .retain = retain };
	MqttOutgoing *outgoing;
	const char *why = "there is no connection to the broker";

	if (!qos ? !send_now(bridge, &now, &why) : !is_kept && !bp_mqtt_is_connected(bridge->mqtt)) {
		mqtt_lost(bridge, rule, 1, why);
		return;
	}
	if (!qos)
		return;
	outgoing = g_memdup2(&now, sizeof(now));
	outgoing->topic = g_strdup(topic);
	outgoing->path = g_strdup(path);
	bp_message_ref(message);
	bridge->waiting_bytes += cost(outgoing);
	g_queue_push_tail(&bridge->waiting, outgoing);
	if (is_kept)
		keep(bridge, outgoing);
	else
		make_room(bridge, FALSE);
	mqtt_queue_pump(bridge);
}

void mqtt_queue_published(MqttBridge *bridge, guint id, guint code)
{
	for (GList *at = bridge->sent.head; at; at = at->next) {
		MqttOutgoing *outgoing = at->data;

		if (outgoing->id != id)
			continue;
		g_queue_delete_link(&bridge->sent, at);
		if (code >= 128) {
			if (outgoing->rule)
				outgoing->rule->refused++;
			mqtt_lost(bridge, outgoing->rule, 1, "the broker has refused it");
		}
		forget(bridge, outgoing);
		break;
	}
	mqtt_queue_pump(bridge);
}
