/* SPDX-License-Identifier: MIT */
/* peer-export.c - channels of ours for another host.
 *
 * A glob watch for each glob it asked for; what matches an export and is not itself imported goes out, numbered, and
 * stays in a ring of a bounded size. After a cut it asks for what came since its last number; what the ring no longer has
 * is reported as missed.
 */
#include <backplane/bridge.h>
#include <string.h>
#include "peer-session.h"

#define MOST_VERDICTS 8192
#define MOST_RING 65536 /* messages */

void peer_subscription_free(gpointer data)
{
	PeerSubscription *subscription = data;

	if (subscription->watch)
		bp_watch_remove(subscription->watch);
	g_free(subscription->glob);
	g_free(subscription);
}

/* --- what of ours they get --- */

gboolean peer_is_exported(PeerNet *net, const char *name)
{
	if (g_hash_table_contains(net->imported, name) || !bp_bridge_may_leave(name))
		return FALSE;
	for (guint i = 0; i < net->exports->len; i++)
		if (g_pattern_match_simple(net->exports->pdata[i], name))
			return TRUE;
	return FALSE;
}

/* The first of its globs that matches serves a channel, so that nothing goes twice. */
static PeerSubscription *verdict(PeerSession *session, const BpChannel *channel)
{
	gpointer number = GUINT_TO_POINTER(bp_channel_number(channel));
	const char *name = bp_channel_name(channel);
	gpointer found = NULL;

	if (g_hash_table_lookup_extended(session->verdicts, number, NULL, &found))
		return found;
	if (peer_is_exported(session->net, name))
		for (guint i = 0; i < session->subscriptions->len && !found; i++)
			if (g_pattern_match_simple(((PeerSubscription *)session->subscriptions->pdata[i])->glob, name))
				found = session->subscriptions->pdata[i];
	if (g_hash_table_size(session->verdicts) >= MOST_VERDICTS)
		g_hash_table_remove_all(session->verdicts);
	g_hash_table_insert(session->verdicts, number, found);
	return found;
}

void peer_forget_verdicts(PeerNet *net)
{
	GHashTableIter iter;
	gpointer session;

	g_hash_table_iter_init(&iter, net->sessions);
	while (g_hash_table_iter_next(&iter, NULL, &session))
		g_hash_table_remove_all(((PeerSession *)session)->verdicts);
}

/* They may answer on it, exported or not. */
static void allow_reply(PeerSession *session, const char *name)
{
	char *own;

	if (g_hash_table_contains(session->replies, name))
		return;
	own = g_strdup(name);
	g_hash_table_add(session->replies, own);
	g_queue_push_tail(&session->reply_order, own);
	if (session->reply_order.length > 4 * PEER_MOST_REPLIES)
		g_hash_table_remove(session->replies, g_queue_pop_head(&session->reply_order));
}

void peer_count_drops(PeerSession *session, guint64 count)
{
	session->drops += count;
	session->net->drops += count;
}

PeerDescribe peer_describe(PeerSession *session, const BpChannel *channel, const BpMessage *message, ChannelFrame *said)
{
	const char *origin = bp_message_origin(message);
	PeerForeign *foreign = origin ? g_hash_table_lookup(session->net->foreign, origin) : NULL;

	if (foreign && foreign->session == session && foreign->channel == bp_channel_number(channel))
		return PEER_OF_THAT_HOST;
	if ((foreign && foreign->crossings >= PEER_MOST_CROSSINGS) || bp_message_size(message) > PEER_MOST_FRAME - 4096)
		return PEER_NOT_SENDABLE;
	*said = (ChannelFrame){ .time = bp_message_time(message),
				.host = foreign ? foreign->host : 0,
				.number = foreign ? foreign->number : 0,
				.flags = (guint8)bp_message_flags(message),
				.crossings = foreign ? foreign->crossings + 1 : 1,
				.origin = origin ? origin : "",
				.origin_size = origin ? strlen(origin) : 0,
				.data = bp_message_data(message),
				.size = bp_message_size(message) };
	return PEER_DESCRIBED;
}

static void keep(PeerSession *session, BpMessage *frame)
{
	g_queue_push_tail(&session->ring, bp_message_ref(frame));
	session->ring_bytes += bp_message_size(frame);
	while (session->ring.length > MOST_RING ||
	       (session->ring_bytes > session->net->resume && session->ring.length)) {
		g_autoptr(BpMessage) oldest = g_queue_pop_head(&session->ring);

		session->ring_bytes -= bp_message_size(oldest);
	}
}

/* Each message is counted once, however often it is sent. */
static void transmit(PeerSession *session, BpMessage *frame, guint64 number)
{
	gboolean there = peer_link_has_room(session->link);

	if (there)
		peer_link_send(session->link, frame);
	if (number <= session->counted)
		return;
	session->counted = number;
	if (!there) {
		peer_count_drops(session, 1);
		return;
	}
	session->out++;
	session->net->out++;
}

/* A message of this host gets its identity with its first export; the watches of all sessions are called for the same message, one
 * after another. */
static void identify(PeerNet *net, BpMessage *message, ChannelFrame *said)
{
	if (said->host)
		return;
	if (net->last != message) {
		net->made++;
		g_clear_pointer(&net->last, bp_message_unref);
		net->last = bp_message_ref(message);
	}
	said->host = net->tag;
	said->number = net->made;
}

