/* SPDX-License-Identifier: MIT */
/* peer-resource.c - the resources "peers", "endpoints" and "discovery", and the page "Peers". */
#include "peer-resource.h"
#include <string.h>
#include <backplane/resource.h>
#include "peer.h"

/* The ones whose id matches; takes the list. */
static json_t *matching(json_t *take_list, const char *query)
{
	json_t *list = json_array(), *item;
	size_t at;

	json_array_foreach(take_list, at, item)
	{
		const char *id = json_string_value(json_object_get(item, "id"));

		if (id && (!query || g_pattern_match_simple(query, id)))
			json_array_append(list, item);
	}
	json_decref(take_list);
	return list;
}

static json_t *list_peers(BpPlugin *self, const char *query, GError **error)
{
	return matching(peer_resource_list(), query);
}

static json_t *list_found(BpPlugin *self, const char *query, GError **error)
{
	return matching(discovery_json(), query);
}

static json_t *list_endpoints(BpPlugin *self, const char *query, GError **error)
{
	g_autoptr(GPtrArray) servers = endpoint_server_list();
	g_auto(GStrv) names = endpoint_names(servers->len ? servers->pdata[0] : NULL);
	json_t *list = json_array();

	for (char **at = names; *at; at++) {
		const char *command = endpoint_command_of(*at);

		json_array_append_new(list, json_pack("{s:s,s:s?}", "id", *at, "command", command));
	}
	return matching(list, query);
}

static const BpParam message_params[] = {
	{ "message", .type = BP_STRING, .required = 1, .help = "JSON text" },
	{ NULL },
};

static json_t *send_message(const char *id, const BpValues *values, GError **error)
{
	const char *text = bp_values_string(values, "message");
	json_t *value = bp_json_parse(text, strlen(text), PEER_MOST_FRAME / 2, error);
	PeerNet *net = value ? peer_net_default(NULL, error) : NULL;
	guint count;
	g_autofree char *line = value ? bp_json_text_spaced(value, TRUE) : NULL;

	json_decref(value);
	if (!net)
		return NULL;
	count = peer_net_send(net, id, line, strlen(line));
	if (id && !count) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "%.100s is not connected, or takes no more now", id);
		return NULL;
	}
	return json_pack("{s:i}", "sent", (int)count);
}

static json_t *run_send(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	return send_message(id, values, error);
}

static json_t *run_broadcast(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	return send_message(NULL, values, error);
}

static const BpAction peer_actions[] = {
	{ "send", .help = "a JSON message for one peer", .params = message_params, .role = BP_OPERATOR,
	  .run = run_send },
	{ "broadcast", .help = "a JSON message for every peer", .params = message_params, .role = BP_OPERATOR,
	  .on_all = TRUE, .run = run_broadcast },
	{ NULL },
};

static const BpResource peers = {
	.size = sizeof(peers),
	.name = "peers",
	.help = "hosts that are connected or waited for",
	.role = BP_OBSERVER,
	.list = list_peers,
	.actions = peer_actions,
};

static const BpResource endpoints = {
	.size = sizeof(endpoints),
	.name = "endpoints",
	.help = "what programs may call in JSON",
	.role = BP_OBSERVER,
	.list = list_endpoints,
};

static const BpResource found = {
	.size = sizeof(found),
	.name = "discovery",
	.help = "servers found on the network",
	.role = BP_OBSERVER,
	.list = list_found,
	.channel = "discovery",
};

/* A circle of hosts around this one, coloured by state, with rates; a table below. */
/* Made of peers.js by the build. */
extern const char peer_peers_script[];
extern const gsize peer_peers_script_size;

static BpView view = { .size = sizeof(view), .name = "peers", .title = "Peers" };

gboolean peer_resources_add(BpPlugin *self, GError **error)
{
	view.script = peer_peers_script;
	view.script_size = peer_peers_script_size;
	return bp_registry_add(self, "resource/peers", &peers, error) &&
	       bp_registry_add(self, "resource/endpoints", &endpoints, error) &&
	       bp_registry_add(self, "resource/discovery", &found, error) &&
	       bp_registry_add(self, "view/peers", &view, error);
}
