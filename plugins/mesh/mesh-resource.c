/* SPDX-License-Identifier: MIT */
/* mesh-resource.c - the mesh for programs and pages: resources nodes and netinfo, view Nodes. */
#include <stdlib.h>
#include <string.h>
#include <backplane/resource.h>
#include "mesh-gateway.h"

/* Made of nodes.js by the build. */
extern const char mesh_nodes_script[];
extern const gsize mesh_nodes_script_size;

/* --- nodes: one entry a node of any gateway, "GATEWAY:ADDRESS" --- */

static json_t *list_nodes(BpPlugin *self, const char *query, GError **error)
{
	g_autoptr(GPtrArray) gateways = bp_instance_list("MeshGateway");
	json_t *list = json_array();

	for (guint i = 0; i < gateways->len; i++) {
		MeshGateway *gateway = bp_instance_data(gateways->pdata[i]);

		for (guint k = 0; k < gateway->nodes.nodes->len; k++) {
			json_t *node = mesh_json_node(gateway, gateway->nodes.nodes->pdata[k]);

			if (!query || g_pattern_match_simple(query, json_string_value(json_object_get(node, "id"))))
				json_array_append_new(list, node);
			else
				json_decref(node);
		}
	}
	return list;
}

/* "mesh:5", or "5" if there is one gateway. */
static MeshGateway *find(const char *id, guint16 *address, GError **error)
{
	const char *colon = strrchr(id, ':'), *digits = colon ? colon + 1 : id;
	g_autofree char *name = colon ? g_strndup(id, (gsize)(colon - id)) : NULL;
	MeshGateway *gateway;
	guint64 number = 0;

	if (!g_ascii_string_to_unsigned(digits, 10, 0, G_MAXUINT16, &number, error))
		return NULL;
	gateway = mesh_gateway_find(name, error);
	if (gateway)
		*address = (guint16)number;
	return gateway;
}

static json_t *get_node(BpPlugin *self, const char *id, GError **error)
{
	guint16 address;
	MeshGateway *gateway = find(id, &address, error);
	MeshNode *node = gateway ? mesh_nodes_find(&gateway->nodes, address) : NULL;

	if (gateway && !node)
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no node %s", id);
	return node ? mesh_json_node(gateway, node) : NULL;
}

static const BpParam send_params[] = {
	{ "text", .type = BP_STRING, .help = "the message" },
	{ "hex", .type = BP_STRING, .help = "the message in hexadecimal" },
	{ NULL },
};

static json_t *ask(MeshGateway *gateway, const char *name, guint16 address, const guint8 *data, gsize size,
		   GError **error)
{
	g_autoptr(GByteArray) body = mesh_command_build(name, TRUE, address, data, size), reply = g_byte_array_new();
	gboolean wait;
	guint16 target;

	mesh_request_run(gateway, body->data, body->len, reply, &wait, &target);
	if (reply->data[0] != 'F')
		return json_null();
	g_set_error(error, BP_HOST_ERROR, BP_FAILED, "%s was refused: %.*s", name, (int)reply->len - 2,
		    (const char *)reply->data + 2);
	return NULL;
}

static json_t *run_send(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	const char *hex = bp_values_string(values, "hex"), *text = bp_values_string(values, "text");
	guint16 address;
	MeshGateway *gateway = find(id, &address, error);
	g_autofree guint8 *bytes = NULL;
	gsize size;

	if (!gateway)
		return NULL;
	if (!hex && !text) {
		g_set_error_literal(error, BP_HOST_ERROR, BP_INVALID, "there is no message: give text or hex");
		return NULL;
	}
	if (!hex)
		return ask(gateway, "SEND-", address, (const guint8 *)text, strlen(text), error);
	bytes = bp_bytes_from_hex(hex, &size, error);
	return bytes ? ask(gateway, "SEND-", address, bytes, size, error) : NULL;
}

static const BpAction node_actions[] = {
	{ "send", .help = "sends it a message", .params = send_params, .role = BP_OPERATOR, .run = run_send },
	{ NULL },
};

static const BpResource nodes = {
	.size = sizeof(nodes),
	.name = "nodes",
	.help = "nodes of mesh gateways and their last values",
	.role = BP_OBSERVER,
	.list = list_nodes,
	.get = get_node,
	.actions = node_actions,
	.channel = "mesh-nodes",
};

/* --- netinfo: one entry a gateway --- */