static void on_exported(BpPlugin *self, BpChannel *channel, BpMessage *message, gpointer data)
{
	PeerSubscription *subscription = data;
	PeerSession *session = subscription->session;
	BpChannel *reply = bp_message_reply_channel(message);
	g_autoptr(BpMessage) frame = NULL;
	PeerDescribe described;
	ChannelFrame said;

	/* An instance that serves sessions may be opened after the verdict. */
	if (verdict(session, channel) != subscription || !bp_bridge_may_leave(bp_channel_name(channel)))
		return;
	described = peer_describe(session, channel, message, &said);
	if (described == PEER_OF_THAT_HOST)
		return;
	session->sequence++;
	if (described == PEER_NOT_SENDABLE) {
		/* It has a number all the same, so that the other host counts it as missed. */
		frame = frame_new(FRAME_BEAT, "a", 1);
		keep(session, frame);
		peer_count_drops(session, 1);
		session->counted = session->sequence;
		return;
	}
	identify(session->net, message, &said);
	said.sequence = session->sequence;
	said.channel = bp_channel_name(channel);
	said.channel_size = strlen(said.channel);
	if (reply && !g_hash_table_contains(session->net->imported, bp_channel_name(reply))) {
		said.reply = bp_channel_name(reply);
		said.reply_size = strlen(said.reply);
		allow_reply(session, said.reply);
	}
	frame = frame_said_new(FRAME_CHANNEL, &said);
	keep(session, frame);
	if (session->live)
		transmit(session, frame, session->sequence);
}

/* Names that appeared and went since the last look. */
void peer_announce(PeerSession *session, json_t *add)
{
	json_t *gone = json_array();
	GHashTable *now = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	GHashTableIter iter;
	gpointer name;

	for (guint i = 0; i < session->subscriptions->len; i++) {
		g_autoptr(GPtrArray)
			channels = bp_channel_list(((PeerSubscription *)session->subscriptions->pdata[i])->glob);

		for (guint j = 0; j < channels->len && g_hash_table_size(now) < PEER_MOST_CHANNELS; j++)
			if (verdict(session, channels->pdata[j]) &&
			    g_hash_table_add(now, g_strdup(bp_channel_name(channels->pdata[j]))) &&
			    !g_hash_table_contains(session->told, bp_channel_name(channels->pdata[j])))
				json_array_append_new(add, json_string(bp_channel_name(channels->pdata[j])));
	}
	g_hash_table_iter_init(&iter, session->told);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		if (!g_hash_table_contains(now, name))
			json_array_append_new(gone, json_string(name));
	g_hash_table_unref(session->told);
	session->told = now;
	if (json_array_size(gone))
		peer_link_control(session->link, json_pack("{s:s,s:O}", "type", "channels", "gone", gone));
	json_decref(gone);
}

static void set_globs(PeerSession *session, const json_t *globs)
{
	size_t at;
	json_t *item;

	g_ptr_array_set_size(session->subscriptions, 0);
	g_hash_table_remove_all(session->verdicts);
	json_array_foreach((json_t *)globs, at, item)
	{
		PeerSubscription *subscription;

		if (!json_is_string(item) || json_string_length(item) > 255 ||
		    session->subscriptions->len >= PEER_MOST_GLOBS)
			continue;
		subscription = g_new0(PeerSubscription, 1);
		subscription->session = session;
		subscription->glob = g_strdup(json_string_value(item));
		subscription->watch = bp_channel_watch_glob(session->net->self, subscription->glob, on_exported,
							    subscription, NULL);
		g_ptr_array_add(session->subscriptions, subscription);
	}
}

static gboolean same_globs(const PeerSession *session, const json_t *globs)
{
	if (json_array_size(globs) != session->subscriptions->len)
		return FALSE;
	for (guint i = 0; i < session->subscriptions->len; i++)
		if (g_strcmp0(((PeerSubscription *)session->subscriptions->pdata[i])->glob,
			      json_string_value(json_array_get(globs, i))) != 0)
			return FALSE;
	return TRUE;
}

/* All that the ring has after `have`; how many it has no more. */
static guint64 first_kept(const PeerSession *session)
{
	return session->sequence - session->ring.length + 1;
}

static void resume(PeerSession *session, guint64 have)
{
	guint64 number = first_kept(session);

	for (GList *at = session->ring.head; at; at = at->next, number++) {
		if (number > have)
			transmit(session, at->data, number);
	}
}

/* What the other host will never get: not what was counted as sent. */
static void give_up(PeerSession *session, guint64 have, guint64 missed)
{
	guint64 last = have + missed, counted = session->counted > have ? MIN(session->counted, last) - have : 0;

	session->out -= MIN(counted, session->out);
	session->net->out -= MIN(counted, session->net->out);
	peer_count_drops(session, missed);
	session->counted = MAX(session->counted, last);
}

void peer_on_subscribe(PeerSession *session, const json_t *message)
{
	const json_t *globs = json_object_get(message, "globs");
	guint64 epoch = (guint64)json_integer_value(json_object_get(message, "epoch"));
	guint64 have = (guint64)json_integer_value(json_object_get(message, "have"));
	gboolean again = epoch == session->epoch && have <= session->sequence && !session->live;
	guint64 missed = again && have + 1 < first_kept(session) ? first_kept(session) - have - 1 : 0;
	json_t *channels = json_array();

	peer_delivery_open(session, message);
	give_up(session, have, missed);
	if (!same_globs(session, globs))
		set_globs(session, globs);
	g_hash_table_remove_all(session->told);
	peer_announce(session, channels);
	peer_link_control(session->link, json_pack("{s:s,s:I,s:I,s:I,s:b,s:o}", "type", "subscribed", "epoch",
						   (json_int_t)session->epoch, "sequence",
						   (json_int_t)session->sequence, "missed", (json_int_t)missed,
						   "resumed", (int)(again || session->live), "channels", channels));
	session->live = TRUE;
	if (again)
		resume(session, have);
	else if (!g_hash_table_size(session->replies))
		g_queue_clear(&session->reply_order);
}
