/* SPDX-License-Identifier: MIT */
/* udp-port.c - what UDPServer and UDPSocket have in common: sockets, senders, channels, losses.
 *
 * Each peer that has sent a datagram gets a channel NAME/HOST:PORT/send, which is the reply channel of its messages. The number of
 * peers is limited: the one that has been silent longest makes room for a new one, and after peer_timeout without a datagram
 * a peer's channel is released. A single watch with a glob serves all of these channels, also of hosts that never sent anything.
 * IPv6 addresses stand without brackets there, since channel names cannot contain them; the port is behind the last colon.
 */
#include <netinet/in.h>
#include <string.h>
#include "udp.h"

#define LARGEST_V4 65507 /* 65535 bytes less the headers of IP and UDP */
#define LARGEST_V6 65527
#define OBJECTION G_USEC_PER_SEC
#define TELL_INTERVAL G_USEC_PER_SEC
#define BIND_TRIES 8 /* a free port of one IP version may be taken in the other */

struct UdpPeer {
	UdpPeer *prev, *next;
	BpAddress address;
	gint64 heard; /* of the last datagram; monotonic */
	char *origin; /* GRefString */
	BpChannel *send;
};

/* --- reports --- */

static guint64 lost_by_system(const UdpPort *port)
{
	guint64 lost = 0;

	for (guint i = 0; i < port->count; i++)
		lost += bp_datagram_stats(port->sockets[i]).kernel_drops;
	return lost;
}

static void on_tell_again(BpPlugin *self, gpointer data);

/* Reports losses at once, then once per second while they continue. */
static void tell_losses(UdpPort *port)
{
	guint64 lost = lost_by_system(port) - port->told_lost, refused = port->refused - port->told_refused;

	if (port->timer || (!lost && !refused))
		return;
	port->told_lost += lost;
	port->told_refused += refused;
	bp_timer_once(&port->timer, port->self, TELL_INTERVAL, on_tell_again, port);
	if (port->quiet)
		return;
	if (lost)
		bp_channel_printf(port->events, "Datagrams lost because they came too fast: %" G_GUINT64_FORMAT, lost);
	if (refused)
		bp_channel_printf(port->events, "Datagrams not sent because too many were waiting: %" G_GUINT64_FORMAT,
				  refused);
}

static void on_tell_again(BpPlugin *self, gpointer data)
{
	UdpPort *port = data;

	tell_losses(port);
}

void udp_port_works(UdpPort *port)
{
	g_autofree char *addresses = udp_port_addresses(port);

	port->faulty = FALSE;
	bp_instance_set_state(port->self, BP_STATE_OK, "bound to %s", addresses);
}

void udp_port_fails(UdpPort *port, const char *why)
{
	port->faulty = TRUE;
	port->tried = 0;
	bp_instance_set_state(port->self, BP_STATE_FAILED, "%s", why);
}

/* A datagram sent after an error counts as delivered if no ICMP error has come within this time. */
static void note_sent(UdpPort *port)
{
	if (!port->tried)
		port->tried = bp_loop_now();
	else if (bp_loop_now() - port->tried >= OBJECTION)
		udp_port_works(port);
}

static void tell_nowhere(UdpPort *port, const char *to, const char *why)
{
	port->nowhere++;
	if (!port->quiet)
		bp_channel_printf(port->events, "No UDP packet can be sent to %s: %s.", to, why);
}

static void log_datagram(UdpPort *port, const char *arrow, const char *host, gconstpointer data, gsize size)
{
	g_autofree char *prefix = NULL;

	if (!bp_channel_wants(port->data))
		return;
	prefix = g_strconcat(arrow, " ", host, NULL);
	bp_channel_print_bytes(port->data, prefix, data, size);
}

/* --- senders --- */

static guint hash_address(gconstpointer key)
{
	const BpAddress *address = key;
	gboolean v4 = address->storage.ss_family == AF_INET;
	const guint8 *bytes = v4 ? (const guint8 *)&((const struct sockaddr_in *)&address->storage)->sin_addr
				 : (const guint8 *)&((const struct sockaddr_in6 *)&address->storage)->sin6_addr;
	guint hash = bp_address_port(address);

	for (guint i = 0; i < (v4 ? 4u : 16u); i++)
		hash = hash * 31 + bytes[i];
	return hash;
}

