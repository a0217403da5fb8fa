/* SPDX-License-Identifier: MIT */
/* peer-link.c - one connection to another host: handshake, frames or lines, heartbeats, the tie.
 *
 * A pair of hosts keeps one connection: of two in opposite directions the one that the host with the lower id made, of
 * two in the same direction the newer one, since who made it knows that the older one is lost. Nothing is closed
 * for a host that has not proven itself.
 */
#include <string.h>
#include "peer.h"
#include "python-json.h"

#define CONNECT_TIME (5 * G_USEC_PER_SEC)
#define HANDSHAKE_TIME (5 * G_USEC_PER_SEC)
#define HANDSHAKE_LIMIT (64 * 1024)
#define DEAD_AFTER 3 /* heartbeats */
#define MOST_LINES 65536

static const BpStreamEvents link_events;

gboolean peer_link_is_up(const PeerLink *link)
{
	return !link->ending && (link->state == LINK_UP || link->state == LINK_ORIGINAL);
}

static PeerLink *link_new(PeerNet *net, gboolean initiator)
{
	EndpointServer *server = net->server;
	HandshakeSelf who = { server->id, server->name, server->project, server->hash, net->secret };
	PeerLink *link = g_new0(PeerLink, 1);

	link->net = net;
	link->handshake = handshake_new(&who, initiator);
	link->begun = link->heard = link->said = g_get_monotonic_time();
	link->place.data = link;
	json_line_init(&link->input, HANDSHAKE_LIMIT);
	g_queue_push_tail_link(&net->links, &link->place);
	return link;
}

void peer_link_free(PeerLink *link)
{
	if (link->target)
		link->target->link = NULL;
	if (link->session)
		peer_channels_down(link);
	g_queue_unlink(&link->net->links, &link->place);
	g_queue_clear_full(&link->waiting, g_free);
	json_line_clear(&link->input);
	handshake_free(link->handshake);
	g_clear_pointer(&link->origin, g_ref_string_release);
	g_free(link->id);
	g_free(link->name);
	g_free(link);
}

/* --- sending --- */

static void send_line(PeerLink *link, json_t *message)
{
	g_autofree char *text = python_json_text(message);
	g_autofree char *line = g_strconcat(text, "\n", NULL);

	link->said = g_get_monotonic_time();
	bp_stream_write(link->stream, line, strlen(line));
}

gboolean peer_link_has_room(const PeerLink *link)
{
	return bp_stream_queued(link->stream) <= link->net->backlog;
}

void peer_link_send(PeerLink *link, BpMessage *frame)
{
	if (link->state != LINK_UP || link->ending)
		return;
	link->said = g_get_monotonic_time();
	bp_stream_send(link->stream, frame);
}

static void send_beat(PeerLink *link, const char *kind)
{
	guint64 sequence;
	g_autoptr(BpMessage) frame = peer_channels_level(link, &sequence)
					     ? frame_number_new(FRAME_BEAT, kind, 1, sequence)
					     : frame_new(FRAME_BEAT, kind, 1);

	bp_stream_send(link->stream, frame);
}

void peer_link_control(PeerLink *link, json_t *take_message)
{
	g_autofree char *text = bp_json_text(take_message);
	g_autoptr(BpMessage) frame = frame_new(FRAME_CONTROL, text, strlen(text));

	json_decref(take_message);
	if (link->state == LINK_UP && !link->ending)
		bp_stream_send(link->stream, frame);
}

static void say_next(PeerLink *link)
{
	g_autofree char *line = link->asked || !link->waiting.length ? NULL : g_queue_pop_head(&link->waiting);

	if (!line)
		return;
	link->asked = TRUE;
	link->said = g_get_monotonic_time();
	bp_stream_write(link->stream, line, strlen(line));
}

/* One write, the line end last; the next one goes when it has been answered. */
gboolean peer_link_say(PeerLink *link, const char *text, gsize size)
{
	g_autofree char *whole = g_strndup(text, size);
	json_t *value;

	if (link->waiting.length >= MOST_LINES) {
		link->drops++;
		link->net->drops++;
		return FALSE;
	}
	value = memchr(text, '\n', size) ? bp_json_parse(text, size, 0, NULL) : NULL;
	if (value) {
		g_free(whole);
		whole = python_json_text(value);
		json_decref(value);
	}
	link->out++;
	link->net->out++;
	g_queue_push_tail(&link->waiting, g_strconcat(whole, "\n", NULL));
	say_next(link);
	return TRUE;
}

/* --- ending --- */

