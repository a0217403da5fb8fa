/* SPDX-License-Identifier: MIT */
/* websocket.h - WebSocket (RFC 6455) on a server: messages over a stream, with pings, limits and compression.
 *
 * A socket is made from an HTTP exchange (http.h), of any server: a route "route/NAME", or a server of one's own.
 * Each message comes whole, text checked to be UTF-8. Fragments, pings, pongs, the closing handshake and everything that
 * is against the rules are handled here. Compression (RFC 7692) is agreed with clients that offer it, without
 * context takeover: it costs an idle socket nothing.
 *
 *	static void on_message(BpPlugin *self, BpWebSocket *socket, BpWebSocketKind kind, const guint8 *data, gsize size, gpointer user)
 *	{
 *		bp_websocket_send(socket, kind, data, size);
 *	}
 *	static const BpWebSocketEvents events = { .size = sizeof(events), .message = on_message };
 *	static void on_request(BpPlugin *self, BpHttpExchange *exchange)
 *	{
 *		bp_websocket_accept(self, exchange, NULL, &events, NULL);
 *	}
 *	static const BpHttpRoute route = { .size = sizeof(route), .path = "/echo", .help = "says each message again", .request = on_request };
 *
 * What is sent waits in the stream's queue; a reader over its limit meets the stream's backlog policy. One frame is one
 * write, so "drop oldest" loses whole messages.
 */
#pragma once
#include <backplane/http.h>

G_BEGIN_DECLS

typedef struct BpWebSocket BpWebSocket;

typedef enum { BP_WEBSOCKET_TEXT = 1, BP_WEBSOCKET_BINARY = 2 } BpWebSocketKind;

enum {
	BP_CLOSE_NORMAL = 1000,
	BP_CLOSE_GOING_AWAY = 1001,
	BP_CLOSE_PROTOCOL = 1002,
	BP_CLOSE_UNSUPPORTED = 1003,
	BP_CLOSE_NONE = 1005 /* no code was given */,
	BP_CLOSE_LOST = 1006 /* without a closing handshake */,
	BP_CLOSE_BAD_DATA = 1007,
	BP_CLOSE_POLICY = 1008,
	BP_CLOSE_TOO_BIG = 1009,
	BP_CLOSE_ERROR = 1011,
};

/* The first two may be left out. */
typedef struct {
	gsize size; /* sizeof(BpWebSocketEvents), so that it can grow */
	/* A whole message, valid during the call; no NUL behind it. The socket may be closed in it. */
	void (*message)(BpPlugin *self, BpWebSocket *socket, BpWebSocketKind kind, const guint8 *data, gsize size,
			gpointer user);
	/* The queue has gone under half of its limit after a send had said FALSE. */
	void (*drained)(BpPlugin *self, BpWebSocket *socket, gpointer user);
	/* Exactly once, last, also when its owner goes (see BpStreamEvents); the socket is dead when it returns. The code is the
	 * peer's, or the one it was closed with. */
	void (*closed)(BpPlugin *self, BpWebSocket *socket, guint code, const char *reason, gpointer user);
} BpWebSocketEvents;

/* ping_interval (30s), ping_timeout (10s), max_message (1M), compress (true). */
BP_API extern const BpParam bp_websocket_params[];

/* Of what is 0, the fallbacks of bp_websocket_params. */
typedef struct {
	const char *const *protocols; /* the subprotocols that are spoken here, NULL-terminated; not copied */
	gint64 ping_interval;	      /* -1: no pings */
	gint64 ping_timeout;
	gsize max_message;
	gsize backlog;	   /* 0: as the server's */
	gboolean plain;	   /* never compress */
	gsize reserved[4]; /* 0 */
} BpWebSocketOptions;
/* From the values of an instance; the fallbacks, if its table does not include bp_websocket_params. */
BP_API BpWebSocketOptions bp_websocket_options(BpInstance *self);

/* Ends the exchange: with a socket that `self` owns, or with 400, 405 or 426 if it is no handshake, and then NULL. */
BP_API BpWebSocket *bp_websocket_accept(BpPlugin *self, BpHttpExchange *exchange, const BpWebSocketOptions *options,
					const BpWebSocketEvents *events, gpointer user);
/* Is it a handshake at all, by its Upgrade? For paths that answer other requests too. */
BP_API gboolean bp_websocket_is_wanted(const BpHttpExchange *exchange);
/* NULL events: nobody is notified any more. With another `user`, what bp_websocket_scope owns is dropped. */
BP_API void bp_websocket_set_user(BpWebSocket *socket, const BpWebSocketEvents *events, gpointer user);
/* Owns what waits for this socket (scope.h), until `closed`. */
BP_API BpScope *bp_websocket_scope(BpWebSocket *socket);

/* BP_FULL as of bp_stream_send: it is queued, and `drained` will be called. Text must be UTF-8: see bp_websocket_send_text. */
BP_API BpSent bp_websocket_send(BpWebSocket *socket, BpWebSocketKind kind, gconstpointer data, gsize size);
/* A text message; what is not UTF-8 in it becomes U+FFFD. */
BP_API BpSent bp_websocket_send_text(BpWebSocket *socket, const char *text, gssize size);
/* For many receivers: a message framed once, compressed or not, and sent to each. Compressed ones only to sockets that
 * take them. Any thread may make it. */
BP_API BpMessage *bp_websocket_frame_new(BpWebSocketKind kind, gconstpointer data, gsize size, gboolean compressed);
BP_API BpSent bp_websocket_send_frame(BpWebSocket *socket, BpMessage *frame);
BP_API gboolean bp_websocket_takes_compressed(const BpWebSocket *socket);

/* Says `code` and `reason` (at most 123 bytes of it), waits 2 s for the peer's agreement; no more messages are delivered. Then `closed`. */
BP_API void bp_websocket_close(BpWebSocket *socket, guint code, const char *reason);
BP_API gboolean bp_websocket_is_closing(const BpWebSocket *socket);
/* Off: the client waits. */
BP_API void bp_websocket_set_reading(BpWebSocket *socket, gboolean on);
/* For its peer, number, queue and counts. Not to be written to, closed or given events. */
BP_API BpStream *bp_websocket_stream(const BpWebSocket *socket);
BP_API const char *bp_websocket_protocol(const BpWebSocket *socket); /* the subprotocol agreed on, or "" */

/* A server with no other use. `accept`: a client came with this path and query; give it events with
 * bp_websocket_set_user, or it is closed. Parameters: bp_http_params. Other requests get 426. */
typedef struct {
	gsize size; /* sizeof(BpWebSocketServer), so that it can grow */
	void (*accept)(BpPlugin *self, BpWebSocket *socket, const char *path, const char *query, gpointer user);
	BpWebSocketOptions options;
} BpWebSocketServer;
/* `server` is constant. */
BP_API BpHttpServer *bp_websocket_server_open(BpInstance *self, const char *events_name,
					      const BpWebSocketServer *server, gpointer user, GError **error);

G_END_DECLS
