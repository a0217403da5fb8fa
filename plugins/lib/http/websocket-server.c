/* SPDX-License-Identifier: MIT */
/* websocket-server.c - an HTTP server whose requests are all handshakes. */
#include <backplane/plugin.h>
#include "websocket.h"

typedef struct {
	const BpWebSocketServer *server;
	gpointer user;
} WebSocketService;

static void on_request(BpPlugin *self, BpHttpExchange *exchange, gpointer user)
{
	static const BpWebSocketEvents nothing = { .size = sizeof(nothing) };
	WebSocketService *service = user;
	/* They are the exchange's, which ends here. */
	g_autofree char *path = g_strdup(bp_http_path(exchange));
	g_autofree char *query = g_strdup(bp_http_query(exchange));
	BpWebSocket *socket = bp_websocket_accept(self, exchange, &service->server->options, NULL, NULL);

	if (!socket)
		return;
	service->server->accept(self, socket, path, query, service->user);
	if (websocket_has_user(socket))
		return;
	bp_websocket_set_user(socket, &nothing, NULL);
	bp_websocket_close(socket, BP_CLOSE_POLICY, NULL);
}

static const BpHttpEvents events = { .size = sizeof(events), .request = on_request };

BpHttpServer *bp_websocket_server_open(BpInstance *self, const char *events_name, const BpWebSocketServer *server,
				       gpointer user, GError **error)
{
	WebSocketService *service = g_new(WebSocketService, 1);

	*service = (WebSocketService){ server, user };
	bp_plugin_defer_undo(self, g_free, service);
	return bp_http_open(self, events_name, &events, service, error);
}
