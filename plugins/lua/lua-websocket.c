/* SPDX-License-Identifier: MIT */
/* lua-websocket.c - WebSocket clients of scripts, on libsoup.
 *
 * libsoup queues what is sent without a bound and does not tell how much that is. So messages wait here, and libsoup gets the next ones
 * only when its stream could be written to after a turn in which it had the chance to empty its queue.
 */
#include <string.h>
#include "lua-event.h"
#include "lua-http.h"

#define MOST_CLIENTS 256
#define MOST_MESSAGE (16 * 1024 * 1024)
#define BACKLOG (16 * 1024 * 1024)
#define MOST_WAITING 1024
#define AT_ONCE (256 * 1024) /* that libsoup gets before it is looked whether its stream takes more */
#define PAUSE (10 * 1000)    /* until that is looked at */
#define PATIENCE (30 * G_USEC_PER_SEC)
#define KEEPALIVE_SECONDS 30

typedef struct {
	GBytes *bytes;
	gboolean binary;
	gint64 callback;
} Message;

typedef struct {
	Run *run; /* NULL: it has ended */
	Script *script;
	BpInstance *self;
	gint64 id, callback;
	SoupSession *session;
	SoupMessage *message; /* of the handshake */
	GCancellable *cancel;
	gboolean connecting, late;
	SoupWebsocketConnection *connection;
	GQueue waiting; /* of Message */
	gsize queued, handed;
	BpScope *scope;
	BpTimer *timer, *flush;
} Client;

static gpointer key(gint64 id)
{
	return (gpointer)(gintptr)id;
}

static void message_free(gpointer data)
{
	Message *message = data;

	g_bytes_unref(message->bytes);
	g_free(message);
}

static void client_free(Client *client)
{
	g_queue_clear_full(&client->waiting, message_free);
	g_clear_object(&client->connection);
	g_object_unref(client->cancel);
	g_object_unref(client->message);
	g_object_unref(client->session);
	g_free(client);
}

/* It is no longer in the table of the run, which may end. While it connects, libsoup gives it back later. */
void websocket_leave(gpointer data)
{
	Client *client = data;

	client->run = NULL;
	client->timer = client->flush = NULL;
	bp_scope_close(g_steal_pointer(&client->scope));
	if (client->connection)
		g_signal_handlers_disconnect_by_data(client->connection, client);
	if (client->connecting)
		g_cancellable_cancel(client->cancel);
	else
		client_free(client);
}

static json_t *event_new(const Client *client, const char *name)
{
	return json_pack("{s:s,s:I,s:b}", "event", name, "conn_id", (json_int_t)client->id, "success", 1);
}

/* --- sending --- */

static void answer_waiting(Client *client, const char *error)
{
	Message *message;

	while ((message = g_queue_pop_head(&client->waiting))) {
		event_result(client->run, message->callback, error);
		message_free(message);
	}
	client->queued = 0;
}

static gboolean is_open(const Client *client)
{
	return client && client->connection &&
	       soup_websocket_connection_get_state(client->connection) == SOUP_WEBSOCKET_STATE_OPEN;
}

static gboolean is_writable(const Client *client)
{
	GOutputStream *stream = g_io_stream_get_output_stream(
		soup_websocket_connection_get_io_stream(client->connection));

	return G_IS_POLLABLE_OUTPUT_STREAM(stream) &&
	       g_pollable_output_stream_is_writable(G_POLLABLE_OUTPUT_STREAM(stream));
}

static void flush(Client *client);

static void on_flush(BpPlugin *self, gpointer data)
{
	Client *client = data;

	if (!is_open(client))
		answer_waiting(client, "WebSocket send error: the connection closes");
	else if (is_writable(client))
		client->handed = 0;
	flush(client);
}

static void flush(Client *client)
{
	while (client->waiting.length && client->handed < AT_ONCE) {
		Message *message = g_queue_pop_head(&client->waiting);
		gsize size = g_bytes_get_size(message->bytes);

		client->queued -= size;
		client->handed += size + 16;
		soup_websocket_connection_send_message(
			client->connection, message->binary ? SOUP_WEBSOCKET_DATA_BINARY : SOUP_WEBSOCKET_DATA_TEXT,
			message->bytes);
		event_result(client->run, message->callback, NULL);
		message_free(message);
	}
	if (client->handed && !client->flush)
		bp_timer_once(&client->flush, client->scope, PAUSE, on_flush, client);
}

