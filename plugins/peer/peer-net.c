/* SPDX-License-Identifier: MIT */
/* peer-net.c - the peers of one server: targets, connections, broadcasts.
 *
 * Targets come from the parameter `connect`, the command, and discovery. A target whose host is connected already, in
 * whichever direction, waits. Pauses are those of backoff.h, from 0.5 s to 30 s. A host that was discovered is forgotten after FORGET
 * failures, since discovery will find it again.
 */
#include <string.h>
#include "peer-session.h"
#include "python-json.h"

#define FIRST_DELAY (500 * 1000)
#define LONGEST_DELAY (30 * G_USEC_PER_SEC)
#define COURTESY (2 * G_USEC_PER_SEC) /* the host with the lower id goes first */
#define LOOK_AGAIN (5 * G_USEC_PER_SEC)
#define FORGET 8
#define MOST_TARGETS 1024

static void try_target(PeerTarget *target);

/* --- targets --- */

static void on_again(BpPlugin *self, gpointer data)
{
	try_target(data);
}

static gboolean is_there(const PeerTarget *target)
{
	PeerLink *link = target->link ? target->link : target->id ? peer_net_find(target->net, target->id) : NULL;

	return link && peer_link_is_up(link);
}

void peer_net_look(PeerNet *net)
{
	const PeerTarget *missing = NULL, *failing = NULL;
	guint count = 0, there = 0;

	for (GList *at = net->targets.head; at; at = at->next) {
		const PeerTarget *target = at->data;

		if (!target->fixed)
			continue;
		count++;
		if (is_there(target))
			there++;
		else if (target->why && !failing)
			failing = target;
		else
			missing = target;
	}
	if (failing)
		bp_instance_set_state(net->self, BP_STATE_FAILED,
				      "%s:%u: %s; %u of %u hosts are connected, tried again", failing->host,
				      failing->port, failing->why, there, count);
	else if (missing)
		bp_instance_set_state(net->self, BP_STATE_WAITING, "connecting to %s:%u; %u of %u hosts are connected",
				      missing->host, missing->port, there, count);
	else
		bp_instance_set_state(net->self, BP_STATE_OK, "listening on %s%s",
				      bp_server_addresses(net->server->server),
				      count ? ", all hosts are connected" : "");
}

static PeerTarget *target_new(PeerNet *net, const char *host, guint port, const char *id)
{
	PeerTarget *target = g_new0(PeerTarget, 1);

	target->net = net;
	target->scope = bp_scope_open(net->self);
	target->host = g_strdup(host);
	target->port = port;
	target->id = g_strdup(id);
	target->again = bp_backoff_new(target->scope, FIRST_DELAY, LONGEST_DELAY, on_again, target);
	g_queue_push_tail(&net->targets, target);
	return target;
}

void peer_target_free(PeerTarget *target)
{
	g_queue_remove(&target->net->targets, target);
	bp_scope_close(target->scope);
	if (target->link)
		target->link->target = NULL;
	g_free(target->host);
	g_free(target->id);
	g_free(target->why);
	g_free(target);
}

void peer_target_failed(PeerTarget *target, const char *why, gboolean quiet)
{
	target->link = NULL;
	g_free(target->why);
	target->why = g_strdup(quiet ? NULL : why);
	peer_net_look(target->net);
	if (quiet) {
		bp_backoff_wait_for(target->again, LOOK_AGAIN);
		return;
	}
	if (!target->fixed && ++target->failures > FORGET) {
		peer_target_free(target);
		return;
	}
	bp_backoff_wait(target->again);
}

static void connect_target(PeerTarget *target)
{
	target->link = peer_link_connect(target);
	if (!target->link)
		peer_target_failed(target, "no socket could be made", FALSE);
}

static void on_resolved(BpPlugin *self, GArray *addresses, const GError *error, gpointer data)
{
	PeerTarget *target = data;

	target->resolving = FALSE;
	if (error || !addresses->len) {
		peer_target_failed(target, error ? error->message : "the name has no address", FALSE);
		return;
	}
	target->address = g_array_index(addresses, BpAddress, 0);
	connect_target(target);
}

static void try_target(PeerTarget *target)
{
	PeerLink *link = target->id ? peer_net_find(target->net, target->id) : NULL;

	if (target->link || target->resolving)
		return;
	if (link && link->state != LINK_CONNECTING) {
		bp_backoff_wait_for(target->again, LOOK_AGAIN);
		return;
	}
	if (target->address.size || bp_address_parse(&target->address, target->host, target->port, NULL)) {
		connect_target(target);
	} else {
		target->resolving = TRUE;
		bp_address_resolve(target->scope, target->host, target->port, on_resolved, target);
	}
}

