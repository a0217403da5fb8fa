/* SPDX-License-Identifier: MIT */
/* websocket.c - a codec on a stream: closing handshake, pings, sending.
 *
 * A socket lives until `closed` is called, which the end of its owner does too. When the peer ends, or breaks the rules, that is at once: the
 * stream, which still has our Close frame to send, then goes on without it.
 */
#include <backplane/websocket.h>
#include <string.h>
#include <backplane/loop.h>
#include <backplane/module.h>
#include <backplane/owner.h>
#include "websocket-codec.h"
#include "websocket-handshake.h"
#include "websocket.h"

#define PING_INTERVAL (30 * G_USEC_PER_SEC)
#define PING_TIMEOUT (10 * G_USEC_PER_SEC)
#define MAX_MESSAGE (1024 * 1024)
#define CLOSE_TIME (2 * G_USEC_PER_SEC)
#define COMPRESS_FROM 512 /* bytes: below it costs more than it saves */
#define SMALL 1024	  /* frames up to it are gathered in the stream's own memory */

struct BpWebSocket {
	BpOwned owned;
	gint refs;
	BpStream *stream;
	WebSocketCodec *codec;
	BpWebSocketEvents events;
	gpointer user;
	const char *protocol;
	BpScope *scope; /* what waits for it; NULL: nothing yet */
	BpTimer *timer;
	gint64 ping_interval, ping_timeout;
	guint code; /* it was closed with, by us */
	guint deflate : 1;
	guint has_user : 1;
	guint closing : 1; /* our Close was sent */
	guint asked : 1;   /* a ping was sent and nothing has come since */
	guint over : 1;
};

const BpParam bp_websocket_params[] = {
	{ "ping_interval", .type = BP_DURATION, .fallback = "30s", .min = 0, .max = 86400,
	  .help = "how often a WebSocket's client is asked whether it is there (0: never)" },
	{ "ping_timeout", .type = BP_DURATION, .fallback = "10s", .min = 0, .max = 86400,
	  .help = "how long it may take to answer that (0: for ever)" },
	{ "max_message", .type = BP_BYTES, .fallback = "1M", .min = 128, .max = 1073741824,
	  .help = "longest WebSocket message that is taken" },
	{ "compress", .type = BP_BOOL, .fallback = "true",
	  .help = "compress WebSocket messages for clients that offer it" },
	{ NULL },
};

BpWebSocketOptions bp_websocket_options(BpInstance *self)
{
	gint64 interval, timeout;

	/* A route is asked on every server, whatever its table has. */
	if (!bp_param_find(bp_values_table(bp_instance_values(self)), "ping_interval"))
		return (BpWebSocketOptions){ 0 };
	interval = bp_instance_duration(self, "ping_interval");
	timeout = bp_instance_duration(self, "ping_timeout");
	return (BpWebSocketOptions){
		.ping_interval = interval ? interval : -1,
		.ping_timeout = timeout ? timeout : -1,
		.max_message = (gsize)bp_instance_int(self, "max_message"),
		.plain = !bp_instance_bool(self, "compress"),
	};
}

/* --- the end --- */

static void socket_unref(BpWebSocket *socket)
{
	if (--socket->refs)
		return;
	websocket_codec_free(socket->codec);
	g_free(socket);
}

static void finish(BpWebSocket *socket, guint code, const char *reason)
{
	BpPlugin *owner = socket->owned.owner;

	if (socket->over)
		return;
	socket->over = TRUE;
	bp_scope_stop(socket->scope);
	websocket_codec_stop(socket->codec);
	if (socket->timer)
		bp_timer_remove(socket->timer);
	bp_stream_set_reading(socket->stream, TRUE); /* so that its end is seen */
	bp_stream_close(socket->stream);
	bp_owner_unlink(&socket->owned);
	if (socket->events.closed) {
		bp_owner_enter_always(owner);
		socket->events.closed(owner, socket, code, reason, socket->user);
		bp_owner_leave(owner);
	}
	bp_scope_clear(&socket->scope);
	bp_stream_set_user(socket->stream, NULL, NULL);
	socket_unref(socket);
}

