/* SPDX-License-Identifier: MIT */
/* mesh-shutdown.c - module MeshShutdown: POST /shutdown closes a gateway, as the dashboards' button expects.
 *
 * Whoever asks has the token ("Authorization: Bearer TOKEN", or ?token=TOKEN), or is a page of one of `origins`, which
 * then may also read the answer.
 */
#include <string.h>
#include <backplane/http.h>
#include "mesh-gateway.h"

const BpParam mesh_shutdown_params[] = {
	{ "port", 'p', BP_INT, .fallback = "5002", .min = 0, .max = 65535,
	  .help = "port for POST /shutdown; 0 takes a free one" },
	{ "gateway", .type = BP_STRING, .names = BP_AN_INSTANCE, .required = 1, .help = "the MeshGateway to close" },
	{ "token", .type = BP_STRING, .secret = 1, .help = "what a request must have that is no page of `origins`" },
	{ .include = bp_http_params },
	{ NULL },
};

static gboolean has_token(MeshShutdown *shutdown, const BpHttpExchange *exchange)
{
	const char *token = bp_instance_string(shutdown->self, "token");
	g_autofree char *given = bp_http_token(exchange, TRUE);

	return token && *token && bp_secret_equal(given, token);
}

static void on_end(BpPlugin *self, gpointer data)
{
	MeshShutdown *shutdown = data;
	BpInstance *gateway = bp_instance_find(bp_instance_string(shutdown->self, "gateway"));

	if (gateway && bp_instance_module(gateway)->open == mesh_gateway_open)
		bp_instance_close(gateway, "asked for by POST /shutdown");
}

static void on_request(BpPlugin *self, BpHttpExchange *exchange, gpointer user)
{
	MeshShutdown *shutdown = user;
	const char *origin = bp_http_header(exchange, "Origin");
	gboolean of_page = origin && bp_http_is_own_origin(exchange);

	if (of_page) {
		bp_http_add_header(exchange, "Access-Control-Allow-Origin", origin);
		bp_http_add_header(exchange, "Vary", "Origin");
	}
	if (strcmp(bp_http_path(exchange), "/shutdown") != 0) {
		bp_http_respond_problem(exchange, 404, "there is only POST /shutdown");
	} else if (strcmp(bp_http_method(exchange), "POST") != 0) {
		bp_http_add_header(exchange, "Allow", "POST");
		bp_http_respond_problem(exchange, 405, "say POST");
	} else if (!of_page && !has_token(shutdown, exchange)) {
		bp_http_add_header(exchange, "WWW-Authenticate", "Bearer");
		bp_http_respond_problem(exchange, 401, "the token is missing or wrong");
	} else {
		bp_http_respond_json(exchange, 200, json_pack("{s:s}", "message", "Server shutting down..."));
		bp_log(shutdown->self, BP_LOG_NOTICE, "%s is closed by POST /shutdown",
		       bp_instance_string(shutdown->self, "gateway"));
		/* After this turn, so that the answer is on its way. */
		bp_timer_add(shutdown->self, NULL, 50 * 1000, 1, on_end, shutdown, NULL);
	}
}

static void look(MeshShutdown *shutdown, gboolean there)
{
	const char *name = bp_instance_string(shutdown->self, "gateway");

	if (there)
		bp_instance_set_state(shutdown->self, BP_STATE_OK, "POST /shutdown for %s on %s", name,
				      bp_server_addresses(bp_http_listener(shutdown->http)));
	else
		bp_instance_set_state(shutdown->self, BP_STATE_WAITING,
				      "there is no MeshGateway %s: mesh open %s opens it", name, name);
}

void mesh_shutdown_look(const char *name, gboolean there)
{
	g_autoptr(GPtrArray) list = bp_instance_list("MeshShutdown");

	for (guint i = 0; i < list->len; i++) {
		MeshShutdown *shutdown = bp_instance_data(list->pdata[i]);

		if (shutdown->http && strcmp(bp_instance_string(shutdown->self, "gateway"), name) == 0)
			look(shutdown, there);
	}
}

gboolean mesh_shutdown_open(BpInstance *self, GError **error)
{
	static const BpHttpEvents events = { .size = sizeof(events), .request = on_request };
	MeshShutdown *shutdown = bp_instance_data(self);
	const char *token = bp_instance_string(self, "token");

	shutdown->self = self;
	if ((!token || !*token) && !bp_values_is_set(bp_instance_values(self), "origins")) {
		g_set_error_literal(
			error, BP_HOST_ERROR, BP_INVALID,
			"who may shut down? give a token (shutdown_token), or the origins of the pages that may");
		return FALSE;
	}
	shutdown->http = bp_http_open(self, "server-mesh-shutdown-%u", &events, shutdown, error);
	if (shutdown->http)
		look(shutdown, mesh_gateway_find(bp_instance_string(self, "gateway"), NULL) != NULL);
	return shutdown->http != NULL;
}

void mesh_shutdown_close(BpInstance *self)
{
	MeshShutdown *shutdown = bp_instance_data(self);
	MeshGateway *gateway = mesh_gateway_find(bp_instance_string(self, "gateway"), NULL);

	if (gateway && gateway->shutdown_instance == shutdown->self)
		gateway->shutdown_instance = NULL;
}