static gboolean equal_address(gconstpointer a, gconstpointer b)
{
	return bp_address_equal(a, b);
}

static void peer_unlink(UdpPort *port, UdpPeer *peer)
{
	*(peer->prev ? &peer->prev->next : &port->first) = peer->next;
	*(peer->next ? &peer->next->prev : &port->last) = peer->prev;
}

static void peer_append(UdpPort *port, UdpPeer *peer)
{
	peer->prev = port->last;
	peer->next = NULL;
	*(port->last ? &port->last->next : &port->first) = peer;
	port->last = peer;
}

static void peer_free(UdpPeer *peer)
{
	g_ref_string_release(peer->origin);
	g_free(peer);
}

static void release_longest_silent(UdpPort *port)
{
	UdpPeer *peer = port->first;

	g_hash_table_remove(port->peers, &peer->address);
	peer_unlink(port, peer);
	if (peer->send)
		bp_channel_release(port->self, peer->send);
	peer_free(peer);
}

static void on_silence(BpPlugin *self, gpointer data);

static void await_silence(UdpPort *port)
{
	if (port->peer_timeout && !port->silence && port->first)
		bp_timer_once(&port->silence, port->self, port->first->heard + port->peer_timeout - bp_loop_now(),
			      on_silence, port);
}

static void on_silence(BpPlugin *self, gpointer data)
{
	UdpPort *port = data;

	while (port->first && port->first->heard + port->peer_timeout <= bp_loop_now())
		release_longest_silent(port);
	await_silence(port);
}

/* "HOST:PORT/send" without brackets; NULL if the scope id contains characters that channel names cannot have. */
static BpChannel *open_send_channel(UdpPort *port, const char *host)
{
	static const BpChannelOptions pure = { .pure = TRUE };
	g_autoptr(GString) name = g_string_new(host);
	BpChannel *channel;

	g_string_replace(name, "[", "", 0);
	g_string_replace(name, "]", "", 0);
	g_string_append(name, "/send");
	if (!bp_channel_check_name(name->str, NULL))
		return NULL;
	channel = bp_instance_channel(port->self, name->str);
	bp_channel_set_options(channel, &pure);
	return channel;
}

static UdpPeer *hear(UdpPort *port, const BpAddress *from)
{
	UdpPeer *peer = g_hash_table_lookup(port->peers, from);
	g_autofree char *text = NULL;

	if (peer) {
		peer->heard = bp_loop_now();
		if (peer == port->last)
			return peer;
		peer_unlink(port, peer);
		peer_append(port, peer);
		return peer;
	}
	if (g_hash_table_size(port->peers) >= port->most_peers) {
		release_longest_silent(port);
		port->released++;
	}
	text = bp_address_format(from);
	peer = g_new0(UdpPeer, 1);
	peer->address = *from;
	peer->heard = bp_loop_now();
	peer->origin = g_ref_string_new(text);
	peer->send = open_send_channel(port, text);
	peer_append(port, peer);
	g_hash_table_insert(port->peers, &peer->address, peer);
	await_silence(port);
	return peer;
}

/* --- datagrams --- */

static void on_data(BpPlugin *self, BpDatagram *datagram, const guint8 *data, gsize size, const BpAddress *from,
		    gpointer user)
{
	UdpPort *port = user;
	UdpPeer *peer;
	BpMessage *message;

	if (from->storage.ss_family != AF_INET && from->storage.ss_family != AF_INET6)
		return;
	if (!bp_networks_allow(port->networks, from)) {
		port->denied++;
		return;
	}
	peer = hear(port, from);
	port->latest = *from;
	if (G_UNLIKELY(port->faulty))
		udp_port_works(port);
	tell_losses(port);
	log_datagram(port, "-->", peer->origin, data, size);
	if (!bp_channel_is_watched(port->recv)) {
		bp_channel_note(port->recv, data, size);
		return;
	}
	message = bp_message_new(data, size, BP_BINARY);
	bp_message_set_origin(message, peer->origin);
	bp_message_set_reply_channel(message, peer->send);
	bp_channel_send_take(port->recv, message);
}

static void on_error(BpPlugin *self, BpDatagram *datagram, const GError *error, gpointer user)
{
	UdpPort *port = user;

	if (!port->quiet)
		bp_channel_print(port->events, error->message);
	if (port->one_way)
		udp_port_fails(port, error->message);
}