static void say_close(BpWebSocket *socket, guint code, const char *reason)
{
	guint8 payload[WEBSOCKET_CONTROL_LIMIT] = { (guint8)(code >> 8), (guint8)code };
	gsize size = reason ? strlen(reason) : 0;
	g_autoptr(BpMessage) frame = NULL;
	const char *end;

	if (socket->closing)
		return;
	socket->closing = TRUE;
	bp_scope_stop(socket->scope);
	socket->code = code;
	if (size > sizeof(payload) - 2)
		size = sizeof(payload) - 2;
	if (size && !g_utf8_validate(reason, (gssize)size, &end))
		size = (gsize)(end - reason);
	if (size)
		memcpy(payload + 2, reason, size);
	frame = websocket_frame_new(WEBSOCKET_CLOSE, payload, code == BP_CLOSE_NONE ? 0 : size + 2, FALSE);
	bp_stream_send(socket->stream, frame);
}

/* The owner goes. */
static void drop(BpOwned *owned)
{
	BpWebSocket *socket = BP_OWNED_BY(owned, BpWebSocket, owned);

	say_close(socket, BP_CLOSE_GOING_AWAY, NULL);
	finish(socket, socket->code, "");
}

/* --- pings; any byte of the peer is a sign of life --- */

static void on_tick(BpPlugin *self, gpointer data)
{
	BpWebSocket *socket = data;
	g_autoptr(BpMessage) ping = NULL;

	bp_scope_trim(&socket->scope);
	if (socket->closing) {
		finish(socket, socket->code, "");
		return;
	}
	if (socket->asked && socket->ping_timeout > 0) {
		say_close(socket, BP_CLOSE_ERROR, "keepalive ping timeout");
		finish(socket, BP_CLOSE_ERROR, "keepalive ping timeout");
		return;
	}
	ping = websocket_frame_new(WEBSOCKET_PING, "bp", 2, FALSE);
	bp_stream_send(socket->stream, ping);
	if (bp_stream_is_closing(socket->stream))
		return;
	socket->asked = TRUE;
	bp_timer_set_interval(socket->timer, socket->ping_timeout > 0 ? socket->ping_timeout : socket->ping_interval);
}

/* It may go before the socket, with their owner. */
static void timer_gone(gpointer data)
{
	BpWebSocket *socket = data;

	socket->timer = NULL;
	socket_unref(socket);
}

static void start_timer(BpWebSocket *socket, gint64 interval)
{
	socket->refs++;
	socket->timer = bp_timer_add(socket->owned.owner, NULL, interval, 0, on_tick, socket, timer_gone);
}

static void start_pings(BpWebSocket *socket, const BpWebSocketOptions *options)
{
	socket->ping_interval = options->ping_interval ? options->ping_interval : PING_INTERVAL;
	socket->ping_timeout = options->ping_timeout ? options->ping_timeout : PING_TIMEOUT;
	if (socket->ping_interval > 0)
		start_timer(socket, socket->ping_interval);
}

static void is_alive(BpWebSocket *socket)
{
	if (!socket->asked || socket->closing)
		return;
	socket->asked = FALSE;
	bp_timer_set_interval(socket->timer, socket->ping_interval);
}

/* --- from the codec --- */

static void on_message(WebSocketCodec *codec, guint opcode, const guint8 *data, gsize size, gpointer user)
{
	BpWebSocket *socket = user;

	if (!socket->closing && socket->events.message)
		socket->events.message(socket->owned.owner, socket,
				       opcode == WEBSOCKET_TEXT ? BP_WEBSOCKET_TEXT : BP_WEBSOCKET_BINARY, data, size,
				       socket->user);
}

static void on_ping(WebSocketCodec *codec, const guint8 *data, gsize size, gpointer user)
{
	BpWebSocket *socket = user;
	g_autoptr(BpMessage) pong = NULL;

	if (socket->closing)
		return;
	pong = websocket_frame_new(WEBSOCKET_PONG, data, size, FALSE);
	bp_stream_send(socket->stream, pong);
}

static void on_pong(WebSocketCodec *codec, const guint8 *data, gsize size, gpointer user)
{
}

static void on_close(WebSocketCodec *codec, guint code, const char *reason, gpointer user)
{
	BpWebSocket *socket = user;

	say_close(socket, code, NULL);
	finish(socket, code, reason);
}

static void on_broken(WebSocketCodec *codec, guint code, const char *reason, gpointer user)
{
	BpWebSocket *socket = user;

	say_close(socket, code, reason);
	finish(socket, code, reason);
}

static const WebSocketCallbacks callbacks = {
	.message = on_message,
	.ping = on_ping,
	.pong = on_pong,
	.close = on_close,
	.broken = on_broken,
};

/* --- from the stream --- */

static void on_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	BpWebSocket *socket = user;

	if (bp_stream_is_closing(stream))
		return;
	is_alive(socket);
	socket->refs++;
	websocket_codec_receive(socket->codec, data, size);
	socket_unref(socket);
}

