/* SPDX-License-Identifier: MIT */
/* mesh-requests.c - requests of clients: relayed to the root, or answered from the known nodes.
 *
 * The same for sockets, channel NAME/send and the console. A reply is S and data, or F, a length and a text; one that
 * a client's single read cannot hold is refused.
 */
#include <string.h>
#include "mesh-gateway.h"

#define NODE_MISSING "Node Not Found"
#define TYPE_MISSING "Data Type Not Found"

static gboolean relay(MeshGateway *gateway, const MeshCommand *command, const guint8 *data, gsize size,
		      GByteArray *reply)
{
	const char *why;

	if (!mesh_root_send(gateway, data, mesh_command_relayed(command, size, gateway->set.opcodes), &why)) {
		mesh_reply_failure(reply, why);
		return FALSE;
	}
	mesh_reply_begin(reply);
	return TRUE;
}

/* --- [GET] --- */

/* "GPS", or the byte of its number; the name by which it is kept, perhaps in the buffer, or NULL. */
static const char *type_name(MeshGateway *gateway, const MeshCommand *command, char buffer[MESH_TYPE_NAME + 1])
{
	const MeshType *type = command->size == 1 ? mesh_types_find(&gateway->types, command->payload[0]) : NULL;

	if (type)
		return type->name;
	if (command->size > MESH_TYPE_NAME)
		return NULL;
	memcpy(buffer, command->payload, command->size);
	buffer[command->size] = 0;
	return strlen(buffer) == command->size ? buffer : NULL;
}

static const MeshValue *last_value(const MeshNode *node, const char *name)
{
	MeshSeries *series = node && name ? mesh_node_series(node, name) : NULL;

	return series ? mesh_series_value(series, 0) : NULL;
}

static void append_value(GByteArray *reply, const MeshNode *node, const MeshValue *value)
{
	mesh_reply_address(reply, node->address);
	g_byte_array_append(reply, value->data, value->size);
}

static void get_one(MeshGateway *gateway, const MeshCommand *command, const char *name, GByteArray *reply)
{
	MeshNode *node = mesh_nodes_find(&gateway->nodes, command->address);
	const MeshValue *value = last_value(node, name);

	if (!node || !value) {
		mesh_reply_failure(reply, node ? TYPE_MISSING : NODE_MISSING);
		return;
	}
	if (value->size > 255) {
		mesh_reply_failure(reply, "Data Too Long");
		return;
	}
	mesh_reply_get(reply, command->payload, command->size, value->size, 1);
	append_value(reply, node, value);
}

/* One length stands for all: that of the newest value. */
static void get_all(MeshGateway *gateway, const MeshCommand *command, const char *name, GByteArray *reply)
{
	const MeshValue *newest = NULL;
	guint count = 0, place;

	for (guint i = 0; i < gateway->nodes.nodes->len; i++) {
		MeshNode *node = gateway->nodes.nodes->pdata[i];
		const MeshValue *value = node->status == MESH_ACTIVE ? last_value(node, name) : NULL;

		if (value && value->size <= 255 && (!newest || value->time >= newest->time))
			newest = value;
	}
	mesh_reply_get(reply, command->payload, command->size, newest ? newest->size : 0, 0);
	place = reply->len - 1;
	for (guint i = 0; newest && i < gateway->nodes.nodes->len; i++) {
		MeshNode *node = gateway->nodes.nodes->pdata[i];
		const MeshValue *value = node->status == MESH_ACTIVE ? last_value(node, name) : NULL;

		if (!value || value->size != newest->size)
			continue;
		append_value(reply, node, value);
		count++;
	}
	if (count > 255) {
		g_byte_array_set_size(reply, 0);
		mesh_reply_failure(reply, "Too Many Nodes");
		return;
	}
	reply->data[place] = (guint8)count;
}

/* --- known nodes --- */

static void append_number_list(GString *text, MeshGateway *gateway, gboolean status)
{
	for (guint i = 0; i < gateway->nodes.nodes->len; i++) {
		MeshNode *node = gateway->nodes.nodes->pdata[i];

		g_string_append_printf(text, "%s%u", i ? ", " : "",
				       status ? (guint)(node->status == MESH_ACTIVE) : (guint)node->address);
	}
}

static void status_list(MeshGateway *gateway, GByteArray *reply)
{
	g_autoptr(GString) text = g_string_new(NULL);

	g_string_printf(text, "S{\"node_amount\": %u, \"node_addr_list\": [", gateway->nodes.nodes->len);
	append_number_list(text, gateway, FALSE);
	g_string_append(text, "], \"node_status_list\": [");
	append_number_list(text, gateway, TRUE);
	g_string_append(text, "]}");
	g_byte_array_append(reply, (const guint8 *)text->str, (guint)text->len);
}

