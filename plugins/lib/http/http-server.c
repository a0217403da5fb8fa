/* SPDX-License-Identifier: MIT */
/* http-server.c - opening and closing, parameters, and the round that finds who is late. */
#include <string.h>
#include "http-server.h"
#include <backplane/server.h>

/* Of servers without parameters: as the fallbacks below. */
#define HEADER_TIMEOUT (10 * G_USEC_PER_SEC)
#define KEEPALIVE_TIMEOUT (60 * G_USEC_PER_SEC)
#define BODY_RATE 512
#define MAX_HEADER (16 * 1024)
#define MAX_URI (8 * 1024)
#define MAX_BODY (1024 * 1024)

static const BpParam site_params[] = {
	{ "origins", .many = 1, .alias = "allow_origins",
	  .help = "other sites (scheme://host:port, null for pages that are files, * for any) whose pages may use it" },
	{ "trusted_proxies", .many = 1,
	  .help = "proxies (addresses, networks as 10.0.0.0/8, unix) whose X-Forwarded-For and -Proto are believed" },
	{ NULL },
};

const BpParam bp_http_params[] = {
	{ "header_timeout", .type = BP_DURATION, .fallback = "10s", .min = 0.01, .max = 86400,
	  .help = "for a request's head to come" },
	{ "keepalive_timeout", .type = BP_DURATION, .fallback = "60s", .min = 0.01, .max = 86400,
	  .help = "for the next request, and for a client to read something" },
	{ "body_rate", .type = BP_BYTES, .fallback = "512", .min = 0, .max = 1e9,
	  .help = "least bytes a second of a body, after header_timeout (0: any)" },
	{ "max_header", .type = BP_BYTES, .fallback = "16K", .min = 256, .max = 1048576,
	  .help = "longest head of a request" },
	{ "max_uri", .type = BP_BYTES, .fallback = "8K", .min = 64, .max = 1048576,
	  .help = "longest address of a request" },
	{ "max_body", .type = BP_BYTES, .fallback = "1M", .min = 0, .max = 1073741824,
	  .help = "longest body of a request" },
	{ "hosts", .many = 1,
	  .help = "names (* for any) it may be called by in Host, beside loopback and its address" },
	{ .include = site_params },
	{ .include = bp_server_params },
	{ NULL },
};

#define NO_POLICY "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"

static char *security_fields(const char *policy)
{
	return g_strdup_printf("Server: Backplane\r\n"
			       "X-Content-Type-Options: nosniff\r\n"
			       "X-Frame-Options: DENY\r\n"
			       "Referrer-Policy: same-origin\r\n"
			       "Cross-Origin-Opener-Policy: same-origin\r\n"
			       "Cross-Origin-Resource-Policy: same-origin\r\n"
			       "Content-Security-Policy: %s\r\n",
			       policy ? policy : NO_POLICY);
}

static void on_sweep(BpPlugin *self, gpointer data)
{
	BpHttpServer *server = data;
	gint64 now = bp_loop_now();
	HttpConnection *next;

	for (HttpConnection *at = server->first; at; at = next) {
		next = at->next;
		http_connection_check(at, now);
	}
	if (!server->first)
		bp_timer_remove(g_steal_pointer(&server->sweep));
}

void bp_http_serve(BpHttpServer *server, BpStream *stream)
{
	gint64 shortest = MIN(server->header_timeout, server->keepalive_timeout);

	http_connection_new(server, stream);
	if (!server->sweep)
		server->sweep = bp_timer_add(server->owned.owner, NULL, CLAMP(shortest / 4, 5000, G_USEC_PER_SEC), 0,
					     on_sweep, server, NULL);
}

static void on_accept(BpPlugin *self, BpServer *listener, BpStream *stream, gpointer user)
{
	bp_http_serve(user, stream);
}

static char *on_refusal(BpPlugin *self, BpServer *listener, const char *why, gpointer user)
{
	g_autofree char *problem = http_problem(503, why, NULL);

	return g_strdup_printf("HTTP/1.1 503 %s\r\n%sConnection: close\r\nRetry-After: 5\r\n"
			       "Content-Type: " HTTP_PROBLEM "\r\nContent-Length: %zu\r\n\r\n%s",
			       http_status_text(503), ((BpHttpServer *)user)->security, strlen(problem), problem);
}

static const BpServerEvents server_events = { .size = sizeof(server_events),
					      .accept = on_accept,
					      .refusal = on_refusal };

