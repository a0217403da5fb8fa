/* SPDX-License-Identifier: MIT */
/* web.c - the host in a browser, and for programs: a page, REST, events, metrics. */
#include "web.h"
#include "web-ws.h"

static const char manual[] =
	"Module WebServer listens on `port`: the page at /, the host at /api/v1 (openapi.json describes it),\n"
	"/metrics for Prometheus, /healthz. `GET /?cmd=X` and a form with `cmd` run console commands and show\n"
	"what they print; with `Accept: application/json` they answer {\"command\",\"status\",\"output\"}. Foreign\n"
	"Host and Origin are refused. With `token` every client must show it, as a Bearer token or as the\n"
	"password a browser asks for.\n"
	"\n"
	"A WebSocket at /ws takes {\"op\":\"watch\",\"id\":1,\"channel\":\"uart*\"}, send (text or base64), run, list\n"
	"and complete, and answers by id. With \"binary\":\"frames\" in a watch, what was not sent as text comes as\n"
	"binary messages: the size of the channel's name in one byte, the name, the bytes; such messages can be\n"
	"sent to a channel too.\n"
	"\n"
	"server-web-PORT tells who comes and goes, data-web-PORT each request and its status, NAME/access the\n"
	"same in the combined log format.\n"
	"\n"
	"  webserver\n"
	"  webserver -p 8080 -b 192.168.1.5\n"
	"  curl http://localhost:2080/api/v1/host\n"
	"  curl -d cmd=version http://localhost:2080\n";

const BpParam web_params[] = {
	{ "port", 'p', BP_INT, .fallback = "2080", .setting = "default_webserver_port", .min = 0, .max = 65535,
	  .help = "port to listen on; 0 takes a free one" },
	{ "token", .secret = 1, .help = "what clients must show: a Bearer token, or a password with any name" },
	{ "metrics_token", .secret = 1, .help = "the Bearer token of scrapers, for /metrics" },
	{ "quiet", .type = BP_BOOL, .fallback = "no", .help = "do not show its events on channel console" },
	{ .include = bp_auth_params },
	{ .include = bp_websocket_params },
	{ .include = bp_http_params },
	{ NULL },
};

static const BpModule modules[] = {
	{ "WebServer", .help = "the page, REST and metrics over HTTP", .params = web_params, .size = sizeof(WebServer),
	  .open = web_server_open, .close = web_server_close, .describe = web_server_describe },
	{ NULL },
};

static const BpParam settings[] = {
	{ "default_webserver_port", .type = BP_INT, .fallback = "2080", .min = 0, .max = 65535,
	  .help = "port of `webserver` when none is named" },
	{ NULL },
};

void web_count_lost(BpPlugin *self, const char *name)
{
	bp_metric_add(bp_metric(bp_plugin_of(self), name, BP_COUNTER, NULL), 1);
}

static gboolean load(BpPlugin *self, GError **error)
{
	static const BpRole role = BP_ADMIN; /* who shows its token is one */

	bp_setting_declare(self, bp_context("/"), settings);
	bp_metric(self, WEB_LOST_EVENTS, BP_COUNTER, "messages that clients of events did not read in time");
	bp_metric(self, WEB_LOST_WEBSOCKET, BP_COUNTER, "messages that clients of /ws did not read in time");
	web_assets_load();
	web_access_load(self);
	return bp_registry_add(self, BP_MODULE_ROLE "WebServer", &role, error) &&
	       bp_registry_add(self, "route/ws", &web_ws_route, error) &&
	       bp_registry_add(self, "route/terminal", &web_terminal_route, error) &&
	       bp_registry_add(self, "resource/history", &web_history, error);
}

static void unload(BpPlugin *self)
{
	web_terminal_unload();
	web_ws_unload();
	web_events_unload();
	web_assets_unload();
	web_access_unload();
}

BP_PLUGIN(.name = "web", .version = "1.0", .summary = "The host in a browser, and over REST", .manual = manual,
	  .commands = web_commands, .modules = modules, .load = load, .unload = unload);
