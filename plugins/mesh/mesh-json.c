/* SPDX-License-Identifier: MIT */
/* mesh-json.c - the mesh in JSON: both vocabularies of the dashboards, and the resources.
 *
 * One vocabulary is a whole state without a type, the other has messages with a type. Pages of the first kind look for
 * "nodes", which one message of the second has too; so the state is always sent after that one.
 */
#include "mesh-gateway.h"

static json_t *hex(const guint8 *data, gsize size)
{
	static const char digits[] = "0123456789abcdef";
	g_autofree char *text = g_malloc(2 * size + 1);

	for (gsize i = 0; i < size; i++) {
		text[2 * i] = digits[data[i] >> 4];
		text[2 * i + 1] = digits[data[i] & 15];
	}
	return json_stringn(text, 2 * size);
}

static json_t *position(const MeshNode *node)
{
	if (!node->has_position)
		return json_null();
	return json_pack("{s:f, s:f}", "lat", node->latitude, "lon", node->longitude);
}

static json_t *last_values(const MeshNode *node)
{
	json_t *data = json_object();

	for (guint i = 0; i < node->series->len; i++) {
		const MeshSeries *series = node->series->pdata[i];
		const MeshValue *value = mesh_series_value(series, 0);

		if (g_utf8_validate(series->name, -1, NULL))
			json_object_set_new(data, series->name, hex(value->data, value->size));
	}
	return data;
}

static json_t *all_values(const MeshSeries *series)
{
	json_t *values = json_array();

	for (guint back = series->count; back > 0; back--) {
		const MeshValue *value = mesh_series_value(series, back - 1);

		json_array_append_new(values, json_pack("{s:f, s:o}", "time", (double)value->time / 1000, "hex",
							hex(value->data, value->size)));
	}
	return values;
}

json_t *mesh_json_node(const MeshGateway *gateway, const MeshNode *node)
{
	char uuid[2 * MESH_UUID + 1];
	json_t *data = json_object();

	mesh_node_uuid_text(node, uuid);
	for (guint i = 0; i < node->series->len; i++) {
		const MeshSeries *series = node->series->pdata[i];

		if (g_utf8_validate(series->name, -1, NULL))
			json_object_set_new(data, series->name, all_values(series));
	}
	return json_pack("{s:o, s:s, s:i, s:s, s:s?, s:o, s:f, s:f, s:I, s:o}", "id",
			 json_sprintf("%s:%u", bp_plugin_name(gateway->self), node->address), "gateway",
			 bp_plugin_name(gateway->self), "address", node->address, "status",
			 mesh_status_name(node->status), "uuid", node->has_uuid ? uuid : NULL, "gps", position(node),
			 "seen", (double)node->seen_wall / 1000, "joined", (double)node->joined / 1000, "messages",
			 (json_int_t)node->messages, "data", data);
}

static char *text_of(json_t *take_value)
{
	json_auto_t *value = take_value;

	return bp_json_text_spaced(value, TRUE);
}

char *mesh_json_state(const MeshGateway *gateway)
{
	json_t *nodes = json_array(), *paths = json_array();
	char uuid[2 * MESH_UUID + 1];

	for (guint i = 0; i < gateway->nodes.nodes->len; i++) {
		const MeshNode *node = gateway->nodes.nodes->pdata[i];

		mesh_node_uuid_text(node, uuid);
		json_array_append_new(nodes, json_pack("{s:i, s:s, s:s, s:o, s:o}", "address", node->address, "status",
						       mesh_status_name(node->status), "uuid", uuid, "gps",
						       position(node), "data", last_values(node)));
	}
	for (guint i = 0; i < gateway->nodes.paths->len; i++) {
		const MeshPath *path = &g_array_index(gateway->nodes.paths, MeshPath, i);

		json_array_append_new(paths, json_pack("{s:i, s:i}", "origin", path->origin, "target", path->target));
	}
	return text_of(json_pack("{s:o, s:o}", "nodes", nodes, "direct_forwarding_paths", paths));
}

char *mesh_json_status(const MeshGateway *gateway)
{
	json_t *nodes = json_array();

	for (guint i = 0; i < gateway->nodes.nodes->len; i++) {
		const MeshNode *node = gateway->nodes.nodes->pdata[i];

		json_array_append_new(nodes, json_pack("{s:o, s:s}", "name", json_sprintf("Node-%u", node->address),
						       "status", node->status == MESH_ACTIVE ? "normal" : "error"));
	}
	return text_of(json_pack("{s:s, s:s, s:o}", "type", "networkStatus", "status", "nodeStatus", "nodes", nodes));
}

char *mesh_json_connection(const MeshGateway *gateway)
{
	return text_of(json_pack("{s:s, s:s, s:b, s:b}", "type", "networkStatus", "status", "connectionStatus",
				 "socket", gateway->listeners > 0, "uart", gateway->line));
}

char *mesh_json_log(const char *text)
{
	return text_of(json_pack("{s:s, s:o}", "type", "trafficLog", "message", bp_json_string(text, -1)));
}

char *mesh_json_robots(json_t *robots)
{
	return text_of(
		json_pack("{s:s, s:s, s:O}", "type", "networkStatus", "status", "robotStatus", "robots", robots));
}
