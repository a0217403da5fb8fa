/* SPDX-License-Identifier: MIT */
/* udp-server.c - module UDPServer: received datagrams on channels, and replies to their senders. */
#include "udp.h"

static void on_send(BpPlugin *self, BpMessage *message, gpointer data)
{
	UdpPort *port = data;

	if (port->latest.size) {
		udp_port_send(port, message, &port->latest);
		return;
	}
	port->nowhere++;
	bp_channel_print(port->events, "No UDP packet can be sent as reply to a host that has never made contact.");
}

gboolean udp_server_open(BpInstance *self, GError **error)
{
	UdpServer *server = bp_instance_data(self);
	g_autoptr(GArray) addresses = bp_address_bind_list(bp_instance_string(self, "bind"),
							   (guint)bp_instance_int(self, "port"), error);
	char events[32], data[32];

	if (!addresses ||
	    !bp_server_may_bind(bp_instance_string(self, "bind"), bp_instance_bool(self, "insecure"), error) ||
	    !udp_port_bind(&server->port, self, addresses, FALSE, error))
		return FALSE;
	g_snprintf(events, sizeof(events), "server-udp-%u", server->port.number);
	g_snprintf(data, sizeof(data), "data-udp-%u", server->port.number);
	udp_port_start(&server->port, events, data, on_send, &server->port);
	bp_channel_printf(server->port.events, "UDP Socket(%u) Listening.", server->port.number);
	return TRUE;
}

void udp_server_close(BpInstance *self)
{
	UdpServer *server = bp_instance_data(self);

	bp_channel_print(server->port.events, "Shutting down server.");
}

void udp_describe(BpInstance *self, GString *text)
{
	udp_port_describe(udp_port_of(self), text);
}