static const BpDatagramEvents datagram_events = { .size = sizeof(datagram_events), .data = on_data, .error = on_error };

static BpDatagram *find_socket(const UdpPort *port, int family)
{
	for (guint i = 0; i < port->count; i++)
		if (bp_datagram_local(port->sockets[i])->storage.ss_family == family)
			return port->sockets[i];
	return NULL;
}

gboolean udp_port_has(const UdpPort *port, int family)
{
	return find_socket(port, family) != NULL;
}

void udp_port_send(UdpPort *port, BpMessage *message, const BpAddress *to)
{
	BpDatagram *datagram = find_socket(port, to->storage.ss_family);
	gsize size = bp_message_size(message), most = to->storage.ss_family == AF_INET ? LARGEST_V4 : LARGEST_V6;
	g_autofree char *text = NULL;

	if (!datagram || size > most) {
		text = bp_address_format(to);
		tell_nowhere(port, text,
			     datagram ? "it is more than a datagram can have"
				      : "the socket is of the other IP version");
		return;
	}
	if (bp_channel_wants(port->data)) {
		text = bp_address_format(to);
		log_datagram(port, "<--", text, bp_message_data(message), size);
	}
	if (bp_datagram_send(datagram, bp_message_data(message), size, to) != BP_SENT) {
		port->refused++;
		tell_losses(port);
	} else if (G_UNLIKELY(port->faulty)) {
		note_sent(port);
	}
}

/* A message on NAME/HOST:PORT/send, for known and unknown peers. */
static void on_send_to(BpPlugin *self, BpChannel *channel, BpMessage *message, gpointer data)
{
	UdpPort *port = data;
	const char *name = bp_channel_name(channel) + strlen(bp_plugin_name(self)) + 1;
	g_autofree char *text = g_strndup(name, strlen(name) - strlen("/send"));
	g_autofree char *host = NULL;
	BpAddress to;
	guint number;

	if (udp_part_address(text, TRUE, &host, &number, NULL) && bp_address_parse(&to, host, number, NULL) &&
	    to.storage.ss_family != AF_UNIX) {
		udp_port_send(port, message, &to);
		return;
	}
	tell_nowhere(port, text, "it is not ADDRESS:PORT");
}

/* --- opening --- */

static gboolean try_bind(UdpPort *port, GArray *addresses, gboolean shared, gboolean *again, GError **error)
{
	g_autoptr(GError) first = NULL;

	for (guint i = 0; i < addresses->len && port->count < G_N_ELEMENTS(port->sockets); i++) {
		BpAddress address = g_array_index(addresses, BpAddress, i);
		g_autoptr(GError) why = NULL;
		BpDatagram *datagram;

		/* The second one gets the port that the system has chosen for the first. */
		if (port->count && !bp_address_port(&address))
			((struct sockaddr_in6 *)&address.storage)->sin6_port = htons((guint16)port->number);
		datagram = bp_datagram_open(port->self, &address, shared, &datagram_events, port, &why);
		if (datagram) {
			port->sockets[port->count++] = datagram;
			port->number = bp_address_port(bp_datagram_local(datagram));
			continue;
		}
		if (g_error_matches(why, BP_IO_ERROR, BP_FAILED) && addresses->len > 1) {
			if (!first)
				first = g_steal_pointer(&why);
			continue; /* a machine without the other IP version */
		}
		*again = port->count && g_error_matches(why, BP_IO_ERROR, BP_BUSY) &&
			 !bp_address_port(&g_array_index(addresses, BpAddress, i));
		g_propagate_error(error, g_steal_pointer(&why));
		return FALSE;
	}
	if (port->count)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&first));
	return FALSE;
}

/* Dropped last: the channels of peers have been released before. */
static void undo(gpointer data)
{
	UdpPort *port = data;

	while (port->first) {
		UdpPeer *peer = port->first;

		peer_unlink(port, peer);
		peer_free(peer);
	}
	g_hash_table_unref(port->peers);
	bp_networks_free(port->networks);
}