static void on_stream_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	BpWebSocket *socket = user;

	finish(socket, socket->closing ? socket->code : BP_CLOSE_LOST, why ? why->message : "");
}

static void on_stream_end(BpPlugin *self, BpStream *stream, gpointer user)
{
	BpWebSocket *socket = user;

	finish(socket, socket->closing ? socket->code : BP_CLOSE_LOST, "");
}

static void on_drained(BpPlugin *self, BpStream *stream, gpointer user)
{
	BpWebSocket *socket = user;

	if (!socket->closing && socket->events.drained)
		socket->events.drained(self, socket, socket->user);
}

static void on_expired(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	say_close(user, BP_CLOSE_POLICY, why->message);
}

static const BpStreamEvents stream_events = {
	.size = sizeof(stream_events),
	.expired = on_expired,
	.data = on_data,
	.end = on_stream_end,
	.closed = on_stream_closed,
	.drained = on_drained,
};

/* --- the handshake --- */

gboolean bp_websocket_is_wanted(const BpHttpExchange *exchange)
{
	return bp_http_header_has(exchange, "Upgrade", "websocket");
}

static gboolean refuse(BpHttpExchange *exchange, guint status, const char *why)
{
	bp_http_respond_problem(exchange, status, why);
	return FALSE;
}

/* FALSE: it was answered. */
static gboolean check(BpHttpExchange *exchange, char **accept)
{
	g_autofree char *version = bp_http_header_list(exchange, "Sec-WebSocket-Version");
	g_autofree char *key = bp_http_header_list(exchange, "Sec-WebSocket-Key");
	g_autofree char *answer = NULL;

	if (strcmp(bp_http_method(exchange), "GET") != 0 && strcmp(bp_http_method(exchange), "HEAD") != 0) {
		bp_http_add_header(exchange, "Allow", "GET, HEAD");
		return refuse(exchange, 405, "a WebSocket begins with GET");
	}
	if (!bp_websocket_is_wanted(exchange) || !bp_http_header_has(exchange, "Connection", "upgrade") ||
	    strcmp(bp_http_version(exchange), "1.1") != 0)
		return refuse(exchange, 426, "here is a WebSocket: ask for it with Upgrade and Connection");
	if (g_strcmp0(version, "13") != 0) {
		bp_http_add_header(exchange, "Sec-WebSocket-Version", "13");
		return refuse(exchange, 426, "the version of WebSocket that is spoken here is 13");
	}
	answer = websocket_accept_key(key);
	if (strcmp(bp_http_method(exchange), "HEAD") == 0)
		return refuse(exchange, 400, "a WebSocket begins with GET");
	if (!answer)
		return refuse(exchange, 400, "Sec-WebSocket-Key must be 16 bytes in base64");
	if (bp_http_has_body(exchange))
		return refuse(exchange, 400, "a handshake has no body");
	*accept = g_steal_pointer(&answer);
	return TRUE;
}

static void agree(BpWebSocket *socket, BpHttpExchange *exchange, const BpWebSocketOptions *options, const char *accept)
{
	g_autofree char *names = bp_http_header_list(exchange, "Sec-WebSocket-Protocol");
	g_autofree char *offers = bp_http_header_list(exchange, "Sec-WebSocket-Extensions");
	g_autofree char *extension = options->plain ? NULL : websocket_choose_extension(offers);

	bp_http_add_header(exchange, "Sec-WebSocket-Accept", accept);
	socket->protocol = websocket_choose_protocol(names, options->protocols);
	if (socket->protocol)
		bp_http_add_header(exchange, "Sec-WebSocket-Protocol", socket->protocol);
	if (extension)
		bp_http_add_header(exchange, "Sec-WebSocket-Extensions", extension);
	socket->deflate = extension != NULL;
}

BpWebSocket *bp_websocket_accept(BpPlugin *self, BpHttpExchange *exchange, const BpWebSocketOptions *options,
				 const BpWebSocketEvents *events, gpointer user)
{
	static const BpWebSocketOptions fallbacks;
	g_autofree char *accept = NULL;
	BpWebSocket *socket;

	g_return_val_if_fail(self && exchange, NULL);
	if (!options)
		options = &fallbacks;
	if (!check(exchange, &accept))
		return NULL;
	socket = g_new0(BpWebSocket, 1);
	socket->refs = 1;
	socket->owned.owner = self;
	agree(socket, exchange, options, accept);
	socket->codec = websocket_codec_new(&callbacks, socket,
					    options->max_message ? options->max_message : MAX_MESSAGE, socket->deflate);
	bp_http_write_switch(exchange, "websocket");
	socket->stream = bp_http_take_stream(exchange, self, 101, &stream_events, socket);
	if (options->backlog)
		bp_stream_set_backlog(socket->stream, options->backlog, BP_BACKLOG_CLOSE);
	/* After the stream, and so dropped before it: the goodbye is queued when the stream goes. */
	bp_owner_link_notified(self, &socket->owned, "websocket", drop);
	start_pings(socket, options);
	if (events)
		bp_websocket_set_user(socket, events, user);
	return socket;
}

