/* SPDX-License-Identifier: MIT */
/* mesh-gateway.c - module MeshGateway: its parameters, its beginning and end, and what happens with time. */
#include <string.h>
#include "mesh-gateway.h"

#define SECOND G_USEC_PER_SEC
#define REFRESH (200 * 1000) /* changes of nodes are collected and reported at most this often */
#define LOG_KEPT 200
#define TYPES_LIMIT (1024 * 1024)

const BpParam mesh_gateway_params[] = {
	{ "port", 'p', BP_INT, .fallback = "5001", .min = 0, .max = 65535,
	  .help = "port for client programs; 0 takes a free one" },
	{ "uart", .type = BP_STRING, .help = "name of the UART the root is on" },
	{ "recv", .type = BP_STRING, .names = BP_A_CHANNEL,
	  .help = "channel on which the root is heard, if not UART/recv" },
	{ "send", .type = BP_STRING, .names = BP_A_CHANNEL, .help = "channel that goes to the root, if not UART/send" },
	{ "framing", .type = BP_STRING, .fallback = "none",
	  .help = "mesh if the channels carry plain bytes; none if they carry whole messages" },
	{ "escape_xor", .type = BP_INT, .fallback = "0xfa", .min = 1, .max = 255,
	  .help = "with framing=mesh: what escaped bytes are XORed with" },
	{ "opcodes", .type = BP_CHOICE, .choices = "v0|v1|v2", .fallback = "v2",
	  .help = "generation of the root's firmware: three letters, one byte, one byte with paths and positions" },
	{ "data_info", .type = BP_STRING, .many = 1, .names = BP_A_FILE,
	  .help = "Data_Info.json with the types of data; may be given again" },
	{ "listener", .type = BP_CHOICE, .choices = "needed|optional", .fallback = "needed",
	  .help = "whether requests are refused while no client listens" },
	{ "relay", .type = BP_CHOICE, .choices = "none|known|all", .fallback = "known",
	  .help = "what else goes to the root: nothing, SENDI and GETDF, or every request that is not ours" },
	{ "push_data", .type = BP_BOOL, .fallback = "no", .help = "push updates of data to clients that listen too" },
	{ "push_spacing", .type = BP_DURATION, .fallback = "2ms", .min = 0, .max = 1,
	  .help = "pause between two pushes, which have no marks; 0: none" },
	{ "push_queue", .type = BP_INT, .fallback = "4096", .min = 1, .max = 1000000,
	  .help = "pushes that may wait for a client; more drop the oldest" },
	{ "gap", .type = BP_DURATION, .fallback = "75ms", .min = 0.001, .max = 10,
	  .help = "a request is whole when nothing came for so long" },
	{ "known_gap", .type = BP_DURATION, .fallback = "5ms", .min = 0.001, .max = 10,
	  .help = "the same for SEND- to a known node, if it is shorter than gap" },
	{ "handshake_timeout", .type = BP_DURATION, .fallback = "2s", .min = 0.01, .max = 3600,
	  .help = "for a connection that says nothing, or half a handshake" },
	{ "request_limit", .type = BP_BYTES, .fallback = "1024", .min = 16, .max = 65536, .help = "longest request" },
	{ "reply_limit", .type = BP_BYTES, .fallback = "1024", .min = 0, .max = 1048576,
	  .help = "longest reply, as old clients read once (0: no limit)" },
	{ "error_wait", .type = BP_DURATION, .fallback = "0", .min = 0, .max = 4,
	  .help = "answer SEND- so much later, so that the root can object" },
	{ "window", .type = BP_DURATION, .fallback = "1s", .min = 0.001, .max = 60,
	  .help = "the root reads so long at a time" },
	{ "window_bytes", .type = BP_BYTES, .fallback = "1000", .min = 64, .max = 1048576,
	  .help = "most bytes sent to the root in a window" },
	{ "queue", .type = BP_INT, .fallback = "256", .min = 1, .max = 65536,
	  .help = "most requests that wait for the window" },
	{ "idle_after", .type = BP_DURATION, .fallback = "10m", .min = 0, .max = 1e7,
	  .help = "a node silent so long is idle (0: never)" },
	{ "disconnect_after", .type = BP_DURATION, .fallback = "1h", .min = 0, .max = 1e7,
	  .help = "a node silent so long is disconnected (0: never)" },
	{ "poll", .type = BP_DURATION, .fallback = "0", .min = 0, .max = 86400,
	  .help = "ask the root for its nodes and paths so often (0: never)" },
	{ "ask_at_open", .type = BP_BOOL, .fallback = "yes",
	  .help = "ask the root for its nodes when its line is there" },
	{ "ask_on_reset", .type = BP_BOOL, .fallback = "yes",
	  .help = "ask the root for its nodes when it has restarted" },
	{ "nodes", .type = BP_INT, .fallback = "4096", .min = 1, .max = 65535, .help = "most nodes" },
	{ "history", .type = BP_INT, .fallback = "10", .min = 1, .max = 10000,
	  .help = "values kept in memory of each node and type" },
	{ "database", .type = BP_STRING, .names = BP_A_FILE, .help = "SQLite file that gets every value" },
	{ "database_rows", .type = BP_INT, .fallback = "1000000", .min = 0, .max = 1e12,
	  .help = "most values in it; the oldest go (0: no limit)" },
	{ "log_folder", .type = BP_STRING, .names = BP_A_FILE, .help = "folder for the old text files, one a type" },
	{ "log_limit", .type = BP_BYTES, .fallback = "8M", .min = 0, .max = 1e12,
	  .help = "a text file of that size begins anew; one older is kept (0: no limit)" },
	{ "ws_port", .type = BP_INT, .fallback = "-1", .min = -1, .max = 65535,
	  .help = "port for dashboards, as module MeshPages; -1: none" },
	{ "vocabulary", .type = BP_CHOICE, .choices = "auto|v1|v2|both", .fallback = "auto",
	  .help = "messages for dashboards, as of module MeshPages" },
	{ "shutdown_port", .type = BP_INT, .fallback = "-1", .min = -1, .max = 65535,
	  .help = "port for POST /shutdown, as module MeshShutdown; -1: none" },
	{ "shutdown_token", .type = BP_STRING, .secret = 1, .help = "token that POST /shutdown must have" },
	{ "origins", .type = BP_STRING, .many = 1,
	  .help = "site whose pages may connect, as http://localhost:3000; may be given again" },
	{ .include = bp_server_params },
	{ NULL },
};

