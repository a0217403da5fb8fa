/* SPDX-License-Identifier: MIT */
/* mesh-commands.c - mesh open, close, info, nodes, node, send, broadcast, get, reset, log. */
#include <string.h>
#include <backplane/access.h>
#include "mesh-gateway.h"

#define GATEWAY \
	{ \
		"gateway", 'g', BP_STRING, .names = BP_AN_INSTANCE, .help = "which one, if there are several" \
	}
#define CLEAN_TIME (2 * G_USEC_PER_SEC)
#define U64 "%" G_GUINT64_FORMAT

/* --- open, close --- */

static const BpParam open_params[] = {
	{ "name", .kind = BP_ARGUMENT, .required = 1, .help = "instance name" },
	{ "uart", 'u', BP_STRING, .help = "name of the UART the root is on" },
	{ "port", 'p', BP_STRING, .help = "port for client programs; 5001 if left out" },
	{ "ws-port", 'w', BP_STRING, .help = "port for dashboards; none if left out" },
	{ "data-info", 'd', BP_STRING, .many = 1, .names = BP_A_FILE, .help = "Data_Info.json with the types of data" },
	{ "opcodes", 'o', BP_STRING, .help = "v0, v1 or v2: generation of the root's firmware" },
	{ "parameters", .kind = BP_ARGUMENT, .many = 1, .help = "key=value, as of module MeshGateway" },
	{ NULL },
};

static gboolean set_options(BpValues *values, BpCall *call, GError **error)
{
	static const struct {
		const char *option, *param;
	} names[] = {
		{ "uart", "uart" },
		{ "port", "port" },
		{ "ws-port", "ws_port" },
		{ "opcodes", "opcodes" },
	};
	const char *const *files = bp_call_list(call, "data-info");

	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		if (bp_call_has(call, names[i].option) &&
		    !bp_values_set(values, names[i].param, bp_call_string(call, names[i].option), error))
			return FALSE;
	for (; *files; files++)
		if (!bp_values_set(values, "data_info", *files, error))
			return FALSE;
	return bp_values_set_pairs(values, bp_call_list(call, "parameters"), error);
}

static gboolean run_open(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(BpValues) values = bp_values_new(mesh_gateway_params);
	BpInstance *instance;
	MeshGateway *gateway;

	if (!set_options(values, call, error) ||
	    !bp_access_may_open("MeshGateway", values, bp_session_role(bp_call_session(call)), error))
		return FALSE;
	instance = bp_module_open("MeshGateway", bp_call_string(call, "name"), "/", g_steal_pointer(&values), error);
	if (!instance)
		return FALSE;
	gateway = bp_instance_data(instance);
	bp_call_printf(call, "%s serves clients on %s; its root is on %s and %s.", bp_plugin_name(instance),
		       bp_server_addresses(gateway->server), bp_channel_name(gateway->root_recv),
		       bp_channel_name(gateway->root_send));
	if (gateway->pages_instance) {
		g_autoptr(GString) text = g_string_new(NULL);

		mesh_pages_describe(gateway->pages_instance, text);
		bp_call_print(call, g_strchomp(text->str));
	}
	if (!mesh_root_is_up(gateway))
		bp_call_styled(call, BP_WARN, "Nothing takes what is sent on %s yet.",
			       bp_channel_name(gateway->root_send));
	return TRUE;
}

static const BpParam close_params[] = {
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1, .help = "gateway to close" },
	{ NULL },
};

static gboolean run_close(BpPlugin *self, BpCall *call, GError **error)
{
	MeshGateway *gateway = mesh_gateway_find(bp_call_string(call, "name"), error);

	if (!gateway)
		return FALSE;
	bp_call_printf(call, "Closed %s.", bp_call_string(call, "name"));
	bp_instance_close(gateway->self, NULL);
	return TRUE;
}

/* --- looking --- */

static const BpParam gateway_params[] = { GATEWAY, { NULL } };

