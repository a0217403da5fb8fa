/* SPDX-License-Identifier: MIT */
/* lua-tcp.c - TCP connections for scripts: the functions _PY.tcp_... on numbered connections.
 *
 * Received bytes are kept until they are read; beyond READ_AHEAD the connection is not read any more. What is written and not yet sent is
 * bounded: the callback of a write waits while the queue is full, and a write beyond BACKLOG fails.
 */
#include "lua.h"
#include <string.h>
#include <unistd.h>
#include <backplane/stream.h>

#define READ_AHEAD (256 * 1024)
#define BACKLOG (16 * 1024 * 1024)
#define MOST_SOCKETS 1024
#define MOST_WRITES 1024
#define PATIENCE (30 * G_USEC_PER_SEC)

typedef struct {
	Run *run;
	gint64 id;
	BpScope *scope; /* of what waits for it */
	BpStream *stream;
	BpTimer *timer; /* of connecting */
	char *host;
	guint port, tried;
	gint64 connect_callback;
	gint64 patience;
	GArray *addresses;
	GByteArray *received;
	gboolean ended;	      /* nothing more comes */
	char *error;	      /* why it ended; NULL: in order */
	gint64 read_callback; /* 0: nobody reads */
	gsize read_most;
	char *delimiter; /* NULL: of tcp_read */
	gsize delimiter_size;
	Alarm *alarm;	/* of the read */
	GArray *writes; /* of gint64 pairs: callback, bytes; they wait for room */
} Socket;

static gpointer key(gint64 id)
{
	return (gpointer)(gintptr)id;
}

void socket_free(gpointer data)
{
	Socket *socket = data;

	if (socket->stream) {
		bp_stream_set_user(socket->stream, NULL, NULL);
		bp_stream_close(socket->stream);
	}
	if (socket->alarm)
		alarm_remove(socket->run, socket->alarm);
	bp_scope_close(socket->scope);
	g_clear_pointer(&socket->addresses, g_array_unref);
	g_byte_array_unref(socket->received);
	g_array_unref(socket->writes);
	g_free(socket->delimiter);
	g_free(socket->error);
	g_free(socket->host);
	g_free(socket);
}

/* NULL: there are too many. */
static Socket *socket_new(Run *run)
{
	Socket *socket;

	if (g_hash_table_size(run->sockets) >= MOST_SOCKETS)
		return NULL;
	socket = g_new0(Socket, 1);
	socket->run = run;
	socket->id = ++run->next_socket;
	socket->scope = bp_scope_open(run->scope);
	socket->received = g_byte_array_new();
	socket->writes = g_array_new(FALSE, FALSE, 2 * sizeof(gint64));
	g_hash_table_insert(run->sockets, key(socket->id), socket);
	return socket;
}

/* --- reading --- */

static void answer_read(Socket *socket, gboolean good, const char *error, gsize size)
{
	Reply reply = {
		.callback = socket->read_callback, .good = good, .message = error, .size = size, .written = -1
	};

	if (good)
		reply.data = size ? (const char *)socket->received->data : "";
	socket->read_callback = 0;
	g_clear_pointer(&socket->delimiter, g_free);
	if (socket->alarm)
		alarm_remove(socket->run, g_steal_pointer(&socket->alarm));
	reply_post(socket->run, &reply);
	if (good)
		g_byte_array_remove_range(socket->received, 0, (guint)size);
}

static gsize wanted(const Socket *socket)
{
	const GByteArray *received = socket->received;
	const guint8 *at;

	if (!socket->delimiter || !received->len)
		return MIN(received->len, socket->read_most);
	at = socket->delimiter_size ? memmem(received->data, received->len, socket->delimiter, socket->delimiter_size)
				    : received->data + 1;
	if (at && (gsize)(at - received->data) + socket->delimiter_size <= socket->read_most)
		return (gsize)(at - received->data) + socket->delimiter_size;
	return received->len >= socket->read_most ? socket->read_most : socket->ended ? received->len : 0;
}

static void serve_read(Socket *socket)
{
	gsize size = socket->read_callback ? wanted(socket) : 0;

	if (size)
		answer_read(socket, TRUE, NULL, size);
	else if (socket->read_callback && socket->ended)
		answer_read(socket, !socket->error, socket->error, 0);
	if (socket->stream)
		bp_stream_set_reading(socket->stream,
				      socket->received->len <
					      MAX(READ_AHEAD, socket->read_callback ? socket->read_most : 0));
}

