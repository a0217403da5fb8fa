/* SPDX-License-Identifier: MIT */
/* web.h - the parts of the plugin to each other. */
#pragma once
#include <backplane/backplane.h>
#include <backplane/access.h>
#include <backplane/net.h>
#include <gio/gio.h>
#include <backplane/http.h>
#include <backplane/host.h>
#include <backplane/kernel.h>
#include <backplane/metric.h>
#include <backplane/resource.h>
#include <backplane/sessions.h>

typedef struct {
	BpInstance *self;
	BpHttpServer *http;
	BpChannel *data;	       /* data-web-PORT */
	BpChannel *access;	       /* NAME/access */
	GQueue *runs;		       /* commands under way; see web-command.c */
	GQueue acts;		       /* actions of resources under way; see web-api.c */
	guint64 requests, by_class[6]; /* answers by the first digit of their status */
	guint64 bytes;
} WebServer;

/* Metrics of the plugin, made when it is loaded. */
#define WEB_LOST_EVENTS "lost_events_total"
#define WEB_LOST_WEBSOCKET "lost_websocket_total"
void web_count_lost(BpPlugin *self, const char *name);

#define WEB_GET 1
#define WEB_POST 2
#define WEB_PUT 4
#define WEB_DELETE 8

typedef struct {
	const char *path; /* ends with '/' and `below`: all below it too */
	gboolean below;
	guint methods; /* HEAD comes with GET */
	void (*serve)(WebServer *server, BpHttpExchange *exchange);
	const char *help; /* in openapi.json; NULL: not there */
} WebRoute;
extern const WebRoute web_routes[];

extern const BpParam web_params[];
extern const BpCommand web_commands[];

/* --- web-server.c --- */
gboolean web_server_open(BpInstance *self, GError **error);
void web_server_close(BpInstance *self);
void web_server_describe(BpInstance *self, GString *text);
gboolean web_is_method(BpHttpExchange *exchange, const char *method);
/* The JSON object of its body; NULL: answered already (411, 415, 400). No body at all is an empty object if `optional`. */
json_t *web_body(BpHttpExchange *exchange, gboolean optional);

void web_serve(BpHttpExchange *exchange); /* by the route of its path */

/* --- web-access.c --- */
/* Who asks. FALSE: he may not be here. Also for servers of other plugins, whose routes come here. */
gboolean web_subject(BpHttpExchange *exchange, BpSubject *subject);
BpRole web_role(BpHttpExchange *exchange);
/* "ann@127.0.0.1:4711", or the address alone when nobody logged in. Yours. */
char *web_who(const BpSubject *subject, const char *peer);
/* For the audit, of what is no command. */
void web_note(BpHttpExchange *exchange, const char *what, const char *refused);
/* 401, or the way to the form. */
void web_refuse(BpHttpExchange *exchange);
/* For the head of a request: TRUE also when its password is still to be checked, by web_check_first. */
gboolean web_may_enter(BpHttpExchange *exchange);
/* TRUE: a password is being checked, after which it is served or refused; or it was refused. */
gboolean web_check_first(BpHttpExchange *exchange);
void web_serve_login(WebServer *server, BpHttpExchange *exchange);
void web_serve_logout(WebServer *server, BpHttpExchange *exchange);
void web_serve_me(WebServer *server, BpHttpExchange *exchange);
void web_access_load(BpPlugin *self);
void web_access_unload(void);
/* The user may do less: what he has open ends. */
void web_ws_put_out(const char *user);
void web_terminal_put_out(const char *user);
void web_events_put_out(const char *user);

/* --- web-command.c --- */
typedef void (*WebRunDone)(WebServer *server, BpHttpExchange *exchange, const char *command, gboolean failed,
			   const char *output);
/* Runs lines in a session of its own and calls `done` with what they printed, unless the client goes first. */
void web_run(WebServer *server, BpHttpExchange *exchange, const char *command, WebRunDone done);
void web_serve_root(WebServer *server, BpHttpExchange *exchange);
void web_serve_run(WebServer *server, BpHttpExchange *exchange);
void web_serve_complete(WebServer *server, BpHttpExchange *exchange);
/* Answers pending requests with the output so far. */
void web_runs_end(WebServer *server);
void web_runs_free(gpointer runs);

/* --- web-assets.c --- */
/* Made by glib-compile-resources of data/web. */
GResource *web_get_resource(void);
void web_register_resource(void);
void web_unregister_resource(void);
void web_assets_load(void);
void web_assets_unload(void);
void web_serve_asset(WebServer *server, BpHttpExchange *exchange);
void web_serve_index(WebServer *server, BpHttpExchange *exchange);
void web_serve_view(WebServer *server, BpHttpExchange *exchange);

/* --- web-page.c: the page without script, for GET /?cmd= and forms --- */
/* The page itself, as compiled in; borrowed. */
GBytes *web_index(void);
void web_serve_result(WebServer *server, BpHttpExchange *exchange, const char *command, gboolean failed,
		      const char *output);

/* --- web-history.c: the counters of the last minutes --- */
extern const BpResource web_history;
/* Notes them as long as the instance is open. */
void web_history_begin(BpInstance *self);

/* --- web-api.c, web-channels.c, web-openapi.c, web-metrics.c --- */
#define WEB_API "/api/v1/"
void web_serve_resource(WebServer *server, BpHttpExchange *exchange);
void web_serve_instances(WebServer *server, BpHttpExchange *exchange);
/* Clients that wait for the end of an action hear that it was begun: 202. */
void web_acts_end(WebServer *server);
void web_serve_views(WebServer *server, BpHttpExchange *exchange);
void web_serve_events(WebServer *server, BpHttpExchange *exchange);
/* Last messages and events of one channel. FALSE: neither is asked for. */
gboolean web_serve_channel(WebServer *server, BpHttpExchange *exchange, const char *rest);
void web_serve_channel_events(WebServer *server, BpHttpExchange *exchange, const char *name);
void web_events_unload(void);
/* time, size, origin, text or base64. */
json_t *web_message_json(BpMessage *message);
void web_serve_openapi(WebServer *server, BpHttpExchange *exchange);
void web_serve_metrics(WebServer *server, BpHttpExchange *exchange);
void web_serve_health(WebServer *server, BpHttpExchange *exchange);