/* --- receiving --- */

static void on_message(SoupWebsocketConnection *connection, SoupWebsocketDataType type, GBytes *bytes, gpointer data)
{
	const Client *client = data;
	json_t *table = event_new(client, "dataReceived");

	json_object_set_new(table, "data",
			    json_stringn_nocheck(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes)));
	json_object_set_new(table, "binary", json_boolean(type == SOUP_WEBSOCKET_DATA_BINARY));
	event_post(client->run, client->callback, FALSE, table);
}

static void on_closed(SoupWebsocketConnection *connection, gpointer data)
{
	Client *client = data;
	Run *run = client->run;
	json_t *table = event_new(client, "disconnected");
	gushort code = soup_websocket_connection_get_close_code(connection);
	const char *reason = soup_websocket_connection_get_close_data(connection);

	json_object_set_new(table, "code", json_integer(code ? code : SOUP_WEBSOCKET_CLOSE_ABNORMAL));
	json_object_set_new(table, "reason", event_text(reason ? reason : ""));
	event_post(run, client->callback, TRUE, table);
	answer_waiting(client, "WebSocket send error: the connection was closed");
	g_hash_table_remove(run->websockets, key(client->id));
}

/* --- connecting --- */

static void on_connected(GObject *source, GAsyncResult *result, gpointer data)
{
	Client *client = data;
	g_autoptr(GError) error = NULL;
	BpInstance *self = client->self;
	Run *run = client->run;
	json_t *table;

	client->connecting = FALSE;
	client->connection = soup_session_websocket_connect_finish(SOUP_SESSION(source), result, &error);
	session_end(client->script);
	if (!run || !bp_owner_enter(self)) {
		if (run)
			g_hash_table_remove(run->websockets, key(client->id));
		else
			client_free(client);
		return;
	}
	if (client->timer)
		bp_timer_remove(g_steal_pointer(&client->timer));
	if (client->connection) {
		soup_websocket_connection_set_max_incoming_payload_size(client->connection, MOST_MESSAGE);
		soup_websocket_connection_set_keepalive_interval(client->connection, KEEPALIVE_SECONDS);
		g_signal_connect(client->connection, "message", G_CALLBACK(on_message), client);
		g_signal_connect(client->connection, "closed", G_CALLBACK(on_closed), client);
		event_post(run, client->callback, FALSE, event_new(client, "connected"));
	} else {
		g_autofree char *why = client->late ? g_strdup("timeout") : session_error_text(client->message, error);
		g_autofree char *text = g_strconcat("Connection error: ", why, NULL);

		table = event_new(client, "error");
		json_object_set_new(table, "success", json_false());
		json_object_set_new(table, "error", event_text(text));
		event_post(run, client->callback, TRUE, table);
		g_hash_table_remove(run->websockets, key(client->id));
	}
	bp_owner_leave(self);
}

static void on_late(BpPlugin *self, gpointer data)
{
	((Client *)data)->late = TRUE;
	g_cancellable_cancel(((Client *)data)->cancel);
}

static Client *client_new(lua_State *L, const char *url, const Trust *trust, GError **error)
{
	static const char *const schemes[] = { "ws", "wss", NULL };
	Run *run = run_of(L);
	SoupSession *session = session_of(run, trust, error);
	g_autoptr(GCancellable) cancel = g_cancellable_new();
	SoupMessage *message = session ? session_message("GET", url, schemes, trust, cancel, error) : NULL;
	Client *client;

	if (!message)
		return NULL;
	if (!session_headers(L, 3, message, error)) {
		g_object_unref(message);
		return NULL;
	}
	soup_message_disable_feature(message, SOUP_TYPE_WEBSOCKET_EXTENSION_MANAGER);
	client = g_new0(Client, 1);
	client->run = run;
	client->script = run->script;
	client->self = run->self;
	client->session = g_object_ref(session);
	client->message = message;
	client->cancel = g_steal_pointer(&cancel);
	client->scope = bp_scope_open(run->scope);
	g_queue_init(&client->waiting);
	return client;
}