static gboolean run_info(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) list = bp_instance_list("MeshGateway");
	const char *name = bp_call_string(call, "gateway");

	if (name && !mesh_gateway_find(name, error))
		return FALSE;
	for (guint i = 0; i < list->len; i++) {
		g_autoptr(GString) text = g_string_new(NULL);

		if (name && strcmp(bp_plugin_name(list->pdata[i]), name) != 0)
			continue;
		bp_call_styled(call, BP_HEADING, "%s", bp_plugin_name(list->pdata[i]));
		mesh_gateway_describe(list->pdata[i], text);
		bp_call_print(call, g_strchomp(text->str));
	}
	if (!list->len)
		bp_call_styled(call, BP_DIM, "There is no mesh gateway: `mesh open NAME --uart UART` opens one.");
	return TRUE;
}

static char *age_text(const MeshNode *node)
{
	gint64 seconds = (bp_loop_now() - node->seen) / G_USEC_PER_SEC;

	if (!node->seen_wall)
		return g_strdup("never");
	if (seconds < 120)
		return g_strdup_printf("%d s", (int)seconds);
	return seconds < 7200 ? g_strdup_printf("%d min", (int)(seconds / 60))
			      : g_strdup_printf("%d h", (int)(seconds / 3600));
}

static char *position_text(const MeshNode *node)
{
	return node->has_position ? g_strdup_printf("%.6f, %.6f", node->latitude, node->longitude) : g_strdup("");
}

static gboolean run_nodes(BpPlugin *self, BpCall *call, GError **error)
{
	MeshGateway *gateway = mesh_gateway_find(bp_call_string(call, "gateway"), error);
	BpTable *table;

	if (!gateway)
		return FALSE;
	table = bp_table_new(">Address", "Status", "UUID", ">Silent", ">Messages", ">Types", "Position", NULL);
	for (guint i = 0; i < gateway->nodes.nodes->len; i++) {
		const MeshNode *node = gateway->nodes.nodes->pdata[i];
		g_autofree char *age = age_text(node), *position = position_text(node);
		char uuid[2 * MESH_UUID + 1];

		mesh_node_uuid_text(node, uuid);
		bp_table_row(table, "%u\t%s\t%s\t%s\t" U64 "\t%u\t%s", node->address, mesh_status_name(node->status),
			     node->has_uuid ? uuid : "", age, node->messages, node->series->len, position);
		bp_table_style(table, 1,
			       node->status == MESH_ACTIVE ? BP_GOOD
			       : node->status == MESH_IDLE ? BP_WARN
							   : BP_BAD);
	}
	bp_call_table(call, table);
	return TRUE;
}

static char *time_text(gint64 wall)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(wall / G_USEC_PER_SEC);

	return time ? g_date_time_format(time, "%Y-%m-%d %H:%M:%S") : g_strdup("");
}

static char *value_text(const MeshValue *value)
{
	return bp_bytes_text(value->data, value->size);
}

static const BpParam node_params[] = {
	{ "address", .kind = BP_ARGUMENT, .type = BP_INT, .min = 1, .max = 65535, .required = 1,
	  .help = "its address, as 5 or 0x0005" },
	GATEWAY,
	{ NULL },
};

static gboolean run_node(BpPlugin *self, BpCall *call, GError **error)
{
	MeshGateway *gateway = mesh_gateway_find(bp_call_string(call, "gateway"), error);
	guint16 address = (guint16)bp_call_int(call, "address");
	const MeshNode *node = gateway ? mesh_nodes_find(&gateway->nodes, address) : NULL;
	g_autofree char *age = NULL, *position = NULL, *joined = NULL;
	char uuid[2 * MESH_UUID + 1];
	BpTable *table;

	if (!gateway)
		return FALSE;
	if (!node) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no node %u: `mesh nodes` shows those known",
			    address);
		return FALSE;
	}
	mesh_node_uuid_text(node, uuid);
	age = age_text(node);
	position = position_text(node);
	joined = time_text(node->joined);
	bp_call_printf(call, "Node-%u is %s, uuid %s, known since %s, silent for %s%s%s.", address,
		       mesh_status_name(node->status), node->has_uuid ? uuid : "unknown", joined, age,
		       *position ? ", at " : "", position);
	table = bp_table_new("Type", "Time", "Value", NULL);
	for (guint i = 0; i < node->series->len; i++) {
		const MeshSeries *series = node->series->pdata[i];

		for (guint back = 0; back < series->count; back++) {
			const MeshValue *value = mesh_series_value(series, back);
			g_autofree char *time = time_text(value->time), *text = value_text(value);

			bp_table_row(table, "%s\t%s\t%s", series->name, time, text);
		}
	}
	bp_call_table(call, table);
	return TRUE;
}