gboolean udp_port_bind(UdpPort *port, BpInstance *self, GArray *addresses, gboolean shared, GError **error)
{
	port->self = self;
	port->most_peers = (guint)bp_instance_int(self, "peers");
	port->peer_timeout = bp_instance_duration(self, "peer_timeout");
	port->quiet = bp_instance_bool(self, "quiet");
	port->peers = g_hash_table_new(hash_address, equal_address);
	bp_plugin_defer_undo(self, undo, port);
	if (!bp_networks_of(self, &port->networks, error))
		return FALSE;
	for (guint i = 0; i < addresses->len; i++) {
		if (g_array_index(addresses, BpAddress, i).storage.ss_family != AF_UNIX)
			continue;
		g_set_error(error, BP_HOST_ERROR, BP_INVALID,
			    "UDP has no socket files: bind needs an IPv4 or IPv6 address, *, or localhost");
		return FALSE;
	}
	for (guint i = 0;; i++) {
		g_autoptr(GError) why = NULL;
		gboolean again = FALSE;

		if (try_bind(port, addresses, shared, &again, &why))
			return TRUE;
		while (port->count)
			bp_datagram_close(port->sockets[--port->count]);
		if (!again || i == BIND_TRIES) {
			g_propagate_error(error, g_steal_pointer(&why));
			return FALSE;
		}
	}
}

void udp_port_start(UdpPort *port, const char *events_name, const char *data_name, BpWatchFunc on_send, gpointer data)
{
	static const BpChannelOptions pure = { .pure = TRUE }, log = { .log = TRUE };
	g_autofree char *glob = g_strconcat(bp_plugin_name(port->self), "/*/send", NULL);

	port->events = bp_channel(port->self, events_name);
	port->data = bp_channel(port->self, data_name);
	bp_channel_set_options(port->data, &log);
	port->recv = bp_instance_channel(port->self, "recv");
	port->send = bp_instance_channel(port->self, "send");
	bp_channel_set_options(port->send, &pure);
	bp_channel_watch(port->self, port->send, on_send, data, NULL);
	bp_channel_watch_glob(port->self, glob, on_send_to, port, NULL);
	udp_port_works(port);
}

/* --- groups, counts --- */

gboolean udp_port_group(UdpPort *port, const char *group, const char *interface, gboolean join, GError **error)
{
	BpAddress address;
	BpDatagram *datagram;

	if (!bp_address_parse(&address, group, 0, error))
		return FALSE;
	datagram = find_socket(port, address.storage.ss_family);
	if (!datagram)
		datagram = port->sockets[0]; /* reports the error */
	if (join)
		return bp_datagram_join(datagram, &address, interface, error);
	return bp_datagram_leave(datagram, &address, interface, error);
}

UdpCounts udp_port_counts(const UdpPort *port)
{
	UdpCounts counts = { .drops = port->nowhere,
			     .peers = g_hash_table_size(port->peers),
			     .released = port->released };

	for (guint i = 0; i < port->count; i++) {
		BpDatagramStats stats = bp_datagram_stats(port->sockets[i]);

		counts.in += stats.received;
		counts.out += stats.sent;
		counts.bytes_in += stats.bytes_in;
		counts.bytes_out += stats.bytes_out;
		counts.drops += stats.drops;
		counts.lost += stats.kernel_drops;
		counts.errors += stats.errors;
	}
	return counts;
}

char *udp_port_addresses(const UdpPort *port)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < port->count; i++) {
		g_autofree char *one = bp_address_format(bp_datagram_local(port->sockets[i]));

		g_string_append_printf(text, "%s%s", i ? ", " : "", one);
	}
	return g_string_free(text, FALSE);
}

#define U64 "%" G_GUINT64_FORMAT

void udp_port_describe(const UdpPort *port, GString *text)
{
	UdpCounts counts = udp_port_counts(port);
	g_autofree char *addresses = udp_port_addresses(port);

	g_string_append_printf(text, "bound to %s\n", addresses);
	g_string_append_printf(text, U64 " datagrams in (" U64 " bytes), " U64 " out (" U64 " bytes)\n", counts.in,
			       counts.bytes_in, counts.out, counts.bytes_out);
	g_string_append_printf(text, U64 " lost because they came too fast, " U64 " not sent, " U64 " errors\n",
			       counts.lost, counts.drops, counts.errors);
	g_string_append_printf(text, "%u of %u senders have a channel, " U64 " gave way to others\n", counts.peers,
			       port->most_peers, counts.released);
	if (port->networks)
		g_string_append_printf(text, U64 " datagrams came from addresses that may not send here\n",
				       port->denied);
}
