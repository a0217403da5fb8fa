/* SPDX-License-Identifier: MIT */
/* peer-delivery.c - messages for another host that must arrive: those of `peer send` and `broadcast`, and those sent on its channels.
 *
 * They are numbered for each session and kept until the other host has acknowledged them, which it does once for each batch that it
 * receives. After a cut both sides tell up to which number they have received; what is missing is sent again, before anything new. A
 * host that began anew does not know what it has received: what was not acknowledged is counted as dropped and reported.
 */
#include "peer-session.h"

static guint64 first_kept(const PeerSession *session)
{
	return session->sent - session->unacked.length + 1;
}

static void remove_first(PeerSession *session)
{
	g_autoptr(BpMessage) frame = g_queue_pop_head(&session->unacked);

	session->unacked_bytes -= bp_message_size(frame);
}

void peer_delivery_acked(PeerSession *session, guint64 number)
{
	while (session->unacked.length && first_kept(session) <= number)
		remove_first(session);
}

/* Those up to `number` that were not acknowledged. */
static void lose(PeerSession *session, guint64 number)
{
	g_autofree char *text = NULL;
	guint64 count = 0;

	for (; session->unacked.length && first_kept(session) <= number; count++)
		remove_first(session);
	if (!count)
		return;
	session->out -= count;
	session->net->out -= count;
	peer_count_drops(session, count);
	text = g_strdup_printf("%" G_GUINT64_FORMAT " messages for %s were sent but not acknowledged", count,
			       session->name);
	peer_net_event(session->net, "not-sent", session->link, text);
}

void peer_delivery_clear(PeerSession *session)
{
	lose(session, session->sent);
}

gboolean peer_delivery_is_possible(const PeerSession *session)
{
	return session->link && session->link->state == LINK_UP && !session->link->ending;
}

gboolean peer_delivery_send(PeerSession *session, BpMessage *frame)
{
	if (!peer_delivery_is_possible(session) || session->unacked_bytes > session->net->backlog ||
	    !peer_link_has_room(session->link)) {
		peer_count_drops(session, 1);
		return FALSE;
	}
	session->sent++;
	session->out++;
	session->net->out++;
	g_queue_push_tail(&session->unacked, bp_message_ref(frame));
	session->unacked_bytes += bp_message_size(frame);
	if (session->open)
		peer_link_send(session->link, frame);
	return TRUE;
}

void peer_delivery_up(PeerSession *session)
{
	session->open = session->owes = FALSE;
	session->before = session->sent;
}

void peer_delivery_open(PeerSession *session, const json_t *message)
{
	guint64 stream = (guint64)json_integer_value(json_object_get(message, "stream"));
	guint64 got_of = (guint64)json_integer_value(json_object_get(message, "got_of"));
	guint64 got = (guint64)json_integer_value(json_object_get(message, "got"));

	if (stream != session->stream) {
		session->stream = stream;
		session->got = 0;
	}
	if (session->open)
		return;
	if (got_of == session->epoch)
		peer_delivery_acked(session, got);
	else
		lose(session, session->before);
	for (GList *at = session->unacked.head; at; at = at->next)
		peer_link_send(session->link, at->data);
	session->open = TRUE;
}

gboolean peer_delivery_take(PeerSession *session, guint64 number)
{
	session->owes = TRUE;
	if (number <= session->got)
		return FALSE;
	session->got = number;
	session->in++;
	session->net->in++;
	return TRUE;
}

void peer_delivery_acknowledge(PeerSession *session)
{
	g_autoptr(BpMessage) frame = NULL;

	if (!session->owes)
		return;
	session->owes = FALSE;
	frame = frame_number_new(FRAME_ACK, "", 0, session->got);
	peer_link_send(session->link, frame);
}
