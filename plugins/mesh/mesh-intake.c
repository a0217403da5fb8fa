/* SPDX-License-Identifier: MIT */
/* mesh-intake.c - messages of the root: nodes, values and paths are stored, the rest goes to clients.
 *
 * Opcodes that the gateway itself uses (lists, joined nodes, paths, data) are not passed on to clients; all others
 * are, texts and unknown ones too. Data is, if push_data is set.
 */
#include <string.h>
#include "mesh-gateway.h"

#define LIST_PAUSE (300 * 1000) /* a list of the root has ended when nothing of it came for so long */
#define TEXT_SHOWN 200

static void push(MeshGateway *gateway, const guint8 *body, gsize size)
{
	g_autoptr(BpMessage) message = NULL;

	if (!gateway->first && !bp_channel_is_watched(gateway->recv)) {
		bp_channel_note(gateway->recv, body, size);
		return;
	}
	message = bp_message_new(body, size, BP_BINARY);
	gateway->counts.pushed++;
	mesh_socket_push(gateway, message);
	bp_channel_send(gateway->recv, message);
}

/* --- lists --- */

static void on_list_end(BpPlugin *self, gpointer data)
{
	MeshGateway *gateway = data;

	mesh_intake_end_list(gateway);
}

void mesh_intake_end_list(MeshGateway *gateway)
{
	mesh_nodes_end_paths(&gateway->nodes);
	if (mesh_nodes_end_list(&gateway->nodes))
		mesh_gateway_touch(gateway);
}

static void expect_more_of_list(MeshGateway *gateway)
{
	if (gateway->list_timer)
		bp_timer_restart(gateway->list_timer);
	else
		bp_timer_once(&gateway->list_timer, gateway->self, LIST_PAUSE, on_list_end, gateway);
}

/* --- values --- */

static void keep(MeshGateway *gateway, MeshNode *node, const MeshDatum *datum, gint64 wall)
{
	mesh_nodes_keep_value(&gateway->nodes, node, datum, wall);
	if (gateway->history)
		mesh_history_add(gateway->history, node->address, datum->name, datum->data, datum->size, wall);
}

static void take_data(MeshGateway *gateway, const MeshMessage *message, gint64 now, gint64 wall)
{
	MeshNode *node = mesh_nodes_heard(&gateway->nodes, message->address, TRUE, now, wall);
	MeshCursor cursor = { 0 };
	MeshDatum datum;
	const char *why;

	while (node && mesh_message_datum(message, gateway->set.opcodes, &gateway->types, &cursor, &datum, &why))
		keep(gateway, node, &datum, wall);
	if (node && why) {
		gateway->counts.undefined++;
		mesh_gateway_log(gateway, "[D] update from Node-%u cannot be read: %s", message->address, why);
	} else if (node) {
		mesh_gateway_log(gateway, "[D] recived update from Node-%u", message->address);
	}
	mesh_gateway_touch(gateway);
}

/* `heard`: the message counts as a sign of life of that node. */
static void take_position(MeshGateway *gateway, const MeshMessage *message, gint64 now, gint64 wall)
{
	MeshNode *node = mesh_nodes_heard(&gateway->nodes, message->address, TRUE, now, wall);
	guint8 bytes[16];
	MeshDatum datum = { .name = "GPS", .data = bytes, .size = sizeof(bytes) };

	if (!node)
		return;
	mesh_position_pack(bytes, message->latitude, message->longitude);
	keep(gateway, node, &datum, wall);
	mesh_gateway_log(gateway, "Node-%u is at %.6f, %.6f", node->address, message->latitude, message->longitude);
	mesh_gateway_touch(gateway);
}

/* --- the rest --- */

static void take_text(MeshGateway *gateway, const MeshMessage *message)
{
	g_autofree char *text = g_utf8_make_valid((const char *)message->payload,
						  (gssize)MIN(message->size, TEXT_SHOWN));

	gateway->counts.texts++;
	g_strstrip(text);
	if (message->address)
		mesh_gateway_log(gateway, "root, of Node-%u: %s", message->address, text);
	else
		mesh_gateway_log(gateway, "root: %s", text);
	if (mesh_message_is_failure(message))
		mesh_socket_fail(gateway, message->address, message->payload, message->size);
}

static void take_reset(MeshGateway *gateway)
{
	const char *why;

	mesh_nodes_clear_paths(&gateway->nodes);
	mesh_nodes_set_all(&gateway->nodes, MESH_ACTIVE, MESH_IDLE);
	mesh_gateway_log(gateway, "root module is online");
	mesh_gateway_touch(gateway);
	if (gateway->set.ask_on_reset)
		mesh_root_send(gateway, "NINFO", MESH_COMMAND, &why);
}

static void take_node(MeshGateway *gateway, const MeshMessage *message, gint64 now, gint64 wall)
{
	if (!message->address)
		return;
	mesh_nodes_joined(&gateway->nodes, message->address, message->payload, now, wall);
	mesh_gateway_log(gateway, "Node-%u connected", message->address);
	mesh_gateway_touch(gateway);
}

/* Messages of a node that clients get only mark the node as active here. */
static void note_life(MeshGateway *gateway, const MeshMessage *message, gint64 now, gint64 wall)
{
	MeshNode *node = mesh_nodes_find(&gateway->nodes, message->address);
	gboolean revived = node && node->status != MESH_ACTIVE;

	mesh_nodes_heard(&gateway->nodes, message->address, FALSE, now, wall);
	mesh_gateway_log(gateway, "Node-%u: %s, %" G_GSIZE_FORMAT " bytes", message->address,
			 mesh_kind_name(message->kind), message->size);
	if (revived)
		mesh_gateway_touch(gateway);
}

/* TRUE: clients get it too. */
static gboolean take(MeshGateway *gateway, const MeshMessage *message)
{
	gint64 now = bp_loop_now(), wall = g_get_real_time();

	switch (message->kind) {
	case MESH_MALFORMED:
		gateway->counts.malformed++;
		mesh_gateway_log(gateway, "malformed message of Node-%u: %s", message->address, message->why);
		return FALSE;
	case MESH_NET_INFO:
		if (mesh_nodes_list(&gateway->nodes, message, now, wall))
			mesh_gateway_touch(gateway);
		expect_more_of_list(gateway);
		return FALSE;
	case MESH_NODE_INFO:
		take_node(gateway, message, now, wall);
		return FALSE;
	case MESH_PATHS:
		mesh_nodes_paths(&gateway->nodes, message);
		expect_more_of_list(gateway);
		mesh_gateway_touch(gateway);
		return FALSE;
	case MESH_DATA:
		take_data(gateway, message, now, wall);
		return gateway->set.push_data;
	case MESH_GPS:
		take_position(gateway, message, now, wall);
		return gateway->set.push_data;
	case MESH_GPS_JSON:
		take_position(gateway, message, now, wall);
		return TRUE;
	case MESH_ROOT_RESET:
		take_reset(gateway);
		return TRUE;
	case MESH_TEXT:
		take_text(gateway, message);
		return TRUE;
	default:
		note_life(gateway, message, now, wall);
		return TRUE;
	}
}

void mesh_intake(MeshGateway *gateway, const guint8 *body, gsize size)
{
	MeshMessage message;

	gateway->counts.frames++;
	gateway->counts.bytes += size;
	mesh_root_check_line(gateway);
	mesh_message_parse(&message, body, size, gateway->set.opcodes);
	if (take(gateway, &message))
		push(gateway, body, size);
}
