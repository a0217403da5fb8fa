/* SPDX-License-Identifier: MIT */
/* lua-listener.c - TCP servers of scripts. They listen on the script's own loop, so they are no BpServer, which sets the state of its
 * instance on the main loop. */
#define _GNU_SOURCE
#include "lua.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <backplane/loop.h>
#include <backplane/server.h>

#define MOST_LISTENERS 64
#define BATCH 64
#define PAUSE (G_USEC_PER_SEC / 4)

typedef struct {
	BpFd *source;
	int fd;
} Door;

typedef struct {
	Run *run;
	gint64 id, callback;
	BpScope *scope;
	GArray *doors;
	BpTimer *timer; /* while no connection can be accepted */
} Listener;

static gpointer key(gint64 id)
{
	return (gpointer)(gintptr)id;
}

void listener_free(gpointer data)
{
	Listener *listener = data;

	bp_scope_close(listener->scope);
	for (guint i = 0; i < listener->doors->len; i++)
		close(g_array_index(listener->doors, Door, i).fd);
	g_array_unref(listener->doors);
	g_free(listener);
}

static void set_open(Listener *listener, gboolean on)
{
	for (guint i = 0; i < listener->doors->len; i++)
		bp_fd_set_events(g_array_index(listener->doors, Door, i).source, on ? BP_IN : 0);
}

static void on_pause_over(BpPlugin *self, gpointer data)
{
	set_open(data, TRUE);
}

static void admit(Listener *listener, int fd, const struct sockaddr_storage *storage, socklen_t size)
{
	BpAddress peer = { size, *storage };
	g_autofree char *text = bp_address_format(&peer);
	char *colon = strrchr(text, ':');
	gint64 id = socket_adopt(listener->run, fd);
	Reply reply = { .callback = listener->callback, .good = TRUE, .id_name = "conn_id", .id = id, .written = -1 };

	if (!id)
		return;
	if (colon)
		*colon = '\0';
	reply.ip = *text == '[' ? text + 1 : text;
	if (*text == '[' && strchr(text, ']'))
		*strchr(text, ']') = '\0';
	reply.port = bp_address_port(&peer);
	reply_post(listener->run, &reply);
}

static void on_connection(BpPlugin *self, int fd, BpEvents events, gpointer data)
{
	Listener *listener = data;

	for (guint i = 0; i < BATCH; i++) {
		struct sockaddr_storage peer;
		socklen_t size = sizeof(peer);
		int client = accept4(fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (client >= 0) {
			admit(listener, client, &peer, size);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			run_report(listener->run, "a server", g_strerror(errno));
			set_open(listener, FALSE);
			bp_timer_once(&listener->timer, listener->scope, PAUSE, on_pause_over, listener);
		}
		if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

static int open_door(const BpAddress *address)
{
	int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, number;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, (const struct sockaddr *)&address->storage, address->size) && !listen(fd, 128))
		return fd;
	number = errno;
	close(fd);
	errno = number;
	return -1;
}

/* On each of the addresses that the machine has; FALSE with an error if one is taken, or there is none. */
static gboolean open_doors(Listener *listener, const GArray *list, GError **error)
{
	int number = EADDRNOTAVAIL;

	for (guint i = 0; i < list->len; i++) {
		const BpAddress *address = &g_array_index(list, BpAddress, i);
		Door door = { NULL, open_door(address) };

		if (door.fd >= 0) {
			door.source = bp_fd_add(listener->scope, door.fd, BP_IN, on_connection, listener, NULL);
			g_array_append_val(listener->doors, door);
			continue;
		}
		number = errno;
		if (number != EADDRNOTAVAIL && number != EAFNOSUPPORT)
			break;
	}
	if (listener->doors->len == list->len || (listener->doors->len && number != EADDRINUSE))
		return TRUE;
	return bp_fail(error, number == EADDRINUSE ? BP_BUSY : BP_FAILED, "cannot listen on %s port %u: %s",
		       list->len > 1 ? "localhost" : "that address",
		       bp_address_port(&g_array_index(list, BpAddress, 0)), g_strerror(number));
}

static gboolean start(Listener *listener, const char *host, guint port, GError **error)
{
	g_autoptr(GArray) list = NULL;

	if (!bp_server_may_bind(host, listener->run->insecure, error) ||
	    !(list = bp_address_bind_list(host, port, error)))
		return FALSE;
	return open_doors(listener, list, error);
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
	Listener *listener;

	luaL_argcheck(L, port >= 0 && port <= 65535, 3, "no port");
	if (g_hash_table_contains(run->listeners, key(id)))
		luaL_error(L, "Server %d is already running", (int)id);
	if (g_hash_table_size(run->listeners) >= MOST_LISTENERS)
		luaL_error(L, "%d servers run already", MOST_LISTENERS);
	listener = g_new0(Listener, 1);
	listener->run = run;
	listener->id = id;
	listener->callback = callback;
	listener->scope = bp_scope_open(run->scope);
	listener->doors = g_array_new(FALSE, FALSE, sizeof(Door));
	if (start(listener, host, (guint)port, &error)) {
		g_hash_table_insert(run->listeners, key(id), listener);
		lua_pushboolean(L, 1);
		return 1;
	}
	listener_free(listener);
	reply_fail(run, callback, error->message);
	lua_pushnil(L);
	lua_pushstring(L, error->message);
	g_error_free(error);
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
