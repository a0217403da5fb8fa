/* SPDX-License-Identifier: MIT */
/* web-watch.c - the channels that clients of /ws watch.
 *
 * A message is framed once for all clients that want it in the same form, and comes once however many watches of a
 * client match; then one of them decides its form.
 */
#include <string.h>
#include "web.h"
#include "web-op.h"
#include "web-ws.h"

#define WATCHES_LIMIT 256

typedef struct {
	WebWatches *all;
	BpChannel *channel; /* NULL: a glob */
	BpWatch *watch;
	gboolean frames;
	guint every;	    /* ms; 0: each message */
	GHashTable *latest; /* of a sampled watch: BpChannel: BpMessage, to be sent by `timer` */
	BpTimer *timer;
} WebWatch;

/* --- the message that is being delivered, in the forms that were asked for so far --- */

typedef struct {
	GByteArray *payload;
	BpMessage *plain, *compressed;
} EncodedMessage;

static struct {
	BpMessage *message;
	BpChannel *channel;
	EncodedMessage json, bytes;
	guint64 number;
	gboolean due; /* forget is deferred */
} shared;

static void form_clear(EncodedMessage *form)
{
	g_clear_pointer(&form->payload, g_byte_array_unref);
	g_clear_pointer(&form->plain, bp_message_unref);
	g_clear_pointer(&form->compressed, bp_message_unref);
}

static void forget(BpPlugin *self, gpointer data)
{
	g_clear_pointer(&shared.message, bp_message_unref);
	g_clear_pointer(&shared.channel, bp_channel_unref);
	form_clear(&shared.json);
	form_clear(&shared.bytes);
}

static void forget_is_over(gpointer data)
{
	shared.due = FALSE;
}

static GByteArray *message_json(BpChannel *channel, BpMessage *message, gboolean sampled)
{
	const char *data = bp_message_data(message), *origin = bp_message_origin(message);
	gsize size = bp_message_size(message);
	json_auto_t *object = json_pack("{s:s, s:o, s:f}", "op", "message", "channel",
					bp_json_string(bp_channel_name(channel), -1), "time",
					(double)bp_message_time(message) / 1000);
	g_autofree char *coded = NULL;
	char *text;

	if (origin)
		json_object_set_new(object, "origin", bp_json_string(origin, -1));
	if (g_utf8_validate(data, (gssize)size, NULL)) {
		json_object_set_new(object, "text", bp_json_string(data, (gssize)size));
	} else {
		coded = g_base64_encode((const guchar *)data, size);
		json_object_set_new(object, "base64", json_string(coded));
	}
	json_object_set_new(object, "size", json_integer((json_int_t)size));
	if (sampled)
		json_object_set_new(object, "sampled", json_true());
	text = bp_json_text(object);
	return g_byte_array_new_take((guint8 *)text, strlen(text));
}

static void begin(BpPlugin *self, BpChannel *channel, BpMessage *message)
{
	if (shared.message == message && shared.channel == channel)
		return;
	forget(NULL, NULL);
	shared.message = bp_message_ref(message);
	shared.channel = bp_channel_ref(channel);
	shared.number++;
	if (!shared.due) {
		shared.due = TRUE;
		bp_defer(self, forget, NULL, forget_is_over);
	}
}

static BpMessage *shared_frame(gboolean as_bytes, gboolean compressed)
{
	EncodedMessage *form = as_bytes ? &shared.bytes : &shared.json;
	BpMessage **frame = compressed ? &form->compressed : &form->plain;

	if (!form->payload)
		form->payload = as_bytes ? web_op_frame(bp_channel_name(shared.channel), shared.message)
					 : message_json(shared.channel, shared.message, FALSE);
	if (!*frame)
		*frame = bp_websocket_frame_new(as_bytes ? BP_WEBSOCKET_BINARY : BP_WEBSOCKET_TEXT, form->payload->data,
						form->payload->len, compressed);
	return *frame;
}

static void deliver(WebWatch *watch, BpChannel *channel, BpMessage *message)
{
	WebWatches *all = watch->all;
	BpMessage *frame;

	if (all->full) {
		all->dropped++;
		web_count_lost(all->self, WEB_LOST_WEBSOCKET);
		bp_channel_dropped(channel, "a client of /ws does not read");
		return;
	}
	begin(all->self, channel, message);
	if (all->last == shared.number)
		return;
	all->last = shared.number;
	frame = shared_frame(watch->frames && !(bp_message_flags(message) & BP_TEXT),
			     bp_websocket_takes_compressed(all->socket));
	all->full = bp_websocket_send_frame(all->socket, frame) != BP_SENT;
}

