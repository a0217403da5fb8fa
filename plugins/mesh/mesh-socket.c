/* SPDX-License-Identifier: MIT */
/* mesh-socket.c - the command port: clients that ask once, and clients that listen.
 *
 * A connection that sends the handshake is acknowledged and gets the messages of the root from then on, as many connections
 * as do so. Every other one sends one request, gets one reply and is closed. A request has no end mark: it is over when
 * its layout shows that nothing can follow, when nothing came for `gap`, or when the client has ended its half; then it
 * is executed whole. The beginning of a handshake waits longer. One that is too long is refused, and no part of it is
 * relayed.
 *
 * Pushes have no marks between them either, and old clients take what one read gives as one message. So each goes
 * out in a turn of its own, `push_spacing` after the one before. A listener that does not keep up loses the oldest.
 * The handshake with a byte 1 at its end asks for a length of two bytes before each instead.
 */
#include <string.h>
#include "mesh-gateway.h"

typedef enum { PEER_READING, PEER_WAITING, PEER_LISTENING, PEER_DONE } PeerState;

struct MeshPeer {
	MeshPeer *prev, *next;
	MeshGateway *gateway;
	BpStream *stream;
	PeerState state;
	gboolean framed, told;
	GByteArray *request;
	BpTimer *timer; /* of the stream's scope, for what comes next: the gap, the handshake, a push, an error text */
	guint16 target; /* PEER_WAITING */
	GQueue pushes;	/* BpMessage */
	gint64 pushed;	/* when the last one went out */
	guint64 drops;
};

static void peer_free(MeshPeer *peer)
{
	MeshGateway *gateway = peer->gateway;

	*(peer->prev ? &peer->prev->next : &gateway->first) = peer->next;
	*(peer->next ? &peer->next->prev : &gateway->last) = peer->prev;
	if (peer->state == PEER_WAITING)
		g_queue_remove(&gateway->unanswered, peer);
	g_queue_clear_full(&peer->pushes, (GDestroyNotify)bp_message_unref);
	g_byte_array_unref(peer->request);
	g_free(peer);
}

static void set_timer(MeshPeer *peer, gint64 interval, BpFunc func)
{
	if (peer->timer)
		bp_timer_remove(peer->timer);
	bp_timer_once(&peer->timer, bp_stream_scope(peer->stream), interval, func, peer);
}

static void stop_timer(MeshPeer *peer)
{
	g_clear_pointer(&peer->timer, bp_timer_remove);
}

/* --- requests --- */

static void answer(MeshPeer *peer, const GByteArray *reply)
{
	stop_timer(peer);
	peer->state = PEER_DONE;
	bp_stream_write(peer->stream, reply->data, reply->len);
	bp_stream_close(peer->stream);
}

static void refuse(MeshPeer *peer, const char *text)
{
	g_autoptr(GByteArray) reply = g_byte_array_new();

	mesh_reply_failure(reply, text);
	peer->gateway->counts.failures++;
	answer(peer, reply);
}

static void on_no_objection(BpPlugin *self, gpointer data)
{
	MeshPeer *peer = data;
	g_autoptr(GByteArray) reply = g_byte_array_new();

	g_queue_remove(&peer->gateway->unanswered, peer);
	mesh_reply_begin(reply);
	answer(peer, reply);
}

static void execute(MeshPeer *peer)
{
	MeshGateway *gateway = peer->gateway;
	g_autoptr(GByteArray) reply = NULL;
	gboolean wait;

	stop_timer(peer);
	if (gateway->set.need_listener && !gateway->listeners) {
		peer->state = PEER_DONE;
		gateway->counts.failures++;
		bp_stream_write(peer->stream, MESH_NO_LISTENER, strlen(MESH_NO_LISTENER));
		bp_stream_close(peer->stream);
		return;
	}
	reply = g_byte_array_new();
	mesh_request_run(gateway, peer->request->data, peer->request->len, reply, &wait, &peer->target);
	if (!wait || !gateway->set.error_wait) {
		answer(peer, reply);
		return;
	}
	peer->state = PEER_WAITING;
	g_queue_push_tail(&gateway->unanswered, peer);
	set_timer(peer, gateway->set.error_wait, on_no_objection);
}