static const BpParam get_params[] = {
	{ "type", .kind = BP_ARGUMENT, .required = 1, .help = "type of data, as GPS" },
	{ "address", .kind = BP_ARGUMENT, .type = BP_INT, .min = 1, .max = 65535,
	  .help = "of this node; of all if left out" },
	GATEWAY,
	{ NULL },
};

static gboolean run_get(BpPlugin *self, BpCall *call, GError **error)
{
	MeshGateway *gateway = mesh_gateway_find(bp_call_string(call, "gateway"), error);
	const char *type = bp_call_string(call, "type");
	guint16 address = (guint16)bp_call_int(call, "address");
	BpTable *table;

	if (!gateway)
		return FALSE;
	table = bp_table_new(">Address", "Time", "Value", NULL);
	for (guint i = 0; i < gateway->nodes.nodes->len; i++) {
		const MeshNode *node = gateway->nodes.nodes->pdata[i];
		const MeshSeries *series = address && node->address != address ? NULL : mesh_node_series(node, type);
		const MeshValue *value = series ? mesh_series_value(series, 0) : NULL;
		g_autofree char *time = value ? time_text(value->time) : NULL, *text = value ? value_text(value) : NULL;

		if (value)
			bp_table_row(table, "%u\t%s\t%s", node->address, time, text);
	}
	bp_call_table(call, table);
	return TRUE;
}

static const BpParam log_params[] = {
	{ "count", 'n', BP_INT, .fallback = "20", .min = 1, .max = 1000, .help = "how many of the last lines" },
	GATEWAY,
	{ NULL },
};

static gboolean run_log(BpPlugin *self, BpCall *call, GError **error)
{
	MeshGateway *gateway = mesh_gateway_find(bp_call_string(call, "gateway"), error);
	guint count = (guint)bp_call_int(call, "count");
	g_autoptr(GPtrArray) lines = NULL;

	if (!gateway)
		return FALSE;
	lines = bp_channel_replay(gateway->log);
	for (guint i = lines->len > count ? lines->len - count : 0; i < lines->len; i++) {
		g_autofree char *time = time_text(bp_message_time(lines->pdata[i]));

		bp_call_printf(call, "%s %s", time, (const char *)bp_message_data(lines->pdata[i]));
	}
	return TRUE;
}

/* --- sending: the same requests as clients', and the same answers --- */

static gboolean request(BpCall *call, const char *name, guint16 address, gconstpointer data, gsize size, GError **error)
{
	MeshGateway *gateway = mesh_gateway_find(bp_call_string(call, "gateway"), error);
	g_autoptr(GByteArray) body = NULL, reply = NULL;
	gboolean wait;
	guint16 target;

	if (!gateway)
		return FALSE;
	body = mesh_command_build(name, TRUE, address, data, size);
	reply = g_byte_array_new();
	mesh_request_run(gateway, body->data, body->len, reply, &wait, &target);
	if (reply->data[0] == 'F') {
		g_set_error(error, BP_HOST_ERROR, BP_FAILED, "%s was refused: %.*s; `mesh info` tells how it is", name,
			    (int)reply->len - 2, (const char *)reply->data + 2);
		return FALSE;
	}
	if (gateway->waiting.length)
		bp_call_printf(call, "Queued: %u wait until the root can take more.", gateway->waiting.length);
	else
		bp_call_print(call, "Sent.");
	return TRUE;
}

static gboolean request_text(BpCall *call, const char *name, guint16 address, GError **error)
{
	const char *text = bp_call_string(call, "data");
	g_autofree guint8 *bytes = NULL;
	gsize size;

	if (!bp_call_bool(call, "hex"))
		return request(call, name, address, text, strlen(text), error);
	bytes = bp_bytes_from_hex(text, &size, error);
	return bytes && request(call, name, address, bytes, size, error);
}

