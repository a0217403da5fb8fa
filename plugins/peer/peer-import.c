/* SPDX-License-Identifier: MIT */
/* peer-import.c - channels of another host, here.
 *
 * Each of its channels that matches an import exists here as HOST/NAME; what we say on that goes to it, to be said there. A
 * message that came has an origin text that only we made, and the table `foreign` knows it by its pointer: so it does not go back
 * to where it came from on the same channel, and its crossings are counted, which ends every circle.
 */
#include <string.h>
#include "peer-session.h"

#define MOST_ORIGINS 1024 /* distinguished per host */
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

void peer_foreign_free(gpointer data)
{
	PeerForeign *foreign = data;

	g_hash_table_remove(foreign->session->net->foreign, foreign->origin);
	g_ref_string_release(foreign->origin);
	g_free(foreign);
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

	if (!peer_describe(session, imported->channel, message, &said))
		return;
	said.channel = imported->theirs;
	said.channel_size = strlen(said.channel);
	if (session->link && session->link->state == LINK_UP) {
		frame = frame_said_new(FRAME_SEND, &said);
		if (peer_link_send(session->link, frame))
			session->out++;
		else
			session->drops++;
		return;
	}
	session->drops++;
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

/* An origin by which the message is known again; borrowed. */
static char *foreign_origin(PeerSession *session, const BpChannel *channel, const ChannelFrame *said)
{
	guint number = bp_channel_number(channel);
	gboolean many = g_hash_table_size(session->origins) >= MOST_ORIGINS;
	g_autofree char *key = many ? g_strdup_printf("%u %u", number, said->crossings)
				    : g_strdup_printf("%u %u %.*s", number, said->crossings, (int)said->origin_size,
						      said->origin);
	PeerForeign *foreign = g_hash_table_lookup(session->origins, key);

	if (!foreign) {
		g_autofree char *text = NULL, *valid = NULL;

		text = many || !said->origin_size
			       ? g_strdup(session->name)
			       : g_strdup_printf("%s/%.*s", session->name, (int)said->origin_size, said->origin);
		valid = g_utf8_make_valid(text, -1);
		foreign = g_new0(PeerForeign, 1);
		foreign->session = session;
		foreign->origin = g_ref_string_new(valid);
		foreign->channel = number;
		foreign->crossings = said->crossings;
		g_hash_table_insert(session->origins, g_steal_pointer(&key), foreign);
		g_hash_table_insert(session->net->foreign, foreign->origin, foreign);
	}
	return foreign->origin;
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
	if (!peer_is_wanted(session, name))
		return;
	imported = import_channel(session, name, FALSE);
	if (!imported) {
		session->drops++;
		return;
	}
	answer = reply ? import_channel(session, reply, TRUE) : NULL;
	say(session, imported->channel, said, answer ? answer->channel : NULL);
}

/* They say something on a channel of ours. */
static void on_send_said(PeerSession *session, const ChannelFrame *said)
{
	g_autofree char *name = g_strndup(said->channel, said->channel_size);
	g_autoptr(BpChannel) channel = NULL;

	if (peer_is_exported(session->net, name) || g_hash_table_contains(session->replies, name))
		channel = bp_channel_find(name);
	if (!channel) {
		session->drops++;
		return;
	}
	session->in++;
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
			  json_pack("{s:s,s:o,s:I,s:I}", "type", "subscribe", "globs", globs, "epoch",
				    (json_int_t)session->their_epoch, "have", (json_int_t)session->have));
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
	peer_read_names(session, json_object_get(message, "channels"), FALSE);
}
