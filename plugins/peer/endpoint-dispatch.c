/* SPDX-License-Identifier: MIT */
/* endpoint-dispatch.c - what a line asks for, in the order in which the originals look: the protocol form by its first
 * bytes, media, an endpoint, a built-in request, anything else.
 */
#include <math.h>
#include <string.h>
#include "endpoint.h"
#include "peer.h"
#include "python-json.h"

/* --- replies --- */

json_t *endpoint_stamp(json_t *take_reply)
{
	g_autofree char *now = python_time(g_get_real_time());

	if (!json_object_get(take_reply, "timestamp"))
		json_object_set_new(take_reply, "timestamp", json_string(now));
	return take_reply;
}

json_t *endpoint_error(const char *format, ...)
{
	g_autofree char *text = NULL, *valid = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	valid = g_utf8_make_valid(text, -1);
	return endpoint_stamp(json_pack("{s:s,s:s}", "status", "error", "message", valid));
}

json_t *endpoint_success(json_t *take_data)
{
	return endpoint_stamp(json_pack("{s:s,s:o}", "status", "success", "data", take_data ? take_data : json_null()));
}

static json_t *received(void)
{
	return endpoint_stamp(json_pack("{s:s,s:s}", "status", "received", "message",
					"Message received but no specific handler found"));
}

gboolean endpoint_name_ok(const char *name)
{
	gsize size = strlen(name);

	if (!size || size > 64)
		return FALSE;
	for (; *name; name++)
		if (!g_ascii_isalnum(*name) && !strchr("-_.", *name))
			return FALSE;
	return TRUE;
}

/* --- built-in requests --- */

static json_t *answer_ping(EndpointServer *server, const json_t *message)
{
	g_autofree char *now = python_time(g_get_real_time());

	return endpoint_stamp(json_pack("{s:s,s:b,s:s}", "status", "success", "pong", 1, "server_time", now));
}

static json_t *answer_status(EndpointServer *server, const json_t *message)
{
	gint64 uptime = (g_get_monotonic_time() - server->started) / G_USEC_PER_SEC;
	json_t *data = json_pack("{s:s,s:s,s:s,s:I,s:i,s:i,s:i}", "status", "running", "server_id", server->id,
				 "server_name", server->name, "uptime", (json_int_t)uptime, "client_count",
				 (int)server->clients, "max_connections", (int)server->max_clients, "port",
				 (int)bp_server_port(server->server));

	/* The one reply whose time is inside. */
	return json_pack("{s:s,s:o}", "status", "success", "data", endpoint_stamp(data));
}

static json_t *protocol_list(const EndpointServer *server)
{
	json_t *list = json_array();

	for (const char *const *at = server->protocols; *at; at++)
		json_array_append_new(list, bp_json_string(*at, -1));
	if (!json_array_size(list))
		json_array_append_new(list, json_string("DEFAULT"));
	if (server->net) {
		g_autofree char *tag = g_strconcat("PROJECT:", server->project, NULL);

		json_array_append_new(list, bp_json_string(tag, -1));
	}
	return list;
}

static json_t *answer_info(EndpointServer *server, const json_t *message)
{
	g_auto(GStrv) names = endpoint_names(server);
	json_t *endpoints = json_array(), *data;

	for (char **at = names; *at; at++)
		json_array_append_new(endpoints, json_string(*at));
	data = json_pack("{s:s,s:s,s:o,s:s,s:o,s:i,s:i,s:i,s:s,s:s}", "server_id", server->id, "server_name",
			 server->name, "protocols", protocol_list(server), "hash", server->hash, "endpoints", endpoints,
			 "client_count", (int)server->clients, "max_connections", (int)server->max_clients, "port",
			 (int)bp_server_port(server->server), "host", bp_instance_string(server->self, "bind"),
			 "project_id", server->project);
	if (server->net)
		json_object_set_new(data, "peers", peer_net_names(server->net));
	return endpoint_success(data);
}

static json_t *answer_echo(EndpointServer *server, const json_t *message)
{
	json_t *data = json_object_get(message, "data");

	return endpoint_stamp(
		json_pack("{s:s,s:o}", "status", "success", "echo", data ? json_incref(data) : json_object()));
}

static json_t *answer_peer_list(EndpointServer *server, const json_t *message)
{
	return endpoint_success(json_pack("{s:o}", "peers", server->net ? peer_net_list(server->net) : json_array()));
}

static const struct {
	const char *name;
	json_t *(*answer)(EndpointServer *server, const json_t *message);
} built_in[] = {
	{ "ping", answer_ping }, { "status", answer_status },	    { "info", answer_info },
	{ "echo", answer_echo }, { "peer_list", answer_peer_list },
};

static json_t *dispatch_request(EndpointServer *server, const json_t *message)
{
	const json_t *kind = json_object_get(message, "request");
	g_autofree char *text = NULL;

	for (guint i = 0; i < G_N_ELEMENTS(built_in); i++)
		if (json_is_string(kind) && strcmp(json_string_value(kind), built_in[i].name) == 0)
			return built_in[i].answer(server, message);
	text = python_str(kind);
	return endpoint_error("Unknown request type: %.200s", text);
}

/* --- media --- */

