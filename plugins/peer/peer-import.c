/* SPDX-License-Identifier: MIT */
/* peer-import.c - channels of another host, here.
 *
 * Each of its channels that matches an import exists here as HOST/NAME; what is sent on that is sent to the host, and published there. A
 * message that was received has an origin text that no other message has, and the table `foreign` finds it by the pointer: so it is
 * not sent back on the channel on which it came, its crossings are counted, and it keeps the identity that its first exporter gave it.
 */
#include <string.h>
#include "peer-session.h"

#define MOST_RECENT 16384 /* messages of other hosts that are known again */
#define NO_EPOCH 0

void peer_imported_free(gpointer data)
{
	PeerImported *imported = data;
	PeerNet *net = imported->session->net;

	g_hash_table_remove(net->imported, imported->full);
	g_queue_remove(&imported->session->answer_order, imported);
	bp_watch_remove(imported->watch);
	bp_channel_release(net->self, imported->channel);
	g_free(imported->theirs);
	g_free(imported->full);
	g_free(imported);
}

/* --- what of theirs we have --- */

gboolean peer_is_wanted(PeerSession *session, const char *name)
{
	for (guint i = 0; i < session->net->imports->len; i++) {
		const PeerImport *import = session->net->imports->pdata[i];

		if ((strcmp(import->host, session->name) == 0 || strcmp(import->host, session->id) == 0) &&
		    g_pattern_match_simple(import->glob, name))
			return TRUE;
	}
	return FALSE;
}

static void on_said_here(BpPlugin *self, BpMessage *message, gpointer data)
{
	PeerImported *imported = data;
	PeerSession *session = imported->session;
	g_autoptr(BpMessage) frame = NULL;
	ChannelFrame said;
	PeerDescribe described = peer_describe(session, imported->channel, message, &said);

	if (described == PEER_OF_THAT_HOST)
		return;
	if (described == PEER_DESCRIBED && peer_delivery_is_possible(session)) {
		said.channel = imported->theirs;
		said.channel_size = strlen(said.channel);
		said.sequence = session->sent + 1;
		frame = frame_said_new(FRAME_SEND, &said);
		peer_delivery_send(session, frame);
		return;
	}
	peer_count_drops(session, 1);
	if (described == PEER_NOT_SENDABLE)
		return;
	if (!session->told_lost)
		peer_net_event(session->net, "not-sent", NULL, imported->full);
	session->told_lost = TRUE;
}

/* NULL: too many, or no name for a channel. */
static PeerImported *import_channel(PeerSession *session, const char *name, gboolean is_reply)
{
	PeerImported *imported = g_hash_table_lookup(session->channels, name);
	PeerNet *net = session->net;
	g_autofree char *full = NULL;

	if (imported) {
		imported->is_reply &= is_reply;
		return imported;
	}
	full = g_strdup_printf("%s/%s", session->name, name);
	if (g_hash_table_size(session->channels) >= PEER_MOST_CHANNELS || !bp_channel_check_name(full, NULL) ||
	    g_hash_table_contains(net->imported, full))
		return NULL;
	imported = g_new0(PeerImported, 1);
	imported->session = session;
	imported->theirs = g_strdup(name);
	imported->full = g_steal_pointer(&full);
	imported->is_reply = is_reply;
	/* Before the channel appears to glob watches: it must not be exported again. */
	g_hash_table_insert(net->imported, imported->full, imported);
	g_hash_table_insert(session->channels, imported->theirs, imported);
	imported->channel = bp_channel(net->self, imported->full);
	imported->watch = bp_channel_watch(net->self, imported->channel, on_said_here, imported, NULL);
	if (is_reply)
		g_queue_push_tail(&session->answer_order, imported);
	while (session->answer_order.length > PEER_MOST_REPLIES) {
		PeerImported *oldest = g_queue_pop_head(&session->answer_order);

		if (oldest->is_reply)
			g_hash_table_remove(session->channels, oldest->theirs);
	}
	return imported;
}

static void foreign_free(PeerNet *net, PeerForeign *foreign)
{
	if (g_hash_table_lookup(net->seen, &foreign->host) == foreign)
		g_hash_table_remove(net->seen, &foreign->host);
	g_hash_table_remove(net->foreign, foreign->origin);
	g_ref_string_release(foreign->origin);
	g_free(foreign);
}

void peer_foreign_forget(PeerNet *net, const PeerSession *session)
{
	for (GList *at = net->recent.head, *next; at; at = next) {
		PeerForeign *foreign = at->data;

		next = at->next;
		if (session && foreign->session != session)
			continue;
		g_queue_delete_link(&net->recent, at);
		foreign_free(net, foreign);
	}
}

/* An origin by which the message is known again; borrowed. */
static char *foreign_origin(PeerSession *session, const BpChannel *channel, const ChannelFrame *said)
{
	g_autofree char *text = NULL, *valid = NULL;
	PeerNet *net = session->net;
	PeerForeign *foreign = g_new0(PeerForeign, 1);

	text = said->origin_size ? g_strdup_printf("%s/%.*s", session->name, (int)said->origin_size, said->origin)
				 : g_strdup(session->name);
	valid = g_utf8_make_valid(text, -1);
	*foreign = (PeerForeign){ .session = session,
				  .origin = g_ref_string_new(valid),
				  .channel = bp_channel_number(channel),
				  .crossings = said->crossings,
				  .host = said->host,
				  .number = said->number };
	g_hash_table_insert(net->foreign, foreign->origin, foreign);
	if (foreign->host && !g_hash_table_contains(net->seen, &foreign->host))
		g_hash_table_insert(net->seen, &foreign->host, foreign);
	g_queue_push_tail(&net->recent, foreign);
	if (net->recent.length > MOST_RECENT)
		foreign_free(net, g_queue_pop_head(&net->recent));
	return foreign->origin;
}

