/* SPDX-License-Identifier: MIT */
/* mesh-node.c - the known nodes of the mesh, their last values, paths. No I/O. */
#include <string.h>
#include "mesh-node.h"

#define ADDRESSES 65536
#define PATH_LIMIT 4096

static guint hash_uuid(gconstpointer key)
{
	const guint8 *uuid = key;
	guint hash = 5381;

	for (guint i = 0; i < MESH_UUID; i++)
		hash = hash * 33 + uuid[i];
	return hash;
}

static gboolean equal_uuid(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, MESH_UUID) == 0;
}

static void series_free(gpointer data)
{
	MeshSeries *series = data;

	for (guint i = 0; i < series->capacity; i++)
		g_free(series->values[i].data);
	g_free(series->values);
	g_free(series->name);
	g_free(series);
}

static void node_free(gpointer data)
{
	MeshNode *node = data;

	g_ptr_array_unref(node->series);
	g_free(node);
}

void mesh_nodes_init(MeshNodes *nodes, guint limit, guint keep)
{
	memset(nodes, 0, sizeof(*nodes));
	nodes->nodes = g_ptr_array_new_with_free_func(node_free);
	nodes->by_address = g_new0(MeshNode *, ADDRESSES);
	nodes->by_uuid = g_hash_table_new(hash_uuid, equal_uuid);
	nodes->paths = g_array_new(FALSE, FALSE, sizeof(MeshPath));
	nodes->limit = limit;
	nodes->keep = MAX(keep, 1);
}

void mesh_nodes_clear(MeshNodes *nodes)
{
	g_clear_pointer(&nodes->by_uuid, g_hash_table_unref);
	g_clear_pointer(&nodes->nodes, g_ptr_array_unref);
	g_clear_pointer(&nodes->by_address, g_free);
	g_clear_pointer(&nodes->paths, g_array_unref);
}

MeshNode *mesh_nodes_find(const MeshNodes *nodes, guint16 address)
{
	return nodes->by_address[address];
}

gboolean mesh_nodes_set_status(MeshNodes *nodes, MeshNode *node, MeshStatus status)
{
	if (node->status == status)
		return FALSE;
	nodes->active -= node->status == MESH_ACTIVE;
	nodes->active += status == MESH_ACTIVE;
	node->status = status;
	return TRUE;
}

static MeshNode *add_node(MeshNodes *nodes, guint16 address, gint64 wall)
{
	MeshNode *node;

	if (nodes->nodes->len >= nodes->limit) {
		nodes->refused++;
		return NULL;
	}
	node = g_new0(MeshNode, 1);
	node->address = address;
	node->joined = wall;
	node->series = g_ptr_array_new_with_free_func(series_free);
	nodes->by_address[address] = node;
	g_ptr_array_add(nodes->nodes, node);
	return node;
}

static void remove_node(MeshNodes *nodes, MeshNode *node)
{
	mesh_nodes_set_status(nodes, node, MESH_DISCONNECT);
	nodes->by_address[node->address] = NULL;
	if (g_hash_table_lookup(nodes->by_uuid, node->uuid) == node)
		g_hash_table_remove(nodes->by_uuid, node->uuid);
	g_ptr_array_remove(nodes->nodes, node);
}

/* Another device at this address is another node; a device at another address is the same one, moved. */
static gboolean set_uuid(MeshNodes *nodes, MeshNode *node, const guint8 *uuid)
{
	MeshNode *elsewhere = g_hash_table_lookup(nodes->by_uuid, uuid);

	if (node->has_uuid && equal_uuid(node->uuid, uuid))
		return FALSE;
	if (elsewhere)
		remove_node(nodes, elsewhere);
	if (node->has_uuid) {
		g_hash_table_remove(nodes->by_uuid, node->uuid);
		g_ptr_array_set_size(node->series, 0);
		node->has_position = FALSE;
	}
	memcpy(node->uuid, uuid, MESH_UUID);
	node->has_uuid = TRUE;
	g_hash_table_insert(nodes->by_uuid, node->uuid, node);
	return TRUE;
}

MeshNode *mesh_nodes_heard(MeshNodes *nodes, guint16 address, gboolean add, gint64 now, gint64 wall)
{
	MeshNode *node = nodes->by_address[address];

	if (!node && add && address)
		node = add_node(nodes, address, wall);
	if (!node)
		return NULL;
	mesh_nodes_set_status(nodes, node, MESH_ACTIVE);
	node->seen = now;
	node->seen_wall = wall;
	node->missed = 0;
	node->messages++;
	return node;
}

gboolean mesh_nodes_joined(MeshNodes *nodes, guint16 address, const guint8 *uuid, gint64 now, gint64 wall)
{
	MeshNode *before = nodes->by_address[address];
	MeshStatus status = before ? before->status : MESH_UNSEEN;
	MeshNode *node = mesh_nodes_heard(nodes, address, TRUE, now, wall);

	if (!node)
		return FALSE;
	return set_uuid(nodes, node, uuid) || status != MESH_ACTIVE;
}

/* --- values --- */

MeshSeries *mesh_node_series(const MeshNode *node, const char *name)
{
	for (guint i = 0; i < node->series->len; i++) {
		MeshSeries *series = node->series->pdata[i];

		if (strcmp(series->name, name) == 0)
			return series;
	}
	return NULL;
}

const MeshValue *mesh_series_value(const MeshSeries *series, guint back)
{
	return back < series->count ? &series->values[(series->last + series->capacity - back) % series->capacity]
				    : NULL;
}

