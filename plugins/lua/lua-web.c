/* SPDX-License-Identifier: MIT */
/* lua-web.c - HTTP and WebSocket servers of scripts, on the library http. They live on the script's own loop.
 *
 * Functions of _PY: web_server_start, web_server_stop, web_server_answer, web_server_send, web_server_close.
 */
#include <string.h>
#include <backplane/http.h>
#include <backplane/listener.h>
#include <backplane/websocket.h>
#include "lua-event.h"
#include "lua.h"

#define MOST_SERVERS 64
#define MOST_CLIENTS 1024
#define MOST_WAITING 1024
#define BACKLOG (16 * 1024 * 1024)
#define MOST_MESSAGE (16 * 1024 * 1024)

typedef struct {
	Run *run;
	gint64 id, callback;
	gboolean websocket;
	BpListener *listener;
	BpHttpServer *http;
	GHashTable *parts; /* number -> Client, or exchange that waits for its answer */
	gint64 next_part;
	char **origins, **hosts;
} WebServer;

typedef struct {
	WebServer *server;
	gint64 id;
	BpWebSocket *socket; /* NULL: it has closed */
	GArray *waiting;     /* of gint64: callbacks of what was sent while the queue was full */
} Client;

static gpointer key(gint64 id)
{
	return (gpointer)(gintptr)id;
}

static json_t *event_new(const WebServer *server, const char *name)
{
	return json_pack("{s:s,s:b,s:I}", "event", name, "success", 1, "server_id", (json_int_t)server->id);
}

/* --- WebSocket --- */

static void answer_waiting(Client *client, const char *error)
{
	for (guint i = 0; i < client->waiting->len; i++)
		event_result(client->server->run, g_array_index(client->waiting, gint64, i), error);
	g_array_set_size(client->waiting, 0);
}

static void client_free(gpointer data)
{
	Client *client = data;

	g_array_unref(client->waiting);
	g_free(client);
}

static json_t *client_event(const Client *client, const char *name)
{
	json_t *table = event_new(client->server, name);

	json_object_set_new(table, "client_id", json_integer(client->id));
	return table;
}

static void on_message(BpPlugin *self, BpWebSocket *socket, BpWebSocketKind kind, const guint8 *data, gsize size,
		       gpointer user)
{
	Client *client = user;
	json_t *table = client_event(client, "receive");

	json_object_set_new(table, "data", json_stringn_nocheck((const char *)data, size));
	json_object_set_new(table, "binary", json_boolean(kind == BP_WEBSOCKET_BINARY));
	event_post(client->server->run, client->server->callback, FALSE, table);
}

static void on_drained(BpPlugin *self, BpWebSocket *socket, gpointer user)
{
	answer_waiting(user, NULL);
}

static void on_closed(BpPlugin *self, BpWebSocket *socket, guint code, const char *reason, gpointer user)
{
	Client *client = user;
	WebServer *server = client->server;
	json_t *table = client_event(client, "disconnected");

	client->socket = NULL;
	json_object_set_new(table, "code", json_integer(code));
	json_object_set_new(table, "reason", event_text(reason ? reason : ""));
	event_post(server->run, server->callback, FALSE, table);
	answer_waiting(client, "Client not connected");
	g_hash_table_remove(server->parts, key(client->id));
	client_free(client);
}

static const BpWebSocketEvents socket_events = {
	.size = sizeof(socket_events), .message = on_message, .drained = on_drained, .closed = on_closed
};

static void let_in(WebServer *server, BpHttpExchange *exchange)
{
	const BpWebSocketOptions options = { .max_message = MOST_MESSAGE, .backlog = BACKLOG };
	g_autofree char *path = g_strdup(bp_http_path(exchange));
	Client *client = g_new0(Client, 1);

	client->server = server;
	client->waiting = g_array_new(FALSE, FALSE, sizeof(gint64));
	client->socket = bp_websocket_accept(server->run->scope, exchange, &options, &socket_events, client);
	if (!client->socket) {
		client_free(client);
		return;
	}
	client->id = ++server->next_part;
	g_hash_table_insert(server->parts, key(client->id), client);
	json_t *table = client_event(client, "connected");

	json_object_set_new(table, "path", event_text(path));
	event_post(server->run, server->callback, FALSE, table);
}

/* --- HTTP --- */

static void on_gone(BpPlugin *self, BpHttpExchange *exchange, gpointer data)
{
	WebServer *server = data;
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, server->parts);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		if (value == exchange) {
			g_hash_table_iter_remove(&iter);
			return;
		}
}

/* Name, value, name, value. */
static json_t *headers_of(const BpHttpExchange *exchange)
{
	json_t *list = json_array();
	const char *name, *value;

	for (guint i = 0; (value = bp_http_field(exchange, i, &name)); i++) {
		json_array_append_new(list, event_text(name));
		json_array_append_new(list, event_text(value));
	}
	return list;
}