gboolean peer_net_connect(PeerNet *net, const char *address, GError **error)
{
	g_autofree char *host = NULL;
	PeerTarget *target;
	guint port;

	if (!endpoint_part_address(address, &host, &port, error))
		return FALSE;
	target = target_new(net, host, port, NULL);
	target->fixed = TRUE;
	bp_backoff_wait_for(target->again, 1000);
	peer_net_look(net);
	return TRUE;
}

static void consider(PeerNet *net, const DiscoveryFound *found)
{
	EndpointServer *server = net->server;
	g_autofree char *text = NULL;
	PeerTarget *target;

	if (!found->project || !found->hash || strcmp(found->project, server->project) != 0 ||
	    strcmp(found->hash, server->hash) != 0 || strcmp(found->id, server->id) == 0 ||
	    net->targets.length >= MOST_TARGETS)
		return;
	for (GList *at = net->targets.head; at; at = at->next) {
		PeerTarget *there = at->data;

		if (there->id && strcmp(there->id, found->id) == 0) {
			if (!there->fixed && !there->link)
				there->address = found->address;
			return;
		}
	}
	text = bp_address_format(&found->address);
	target = target_new(net, text, bp_address_port(&found->address), found->id);
	target->address = found->address;
	bp_backoff_wait_for(target->again,
			    strcmp(server->id, found->id) < 0 ? g_random_int_range(1000, 100000) : COURTESY);
}

static void on_found(const DiscoveryFound *found, gpointer data)
{
	g_autoptr(GPtrArray) servers = endpoint_server_list();

	for (guint i = 0; i < servers->len; i++) {
		EndpointServer *server = servers->pdata[i];

		if (server->net && server->enable_discovery)
			consider(server->net, found);
	}
}

/* --- who is there --- */

PeerLink *peer_net_find(PeerNet *net, const char *who)
{
	PeerLink *found = NULL;

	for (GList *at = net->links.head; at; at = at->next) {
		PeerLink *link = at->data;

		if (!link->ending && link->id && (strcmp(link->id, who) == 0 || g_strcmp0(link->name, who) == 0) &&
		    (!found || peer_link_is_up(link)))
			found = link;
	}
	return found;
}

static const char *state_name(const PeerLink *link)
{
	static const char *const names[] = { "connecting", "handshake", "up", "original" };

	return names[link->state];
}

json_t *peer_net_names(PeerNet *net)
{
	json_t *list = json_array();

	for (GList *at = net->links.head; at; at = at->next) {
		PeerLink *link = at->data;

		if (peer_link_is_up(link))
			json_array_append_new(list, json_pack("{s:s,s:s}", "id", link->id, "name", link->name));
	}
	return list;
}

static json_t *link_json(PeerLink *link)
{
	const BpAddress *address = bp_stream_peer_address(link->stream);
	g_autofree char *text = bp_address_format(address);
	g_autofree char *since = python_time(g_get_real_time() - (g_get_monotonic_time() - link->begun));
	gboolean up = peer_link_is_up(link);
	json_t *object;

	if (strrchr(text, ':'))
		*strrchr(text, ':') = 0;
	object = json_pack("{s:s?,s:s,s:i,s:s?,s:s,s:f,s:b,s:s,s:s,s:s,s:I,s:I,s:I,s:s}", "id", link->id, "ip", text,
			   "port", (int)bp_address_port(address), "name", link->name, "hash", link->net->server->hash,
			   "last_seen", (double)(g_get_monotonic_time() - link->heard) / G_USEC_PER_SEC, "connected",
			   (int)up, "connected_at", since, "state", state_name(link), "direction",
			   link->handshake->initiator ? "out" : "in", "messages_in", (json_int_t)link->in,
			   "messages_out", (json_int_t)link->out, "drops", (json_int_t)link->drops, "tls",
			   bp_stream_tls(link->stream));
	if (link->session)
		peer_channels_json(link->session, object);
	return object;
}

static void list_targets(PeerNet *net, json_t *list)
{
	for (GList *at = net->targets.head; at; at = at->next) {
		PeerTarget *target = at->data;

		if (target->link || (target->id && peer_net_find(net, target->id)))
			continue;
		json_array_append_new(list, json_pack("{s:s,s:s,s:i,s:s,s:b,s:s,s:s}", "id",
						      target->id ? target->id : target->host, "ip", target->host,
						      "port", (int)target->port, "name", target->host, "connected", 0,
						      "state", "waiting", "why", target->why ? target->why : ""));
	}
}

json_t *peer_net_list(PeerNet *net)
{
	json_t *list = json_array();

	for (GList *at = net->links.head; at; at = at->next)
		if (((PeerLink *)at->data)->id)
			json_array_append_new(list, link_json(at->data));
	for (GList *at = net->server->connections.head; at; at = at->next) {
		EndpointConnection *connection = at->data;

		if (connection->peer)
			json_array_append_new(list, json_pack("{s:s,s:s,s:b,s:s,s:s}", "id", connection->peer_id,
							      "name", connection->peer, "connected", 1, "state",
							      "original", "direction", "in"));
	}
	list_targets(net, list);
	return list;
}

