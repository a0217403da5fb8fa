/* SPDX-License-Identifier: MIT */
/* discovery.c - announcing our servers and finding others on the networks this host is part of.
 *
 * Every PERIOD, a tenth shorter or longer, each server with enable_discovery is announced on the broadcast address of each
 * interface on which it listens, and on loopback: in the two forms of the originals and in ours. No other network is
 * guessed. A query is answered to whoever asks, ANSWERS a second at most; the end of a server is announced. While all servers are on
 * loopback, so are the sockets, and nodes elsewhere are ignored.
 *
 * Whoever sends a datagram names an address to connect to. So only nodes of a project and hash of our servers are probed, and one
 * address some times in ten seconds: all others stay `unchecked`. A node is `suspect` until a TCP connection to it succeeds, then
 * `up`; silent for its time it is suspect again, and `down` after two attempts, as after a goodbye. mdns.c adds multicast DNS.
 */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include "discovery-codec.h"
#include "endpoint.h"
#include "mdns.h"

#define PERIOD (5 * G_USEC_PER_SEC)
#define SILENCE 16			  /* seconds that a node may be silent */
#define FORGET (15 * 60 * G_USEC_PER_SEC) /* after its last datagram */
#define PROBE_TIME (2 * G_USEC_PER_SEC)
#define PROBE_PAUSE (2 * G_USEC_PER_SEC)
#define MOST_NODES 1024
#define MOST_OF_ADDRESS 64
#define MOST_PROBES 16
#define ANSWERS 20

typedef struct {
	DiscoveryNode said;
	DiscoveryState state;
	BpAddress address;
	gint64 heard, expires, probed, up_since;
	guint failures;
	BpStream *probe; /* NULL: none under way */
} NodeRecord;

static struct {
	BpPlugin *self;
	BpChannel *channel;
	BpDatagram *sockets[5]; /* the first one sends */
	gboolean everywhere;	/* they are not on loopback alone */
	guint browsers_here;	/* commands that look at the whole network */
	GQueue servers;		/* EndpointServer */
	GHashTable *nodes;	/* id -> NodeRecord */
	BpTimer *announcing, *timer;
	guint probes, answers;
	guint64 heard, bad, browsers, refused, sent;
} here;

DiscoveryFunc discovery_found;

/* --- nodes --- */

static void node_free(gpointer data)
{
	NodeRecord *node = data;

	if (node->probe) {
		here.probes--;
		bp_stream_set_user(node->probe, NULL, NULL);
		bp_stream_abort(node->probe, NULL);
	}
	discovery_node_clear(&node->said);
	g_free(node);
}

static const char *const state_names[] = { "suspect", "up", "down" };

/* Whether it may become a peer of a server of ours: nobody else is connected to. */
static gboolean is_of_own_project(const NodeRecord *node)
{
	for (GList *at = here.servers.head; at; at = at->next) {
		const EndpointServer *server = at->data;

		if (g_strcmp0(node->said.project, server->project) == 0 &&
		    g_strcmp0(node->said.hash, server->hash) == 0)
			return TRUE;
	}
	return FALSE;
}

static const char *state_name(const NodeRecord *node)
{
	return node->state == NODE_SUSPECT && !is_of_own_project(node) ? "unchecked" : state_names[node->state];
}

static json_t *node_json(const NodeRecord *node)
{
	g_autofree char *address = bp_address_format(&node->address);
	json_t *protocols = json_array();

	if (strrchr(address, ':'))
		*strrchr(address, ':') = 0;
	for (char **at = node->said.protocols; at && *at; at++)
		json_array_append_new(protocols, json_string(*at));
	return json_pack("{s:s,s:s,s:s,s:i,s:s?,s:s?,s:o,s:s}", "id", node->said.id, "name", node->said.name, "ip",
			 address, "port", (int)node->said.port, "project_id", node->said.project, "hash",
			 node->said.hash, "protocols", protocols, "state", state_name(node));
}