void mesh_socket_fail(MeshGateway *gateway, guint16 target, const guint8 *text, gsize size)
{
	MeshPeer *found = NULL;
	g_autofree char *line = NULL;

	for (GList *at = gateway->unanswered.head; at && !found; at = at->next) {
		MeshPeer *peer = at->data;

		if (peer->target == target || !target)
			found = peer;
	}
	if (!found)
		return;
	g_queue_remove(&gateway->unanswered, found);
	line = g_utf8_make_valid((const char *)text, (gssize)MIN(size, 255));
	refuse(found, g_strstrip(line));
}

static void on_gap(BpPlugin *self, gpointer data)
{
	MeshPeer *peer = data;

	if (peer->request->len)
		execute(peer);
	else
		bp_stream_close(peer->stream); /* it never sent a request */
}

/* --- listeners --- */

static void count_listeners(MeshGateway *gateway, gint change)
{
	gboolean before = gateway->listeners > 0;

	gateway->listeners += (guint)change;
	if (gateway->pages && before != (gateway->listeners > 0))
		mesh_pages_connection(gateway->pages);
}

static void begin_listening(MeshPeer *peer, gboolean framed)
{
	const char *answers[] = { "[ack]\0", "[ack]\1" };

	stop_timer(peer);
	peer->state = PEER_LISTENING;
	peer->framed = framed;
	g_byte_array_set_size(peer->request, 0);
	peer->gateway->counts.listeners++;
	bp_stream_write(peer->stream, answers[framed], MESH_HANDSHAKE_SIZE);
	peer->pushed = bp_loop_now();
	mesh_gateway_log(peer->gateway, "client %s listens", bp_stream_peer(peer->stream));
	count_listeners(peer->gateway, 1);
}

static void push_now(MeshPeer *peer, BpMessage *message)
{
	peer->pushed = bp_loop_now();
	bp_stream_send(peer->stream, message);
}

static void on_push(BpPlugin *self, gpointer data)
{
	MeshPeer *peer = data;
	g_autoptr(BpMessage) message = g_queue_pop_head(&peer->pushes);

	if (message)
		push_now(peer, message);
	if (peer->pushes.length)
		set_timer(peer, peer->gateway->set.push_spacing, on_push);
	else
		peer->told = FALSE;
}

static void push_framed(MeshPeer *peer, BpMessage *message)
{
	gsize size = MIN(bp_message_size(message), G_MAXUINT16);
	guint8 length[2] = { (guint8)(size >> 8), (guint8)size };

	bp_stream_write(peer->stream, length, sizeof(length));
	if (size == bp_message_size(message))
		bp_stream_send(peer->stream, message);
	else
		bp_stream_write(peer->stream, bp_message_data(message), size);
}

static void push_spaced(MeshPeer *peer, BpMessage *message)
{
	MeshGateway *gateway = peer->gateway;
	gint64 since = bp_loop_now() - peer->pushed;

	if (!peer->timer && since >= gateway->set.push_spacing) {
		push_now(peer, message);
		return;
	}
	if (peer->pushes.length >= gateway->set.push_queue) {
		bp_message_unref(g_queue_pop_head(&peer->pushes));
		peer->drops++;
		gateway->counts.push_drops++;
		if (!peer->told)
			bp_channel_printf(bp_server_events(gateway->server), "Listener %s loses its oldest messages.",
					  bp_stream_peer(peer->stream));
		peer->told = TRUE;
	}
	g_queue_push_tail(&peer->pushes, bp_message_ref(message));
	if (!peer->timer)
		set_timer(peer, gateway->set.push_spacing - since, on_push);
}

