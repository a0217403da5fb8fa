/* SPDX-License-Identifier: MIT */
/* queue.c - what waits for the other side: in memory, within backlog_limit; what its rule keeps also in a store, until the other side
 * has acknowledged it.
 *
 * The plugin gets no more than it has room for, so a peer that is slow or gone leaves the rest here, in order. A key in the store
 * is the time in microseconds, and greater than the one before it: it is the order after a restart, and with the name of the bridge the
 * identity by which another Backplane knows what it has had already.
 */
#include <string.h>
#include "bridge-state.h"

#define OVERHEAD 200 /* bytes of a message besides its own */

static void item_free(gpointer data)
{
	BridgeItem *item = data;

	bp_message_unref(item->item.message);
	g_free(item->key);
	g_free(item->item.name);
	g_free(item->passed);
	g_free(item);
}

static gsize cost(const BridgeItem *item)
{
	return bp_message_size(item->item.message) + strlen(item->item.name) + OVERHEAD;
}

/* It is done with, or lost. */
static void forget(BpBridge *bridge, BridgeItem *item)
{
	if (item->key) {
		bridge->kept_bytes -= cost(item);
		if (bridge->store)
			bp_store_remove(bridge->store, item->key);
	}
	item_free(item);
}

static BridgeItem *pop_waiting(BpBridge *bridge, GList *link)
{
	BridgeItem *item = link->data;

	g_queue_delete_link(&bridge->waiting, link);
	bridge->waiting_bytes -= cost(item);
	return item;
}

/* The oldest ones, of those that are kept or of the others, until there is room. */
static void make_room(BpBridge *bridge, gboolean kept)
{
	guint count = 0;

	for (GList *at = bridge->waiting.head, *next; at; at = next) {
		BridgeItem *item = at->data;
		gboolean over = kept ? bridge->kept_bytes > bridge->keep_limit
				     : bridge->waiting_bytes - bridge->kept_bytes > bridge->limit;

		next = at->next;
		if (!over || !next)
			break;
		if ((item->key != NULL) != kept)
			continue;
		if (item->item.rule)
			item->item.rule->lost++;
		forget(bridge, pop_waiting(bridge, at));
		count++;
	}
	if (count)
		bp_bridge_lost(bridge, NULL, count, kept ? "keep_limit is reached" : "backlog_limit is reached");
}

static void drop_old(BpBridge *bridge)
{
	gint64 oldest = g_get_real_time() - bridge->keep_time;
	BridgeItem *item;
	guint count = 0;

	while ((item = g_queue_peek_head(&bridge->waiting)) && item->key &&
	       g_ascii_strtoll(item->key, NULL, 10) < oldest) {
		forget(bridge, pop_waiting(bridge, bridge->waiting.head));
		count++;
	}
	if (count)
		bp_bridge_lost(bridge, NULL, count, "they waited for longer than keep_time");
}

/* --- the disk --- */

static void keep(BpBridge *bridge, BridgeItem *item)
{
	g_autofree char *coded = g_base64_encode(bp_message_data(item->item.message),
						 bp_message_size(item->item.message));
	json_t *row = json_pack("{s:s,s:i,s:b,s:s,s:s*}", "topic", item->item.name, "qos", (int)item->item.qos,
				"retain", item->item.retain, "data", coded, "path", item->passed);
	g_autofree char *text = bp_json_text(row);
	g_autoptr(GError) error = NULL;

	json_decref(row);
	bridge->last_key = MAX(bridge->last_key + 1, g_get_real_time());
	item->key = g_strdup_printf("%020" G_GINT64_FORMAT, bridge->last_key);
	bridge->kept_bytes += cost(item);
	if (!bp_store_set(bridge->store, item->key, text, &error))
		bp_channel_printf(bridge->events, "A message is kept in memory only: %s", error->message);
	if (bridge->kept_bytes > bridge->keep_limit)
		make_room(bridge, TRUE);
}