json_t *discovery_json(void)
{
	json_t *list = json_array();
	GHashTableIter iter;
	gpointer node;

	if (!here.nodes)
		return list;
	g_hash_table_iter_init(&iter, here.nodes);
	while (g_hash_table_iter_next(&iter, NULL, &node))
		json_array_append_new(list, node_json(node));
	return list;
}

static void tell(const NodeRecord *node, const char *event)
{
	json_t *object;
	g_autofree char *text = NULL;

	if (!bp_channel_wants(here.channel))
		return;
	object = node_json(node);
	json_object_set_new(object, "event", json_string(event));
	text = bp_json_text(object);
	json_decref(object);
	bp_channel_print(here.channel, text);
}

static void tell_found(const NodeRecord *node, DiscoveryFunc func)
{
	DiscoveryFound found = { node->said.id,	  node->said.name, node->said.project,
				 node->said.hash, node->address,   node->state };

	if (func)
		func(&found, NULL);
}

void discovery_each(DiscoveryFunc func)
{
	GHashTableIter iter;
	gpointer at;

	if (!here.nodes)
		return;
	g_hash_table_iter_init(&iter, here.nodes);
	while (g_hash_table_iter_next(&iter, NULL, &at))
		if (((const NodeRecord *)at)->state == NODE_UP)
			tell_found(at, func);
}

/* --- are they there? --- */

static void set_state(NodeRecord *node, DiscoveryState state)
{
	DiscoveryState before = node->state;

	node->state = state;
	if (state == NODE_UP && before != NODE_UP) {
		if (!node->up_since)
			tell(node, "found");
		node->up_since = bp_loop_now();
		tell_found(node, discovery_found);
	} else if (state == NODE_DOWN && node->up_since) {
		node->up_since = 0;
		tell(node, "lost");
	}
}

static void on_probe_ready(BpPlugin *self, BpStream *stream, gpointer user)
{
	NodeRecord *node = user;
	gint64 now = bp_loop_now();

	node->failures = 0;
	node->expires = MAX(node->expires, now + SILENCE * G_USEC_PER_SEC);
	set_state(node, NODE_UP);
	bp_stream_close(stream);
}

static void on_probe_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
}

static void on_probe_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	NodeRecord *node = user;

	node->probe = NULL;
	here.probes--;
	if (node->probed && node->state != NODE_UP && ++node->failures >= 2)
		set_state(node, NODE_DOWN);
}

static const BpStreamEvents probe_events = {
	.size = sizeof(probe_events), .data = on_probe_data, .closed = on_probe_closed, .ready = on_probe_ready
};

static void probe(NodeRecord *node)
{
	gint64 now = bp_loop_now();

	if (node->probe || here.probes >= MOST_PROBES || (node->probed && now - node->probed < PROBE_PAUSE) ||
	    !is_of_own_project(node) || !discovery_may_probe(&node->address, now))
		return;
	node->probed = now;
	node->probe = bp_stream_connect(here.self, &node->address, PROBE_TIME, NULL, &probe_events, node);
	if (node->probe)
		here.probes++;
}

static void look_after(NodeRecord *node, gint64 now)
{
	if (node->state == NODE_SUSPECT && now > node->expires && !is_of_own_project(node))
		set_state(node, NODE_DOWN);
	if (node->state == NODE_UP && now > node->expires)
		set_state(node, NODE_SUSPECT);
	if (node->state == NODE_SUSPECT)
		probe(node);
}

EndpointServer *discovery_server(const char *id)
{
	for (GList *at = here.servers.head; at; at = at->next)
		if (strcmp(((EndpointServer *)at->data)->id, id) == 0)
			return at->data;
	return NULL;
}

const GQueue *discovery_servers(void)
{
	return &here.servers;
}

static guint count_of(const BpAddress *from)
{
	GHashTableIter iter;
	gpointer at;
	guint count = 0;

	g_hash_table_iter_init(&iter, here.nodes);
	while (g_hash_table_iter_next(&iter, NULL, &at)) {
		const struct sockaddr_in *a = (const struct sockaddr_in *)&((NodeRecord *)at)->address.storage;
		const struct sockaddr_in *b = (const struct sockaddr_in *)&from->storage;

		count += a->sin_addr.s_addr == b->sin_addr.s_addr;
	}
	return count;
}