/* --- events of the stream --- */

static void answer_writes(Socket *socket, gboolean good)
{
	while (socket->writes->len) {
		const gint64 *write = (const gint64 *)(gpointer)socket->writes->data;
		Reply reply = { .callback = write[0],
				.good = good,
				.message = good ? NULL : "Connection lost",
				.written = good ? write[1] : 0 };

		reply_post(socket->run, &reply);
		g_array_remove_index(socket->writes, 0);
	}
}

static void on_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	Socket *socket = user;

	g_byte_array_append(socket->received, data, (guint)size);
	serve_read(socket);
}

static void on_end(BpPlugin *self, BpStream *stream, gpointer user)
{
	((Socket *)user)->ended = TRUE;
	serve_read(user);
}

static void on_drained(BpPlugin *self, BpStream *stream, gpointer user)
{
	answer_writes(user, TRUE);
}

static void try_next(Socket *socket, const char *error);

static void on_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	Socket *socket = user;

	socket->stream = NULL;
	if (socket->connect_callback) {
		try_next(socket, why ? why->message : "it was closed");
		return;
	}
	socket->ended = TRUE;
	if (why && !socket->error)
		socket->error = g_strdup(why->message);
	answer_writes(socket, FALSE);
	serve_read(socket);
}

static void on_ready(BpPlugin *self, BpStream *stream, gpointer user)
{
	Socket *socket = user;
	g_autofree char *message = g_strdup_printf("Connected to %s:%u", socket->host, socket->port);
	Reply reply = { .callback = socket->connect_callback,
			.good = TRUE,
			.message = message,
			.id_name = "conn_id",
			.id = socket->id,
			.written = -1 };

	if (!socket->connect_callback)
		return;
	if (socket->timer)
		bp_timer_remove(g_steal_pointer(&socket->timer));
	socket->connect_callback = 0;
	reply_post(socket->run, &reply);
}

static const BpStreamEvents events = { .size = sizeof(events),
				       .data = on_data,
				       .end = on_end,
				       .closed = on_closed,
				       .drained = on_drained,
				       .ready = on_ready };

/* --- connecting --- */

static void fail_connect(Socket *socket, const char *error)
{
	reply_fail(socket->run, socket->connect_callback, error);
	g_hash_table_remove(socket->run->sockets, key(socket->id));
}

static void try_next(Socket *socket, const char *error)
{
	if (!socket->addresses || socket->tried >= socket->addresses->len) {
		fail_connect(socket, error);
		return;
	}
	socket->stream = bp_stream_connect(socket->run->scope,
					   &g_array_index(socket->addresses, BpAddress, socket->tried++),
					   socket->patience, NULL, &events, socket);
	bp_stream_set_backlog(socket->stream, BACKLOG, BP_BACKLOG_CLOSE);
}

static void on_resolved(Run *run, GArray *addresses, const GError *error, gint64 id)
{
	Socket *socket = g_hash_table_lookup(run->sockets, key(id));

	if (!socket)
		return;
	if (addresses)
		socket->addresses = g_array_copy(addresses);
	try_next(socket, error ? error->message : "it has no address");
}

static void on_late(BpPlugin *self, gpointer data)
{
	Socket *socket = data;

	fail_connect(socket, "timeout");
}

gint64 socket_adopt(Run *run, int take_fd)
{
	Socket *socket = socket_new(run);

	if (!socket) {
		close(take_fd);
		return 0;
	}
	socket->stream = bp_stream_open_fd(run->scope, take_fd, &events, socket);
	bp_stream_set_backlog(socket->stream, BACKLOG, BP_BACKLOG_CLOSE);
	return socket->id;
}

/* --- functions --- */

/* tcp_connect(host, port, callback, timeout in ms) */
static int tcp_connect(lua_State *L)
{
	Run *run = run_of(L);
	const char *host = luaL_checkstring(L, 1);
	lua_Integer port = luaL_checkinteger(L, 2);
	gint64 callback = luaL_checkinteger(L, 3);
	double timeout = luaL_optnumber(L, 4, 0);
	gboolean is_port = port >= 0 && port <= 65535;
	Socket *socket = is_port ? socket_new(run) : NULL;

	if (!socket) {
		reply_fail(run, callback, is_port ? "too many connections" : "connect(): port must be 0-65535.");
		return 0;
	}
	socket->host = g_strdup(host);
	socket->port = (guint)port;
	socket->connect_callback = callback;
	socket->patience = timeout > 0 ? (gint64)(MIN(timeout, 1e9) * 1000) : PATIENCE;
	bp_timer_once(&socket->timer, socket->scope, socket->patience, on_late, socket);
	resolve_start(run, host, (guint)port, on_resolved, socket->id);
	return 0;
}