void mesh_socket_push(MeshGateway *gateway, BpMessage *message)
{
	for (MeshPeer *peer = gateway->first; peer; peer = peer->next) {
		if (peer->state != PEER_LISTENING || bp_stream_is_closing(peer->stream))
			continue;
		if (peer->framed)
			push_framed(peer, message);
		else if (gateway->set.push_spacing)
			push_spaced(peer, message);
		else
			bp_stream_send(peer->stream, message);
	}
}

/* --- the stream --- */

/* SEND- has no end mark; of one to a known node the whole is expected at once. */
static gint64 gap_of(const MeshPeer *peer)
{
	const MeshSettings *set = &peer->gateway->set;
	const guint8 *data = peer->request->data;

	if (peer->request->len <= MESH_COMMAND + 2 || memcmp(data, "SEND-", MESH_COMMAND) != 0 ||
	    !mesh_nodes_find(&peer->gateway->nodes, (guint16)(data[5] << 8 | data[6])))
		return set->gap;
	return MIN(set->gap, set->known_gap);
}

static void on_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	MeshPeer *peer = user;
	MeshSettings *set = &peer->gateway->set;

	if (peer->state != PEER_READING)
		return;
	if (peer->request->len + size > set->request_limit) {
		refuse(peer, "Request Too Long");
		return;
	}
	g_byte_array_append(peer->request, data, (guint)size);
	switch (mesh_command_part(peer->request->data, peer->request->len, &peer->gateway->types)) {
	case MESH_MORE:
		break; /* the timer of the handshake goes on */
	case MESH_MAYBE:
		set_timer(peer, gap_of(peer), on_gap);
		break;
	case MESH_WHOLE:
		execute(peer);
		break;
	case MESH_LISTEN:
		begin_listening(peer, FALSE);
		break;
	case MESH_LISTEN_FRAMED:
		begin_listening(peer, TRUE);
		break;
	}
}

static void on_end(BpPlugin *self, BpStream *stream, gpointer user)
{
	MeshPeer *peer = user;

	if (peer->state == PEER_READING && peer->request->len)
		execute(peer);
	else if (peer->state == PEER_READING || peer->state == PEER_LISTENING)
		bp_stream_close(stream);
}

static void on_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	MeshPeer *peer = user;
	MeshGateway *gateway = peer->gateway;
	gboolean listening = peer->state == PEER_LISTENING;

	peer_free(peer);
	if (!listening)
		return;
	mesh_gateway_log(gateway, "client %s listens no more", bp_stream_peer(stream));
	count_listeners(gateway, -1);
}

static const BpStreamEvents stream_events = {
	.size = sizeof(stream_events), .data = on_data, .end = on_end, .closed = on_closed
};

static void on_accept(BpPlugin *self, BpServer *server, BpStream *stream, gpointer user)
{
	MeshGateway *gateway = user;
	MeshPeer *peer = g_new0(MeshPeer, 1);

	peer->gateway = gateway;
	peer->stream = stream;
	peer->request = g_byte_array_new();
	peer->prev = gateway->last;
	*(gateway->last ? &gateway->last->next : &gateway->first) = peer;
	gateway->last = peer;
	bp_stream_set_user(stream, &stream_events, peer);
	set_timer(peer, gateway->set.handshake_timeout, on_gap);
}

static const BpServerEvents server_events = { .size = sizeof(server_events), .accept = on_accept };

gboolean mesh_socket_open(MeshGateway *gateway, GError **error)
{
	gateway->server = bp_server_open(gateway->self, NULL, "server-mesh-%u", &server_events, gateway, error);
	return gateway->server != NULL;
}

/* Streams are closed in order, so that their queues are still sent. */
void mesh_socket_close(MeshGateway *gateway)
{
	gateway->listeners = 0;
	while (gateway->first) {
		MeshPeer *peer = gateway->first;
		BpStream *stream = peer->stream;

		for (BpMessage *message; (message = g_queue_pop_head(&peer->pushes)); bp_message_unref(message))
			bp_stream_send(stream, message);
		bp_stream_set_user(stream, NULL, NULL);
		bp_stream_close(stream);
		peer_free(peer);
	}
}