static void ask(WebServer *server, BpHttpExchange *exchange)
{
	gint64 id = ++server->next_part;
	json_t *table = event_new(server, "request");
	gsize size;
	const char *body = bp_http_body(exchange, &size);
	g_autofree char *peer = g_strdup(bp_http_peer(exchange));

	json_object_set_new(table, "request_id", json_integer(id));
	json_object_set_new(table, "method", event_text(bp_http_method(exchange)));
	json_object_set_new(table, "path", event_text(bp_http_path(exchange)));
	json_object_set_new(table, "query", event_text(bp_http_query(exchange)));
	json_object_set_new(table, "headers", headers_of(exchange));
	json_object_set_new(table, "body", json_stringn_nocheck(body ? body : "", body ? size : 0));
	json_object_set_new(table, "ip", event_text(address_cut(peer)));
	g_hash_table_insert(server->parts, key(id), exchange);
	bp_http_on_gone(exchange, on_gone, server);
	event_post(server->run, server->callback, FALSE, table);
}

static void on_request(BpPlugin *self, BpHttpExchange *exchange, gpointer user)
{
	WebServer *server = user;

	if (server->websocket)
		let_in(server, exchange);
	else
		ask(server, exchange);
}

static const BpHttpEvents http_events = { .size = sizeof(http_events), .request = on_request };

static void on_connection(BpPlugin *self, BpListener *listener, int take_fd, const BpAddress *peer, gpointer user)
{
	static const BpStreamEvents nothing = { .size = sizeof(nothing) };
	WebServer *server = user;
	BpStream *stream = bp_stream_open_fd(self, take_fd, &nothing, NULL);

	if (g_hash_table_size(server->parts) >= MOST_CLIENTS) {
		bp_stream_close(stream);
		return;
	}
	bp_stream_set_backlog(stream, BACKLOG, BP_BACKLOG_CLOSE);
	bp_http_serve(server->http, stream);
}

/* --- opening and closing --- */

/* What is still to be sent goes out. */
static void leave_client(Client *client)
{
	static const BpWebSocketEvents nothing = { .size = sizeof(nothing) };
	BpWebSocket *socket = g_steal_pointer(&client->socket);

	answer_waiting(client, "Server not running");
	if (!socket)
		return;
	bp_websocket_set_user(socket, &nothing, NULL);
	bp_websocket_close(socket, BP_CLOSE_GOING_AWAY, NULL);
}

void web_server_free(gpointer data)
{
	WebServer *server = data;
	GHashTable *parts = g_steal_pointer(&server->parts);
	GHashTableIter iter;
	gpointer value;

	server->parts = g_hash_table_new(NULL, NULL); /* for on_gone */
	if (server->listener)
		bp_listener_close(server->listener);
	g_hash_table_iter_init(&iter, parts);
	while (server->websocket && g_hash_table_iter_next(&iter, NULL, &value)) {
		leave_client(value);
		client_free(value);
	}
	if (server->http)
		bp_http_close(server->http);
	g_hash_table_unref(parts);
	g_hash_table_unref(server->parts);
	g_strfreev(server->origins);
	g_strfreev(server->hosts);
	g_free(server);
}

/* The list of strings at `index`; NULL: there is none. */
static char **list_at(lua_State *L, int index)
{
	GPtrArray *list;

	if (!lua_istable(L, index))
		return NULL;
	list = g_ptr_array_new();
	for (lua_Integer i = 1; lua_rawgeti(L, index, i) == LUA_TSTRING; i++, lua_pop(L, 1))
		g_ptr_array_add(list, g_strdup(lua_tostring(L, -1)));
	lua_pop(L, 1);
	g_ptr_array_add(list, NULL);
	return (char **)g_ptr_array_free(list, FALSE);
}

static WebServer *server_open(Run *run, const char *host, guint port, char **origins, char **hosts, GError **error)
{
	WebServer *server = g_new0(WebServer, 1);
	BpHttpOptions options = { .size = sizeof(options), .bind = host, .max_body = MOST_MESSAGE };

	server->run = run;
	server->parts = g_hash_table_new(NULL, NULL);
	server->origins = origins;
	server->hosts = hosts;
	options.origins = (const char *const *)origins;
	options.hosts = (const char *const *)hosts;
	server->listener = bp_listener_open(run->scope, host, port, run->insecure, on_connection, server, error);
	if (!server->listener) {
		web_server_free(server);
		return NULL;
	}
	server->http = bp_http_new(run->scope, &options, &http_events, server);
	return server;
}

/* web_server_start(number, host, port, callback, websocket, origins or nil, hosts or nil): nil, or what is wrong */
static int server_start(lua_State *L)
{
	Run *run = run_of(L);
	gint64 id = luaL_checkinteger(L, 1), callback = luaL_checkinteger(L, 4);
	const char *host = luaL_checkstring(L, 2);
	lua_Integer port = luaL_checkinteger(L, 3);
	GError *error = NULL;
	WebServer *server = NULL;

	luaL_argcheck(L, port >= 0 && port <= 65535, 3, "no port");
	luaL_checkstack(L, 4, NULL);
	if (g_hash_table_contains(run->servers, key(id)))
		bp_fail(&error, BP_BUSY, "Server already running");
	else if (g_hash_table_size(run->servers) >= MOST_SERVERS)
		bp_fail(&error, BP_LIMIT, "%d servers run already", MOST_SERVERS);
	else
		server = server_open(run, host, (guint)port, list_at(L, 6), list_at(L, 7), &error);
	if (!server) {
		error_push(L, error);
		return 1;
	}
	server->id = id;
	server->callback = callback;
	server->websocket = lua_toboolean(L, 5);
	g_hash_table_insert(run->servers, key(id), server);
	return 0;
}