static gboolean load_one(BpBridge *bridge, const char *key)
{
	const char *text = bp_store_get(bridge->store, key), *topic, *data, *path;
	json_t *row = bp_json_parse_object(text, strlen(text), 0, NULL);
	g_autofree guchar *bytes = NULL;
	BridgeItem *item;
	int qos = 1, retain = 0;
	gsize size;

	path = json_string_value(json_object_get(row, "path"));
	if (!row ||
	    json_unpack(row, "{s:s,s:i,s:b,s:s}", "topic", &topic, "qos", &qos, "retain", &retain, "data", &data)) {
		json_decref(row);
		return FALSE;
	}
	bytes = g_base64_decode(data, &size);
	item = g_new0(BridgeItem, 1);
	item->key = g_strdup(key);
	item->item.name = g_strdup(topic);
	item->passed = g_strdup(path);
	item->item.qos = (guint)CLAMP(qos, 1, 2);
	item->item.retain = retain != 0;
	item->item.message = bp_message_new(bytes, size, BP_BINARY);
	bridge->kept_bytes += cost(item);
	bridge->waiting_bytes += cost(item);
	g_queue_push_tail(&bridge->waiting, item);
	bridge->last_key = MAX(bridge->last_key, g_ascii_strtoll(key, NULL, 10));
	json_decref(row);
	return TRUE;
}

/* What has been kept since the start comes behind it. */
static void load(BpBridge *bridge)
{
	g_auto(GStrv) keys = bp_store_keys(bridge->store, NULL);
	g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
	GQueue later = bridge->waiting;
	guint damaged = 0;

	for (GList *at = later.head; at; at = at->next)
		if (((BridgeItem *)at->data)->key)
			g_hash_table_add(known, ((BridgeItem *)at->data)->key);
	g_queue_init(&bridge->waiting);
	for (char **key = keys; *key; key++)
		if (!g_hash_table_contains(known, *key) && !load_one(bridge, *key)) {
			bp_store_remove(bridge->store, *key);
			damaged++;
		}
	for (BridgeItem *item; (item = g_queue_pop_head(&later));)
		g_queue_push_tail(&bridge->waiting, item);
	if (damaged)
		bp_bridge_lost(bridge, NULL, damaged, "they cannot be read from the store");
	bridge->opened = TRUE;
	drop_old(bridge);
	bp_bridge_pump(bridge);
}

static void on_store(BpPlugin *self, BpStore *store, BpStoreEvent event, const GError *error, gpointer data)
{
	BpBridge *bridge = data;

	if (event == BP_STORE_CLOSED)
		bridge->store = NULL;
	if (bridge->ended) {
		if (!bridge->store)
			g_free(bridge);
	} else if (event == BP_STORE_OPENED) {
		load(bridge);
	} else if (event != BP_STORE_CLOSED && error) {
		bp_channel_printf(bridge->events, "%s", error->message);
	}
}

gboolean bridge_queue_open(BpBridge *bridge, GError **error)
{
	BpStoreOptions options = { .sync = BP_STORE_FULL, .interval = 50 * G_TIME_SPAN_MILLISECOND, .batch = 100 };
	g_autofree char *name = g_strdup_printf("%s-%s", bridge->system.kind, bp_plugin_name(bridge->self));
	gboolean kept = FALSE;

	for (guint i = 0; i < bridge->rules->len; i++)
		kept |= ((BpBridgeRule *)bridge->rules->pdata[i])->keep;
	bridge->opened = TRUE;
	if (!kept)
		return TRUE;
	g_strdelimit(name, "/", '-');
	bridge->opened = FALSE;
	options.keys_limit = 2 * bridge->keep_limit + 65536;
	bridge->store = bp_store_open(bridge->self, name, &options, on_store, bridge, error);
	return bridge->store != NULL;
}

void bridge_queue_close(BpBridge *bridge)
{
	g_queue_clear_full(&bridge->waiting, item_free);
	g_queue_clear_full(&bridge->sent, item_free);
}

/* --- sending --- */

