/* SPDX-License-Identifier: MIT */
/* ws-server.c - listening, paths, and what concerns all clients of a server. */
#include <string.h>
#include "wsserver.h"

static gboolean is_path(const char *configured, const char *path)
{
	return !*configured || g_strcmp0(configured, path) == 0 ||
	       (*configured != '/' && strcmp(configured, path + 1) == 0);
}

static void on_request(BpPlugin *self, BpHttpExchange *exchange, gpointer user)
{
	WsServer *server = user;
	const char *path = bp_http_path(exchange);
	const char *ws_path = bp_instance_string(server->serve.self, "ws_path");
	const char *monitor_path = bp_instance_string(server->serve.self, "monitor_path");
	g_autofree char *text = NULL;

	if (server->monitor && is_path(monitor_path, path)) {
		ws_monitor_accept(server->monitor, exchange);
	} else if (is_path(ws_path ? ws_path : "", path)) {
		ws_client_new(server, exchange);
	} else {
		text = g_strdup_printf("there is nothing at %s; sessions are at %s", path, ws_path);
		bp_http_respond_problem(exchange, 404, text);
	}
}

static const BpHttpEvents http_events = { .size = sizeof(http_events), .request = on_request };

static void on_shown(BpServe *serve)
{
	ws_shared_clear(&((WsServer *)bp_instance_data(serve->self))->shared);
}

static gboolean open_server(BpInstance *self, gboolean telnet, GError **error)
{
	WsServer *server = bp_instance_data(self);

	server->telnet = telnet;
	server->serve.shown = on_shown;
	server->options = bp_websocket_options(self);
	if (!bp_serve_prepare(&server->serve, self, error))
		return FALSE;
	if (bp_instance_bool(self, "enable_monitoring") && !ws_monitor_open(server, error))
		return FALSE;
	server->http = bp_http_open(self, "server-ws-%u", &http_events, server, error);
	if (server->http && bp_serve_start(&server->serve, bp_http_listener(server->http), "data-ws-%u", error))
		return TRUE;
	g_clear_pointer(&server->monitor, ws_monitor_close);
	return FALSE;
}

gboolean ws_server_open(BpInstance *self, GError **error)
{
	return open_server(self, FALSE, error);
}

gboolean ws_telnet_server_open(BpInstance *self, GError **error)
{
	return open_server(self, TRUE, error);
}

void ws_server_close(BpInstance *self)
{
	WsServer *server = bp_instance_data(self);
	g_autofree char *text = bp_serve_goodbye(self);

	while (server->first)
		ws_client_close(server->first, text);
	g_clear_pointer(&server->monitor, ws_monitor_close);
}

void ws_server_describe(BpInstance *self, GString *text)
{
	WsServer *server = bp_instance_data(self);

	bp_server_describe(bp_http_listener(server->http), server->serve.handler, text);
	if (server->monitor)
		g_string_append_printf(text, "monitored at %s\n", bp_instance_string(self, "monitor_path"));
}
