/* SPDX-License-Identifier: MIT */
/* endpoint-server.c - module EndpointServer: connections, their lines, and answers in their order.
 *
 * A connection has a queue of requests. Each line becomes one; answers wait in it for those before them. Nothing is read
 * while MOST_WAITING requests wait or the client does not read: so memory is bounded on both sides. What begins as the
 * handshake of a host of ours leaves the server and becomes a link of its peers.
 */
#include <string.h>
#include <backplane/kernel.h>
#include "endpoint.h"
#include "peer.h"
#include "python-json.h"

#define MOST_WAITING 256
#define MOST_ID 100 /* bytes */

static void work(EndpointConnection *connection);

/* --- requests --- */

static EndpointRequest *request_new(EndpointConnection *connection)
{
	EndpointRequest *request = g_new0(EndpointRequest, 1);

	request->connection = connection;
	request->place.data = request;
	g_queue_push_tail_link(&connection->requests, &request->place);
	connection->server->pending++;
	connection->server->requests++;
	return request;
}

static void request_free(EndpointRequest *request)
{
	EndpointConnection *connection = request->connection;

	g_queue_unlink(&connection->requests, &request->place);
	connection->server->pending--;
	if (!request->answer)
		endpoint_call_cancel(request);
	json_decref(request->id);
	g_clear_pointer(&request->answer, bp_message_unref);
	g_free(request);
}

static void send_ready(EndpointConnection *connection)
{
	EndpointRequest *request;

	while ((request = g_queue_peek_head(&connection->requests)) && request->answer) {
		if (bp_stream_send(connection->stream, request->answer) != BP_SENT)
			connection->full = TRUE;
		request_free(request);
	}
}

static BpMessage *unmarked_line(const json_t *reply)
{
	g_autofree char *text = python_json_text(reply);
	g_autofree char *unmarked = python_json_unmark(text);
	g_autofree char *line = g_strconcat(unmarked, "\n", NULL);

	return bp_message_new(line, strlen(line), BP_TEXT);
}

static void finish(EndpointRequest *request, json_t *take_reply)
{
	const char *status = json_string_value(json_object_get(take_reply, "status"));

	if (status && strcmp(status, "error") == 0)
		request->connection->server->errors++;
	if (request->id && json_is_object(take_reply) && !json_object_get(take_reply, "id"))
		json_object_set(take_reply, "id", request->id);
	request->answer = request->marked ? unmarked_line(take_reply) : python_json_line(take_reply);
	json_decref(take_reply);
}

void endpoint_answer(EndpointRequest *request, json_t *take_reply)
{
	EndpointConnection *connection = request->connection;

	finish(request, take_reply);
	if (connection->working)
		return;
	send_ready(connection);
	work(connection);
}

/* --- connections --- */

/* The stream is not touched. */
static void connection_free(EndpointConnection *connection)
{
	EndpointServer *server = connection->server;

	while (connection->requests.length)
		request_free(g_queue_peek_head(&connection->requests));
	g_queue_unlink(&server->connections, &connection->place);
	server->clients--;
	json_line_clear(&connection->input);
	endpoint_media_clear(&connection->media);
	g_clear_pointer(&connection->peer, g_ref_string_release);
	g_free(connection->peer_id);
	g_free(connection->id);
	g_free(connection);
}

/* Sends the reason, then closes: limits are reported to the client. */
static void refuse_line(EndpointConnection *connection)
{
	json_t *reply = endpoint_error("Message is longer than %zu bytes", connection->input.limit);
	g_autoptr(BpMessage) line = NULL;

	json_object_set_new(reply, "code", json_string("too_long"));
	line = python_json_line(reply);
	json_decref(reply);
	connection->server->errors++;
	bp_stream_send(connection->stream, line);
	bp_stream_close(connection->stream);
}

/* Hands the connection of another Backplane over to the peers, with the bytes received so far. TRUE: the connection was handed over. */
static gboolean hand_over(EndpointConnection *connection, const char *line, gsize size)
{
	PeerNet *net = connection->server->net;
	g_autoptr(GError) error = NULL;
	json_t *message;

	if (!net || connection->requests.length || !memmem(line, MIN(size, 256), "\"peer_handshake\"", 16))
		return FALSE;
	message = bp_json_parse_object(line, size, 64 * 1024, &error);
	if (message && handshake_is_offer(message) && json_object_get(message, "nonce")) {
		JsonLine input = connection->input;
		BpStream *stream = connection->stream;

		json_line_init(&connection->input, 0);
		connection_free(connection);
		peer_link_accept(net, stream, input, message);
		json_decref(message);
		return TRUE;
	}
	json_decref(message);
	return FALSE;
}