static gboolean read_params(BpHttpServer *server, GError **error)
{
	const BpValues *values = bp_instance_values(server->owned.owner);

	server->header_timeout = bp_values_duration(values, "header_timeout");
	server->keepalive_timeout = bp_values_duration(values, "keepalive_timeout");
	server->body_rate = bp_values_int(values, "body_rate");
	server->max_header = (gsize)bp_values_int(values, "max_header");
	server->max_uri = (gsize)bp_values_int(values, "max_uri");
	server->max_body = (gsize)bp_values_int(values, "max_body");
	server->bind = bp_values_string(values, "bind");
	server->hosts = bp_values_list(values, "hosts");
	server->origins = bp_values_list(values, "origins");
	return http_proxies_parse(server, bp_values_list(values, "trusted_proxies"), error);
}

/* The owner goes: its streams have ended already, and so have their connections. */
static void drop(BpOwned *owned)
{
	BpHttpServer *server = BP_OWNED_BY(owned, BpHttpServer, owned);

	server->sweep = NULL;
	server->listener = NULL;
	bp_http_close(server);
}

static BpHttpServer *server_new(BpPlugin *self)
{
	BpHttpServer *server = g_new0(BpHttpServer, 1);

	server->refs = 1;
	server->owned.owner = self;
	return server;
}

static void server_begin(BpHttpServer *server, const BpHttpEvents *events, gpointer user)
{
	bp_struct_copy(&server->events, sizeof(server->events), events);
	server->user = user;
	server->security = security_fields(events->policy);
	bp_owner_link(server->owned.owner, &server->owned, "http server", drop);
}

BpHttpServer *bp_http_new(BpPlugin *self, const BpHttpOptions *given, const BpHttpEvents *events, gpointer user)
{
	static const char *const nothing[] = { NULL };
	BpHttpOptions options;
	BpHttpServer *server;

	g_return_val_if_fail(self && given && events && events->request, NULL);
	bp_struct_copy(&options, sizeof(options), given);
	server = server_new(self);
	server->header_timeout = HEADER_TIMEOUT;
	server->keepalive_timeout = KEEPALIVE_TIMEOUT;
	server->body_rate = BODY_RATE;
	server->max_header = MAX_HEADER;
	server->max_uri = MAX_URI;
	server->max_body = options.max_body ? options.max_body : MAX_BODY;
	server->bind = server->own_bind = g_strdup(options.bind);
	server->hosts = options.hosts ? options.hosts : nothing;
	server->origins = options.origins ? options.origins : nothing;
	server_begin(server, events, user);
	return server;
}

BpHttpServer *bp_http_open(BpInstance *self, const char *events_name, const BpHttpEvents *events, gpointer user,
			   GError **error)
{
	BpServerOptions options;
	BpHttpServer *server;
	BpServer *listener;

	g_return_val_if_fail(self && events && events->request, NULL);
	server = server_new(self);
	options = bp_server_options(self);
	options.alpn = "http/1.1";
	listener = read_params(server, error)
			   ? bp_server_open(self, &options, events_name, &server_events, server, error)
			   : NULL;
	if (!listener) {
		http_server_unref(server);
		return NULL;
	}
	server->listener = listener;
	server_begin(server, events, user);
	return server;
}

void http_server_unref(BpHttpServer *server)
{
	if (--server->refs)
		return;
	if (server->spare)
		http_exchange_free(g_steal_pointer(&server->spare));
	if (server->proxies)
		g_array_unref(server->proxies);
	g_free(server->own_bind);
	g_free(server->security);
	g_free(server->known_host);
	g_free(server);
}

void bp_http_close(BpHttpServer *server)
{
	g_return_if_fail(server);
	if (server->closed)
		return;
	server->closed = TRUE;
	if (server->listener)
		http_routes_closing(server);
	while (server->first) {
		HttpConnection *connection = server->first;
		BpStream *stream = g_steal_pointer(&connection->stream);

		http_connection_drop(connection);
		if (stream) {
			bp_stream_set_user(stream, NULL, NULL);
			bp_stream_close(stream);
		}
	}
	if (server->sweep)
		bp_timer_remove(g_steal_pointer(&server->sweep));
	if (server->listener)
		bp_server_close(g_steal_pointer(&server->listener));
	bp_owner_unlink(&server->owned);
	http_server_unref(server);
}

BpServer *bp_http_listener(const BpHttpServer *server)
{
	return server->listener;
}

BpHttpServer *bp_http_server(const BpHttpExchange *exchange)
{
	return exchange->connection->server;
}