/* Who watches SERVER/media/TYPE sees the bytes; an endpoint media_TYPE or media_handler answers for itself. */
static json_t *on_media(const char *type, const guint8 *data, gsize size, const json_t *message, gpointer user)
{
	EndpointRequest *request = user;
	EndpointServer *server = request->connection->server;
	g_autofree char *name = g_strdup_printf("%s/media/%s", bp_plugin_name(server->self), type);
	g_autofree char *path = g_strconcat("endpoint/media_", type, NULL);
	g_autoptr(BpChannel) channel = bp_channel_check_name(name, NULL) ? bp_channel_find(name) : NULL;
	g_autoptr(GError) error = NULL;
	const BpEndpoint *endpoint = bp_registry_find(path);
	json_t *reply;

	if (channel)
		bp_channel_send_bytes(channel, data, size);
	if (!endpoint)
		endpoint = bp_registry_find("endpoint/media_handler");
	if (!endpoint || endpoint_command_of(endpoint->name))
		return NULL;
	reply = endpoint->call(bp_registry_owner(path), message, request->connection->id, &error);
	if (!reply)
		return json_pack("{s:s,s:o}", "status", "error", "message",
				 bp_json_string(error ? error->message : "the endpoint gave no answer", -1));
	return reply;
}

/* --- forms --- */

static json_t *dispatch_endpoint(EndpointRequest *request, const json_t *message)
{
	const json_t *name = json_object_get(message, "endpoint");
	g_autofree char *text = NULL;
	json_t *reply = NULL;

	if (json_is_string(name) && endpoint_call(request, json_string_value(name), message, FALSE, &reply))
		return reply;
	text = python_str(name);
	return endpoint_error("Unknown endpoint: %.200s", text);
}

static json_t *dispatch_protocol(EndpointRequest *request, const json_t *message)
{
	EndpointConnection *connection = request->connection;
	const json_t *name = json_object_get(message, "protocol_name");
	json_t *data = json_object_get(message, "data"), *reply = NULL;
	g_autofree char *text = python_str(name);
	gboolean found;

	if (!json_is_object(data) && data)
		return endpoint_error("Error during protocol processing: data must be an object");
	data = data ? json_copy(data) : json_object();
	json_object_set_new(data, "client_address", json_string(bp_stream_peer(connection->stream)));
	found = json_is_string(name) && endpoint_call(request, text, data, TRUE, &reply);
	json_decref(data);
	return found ? reply : endpoint_error("Unknown protocol: %.200s", text);
}

/* The handshake of an original: from then on its other messages are published on NAME/recv. */
static json_t *dispatch_handshake(EndpointRequest *request, const json_t *message)
{
	EndpointConnection *connection = request->connection;
	g_autofree char *name = NULL, *id = NULL;
	json_t *reply = peer_net_greet(connection->server->net, message, &name, &id);

	if (name) {
		g_clear_pointer(&connection->peer, g_ref_string_release);
		connection->peer = g_ref_string_new(name);
		g_free(connection->peer_id);
		connection->peer_id = g_steal_pointer(&id);
	}
	return reply;
}

static json_t *dispatch_object(EndpointRequest *request, const json_t *message, const char *line, gsize size)
{
	EndpointConnection *connection = request->connection;
	EndpointServer *server = connection->server;
	const json_t *id = json_object_get(message, "id");

	if (json_is_string(id) || json_is_integer(id))
		request->id = json_incref((json_t *)id);
	if (g_str_has_prefix(line, "{\"protocol_name\":"))
		return dispatch_protocol(request, message);
	if (endpoint_media_is(message))
		return endpoint_stamp(endpoint_media_receive(&connection->media, message, on_media, request));
	if (json_object_get(message, "endpoint"))
		return dispatch_endpoint(request, message);
	if (json_object_get(message, "request"))
		return dispatch_request(server, message);
	if (server->net && handshake_is_offer(message))
		return dispatch_handshake(request, message);
	if (server->net && connection->peer)
		server->net->in++;
	if (server->net && connection->peer)
		peer_net_said(server->net, connection->peer, line, size);
	return received();
}

/* What the originals take: JSON over several lines that are received together, and what only Python takes. NULL, with an error if it
 * is nested too deep. */
static json_t *parse_message(EndpointRequest *request, char *line, gsize *size, GError **error)
{
	g_autoptr(GError) why = NULL;
	gsize whole = *size;
	/* jansson takes a NUL behind a value for the end of the text. */
	json_t *message = memchr(line, 0, *size) ? NULL : bp_json_parse(line, *size, 0, &why);

	if (message)
		return message;
	if (why && g_error_matches(why, BP_HOST_ERROR, BP_LIMIT)) {
		g_propagate_error(error, g_steal_pointer(&why));
		return NULL;
	}
	json_line_extend(&request->connection->input, line, &whole);
	if (whole > *size) {
		line[*size] = '\n'; /* work() has ended the first line there */
		line[whole] = 0;
		*size = whole;
		message = memchr(line, 0, whole) ? NULL : bp_json_parse(line, whole, 0, NULL);
	}
	if (message || memchr(line, 0, whole))
		return message;
	message = python_json_parse(line, whole);
	request->marked = message != NULL;
	return message;
}

json_t *endpoint_dispatch(EndpointRequest *request, char *line, gsize size)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	json_t *message = parse_message(request, line, &size, &error), *reply;

	if (!message && g_error_matches(error, BP_HOST_ERROR, BP_LIMIT)) {
		reply = endpoint_error("Message refused: %s", error->message);
		json_object_set_new(reply, "code", json_string("too_deep"));
		return reply;
	}
	if (!message) {
		text = python_utf8_error(line, size);
		return text ? endpoint_error("Internal server error: %s", text) : endpoint_error("Unknown data format");
	}
	if (json_is_object(message))
		reply = dispatch_object(request, message, line, size);
	else if (json_is_array(message) || json_is_string(message))
		reply = received();
	else
		reply = endpoint_error("Message must be an object");
	json_decref(message);
	return reply;
}
