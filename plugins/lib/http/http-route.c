/* SPDX-License-Identifier: MIT */
/* http-route.c - paths that plugins add to every web server, and what happens when such a plugin goes. */
#include <string.h>
#include <backplane/registry.h>
#include "http-server.h"
#include <backplane/server.h>

#define PREFIX "route/"

const BpHttpRoute *http_route_find(const char *path, BpPlugin **owner)
{
	g_auto(GStrv) names = bp_registry_list(PREFIX);

	for (char **name = names; *name; name++) {
		g_autofree char *full = g_strconcat(PREFIX, *name, NULL);
		const BpHttpRoute *route = bp_registry_find(full);

		if (route && strcmp(route->path, path) == 0) {
			*owner = bp_registry_owner(full);
			return route;
		}
	}
	return NULL;
}

/* Its plugin goes, and the client still waits. */
static void drop(BpOwned *owned)
{
	BpHttpExchange *exchange = BP_OWNED_BY(owned, BpHttpExchange, route);

	http_exchange_gone(exchange);
	http_route_leave(exchange);
	if (exchange->stage == HTTP_PIECES) {
		exchange->connection->closing = TRUE;
		bp_http_end(exchange);
	} else if (exchange->stage <= HTTP_ASKED) {
		http_answer_refuse(exchange, 503, "the plugin that serves this is being unloaded");
	}
}

void http_route_leave(BpHttpExchange *exchange)
{
	if (exchange->routed)
		bp_owner_unlink(&exchange->route);
	exchange->routed = FALSE;
	exchange->handler = NULL;
}

gboolean bp_http_dispatch(BpHttpExchange *exchange)
{
	BpPlugin *owner = NULL;
	const BpHttpRoute *route = http_route_find(exchange->path, &owner);

	if (!route || !bp_owner_enter_as(owner, "request", NULL))
		return FALSE;
	exchange->handler = owner;
	exchange->routed = TRUE;
	bp_owner_link_notified(owner, &exchange->route, "request", drop);
	route->request(owner, exchange);
	bp_owner_leave(owner);
	return TRUE;
}

void http_routes_closing(BpHttpServer *server)
{
	g_auto(GStrv) names = bp_registry_list(PREFIX);

	for (char **name = names; *name; name++) {
		g_autofree char *full = g_strconcat(PREFIX, *name, NULL);
		const BpHttpRoute *route = bp_registry_find(full);
		BpPlugin *owner = bp_registry_owner(full);

		if (!route || !route->closing || !bp_owner_enter(owner))
			continue;
		route->closing(owner, server->listener);
		bp_owner_leave(owner);
	}
}
