/* SPDX-License-Identifier: MIT */
/* udp-commands.c - udpserver, and udp list, join, leave, close; udp send is in udp-send.c. */
#include <string.h>
#include <backplane/kernel.h>
#include "udp.h"

#define INSTANCE "udp-server"
#define U64 "%" G_GUINT64_FORMAT

/* --- udpserver --- */

static const BpParam server_params[] = {
	{ "port", 'p', BP_INT, .fallback = "23", .setting = "default_udp_port", .min = 0, .max = 65535,
	  .help = "port to receive on; 0 takes a free one" },
	{ "bind", 'b', BP_STRING, .help = "address to receive on; loopback if left out" },
	{ "insecure", .type = BP_BOOL, .help = "receive from beyond this machine without login" },
	{ "quit", 'q', BP_BOOL, .help = "shutdown current udpserver" },
	{ NULL },
};

static gboolean stop(BpCall *call, BpInstance *instance, GError **error)
{
	UdpPort *port = udp_port_of(instance);

	if (!port) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND,
			    "No UDP server is running: `udpserver -p PORT` starts one");
		return FALSE;
	}
	bp_call_printf(call, "UDP server on port %u closed.", port->number);
	bp_instance_close(instance, NULL);
	return TRUE;
}

static gboolean run_udpserver(BpPlugin *self, BpCall *call, GError **error)
{
	BpInstance *instance = bp_instance_find(INSTANCE);
	g_autoptr(BpValues) values = NULL;
	g_autofree char *port = g_strdup_printf("%" G_GINT64_FORMAT, bp_call_int(call, "port"));
	const char *bind = bp_call_string(call, "bind");

	if (bp_call_bool(call, "quit"))
		return stop(call, instance, error);
	if (instance) {
		g_set_error(error, BP_HOST_ERROR, BP_EXISTS, "UDP server already running.");
		return FALSE;
	}
	values = bp_values_new(udp_server_params);
	if (!bp_values_set(values, "port", port, error) || (bind && !bp_values_set(values, "bind", bind, error)) ||
	    (bp_call_bool(call, "insecure") && !bp_values_set(values, "insecure", "yes", error)))
		return FALSE;
	instance = bp_module_open("UDPServer", INSTANCE, "/", g_steal_pointer(&values), error);
	if (!instance)
		return FALSE;
	bp_call_printf(call, "%s UDP server on port: %u", bp_kernel_version(), udp_port_of(instance)->number);
	return TRUE;
}

/* --- list --- */

static void list_one(BpTable *table, BpInstance *instance)
{
	UdpPort *port = udp_port_of(instance);
	UdpCounts counts;
	g_autofree char *addresses = NULL;
	const char *kind;

	if (!port)
		return;
	kind = strcmp(bp_instance_module(instance)->name, "UDPServer") == 0 ? "server" : "socket";
	counts = udp_port_counts(port);
	addresses = udp_port_addresses(port);
	bp_table_row(table, "%s\t%s\t%s\t%u\t" U64 "\t" U64 "\t" U64 "\t" U64 "\t" U64 "\t" U64 "\t" U64,
		     bp_plugin_name(instance), kind, addresses, counts.peers, counts.in, counts.bytes_in, counts.out,
		     counts.bytes_out, counts.drops, counts.lost, counts.errors);
	if (counts.drops)
		bp_table_style(table, 8, BP_WARN);
	if (counts.lost)
		bp_table_style(table, 9, BP_WARN);
}

static gboolean run_list(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) instances = bp_instance_list(NULL);
	BpTable *table = bp_table_new("Name", "Kind", "Address", ">Senders", ">In", ">Bytes in", ">Out", ">Bytes out",
				      ">Drops", ">Kernel drops", ">Errors", NULL);

	for (guint i = 0; i < instances->len; i++)
		list_one(table, instances->pdata[i]);
	bp_call_table(call, table);
	return TRUE;
}

/* --- join, leave, close --- */

static UdpPort *find_port(const char *name, GError **error)
{
	UdpPort *port = udp_port_of(bp_instance_find(name));

	if (!port)
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND,
			    "there is no UDP server or socket %s: `udp list` shows those there are", name);
	return port;
}

static const BpParam group_params[] = {
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1, .help = "UDP server or socket" },
	{ "group", .kind = BP_ARGUMENT, .required = 1, .help = "address of the group, as 239.1.2.3 or ff02::1" },
	{ "interface", 'i', BP_STRING, .help = "network interface; the system's choice if left out" },
	{ NULL },
};

static gboolean change_group(BpCall *call, gboolean join, GError **error)
{
	const char *name = bp_call_string(call, "name"), *group = bp_call_string(call, "group");
	UdpPort *port = find_port(name, error);

	if (!port || !udp_port_group(port, group, bp_call_string(call, "interface"), join, error))
		return FALSE;
	bp_call_printf(call, join ? "%s is in %s." : "%s is no longer in %s.", name, group);
	return TRUE;
}

static gboolean run_join(BpPlugin *self, BpCall *call, GError **error)
{
	return change_group(call, TRUE, error);
}

static gboolean run_leave(BpPlugin *self, BpCall *call, GError **error)
{
	return change_group(call, FALSE, error);
}

static const BpParam close_params[] = {
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1,
	  .help = "UDP server or socket to close" },
	{ NULL },
};

static gboolean run_close(BpPlugin *self, BpCall *call, GError **error)
{
	const char *name = bp_call_string(call, "name");
	UdpPort *port = find_port(name, error);

	if (!port)
		return FALSE;
	bp_call_printf(call, "Closed %s.", name);
	bp_instance_close(port->self, NULL);
	return TRUE;
}

const BpCommand udp_commands[] = {
	{ "udpserver", .params = server_params, .run = run_udpserver, .role = BP_OPERATOR, .group = "server",
	  .help = "starts a UDP server whose datagrams are on channels" },
	{ "udp send", .params = udp_send_params, .run = udp_run_send, .role = BP_OPERATOR,
	  .help = "sends one datagram, and shows the answers if asked to" },
	{ "udp list", .run = run_list, .role = BP_OBSERVER, .help = "the UDP servers and sockets there are" },
	{ "udp join", .params = group_params, .run = run_join, .role = BP_OPERATOR,
	  .help = "joins a group of multicast" },
	{ "udp leave", .params = group_params, .run = run_leave, .role = BP_OPERATOR,
	  .help = "leaves a group of multicast" },
	{ "udp close", .params = close_params, .run = run_close, .role = BP_OPERATOR,
	  .help = "closes a UDP server or socket" },
	{ NULL },
};