/* An empty line is an error only where it stands alone: the originals take line ends before and after a message, in what one read
 * gives, for a part of it. */
static gboolean is_passed_over(EndpointConnection *connection, gsize size)
{
	gsize left;

	if (size)
		connection->fresh = FALSE;
	json_line_peek(&connection->input, &left);
	return !size && (!connection->fresh || left);
}

/* Processes the lines received so far, within the limits. May free the connection. */
static void work(EndpointConnection *connection)
{
	BpStream *stream = connection->stream;
	JsonLineResult result = JSON_LINE_NONE;
	char *line;
	gsize size;

	connection->working = TRUE;
	while (!connection->full && connection->requests.length < MOST_WAITING && !bp_stream_is_closing(stream) &&
	       (result = json_line_next(&connection->input, &line, &size)) == JSON_LINE_TAKEN) {
		EndpointRequest *request;
		json_t *reply;

		if (is_passed_over(connection, size))
			continue;
		if (hand_over(connection, line, size))
			return;
		request = request_new(connection);
		line[size] = 0;
		reply = endpoint_dispatch(request, line, size);
		if (reply)
			finish(request, reply);
		send_ready(connection);
		result = JSON_LINE_NONE;
	}
	connection->working = FALSE;
	if (result == JSON_LINE_TOO_LONG && !bp_stream_is_closing(stream))
		refuse_line(connection);
	else if (!bp_stream_is_closing(stream))
		bp_stream_set_reading(stream, !connection->full && connection->requests.length < MOST_WAITING);
}

static void on_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	EndpointConnection *connection = user;

	connection->fresh = TRUE;
	json_line_add(&connection->input, data, size);
	work(connection);
}

static void on_drained(BpPlugin *self, BpStream *stream, gpointer user)
{
	EndpointConnection *connection = user;

	connection->full = FALSE;
	work(connection);
}

static void on_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	connection_free(user);
}

static const BpStreamEvents stream_events = {
	.size = sizeof(stream_events), .data = on_data, .closed = on_closed, .drained = on_drained
};

/* --- the server --- */

static char *refusal_text(EndpointServer *server, const char *why)
{
	json_t *reply = endpoint_error("Connection refused: %s", why);
	g_autofree char *text = NULL;

	json_object_set_new(reply, "code", json_string("refused"));
	text = python_json_text(reply);
	json_decref(reply);
	server->refused++;
	return g_strconcat(text, "\n", NULL);
}

static void on_accept(BpPlugin *self, BpServer *bp_server, BpStream *stream, gpointer user)
{
	EndpointServer *server = user;
	EndpointConnection *connection;

	if (server->clients >= server->max_clients) {
		g_autofree char *why = g_strdup_printf("the server has its %u clients", server->max_clients);
		g_autofree char *text = refusal_text(server, why);

		bp_stream_write(stream, text, strlen(text));
		bp_stream_close(stream);
		return;
	}
	connection = g_new0(EndpointConnection, 1);
	connection->server = server;
	connection->stream = stream;
	connection->id = g_uuid_string_random();
	connection->place.data = connection;
	json_line_init(&connection->input, (gsize)bp_instance_int(server->self, "max_message"));
	g_queue_push_tail_link(&server->connections, &connection->place);
	server->clients++;
	bp_stream_set_user(stream, &stream_events, connection);
}

static char *on_refusal(BpPlugin *self, BpServer *bp_server, const char *why, gpointer user)
{
	return refusal_text(user, why);
}

static const BpServerEvents server_events = { .size = sizeof(server_events),
					      .accept = on_accept,
					      .refusal = on_refusal };

/* The identity that was made for this instance when it was first opened, kept in the settings. Yours. */
static char *kept_id(BpInstance *self)
{
	BpContext *root = bp_context("/");
	g_autofree char *key = g_strconcat("peer-id-", bp_plugin_name(self), NULL);
	char *id = bp_setting_get(root, key);

	if (id && *id && strlen(id) <= MOST_ID && g_utf8_validate(id, -1, NULL))
		return id;
	g_free(id);
	id = g_uuid_string_random();
	bp_setting_store(root, key, id);
	return id;
}