#define DATA \
	{ "data", .kind = BP_ARGUMENT, .required = 1, .help = "text, or with --hex bytes as \"45 00 01\"" }, \
	{ \
		"hex", 'x', BP_BOOL, .help = "the data is hexadecimal" \
	}

static const BpParam send_params[] = {
	{ "address", .kind = BP_ARGUMENT, .type = BP_INT, .min = 0, .max = 65535, .required = 1,
	  .help = "of the node; 0 is the root" },
	DATA,
	GATEWAY,
	{ NULL },
};

static gboolean run_send(BpPlugin *self, BpCall *call, GError **error)
{
	return request_text(call, "SEND-", (guint16)bp_call_int(call, "address"), error);
}

static const BpParam broadcast_params[] = { DATA, GATEWAY, { NULL } };

static gboolean run_broadcast(BpPlugin *self, BpCall *call, GError **error)
{
	return request_text(call, "BCAST", 0, error);
}

static const BpParam reset_params[] = {
	{ "clean", .type = BP_BOOL, .help = "forget all nodes first: they must join again" },
	GATEWAY,
	{ NULL },
};

static void on_cleaned(BpPlugin *self, gpointer data)
{
	BpCall *call = data;
	GError *error = NULL;

	bp_call_done(call, request(call, "RST-R", 0, NULL, 0, &error) ? NULL : error);
}

static void on_reset_cancelled(BpPlugin *self, gpointer data)
{
	bp_call_done(data,
		     g_error_new(BP_HOST_ERROR, BP_CANCELLED, "the nodes are forgotten, the root was not restarted"));
}

/* The root forgets its nodes one after another; one that restarts meanwhile keeps the rest. */
static gboolean run_reset(BpPlugin *self, BpCall *call, GError **error)
{
	if (!bp_call_bool(call, "clean"))
		return request(call, "RST-R", 0, NULL, 0, error);
	if (!request(call, "CLEAN", 0, NULL, 0, error))
		return FALSE;
	bp_timer_add(bp_call_scope(call), NULL, CLEAN_TIME, 1, on_cleaned, call, NULL);
	bp_call_hold(call, on_reset_cancelled, call);
	return TRUE;
}

static gboolean run_ask(BpPlugin *self, BpCall *call, GError **error)
{
	return request(call, "NINFO", 0, NULL, 0, error);
}

const BpCommand mesh_commands[] = {
	{ "mesh open", .params = open_params, .run = run_open, .role = BP_OPERATOR,
	  .help = "opens a gateway to the root module on a UART" },
	{ "mesh close", .params = close_params, .run = run_close, .role = BP_OPERATOR, .help = "closes a gateway" },
	{ "mesh info", .params = gateway_params, .run = run_info, .role = BP_OBSERVER,
	  .help = "the gateways there are, and what they count" },
	{ "mesh nodes", .params = gateway_params, .run = run_nodes, .role = BP_OBSERVER, .help = "the nodes known" },
	{ "mesh node", .params = node_params, .run = run_node, .role = BP_OBSERVER,
	  .help = "a node and its last values" },
	{ "mesh get", .params = get_params, .run = run_get, .role = BP_OBSERVER, .help = "the last values of a type" },
	{ "mesh send", .params = send_params, .run = run_send, .role = BP_OPERATOR,
	  .help = "sends a message to a node" },
	{ "mesh broadcast", .params = broadcast_params, .run = run_broadcast, .role = BP_OPERATOR,
	  .help = "sends a message to all nodes" },
	{ "mesh ask", .params = gateway_params, .run = run_ask, .role = BP_OPERATOR,
	  .help = "asks the root for its nodes" },
	{ "mesh reset", .params = reset_params, .run = run_reset, .role = BP_OPERATOR,
	  .help = "restarts the root module" },
	{ "mesh log", .params = log_params, .run = run_log, .role = BP_OBSERVER,
	  .help = "what went on, the last lines" },
	{ NULL },
};
