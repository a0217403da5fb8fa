/* SPDX-License-Identifier: MIT */
/* peer-commands.c - peer list, info, send, broadcast, connect, export, import. */
#include <string.h>
#include "peer.h"
#include "peer-table.h"

#define INSTANCE_ROW \
	{ \
		"instance", 'i', BP_STRING, .names = BP_AN_INSTANCE, \
					    .help = "whose peers; the first open one if left out" \
	}

static PeerNet *net_of(BpCall *call, GError **error)
{
	return peer_net_default(bp_call_string(call, "instance"), error);
}

/* --- list, info --- */

const BpParam peer_instance_params[] = { INSTANCE_ROW, { NULL } };

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* "127.0.0.1:8888"; an original that came to us is known by its connection only. Yours. */
static char *address_of(const json_t *peer)
{
	const char *ip = text_of(peer, "ip");

	return *ip ? g_strdup_printf("%s:%lld", ip, number_of(peer, "port")) : g_strdup("-");
}

/* Why it is not up yet is worth a line: nobody has to search the events for it. */
static void print_reason(BpCall *call, const json_t *peer)
{
	g_autofree char *address = address_of(peer);

	if (*text_of(peer, "why"))
		bp_call_styled(call, BP_WARN, "%s is tried again: %s", address, text_of(peer, "why"));
}

gboolean peer_run_list(BpPlugin *self, BpCall *call, GError **error)
{
	PeerNet *net = net_of(call, error);
	json_t *list, *peer;
	BpTable *table;
	size_t at;

	if (!net)
		return FALSE;
	list = peer_net_list(net);
	table = bp_table_new("Name", "State", "Way", "Address", ">Channels", ">In", ">Out", ">Drops", ">Missed", "Id",
			     NULL);
	json_array_foreach(list, at, peer)
	{
		const char *state = text_of(peer, "state");
		g_autofree char *address = address_of(peer);

		bp_table_row(table, "%s\t%s\t%s\t%s\t%lld\t%lld\t%lld\t%lld\t%lld\t%s", text_of(peer, "name"), state,
			     text_of(peer, "direction"), address, number_of(peer, "channels"),
			     number_of(peer, "messages_in"), number_of(peer, "messages_out"), number_of(peer, "drops"),
			     number_of(peer, "missed"), text_of(peer, "id"));
		bp_table_style(table, 1,
			       strcmp(state, "up") == 0 || strcmp(state, "original") == 0 ? BP_GOOD : BP_WARN);
	}
	bp_call_table(call, table);
	if (!json_array_size(list))
		bp_call_print(
			call,
			"There are no peers yet: `discovery list` shows who is there, `peer connect HOST:PORT` goes to one.");
	json_array_foreach(list, at, peer) print_reason(call, peer);
	json_decref(list);
	return TRUE;
}

static void print_links(BpCall *call, PeerNet *net)
{
	json_t *list = peer_net_list(net), *peer;
	size_t at;

	json_array_foreach(list, at, peer)
	{
		const char *tls = text_of(peer, "tls"), *way = text_of(peer, "direction");
		g_autofree char *address = address_of(peer);

		if (json_is_true(json_object_get(peer, "connected")))
			bp_call_printf(call, "%s (%s): %s %s, %s%s%s", text_of(peer, "name"), text_of(peer, "id"),
				       strcmp(way, "out") == 0 ? "we went to" : "came from", address,
				       *tls ? tls : "not encrypted", *text_of(peer, "connected_at") ? ", since " : "",
				       text_of(peer, "connected_at"));
		print_reason(call, peer);
	}
	json_decref(list);
}

gboolean peer_run_info(BpPlugin *self, BpCall *call, GError **error)
{
	PeerNet *net = net_of(call, error);
	g_autoptr(GString) text = g_string_new(NULL);

	if (!net)
		return FALSE;
	bp_call_printf(call, "This host is %s (%s), project %s, hash %s, %s a secret.", net->server->name,
		       net->server->id, net->server->project, net->server->hash,
		       net->secret && *net->secret ? "with" : "without");
	bp_call_printf(call, "It listens on %s.", bp_server_addresses(net->server->server));
	peer_net_describe(net, text);
	bp_call_printf(call, "%s", g_strchomp(text->str));
	print_links(call, net);
	for (guint i = 0; i < net->exports->len; i++)
		bp_call_printf(call, "exported: %s", (const char *)net->exports->pdata[i]);
	for (guint i = 0; i < net->imports->len; i++) {
		const PeerImport *import = net->imports->pdata[i];

		bp_call_printf(call, "imported: %s of %s, here %s/%s", import->glob, import->host, import->host,
			       import->glob);
	}
	return TRUE;
}

/* --- send, broadcast --- */

