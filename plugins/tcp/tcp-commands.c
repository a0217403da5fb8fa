/* SPDX-License-Identifier: MIT */
/* tcp-commands.c - tcp listen, connect, list, close: the modules for people in a hurry. */
#include <stdlib.h>
#include <string.h>
#include "tcp.h"

/* Opens `module` as `name` with the settings of the command line. Takes the values. */
static BpInstance *open_module(BpCall *call, const char *module, const char *name, BpValues *take_values,
			       const char *const *pairs, GError **error)
{
	if (!bp_values_set_pairs(take_values, pairs, error) ||
	    !bp_access_may_open(module, take_values, bp_session_role(bp_call_session(call)), error)) {
		bp_values_free(take_values);
		return NULL;
	}
	return bp_module_open(module, name, "/", take_values, error);
}

/* A name left out: the first word is a setting already. It is then given back in `pairs`. */
static const char *take_name(BpCall *call, GPtrArray *pairs)
{
	const char *name = bp_call_string(call, "name");
	const char *const *rest = bp_call_list(call, "parameters");

	if (name && strchr(name, '=')) {
		g_ptr_array_add(pairs, (gpointer)name);
		name = NULL;
	}
	for (; rest && *rest; rest++)
		g_ptr_array_add(pairs, (gpointer)*rest);
	g_ptr_array_add(pairs, NULL);
	return name;
}

/* --- listen --- */

static const BpParam listen_params[] = {
	{ "port", .kind = BP_ARGUMENT, .type = BP_INT, .min = 0, .max = 65535, .required = 1,
	  .help = "port to listen on; 0 takes a free one" },
	{ "name", .kind = BP_ARGUMENT, .help = "instance name; tcp-PORT if left out" },
	{ "parameters", .kind = BP_ARGUMENT, .many = 1, .help = "key=value, as of module TCPServer" },
	{ NULL },
};

static gboolean run_listen(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) pairs = g_ptr_array_new();
	const char *name = take_name(call, pairs);
	g_autofree char *port = g_strdup_printf("%" G_GINT64_FORMAT, bp_call_int(call, "port"));
	g_autofree char *made_up = g_strdup_printf("tcp-%s", port);
	BpValues *values = bp_values_new(tcp_server_params);
	BpInstance *instance;
	TcpServer *server;

	if (!bp_values_set(values, "port", port, error)) {
		bp_values_free(values);
		return FALSE;
	}
	instance = open_module(call, "TCPServer", name ? name : made_up, values, (const char *const *)pairs->pdata,
			       error);
	if (!instance)
		return FALSE;
	server = bp_instance_data(instance);
	bp_call_printf(call, "Listening on %s as %s.", bp_server_addresses(server->server), bp_plugin_name(instance));
	return TRUE;
}

/* --- connect --- */

static const BpParam connect_params[] = {
	{ "address", .kind = BP_ARGUMENT, .required = 1, .help = "HOST:PORT; an IPv6 address in brackets" },
	{ "name", .kind = BP_ARGUMENT, .help = "instance name; HOST:PORT if left out" },
	{ "parameters", .kind = BP_ARGUMENT, .many = 1, .help = "key=value, as of module TCPClient" },
	{ NULL },
};

static gboolean part_address(const char *address, char **host, char **port, GError **error)
{
	const char *colon = strrchr(address, ':');
	gsize size = colon ? (gsize)(colon - address) : 0;

	if (size > 2 && address[0] == '[' && address[size - 1] == ']') {
		address++;
		size -= 2;
	} else if (size && memchr(address, ':', size)) {
		size = 0;
	}
	if (!size || !colon[1]) {
		g_set_error(error, BP_HOST_ERROR, BP_INVALID, "%s is not HOST:PORT: write localhost:5000 or [::1]:5000",
			    address);
		return FALSE;
	}
	*host = g_strndup(address, size);
	*port = g_strdup(colon + 1);
	return TRUE;
}