static void on_read_late(Run *run, gpointer data)
{
	Socket *socket = data;

	socket->alarm = NULL;
	answer_read(socket, FALSE, "timeout", 0);
}

/* The connection of argument 1; NULL: there is none, and `callback` gets that. */
static Socket *socket_at(lua_State *L, gint64 callback)
{
	Run *run = run_of(L);
	Socket *socket = g_hash_table_lookup(run->sockets, key(luaL_checkinteger(L, 1)));

	if (socket && !socket->connect_callback)
		return socket;
	reply_post(run, &(Reply){ .callback = callback, .message = "Connection not found", .written = 0 });
	return NULL;
}

static int read_as(lua_State *L, int most, int callback)
{
	gint64 id = luaL_checkinteger(L, callback);
	double timeout = luaL_optnumber(L, callback + 1, 0);
	lua_Integer size = luaL_checkinteger(L, most);
	Socket *socket = socket_at(L, id);
	size_t delimiter_size = 0;
	const char *delimiter = most == 3 ? luaL_checklstring(L, 2, &delimiter_size) : NULL;

	luaL_argcheck(L, size > 0 && size <= BACKLOG, most, "out of range");
	if (!socket)
		return 0;
	if (socket->read_callback) {
		reply_fail(socket->run, id,
			   "read() called while another coroutine is already waiting for incoming data");
		return 0;
	}
	if (timeout > 0)
		socket->alarm = alarm_add(L, (gint64)(MIN(timeout, 1e9) * 1000), on_read_late, socket);
	socket->read_callback = id;
	socket->read_most = (gsize)size;
	socket->delimiter = delimiter ? g_memdup2(delimiter, delimiter_size + 1) : NULL;
	socket->delimiter_size = delimiter_size;
	serve_read(socket);
	return 0;
}

/* tcp_read(connection, most, callback, timeout in ms) */
static int tcp_read(lua_State *L)
{
	return read_as(L, 2, 3);
}

/* tcp_read_until(connection, delimiter, most, callback, timeout in ms) */
static int tcp_read_until(lua_State *L)
{
	return read_as(L, 3, 4);
}

/* tcp_write(connection, data, callback) */
static int tcp_write(lua_State *L)
{
	size_t size;
	const char *data = luaL_checklstring(L, 2, &size);
	gint64 pair[2] = { luaL_checkinteger(L, 3), (gint64)size };
	Socket *socket = socket_at(L, pair[0]);
	BpSent sent;

	if (!socket)
		return 0;
	if (!socket->stream) {
		reply_post(socket->run, &(Reply){ .callback = pair[0], .message = "Connection lost", .written = 0 });
		return 0;
	}
	if (bp_stream_queued(socket->stream) + size > BACKLOG || socket->writes->len >= MOST_WRITES) {
		reply_post(socket->run,
			   &(Reply){ .callback = pair[0],
				     .message = "the peer does not read: wait for the callbacks of earlier writes",
				     .written = 0 });
		return 0;
	}
	sent = bp_stream_write(socket->stream, data, size);
	g_array_append_val(socket->writes, pair);
	if (sent != BP_FULL)
		answer_writes(socket, sent == BP_SENT);
	return 0;
}

/* tcp_close(connection, callback) */
static int tcp_close(lua_State *L)
{
	Run *run = run_of(L);
	gint64 callback = luaL_optinteger(L, 2, 0);
	Socket *socket = socket_at(L, callback);

	if (!socket)
		return 0;
	socket->ended = TRUE;
	g_clear_pointer(&socket->error, g_free);
	if (socket->read_callback)
		answer_read(socket, TRUE, NULL, 0);
	answer_writes(socket, TRUE);
	g_hash_table_remove(run->sockets, key(socket->id));
	reply_post(run, &(Reply){ .callback = callback, .good = TRUE, .message = "Connection closed", .written = -1 });
	return 0;
}

void tcp_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "tcp_close", tcp_close },	      { "tcp_connect", tcp_connect }, { "tcp_read", tcp_read },
		{ "tcp_read_until", tcp_read_until }, { "tcp_write", tcp_write },     { NULL, NULL },
	};

	luaL_setfuncs(L, functions, 0);
}
