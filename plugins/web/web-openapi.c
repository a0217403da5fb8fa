/* SPDX-License-Identifier: MIT */
/* web-openapi.c - openapi.json, made of the tables: resources, their actions, and the routes of our own. */
#include <string.h>
#include "web.h"

static json_t *type_schema(json_t *row)
{
	static const struct {
		const char *type, *json;
	} types[] = { { "int", "integer" }, { "double", "number" }, { "bool", "boolean" } };
	const char *type = json_string_value(json_object_get(row, "type")), *json = "string";
	json_t *schema, *value;

	for (guint i = 0; i < G_N_ELEMENTS(types); i++)
		if (type && strcmp(types[i].type, type) == 0)
			json = types[i].json;
	schema = json_pack("{s:s}", "type", json);
	if ((value = json_object_get(row, "help")))
		json_object_set(schema, "description", value);
	if ((value = json_object_get(row, "choices")))
		json_object_set(schema, "enum", value);
	if (strcmp(json, "string") != 0) {
		if ((value = json_object_get(row, "min")))
			json_object_set(schema, "minimum", value);
		if ((value = json_object_get(row, "max")))
			json_object_set(schema, "maximum", value);
	}
	if (json_is_true(json_object_get(row, "many")))
		return json_pack("{s:s,s:o}", "type", "array", "items", schema);
	return schema;
}

static json_t *params_schema(const BpParam *table)
{
	json_t *rows = table ? bp_param_json(table) : json_array(), *row;
	json_t *properties = json_object(), *required = json_array();
	json_t *schema = json_pack("{s:s,s:o}", "type", "object", "properties", properties);
	size_t at;

	json_array_foreach(rows, at, row)
	{
		json_object_set_new(properties, json_string_value(json_object_get(row, "name")), type_schema(row));
		if (json_is_true(json_object_get(row, "required")))
			json_array_append(required, json_object_get(row, "name"));
	}
	if (json_array_size(required))
		json_object_set(schema, "required", required);
	json_decref(required);
	json_decref(rows);
	return schema;
}

static json_t *operation(const char *help, json_t *take_body, gboolean has_id)
{
	json_t *object = json_pack("{s:s,s:{s:{s:s},s:{s:s,s:{s:{s:{s:s}}}}}}", "summary", help ? help : "",
				   "responses", "2XX", "description", "done", "default", "description",
				   "a problem (RFC 9457)", "content", "application/problem+json", "schema", "$ref",
				   "#/components/schemas/Problem");

	if (take_body)
		json_object_set_new(object, "requestBody",
				    json_pack("{s:{s:{s:o}}}", "content", "application/json", "schema", take_body));
	if (has_id)
		json_object_set_new(object, "parameters",
				    json_pack("[{s:s,s:s,s:b,s:{s:s}}]", "name", "id", "in", "path", "required", 1,
					      "schema", "type", "string"));
	return object;
}

/* json_object_set_new_nocheck is not for us: names are registered, so they are UTF-8 or they are left out. */
static void add_path(json_t *paths, const char *path, const char *method, json_t *take_operation)
{
	json_t *item = json_object_get(paths, path);

	if (!item) {
		item = json_object();
		if (json_object_set_new(paths, path, item) < 0) {
			json_decref(take_operation);
			return;
		}
	}
	json_object_set_new(item, method, take_operation);
}

static void add_resource(json_t *paths, const BpResource *resource)
{
	g_autofree char *list = g_strdup_printf(WEB_API "%s", resource->name);
	g_autofree char *one = g_strdup_printf(WEB_API "%s/{id}", resource->name);

	add_path(paths, list, "get", operation(resource->help, NULL, FALSE));
	add_path(paths, one, "get", operation(resource->help, NULL, TRUE));
	for (const BpAction *action = resource->actions; action && action->name; action++) {
		g_autofree char *path = g_strdup_printf(WEB_API "%s%s/%s", resource->name,
							action->on_all ? "" : "/{id}", action->name);

		add_path(paths, path, "post", operation(action->help, params_schema(action->params), !action->on_all));
	}
}

static json_t *opening_schema(void)
{
	return json_pack("{s:s,s:[s],s:{s:{s:s},s:{s:s},s:{s:s},s:{s:s}}}", "type", "object", "required", "class",
			 "properties", "class", "type", "string", "name", "type", "string", "context", "type", "string",
			 "params", "type", "object");
}

static json_t *run_schema(void)
{
	return json_pack("{s:s,s:[s],s:{s:{s:s}}}", "type", "object", "required", "command", "properties", "command",
			 "type", "string");
}

static void add_own(json_t *paths)
{
	for (const WebRoute *route = web_routes; route->path; route++) {
		if (!route->help)
			continue;
		if (route->methods & WEB_POST)
			add_path(paths, route->path, "post",
				 operation(route->help, route->serve == web_serve_run ? run_schema() : opening_schema(),
					   FALSE));
		else
			add_path(paths, route->path, "get", operation(route->help, NULL, FALSE));
	}
	add_path(paths, WEB_API "channels/{id}/messages", "get", operation("the last messages", NULL, TRUE));
	add_path(paths, WEB_API "channels/{id}/events", "get", operation("messages as they come", NULL, TRUE));
	add_path(paths, WEB_API "settings/{id}", "put",
		 operation("give a setting a value; ?context=", json_object(), TRUE));
	add_path(paths, WEB_API "instances/{id}", "delete", operation("close it", NULL, TRUE));
	add_path(paths, WEB_API "plugins/{id}", "delete", operation("unload it", NULL, TRUE));
	add_path(paths, WEB_API "plugins", "post", operation("load one", json_object(), FALSE));
}

void web_serve_openapi(WebServer *server, BpHttpExchange *exchange)
{
	g_auto(GStrv) names = bp_registry_list("resource/");
	json_t *paths = json_object(), *modules = json_object();
	g_autoptr(GPtrArray) list = bp_module_list();
	json_t *problem = json_pack("{s:s,s:{s:{s:s},s:{s:s},s:{s:s},s:{s:s},s:{s:s}}}", "type", "object", "properties",
				    "type", "type", "string", "title", "type", "string", "status", "type", "integer",
				    "detail", "type", "string", "instance", "type", "string");

	for (char **name = names; *name; name++) {
		g_autofree char *path = g_strconcat("resource/", *name, NULL);

		add_resource(paths, bp_registry_find(path));
	}
	add_own(paths);
	for (guint i = 0; i < list->len; i++) {
		const BpModule *module = list->pdata[i];

		json_object_set_new(modules, module->name, params_schema(module->params));
	}
	json_object_set_new(modules, "Problem", problem);
	bp_http_respond_json(exchange, 200,
			     json_pack("{s:s,s:{s:s,s:s},s:o,s:{s:o}}", "openapi", "3.0.3", "info", "title",
				       "Backplane", "version", bp_kernel_version(), "paths", paths, "components",
				       "schemas", modules));
}