static gboolean name_server(EndpointServer *server, GError **error)
{
	const char *name = bp_instance_string(server->self, "server_name");
	const char *id = bp_instance_string(server->self, "server_id");

	server->id = id && *id ? g_strdup(id) : kept_id(server->self);
	if (name && *name)
		server->name = g_strdup(name);
	else if (bp_instance_bool(server->self, "enable_peer"))
		server->name = g_strdup(g_get_host_name());
	else
		server->name = g_strdup_printf("server-%.8s", server->id);
	if (strlen(server->id) <= MOST_ID && strlen(server->name) <= MOST_ID &&
	    g_utf8_validate(server->name, -1, NULL) && g_utf8_validate(server->id, -1, NULL))
		return TRUE;
	g_set_error(error, BP_HOST_ERROR, BP_INVALID, "server_name and server_id are texts of %d bytes at most",
		    MOST_ID);
	return FALSE;
}

static void undo(gpointer data)
{
	EndpointServer *server = data;

	g_free(server->id);
	g_free(server->name);
}

gboolean endpoint_server_open(BpInstance *self, GError **error)
{
	EndpointServer *server = bp_instance_data(self);

	server->self = self;
	bp_plugin_defer_undo(self, undo, server);
	if (!name_server(server, error))
		return FALSE;
	server->project = bp_instance_string(self, "project_id");
	server->hash = bp_instance_string(self, "hash");
	server->protocols = bp_values_list(bp_instance_values(self), "protocols");
	server->timeout = bp_instance_duration(self, "endpoint_timeout");
	server->max_clients = (guint)bp_instance_int(self, "max_clients");
	server->enable_discovery = bp_instance_bool(self, "enable_discovery");
	server->started = g_get_monotonic_time();
	server->server = bp_server_open(self, NULL, "server-endpoint-%u", &server_events, server, error);
	if (!server->server)
		return FALSE;
	if (bp_instance_bool(self, "enable_peer")) {
		server->net = peer_net_new(server, error);
		if (!server->net)
			return FALSE;
	}
	if (server->enable_discovery)
		discovery_add_server(server);
	return TRUE;
}

/* Connections are closed in order: their queues are still sent. */
void endpoint_server_close(BpInstance *self)
{
	EndpointServer *server = bp_instance_data(self);

	if (server->enable_discovery)
		discovery_remove_server(server);
	g_clear_pointer(&server->net, peer_net_free);
	while (server->connections.length) {
		EndpointConnection *connection = g_queue_peek_head(&server->connections);
		BpStream *stream = connection->stream;

		connection_free(connection);
		bp_stream_set_user(stream, NULL, NULL);
		bp_stream_close(stream);
	}
}

void endpoint_server_describe(BpInstance *self, GString *text)
{
	EndpointServer *server = bp_instance_data(self);

	g_string_append_printf(text, "%s (%s) on %s, project %s\n", server->name, server->id,
			       bp_server_addresses(server->server), server->project);
	g_string_append_printf(text,
			       "%u clients of %u, %" G_GUINT64_FORMAT " requests, %" G_GUINT64_FORMAT
			       " errors, %" G_GUINT64_FORMAT " refused, %" G_GUINT64_FORMAT " timeouts\n",
			       server->clients, server->max_clients, server->requests, server->errors, server->refused,
			       server->timeouts);
	if (server->net)
		peer_net_describe(server->net, text);
}

EndpointServer *endpoint_server_of(BpInstance *instance)
{
	const BpModule *module = instance ? bp_instance_module(instance) : NULL;

	return module && module->open == endpoint_server_open ? bp_instance_data(instance) : NULL;
}

GPtrArray *endpoint_server_list(void)
{
	g_autoptr(GPtrArray) instances = bp_instance_list(NULL);
	GPtrArray *servers = g_ptr_array_new();

	for (guint i = 0; i < instances->len; i++) {
		EndpointServer *server = endpoint_server_of(instances->pdata[i]);

		if (server)
			g_ptr_array_add(servers, server);
	}
	return servers;
}
