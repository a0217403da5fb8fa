/* SPDX-License-Identifier: MIT */
/* ws-server.c - listening, paths, and what concerns all clients of a server. */
#include <string.h>
#include "wsserver.h"

static gboolean is_path(const char *configured, const char *path)
{
	return !*configured || g_strcmp0(configured, path) == 0 || (*configured != '/' && strcmp(configured, path + 1) == 0);
}

static void on_request(BpHttpExchange *exchange, gpointer user)
{
	WsServer *server = user;
	const char *path = bp_http_path(exchange);
	const char *ws_path = bp_instance_string(server->self, "ws_path");
	const char *monitor_path = bp_instance_string(server->self, "monitor_path");
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

static const BpHttpEvents http_events = { .request = on_request };

static void on_send_all(BpPlugin *self, BpMessage *message, gpointer data)
{
	WsServer *server = data;

	/* Telnet's bytes depend on what each client has agreed to. */
	server->shared.on = !server->telnet;
	for (WsClient *at = server->first; at; at = at->next)
		ws_client_show(at, message);
	server->shared.on = FALSE;
	ws_shared_clear(&server->shared);
}

static gboolean open_server(BpInstance *self, gboolean telnet, GError **error)
{
	WsServer *server = bp_instance_data(self);
	BpChannelOptions log = { .log = TRUE };
	char name[32];

	server->self = self;
	server->telnet = telnet;
	server->handler = bp_instance_string(self, "handler");
	server->options = bp_websocket_options(self);
	if (!bp_handler_find(server->handler)) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no handler %s: load the plugin that has it",
			    server->handler);
		return FALSE;
	}
	if (bp_instance_bool(self, "enable_monitoring") && !ws_monitor_open(server, error))
		return FALSE;
	server->http = bp_http_open(self, "server-ws-%u", &http_events, server, error);
	if (!server->http)
		return FALSE;
	g_snprintf(name, sizeof(name), "data-ws-%u", bp_server_port(bp_http_listener(server->http)));
	server->data = bp_channel(self, name);
	bp_channel_set_options(server->data, &log);
	server->recv = bp_instance_channel(self, "recv");
	server->send = bp_instance_channel(self, "send");
	bp_channel_watch(self, server->send, on_send_all, server, NULL);
	/* Whoever is at a console sees who comes and goes. */
	if (!bp_instance_bool(self, "quiet") && !strcmp(server->handler, "console"))
		return !!bp_channel_link(self, bp_server_events(bp_http_listener(server->http)), bp_channel(self, "console"), error);
	return TRUE;
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
	const char *why = bp_kernel_is_quitting() ? "" : bp_instance_close_reason(self);
	g_autofree char *text = g_strdup_printf("Server is shutting down%s%s. Goodbye!", *why ? ": " : "", why);

	while (server->first)
		ws_client_close(server->first, text);
	g_clear_pointer(&server->monitor, ws_monitor_close);
}

void ws_server_describe(BpInstance *self, GString *text)
{
	WsServer *server = bp_instance_data(self);
	BpServer *listener = bp_http_listener(server->http);
	BpServerStats stats = bp_server_stats(listener);

	g_string_append_printf(text, "listening on %s, handler %s%s\n", bp_server_addresses(listener), server->handler,
			       server->monitor ? ", monitoring" : "");
	g_string_append_printf(text, "%u connections, %" G_GUINT64_FORMAT " so far, %" G_GUINT64_FORMAT " refused; %"
			       G_GUINT64_FORMAT " bytes in, %" G_GUINT64_FORMAT " bytes out\n",
			       stats.connections, stats.accepted, stats.refused, stats.bytes_in, stats.bytes_out);
}
