/* SPDX-License-Identifier: MIT */
/* lua-listener.c - TCP servers of scripts. They listen on the script's own loop. */
#include "lua.h"
#include <string.h>
#include <backplane/listener.h>

#define MOST_LISTENERS 64

typedef struct {
	Run *run;
	gint64 callback;
	BpListener *listener;
} Server;

static gpointer key(gint64 id)
{
	return (gpointer)(gintptr)id;
}

void listener_free(gpointer data)
{
	Server *server = data;

	if (server->listener)
		bp_listener_close(server->listener);
	g_free(server);
}

static void on_connection(BpPlugin *self, BpListener *listener, int take_fd, const BpAddress *peer, gpointer user)
{
	Server *server = user;
	g_autofree char *text = bp_address_format(peer);
	gint64 id = socket_adopt(server->run, take_fd);

	if (id)
		reply_post(server->run, &(Reply){ .callback = server->callback,
						  .good = TRUE,
						  .id_name = "conn_id",
						  .id = id,
						  .written = -1,
						  .ip = address_cut(text),
						  .port = bp_address_port(peer) });
}

/* "[::1]:80" becomes "::1". */
const char *address_cut(char *text)
{
	char *colon = strrchr(text, ':'), *bracket = strchr(text, ']');

	if (colon)
		*colon = '\0';
	if (*text == '[' && bracket)
		*bracket = '\0';
	return *text == '[' ? text + 1 : text;
}

/* tcp_server_create(): only a number */
static int server_create(lua_State *L)
{
	lua_pushinteger(L, ++run_of(L)->next_server);
	return 1;
}

/* tcp_server_start(number, host, port, callback): true; or nil and an error, which the callback gets too */
static int server_start(lua_State *L)
{
	Run *run = run_of(L);
	gint64 id = luaL_checkinteger(L, 1), callback = luaL_checkinteger(L, 4);
	const char *host = luaL_optstring(L, 2, "localhost");
	lua_Integer port = luaL_checkinteger(L, 3);
	GError *error = NULL;
	Server *server;

	luaL_argcheck(L, port >= 0 && port <= 65535, 3, "no port");
	if (g_hash_table_contains(run->listeners, key(id)))
		luaL_error(L, "Server %d is already running", (int)id);
	if (g_hash_table_size(run->listeners) >= MOST_LISTENERS)
		luaL_error(L, "%d servers run already", MOST_LISTENERS);
	server = g_new0(Server, 1);
	*server = (Server){ .run = run, .callback = callback };
	server->listener = bp_listener_open(run->scope, host, (guint)port, run->insecure, on_connection, server,
					    &error);
	if (server->listener) {
		g_hash_table_insert(run->listeners, key(id), server);
		lua_pushboolean(L, 1);
		return 1;
	}
	listener_free(server);
	reply_fail(run, callback, error->message);
	lua_pushnil(L);
	error_push(L, error);
	return 2;
}

/* tcp_server_stop(number, callback) */
static int server_stop(lua_State *L)
{
	Run *run = run_of(L);
	gint64 id = luaL_checkinteger(L, 1), callback = luaL_optinteger(L, 2, 0);
	gboolean good = g_hash_table_remove(run->listeners, key(id));
	g_autofree char *text = g_strdup_printf("TCP server %d %s", (int)id, good ? "stopped" : "not found");

	reply_post(run, &(Reply){ .callback = callback, .good = good, .message = text, .written = -1 });
	return 0;
}

void listener_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "tcp_server_create", server_create },
		{ "tcp_server_start", server_start },
		{ "tcp_server_stop", server_stop },
		{ NULL, NULL },
	};

	luaL_setfuncs(L, functions, 0);
}
