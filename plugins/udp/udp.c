/* SPDX-License-Identifier: MIT */
/* udp.c - UDP datagrams on channels, each a message of its own. */
#include <string.h>
#include "udp.h"

static const char manual[] =
	"Module UDPServer receives on `port`. Each datagram, an empty one too, is a message on NAME/recv, with the\n"
	"sender as origin and a way to answer that only this sender gets. What is sent on NAME/send goes to\n"
	"whoever was heard last, what is sent on NAME/HOST:PORT/send to exactly that one, heard before or not (an\n"
	"IPv6 host stands there without brackets). The channels of the last 256 senders (`peers`) are kept open,\n"
	"each until its sender has been silent for ten minutes (`peer_timeout`).\n"
	"server-udp-PORT tells what happens, data-udp-PORT shows every byte.\n"
	"\n"
	"Module UDPSocket sends what is said on NAME/send to `to`, also broadcast or to a group of multicast; what\n"
	"comes back, or to the groups it has joined, is on NAME/recv. Its events are on socket-udp-NAME.\n"
	"\n"
	"  udpserver -p 5005\n"
	"  channel watch udp-server/recv\n"
	"  udp send localhost:5005 hello\n"
	"  channel send udp-server/send \"hello yourself\"\n"
	"  module open UDPSocket lamps to=239.1.2.3:5006 port=5006 group=239.1.2.3 interface=eth0\n"
	"  udp list\n";

static const BpParam port_params[] = {
	{ "peers", .type = BP_INT, .fallback = "256", .min = 1, .max = 65536,
	  .help = "most senders whose channel is kept open" },
	{ "peer_timeout", .type = BP_DURATION, .fallback = "10m", .min = 0, .max = 1e9,
	  .help = "close the channel of a sender that was silent for so long (0: never)" },
	{ "quiet", .type = BP_BOOL, .fallback = "no", .help = "do not tell of losses and errors on the event channel" },
	{ .include = bp_networks_params },
	{ NULL },
};

const BpParam udp_server_params[] = {
	{ "port", 'p', BP_INT, .min = 0, .max = 65535, .required = 1,
	  .help = "port to receive on; 0 takes a free one" },
	{ "bind", 'b', BP_STRING, .fallback = "localhost", .alias = "host|udp_address",
	  .help = "address to receive on: numeric, localhost or *" },
	{ "insecure", .type = BP_BOOL, .fallback = "false", .help = "receive from beyond this machine without login" },
	{ .include = port_params },
	{ NULL },
};

const BpParam udp_socket_params[] = {
	{ "to", .type = BP_STRING, .help = "HOST:PORT that NAME/send sends to" },
	{ "bind", 'b', BP_STRING,
	  .help = "address to send from and to receive on; one that can reach `to` if left out" },
	{ "port", 'p', BP_INT, .fallback = "0", .min = 0, .max = 65535,
	  .help = "port to send from and to receive on; 0 takes a free one" },
	{ "broadcast", .type = BP_BOOL, .fallback = "no",
	  .help = "allow sending to broadcast addresses; share the port" },
	{ "group", .type = BP_STRING, .many = 1,
	  .help = "group of multicast to join, as 239.1.2.3; may be given again" },
	{ "ttl", .type = BP_INT, .fallback = "1", .min = 0, .max = 255,
	  .help = "how many routers a datagram to a group may pass, and one" },
	{ "loop", .type = BP_BOOL, .fallback = "yes", .help = "this machine gets what it sends to groups" },
	{ "interface", .type = BP_STRING, .help = "network interface for groups; the system's choice if left out" },
	{ .include = port_params },
	{ NULL },
};

static const BpModule modules[] = {
	{ "UDPServer", .help = "datagrams of anybody on channels, and answers to them", .params = udp_server_params,
	  .size = sizeof(UdpServer), .open = udp_server_open, .close = udp_server_close, .describe = udp_describe },
	{ "UDPSocket", .help = "a UDP socket for sending, broadcast and multicast", .params = udp_socket_params,
	  .size = sizeof(UdpSocket), .open = udp_socket_open, .close = udp_socket_close, .describe = udp_describe },
	{ NULL },
};

static const BpParam settings[] = {
	{ "default_udp_port", .type = BP_INT, .fallback = "23", .min = 0, .max = 65535,
	  .help = "port of `udpserver` when none is named" },
	{ NULL },
};

UdpPort *udp_port_of(BpInstance *instance)
{
	const char *module = instance ? bp_instance_module(instance)->name : "";

	if (strcmp(module, "UDPServer") == 0)
		return &((UdpServer *)bp_instance_data(instance))->port;
	if (strcmp(module, "UDPSocket") == 0)
		return &((UdpSocket *)bp_instance_data(instance))->port;
	return NULL;
}

static gboolean load(BpPlugin *self, GError **error)
{
	bp_setting_declare(self, bp_context("/"), settings);
	return TRUE;
}

BP_PLUGIN(.name = "udp", .version = "1.0", .summary = "UDP servers and sockets on channels", .manual = manual,
	  .commands = udp_commands, .modules = modules, .load = load);