/* --- reports --- */

void mesh_gateway_log(MeshGateway *gateway, const char *format, ...)
{
	g_autofree char *text = NULL, *line = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	bp_channel_print(gateway->log, text);
	if (!gateway->pages || !gateway->pages->all->len)
		return;
	line = mesh_json_log(text);
	mesh_pages_text(gateway->pages, line);
}

void mesh_gateway_look(MeshGateway *gateway)
{
	const char *failure = NULL, *uart = bp_instance_string(gateway->self, "uart");
	guint64 written, lost;

	if (!gateway->server) /* it is opening still */
		return;
	if (gateway->history)
		mesh_history_counts(gateway->history, &written, &lost, &failure);
	if (gateway->framing_path && !gateway->framing)
		bp_instance_set_state(
			gateway->self, BP_STATE_FAILED,
			"framing %s has gone with its plugin: load the plugin, then open the gateway again",
			bp_instance_string(gateway->self, "framing"));
	else if (failure)
		bp_instance_set_state(gateway->self, BP_STATE_FAILED, "values are not written: %s", failure);
	else if (!gateway->line)
		bp_instance_set_state(gateway->self, BP_STATE_WAITING,
				      uart && *uart
					      ? "the serial line of the root is not connected: UART %s is not open"
					      : "the root is not connected: nobody takes what is sent on %s",
				      uart && *uart ? uart : bp_channel_name(gateway->root_send));
	else
		bp_instance_set_state(gateway->self, BP_STATE_OK, "root on %s, clients on %s",
				      bp_channel_name(gateway->root_recv), bp_server_addresses(gateway->server));
}

static void on_refresh(BpPlugin *self, gpointer data)
{
	MeshGateway *gateway = data;

	bp_channel_print(gateway->changes, bp_plugin_name(gateway->self));
	if (gateway->pages)
		mesh_pages_state(gateway->pages);
}

void mesh_gateway_touch(MeshGateway *gateway)
{
	if (!gateway->refresh)
		bp_timer_once(&gateway->refresh, gateway->self, REFRESH, on_refresh, gateway);
}

/* --- with time --- */

static void on_second(BpPlugin *self, gpointer data)
{
	MeshGateway *gateway = data;

	mesh_root_check_line(gateway);
	if (mesh_nodes_age(&gateway->nodes, bp_loop_now(), gateway->set.idle_after, gateway->set.disconnect_after))
		mesh_gateway_touch(gateway);
	if (gateway->history)
		mesh_history_write(gateway->history);
}