static void on_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	PeerLink *link = user;
	PeerNet *net = link->net;
	PeerTarget *target = link->target;
	gboolean up = link->state == LINK_UP || link->state == LINK_ORIGINAL;

	link->ending = TRUE;
	if (up)
		peer_net_event(net, "down", link, why ? why->message : "the other side ended it");
	link->target = NULL;
	peer_link_free(link);
	if (target)
		peer_target_failed(target, why ? why->message : "the connection was closed", FALSE);
	else
		peer_net_look(net);
}

/* The stream sends its queue and closes without notifying the link, which the caller frees. */
static void let_go(PeerLink *link)
{
	link->ending = TRUE;
	bp_stream_set_user(link->stream, NULL, NULL);
	bp_stream_close(link->stream);
}

/* `quiet`: nothing went wrong, its host is connected otherwise. Frees it. */
static void drop(PeerLink *link, const char *why, gboolean quiet)
{
	PeerTarget *target = link->target;

	let_go(link);
	link->target = NULL;
	peer_link_free(link);
	if (target)
		peer_target_failed(target, why, quiet);
}

void peer_link_end(PeerLink *link, const char *why)
{
	if (link->state == LINK_UP)
		peer_link_control(link, json_pack("{s:s,s:s}", "type", "goodbye", "why", why));
	if (peer_link_is_up(link))
		peer_net_event(link->net, "down", link, why);
	let_go(link);
}

/* --- up --- */

/* A host that lost its state has another id under its old name. Its old connection, of which nothing is received any more, ends. */
static void supersede(PeerLink *link)
{
	PeerLink *other = peer_link_named_alike(link, link->handshake->name);

	if (!other || link->begun - other->heard <= link->net->heartbeat * 3 / 2)
		return;
	peer_net_event(link->net, "down", other, "its host has connected under another id");
	drop(other, "its host has connected under another id", TRUE);
}

/* TRUE: `mine` is to be kept of the two. */
static gboolean is_better(PeerLink *mine, const PeerLink *other)
{
	gboolean lower_is_us = strcmp(mine->net->server->id, mine->id) < 0;

	if (mine->handshake->initiator == other->handshake->initiator)
		return TRUE; /* the newer one */
	return mine->handshake->initiator == lower_is_us;
}

/* FALSE: the link was freed, since another one is kept. */
static gboolean settle_tie(PeerLink *link)
{
	for (GList *at = link->net->links.head, *next; at; at = next) {
		PeerLink *other = at->data;

		next = at->next;
		if (other == link || !peer_link_is_up(other) || strcmp(other->id, link->id) != 0)
			continue;
		if (!is_better(link, other)) {
			drop(link, "its host is connected already", TRUE);
			return FALSE;
		}
		if (other->state == LINK_UP)
			peer_link_control(
				other, json_pack("{s:s,s:s}", "type", "goodbye", "why", "another connection is kept"));
		drop(other, "another connection is kept", TRUE);
	}
	return TRUE;
}

/* The answer of an original to a handshake does not identify it, that to `info` does: so one that connected to this host too is known to be
 * the same. */
static void ask_original(PeerLink *link)
{
	g_queue_push_head(&link->waiting, g_strdup("{\"request\": \"info\"}\n"));
	say_next(link);
}

static void introduce(PeerLink *link, const char *line, gsize size)
{
	json_t *reply = bp_json_parse_object(line, size, HANDSHAKE_LIMIT, NULL);
	const json_t *data = json_object_get(reply, "data");
	const char *id = json_string_value(json_object_get(data, "server_id"));
	const char *name = json_string_value(json_object_get(data, "server_name"));

	link->introduced = TRUE;
	if (id && *id && strlen(id) < 256) {
		g_free(link->id);
		link->id = g_strdup(id);
	}
	if (name && *name && strlen(name) < 256) {
		g_free(link->handshake->name);
		link->handshake->name = g_strdup(name);
		g_clear_pointer(&link->name, g_free);
		g_clear_pointer(&link->origin, g_ref_string_release);
		peer_link_name(link);
	}
	json_decref(reply);
}

static gboolean link_up(PeerLink *link, PeerLinkState state)
{
	PeerNet *net = link->net;

	g_free(link->id);
	link->id = g_strdup(link->handshake->id);
	if (state == LINK_UP && !settle_tie(link))
		return FALSE;
	link->begun = link->heard = g_get_monotonic_time();
	if (state == LINK_UP)
		supersede(link);
	peer_link_name(link);
	link->state = state;
	link->input.limit = PEER_MOST_FRAME;
	bp_stream_set_backlog(link->stream, 2 * net->backlog + PEER_MOST_FRAME, BP_BACKLOG_CLOSE);
	if (link->target) {
		link->target->failures = 0;
		bp_backoff_reset(link->target->again);
		g_free(link->target->id);
		link->target->id = g_strdup(link->id);
	}
	peer_net_event(net, "up", link, NULL);
	peer_net_look(net);
	if (state == LINK_UP)
		peer_channels_up(link);
	else
		ask_original(link);
	return TRUE;
}