/* A message of this host that comes back, or one that has come from another host already: so in a ring of hosts each gets it once. */
static gboolean is_known(const PeerSession *session, const ChannelFrame *said)
{
	const PeerForeign *foreign = g_hash_table_lookup(session->net->seen, &said->host);

	return said->host == session->net->tag || (foreign && foreign->session != session);
}

static void say(PeerSession *session, BpChannel *channel, const ChannelFrame *said, BpChannel *reply)
{
	BpMessage *message = bp_message_new(said->data, said->size, said->flags & (BP_TEXT | BP_FLUSH_LEFT));

	bp_message_set_time(message, said->time);
	bp_message_set_origin(message, foreign_origin(session, channel, said));
	if (reply)
		bp_message_set_reply_channel(message, reply);
	bp_channel_send_take(channel, message);
}

static void note_missed(PeerSession *session, guint64 count)
{
	g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT " messages of %s were missed", count,
						session->name);

	session->missed += count;
	peer_net_event(session->net, "missed", session->link, text);
}

static void on_channel_said(PeerSession *session, const ChannelFrame *said)
{
	g_autofree char *name = g_strndup(said->channel, said->channel_size);
	g_autofree char *reply = said->reply_size ? g_strndup(said->reply, said->reply_size) : NULL;
	PeerImported *imported, *answer;

	if (said->sequence <= session->have)
		return;
	if (said->sequence > session->have + 1)
		note_missed(session, said->sequence - session->have - 1);
	session->have = said->sequence;
	session->in++;
	session->net->in++;
	if (!peer_is_wanted(session, name) || is_known(session, said))
		return;
	imported = import_channel(session, name, FALSE);
	if (!imported) {
		peer_count_drops(session, 1);
		return;
	}
	answer = reply ? import_channel(session, reply, TRUE) : NULL;
	say(session, imported->channel, said, answer ? answer->channel : NULL);
}

/* The other host sends on a channel of this host. */
static void on_send_said(PeerSession *session, const ChannelFrame *said)
{
	g_autofree char *name = g_strndup(said->channel, said->channel_size);
	g_autoptr(BpChannel) channel = NULL;

	if (!peer_delivery_take(session, said->sequence))
		return;
	if (peer_is_exported(session->net, name) || g_hash_table_contains(session->replies, name))
		channel = bp_channel_find(name);
	if (!channel) {
		peer_count_drops(session, 1);
		return;
	}
	say(session, channel, said, NULL);
}

void peer_channels_said(PeerLink *link, FrameKind kind, const ChannelFrame *said)
{
	if (!link->session)
		return;
	if (kind == FRAME_CHANNEL)
		on_channel_said(link->session, said);
	else
		on_send_said(link->session, said);
}

void peer_subscribe(PeerSession *session)
{
	json_t *globs = json_array();

	for (guint i = 0; i < session->net->imports->len; i++) {
		const PeerImport *import = session->net->imports->pdata[i];

		if (strcmp(import->host, session->name) == 0 || strcmp(import->host, session->id) == 0)
			json_array_append_new(globs, json_string(import->glob));
	}
	peer_link_control(session->link,
			  json_pack("{s:s,s:o,s:I,s:I,s:I,s:I,s:I}", "type", "subscribe", "globs", globs, "epoch",
				    (json_int_t)session->their_epoch, "have", (json_int_t)session->have, "stream",
				    (json_int_t)session->epoch, "got_of", (json_int_t)session->stream, "got",
				    (json_int_t)session->got));
}

void peer_read_names(PeerSession *session, const json_t *list, gboolean gone)
{
	size_t at;
	json_t *item;

	json_array_foreach((json_t *)list, at, item)
	{
		const char *name = json_string_value(item);
		PeerImported *imported;

		if (!name || !*name || strlen(name) > 255)
			continue;
		if (!gone && peer_is_wanted(session, name))
			import_channel(session, name, FALSE);
		imported = gone ? g_hash_table_lookup(session->channels, name) : NULL;
		if (imported && !imported->is_reply)
			g_hash_table_remove(session->channels, name);
	}
}

void peer_on_subscribed(PeerSession *session, const json_t *message)
{
	guint64 epoch = (guint64)json_integer_value(json_object_get(message, "epoch"));
	guint64 missed = (guint64)MAX(json_integer_value(json_object_get(message, "missed")), 0);

	if (json_is_true(json_object_get(message, "resumed")) && epoch == session->their_epoch) {
		if (missed)
			note_missed(session, missed);
		session->have += missed;
	} else {
		if (session->their_epoch != NO_EPOCH)
			peer_net_event(session->net, "missed", session->link,
				       "the host began anew: what was said meanwhile is not known");
		session->have = (guint64)json_integer_value(json_object_get(message, "sequence"));
	}
	session->their_epoch = epoch;
	session->level = TRUE;
	peer_read_names(session, json_object_get(message, "channels"), FALSE);
}

void peer_on_level(PeerSession *session, guint64 sequence)
{
	if (!session->level || sequence <= session->have)
		return;
	note_missed(session, sequence - session->have);
	session->have = sequence;
}