/* --- sampled --- */

static void send_latest(BpPlugin *self, gpointer data)
{
	WebWatch *watch = data;
	WebWatches *all = watch->all;
	GHashTableIter iter;
	gpointer channel, message;

	g_hash_table_iter_init(&iter, watch->latest);
	while (!all->full && g_hash_table_iter_next(&iter, &channel, &message)) {
		g_autoptr(GByteArray) text = message_json(channel, message, TRUE);

		all->full = bp_websocket_send(all->socket, BP_WEBSOCKET_TEXT, text->data, text->len) != BP_SENT;
		g_hash_table_iter_remove(&iter);
	}
	/* What a slow client has not got yet it gets later, or something newer. */
	if (g_hash_table_size(watch->latest))
		bp_timer_once(&watch->timer, bp_websocket_scope(watch->all->socket), (gint64)watch->every * 1000,
			      send_latest, watch);
}

static gboolean keep_latest(WebWatch *watch, BpChannel *channel, BpMessage *message)
{
	if (!watch->every)
		return FALSE;
	g_hash_table_replace(watch->latest, bp_channel_ref(channel), bp_message_ref(message));
	if (!watch->timer)
		bp_timer_once(&watch->timer, bp_websocket_scope(watch->all->socket), (gint64)watch->every * 1000,
			      send_latest, watch);
	return TRUE;
}

static void on_channel(BpPlugin *self, BpMessage *message, gpointer data)
{
	WebWatch *watch = data;

	if (!keep_latest(watch, watch->channel, message))
		deliver(watch, watch->channel, message);
}

static void on_glob(BpPlugin *self, BpChannel *channel, BpMessage *message, gpointer data)
{
	if (!keep_latest(data, channel, message))
		deliver(data, channel, message);
}

/* --- of a client --- */

static void watch_free(gpointer data)
{
	WebWatch *watch = data;

	bp_watch_remove(watch->watch);
	if (watch->timer)
		bp_timer_remove(watch->timer);
	g_clear_pointer(&watch->latest, g_hash_table_unref);
	if (watch->channel)
		bp_channel_release(watch->all->self, watch->channel);
	g_free(watch);
}

void web_watches_init(WebWatches *watches, BpPlugin *self, BpWebSocket *socket)
{
	watches->self = self;
	watches->socket = socket;
	watches->named = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, watch_free);
}

void web_watches_clear(WebWatches *watches)
{
	g_clear_pointer(&watches->named, g_hash_table_unref);
}

gboolean web_watches_have_room(const WebWatches *watches, const char *name)
{
	return g_hash_table_size(watches->named) < WATCHES_LIMIT || g_hash_table_contains(watches->named, name);
}

static void channel_unref(gpointer channel)
{
	bp_channel_unref(channel);
}

static void message_unref(gpointer message)
{
	bp_message_unref(message);
}

void web_watches_add(WebWatches *watches, const char *name, gboolean frames, guint every)
{
	WebWatch *watch = g_hash_table_lookup(watches->named, name);

	if (watch && !every == !watch->every) {
		watch->frames = frames;
		watch->every = every;
		return;
	}
	watch = g_new0(WebWatch, 1);
	watch->all = watches;
	watch->frames = frames;
	watch->every = every;
	watch->latest = every ? g_hash_table_new_full(NULL, NULL, channel_unref, message_unref) : NULL;
	g_hash_table_replace(watches->named, g_strdup(name), watch);
	if (web_op_is_glob(name)) {
		watch->watch = bp_channel_watch_glob(watches->self, name, on_glob, watch, NULL);
	} else {
		watch->channel = bp_channel(watches->self, name);
		watch->watch = bp_channel_watch(watches->self, watch->channel, on_channel, watch, NULL);
	}
}

gboolean web_watches_remove(WebWatches *watches, const char *name)
{
	return g_hash_table_remove(watches->named, name);
}

void web_watches_unload(void)
{
	forget(NULL, NULL);
}
