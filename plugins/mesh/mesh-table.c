/* SPDX-License-Identifier: MIT */
/* mesh-table.c - the node table outlives its gateway: it is written to the settings when the gateway closes, and read when it opens.
 *
 * So a reload of the plugin, or a restart of the host, does not wait until each node has been heard again. Kept are address, uuid,
 * state, times, and the newest value of each type. How long a node has been silent is counted by the wall clock meanwhile.
 */
#include <string.h>
#include "mesh-gateway.h"

#define MOST_TEXT (1024 * 1024)

static char *key_of(const MeshGateway *gateway)
{
	return g_strconcat("mesh-nodes-", bp_plugin_name(gateway->self), NULL);
}

static json_t *values_json(const MeshNode *node)
{
	json_t *values = json_object();

	for (guint i = 0; i < node->series->len; i++) {
		const MeshSeries *series = node->series->pdata[i];
		const MeshValue *value = mesh_series_value(series, 0);
		g_autofree char *hex = value ? bp_bytes_to_hex(value->data, value->size) : NULL;

		if (hex && g_utf8_validate(series->name, -1, NULL))
			json_object_set_new(values, series->name, json_pack("[s,I]", hex, (json_int_t)value->time));
	}
	return values;
}

void mesh_table_save(const MeshGateway *gateway)
{
	g_autofree char *key = key_of(gateway), *text = NULL;
	json_auto_t *list = json_array();

	for (guint i = 0; i < gateway->nodes.nodes->len; i++) {
		const MeshNode *node = gateway->nodes.nodes->pdata[i];
		g_autofree char *uuid = node->has_uuid ? bp_bytes_to_hex(node->uuid, MESH_UUID) : NULL;

		json_array_append_new(list,
				      json_pack("{s:i,s:i,s:s*,s:I,s:I,s:I,s:o}", "address", (int)node->address,
						"status", (int)node->status, "uuid", uuid, "seen",
						(json_int_t)node->seen_wall, "joined", (json_int_t)node->joined,
						"messages", (json_int_t)node->messages, "values", values_json(node)));
	}
	text = bp_json_text(list);
	if (strlen(text) <= MOST_TEXT)
		bp_setting_store(bp_context("/"), key, json_array_size(list) ? text : NULL);
}

/* NULL if there are none. Yours. */
static guint8 *bytes_of(const json_t *hex, gsize *size)
{
	const char *text = json_string_value(hex);

	*size = 0;
	return text && *text ? bp_bytes_from_hex(text, size, NULL) : NULL;
}

static void read_values(MeshGateway *gateway, MeshNode *node, const json_t *values)
{
	const char *name;
	json_t *item;

	json_object_foreach((json_t *)values, name, item)
	{
		gsize size;
		g_autofree guint8 *bytes = bytes_of(json_array_get(item, 0), &size);
		MeshDatum datum = { .data = bytes, .size = (guint)size };

		if (bytes && g_strlcpy(datum.name, name, sizeof(datum.name)) < sizeof(datum.name))
			mesh_nodes_keep_value(&gateway->nodes, node, &datum,
					      json_integer_value(json_array_get(item, 1)));
	}
}

static void read_node(MeshGateway *gateway, const json_t *item)
{
	json_int_t address = json_integer_value(json_object_get(item, "address"));
	json_int_t status = json_integer_value(json_object_get(item, "status"));
	gint64 wall = json_integer_value(json_object_get(item, "seen")), silent = g_get_real_time() - wall;
	gint64 seen = bp_loop_now() - MAX(silent, 0);
	gsize size;
	g_autofree guint8 *uuid = bytes_of(json_object_get(item, "uuid"), &size);
	MeshNode *node;

	if (address < 1 || address > 65535 || status < MESH_ACTIVE || status > MESH_DISCONNECT)
		return;
	if (uuid && size == MESH_UUID)
		mesh_nodes_joined(&gateway->nodes, (guint16)address, uuid, seen, wall);
	else
		mesh_nodes_heard(&gateway->nodes, (guint16)address, TRUE, seen, wall);
	node = mesh_nodes_find(&gateway->nodes, (guint16)address);
	if (!node)
		return;
	mesh_nodes_set_status(&gateway->nodes, node, (MeshStatus)status);
	node->joined = json_integer_value(json_object_get(item, "joined"));
	node->messages = (guint64)json_integer_value(json_object_get(item, "messages"));
	read_values(gateway, node, json_object_get(item, "values"));
}

void mesh_table_read(MeshGateway *gateway)
{
	g_autofree char *key = key_of(gateway), *text = bp_setting_get(bp_context("/"), key);
	json_auto_t *list = text && *text ? bp_json_parse(text, strlen(text), MOST_TEXT, NULL) : NULL;
	size_t at;
	json_t *item;

	json_array_foreach(list, at, item) read_node(gateway, item);
}
