/* SPDX-License-Identifier: MIT */
/* wsserver.c - handlers over WebSocket: the console, or an application of a plugin. */
#include "wsserver.h"

static const char manual[] =
	"Module WebSocketServer listens on `port`; each client at `ws_path` is a session of `handler` (console). A\n"
	"text message without a line end is a line; one with line ends is a piece of a stream, and so is every\n"
	"binary message. Text is answered by text, binary by binary. Module WebSocketTelnetServer is the same with\n"
	"telnet inside binary messages, for terminals. What is wrong is refused before the handshake ends: 404 for\n"
	"a path, 403 for a page of another site (`origins` lets some in), 503 at capacity.\n"
	"\n"
	"With enable_monitoring, viewers at `monitor_path` are told of the sessions of this server (with\n"
	"monitor_all of the whole program, over whatever transport) and can watch them:\n"
	" {\"type\":\"watch_session\",\"session_id\":ID}. What is typed while echo is\n"
	"off is never shown. `monitor_token` (as ?token= or Authorization: Bearer) is required where the server is\n"
	"not on loopback.\n"
	"\n"
	"  serve echo --transport websocket --port 8025\n"
	"  module open WebSocketServer door port=8025 handler=echo enable_monitoring=yes\n";

static const BpParam monitor_params[] = {
	{ "enable_monitoring", .type = BP_BOOL, .fallback = "no",
	  .help = "let viewers at monitor_path watch sessions" },
	{ "monitor_path", .fallback = "/monitor", .help = "path of the viewers" },
	{ "monitor_all", .type = BP_BOOL, .fallback = "no",
	  .help = "show viewers the sessions of the whole program, not of this server only; takes a monitor_token" },
	{ "monitor_token", .secret = 1, .help = "what a viewer must know; required beyond this machine" },
	{ .include = bp_websocket_params },
	{ .include = bp_serve_params },
	{ .include = bp_http_params },
	{ NULL },
};

static const BpParam params[] = {
	{ "port", 'p', BP_INT, .min = 0, .max = 65535, .required = 1, .help = "port to listen on; 0 takes a free one" },
	{ "ws_path", .fallback = "/ws", .help = "path of the sessions; empty: any" },
	{ .include = monitor_params },
	{ NULL },
};

static const BpParam telnet_params[] = {
	{ "port", 'p', BP_INT, .min = 0, .max = 65535, .required = 1, .help = "port to listen on; 0 takes a free one" },
	{ "ws_path", .fallback = "/ws_telnet", .help = "path of the sessions; empty: any" },
	{ .include = monitor_params },
	{ NULL },
};

static const BpModule modules[] = {
	{ "WebSocketServer", .help = "sessions of a handler over WebSocket", .params = params, .size = sizeof(WsServer),
	  .open = ws_server_open, .close = ws_server_close, .describe = ws_server_describe },
	{ "WebSocketTelnetServer", .help = "sessions of a handler over telnet inside WebSocket",
	  .params = telnet_params, .size = sizeof(WsServer), .open = ws_telnet_server_open, .close = ws_server_close,
	  .describe = ws_server_describe },
	{ NULL },
};

static const BpTransport websocket = {
	.size = sizeof(websocket),
	.name = "websocket",
	.help = "lines in WebSocket messages",
	.module = "WebSocketServer",
	.default_port = 8023,
};

static const BpTransport ws_telnet = {
	.size = sizeof(ws_telnet),
	.name = "ws_telnet",
	.help = "telnet in WebSocket messages",
	.module = "WebSocketTelnetServer",
	.default_port = 8023,
};

static gboolean load(BpPlugin *self, GError **error)
{
	return bp_registry_add(self, "transport/websocket", &websocket, error) &&
	       bp_registry_add(self, "transport/ws_telnet", &ws_telnet, error);
}

BP_PLUGIN(.name = "wsserver", .version = "1.0", .summary = "Consoles and applications over WebSocket", .manual = manual,
	  .modules = modules, .load = load);
