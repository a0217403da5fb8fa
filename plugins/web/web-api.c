/* SPDX-License-Identifier: MIT */
/* web-api.c - /api/v1: the resources that kernel and plugins have registered, by path and method.
 *
 *	GET /NAME			the list; ?match= a glob on the ids (settings: ?context= a path)
 *	GET /NAME/ID			one of them; an ID may have slashes
 *	POST /NAME/ACTION		an action that needs no ID
 *	POST /NAME/ID/ACTION		an action, with a JSON object of its parameters
 *	PUT /settings/KEY, POST /instances and /plugins, DELETE	what people expect of them
 *
 * An action is answered when it has ended; only one that takes this server with it (POST /plugins/web/reload) with 202,
 * before.
 */
#include <string.h>
#include <backplane/access.h>
#include "web.h"

static void answer(BpHttpExchange *exchange, guint status, json_t *take_value, const GError *error)
{
	if (!take_value)
		bp_http_respond_error(exchange, error);
	else if (json_is_null(take_value) && status == 200)
		bp_http_respond(exchange, 204, NULL, NULL, 0), json_decref(take_value);
	else
		bp_http_respond_json(exchange, status, take_value);
}

static char *query_value(BpHttpExchange *exchange, const char *name)
{
	const char *query = bp_http_query(exchange);

	return bp_http_form_value(query, strlen(query), name);
}

/* A requested action. Its exchange is NULL when the client has disconnected, or was answered before the action ended. */
typedef struct {
	WebServer *server;
	BpHttpExchange *exchange;
	guint status;
} WebActionRequest;

static void on_acted(BpPlugin *self, json_t *value, const GError *error, gpointer data)
{
	WebActionRequest *act = data;

	if (act->exchange)
		answer(act->exchange, act->status, json_incref(value), error);
	g_queue_remove(&act->server->acts, act);
	g_free(act);
}

static void on_gone(BpPlugin *self, BpHttpExchange *exchange, gpointer data)
{
	((WebActionRequest *)data)->exchange = NULL;
}

/* `take_body` NULL: a body that was refused, with the exchange. */
static const BpAction *action_of(const char *resource, const char *name)
{
	g_autofree char *path = g_strconcat("resource/", resource, NULL);
	const BpResource *found = bp_registry_find(path);
	const BpAction *row = found ? found->actions : NULL;

	while (row && row->name && strcmp(row->name, name) != 0)
		row++;
	return row && row->name ? row : NULL;
}

static void note(BpHttpExchange *exchange, const char *name, const char *id, const char *action)
{
	const BpAction *row = action_of(name, action);
	g_autofree char *what = g_strdup_printf("%s %s%s%s", action, name, id ? " " : "", id ? id : "");

	if (row && row->role > BP_OBSERVER)
		web_note(exchange, what, web_role(exchange) < row->role ? "his role is too low" : NULL);
}

static void act(BpHttpExchange *exchange, const char *name, const char *id, const char *action, json_t *take_body,
		guint status)
{
	BpInstance *self;
	WebActionRequest *act;

	if (!take_body)
		return; /* it was answered, and the exchange is freed */
	self = bp_server_instance(bp_http_listener(bp_http_server(exchange)));
	note(exchange, name, id, action);
	act = g_new(WebActionRequest, 1);
	*act = (WebActionRequest){ bp_instance_data(self), exchange, status };
	g_queue_push_tail(&act->server->acts, act);
	bp_http_on_gone(exchange, on_gone, act);
	bp_resource_act(self, name, id, action, take_body, web_role(exchange), on_acted, act);
	json_decref(take_body);
}

void web_acts_end(WebServer *server)
{
	for (GList *at = server->acts.head; at; at = at->next) {
		BpHttpExchange *exchange = g_steal_pointer(&((WebActionRequest *)at->data)->exchange);

		if (exchange)
			bp_http_respond(exchange, 202, NULL, NULL, 0);
	}
}

static void get(BpHttpExchange *exchange, const char *name, const char *id)
{
	g_autofree char *query = query_value(exchange, strcmp(name, "settings") == 0 ? "context" : "match");
	g_autoptr(GError) error = NULL;
	BpRole role = web_role(exchange);
	json_t *value = id ? bp_resource_get(name, id, role, &error) : bp_resource_list(name, query, role, &error);

	answer(exchange, 200, value, error);
}

static const BpResource *find_resource(const char *name)
{
	g_autofree char *path = g_strconcat("resource/", name, NULL);

	return bp_registry_find(path);
}

static gboolean is_on_all(const BpResource *resource, const char *action)
{
	for (const BpAction *row = resource->actions; row && row->name; row++)
		if (strcmp(row->name, action) == 0)
			return row->on_all;
	return FALSE;
}

/* /NAME/REST: REST is an action without an ID, or ID/ACTION, whatever slashes the ID has. */
static void post(BpHttpExchange *exchange, const BpResource *resource, const char *rest)
{
	const char *slash = rest ? strrchr(rest, '/') : NULL;
	g_autofree char *id = NULL;

	if (!rest && is_on_all(resource, "load")) {
		act(exchange, resource->name, NULL, "load", web_body(exchange, FALSE), 201);
	} else if (!rest) {
		bp_http_add_header(exchange, "Allow", "OPTIONS, GET, HEAD");
		bp_http_respond_problem(exchange, 405, "nothing can be posted here");
	} else if (!slash && is_on_all(resource, rest)) {
		act(exchange, resource->name, NULL, rest, web_body(exchange, TRUE), 200);
	} else if (slash) {
		id = g_strndup(rest, (gsize)(slash - rest));
		act(exchange, resource->name, id, slash + 1, web_body(exchange, TRUE), 200);
	} else {
		bp_http_respond_problem(exchange, 404, "there is no such action");
	}
}