/* websocket_connect(url, callback, headers or nil, check certificates, authority): a number; nil and what is wrong */
static int websocket_connect(lua_State *L)
{
	Run *run = run_of(L);
	const char *url = luaL_checkstring(L, 1);
	gint64 callback = luaL_checkinteger(L, 2);
	Trust trust = { .unchecked = lua_isboolean(L, 4) && !lua_toboolean(L, 4) };
	GError *error = NULL;
	Client *client = NULL;

	trust.authority = trust.unchecked ? NULL : luaL_optstring(L, 5, NULL);
	luaL_checkstack(L, 6, NULL);
	if (g_hash_table_size(run->websockets) >= MOST_CLIENTS)
		bp_fail(&error, BP_LIMIT, "%d WebSockets are open already", MOST_CLIENTS);
	else
		client = client_new(L, url, &trust, &error);
	if (!client) {
		lua_pushnil(L);
		error_push(L, error);
		return 2;
	}
	client->id = ++run->next_websocket;
	client->callback = callback;
	client->connecting = TRUE;
	g_hash_table_insert(run->websockets, key(client->id), client);
	session_begin(run->script);
	bp_timer_once(&client->timer, client->scope, PATIENCE, on_late, client);
	soup_session_websocket_connect_async(client->session, client->message, NULL, NULL, G_PRIORITY_DEFAULT,
					     client->cancel, on_connected, client);
	lua_pushinteger(L, client->id);
	return 1;
}

/* --- the others --- */

static Client *client_at(lua_State *L)
{
	return g_hash_table_lookup(run_of(L)->websockets, key(luaL_checkinteger(L, 1)));
}

/* websocket_send(number, data, callback, binary): what is no UTF-8 is sent as a binary message */
static int websocket_send(lua_State *L)
{
	Client *client = client_at(L);
	size_t size;
	const char *data = luaL_checklstring(L, 2, &size);
	gint64 callback = luaL_optinteger(L, 3, 0);
	gboolean binary = lua_toboolean(L, 4) || !event_is_text(data, size);
	g_autofree char *why = NULL;
	Message *message;

	if (!is_open(client)) {
		why = g_strdup_printf("WebSocket connection %d %s", (int)lua_tointeger(L, 1),
				      client ? "is not connected" : "not found");
	} else if (client->queued + size > BACKLOG || client->waiting.length >= MOST_WAITING) {
		why = g_strdup("WebSocket send error: the peer does not read");
	}
	if (why) {
		event_result(run_of(L), callback, why);
		return 0;
	}
	message = g_new0(Message, 1);
	*message = (Message){ g_bytes_new(data, size), binary, callback };
	g_queue_push_tail(&client->waiting, message);
	client->queued += size;
	flush(client);
	return 0;
}

/* websocket_close(number, callback, code, reason): "disconnected" follows */
static int websocket_close(lua_State *L)
{
	Client *client = client_at(L);
	gint64 callback = luaL_optinteger(L, 2, 0);
	lua_Integer code = luaL_optinteger(L, 3, SOUP_WEBSOCKET_CLOSE_NORMAL);
	const char *reason = luaL_optstring(L, 4, NULL);
	g_autofree char *why = NULL;

	luaL_argcheck(L, code == 1000 || (code >= 3000 && code <= 4999), 3, "no code for scripts");
	if (!client)
		why = g_strdup_printf("WebSocket connection %d not found", (int)lua_tointeger(L, 1));
	else if (client->connecting)
		g_cancellable_cancel(client->cancel);
	else if (is_open(client))
		soup_websocket_connection_close(
			client->connection, (gushort)code,
			reason && strlen(reason) < 124 && g_utf8_validate(reason, -1, NULL) ? reason : NULL);
	event_result(run_of(L), callback, why);
	return 0;
}

static int websocket_is_open(lua_State *L)
{
	lua_pushboolean(L, is_open(client_at(L)));
	return 1;
}

void websocket_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "websocket_close", websocket_close },
		{ "websocket_connect", websocket_connect },
		{ "websocket_is_open", websocket_is_open },
		{ "websocket_send", websocket_send },
		{ NULL, NULL },
	};

	luaL_setfuncs(L, functions, 0);
}
