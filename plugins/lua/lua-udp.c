/* SPDX-License-Identifier: MIT */
/* lua-udp.c - UDP sockets of scripts: the functions _PY.udp_... Datagrams that nobody waits for are kept, the latest MOST of them; each
 * receive gets one, in order. */
#include "lua.h"
#include <string.h>
#include <backplane/datagram.h>
#include <backplane/server.h>

#define MOST 256
#define MOST_SOCKETS 256

typedef struct {
	BpAddress from;
	guint8 *data;
	gsize size;
} Packet;

typedef struct Datagram Datagram;

typedef struct {
	Datagram *datagram;
	gint64 callback;
	Alarm *alarm;
} Receive;

struct Datagram {
	Run *run;
	gint64 id;
	BpScope *scope;
	BpDatagram *socket;
	GQueue packets, receives;
	gboolean broadcast;
};

/* A datagram whose receiver is still a name. */
typedef struct {
	gint64 datagram, callback;
	char *data;
	gsize size;
} Outgoing;

static gpointer key(gint64 id)
{
	return (gpointer)(gintptr)id;
}

static void packet_free(gpointer data)
{
	g_free(((Packet *)data)->data);
	g_free(data);
}

static void receive_free(gpointer data)
{
	Receive *receive = data;

	if (receive->alarm)
		alarm_remove(receive->datagram->run, receive->alarm);
	g_free(receive);
}

void datagram_free(gpointer data)
{
	Datagram *datagram = data;

	bp_scope_close(datagram->scope);
	g_queue_clear_full(&datagram->packets, packet_free);
	g_queue_clear_full(&datagram->receives, receive_free);
	g_free(datagram);
}

static void deliver(Datagram *datagram)
{
	while (datagram->packets.length && datagram->receives.length) {
		Packet *packet = g_queue_pop_head(&datagram->packets);
		Receive *receive = g_queue_pop_head(&datagram->receives);
		g_autofree char *ip = bp_address_format(&packet->from);
		char *colon = strrchr(ip, ':');

		if (colon)
			*colon = '\0';
		reply_post(datagram->run, &(Reply){ .callback = receive->callback,
						    .good = TRUE,
						    .data = (const char *)packet->data,
						    .size = packet->size,
						    .ip = ip,
						    .port = bp_address_port(&packet->from),
						    .written = -1 });
		packet_free(packet);
		receive_free(receive);
	}
}

static void on_datagram(BpPlugin *self, BpDatagram *socket, const guint8 *data, gsize size, const BpAddress *from,
			gpointer user)
{
	Datagram *datagram = user;
	Packet *packet = g_new0(Packet, 1);

	packet->from = *from;
	packet->data = g_malloc(size + 1);
	if (size)
		memcpy(packet->data, data, size);
	packet->size = size;
	g_queue_push_tail(&datagram->packets, packet);
	if (datagram->packets.length > MOST)
		packet_free(g_queue_pop_head(&datagram->packets));
	deliver(datagram);
}

static const BpDatagramEvents events = { .size = sizeof(events), .data = on_datagram };

static gboolean open_socket(Datagram *datagram, const char *host, guint port, GError **error)
{
	BpAddress address;
	BpDatagram *fresh;

	if (!bp_address_parse(&address, strcmp(host, "localhost") ? host : "127.0.0.1", port, error))
		return FALSE;
	if (datagram->socket)
		bp_datagram_close(g_steal_pointer(&datagram->socket)); /* the same port may be wanted again */
	fresh = bp_datagram_open(datagram->scope, &address, FALSE, &events, datagram, error);
	if (!fresh)
		return FALSE;
	datagram->socket = fresh;
	return !datagram->broadcast || bp_datagram_set_broadcast(fresh, TRUE, error);
}