static BpSent publish(BpBridge *bridge, const BridgeItem *item, guint *id, GError **error)
{
	BpBridgeItem sending = item->item;
	BpSent sent;

	sending.identity = item->key ? g_strdup_printf("%s/%s:%s", bridge->id, bp_plugin_name(bridge->self),
						       item->key + strspn(item->key, "0"))
				     : NULL;
	sending.path = item->passed ? g_strconcat(item->passed, ",", bridge->id, NULL) : g_strdup(bridge->id);
	sent = bridge->system.publish(&sending, id, error, bridge->user);
	g_free(sending.identity);
	g_free(sending.path);
	if (sent != BP_SENT)
		return sent;
	bridge->out++;
	bp_metric_add(bridge->out_metric, 1);
	return sent;
}

void bp_bridge_pump(BpBridge *bridge)
{
	if (!bridge->opened || !bridge->system.is_connected(bridge->user))
		return;
	if (bridge->store)
		drop_old(bridge);
	while (bridge->waiting.head && bridge->system.has_room(bridge->user)) {
		BridgeItem *item = bridge->waiting.head->data;
		g_autoptr(GError) error = NULL;
		BpSent sent = publish(bridge, item, &item->id, &error);

		if (sent == BP_FULL)
			return;
		pop_waiting(bridge, bridge->waiting.head);
		if (sent == BP_SENT) {
			g_queue_push_tail(&bridge->sent, item);
		} else {
			bp_bridge_lost(bridge, item->item.rule, 1, error ? error->message : "it cannot be sent");
			forget(bridge, item);
		}
	}
}

void bp_bridge_again(BpBridge *bridge)
{
	for (BridgeItem *item; (item = g_queue_pop_tail(&bridge->sent));) {
		bridge->waiting_bytes += cost(item);
		g_queue_push_head(&bridge->waiting, item);
	}
}

static gboolean send_now(BpBridge *bridge, const BridgeItem *item, GError **error)
{
	BpSent sent;
	guint id;

	if (!bridge->system.is_connected(bridge->user))
		return bp_fail(error, BP_CLOSED, "there is no connection to the %s", bridge->system.peer);
	sent = publish(bridge, item, &id, error);
	if (sent == BP_FULL)
		bp_fail(error, BP_LIMIT, "the %s is slower than its messages", bridge->system.peer);
	return sent == BP_SENT;
}

void bp_bridge_add(BpBridge *bridge, BpBridgeRule *rule, const char *name, BpMessage *message, guint qos,
		   gboolean retain, const char *path)
{
	gboolean is_kept = rule && rule->keep;
	BridgeItem now = {
		.item = { .rule = rule, .name = (char *)name, .message = message, .qos = qos, .retain = retain },
		.passed = (char *)path
	};
	g_autoptr(GError) error = NULL;
	BridgeItem *item;

	if (!qos) {
		if (!send_now(bridge, &now, &error))
			bp_bridge_lost(bridge, rule, 1, error ? error->message : "it cannot be sent");
		return;
	}
	if (!is_kept && !bridge->system.is_connected(bridge->user)) {
		g_autofree char *why = g_strdup_printf("there is no connection to the %s", bridge->system.peer);

		bp_bridge_lost(bridge, rule, 1, why);
		return;
	}
	item = g_memdup2(&now, sizeof(now));
	item->item.name = g_strdup(name);
	item->passed = g_strdup(path);
	bp_message_ref(message);
	bridge->waiting_bytes += cost(item);
	g_queue_push_tail(&bridge->waiting, item);
	if (is_kept)
		keep(bridge, item);
	else
		make_room(bridge, FALSE);
	bp_bridge_pump(bridge);
}

static GList *find_sent(const BpBridge *bridge, guint id)
{
	for (GList *at = bridge->sent.head; at; at = at->next)
		if (((BridgeItem *)at->data)->id == id)
			return at;
	return NULL;
}

gboolean bp_bridge_is_sent(const BpBridge *bridge, guint id)
{
	return find_sent(bridge, id) != NULL;
}

void bp_bridge_published(BpBridge *bridge, guint id, const char *refused)
{
	GList *at = find_sent(bridge, id);
	BridgeItem *item = at ? at->data : NULL;

	if (item) {
		g_queue_delete_link(&bridge->sent, at);
		if (refused)
			bp_bridge_lost(bridge, item->item.rule, 1, refused);
		forget(bridge, item);
	}
	bp_bridge_pump(bridge);
}
