/* SPDX-License-Identifier: MIT */
/* web-server.c - module WebServer: which route serves, and the logs. */
#include <string.h>
#include <time.h>
#include "web.h"

#define POLICY \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " \
	"font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

const WebRoute web_routes[] = {
	{ "/", FALSE, WEB_GET | WEB_POST, web_serve_root, NULL },
	{ "/healthz", FALSE, WEB_GET, web_serve_health, NULL },
	{ "/metrics", FALSE, WEB_GET, web_serve_metrics, NULL },
	{ "/assets/", TRUE, WEB_GET, web_serve_asset, NULL },
	{ "/views/", TRUE, WEB_GET, web_serve_view, NULL },
	{ "/login", FALSE, WEB_GET | WEB_POST, web_serve_login, NULL },
	{ "/logout", FALSE, WEB_POST, web_serve_logout, NULL },
	{ WEB_API "me", FALSE, WEB_GET, web_serve_me, "who asks, and what he may do" },
	{ WEB_API "openapi.json", FALSE, WEB_GET, web_serve_openapi, NULL },
	{ WEB_API "views", FALSE, WEB_GET, web_serve_views, "pages of plugins" },
	{ WEB_API "events", FALSE, WEB_GET, web_serve_events,
	  "messages of the channels that ?watch= matches, as they come" },
	{ WEB_API "commands/run", FALSE, WEB_POST, web_serve_run, "run console commands" },
	{ WEB_API "complete", FALSE, WEB_GET, web_serve_complete, "words that complete ?line= at ?cursor=" },
	{ WEB_API "instances", FALSE, WEB_GET | WEB_POST, web_serve_instances, "open a module" },
	{ WEB_API, TRUE, WEB_GET | WEB_POST | WEB_PUT | WEB_DELETE, web_serve_resource, NULL },
	{ NULL },
};

gboolean web_is_method(BpHttpExchange *exchange, const char *method)
{
	return strcmp(bp_http_method(exchange), method) == 0;
}

json_t *web_body(BpHttpExchange *exchange, gboolean optional)
{
	const char *type = bp_http_header(exchange, "content-type");
	g_autoptr(GError) error = NULL;
	gsize size;
	const char *body = bp_http_body(exchange, &size);
	json_t *object;

	if (!bp_http_has_body(exchange) && !optional) {
		bp_http_respond_problem(exchange, 411, "a JSON object is expected, with its Content-Length");
		return NULL;
	}
	if (!size && optional)
		return json_object();
	if (!type || g_ascii_strncasecmp(type, "application/json", 16) != 0 ||
	    (type[16] && !strchr("; \t", type[16]))) {
		bp_http_respond_problem(exchange, 415, "the body must be application/json");
		return NULL;
	}
	object = bp_json_parse_object(body, size, 0, &error);
	if (!object)
		bp_http_respond_problem(exchange, 400, error->message);
	return object;
}

/* --- routes --- */

static void on_head(BpPlugin *self, BpHttpExchange *exchange, gpointer user)
{
	if (!web_may_enter(exchange))
		web_refuse(exchange);
}

static const struct {
	const char *name;
	guint bit;
} methods[] = {
	{ "GET", WEB_GET }, { "HEAD", WEB_GET }, { "POST", WEB_POST }, { "PUT", WEB_PUT }, { "DELETE", WEB_DELETE }
};

static guint method_bit(BpHttpExchange *exchange)
{
	for (guint i = 0; i < G_N_ELEMENTS(methods); i++)
		if (web_is_method(exchange, methods[i].name))
			return methods[i].bit;
	return 0;
}

static void add_allow(BpHttpExchange *exchange, guint allowed)
{
	g_autoptr(GString) list = g_string_new("OPTIONS");

	for (guint i = 0; i < G_N_ELEMENTS(methods); i++)
		if (allowed & methods[i].bit)
			g_string_append_printf(list, ", %s", methods[i].name);
	bp_http_add_header(exchange, "Allow", list->str);
}

static const WebRoute *find_route(const char *path)
{
	for (const WebRoute *route = web_routes; route->path; route++)
		if (route->below ? g_str_has_prefix(path, route->path) : strcmp(path, route->path) == 0)
			return route;
	return NULL;
}

void web_serve(BpHttpExchange *exchange)
{
	WebServer *server = bp_instance_data(bp_server_instance(bp_http_listener(bp_http_server(exchange))));
	const char *path = bp_http_path(exchange);
	const WebRoute *route = find_route(path);

	if (web_is_method(exchange, "OPTIONS")) {
		add_allow(exchange, route ? route->methods : WEB_GET | WEB_POST | WEB_PUT | WEB_DELETE);
		bp_http_respond(exchange, 204, NULL, NULL, 0);
	} else if (route && route->methods & method_bit(exchange)) {
		route->serve(server, exchange);
	} else if (route) {
		add_allow(exchange, route->methods);
		bp_http_respond_problem(exchange, 405, "this cannot be done here; Allow says what can");
	} else if (!bp_http_dispatch(exchange)) {
		if (strcmp(path, "/ws") == 0 && !bp_http_header(exchange, "upgrade")) {
			bp_http_respond_problem(exchange, 426, "this is a WebSocket");
		} else {
			bp_http_respond_problem(exchange, 404, "there is nothing here");
		}
	}
}

static void on_request(BpPlugin *self, BpHttpExchange *exchange, gpointer user)
{
	if (!web_check_first(exchange))
		web_serve(exchange);
}

/* --- logs --- */