static Datagram *datagram_at(lua_State *L, gint64 callback)
{
	Run *run = run_of(L);
	Datagram *datagram = g_hash_table_lookup(run->datagrams, key(luaL_checkinteger(L, 1)));

	if (!datagram || !datagram->socket)
		reply_fail(run, callback, "Socket not found");
	return datagram && datagram->socket ? datagram : NULL;
}

/* --- functions --- */

/* udp_create_socket(callback, broadcast) */
static int udp_create(lua_State *L)
{
	Run *run = run_of(L);
	gint64 callback = luaL_checkinteger(L, 1);
	Datagram *datagram;
	GError *error = NULL;

	if (g_hash_table_size(run->datagrams) >= MOST_SOCKETS) {
		reply_fail(run, callback, "too many UDP sockets");
		return 0;
	}
	datagram = g_new0(Datagram, 1);
	datagram->run = run;
	datagram->id = ++run->next_server;
	datagram->broadcast = lua_toboolean(L, 2);
	datagram->scope = bp_scope_open(run->scope);
	g_hash_table_insert(run->datagrams, key(datagram->id), datagram);
	if (open_socket(datagram, "0.0.0.0", 0, &error)) {
		reply_post(run, &(Reply){ .callback = callback,
					  .good = TRUE,
					  .message = "UDP socket created",
					  .id_name = "socket_id",
					  .id = datagram->id,
					  .written = -1 });
		return 0;
	}
	reply_fail(run, callback, error->message);
	g_error_free(error);
	g_hash_table_remove(run->datagrams, key(datagram->id));
	return 0;
}

static void send_now(Datagram *datagram, gint64 callback, const char *data, gsize size, const BpAddress *to)
{
	BpSent sent = datagram->socket ? bp_datagram_send(datagram->socket, data, size, to) : BP_GONE;

	if (sent == BP_SENT)
		reply_post(datagram->run, &(Reply){ .callback = callback, .good = TRUE, .written = -1 });
	else
		reply_fail(datagram->run, callback,
			   sent == BP_FULL ? "too much is waiting to be sent, or it is too large" : "Socket not found");
}

void outgoing_free(gpointer data)
{
	Outgoing *outgoing = data;

	g_free(outgoing->data);
	g_free(outgoing);
}

static void on_resolved(Run *run, GArray *addresses, const GError *error, gint64 id)
{
	const Outgoing *outgoing = g_hash_table_lookup(run->outgoing, key(id));
	Datagram *datagram = outgoing ? g_hash_table_lookup(run->datagrams, key(outgoing->datagram)) : NULL;
	const BpAddress *to = NULL;

	for (guint i = 0; addresses && i < addresses->len && !to; i++)
		if (g_array_index(addresses, BpAddress, i).storage.ss_family == AF_INET)
			to = &g_array_index(addresses, BpAddress, i);
	if (datagram && to)
		send_now(datagram, outgoing->callback, outgoing->data, outgoing->size, to);
	else if (outgoing)
		reply_fail(run, outgoing->callback,
			   !datagram ? "Socket not found"
			   : error   ? error->message
				     : "it has no IPv4 address");
	g_hash_table_remove(run->outgoing, key(id));
}

/* udp_send_to(socket, data, host, port, callback) */
static int udp_send(lua_State *L)
{
	size_t size;
	const char *data = luaL_checklstring(L, 2, &size), *host = luaL_checkstring(L, 3);
	lua_Integer port = luaL_checkinteger(L, 4);
	gint64 callback = luaL_optinteger(L, 5, 0);
	Datagram *datagram = datagram_at(L, callback);
	Outgoing *outgoing;
	BpAddress address;
	gint64 id;

	if (!datagram)
		return 0;
	if (port < 1 || port > 65535) {
		reply_fail(datagram->run, callback, "port must be 1-65535");
		return 0;
	}
	if (bp_address_parse(&address, host, (guint)port, NULL)) {
		send_now(datagram, callback, data, size, &address);
		return 0;
	}
	if (g_hash_table_size(datagram->run->outgoing) >= MOST) {
		reply_fail(datagram->run, callback, "too many names are looked up already");
		return 0;
	}
	outgoing = g_new0(Outgoing, 1);
	*outgoing = (Outgoing){ datagram->id, callback, g_memdup2(data, size + 1), size };
	id = ++datagram->run->next_server;
	g_hash_table_insert(datagram->run->outgoing, key(id), outgoing);
	resolve_start(datagram->run, host, (guint)port, on_resolved, id);
	return 0;
}