static void on_poll(BpPlugin *self, gpointer data)
{
	const char *why;

	MeshGateway *gateway = data;

	mesh_root_send(gateway, "NINFO", MESH_COMMAND, &why);
	if (gateway->set.opcodes == MESH_OPCODES_V2)
		mesh_root_send(gateway, "GETDF", MESH_COMMAND, &why);
}

static void on_send(BpPlugin *self, BpMessage *message, gpointer data)
{
	MeshGateway *gateway = data;
	g_autoptr(GByteArray) reply = g_byte_array_new();
	gboolean wait;
	guint16 target;

	if (bp_message_size(message) > gateway->set.request_limit)
		mesh_reply_failure(reply, "Request Too Long");
	else
		mesh_request_run(gateway, bp_message_data(message), bp_message_size(message), reply, &wait, &target);
	bp_message_reply(message, reply->data, reply->len);
}

/* --- settings --- */

static guint choice(BpInstance *self, const char *name, const char *const *words)
{
	const char *value = bp_instance_string(self, name);

	for (guint i = 0; words[i]; i++)
		if (strcmp(words[i], value) == 0)
			return i;
	return 0;
}

static gboolean read_types(MeshTypes *types, BpInstance *self, GError **error)
{
	const char *const *files = bp_values_list(bp_instance_values(self), "data_info");

	mesh_types_init(types);
	/* A file tells all types there are; none, and both known tables hold. */
	if (files[0])
		memset(types, 0, sizeof(*types));
	for (; *files; files++) {
		gsize size;
		g_autofree char *text = bp_file_load(*files, TYPES_LIMIT, BP_FILE_READ, &size, error);

		if (!text || !mesh_types_add(types, text, size, error)) {
			g_prefix_error(error, "data_info %s: ", *files);
			return FALSE;
		}
	}
	return TRUE;
}

static void read_settings(MeshGateway *gateway)
{
	static const char *const relays[] = { "none", "known", "all", NULL }, *const opcodes[] = { "v0", "v1", "v2",
												   NULL };
	static const char *const listener[] = { "optional", "needed", NULL };
	BpInstance *self = gateway->self;

	gateway->set = (MeshSettings){
		.opcodes = choice(self, "opcodes", opcodes),
		.relay = choice(self, "relay", relays),
		.need_listener = choice(self, "listener", listener),
		.push_data = bp_instance_bool(self, "push_data"),
		.ask_on_reset = bp_instance_bool(self, "ask_on_reset"),
		.ask_at_open = bp_instance_bool(self, "ask_at_open"),
		.gap = bp_instance_duration(self, "gap"),
		.known_gap = bp_instance_duration(self, "known_gap"),
		.handshake_timeout = bp_instance_duration(self, "handshake_timeout"),
		.push_spacing = bp_instance_duration(self, "push_spacing"),
		.error_wait = bp_instance_duration(self, "error_wait"),
		.idle_after = bp_instance_duration(self, "idle_after"),
		.disconnect_after = bp_instance_duration(self, "disconnect_after"),
		.poll = bp_instance_duration(self, "poll"),
		.window = bp_instance_duration(self, "window"),
		.window_bytes = (gsize)bp_instance_int(self, "window_bytes"),
		.request_limit = (gsize)bp_instance_int(self, "request_limit"),
		.reply_limit = (gsize)bp_instance_int(self, "reply_limit"),
		.push_queue = (guint)bp_instance_int(self, "push_queue"),
		.queue = (guint)bp_instance_int(self, "queue"),
	};
	if (gateway->poll)
		bp_timer_remove(gateway->poll);
	gateway->poll = NULL;
	if (gateway->set.poll)
		gateway->poll = bp_timer_add(gateway->self, "mesh poll", gateway->set.poll, 0, on_poll, gateway, NULL);
}

/* What is looked at each time may change while it runs: clients that listen stay. */
gboolean mesh_gateway_update(BpInstance *self, const BpValues *before, GError **error)
{
	static const char *const live[] = {
		"opcodes",
		"data_info",
		"listener",
		"relay",
		"push_data",
		"push_spacing",
		"push_queue",
		"gap",
		"known_gap",
		"ask_at_open",
		"handshake_timeout",
		"request_limit",
		"reply_limit",
		"error_wait",
		"window",
		"window_bytes",
		"queue",
		"idle_after",
		"disconnect_after",
		"poll",
		"ask_on_reset",
		NULL,
	};
	MeshGateway *gateway = bp_instance_data(self);
	const BpValues *now = bp_instance_values(self);
	guint count;
	g_autofree const BpParam **rows = bp_param_rows(mesh_gateway_params, &count);
	MeshTypes types;

	for (guint i = 0; i < count; i++) {
		const char *name = rows[i]->name;
		const char *const *old = bp_values_list(before, name), *const *new = bp_values_list(now, name);

		if (!g_strv_contains(live, name) && !g_strv_equal(old, new))
			return FALSE;
	}
	if (!read_types(&types, self, error))
		return FALSE;
	gateway->types = types;
	read_settings(gateway);
	return TRUE;
}

