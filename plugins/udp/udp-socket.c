/* SPDX-License-Identifier: MIT */
/* udp-socket.c - module UDPSocket: sending, broadcast, groups.
 *
 * The name in `to` is resolved when the instance opens; until then up to WAITING_LIMIT messages are queued. If the lookup fails,
 * they are dropped, counted and reported, and the next message starts another lookup.
 */
#include <string.h>
#include "udp.h"

#define WAITING_LIMIT 256
#define ASK_INTERVAL (2 * G_USEC_PER_SEC)

/* --- the destination --- */

static void on_resolved(BpPlugin *self, GArray *addresses, const GError *error, gpointer data)
{
	UdpSocket *socket = data;
	UdpPort *port = &socket->port;
	const BpAddress *to = udp_choose_address(addresses, udp_port_has(port, AF_INET), udp_port_has(port, AF_INET6));

	if (to) {
		socket->to = *to;
		udp_port_works(port);
	} else {
		g_autofree char *why = g_strdup_printf(
			"No UDP packet can be sent to %s:%u: %s", socket->host, socket->host_port,
			error ? error->message : "it has no address of this socket's IP version");

		bp_channel_printf(port->events, "%s.", why);
		udp_port_fails(port, why);
		port->nowhere += socket->waiting.length;
	}
	while (socket->waiting.length) {
		g_autoptr(BpMessage) message = g_queue_pop_head(&socket->waiting);

		if (to)
			udp_port_send(port, message, &socket->to);
	}
}

static void ask(UdpSocket *socket)
{
	gint64 now = bp_loop_now();

	if (socket->asked && now - socket->asked < ASK_INTERVAL)
		return;
	socket->asked = now;
	bp_address_resolve(socket->port.self, socket->host, socket->host_port, on_resolved, socket);
}

static void on_send(BpPlugin *self, BpMessage *message, gpointer data)
{
	UdpSocket *socket = data;
	UdpPort *port = &socket->port;

	if (socket->to.size) {
		udp_port_send(port, message, &socket->to);
	} else if (!socket->host) {
		port->nowhere++;
		if (!port->quiet)
			bp_channel_printf(port->events,
					  "No UDP packet can be sent without destination: open it with "
					  "to=HOST:PORT, or send on %s/HOST:PORT/send.",
					  bp_plugin_name(self));
	} else if (socket->waiting.length < WAITING_LIMIT) {
		g_queue_push_tail(&socket->waiting, bp_message_ref(message));
		ask(socket);
	} else {
		port->nowhere++;
		ask(socket);
	}
}

/* --- opening --- */

static void undo(gpointer data)
{
	UdpSocket *socket = data;

	g_queue_clear_full(&socket->waiting, (GDestroyNotify)bp_message_unref);
	g_free(socket->host);
}

static gboolean read_destination(UdpSocket *socket, BpInstance *self, GError **error)
{
	const char *to = bp_instance_string(self, "to");

	if (!to || !*to)
		return TRUE;
	if (!udp_part_address(to, FALSE, &socket->host, &socket->host_port, error))
		return FALSE;
	bp_address_parse(&socket->to, socket->host, socket->host_port, NULL);
	if (socket->to.storage.ss_family != AF_UNIX)
		return TRUE;
	g_set_error(error, BP_HOST_ERROR, BP_INVALID, "UDP has no socket files: to needs HOST:PORT");
	return FALSE;
}

/* Without `bind`: the unspecified address of the IP version of `to`, or loopback if `to` is a loopback address. */
static GArray *bind_list(UdpSocket *socket, BpInstance *self, GError **error)
{
	const char *bind = bp_instance_string(self, "bind");
	const char *const *groups = bp_values_list(bp_instance_values(self), "group");
	int family = socket->to.size ? socket->to.storage.ss_family : 0;

	if (bind && *bind)
		return bp_address_bind_list(bind, (guint)bp_instance_int(self, "port"), error);
	if (family && !*groups)
		bind = bp_address_is_loopback(&socket->to) ? (family == AF_INET ? "127.0.0.1" : "::1")
							   : (family == AF_INET ? "0.0.0.0" : "::");
	return bp_address_bind_list(bind, (guint)bp_instance_int(self, "port"), error);
}

static gboolean set_options(UdpPort *port, BpInstance *self, GError **error)
{
	const char *interface = bp_instance_string(self, "interface");
	const char *const *group = bp_values_list(bp_instance_values(self), "group");

	for (guint i = 0; i < port->count; i++) {
		BpDatagram *datagram = port->sockets[i];
		gboolean v4 = bp_datagram_local(datagram)->storage.ss_family == AF_INET;

		if (!bp_datagram_set_multicast(datagram, (guint)bp_instance_int(self, "ttl"),
					       bp_instance_bool(self, "loop"), interface, error))
			return FALSE;
		if (v4 && !bp_datagram_set_broadcast(datagram, bp_instance_bool(self, "broadcast"), error))
			return FALSE;
	}
	for (; *group; group++)
		if (!udp_port_group(port, *group, interface, TRUE, error))
			return FALSE;
	return TRUE;
}

gboolean udp_socket_open(BpInstance *self, GError **error)
{
	UdpSocket *socket = bp_instance_data(self);
	UdpPort *port = &socket->port;
	g_autofree char *events = g_strdup_printf("socket-udp-%s", bp_plugin_name(self));
	g_autofree char *data = g_strdup_printf("data-udp-%s", bp_plugin_name(self));
	g_autofree char *where = NULL;
	g_autoptr(GArray) addresses = NULL;
	gboolean shared = bp_instance_int(self, "port") &&
			  (bp_instance_bool(self, "broadcast") || *bp_values_list(bp_instance_values(self), "group"));

	bp_plugin_defer_undo(self, undo, socket);
	if (!read_destination(socket, self, error))
		return FALSE;
	addresses = bind_list(socket, self, error);
	if (!addresses || !udp_port_bind(port, self, addresses, shared, error) || !set_options(port, self, error))
		return FALSE;
	udp_port_start(port, events, data, on_send, socket);
	where = udp_port_addresses(port);
	bp_channel_printf(port->events, "UDP Socket(%s) Open.", where);
	port->one_way = socket->host != NULL;
	if (socket->host && !socket->to.size) {
		bp_instance_set_state(self, BP_STATE_WAITING, "looking up %s", socket->host);
		ask(socket);
	}
	return TRUE;
}

void udp_socket_close(BpInstance *self)
{
	UdpSocket *socket = bp_instance_data(self);

	bp_channel_print(socket->port.events, "Closed.");
}