static void put(BpHttpExchange *exchange, const BpResource *resource, const char *id)
{
	g_autofree char *context = query_value(exchange, "context");
	json_t *body;

	if (strcmp(resource->name, "settings") != 0 || !id) {
		bp_http_add_header(exchange, "Allow", "OPTIONS, GET, HEAD, POST");
		bp_http_respond_problem(exchange, 405, "only settings can be put");
		return;
	}
	body = web_body(exchange, FALSE);
	if (body && context)
		json_object_set_new(body, "context", json_string(context));
	act(exchange, resource->name, id, "set", body, 200);
}

static void delete (BpHttpExchange *exchange, const BpResource *resource, const char *id)
{
	static const struct {
		const char *name, *action;
	} verbs[] = { { "instances", "close" }, { "plugins", "unload" }, { "sessions", "kill" } };

	for (guint i = 0; i < G_N_ELEMENTS(verbs); i++) {
		if (id && strcmp(verbs[i].name, resource->name) == 0) {
			act(exchange, resource->name, id, verbs[i].action, json_object(), 200);
			return;
		}
	}
	bp_http_add_header(exchange, "Allow", "OPTIONS, GET, HEAD, POST");
	bp_http_respond_problem(exchange, 405, "this cannot be deleted");
}

void web_serve_resource(WebServer *server, BpHttpExchange *exchange)
{
	const char *path = bp_http_path(exchange) + strlen(WEB_API), *slash = strchr(path, '/');
	g_autofree char *name = slash ? g_strndup(path, (gsize)(slash - path)) : g_strdup(path);
	const char *rest = slash && slash[1] ? slash + 1 : NULL;
	const BpResource *resource = find_resource(name);

	if (!resource)
		bp_http_respond_problem(exchange, 404, "there is no such resource");
	else if (web_is_method(exchange, "POST"))
		post(exchange, resource, rest);
	else if (web_is_method(exchange, "PUT"))
		put(exchange, resource, rest);
	else if (web_is_method(exchange, "DELETE"))
		delete (exchange, resource, rest);
	else if (strcmp(name, "channels") != 0 || !rest || !web_serve_channel(server, exchange, rest))
		get(exchange, name, rest);
}

/* --- opening --- */

static BpValues *values_of(const char *class, json_t *params, GError **error)
{
	const BpModule *module = bp_module_find(class);
	g_autoptr(BpValues) values = NULL;

	if (!module) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no module %s", class);
		return NULL;
	}
	if (params && !json_is_object(params)) {
		g_set_error(error, BP_HOST_ERROR, BP_INVALID, "params: an object is expected");
		return NULL;
	}
	values = bp_values_new(module->params);
	if (params && !bp_values_set_json(values, params, error)) {
		/* A parameter that is not there is a bad request, the address was right. */
		(*error)->code = BP_INVALID;
		return NULL;
	}
	return g_steal_pointer(&values);
}

static gboolean open_instance(json_t *body, BpRole role, char **name, GError **error)
{
	const char *class = json_string_value(json_object_get(body, "class"));
	const char *wanted = json_string_value(json_object_get(body, "name"));
	const char *context = json_string_value(json_object_get(body, "context"));
	json_t *params = json_object_get(body, "params");
	BpInstance *instance;
	BpValues *values;

	if (!class) {
		g_set_error(error, BP_HOST_ERROR, BP_INVALID, "class: the name of a module is expected");
		return FALSE;
	}
	if (!bp_access_may_open(class, NULL, role, error))
		return FALSE;
	values = values_of(class, json_is_null(params) ? NULL : params, error);
	if (!values)
		return FALSE;
	if (!bp_access_may_open(class, values, role, error)) {
		bp_values_free(values);
		return FALSE;
	}
	instance = bp_module_open(class, wanted && *wanted ? wanted : class, context && *context ? context : "/",
				  values, error);
	if (instance)
		*name = g_strdup(bp_plugin_name(instance));
	return !!instance;
}

void web_serve_instances(WebServer *server, BpHttpExchange *exchange)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *name = NULL, *place = NULL, *escaped = NULL, *what = NULL;
	json_t *body, *opened;
	gboolean good;

	if (!web_is_method(exchange, "POST")) {
		get(exchange, "instances", NULL);
		return;
	}
	body = web_body(exchange, FALSE);
	if (!body)
		return;
	good = open_instance(body, web_role(exchange), &name, &error);
	what = g_strdup_printf("open %s %s",
			       json_string_value(json_object_get(body, "class"))
				       ? json_string_value(json_object_get(body, "class"))
				       : "?",
			       name ? name : "");
	web_note(exchange, what, good ? NULL : error->message);
	if (good) {
		escaped = bp_http_escape(name);
		place = g_strconcat("instances/", escaped, NULL);
		bp_http_add_header(exchange, "Location", place);
		opened = bp_resource_get("instances", name, web_role(exchange), NULL);
		/* It may have closed itself at once. */
		bp_http_respond_json(exchange, 201, opened ? opened : json_pack("{s:s}", "name", name));
	} else {
		bp_http_respond_error(exchange, error);
	}
	json_decref(body);
}