/* --- beginning and end --- */

static void on_history(const char *text, gpointer data)
{
	mesh_gateway_log(data, "%s", text);
	mesh_gateway_look(data);
}

static gboolean open_history(MeshGateway *gateway, GError **error)
{
	BpInstance *self = gateway->self;
	const char *file = bp_instance_string(self, "database"), *folder = bp_instance_string(self, "log_folder");

	file = file && *file ? file : NULL;
	folder = folder && *folder ? folder : NULL;
	if (!file && !folder)
		return TRUE;
	gateway->history = mesh_history_open(self, file, bp_instance_int(self, "database_rows"), folder,
					     (gsize)bp_instance_int(self, "log_limit"), on_history, gateway, error);
	return gateway->history != NULL;
}

static gboolean is_taken(BpInstance *self, const char *name)
{
	g_autofree char *full = g_strconcat(bp_plugin_name(self), name, NULL);

	return bp_instance_find(full) != NULL;
}

/* A server of its own, since each has one port. Its limits and its address are those of the gateway. */
static gboolean open_child(MeshGateway *gateway, const char *module, const BpParam *params, const char *suffix,
			   const char *port, BpInstance **child, GError **error)
{
	static const char *const shared[] = { "bind",	 "insecure",	  "tls",    "tls_cert",
					      "tls_key", "tls_client_ca", "origins" };
	const char *vocabulary = bp_instance_string(gateway->self, "vocabulary");
	const BpValues *own = bp_instance_values(gateway->self);
	BpInstance *self = gateway->self, *opened;
	g_autofree char *name = g_strconcat(bp_plugin_name(self), suffix, NULL);
	g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT, bp_instance_int(self, port));
	const char *token = bp_instance_string(self, "shutdown_token");
	g_autoptr(BpValues) values = NULL;

	if (bp_instance_int(self, port) < 0 || is_taken(self, suffix))
		return TRUE;
	values = bp_values_new(params);
	if (!bp_values_set(values, "port", number, error) ||
	    !bp_values_set(values, "gateway", bp_plugin_name(self), error))
		return FALSE;
	for (guint i = 0; i < G_N_ELEMENTS(shared); i++)
		for (const char *const *text = bp_values_list(own, shared[i]);
		     bp_values_is_set(own, shared[i]) && *text; text++)
			if (!bp_values_set(values, shared[i], *text, error))
				return FALSE;
	if (bp_param_find(params, "vocabulary") && !bp_values_set(values, "vocabulary", vocabulary, error))
		return FALSE;
	if (token && bp_param_find(params, "token") && !bp_values_set(values, "token", token, error))
		return FALSE;
	opened = bp_module_open(module, name, "/", g_steal_pointer(&values), error);
	if (opened)
		*child = opened;
	return opened != NULL;
}

static void open_channels(MeshGateway *gateway)
{
	static const BpChannelOptions pure = { .pure = TRUE }, log = { .log = TRUE, .replay = LOG_KEPT };
	BpInstance *self = gateway->self;

	gateway->recv = bp_instance_channel(self, "recv");
	gateway->send = bp_instance_channel(self, "send");
	gateway->log = bp_instance_channel(self, "log");
	gateway->changes = bp_channel(self, "mesh-nodes");
	bp_channel_set_options(gateway->send, &pure);
	bp_channel_set_options(gateway->log, &log);
	bp_channel_watch(self, gateway->send, on_send, gateway, NULL);
}