static WebServer *server_at(lua_State *L)
{
	return g_hash_table_lookup(run_of(L)->servers, key(luaL_checkinteger(L, 1)));
}

/* web_server_stop(number): whether it ran */
static int server_stop(lua_State *L)
{
	lua_pushboolean(L, g_hash_table_remove(run_of(L)->servers, key(luaL_checkinteger(L, 1))));
	return 1;
}

/* web_server_port(number): the port on which it listens; nil: it does not run */
static int server_port(lua_State *L)
{
	const WebServer *server = server_at(L);

	if (!server)
		return 0;
	lua_pushinteger(L, bp_listener_port(server->listener));
	return 1;
}

/* Those that the library writes itself, and what would end the line, are left out. */
static void add_header(BpHttpExchange *exchange, const char *name, const char *value)
{
	static const char *const ours[] = { "content-length", "transfer-encoding", "connection",   "date",
					    "server",	      "keep-alive",	   "content-type", NULL };
	g_autofree char *small = g_ascii_strdown(name, -1);
	gsize size = strlen(value);
	gboolean good = *small && !g_strv_contains(ours, small);

	for (const char *at = small; good && *at; at++)
		good = g_ascii_isalnum(*at) || strchr("!#$%&'*+-.^_`|~", *at);
	for (gsize i = 0; good && i < size; i++)
		good = value[i] == '\t' || (guint8)value[i] >= ' ';
	if (good && !strchr(value, 127))
		bp_http_add_header(exchange, name, value);
}

/* web_server_answer(number, request, status, type, body, headers): headers is a list of name, value, name, value */
static int server_answer(lua_State *L)
{
	const WebServer *server = server_at(L);
	gint64 id = luaL_checkinteger(L, 2);
	lua_Integer status = luaL_checkinteger(L, 3);
	const char *type = luaL_checkstring(L, 4);
	size_t size;
	const char *body = luaL_checklstring(L, 5, &size);
	BpHttpExchange *exchange = server && !server->websocket ? g_hash_table_lookup(server->parts, key(id)) : NULL;
	g_auto(GStrv) headers = NULL;

	luaL_argcheck(L, status >= 200 && status <= 599, 3, "no status of an answer");
	if (!exchange)
		return 0;
	headers = list_at(L, 6);
	g_hash_table_remove(server->parts, key(id));
	for (guint i = 0; headers && headers[i] && headers[i + 1]; i += 2)
		add_header(exchange, headers[i], headers[i + 1]);
	bp_http_respond(exchange, (guint)status, type, body, size);
	return 0;
}

/* web_server_send(number, client, data, binary, callback): nil, or what is wrong */
static int server_send(lua_State *L)
{
	const WebServer *server = server_at(L);
	gint64 id = luaL_checkinteger(L, 2), callback = luaL_optinteger(L, 5, 0);
	size_t size;
	const char *data = luaL_checklstring(L, 3, &size);
	Client *client = server ? g_hash_table_lookup(server->parts, key(id)) : NULL;
	gboolean binary = lua_toboolean(L, 4) || !event_is_text(data, size);
	BpStream *stream;

	if (!client || !client->socket || bp_websocket_is_closing(client->socket)) {
		lua_pushfstring(L, !server ? "Server %I not found" : "Client %I not connected",
				(LUAI_UACINT)(server ? id : lua_tointeger(L, 1)));
		return 1;
	}
	stream = bp_websocket_stream(client->socket);
	if (bp_stream_queued(stream) + size > BACKLOG || client->waiting->len >= MOST_WAITING) {
		lua_pushliteral(L, "Send error: the client does not read");
		return 1;
	}
	if (bp_websocket_send(client->socket, binary ? BP_WEBSOCKET_BINARY : BP_WEBSOCKET_TEXT, data, size) != BP_FULL)
		event_result(server->run, callback, NULL);
	else if (callback)
		g_array_append_val(client->waiting, callback);
	return 0;
}

/* web_server_close(number, client, code, reason) */
static int server_close(lua_State *L)
{
	const WebServer *server = server_at(L);
	const Client *client = server && server->websocket
				       ? g_hash_table_lookup(server->parts, key(luaL_checkinteger(L, 2)))
				       : NULL;

	if (client && client->socket)
		bp_websocket_close(client->socket, (guint)luaL_optinteger(L, 3, BP_CLOSE_NORMAL),
				   luaL_optstring(L, 4, NULL));
	return 0;
}

void web_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "web_server_answer", server_answer },
		{ "web_server_close", server_close },
		{ "web_server_port", server_port },
		{ "web_server_send", server_send },
		{ "web_server_start", server_start },
		{ "web_server_stop", server_stop },
		{ NULL, NULL },
	};

	luaL_setfuncs(L, functions, 0);
}