static void on_late(Run *run, gpointer data)
{
	Receive *receive = data;

	receive->alarm = NULL;
	reply_fail(run, receive->callback, "timeout");
	g_queue_remove(&receive->datagram->receives, receive);
	receive_free(receive);
}

/* udp_receive(socket, callback, timeout in ms) */
static int udp_receive(lua_State *L)
{
	gint64 callback = luaL_checkinteger(L, 2);
	double timeout = luaL_optnumber(L, 3, 0);
	Datagram *datagram = datagram_at(L, callback);
	Receive *receive;

	if (!datagram)
		return 0;
	if (datagram->receives.length >= MOST) {
		reply_fail(datagram->run, callback, "too many receives wait already");
		return 0;
	}
	alarm_check(L);
	receive = g_new0(Receive, 1);
	receive->datagram = datagram;
	receive->callback = callback;
	if (timeout > 0)
		receive->alarm = alarm_add(L, (gint64)(MIN(timeout, 1e9) * 1000), on_late, receive);
	g_queue_push_tail(&datagram->receives, receive);
	deliver(datagram);
	return 0;
}

/* udp_bind(socket, host, port, callback) */
static int udp_bind(lua_State *L)
{
	const char *host = luaL_checkstring(L, 2);
	lua_Integer port = luaL_checkinteger(L, 3);
	gint64 callback = luaL_optinteger(L, 4, 0);
	Datagram *datagram = datagram_at(L, callback);
	GError *error = NULL;
	char *text;

	luaL_argcheck(L, port >= 0 && port <= 65535, 3, "no port");
	if (!datagram)
		return 0;
	if (bp_server_may_bind(host, datagram->run->insecure, &error) &&
	    open_socket(datagram, host, (guint)port, &error)) {
		text = g_strdup_printf("UDP socket bound to %s:%d", host, (int)port);
		reply_post(datagram->run,
			   &(Reply){ .callback = callback, .good = TRUE, .message = text, .written = -1 });
		g_free(text);
	} else {
		reply_fail(datagram->run, callback, error->message);
		g_error_free(error);
	}
	return 0;
}

/* udp_join(socket, group): true; or nil and an error */
static int udp_join(lua_State *L)
{
	const Datagram *datagram = datagram_at(L, 0);
	BpAddress group;
	GError *error = NULL;

	if (datagram && bp_address_parse(&group, luaL_checkstring(L, 2), 0, &error) &&
	    bp_datagram_join(datagram->socket, &group, NULL, &error)) {
		lua_pushboolean(L, 1);
		return 1;
	}
	lua_pushnil(L);
	lua_pushstring(L, error ? error->message : "Socket not found");
	g_clear_error(&error);
	return 2;
}

static int udp_close(lua_State *L)
{
	Run *run = run_of(L);
	Datagram *datagram = g_hash_table_lookup(run->datagrams, key(luaL_checkinteger(L, 1)));

	if (!datagram)
		return 0;
	for (GList *at = datagram->receives.head; at; at = at->next)
		callback_remove(run, ((Receive *)at->data)->callback);
	g_hash_table_remove(run->datagrams, key(datagram->id));
	return 0;
}

void udp_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "udp_bind", udp_bind }, { "udp_close", udp_close },	  { "udp_create_socket", udp_create },
		{ "udp_join", udp_join }, { "udp_receive", udp_receive }, { "udp_send_to", udp_send },
		{ NULL, NULL },
	};

	luaL_setfuncs(L, functions, 0);
}