gboolean mesh_gateway_open(BpInstance *self, GError **error)
{
	MeshGateway *gateway = bp_instance_data(self);

	gateway->self = self;
	mesh_nodes_init(&gateway->nodes, (guint)bp_instance_int(self, "nodes"),
			(guint)bp_instance_int(self, "history"));
	open_channels(gateway);
	if (!read_types(&gateway->types, self, error) || !mesh_root_open(gateway, error) ||
	    !mesh_socket_open(gateway, error) || !open_history(gateway, error))
		goto fail;
	read_settings(gateway);
	mesh_table_read(gateway);
	gateway->line = mesh_root_is_up(gateway);
	mesh_root_ask_at_open(gateway);
	gateway->second = bp_timer_add(gateway->self, NULL, SECOND, 0, on_second, gateway, NULL);
	mesh_gateway_look(gateway);
	mesh_pages_adopt(gateway);
	mesh_shutdown_look(bp_plugin_name(self), TRUE);
	if (!open_child(gateway, "MeshPages", mesh_pages_params, "-pages", "ws_port", &gateway->pages_instance,
			error) ||
	    !open_child(gateway, "MeshShutdown", mesh_shutdown_params, "-shutdown", "shutdown_port",
			&gateway->shutdown_instance, error))
		goto fail;
	return TRUE;
fail:
	mesh_gateway_close(self);
	return FALSE;
}

void mesh_gateway_close(BpInstance *self)
{
	MeshGateway *gateway = bp_instance_data(self);

	if (gateway->shutdown_instance)
		bp_instance_close(gateway->shutdown_instance, bp_instance_close_reason(self));
	if (gateway->pages_instance)
		bp_instance_close(gateway->pages_instance, bp_instance_close_reason(self));
	mesh_pages_forget(gateway);
	mesh_shutdown_look(bp_plugin_name(self), FALSE);
	g_clear_pointer(&gateway->history, mesh_history_close);
	if (gateway->second) /* it was open */
		mesh_table_save(gateway);
	mesh_root_close(gateway);
	mesh_nodes_clear(&gateway->nodes);
	/* Last: clients that listen do not survive the end of their connection. */
	mesh_socket_close(gateway);
}

MeshGateway *mesh_gateway_find(const char *name, GError **error)
{
	g_autoptr(GPtrArray) list = bp_instance_list("MeshGateway");
	BpInstance *instance = name && *name ? bp_instance_find(name) : NULL;

	if (!name || !*name)
		instance = list->len == 1 ? list->pdata[0] : NULL;
	if (instance && bp_instance_module(instance)->open == mesh_gateway_open)
		return bp_instance_data(instance);
	if (name && *name)
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND,
			    "there is no mesh gateway %s: `mesh info` shows those there are", name);
	else
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND,
			    list->len ? "there are %u mesh gateways: say which one, --gateway NAME"
				      : "there is no mesh gateway (%u): `mesh open NAME --uart UART` opens one",
			    list->len);
	return NULL;
}

#define U64 "%" G_GUINT64_FORMAT

void mesh_gateway_describe(BpInstance *self, GString *text)
{
	MeshGateway *gateway = bp_instance_data(self);
	const MeshCounts *counts = &gateway->counts;
	const char *failure;
	guint64 written, lost;

	g_string_append_printf(text, "root on %s and %s, line %s\n", bp_channel_name(gateway->root_recv),
			       bp_channel_name(gateway->root_send), mesh_root_is_up(gateway) ? "up" : "down");
	g_string_append_printf(text, "clients on %s, %u of them listen\n", bp_server_addresses(gateway->server),
			       gateway->listeners);
	g_string_append_printf(text, "%u nodes, %u active, %u paths\n", gateway->nodes.nodes->len,
			       gateway->nodes.active, gateway->nodes.paths->len);
	g_string_append_printf(text,
			       U64 " messages of the root, " U64 " malformed, " U64 " texts, " U64
				   " updates unreadable; " U64 " sent to it, %u waiting, " U64 " refused\n",
			       counts->frames, counts->malformed, counts->texts, counts->undefined, counts->sent,
			       gateway->waiting.length, counts->refused);
	if (gateway->decoder)
		g_string_append_printf(
			text, "framing: " U64 " frames, " U64 " bytes dropped, " U64 " broken, " U64 " too long\n",
			gateway->decoder->counts.frames, gateway->decoder->counts.dropped,
			gateway->decoder->counts.broken, gateway->decoder->counts.too_long);
	if (gateway->advice)
		g_string_append_printf(text, "framing: %s\n", gateway->advice);
	g_string_append_printf(text, U64 " requests, " U64 " failed; " U64 " messages pushed, " U64 " dropped\n",
			       counts->requests, counts->failures, counts->pushed, counts->push_drops);
	if (!gateway->history)
		return;
	mesh_history_counts(gateway->history, &written, &lost, &failure);
	g_string_append_printf(text, "history: " U64 " values written, " U64 " lost%s%s\n", written, lost,
			       failure ? "; " : "", failure ? failure : "");
}