void peer_net_describe(PeerNet *net, GString *text)
{
	guint up = 0;

	for (GList *at = net->links.head; at; at = at->next)
		up += peer_link_is_up(at->data);
	g_string_append_printf(text,
			       "%u peers, %" G_GUINT64_FORMAT " messages in, %" G_GUINT64_FORMAT
			       " out, %" G_GUINT64_FORMAT " drops, %" G_GUINT64_FORMAT " refused\n",
			       up, net->in, net->out, net->drops, net->refused);
}

/* --- reports --- */

void peer_net_event(PeerNet *net, const char *event, const PeerLink *link, const char *what)
{
	json_t *object;
	g_autofree char *text = NULL;

	if (!bp_channel_wants(net->events))
		return;
	object = json_pack("{s:s,s:s?,s:s?}", "event", event, "id", link ? link->id : NULL, "name",
			   link ? link->name : NULL);
	if (object && what)
		json_object_set_new(object, "text", bp_json_string(what, -1));
	text = bp_json_text(object);
	json_decref(object);
	bp_channel_print(net->events, text);
}

void peer_net_said(PeerNet *net, char *origin, const char *text, gsize size)
{
	BpMessage *message;

	if (!bp_channel_is_watched(net->recv)) {
		bp_channel_note(net->recv, text, size);
		return;
	}
	message = bp_message_new(text, size, BP_TEXT);
	bp_message_set_origin(message, origin);
	bp_channel_send_take(net->recv, message);
}

json_t *peer_net_greet(PeerNet *net, const json_t *message, char **name, char **id)
{
	EndpointServer *server = net->server;
	HandshakeSelf who = { server->id, server->name, server->project, server->hash, net->secret };
	g_autoptr(Handshake) handshake = handshake_new(&who, FALSE);
	g_autoptr(GError) error = NULL;
	json_t *answer = NULL;
	HandshakeState state = handshake_receive(handshake, message, &answer, &error);

	if (state == HANDSHAKE_ORIGINAL) {
		*name = g_strdup(handshake->name);
		*id = g_strdup(handshake->id);
		return answer;
	}
	net->refused++;
	if (state == HANDSHAKE_REFUSED && answer)
		return answer;
	json_decref(answer);
	return endpoint_error("Peer refused: its handshake must be the first line of a connection");
}

/* Originals that connected to this host and to which it has no link. */
static guint send_to_originals(PeerNet *net, const char *who, const char *text, gsize size)
{
	g_autoptr(BpMessage) line = NULL;
	guint count = 0;

	for (GList *at = net->server->connections.head, *next; at; at = next) {
		EndpointConnection *connection = at->data;

		next = at->next;
		if (!connection->peer || peer_net_find(net, connection->peer_id) ||
		    (who && strcmp(who, connection->peer) != 0 && strcmp(who, connection->peer_id) != 0))
			continue;
		if (!line) {
			g_autofree char *whole = g_strdup_printf("%.*s\n", (int)size, text);

			line = bp_message_new(whole, size + 1, BP_TEXT);
		}
		if (bp_stream_queued(connection->stream) > net->backlog || bp_stream_is_closing(connection->stream)) {
			net->drops++;
			continue;
		}
		bp_stream_send(connection->stream, line);
		net->out++;
		count++;
	}
	return count;
}

guint peer_net_send(PeerNet *net, const char *who, const char *text, gsize size)
{
	PeerLink *only = who ? peer_net_find(net, who) : NULL;
	guint count = only ? 0 : send_to_originals(net, who, text, size);

	if (who && !only)
		return count;

	for (GList *at = net->links.head; at; at = at->next) {
		PeerLink *link = at->data;

		if ((only && link != only) || !peer_link_is_up(link))
			continue;
		if (link->state == LINK_ORIGINAL ? peer_link_say(link, text, size)
						 : peer_channels_send(link, text, size))
			count++;
	}
	return count;
}

static void on_send(BpPlugin *self, BpMessage *message, gpointer data)
{
	PeerNet *net = data;
	g_autoptr(GError) error = NULL;
	json_t *value = bp_json_parse(bp_message_data(message), bp_message_size(message), PEER_MOST_FRAME, &error);
	g_autofree char *text = NULL;

	if (!value) {
		net->drops++;
		peer_net_event(net, "not-sent", NULL, error->message);
		return;
	}
	/* On one line, as originals need it. */
	text = python_json_text(value);
	json_decref(value);
	peer_net_send(net, NULL, text, strlen(text));
}