/* --- handshake --- */

/* The refusal of a second connection between the same hosts. */
static gboolean is_duplicate(PeerLink *link, const json_t *message)
{
	const char *type = json_string_value(json_object_get(message, "type"));
	const char *id = json_string_value(json_object_get(message, "node_id"));

	if (!type || strcmp(type, "peer_duplicate") != 0)
		return FALSE;
	if (link->target && id && strlen(id) < 256) {
		g_free(link->target->id);
		link->target->id = g_strdup(id);
	}
	return TRUE;
}

/* They want a second connection while ours, which is kept, stands. */
static gboolean would_lose(PeerLink *link)
{
	PeerLink *other = link->handshake->initiator ? NULL : peer_net_find(link->net, link->handshake->id);

	return other && other != link && other->state == LINK_UP && other->handshake->initiator &&
	       strcmp(link->net->server->id, link->handshake->id) < 0;
}

/* FALSE: the link was freed. */
static gboolean shake(PeerLink *link, const json_t *message)
{
	g_autoptr(GError) error = NULL;
	json_t *answer = NULL;
	HandshakeState state;

	if (is_duplicate(link, message)) {
		drop(link, "its host is connected already", TRUE);
		return FALSE;
	}
	state = handshake_receive(link->handshake, message, &answer, &error);
	if (state == HANDSHAKE_GOES_ON && would_lose(link)) {
		json_decref(answer);
		answer = json_pack("{s:s,s:s,s:s,s:s}", "status", "error", "message",
				   "Peer refused: there is a connection already", "type", "peer_duplicate", "node_id",
				   link->net->server->id);
		send_line(link, answer);
		json_decref(answer);
		drop(link, "its host is connected already", TRUE);
		return FALSE;
	}
	if (answer) {
		send_line(link, answer);
		json_decref(answer);
	}
	if (state == HANDSHAKE_REFUSED) {
		link->net->refused++;
		peer_net_event(link->net, "refused", NULL, error->message);
		drop(link, error->message, FALSE);
		return FALSE;
	}
	if (state == HANDSHAKE_DONE)
		return link_up(link, LINK_UP);
	if (state == HANDSHAKE_ORIGINAL) {
		if (!link->handshake->id) {
			link->handshake->id = g_strdup(link->target && link->target->id ? link->target->id
											: bp_stream_peer(link->stream));
			link->handshake->name = g_strdup(link->target ? link->target->host : link->handshake->id);
		}
		return link_up(link, LINK_ORIGINAL);
	}
	return TRUE;
}

/* --- receiving --- */

static void receive_control(PeerLink *link, const guint8 *body, gsize size)
{
	json_t *message = bp_json_parse_object((const char *)body, size, PEER_MOST_FRAME, NULL);

	if (message)
		peer_channels_control(link, message);
	json_decref(message);
}

/* FALSE: the frame makes no sense. */
static gboolean receive_frame(PeerLink *link, FrameKind kind, const guint8 *body, gsize size)
{
	ChannelFrame said;
	guint64 number;

	switch (kind) {
	case FRAME_CONTROL:
		receive_control(link, body, size);
		return TRUE;
	case FRAME_MESSAGE:
		if (!frame_number(body, size, 0, &number))
			return FALSE;
		if (peer_channels_take(link, number))
			peer_net_said(link->net, link->origin, (const char *)body + 8, size - 8);
		return TRUE;
	case FRAME_ACK:
		if (!frame_number(body, size, 0, &number))
			return FALSE;
		peer_channels_number(link, kind, number);
		return TRUE;
	case FRAME_CHANNEL:
	case FRAME_SEND:
		if (!frame_said_read(&said, body, size))
			return FALSE;
		peer_channels_said(link, kind, &said);
		return TRUE;
	case FRAME_BEAT:
		if (frame_number(body, size, 1, &number))
			peer_channels_number(link, kind, number);
		if (size && *body == 'q')
			send_beat(link, "a");
		return TRUE;
	}
	return FALSE;
}

static void fail(PeerLink *link, const char *why)
{
	g_autoptr(GError) error = g_error_new_literal(BP_IO_ERROR, BP_INVALID, why);

	link->ending = TRUE;
	bp_stream_abort(link->stream, error);
}