void mesh_nodes_keep_value(MeshNodes *nodes, MeshNode *node, const MeshDatum *datum, gint64 wall)
{
	MeshSeries *series = mesh_node_series(node, datum->name);
	MeshValue *value;

	if (!series) {
		if (node->series->len >= MESH_SERIES_LIMIT)
			return;
		series = g_new0(MeshSeries, 1);
		series->name = g_strdup(datum->name);
		series->capacity = nodes->keep;
		series->values = g_new0(MeshValue, series->capacity);
		g_ptr_array_add(node->series, series);
	}
	if (series->count)
		series->last = (series->last + 1) % series->capacity;
	series->count = MIN(series->count + 1, series->capacity);
	series->total++;
	value = &series->values[series->last];
	if (value->size != datum->size || !value->data)
		value->data = g_realloc(value->data, MAX(datum->size, 1));
	if (datum->size)
		memcpy(value->data, datum->data, datum->size);
	value->size = datum->size;
	value->time = wall;
	if (mesh_position_unpack(datum->data, strcmp(datum->name, "GPS") ? 0 : datum->size, &node->latitude,
				 &node->longitude))
		node->has_position = TRUE;
}

/* --- the root's list --- */

gboolean mesh_nodes_list(MeshNodes *nodes, const MeshMessage *batch, gint64 now, gint64 wall)
{
	gboolean changed = FALSE;

	if (!nodes->gathering) {
		nodes->gathering = TRUE;
		nodes->doubtful = FALSE;
		for (guint i = 0; i < nodes->nodes->len; i++)
			((MeshNode *)nodes->nodes->pdata[i])->listed = FALSE;
	}
	for (guint i = 0; i < batch->count; i++) {
		MeshEntry entry = mesh_message_entry(batch, i);
		MeshNode *node = mesh_nodes_find(nodes, entry.address);

		if (!entry.address)
			continue;
		if (node && node->listed) {
			nodes->doubtful = TRUE;
			continue;
		}
		changed |= mesh_nodes_joined(nodes, entry.address, entry.uuid, now, wall);
		node = mesh_nodes_find(nodes, entry.address);
		if (node)
			node->listed = TRUE;
	}
	return changed;
}

gboolean mesh_nodes_end_list(MeshNodes *nodes)
{
	gboolean changed = FALSE, trusted = nodes->gathering && !nodes->doubtful;

	nodes->gathering = FALSE;
	for (guint i = 0; trusted && i < nodes->nodes->len; i++) {
		MeshNode *node = nodes->nodes->pdata[i];

		if (node->listed)
			continue;
		node->missed++;
		if (node->status == MESH_DISCONNECT)
			continue;
		changed |= mesh_nodes_set_status(nodes, node, node->missed > 1 ? MESH_DISCONNECT : MESH_IDLE);
	}
	return changed;
}

void mesh_nodes_paths(MeshNodes *nodes, const MeshMessage *batch)
{
	if (!nodes->gathering_paths)
		g_array_set_size(nodes->paths, 0);
	nodes->gathering_paths = TRUE;
	for (guint i = 0; i < batch->count && nodes->paths->len < PATH_LIMIT; i++) {
		MeshPath path = mesh_message_path(batch, i);

		g_array_append_val(nodes->paths, path);
	}
}

void mesh_nodes_end_paths(MeshNodes *nodes)
{
	nodes->gathering_paths = FALSE;
}

void mesh_nodes_clear_paths(MeshNodes *nodes)
{
	g_array_set_size(nodes->paths, 0);
	nodes->gathering_paths = FALSE;
}

/* --- status --- */

gboolean mesh_nodes_set_all(MeshNodes *nodes, MeshStatus from_or_better, MeshStatus to)
{
	gboolean changed = FALSE;

	for (guint i = 0; i < nodes->nodes->len; i++) {
		MeshNode *node = nodes->nodes->pdata[i];

		if (node->status <= from_or_better)
			changed |= mesh_nodes_set_status(nodes, node, to);
	}
	return changed;
}

gboolean mesh_nodes_age(MeshNodes *nodes, gint64 now, gint64 idle_after, gint64 disconnect_after)
{
	gboolean changed = FALSE;

	for (guint i = 0; i < nodes->nodes->len; i++) {
		MeshNode *node = nodes->nodes->pdata[i];
		gint64 age = now - node->seen;

		if (disconnect_after && age >= disconnect_after)
			changed |= mesh_nodes_set_status(nodes, node, MESH_DISCONNECT);
		else if (idle_after && age >= idle_after && node->status == MESH_ACTIVE)
			changed |= mesh_nodes_set_status(nodes, node, MESH_IDLE);
	}
	return changed;
}

const char *mesh_status_name(MeshStatus status)
{
	static const char *const names[] = { "Unseen", "Active", "Idle", "Disconnect" };

	return names[status];
}

void mesh_node_uuid_text(const MeshNode *node, char text[2 * MESH_UUID + 1])
{
	static const char digits[] = "0123456789abcdef";

	if (!node->has_uuid) {
		g_snprintf(text, 2 * MESH_UUID + 1, "%028x%04x", 0, node->address);
		return;
	}
	for (guint i = 0; i < MESH_UUID; i++) {
		text[2 * i] = digits[node->uuid[i] >> 4];
		text[2 * i + 1] = digits[node->uuid[i] & 15];
	}
	text[2 * MESH_UUID] = 0;
}
