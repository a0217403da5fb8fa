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

	json_array_foreach(take_list, at, item) {
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
	PeerLink *link = net && id ? peer_net_find(net, id) : NULL;
	g_autofree char *line = value ? bp_json_text_spaced(value, TRUE) : NULL;

	json_decref(value);
	if (!net)
		return NULL;
	if (id && !link) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no peer %.100s", id);
		return NULL;
	}
	return json_pack("{s:i}", "sent", (int)peer_net_send(net, link, line, strlen(line)));
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
	{ "send", .help = "a JSON message for one peer", .params = message_params, .role = BP_OPERATOR, .run = run_send },
	{ "broadcast", .help = "a JSON message for every peer", .params = message_params, .role = BP_OPERATOR, .on_all = TRUE,
	  .run = run_broadcast },
	{ NULL },
};

static const BpResource peers = {
	.name = "peers", .help = "hosts that are connected or waited for", .role = BP_OBSERVER, .list = list_peers,
	.actions = peer_actions,
};

static const BpResource endpoints = {
	.name = "endpoints", .help = "what programs may call in JSON", .role = BP_OBSERVER, .list = list_endpoints,
};

static const BpResource found = {
	.name = "discovery", .help = "servers found on the network", .role = BP_OBSERVER, .list = list_found, .channel = "discovery",
};

/* A circle of hosts around this one, coloured by state, with rates; a table below. */
static const char script[] =
	"export const title = 'Peers';\n"
	"const colours = { up: '#2a2', original: '#28c', connecting: '#c80', handshake: '#c80', waiting: '#888', suspect: '#c80', down: '#c22' };\n"
	"const svg = (name, attributes, text) => {\n"
	"	const node = document.createElementNS('http://www.w3.org/2000/svg', name);\n"
	"	for (const key in attributes) node.setAttribute(key, attributes[key]);\n"
	"	if (text !== undefined) node.textContent = text;\n"
	"	return node;\n"
	"};\n"
	"export function show(element, api) {\n"
	"	const map = svg('svg', { viewBox: '0 0 600 400', role: 'img', style: 'width:100%;max-height:24em' });\n"
	"	const table = document.createElement('table');\n"
	"	const before = new Map();\n"
	"	let ended = false, last = performance.now();\n"
	"	element.append(map, table);\n"
	"	function rate(peer, key, seconds) {\n"
	"		const name = peer.id + ' ' + key, now = peer[key] || 0, then = before.get(name);\n"
	"		before.set(name, now);\n"
	"		return then === undefined ? '' : ((now - then) / seconds).toFixed(1) + '/s';\n"
	"	}\n"
	"	function draw(peers, found) {\n"
	"		const seconds = Math.max(0.1, (performance.now() - last) / 1000);\n"
	"		const known = new Set(peers.map(peer => peer.id));\n"
	"		const all = peers.concat(found.filter(node => !known.has(node.id)));\n"
	"		last = performance.now();\n"
	"		map.replaceChildren();\n"
	"		table.replaceChildren();\n"
	"		const head = table.createTHead().insertRow();\n"
	"		for (const text of ['Name', 'State', 'Address', 'Channels', 'In', 'Out', 'Drops']) {\n"
	"			const cell = document.createElement('th');\n"
	"			cell.textContent = text;\n"
	"			head.append(cell);\n"
	"		}\n"
	"		const body = table.createTBody();\n"
	"		all.forEach((peer, index) => {\n"
	"			const angle = 2 * Math.PI * index / all.length, x = 300 + 220 * Math.cos(angle), y = 200 + 140 * Math.sin(angle);\n"
	"			const colour = colours[peer.state] || '#888', row = body.insertRow();\n"
	"			if (known.has(peer.id))\n"
	"				map.append(svg('line', { x1: 300, y1: 200, x2: x, y2: y, stroke: colour, 'stroke-width': peer.connected ? 3 : 1 }));\n"
	"			map.append(svg('circle', { cx: x, cy: y, r: 18, fill: colour }));\n"
	"			map.append(svg('text', { x, y: y + 34, 'text-anchor': 'middle', fill: 'currentColor' }, peer.name));\n"
	"			for (const text of [peer.name, peer.state, (peer.ip || '') + (peer.port ? ':' + peer.port : ''), peer.channels ?? '',\n"
	"				rate(peer, 'messages_in', seconds), rate(peer, 'messages_out', seconds), peer.drops ?? ''])\n"
	"				row.insertCell().textContent = text;\n"
	"		});\n"
	"		map.append(svg('circle', { cx: 300, cy: 200, r: 24, fill: 'currentColor' }));\n"
	"	}\n"
	"	async function refresh() {\n"
	"		try {\n"
	"			const [peers, found] = await Promise.all([api.get('peers'), api.get('discovery')]);\n"
	"			if (!ended) draw(peers, found);\n"
	"		} catch (error) {\n"
	"			if (!ended) table.textContent = String(error.message || error);\n"
	"		}\n"
	"	}\n"
	"	const timer = setInterval(refresh, 2000);\n"
	"	refresh();\n"
	"	return () => { ended = true; clearInterval(timer); };\n"
	"}\n";

static const BpView view = { .name = "peers", .title = "Peers", .script = script, .size = sizeof(script) - 1 };

gboolean peer_resources_add(BpPlugin *self, GError **error)
{
	return bp_registry_add(self, "resource/peers", &peers, error) && bp_registry_add(self, "resource/endpoints", &endpoints, error) &&
	       bp_registry_add(self, "resource/discovery", &found, error) && bp_registry_add(self, "view/peers", &view, error);
}