static void move_text(char **to, char **from)
{
	if (!*from)
		return;
	g_free(*to);
	*to = g_steal_pointer(from);
}

/* Project and hash, which port 8889 does not have, are kept from port 8890. */
static void take_said(NodeRecord *node, DiscoveryNode *said)
{
	move_text(&node->said.name, &said->name);
	move_text(&node->said.hash, &said->hash);
	move_text(&node->said.project, &said->project);
	g_strfreev(node->said.protocols);
	node->said.protocols = g_steal_pointer(&said->protocols);
	node->said.ours |= said->ours;
	if (said->ttl)
		node->said.ttl = said->ttl;
}

void discovery_heard(DiscoveryNode *said, const BpAddress *from)
{
	NodeRecord *node = g_hash_table_lookup(here.nodes, said->id);
	gint64 now = bp_loop_now();
	BpAddress address = *from;

	if (discovery_server(said->id))
		return;
	if (!here.everywhere && !bp_address_is_loopback(from)) {
		here.refused++;
		return;
	}
	((struct sockaddr_in *)&address.storage)->sin_port = htons((guint16)said->port);
	if (!node) {
		if (g_hash_table_size(here.nodes) >= MOST_NODES || count_of(from) >= MOST_OF_ADDRESS) {
			here.refused++;
			return;
		}
		node = g_new0(NodeRecord, 1);
		node->said.id = g_strdup(said->id);
		node->address = address;
		g_hash_table_insert(here.nodes, node->said.id, node);
	}
	/* A node that is up keeps the address at which it was found; nobody can move it by a word. */
	if (node->state != NODE_UP && !node->probe) {
		if (!bp_address_equal(&node->address, &address))
			node->probed = 0;
		node->address = address;
	}
	take_said(node, said);
	node->said.port = bp_address_port(&node->address);
	node->heard = now;
	node->expires = now + (node->said.ttl ? node->said.ttl : SILENCE) * G_USEC_PER_SEC;
	if (node->state == NODE_UP) {
		tell_found(node, discovery_found);
		return;
	}
	if (node->state == NODE_DOWN) {
		node->state = NODE_SUSPECT;
		node->failures = 0;
	}
	probe(node);
}

void discovery_gone(const char *id)
{
	NodeRecord *node = here.nodes ? g_hash_table_lookup(here.nodes, id) : NULL;

	if (!node || node->state == NODE_DOWN)
		return;
	if (!is_of_own_project(node)) {
		set_state(node, NODE_DOWN); /* it was never checked, so this need not be */
		return;
	}
	node->state = NODE_SUSPECT;
	node->failures = 1;
	node->probed = 0;
	probe(node);
}

/* --- where our servers are announced --- */

static DiscoveryNode node_of(const EndpointServer *server)
{
	return (DiscoveryNode){ .id = server->id,
				.name = server->name,
				.hash = (char *)server->hash,
				.project = server->net ? (char *)server->project : NULL,
				.protocols = (char **)server->protocols,
				.port = bp_server_port(server->server),
				.ttl = SILENCE };
}

static void send_text(char *take_text, const struct in_addr *to, guint port)
{
	g_autofree char *text = take_text;
	BpAddress address = { .size = sizeof(struct sockaddr_in) };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&address.storage;

	if (!text || !here.sockets[0])
		return;
	*v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((guint16)port), .sin_addr = *to };
	if (bp_datagram_send(here.sockets[0], text, strlen(text), &address) == BP_SENT)
		here.sent++;
}

typedef enum { SAY_NODE, SAY_GOODBYE, SAY_QUERY } What;