void bp_websocket_set_user(BpWebSocket *socket, const BpWebSocketEvents *events, gpointer user)
{
	static const BpWebSocketEvents none;

	if (user != socket->user)
		bp_scope_clear(&socket->scope);
	if (events)
		bp_struct_copy(&socket->events, sizeof(socket->events), events);
	else
		socket->events = none;
	socket->user = user;
	socket->has_user = TRUE;
}

/* Within the stream's: that ends too when the stream begins to. */
BpScope *bp_websocket_scope(BpWebSocket *socket)
{
	g_return_val_if_fail(socket, NULL);
	bp_scope_obtain(&socket->scope, bp_stream_scope(socket->stream));
	if (socket->closing || socket->over)
		bp_scope_stop(socket->scope);
	return socket->scope;
}

gboolean websocket_has_user(const BpWebSocket *socket)
{
	return socket->has_user;
}

/* --- out --- */

BpMessage *bp_websocket_frame_new(BpWebSocketKind kind, gconstpointer data, gsize size, gboolean compressed)
{
	return websocket_frame_new(kind, data, size, compressed && size >= COMPRESS_FROM);
}

BpSent bp_websocket_send_frame(BpWebSocket *socket, BpMessage *frame)
{
	return socket->over || socket->closing ? BP_GONE : bp_stream_send(socket->stream, frame);
}

BpSent bp_websocket_send(BpWebSocket *socket, BpWebSocketKind kind, gconstpointer data, gsize size)
{
	g_autoptr(BpMessage) frame = NULL;
	guint8 small[SMALL];
	gsize head;

	if (socket->over || socket->closing)
		return BP_GONE;
	if (size > SMALL - 4 || (socket->deflate && size >= COMPRESS_FROM)) {
		frame = bp_websocket_frame_new(kind, data, size, socket->deflate);
		return bp_stream_send(socket->stream, frame);
	}
	small[0] = (guint8)(0x80 | kind);
	head = size <= 125 ? 2 : 4;
	small[1] = (guint8)(head == 2 ? size : 126);
	small[2] = (guint8)(size >> 8);
	small[3] = (guint8)size;
	memcpy(small + head, data, size);
	return bp_stream_write(socket->stream, small, head + size);
}

BpSent bp_websocket_send_text(BpWebSocket *socket, const char *text, gssize size)
{
	gsize length = size < 0 ? strlen(text) : (gsize)size;
	g_autofree char *valid = NULL;
	guint32 state = 0;

	if (!websocket_utf8_check(&state, (const guint8 *)text, length) || state) {
		valid = g_utf8_make_valid(text, (gssize)length);
		text = valid;
		length = strlen(valid);
	}
	return bp_websocket_send(socket, BP_WEBSOCKET_TEXT, text, length);
}

gboolean bp_websocket_takes_compressed(const BpWebSocket *socket)
{
	return socket->deflate;
}

void bp_websocket_close(BpWebSocket *socket, guint code, const char *reason)
{
	g_return_if_fail(socket && (code == BP_CLOSE_NONE || websocket_code_is_valid(code)));
	if (socket->over || socket->closing)
		return;
	say_close(socket, code, reason);
	if (socket->timer)
		bp_timer_set_interval(socket->timer, CLOSE_TIME);
	else
		start_timer(socket, CLOSE_TIME);
	bp_stream_set_reading(socket->stream, TRUE);
}

/* --- small ones --- */

gboolean bp_websocket_is_closing(const BpWebSocket *socket)
{
	return socket->over || socket->closing || bp_stream_is_closing(socket->stream);
}

void bp_websocket_set_reading(BpWebSocket *socket, gboolean on)
{
	if (!socket->over && !socket->closing)
		bp_stream_set_reading(socket->stream, on);
}

BpStream *bp_websocket_stream(const BpWebSocket *socket)
{
	return socket->stream;
}

const char *bp_websocket_protocol(const BpWebSocket *socket)
{
	return socket->protocol ? socket->protocol : "";
}