const BpParam peer_send_params[] = {
	INSTANCE_ROW,
	{ "peer", .kind = BP_ARGUMENT, .required = 1, .help = "name or id of a peer" },
	{ "message", .kind = BP_ARGUMENT, .type = BP_REST, .required = 1, .help = "JSON" },
	{ NULL },
};

const BpParam peer_broadcast_params[] = {
	INSTANCE_ROW,
	{ "message", .kind = BP_ARGUMENT, .type = BP_REST, .required = 1, .help = "JSON" },
	{ NULL },
};

/* On one line. Yours. */
static char *json_line(const char *text, GError **error)
{
	json_t *value = bp_json_parse(text, strlen(text), PEER_MOST_FRAME / 2, error);
	char *line = value ? bp_json_text_spaced(value, TRUE) : NULL;

	json_decref(value);
	return line;
}

gboolean peer_run_send(BpPlugin *self, BpCall *call, GError **error)
{
	PeerNet *net = net_of(call, error);
	const char *who = bp_call_string(call, "peer");
	g_autofree char *text = net ? json_line(bp_call_string(call, "message"), error) : NULL;

	if (!net || !text)
		return FALSE;
	if (!peer_net_send(net, who, text, strlen(text))) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND,
			    "%.100s is not connected, or takes no more now: `peer list` shows who is", who);
		return FALSE;
	}
	bp_call_printf(call, "Sent to %s.", who);
	return TRUE;
}

gboolean peer_run_broadcast(BpPlugin *self, BpCall *call, GError **error)
{
	PeerNet *net = net_of(call, error);
	g_autofree char *text = net ? json_line(bp_call_string(call, "message"), error) : NULL;

	if (!net || !text)
		return FALSE;
	bp_call_printf(call, "Sent to %u peers.", peer_net_send(net, NULL, text, strlen(text)));
	return TRUE;
}

/* --- connect, export, import --- */

const BpParam peer_connect_params[] = {
	INSTANCE_ROW,
	{ "address", .kind = BP_ARGUMENT, .required = 1, .help = "HOST:PORT of another host's server" },
	{ NULL },
};

gboolean peer_run_connect(BpPlugin *self, BpCall *call, GError **error)
{
	PeerNet *net = net_of(call, error);

	if (!net || !peer_net_connect(net, bp_call_string(call, "address"), error))
		return FALSE;
	bp_call_printf(call, "Connecting to %s; its state is in `peer list` and on %s.",
		       bp_call_string(call, "address"), bp_channel_name(net->events));
	return TRUE;
}

const BpParam peer_export_params[] = {
	INSTANCE_ROW,
	{ "glob", .kind = BP_ARGUMENT, .required = 1, .names = BP_A_CHANNEL,
	  .help = "channels that other hosts may watch and send on" },
	{ "remove", 'd', BP_BOOL, .help = "no longer" },
	{ NULL },
};

gboolean peer_run_export(BpPlugin *self, BpCall *call, GError **error)
{
	PeerNet *net = net_of(call, error);
	gboolean remove = bp_call_bool(call, "remove");

	if (!net || !peer_channels_export(net, bp_call_string(call, "glob"), remove, error))
		return FALSE;
	bp_call_printf(call, remove ? "%s is no longer exported." : "%s is exported.", bp_call_string(call, "glob"));
	return TRUE;
}

const BpParam peer_import_params[] = {
	INSTANCE_ROW,
	{ "host", .kind = BP_ARGUMENT, .required = 1, .help = "name or id of a peer, connected or not" },
	{ "glob", .kind = BP_ARGUMENT, .required = 1, .help = "its channels; here they are HOST/NAME" },
	{ "remove", 'd', BP_BOOL, .help = "no longer" },
	{ NULL },
};

gboolean peer_run_import(BpPlugin *self, BpCall *call, GError **error)
{
	PeerNet *net = net_of(call, error);
	const char *host = bp_call_string(call, "host"), *glob = bp_call_string(call, "glob");
	gboolean remove = bp_call_bool(call, "remove");

	if (!net || !peer_channels_import(net, host, glob, remove, error))
		return FALSE;
	bp_call_printf(call, remove ? "%s of %s is no longer imported." : "%s of %s is imported%s.", glob, host,
		       peer_net_find(net, host) ? "" : " as soon as it is connected");
	return TRUE;
}

/* --- for programs --- */

json_t *peer_resource_list(void)
{
	g_autoptr(GPtrArray) servers = endpoint_server_list();
	json_t *all = json_array();

	for (guint i = 0; i < servers->len; i++) {
		EndpointServer *server = servers->pdata[i];
		json_t *list = server->net ? peer_net_list(server->net) : NULL, *peer;
		size_t at;

		json_array_foreach(list, at, peer)
		{
			json_object_set_new(peer, "instance", json_string(bp_plugin_name(server->self)));
			json_array_append(all, peer);
		}
		json_decref(list);
	}
	return all;
}