static void say_on(const EndpointServer *server, What what, const struct in_addr *own, const struct in_addr *to)
{
	DiscoveryNode node = server ? node_of(server) : (DiscoveryNode){ 0 };
	char ip[INET_ADDRSTRLEN];

	if (what == SAY_QUERY) {
		send_text(discovery_query(), to, DISCOVERY_PORT);
		return;
	}
	if (what == SAY_GOODBYE) {
		send_text(discovery_goodbye(&node), to, DISCOVERY_PORT);
		return;
	}
	inet_ntop(AF_INET, own, ip, sizeof(ip));
	send_text(discovery_announcement(&node, g_get_real_time()), to, DISCOVERY_PORT);
	send_text(discovery_server_announcement(&node, ip), to, DISCOVERY_SERVER_PORT);
	send_text(discovery_own(&node), to, DISCOVERY_PORT);
}

/* On each interface; `server` NULL: ourselves, on all of them. */
static void say_everywhere(const EndpointServer *server, What what)
{
	struct ifaddrs *list, *at;

	if (getifaddrs(&list) != 0)
		return;
	for (at = list; at; at = at->ifa_next) {
		gboolean loopback = (at->ifa_flags & IFF_LOOPBACK) != 0;
		struct in_addr own, to;

		if (!at->ifa_addr || at->ifa_addr->sa_family != AF_INET || !(at->ifa_flags & IFF_UP))
			continue;
		if (!loopback && !here.everywhere)
			continue;
		own = ((struct sockaddr_in *)at->ifa_addr)->sin_addr;
		if (loopback)
			to.s_addr = htonl(0x7fffffff);
		else if (at->ifa_flags & IFF_BROADCAST && at->ifa_broadaddr)
			to = ((struct sockaddr_in *)at->ifa_broadaddr)->sin_addr;
		else
			continue;
		if (!server || discovery_is_in_scope(server, &own, loopback))
			say_on(server, what, &own, &to);
	}
	freeifaddrs(list);
}

static void on_announce(BpPlugin *self, gpointer data)
{
	for (GList *at = here.servers.head; at; at = at->next)
		say_everywhere(at->data, SAY_NODE);
	bp_timer_set_interval(here.announcing, (gint64)((double)PERIOD * g_random_double_range(0.9, 1.1)));
}

/* To one who asks. */
static void answer_query(const BpAddress *from)
{
	gboolean loopback = bp_address_is_loopback(from);
	struct in_addr any = { 0 };

	for (GList *at = here.servers.head; at && here.answers < ANSWERS; at = at->next) {
		DiscoveryNode node = node_of(at->data);
		gboolean on_loopback = discovery_is_in_scope(at->data, &any, TRUE);
		g_autofree char *text = NULL;

		if (loopback ? !on_loopback : on_loopback && !discovery_is_in_scope(at->data, &any, FALSE))
			continue;
		text = discovery_own(&node);
		here.answers++;
		if (text && bp_datagram_send(here.sockets[0], text, strlen(text), from) == BP_SENT)
			here.sent++;
	}
}

/* --- the sockets --- */

static void on_datagram(BpPlugin *self, BpDatagram *datagram, const guint8 *data, gsize size, const BpAddress *from,
			gpointer user)
{
	DiscoveryNode said = { 0 };

	here.heard++;
	if (from->storage.ss_family != AF_INET)
		return;
	switch (discovery_read(&said, data, size)) {
	case DISCOVERY_BAD:
		here.bad++;
		break;
	case DISCOVERY_OTHER:
		break;
	case DISCOVERY_BROWSER:
		here.browsers++;
		break;
	case DISCOVERY_QUERY:
		answer_query(from);
		break;
	case DISCOVERY_GOODBYE:
		discovery_gone(said.id);
		break;
	case DISCOVERY_NODE:
		discovery_heard(&said, from);
		break;
	}
	discovery_node_clear(&said);
}

static const BpDatagramEvents datagram_events = { .size = sizeof(datagram_events), .data = on_datagram };

static void on_timer(BpPlugin *self, gpointer data)
{
	gint64 now = bp_loop_now();
	GHashTableIter iter;
	gpointer at;

	here.answers = 0;
	g_hash_table_iter_init(&iter, here.nodes);
	while (g_hash_table_iter_next(&iter, NULL, &at)) {
		if (now - ((NodeRecord *)at)->heard > FORGET && ((NodeRecord *)at)->state != NODE_UP)
			g_hash_table_iter_remove(&iter);
		else
			look_after(at, now);
	}
}

