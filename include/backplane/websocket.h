/* SPDX-License-Identifier: MIT */
/* websocket.h - WebSocket (RFC 6455) on a server: messages over a stream, with pings, limits and compression.
 *
 * A socket is made from an HTTP exchange (http.h), of any server: a route "route/NAME", or a server of one's own.
 * Each message comes whole, text checked to be UTF-8. Fragments, pings, pongs, the closing handshake and protocol
 * errors are handled here. Compression (RFC 7692) is agreed with clients that offer it, without
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
 *	static const BpHttpRoute route = { .size = sizeof(route), .path = "/echo", .help = "echoes each message", .request = on_request };
 *
 * Sent frames are queued in the stream, whose backlog policy applies. One frame is one entry of the queue, so "drop oldest" drops whole
 * messages.
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
	/* A whole message, valid during the call and not followed by a NUL. The socket may be closed in it. */
	void (*message)(BpPlugin *self, BpWebSocket *socket, BpWebSocketKind kind, const guint8 *data, gsize size,
			gpointer user);
	/* After a BP_FULL: the queue has fallen below half of its limit. */
	void (*drained)(BpPlugin *self, BpWebSocket *socket, gpointer user);
	/* Exactly once, last, also at the end of its owner (see BpStreamEvents); the socket is freed when this returns. `code` is that of
	 * the peer, or the one given to bp_websocket_close. */
	void (*closed)(BpPlugin *self, BpWebSocket *socket, guint code, const char *reason, gpointer user);
} BpWebSocketEvents;

/* ping_interval (30s), ping_timeout (10s), max_message (1M), compress (true). */
BP_API extern const BpParam bp_websocket_params[];

/* A member that is 0 selects the fallback of bp_websocket_params. */
typedef struct {
	const char *const *protocols; /* supported subprotocols, NULL-terminated; not copied */
	gint64 ping_interval;	      /* -1: no pings */
	gint64 ping_timeout;
	gsize max_message;
	gsize backlog;	   /* 0: as the server's */
	gboolean plain;	   /* never compress */
	gsize reserved[4]; /* 0 */
} BpWebSocketOptions;
/* From the values of an instance; the fallbacks, if its table does not include bp_websocket_params. */
BP_API BpWebSocketOptions bp_websocket_options(BpInstance *self);

/* Ends the exchange and returns a socket that `self` owns. NULL if the request is no valid handshake; it was answered with 400, 405 or
 * 426 then. */
BP_API BpWebSocket *bp_websocket_accept(BpPlugin *self, BpHttpExchange *exchange, const BpWebSocketOptions *options,
					const BpWebSocketEvents *events, gpointer user);
/* TRUE if the request has "Upgrade: websocket". For paths that answer other requests too. */
BP_API gboolean bp_websocket_is_wanted(const BpHttpExchange *exchange);
/* NULL events: no callback is called any more. If `user` changes, all objects of bp_websocket_scope are dropped. */
BP_API void bp_websocket_set_user(BpWebSocket *socket, const BpWebSocketEvents *events, gpointer user);
/* The scope of this socket (scope.h), until `closed`. */
BP_API BpScope *bp_websocket_scope(BpWebSocket *socket);

/* Queues, as bp_stream_send does. BP_FULL: queued, and `drained` will be called. Text must be UTF-8: see bp_websocket_send_text. */
BP_API BpSent bp_websocket_send(BpWebSocket *socket, BpWebSocketKind kind, gconstpointer data, gsize size);
/* Sends a text message; invalid UTF-8 is replaced by U+FFFD. */
BP_API BpSent bp_websocket_send_text(BpWebSocket *socket, const char *text, gssize size);
/* For many receivers: a frame that is encoded once and sent to each. Send compressed frames only to sockets that accept them
 * (bp_websocket_takes_compressed). Any thread. */
BP_API BpMessage *bp_websocket_frame_new(BpWebSocketKind kind, gconstpointer data, gsize size, gboolean compressed);
BP_API BpSent bp_websocket_send_frame(BpWebSocket *socket, BpMessage *frame);
BP_API gboolean bp_websocket_takes_compressed(const BpWebSocket *socket);

/* Sends a close frame with `code` and `reason` (up to 123 bytes), delivers no more messages, waits at most 2 s for the close frame of the
 * peer, then calls `closed`. */
BP_API void bp_websocket_close(BpWebSocket *socket, guint code, const char *reason);
BP_API gboolean bp_websocket_is_closing(const BpWebSocket *socket);
/* Off: no messages are read. */
BP_API void bp_websocket_set_reading(BpWebSocket *socket, gboolean on);
/* For peer, number, queue and statistics. Do not write to it, close it or change its events. */
BP_API BpStream *bp_websocket_stream(const BpWebSocket *socket);
BP_API const char *bp_websocket_protocol(const BpWebSocket *socket); /* the subprotocol agreed on, or "" */

/* A server for WebSockets only. `accept`: a client has connected with this path and query; set its events with
 * bp_websocket_set_user, or it is closed. Parameters: bp_http_params. Other requests are answered with 426. */
typedef struct {
	gsize size; /* sizeof(BpWebSocketServer), so that it can grow */
	void (*accept)(BpPlugin *self, BpWebSocket *socket, const char *path, const char *query, gpointer user);
	BpWebSocketOptions options;
} BpWebSocketServer;
/* `server` is constant. */
BP_API BpHttpServer *bp_websocket_server_open(BpInstance *self, const char *events_name,
					      const BpWebSocketServer *server, gpointer user, GError **error);

G_END_DECLS
