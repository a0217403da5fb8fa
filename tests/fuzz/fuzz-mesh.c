/* SPDX-License-Identifier: MIT */
/* fuzz-mesh.c - the first byte chooses: messages of the root of a generation, a request, a table of types. */
#include <stdint.h>
#include <string.h>
#include "../../plugins/mesh/mesh-command.h"
#include "../../plugins/mesh/mesh-node.h"
#include "../marked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static MeshTypes types;
static guint sum; /* so that what is read is really read */

/* Messages are parted by 0xff 0xff. */
static void feed_root(const guint8 *data, gsize size, MeshOpcodes opcodes)
{
	MeshNodes nodes;
	gint64 now = 1;

	mesh_nodes_init(&nodes, 32, 3);
	while (size) {
		const guint8 *mark = memmem(data, size, "\xff\xff", 2);
		gsize length = mark ? (gsize)(mark - data) : size;
		MeshMessage message;
		MeshCursor cursor = { 0 };
		MeshDatum datum;
		MeshNode *node;
		const char *why;

		mesh_message_parse(&message, data, length, opcodes);
		sum += mesh_message_is_failure(&message) + (guint)strlen(mesh_kind_name(message.kind));
		if (message.kind == MESH_NET_INFO)
			mesh_nodes_list(&nodes, &message, now, now);
		else if (message.kind == MESH_NODE_INFO)
			mesh_nodes_joined(&nodes, message.address, message.payload, now, now);
		else if (message.kind == MESH_PATHS)
			mesh_nodes_paths(&nodes, &message);
		node = mesh_nodes_heard(&nodes, message.address, message.kind == MESH_DATA, now, now);
		while (message.kind == MESH_DATA && node &&
		       mesh_message_datum(&message, opcodes, &types, &cursor, &datum, &why))
			mesh_nodes_keep_value(&nodes, node, &datum, now);
		if (now++ % 4 == 0)
			mesh_nodes_end_list(&nodes);
		mesh_nodes_age(&nodes, now, 3, 9);
		data += mark ? length + 2 : length;
		size -= mark ? length + 2 : length;
	}
	g_assert(nodes.active <= nodes.nodes->len && nodes.nodes->len <= 32);
	for (guint i = 0; i < nodes.nodes->len; i++) {
		const MeshNode *node = nodes.nodes->pdata[i];

		g_assert(ABS(node->latitude) <= 90 && ABS(node->longitude) <= 180);
	}
	mesh_nodes_clear(&nodes);
}

static void feed_request(const guint8 *data, gsize size)
{
	g_autoptr(GByteArray) reply = g_byte_array_new();
	MeshCommand command;
	const char *why = "";

	MARK(command);
	sum += mesh_command_part(data, size, &types);
	if (mesh_command_parse(&command, data, size, &why)) {
		g_assert(command.payload >= data && command.payload + command.size == data + size);
		g_assert(mesh_command_relayed(&command, size, MESH_OPCODES_V2) <= size);
	} else {
		g_assert(IS_MARKED(command));
		mesh_reply_failure(reply, why);
		g_assert(reply->len == reply->data[1] + 2u);
	}
	g_assert(mesh_wire_size(data, size) >= size + 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MeshTypes fresh;

	mesh_types_init(&types);
	if (!size)
		return 0;
	switch (data[0]) {
	case '0':
	case '1':
	case '2':
		feed_root(data + 1, size - 1, (MeshOpcodes)(data[0] - '0'));
		break;
	case 't':
		memset(&fresh, 0, sizeof(fresh));
		mesh_types_add(&fresh, (const char *)data + 1, size - 1, NULL);
		break;
	default:
		feed_request(data, size);
	}
	return 0;
}