/* --- opening and closing --- */

static void on_timer(BpPlugin *self, gpointer data)
{
	PeerNet *net = data;

	for (GList *at = net->links.head, *next; at; at = next) {
		next = at->next;
		peer_link_tick(at->data);
	}
	peer_channels_tick(net);
}

static gboolean read_lists(PeerNet *net, GError **error)
{
	const BpValues *values = bp_instance_values(net->self);

	for (const char *const *at = bp_values_list(values, "connect"); *at; at++)
		if (!peer_net_connect(net, *at, error))
			return FALSE;
	for (const char *const *at = bp_values_list(values, "export"); *at; at++)
		if (!peer_channels_export(net, *at, FALSE, error))
			return FALSE;
	for (const char *const *at = bp_values_list(values, "import"); *at; at++) {
		const char *slash = strchr(*at, '/');
		g_autofree char *host = slash ? g_strndup(*at, (gsize)(slash - *at)) : NULL;

		if (!slash) {
			g_set_error(error, BP_HOST_ERROR, BP_INVALID, "import=%s is not HOST/GLOB: write hostb/uart0/*",
				    *at);
			return FALSE;
		}
		if (!peer_channels_import(net, host, slash + 1, FALSE, error))
			return FALSE;
	}
	return TRUE;
}

/* Of a message: its host and its number there. */
static guint hash_identity(gconstpointer key)
{
	const guint64 *identity = key;

	return g_int64_hash(&identity[0]) * 31 + g_int64_hash(&identity[1]);
}

static gboolean equal_identity(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, 2 * sizeof(guint64)) == 0;
}

PeerNet *peer_net_new(EndpointServer *server, GError **error)
{
	PeerNet *net = g_new0(PeerNet, 1);
	BpInstance *self = server->self;

	net->server = server;
	net->self = self;
	net->secret = bp_instance_string(self, "secret");
	net->heartbeat = bp_instance_duration(self, "heartbeat");
	net->backlog = (gsize)bp_instance_int(self, "link_backlog");
	net->resume = (gsize)bp_instance_int(self, "resume_buffer");
	if (bp_instance_bool(self, "connect_tls")) {
		const char *name = bp_instance_string(self, "connect_tls_name");

		net->tls_name = name && strcmp(name, "*") != 0 ? name : "";
	}
	net->recv = bp_instance_channel(self, "recv");
	net->send = bp_instance_channel(self, "send");
	net->events = bp_instance_channel(self, "events");
	net->sessions = g_hash_table_new(g_str_hash, g_str_equal);
	net->exports = g_ptr_array_new_with_free_func(g_free);
	net->imports = g_ptr_array_new();
	net->imported = g_hash_table_new(g_str_hash, g_str_equal);
	net->foreign = g_hash_table_new(g_direct_hash, g_direct_equal);
	net->seen = g_hash_table_new(hash_identity, equal_identity);
	net->tag = (guint64)g_random_int() << 32 | g_random_int();
	if (!read_lists(net, error)) {
		peer_net_free(net);
		return NULL;
	}
	bp_channel_watch(self, net->send, on_send, net, NULL);
	net->timer = bp_timer_add(net->self, NULL, MIN(net->heartbeat, G_USEC_PER_SEC), 0, on_timer, net, NULL);
	if (server->enable_discovery) {
		discovery_found = on_found;
		discovery_each(on_found);
	}
	return net;
}

void peer_net_free(PeerNet *net)
{
	if (!net)
		return;
	while (net->targets.length)
		peer_target_free(g_queue_peek_head(&net->targets));
	while (net->links.length) {
		PeerLink *link = g_queue_peek_head(&net->links);

		peer_link_end(link, "the host goes away");
		peer_link_free(link);
	}
	peer_channels_free(net);
	g_clear_pointer(&net->timer, bp_timer_remove);
	g_hash_table_unref(net->sessions);
	g_hash_table_unref(net->imported);
	peer_foreign_forget(net, NULL);
	g_clear_pointer(&net->last, bp_message_unref);
	g_hash_table_unref(net->foreign);
	g_hash_table_unref(net->seen);
	g_ptr_array_unref(net->exports);
	g_ptr_array_unref(net->imports);
	g_free(net);
}

PeerNet *peer_net_default(const char *instance, GError **error)
{
	g_autoptr(GPtrArray) servers = endpoint_server_list();

	for (guint i = 0; i < servers->len; i++) {
		EndpointServer *server = servers->pdata[i];

		if (server->net && (!instance || strcmp(bp_plugin_name(server->self), instance) == 0))
			return server->net;
	}
	g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND,
		    instance ? "there are no peers named %s: `module list` shows what is open"
			     : "no peers are open%s: `module open Peer peer` opens them",
		    instance ? instance : "");
	return NULL;
}
