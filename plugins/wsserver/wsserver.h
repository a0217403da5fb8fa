/* SPDX-License-Identifier: MIT */
/* wsserver.h - what the files of this plugin share. */
#pragma once
#include <backplane/backplane.h>
#include <backplane/net.h>
#include <backplane/sessions.h>
#include <backplane/kernel.h>
#include <backplane/websocket.h>

typedef struct WsClient WsClient;
typedef struct WsMonitor WsMonitor;

/* What is shown to all clients is framed once: their sessions give each of them the same bytes. */
typedef struct {
	GBytes *bytes;
	BpMessage *frames[2][2]; /* by binary, by compressed */
} WsShared;

/* Memory of an instance of either module. */
typedef struct {
	BpServe serve;
	BpHttpServer *http;
	gboolean telnet; /* WebSocketTelnetServer */
	BpWebSocketOptions options;
	WsMonitor *monitor;	/* NULL: not enabled */
	WsClient *first, *last; /* in order of arrival */
	WsShared shared;
} WsServer;

/* --- ws-server.c --- */
gboolean ws_server_open(BpInstance *self, GError **error);
gboolean ws_telnet_server_open(BpInstance *self, GError **error);
void ws_server_close(BpInstance *self);
void ws_server_describe(BpInstance *self, GString *text);

/* --- ws-client.c: what both kinds of clients have, and the plain ones --- */
struct WsClient {
	WsClient *prev, *next;
	WsServer *server;
	BpWebSocket *socket; /* NULL: it has ended */
	BpSession *session;  /* NULL: not open yet, or ended */
	char *target, *query, *agent, *peer;
	guint bytes : 1;   /* the handler takes no lines */
	guint binary : 1;  /* it sent a binary message last, and is answered so */
	guint pending : 1; /* a line has begun whose end has not come */
	guint after_cr : 1;

	/* --- ws-telnet.c --- */
	BpTelnet *telnet;
	BpTimer *timer;	   /* of the socket's scope: until it is known what the client can do */
	GByteArray *early; /* typed before the session is open */
	GByteArray *out;   /* while what it sent is worked on: the answers go out as one message */
	guint open : 1;	   /* the session was opened, or was refused */
};

/* Ends the exchange. */
void ws_client_new(WsServer *server, BpHttpExchange *exchange);
void ws_client_close(WsClient *client, const char *why);
void ws_shared_clear(WsShared *shared);
void ws_client_send(WsClient *client, BpWebSocketKind kind, gconstpointer data, gsize size);
void ws_client_link_end(BpPlugin *self, BpSession *session, BpEnd why, gpointer link);
/* With what is the same for both kinds filled in; FALSE: it was refused and told so. */
gboolean ws_client_open_session(WsClient *client, BpSessionOptions *options);

/* --- ws-telnet.c --- */
void ws_telnet_start(WsClient *client);
void ws_telnet_receive(WsClient *client, const guint8 *data, gsize size);
void ws_telnet_clear(WsClient *client);

/* --- ws-monitor.c --- */
gboolean ws_monitor_open(WsServer *server, GError **error);
/* Ends the exchange. */
void ws_monitor_accept(WsMonitor *monitor, BpHttpExchange *exchange);
void ws_monitor_close(WsMonitor *monitor);