/* NETIF: of a status, or of all. Its byte stands behind the address that clients add, or alone. */
static void node_list(MeshGateway *gateway, const MeshCommand *command, GByteArray *reply)
{
	guint8 wanted = command->size ? command->payload[0] : 0, count = 0;
	guint place;

	mesh_reply_begin(reply);
	g_byte_array_append(reply, &count, 1);
	place = reply->len - 1;
	for (guint i = 0; i < gateway->nodes.nodes->len; i++) {
		MeshNode *node = gateway->nodes.nodes->pdata[i];

		if (wanted && node->status != wanted)
			continue;
		if (count == 255) {
			g_byte_array_set_size(reply, 0);
			mesh_reply_failure(reply, "Too Many Nodes");
			return;
		}
		count++;
		mesh_reply_address(reply, node->address);
		g_byte_array_append(reply, node->uuid, MESH_UUID);
	}
	reply->data[place] = count;
}

static void count_active(MeshGateway *gateway, GByteArray *reply)
{
	guint8 count = (guint8)(gateway->nodes.active % 255);

	mesh_reply_begin(reply);
	g_byte_array_append(reply, &count, 1);
}

/* --- to the pages --- */

static void to_log(MeshGateway *gateway, const MeshCommand *command, GByteArray *reply)
{
	g_autofree char *text = g_utf8_make_valid((const char *)command->payload, (gssize)command->size);

	mesh_gateway_log(gateway, "%s", text);
	mesh_reply_begin(reply);
}

static void to_robots(MeshGateway *gateway, const MeshCommand *command, GByteArray *reply)
{
	g_autofree char *text = g_utf8_make_valid((const char *)command->payload, (gssize)command->size);
	json_t *robots = bp_json_parse(text, strlen(text), 0, NULL);
	g_autofree char *line = NULL;

	if (!robots) {
		mesh_reply_failure(reply, "Robot Status Is No JSON");
		return;
	}
	line = mesh_json_robots(robots);
	if (gateway->pages)
		mesh_pages_text(gateway->pages, line);
	json_decref(robots);
	mesh_reply_begin(reply);
}

/* --- all of them --- */

static void reset(MeshGateway *gateway, const MeshCommand *command, const guint8 *data, gsize size, GByteArray *reply)
{
	if (!relay(gateway, command, data, size, reply))
		return;
	mesh_nodes_set_all(&gateway->nodes, MESH_IDLE, MESH_DISCONNECT);
	mesh_gateway_log(gateway, "==== Reseting the network ====");
	mesh_gateway_touch(gateway);
}

static void get(MeshGateway *gateway, const MeshCommand *command, GByteArray *reply)
{
	char buffer[MESH_TYPE_NAME + 1];
	const char *name = type_name(gateway, command, buffer);

	if (command->address)
		get_one(gateway, command, name, reply);
	else
		get_all(gateway, command, name, reply);
}

static void run(MeshGateway *gateway, const MeshCommand *command, const guint8 *data, gsize size, GByteArray *reply)
{
	MeshRelay least = RELAY_ALL;

	switch (command->kind) {
	case MESH_CMD_SENDI:
	case MESH_CMD_GETDF:
		least = RELAY_KNOWN;
		break;
	case MESH_CMD_STATE:
	case MESH_CMD_UNKNOWN:
		break;
	case MESH_CMD_SEND:
	case MESH_CMD_BCAST:
	case MESH_CMD_CLEAN:
	case MESH_CMD_NINFO:
		least = RELAY_NONE;
		break;
	case MESH_CMD_RESET:
		reset(gateway, command, data, size, reply);
		return;
	case MESH_CMD_STATUS:
		status_list(gateway, reply);
		return;
	case MESH_CMD_GET:
		get(gateway, command, reply);
		return;
	case MESH_CMD_COUNT:
		count_active(gateway, reply);
		return;
	case MESH_CMD_LIST:
		node_list(gateway, command, reply);
		return;
	case MESH_CMD_LOG:
		to_log(gateway, command, reply);
		return;
	case MESH_CMD_ROBOTS:
		to_robots(gateway, command, reply);
		return;
	}
	if (gateway->set.relay < least)
		mesh_reply_failure(reply, "Unknown Command");
	else
		relay(gateway, command, data, size, reply);
}

void mesh_request_run(MeshGateway *gateway, const guint8 *data, gsize size, GByteArray *reply, gboolean *wait,
		      guint16 *target)
{
	MeshCommand command = { 0 };
	const char *why;

	gateway->counts.requests++;
	*wait = FALSE;
	if (mesh_command_parse(&command, data, size, &why))
		run(gateway, &command, data, size, reply);
	else
		mesh_reply_failure(reply, why);
	if (gateway->set.reply_limit && reply->len > gateway->set.reply_limit) {
		g_byte_array_set_size(reply, 0);
		mesh_reply_failure(reply, "Reply Too Long");
	}
	if (!reply->len || reply->data[0] == 'F') {
		gateway->counts.failures++;
		return;
	}
	*wait = command.kind == MESH_CMD_SEND;
	*target = command.address;
}
