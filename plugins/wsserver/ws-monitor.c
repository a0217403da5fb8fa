/* SPDX-License-Identifier: MIT */
/* ws-monitor.c - viewers: who is told of sessions of this server (monitor_all: of all), and sees what passes in those that they watch.
 *
 * What is said of a session comes from the kernel: channel "sessions" tells who comes and goes, session/N/recv
 * (without passwords) and session/N/send what passes. A message is framed once for all viewers. A viewer that
 * does not read is closed when its queue is full; no session waits for it.
 */
#include <string.h>
#include <sys/random.h>
#include "wsserver.h"

#define COMMAND_LIMIT 4096
#define WATCHES_LIMIT 1024

struct WsMonitor {
	WsServer *server;
	BpWebSocketOptions options;
	GPtrArray *viewers; /* Viewer */
	GPtrArray *known;   /* MonitoredSession, in order of opening */
};

typedef struct {
	WsMonitor *monitor;
	BpWebSocket *socket;
} Viewer;

/* A session that was announced to viewers. */
typedef struct {
	WsMonitor *monitor;
	guint id;
	char *name; /* its name for viewers */
	json_t *info;
	BpWatch *recv, *send; /* while a viewer watches it */
	GPtrArray *watchers;  /* Viewer */
} MonitoredSession;

/* --- saying it --- */

static BpMessage *frame_of(json_t *take_value)
{
	json_auto_t *value = take_value;
	g_autofree char *text = bp_json_text_spaced(value, TRUE);

	return bp_websocket_frame_new(BP_WEBSOCKET_TEXT, text, strlen(text), FALSE);
}

static void tell(GPtrArray *viewers, json_t *take_value)
{
	g_autoptr(BpMessage) frame = frame_of(take_value);

	for (guint i = 0; i < viewers->len; i++)
		bp_websocket_send_frame(((Viewer *)viewers->pdata[i])->socket, frame);
}

static void answer(Viewer *viewer, json_t *take_value)
{
	g_autoptr(BpMessage) frame = frame_of(take_value);

	bp_websocket_send_frame(viewer->socket, frame);
}

/* --- sessions --- */