static json_t *counts(const MeshGateway *gateway)
{
	const MeshCounts *c = &gateway->counts;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "frames", (json_int_t)c->frames, "malformed",
			 (json_int_t)c->malformed, "texts", (json_int_t)c->texts, "undefined", (json_int_t)c->undefined,
			 "sent", (json_int_t)c->sent, "refused", (json_int_t)c->refused, "requests",
			 (json_int_t)c->requests, "pushed", (json_int_t)c->pushed, "push_drops",
			 (json_int_t)c->push_drops);
}

json_t *mesh_resource_netinfo(const MeshGateway *gateway)
{
	json_t *paths = json_array(), *list = json_array();

	for (guint i = 0; i < gateway->nodes.paths->len; i++) {
		const MeshPath *path = &g_array_index(gateway->nodes.paths, MeshPath, i);

		json_array_append_new(paths, json_pack("{s:i, s:i}", "origin", path->origin, "target", path->target));
	}
	for (guint i = 0; i < gateway->nodes.nodes->len; i++) {
		const MeshNode *node = gateway->nodes.nodes->pdata[i];
		char uuid[2 * MESH_UUID + 1];

		mesh_node_uuid_text(node, uuid);
		json_array_append_new(list, json_pack("{s:i, s:s?, s:s}", "address", node->address, "uuid",
						      node->has_uuid ? uuid : NULL, "status",
						      mesh_status_name(node->status)));
	}
	return json_pack("{s:s, s:b, s:i, s:i, s:i, s:s, s:o, s:o, s:o}", "id", bp_plugin_name(gateway->self), "line",
			 mesh_root_is_up(gateway), "listeners", gateway->listeners, "active", gateway->nodes.active,
			 "waiting", gateway->waiting.length, "addresses", bp_server_addresses(gateway->server), "nodes",
			 list, "paths", paths, "counts", counts(gateway));
}

static json_t *list_netinfo(BpPlugin *self, const char *query, GError **error)
{
	g_autoptr(GPtrArray) gateways = bp_instance_list("MeshGateway");
	json_t *list = json_array();

	for (guint i = 0; i < gateways->len; i++)
		if (!query || g_pattern_match_simple(query, bp_plugin_name(gateways->pdata[i])))
			json_array_append_new(list, mesh_resource_netinfo(bp_instance_data(gateways->pdata[i])));
	return list;
}

static const BpParam broadcast_params[] = {
	{ "text", .type = BP_STRING, .required = 1, .help = "the message" },
	{ NULL },
};

static json_t *run_broadcast(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	MeshGateway *gateway = mesh_gateway_find(id, error);
	const char *text = bp_values_string(values, "text");

	return gateway ? ask(gateway, "BCAST", 0, (const guint8 *)text, strlen(text), error) : NULL;
}

static json_t *run_ask(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	MeshGateway *gateway = mesh_gateway_find(id, error);

	return gateway ? ask(gateway, "NINFO", 0, NULL, 0, error) : NULL;
}

static json_t *run_reset(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	MeshGateway *gateway = mesh_gateway_find(id, error);

	return gateway ? ask(gateway, "RST-R", 0, NULL, 0, error) : NULL;
}

static const BpAction net_actions[] = {
	{ "broadcast", .help = "sends a message to all nodes", .params = broadcast_params, .role = BP_OPERATOR,
	  .run = run_broadcast },
	{ "ask", .help = "asks the root for its nodes", .role = BP_OPERATOR, .run = run_ask },
	{ "reset", .help = "restarts the root module", .role = BP_OPERATOR, .run = run_reset },
	{ NULL },
};

static const BpResource netinfo = {
	.size = sizeof(netinfo),
	.name = "netinfo",
	.help = "mesh gateways, their nodes and paths",
	.role = BP_OBSERVER,
	.list = list_netinfo,
	.actions = net_actions,
	.channel = "mesh-nodes",
};

gboolean mesh_resource_load(BpPlugin *self, GError **error)
{
	static BpView view = { .size = sizeof(view), .name = "nodes", .title = "Nodes" };

	view.script = mesh_nodes_script;
	view.script_size = mesh_nodes_script_size;
	return bp_registry_add(self, "resource/nodes", &nodes, error) &&
	       bp_registry_add(self, "resource/netinfo", &netinfo, error) &&
	       bp_registry_add(self, "view/nodes", &view, error);
}