static void receive_frames(PeerLink *link)
{
	FrameResult result = FRAME_NONE;
	const guint8 *body;
	FrameKind kind;
	gsize size;

	while (!link->ending &&
	       (result = frame_next(&link->input, PEER_MOST_FRAME, &kind, &body, &size)) == FRAME_TAKEN) {
		if (!receive_frame(link, kind, body, size)) {
			fail(link, "it sent a frame that makes no sense");
			return;
		}
	}
	if (result == FRAME_BROKEN && !link->ending)
		fail(link, "it sent a frame that makes no sense");
	else if (!link->ending)
		peer_channels_batch(link);
}

/* Lines while hands are shaken, and of an original for ever. */
static void receive(PeerLink *link)
{
	JsonLineResult result;
	char *line;
	gsize size;

	while (!link->ending && link->state != LINK_UP) {
		json_t *message;
		gboolean there = TRUE;

		result = json_line_next(&link->input, &line, &size);
		if (result == JSON_LINE_TOO_LONG)
			fail(link, "it sent a line that is too long");
		if (result != JSON_LINE_TAKEN)
			return;
		if (link->state == LINK_ORIGINAL) {
			link->in++;
			link->asked = FALSE;
			if (!link->introduced)
				introduce(link, line, size);
			say_next(link);
			continue;
		}
		message = bp_json_parse_object(line, size, 0, NULL);
		if (message)
			there = shake(link, message);
		else
			fail(link, "it does not answer as a peer");
		json_decref(message);
		if (!there)
			return;
	}
	if (!link->ending)
		receive_frames(link);
}

static void on_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	PeerLink *link = user;

	link->heard = g_get_monotonic_time();
	if (link->ending)
		return;
	json_line_add(&link->input, data, size);
	receive(link);
}

/* A secret is proven for this connection only. FALSE: it could be proven for any, so the link fails. */
static gboolean bind_link(PeerLink *link)
{
	guint8 binding[32];

	if (!*bp_stream_tls(link->stream))
		return TRUE;
	if (bp_stream_tls_binding(link->stream, binding)) {
		handshake_bind(link->handshake, binding, sizeof(binding));
		return TRUE;
	}
	if (!link->net->secret || !*link->net->secret)
		return TRUE;
	fail(link, "its TLS is too old to prove the project's secret over it: both sides need TLS 1.3");
	return FALSE;
}

static void on_ready(BpPlugin *self, BpStream *stream, gpointer user)
{
	PeerLink *link = user;
	json_t *offer;

	link->state = LINK_SHAKING;
	link->begun = g_get_monotonic_time();
	if (!bind_link(link))
		return;
	offer = handshake_offer(link->handshake);
	send_line(link, offer);
	json_decref(offer);
}

static const BpStreamEvents link_events = {
	.size = sizeof(link_events), .data = on_data, .closed = on_closed, .ready = on_ready
};

/* --- beginning --- */

void peer_link_accept(PeerNet *net, BpStream *stream, JsonLine take_input, const json_t *offer)
{
	PeerLink *link = link_new(net, FALSE);

	link->stream = stream;
	link->state = LINK_SHAKING;
	take_input.limit = HANDSHAKE_LIMIT;
	link->input = take_input;
	bp_stream_set_user(stream, &link_events, link);
	bp_stream_set_reading(stream, TRUE);
	if (bind_link(link) && shake(link, offer))
		receive(link);
}

PeerLink *peer_link_connect(PeerTarget *target)
{
	PeerNet *net = target->net;
	PeerLink *link = link_new(net, TRUE);

	link->target = target;
	link->id = g_strdup(target->id);
	link->stream = bp_stream_connect(net->self, &target->address, CONNECT_TIME, net->tls_name, &link_events, link);
	if (link->stream)
		return link;
	link->target = NULL;
	peer_link_free(link);
	return NULL;
}

/* Each second, or each heartbeat. */
void peer_link_tick(PeerLink *link)
{
	gint64 now = g_get_monotonic_time(), beat = link->net->heartbeat;

	if (link->ending)
		return;
	if (link->state == LINK_SHAKING && now - link->begun > HANDSHAKE_TIME) {
		fail(link, "it did not finish the handshake");
	} else if (link->state == LINK_UP && now - link->heard > DEAD_AFTER * beat) {
		fail(link, "it gave no sign of life");
	} else if (link->state == LINK_UP && link->renamed && !peer_link_named_alike(link, link->handshake->name)) {
		fail(link, "its own name is free now: it connects again under it");
	} else if (link->state == LINK_UP && now - link->said >= beat) {
		link->said = now;
		send_beat(link, "q");
	} else if (link->state == LINK_ORIGINAL && link->asked && now - link->said > CONNECT_TIME) {
		fail(link, "it did not answer");
	} else if (link->state == LINK_ORIGINAL && !link->asked && now - link->said >= beat) {
		g_queue_push_tail(&link->waiting, g_strdup("{\"request\": \"ping\"}\n"));
		say_next(link);
	}
}