/* Not to be guessed, the same at every monitor of this program, and in the form of a UUID. */
static char *name_of(const BpSession *session)
{
	static guint8 secret[16];
	static gboolean made;
	g_autoptr(GChecksum) sha = g_checksum_new(G_CHECKSUM_SHA256);
	guint id = bp_session_id(session);
	guint8 digest[32];
	gsize size = sizeof(digest);

	if (!made && getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		return g_uuid_string_random();
	made = TRUE;
	g_checksum_update(sha, secret, sizeof(secret));
	g_checksum_update(sha, (const guchar *)&id, sizeof(id));
	g_checksum_get_digest(sha, digest, &size);
	return g_strdup_printf("%02x%02x%02x%02x-%02x%02x-4%x%02x-%x%x%02x-%02x%02x%02x%02x%02x%02x", digest[0],
			       digest[1], digest[2], digest[3], digest[4], digest[5], digest[6] & 15, digest[7],
			       8 | (digest[8] & 3), digest[8] >> 4, digest[9], digest[10], digest[11], digest[12],
			       digest[13], digest[14], digest[15]);
}

/* "127.0.0.1:4711", "[::1]:4711", "terminal" */
static json_t *peer_json(const char *peer)
{
	const char *colon = strrchr(peer, ':');
	gsize size = colon ? (gsize)(colon - peer) : strlen(peer);

	if (size > 2 && peer[0] == '[' && peer[size - 1] == ']')
		return json_pack("[o, i]", bp_json_string(peer + 1, (gssize)size - 2), atoi(colon + 1));
	return json_pack("[o, i]", bp_json_string(peer, (gssize)size), colon ? atoi(colon + 1) : 0);
}

static json_t *session_json(const BpSession *session, const char *name)
{
	const char *agent = bp_session_agent(session);

	return json_pack("{s:s, s:{s:o, s:o, s:o}, s:f, s:s, s:b}", "id", name, "client", "remote_addr",
			 peer_json(bp_session_peer(session)), "path", bp_json_string(bp_session_path(session), -1),
			 "user_agent", bp_json_string(*agent ? agent : "unknown", -1), "start_time",
			 (double)bp_session_started(session) / G_USEC_PER_SEC, "status", "connected", "is_newest", 1);
}

static void unwatch(MonitoredSession *known)
{
	if (known->recv)
		bp_watch_remove(g_steal_pointer(&known->recv));
	if (known->send)
		bp_watch_remove(g_steal_pointer(&known->send));
}

static void known_free(gpointer data)
{
	MonitoredSession *known = data;

	unwatch(known);
	g_ptr_array_unref(known->watchers);
	json_decref(known->info);
	g_free(known->name);
	g_free(known);
}

static MonitoredSession *find_known(WsMonitor *monitor, guint id)
{
	for (guint i = 0; i < monitor->known->len; i++)
		if (((MonitoredSession *)monitor->known->pdata[i])->id == id)
			return monitor->known->pdata[i];
	return NULL;
}

static MonitoredSession *find_named(WsMonitor *monitor, const char *name)
{
	for (guint i = 0; name && i < monitor->known->len; i++)
		if (strcmp(((MonitoredSession *)monitor->known->pdata[i])->name, name) == 0)
			return monitor->known->pdata[i];
	return NULL;
}

static MonitoredSession *learn(WsMonitor *monitor, const BpSession *session)
{
	MonitoredSession *known = g_new0(MonitoredSession, 1);

	known->monitor = monitor;
	known->id = bp_session_id(session);
	known->name = name_of(session);
	known->info = session_json(session, known->name);
	known->watchers = g_ptr_array_new();
	for (guint i = 0; i < monitor->known->len; i++)
		json_object_set_new(((MonitoredSession *)monitor->known->pdata[i])->info, "is_newest", json_false());
	g_ptr_array_add(monitor->known, known);
	return known;
}

static json_t *event_json(const char *type, MonitoredSession *known)
{
	return json_pack("{s:s, s:O}", "type", type, "session", known->info);
}

/* Sessions of other servers are the business of those who were told so. */
static gboolean is_shown(const WsMonitor *monitor, const BpSession *session)
{
	BpInstance *self = monitor->server->serve.self;

	return bp_instance_bool(self, "monitor_all") || strcmp(bp_session_server(session), bp_plugin_name(self)) == 0;
}

/* Anybody may send on that channel: what it says is compared with what there is. */
static void on_sessions(BpPlugin *self, BpMessage *message, gpointer data)
{
	WsMonitor *monitor = data;
	json_auto_t *event = bp_json_parse_object(bp_message_data(message), bp_message_size(message), COMMAND_LIMIT,
						  NULL);
	json_int_t id = json_integer_value(json_object_get(event, "id"));
	BpSession *session = id > 0 && id <= G_MAXUINT ? bp_session_find((guint)id) : NULL;
	MonitoredSession *known = id > 0 && id <= G_MAXUINT ? find_known(monitor, (guint)id) : NULL;

	if (session && !known && is_shown(monitor, session)) {
		tell(monitor->viewers, event_json("session_started", learn(monitor, session)));
	} else if (!session && known) {
		json_object_set_new(known->info, "status", json_string("disconnected"));
		tell(monitor->viewers, event_json("session_ended", known));
		g_ptr_array_remove(monitor->known, known);
	}
}

/* --- watching one --- */

static void tell_data(MonitoredSession *known, const char *type, BpMessage *message)
{
	const char *data = bp_message_data(message);
	gsize size = bp_message_size(message);
	g_autoptr(GString) text = g_string_sized_new(size + 16);

	/* Lines of text leave with CR LF; see what the user sees. */
	for (gsize i = 0; i < size; i++) {
		if (data[i] == '\n' && (bp_message_flags(message) & BP_TEXT) && type[0] == 's' &&
		    (!i || data[i - 1] != '\r'))
			g_string_append_c(text, '\r');
		g_string_append_c(text, data[i]);
	}
	tell(known->watchers, json_pack("{s:s, s:s, s:{s:o}}", "type", type, "session_id", known->name, "data", "text",
					bp_json_string(text->str, (gssize)text->len)));
}

static void on_recv(BpPlugin *self, BpMessage *message, gpointer data)
{
	tell_data(data, "client_input", message);
}

static void on_send(BpPlugin *self, BpMessage *message, gpointer data)
{
	tell_data(data, "server_message", message);
}

static BpWatch *watch_part(MonitoredSession *known, const char *part, BpWatchFunc func)
{
	g_autofree char *name = g_strdup_printf("session/%u/%s", known->id, part);
	g_autoptr(BpChannel) channel = bp_channel_find(name);

	return channel ? bp_channel_watch(known->monitor->server->serve.self, channel, func, known, NULL) : NULL;
}

static void stop_watching(MonitoredSession *known, Viewer *viewer)
{
	g_ptr_array_remove(known->watchers, viewer);
	if (!known->watchers->len)
		unwatch(known);
}

/* --- what viewers say --- */

static void watch_session(Viewer *viewer, json_t *id)
{
	MonitoredSession *known = find_named(viewer->monitor, json_string_value(id));

	if (!known) {
		answer(viewer, json_pack("{s:s, s:O, s:s, s:s}", "type", "watch_response", "session_id",
					 id ? id : json_null(), "status", "error", "error", "Session not found"));
		return;
	}
	if (!g_ptr_array_find(known->watchers, viewer, NULL))
		g_ptr_array_add(known->watchers, viewer);
	answer(viewer,
	       json_pack("{s:s, s:s, s:s}", "type", "watch_response", "session_id", known->name, "status", "success"));
	if (!known->recv)
		known->recv = watch_part(known, "recv", on_recv);
	if (!known->send)
		known->send = watch_part(known, "send", on_send);
}

static void on_message(BpPlugin *self, BpWebSocket *socket, BpWebSocketKind kind, const guint8 *data, gsize size,
		       gpointer user)
{
	Viewer *viewer = user;
	json_auto_t *command = kind == BP_WEBSOCKET_TEXT
				       ? bp_json_parse_object((const char *)data, size, COMMAND_LIMIT, NULL)
				       : NULL;
	const char *type = json_string_value(json_object_get(command, "type"));
	json_t *id = json_object_get(command, "session_id");
	MonitoredSession *known;

	if (g_strcmp0(type, "watch_session") == 0) {
		watch_session(viewer, id);
	} else if (g_strcmp0(type, "stop_watching") == 0) {
		known = find_named(viewer->monitor, json_string_value(id));
		if (!known)
			return;
		stop_watching(known, viewer);
		answer(viewer, json_pack("{s:s, s:s, s:s}", "type", "watch_response", "session_id", known->name,
					 "status", "stopped"));
	}
}

static void on_closed(BpPlugin *self, BpWebSocket *socket, guint code, const char *reason, gpointer user)
{
	Viewer *viewer = user;

	for (guint i = 0; i < viewer->monitor->known->len; i++)
		stop_watching(viewer->monitor->known->pdata[i], viewer);
	g_ptr_array_remove(viewer->monitor->viewers, viewer);
	g_free(viewer);
}

static const BpWebSocketEvents events = { .size = sizeof(events), .message = on_message, .closed = on_closed };

/* --- who may --- */

static gboolean knows_token(BpHttpExchange *exchange, const char *token)
{
	g_autofree char *given = bp_http_token(exchange, TRUE);

	return bp_secret_equal(given, token);
}

/* Of whatever sites pages may open sessions: to watch everybody's takes the token, or our own page. */
static gboolean is_own_page(BpHttpExchange *exchange)
{
	const char *origin = bp_http_header(exchange, "Origin"), *host = bp_http_header(exchange, "Host");
	const char *at = origin ? strstr(origin, "://") : NULL;

	return !origin || (at && g_ascii_strcasecmp(at + 3, host ? host : "") == 0);
}

void ws_monitor_accept(WsMonitor *monitor, BpHttpExchange *exchange)
{
	const char *token = bp_instance_string(monitor->server->serve.self, "monitor_token");
	g_autoptr(GPtrArray) nobody = NULL;
	Viewer *viewer;
	json_t *list;

	if (token && *token && !knows_token(exchange, token)) {
		bp_http_add_header(exchange, "WWW-Authenticate", "Bearer");
		bp_http_respond_problem(exchange, 401,
					"viewers must know monitor_token: ?token=... or Authorization: Bearer");
		return;
	}
	if (!(token && *token) && !is_own_page(exchange)) {
		bp_http_respond_problem(exchange, 403, "a page of another site may watch only with a monitor_token");
		return;
	}
	viewer = g_new0(Viewer, 1);
	viewer->monitor = monitor;
	viewer->socket = bp_websocket_accept(monitor->server->serve.self, exchange, &monitor->options, &events, viewer);
	if (!viewer->socket) {
		g_free(viewer);
		return;
	}
	g_ptr_array_add(monitor->viewers, viewer);
	list = json_array();
	for (guint i = 0; i < monitor->known->len; i++)
		json_array_append(list, ((MonitoredSession *)monitor->known->pdata[i])->info);
	answer(viewer, json_pack("{s:s, s:o}", "type", "active_sessions", "sessions", list));
}

/* --- life --- */

static gboolean is_on_loopback(BpInstance *self, GError **error)
{
	g_autoptr(GArray) list = bp_address_bind_list(bp_instance_string(self, "bind"), 0, error);

	if (!list)
		return FALSE;
	for (guint i = 0; i < list->len; i++) {
		if (bp_address_is_loopback(&g_array_index(list, BpAddress, i)))
			continue;
		g_set_error(
			error, BP_HOST_ERROR, BP_NOT_PERMITTED,
			"monitoring beyond this machine shows everybody what all users type; say monitor_token=SECRET, or "
			"bind=127.0.0.1");
		return FALSE;
	}
	return TRUE;
}

gboolean ws_monitor_open(WsServer *server, GError **error)
{
	const char *token = bp_instance_string(server->serve.self, "monitor_token");
	g_autoptr(GPtrArray) list = bp_session_list();
	WsMonitor *monitor;

	if (!(token && *token) && !is_on_loopback(server->serve.self, error))
		return FALSE;
	if (!(token && *token) && bp_instance_bool(server->serve.self, "monitor_all")) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_PERMITTED,
			    "monitor_all shows what the users of all servers type; say monitor_token=SECRET too");
		return FALSE;
	}
	monitor = server->monitor = g_new0(WsMonitor, 1);
	monitor->server = server;
	monitor->options = server->options;
	monitor->options.max_message = COMMAND_LIMIT;
	monitor->options.backlog = (gsize)bp_instance_int(server->serve.self, "backlog_limit");
	monitor->viewers = g_ptr_array_new();
	monitor->known = g_ptr_array_new_with_free_func(known_free);
	for (guint i = 0; i < list->len; i++)
		if (is_shown(monitor, list->pdata[i]))
			learn(monitor, list->pdata[i]);
	bp_channel_watch(server->serve.self, bp_channel(server->serve.self, "sessions"), on_sessions, monitor, NULL);
	return TRUE;
}

void ws_monitor_close(WsMonitor *monitor)
{
	static const BpWebSocketEvents nothing = { .size = sizeof(nothing) };

	for (guint i = 0; i < monitor->viewers->len; i++) {
		Viewer *viewer = monitor->viewers->pdata[i];

		bp_websocket_set_user(viewer->socket, &nothing, NULL);
		bp_websocket_close(viewer->socket, BP_CLOSE_GOING_AWAY, NULL);
		g_free(viewer);
	}
	g_ptr_array_unref(monitor->viewers);
	g_ptr_array_unref(monitor->known);
	g_free(monitor);
}