static BpDatagram *listen_on(const char *ip, guint port)
{
	g_autoptr(GError) error = NULL;
	BpAddress address;
	BpDatagram *datagram;

	bp_address_parse(&address, ip, port, NULL);
	datagram = bp_datagram_open(here.self, &address, port != 0, &datagram_events, NULL, &error);
	if (datagram)
		bp_datagram_set_broadcast(datagram, TRUE, NULL);
	else
		bp_log(here.self, BP_LOG_WARNING, "discovery does without UDP port %u of %s: %s", port, ip,
		       error->message);
	return datagram;
}

/* On loopback there are broadcasts, and the datagrams that originals send to 127.0.0.1. */
static void open_sockets(gboolean everywhere)
{
	static const struct {
		const char *ip;
		guint port;
	} all[] = { { "0.0.0.0", 0 }, { "0.0.0.0", DISCOVERY_PORT }, { "0.0.0.0", DISCOVERY_SERVER_PORT } },
	  loopback[] = { { "127.0.0.1", 0 },
			 { "127.255.255.255", DISCOVERY_PORT },
			 { "127.255.255.255", DISCOVERY_SERVER_PORT },
			 { "127.0.0.1", DISCOVERY_PORT },
			 { "127.0.0.1", DISCOVERY_SERVER_PORT } };
	gsize count = everywhere ? G_N_ELEMENTS(all) : G_N_ELEMENTS(loopback);

	for (guint i = 0; i < G_N_ELEMENTS(here.sockets); i++)
		g_clear_pointer(&here.sockets[i], bp_datagram_close);
	for (guint i = 0; i < count; i++)
		here.sockets[i] = everywhere ? listen_on(all[i].ip, all[i].port)
					     : listen_on(loopback[i].ip, loopback[i].port);
	here.everywhere = everywhere;
}

/* Whether a server of ours, or a command, looks further than this machine. */
static gboolean is_everywhere(void)
{
	gboolean everywhere = here.browsers_here > 0;

	for (GList *at = here.servers.head; at; at = at->next)
		everywhere |= discovery_is_public(at->data);
	return everywhere;
}

static void start(void)
{
	gboolean everywhere = is_everywhere(), begins = !here.nodes;

	if (!begins && here.everywhere == everywhere)
		return;
	open_sockets(everywhere);
	if (begins) {
		here.nodes = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, node_free);
		here.timer = bp_timer_add(here.self, NULL, G_USEC_PER_SEC, 0, on_timer, NULL, NULL);
		here.announcing = bp_timer_add(here.self, NULL, PERIOD, 0, on_announce, NULL, NULL);
	}
	say_everywhere(NULL, SAY_QUERY);
	if (begins)
		mdns_start(here.self);
}

void discovery_browse(gboolean begin)
{
	here.browsers_here += begin ? 1 : (guint)-1;
	start();
}

void discovery_add_server(EndpointServer *server)
{
	g_queue_push_tail(&here.servers, server);
	start();
	say_everywhere(server, SAY_NODE);
	mdns_add_server(server);
}

void discovery_remove_server(EndpointServer *server)
{
	if (!g_queue_find(&here.servers, server))
		return;
	say_everywhere(server, SAY_GOODBYE);
	mdns_remove_server(server);
	g_queue_remove(&here.servers, server);
	if (here.servers.length)
		start();
}

void discovery_load(BpPlugin *self)
{
	here.self = self;
	here.channel = bp_channel(self, "discovery");
}

void discovery_unload(void)
{
	mdns_stop();
	g_clear_pointer(&here.nodes, g_hash_table_unref);
	discovery_scope_unload();
	g_queue_clear(&here.servers);
}

void discovery_ask(void)
{
	say_everywhere(NULL, SAY_QUERY);
}

DiscoveryCounts discovery_counts(void)
{
	return (DiscoveryCounts){ here.heard, here.bad, here.browsers, here.refused, here.sent };
}