/* What a client says may not break a line of the log, nor drive a terminal. */
static void add_quoted(GString *line, const char *text)
{
	if (!text || !*text)
		text = "-";
	g_string_append_c(line, '"');
	for (; *text; text++) {
		guint8 byte = (guint8)*text;

		if (byte < ' ' || byte >= 127 || byte == '"' || byte == '\\')
			g_string_append_printf(line, "\\x%02x", byte);
		else
			g_string_append_c(line, (char)byte);
	}
	g_string_append_c(line, '"');
}

/* Commands, lines to complete and tokens are nobody's business: a query is shown only where none of them can be. */
static char *shown_target(BpHttpExchange *exchange)
{
	const char *target = bp_http_target(exchange), *query = strchr(target, '?'), *path = bp_http_path(exchange);
	gboolean is_harmless = g_str_has_prefix(path, WEB_API) && strcmp(path, WEB_API "complete") != 0;
	g_autofree char *token = query ? bp_http_form_value(query + 1, strlen(query + 1), "token") : NULL;

	if (!query || (is_harmless && !token))
		return g_strdup(target);
	return g_strdup_printf("%.*s?***", (int)(query - target), target);
}

static void log_access(WebServer *server, BpHttpExchange *exchange, guint status, guint64 bytes)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	g_autoptr(GString) line = g_string_new(NULL);
	g_autofree char *target = shown_target(exchange);
	g_autofree char *request = g_strdup_printf("%s %s HTTP/%s", bp_http_method(exchange), target,
						   bp_http_version(exchange));
	g_autofree char *referer = g_strdup(bp_http_header(exchange, "referer"));
	const char *peer = bp_http_peer(exchange), *colon = strrchr(peer, ':');
	time_t now = time(NULL);
	char zone[8];
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(zone, sizeof(zone), "%z", &tm);
	g_string_append_len(line, *peer ? peer : "-", colon ? colon - peer : -1);
	g_string_append_printf(line, " - - [%02d/%.3s/%d:%02d:%02d:%02d %s] ", tm.tm_mday, months + tm.tm_mon * 3,
			       tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec, zone);
	add_quoted(line, request);
	g_string_append_printf(line, " %u %" G_GUINT64_FORMAT " ", status, bytes);
	if (referer)
		referer[strcspn(referer, "?")] = '\0'; /* it may be a command of ours */
	add_quoted(line, referer);
	g_string_append_c(line, ' ');
	add_quoted(line, bp_http_header(exchange, "user-agent"));
	bp_channel_print(server->access, line->str);
}

static void on_finished(BpPlugin *self, BpHttpExchange *exchange, guint status, guint64 bytes, gpointer user)
{
	WebServer *server = user;

	server->requests++;
	server->bytes += bytes;
	if (status / 100 < G_N_ELEMENTS(server->by_class))
		server->by_class[status / 100]++;
	if (bp_channel_wants(server->access))
		log_access(server, exchange, status, bytes);
	if (bp_channel_wants(server->data)) {
		g_autoptr(GString) line = g_string_new(bp_http_peer(exchange));
		g_autofree char *target = shown_target(exchange);
		g_autofree char *request = g_strdup_printf("%s %s", bp_http_method(exchange), target);

		g_string_append(line, " --> ");
		add_quoted(line, request);
		g_string_append_printf(line, " <-- %u %" G_GUINT64_FORMAT, status, bytes);
		bp_channel_print(server->data, line->str);
	}
}

/* --- the module --- */

gboolean web_server_open(BpInstance *self, GError **error)
{
	static const BpHttpEvents events = { .size = sizeof(events),
					     .request = on_request,
					     .head = on_head,
					     .finished = on_finished,
					     .policy = POLICY };
	WebServer *server = bp_instance_data(self);
	BpChannelOptions log = { .log = TRUE };
	char name[32];

	server->self = self;
	server->runs = g_queue_new();
	/* Made first, so undone last: when nothing refers to them any more. */
	bp_plugin_defer_undo(self, web_runs_free, server->runs);
	server->http = bp_http_open(self, "server-web-%u", &events, server, error);
	if (!server->http)
		return FALSE;
	g_snprintf(name, sizeof(name), "data-web-%u", bp_server_port(bp_http_listener(server->http)));
	server->data = bp_channel(self, name);
	server->access = bp_instance_channel(self, "access");
	bp_channel_set_options(server->data, &log);
	bp_channel_set_options(server->access, &log);
	web_history_begin(self);
	/* Console users see connects and disconnects. */
	if (bp_instance_bool(self, "quiet"))
		return TRUE;
	return !!bp_channel_link(self, bp_server_events(bp_http_listener(server->http)), bp_channel(self, "console"),
				 error);
}

void web_server_close(BpInstance *self)
{
	WebServer *server = bp_instance_data(self);

	web_runs_end(server);
	web_acts_end(server);
	bp_http_close(server->http);
}

void web_server_describe(BpInstance *self, GString *text)
{
	WebServer *server = bp_instance_data(self);
	BpServer *listener = bp_http_listener(server->http);
	BpServerStats stats = bp_server_stats(listener);

	g_string_append_printf(text, "listening on %s\n", bp_server_addresses(listener));
	g_string_append_printf(text,
			       "%u connections, %" G_GUINT64_FORMAT " so far, %" G_GUINT64_FORMAT
			       " refused; %" G_GUINT64_FORMAT " requests, %" G_GUINT64_FORMAT " bytes of bodies\n",
			       stats.connections, stats.accepted, stats.refused, server->requests, server->bytes);
}