static gboolean run_connect(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) pairs = g_ptr_array_new();
	const char *name = take_name(call, pairs);
	g_autofree char *host = NULL, *port = NULL, *made_up = NULL;
	BpValues *values;
	BpInstance *instance;

	if (!part_address(bp_call_string(call, "address"), &host, &port, error))
		return FALSE;
	made_up = g_strdup_printf("%s:%s", host, port);
	values = bp_values_new(tcp_client_params);
	if (!bp_values_set(values, "host", host, error) || !bp_values_set(values, "port", port, error)) {
		bp_values_free(values);
		return FALSE;
	}
	instance = open_module(call, "TCPClient", name ? name : made_up, values, (const char *const *)pairs->pdata,
			       error);
	if (!instance)
		return FALSE;
	name = bp_plugin_name(instance);
	bp_call_printf(call, "Connecting to %s as %s; its state is on client-tcp-%s.",
		       ((TcpClient *)bp_instance_data(instance))->target, name, name);
	return TRUE;
}

/* --- list, close --- */

#define COUNTS "%" G_GUINT64_FORMAT "\t%" G_GUINT64_FORMAT "\t%" G_GUINT64_FORMAT

static void list_servers(BpTable *table)
{
	g_autoptr(GPtrArray) servers = bp_instance_list("TCPServer");

	for (guint i = 0; i < servers->len; i++) {
		TcpServer *server = bp_instance_data(servers->pdata[i]);
		BpServerStats stats = bp_server_stats(server->server);

		bp_table_row(table, "%s\tserver\t%s\t%u connections\t" COUNTS, bp_plugin_name(servers->pdata[i]),
			     bp_server_addresses(server->server), stats.connections, stats.bytes_in, stats.bytes_out,
			     stats.drops);
	}
}

static void list_clients(BpTable *table)
{
	g_autoptr(GPtrArray) clients = bp_instance_list("TCPClient");

	for (guint i = 0; i < clients->len; i++) {
		TcpClient *client = bp_instance_data(clients->pdata[i]);
		guint64 in, out, drops;

		tcp_client_counts(client, &in, &out, &drops);
		bp_table_row(table, "%s\tclient\t%s\t%s\t" COUNTS, bp_plugin_name(clients->pdata[i]), client->target,
			     tcp_client_state(client), in, out, drops);
	}
}

static gboolean run_list(BpPlugin *self, BpCall *call, GError **error)
{
	BpTable *table = bp_table_new("Name", "Kind", "Address", "State", ">Bytes in", ">Bytes out", ">Drops", NULL);

	list_servers(table);
	list_clients(table);
	bp_call_table(call, table);
	return TRUE;
}

static const BpParam close_params[] = {
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1, .help = "server or client to close" },
	{ NULL },
};

static gboolean run_close(BpPlugin *self, BpCall *call, GError **error)
{
	const char *name = bp_call_string(call, "name");
	BpInstance *instance = bp_instance_find(name);
	const char *module = instance ? bp_instance_module(instance)->name : NULL;

	if (!module || (strcmp(module, "TCPServer") != 0 && strcmp(module, "TCPClient") != 0)) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND,
			    "there is no TCP server or client %s: `tcp list` shows those there are", name);
		return FALSE;
	}
	bp_call_printf(call, "Closed %s.", name);
	bp_instance_close(instance, NULL);
	return TRUE;
}

const BpCommand tcp_commands[] = {
	{ "tcp listen", .example = "tcp listen 5000 lab max_connections=10", .params = listen_params, .run = run_listen,
	  .role = BP_OPERATOR, .help = "opens a TCP server whose bytes are on channels" },
	{ "tcp connect", .example = "tcp connect plotter.local:4001 plotter", .params = connect_params,
	  .run = run_connect, .role = BP_OPERATOR, .help = "connects to a TCP server, again when it is cut" },
	{ "tcp list", .run = run_list, .role = BP_OBSERVER, .help = "the TCP servers and clients there are" },
	{ "tcp close", .params = close_params, .run = run_close, .role = BP_OPERATOR,
	  .help = "closes a TCP server or client" },
	{ NULL },
};
