/* SPDX-License-Identifier: MIT */
/* web-openapi.c - openapi.json, made of the tables: resources with their members and actions, modules with their parameters, and the
 * routes of our own. It is good enough to generate a client from, and our tests' requests are made from it. */
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

/* --- schemas of answers --- */

/* "NAME:TYPE", each member of `members` (resource.h). */
static json_t *members_schema(const char *members)
{
	g_auto(GStrv) words = g_strsplit(members ? members : "id:any", " ", -1);
	json_t *properties = json_object(), *required = json_array();

	for (char **word = words; *word; word++) {
		char *colon = strchr(*word, ':');
		json_t *schema;
		gsize size;

		if (!colon)
			continue;
		*colon++ = '\0';
		size = strlen(colon);
		if (size && colon[size - 1] == '?')
			colon[--size] = '\0';
		else
			json_array_append_new(required, json_string(*word));
		if (strcmp(colon, "any") == 0)
			schema = json_object();
		else if (strcmp(colon, "array") == 0)
			schema = json_pack("{s:s,s:{}}", "type", "array", "items");
		else
			schema = json_pack("{s:s}", "type", colon);
		json_object_set_new(properties, *word, schema);
	}
	return json_pack("{s:s,s:o,s:o}", "type", "object", "properties", properties, "required", required);
}

static json_t *reference(const char *name)
{
	return json_pack("{s:s+}", "$ref", "#/components/schemas/", name);
}

static json_t *array_of(json_t *take_items)
{
	return json_pack("{s:s,s:o}", "type", "array", "items", take_items);
}

static json_t *content(const char *type, json_t *take_schema)
{
	return json_pack("{s:{s:o}}", type, "schema", take_schema);
}

static json_t *answer(const char *what, const char *type, json_t *take_schema)
{
	return json_pack("{s:s,s:o}", "description", what, "content", content(type, take_schema));
}

/* --- operations --- */

/* "post_channels_by_id_send" */
static char *operation_id(const char *path, const char *method)
{
	g_autoptr(GString) id = g_string_new(method);

	for (path += strlen(WEB_API) - 1; *path; path++) {
		if (*path == '{')
			g_string_append(id, "by_");
		else if (g_ascii_isalnum(*path))
			g_string_append_c(id, *path);
		else if (*path != '}')
			g_string_append_c(id, '_');
	}
	return g_string_free(g_steal_pointer(&id), FALSE);
}

/* Names are registered, so they are UTF-8 or they are left out. `take_answer` of status 200 (NULL: 204). The operation is borrowed. */
static json_t *add(json_t *paths, const char *path, const char *method, const char *tag, const char *help,
		   json_t *take_answer)
{
	g_autofree char *id = operation_id(path, method);
	json_t *item = json_object_get(paths, path), *operation, *answers = json_object();

	if (take_answer)
		json_object_set_new(answers, "200", take_answer);
	else
		json_object_set_new(answers, "204", json_pack("{s:s}", "description", "done"));
	json_object_set_new(answers, "4XX",
			    answer("a problem (RFC 9457)", "application/problem+json", reference("Problem")));
	json_object_set_new(answers, "5XX",
			    answer("a problem (RFC 9457)", "application/problem+json", reference("Problem")));
	operation = json_pack("{s:s,s:s,s:[s],s:o,s:[]}", "operationId", id, "summary", help && *help ? help : id,
			      "tags", tag, "responses", answers, "parameters");
	if (strstr(path, "{id}"))
		json_array_append_new(json_object_get(operation, "parameters"),
				      json_pack("{s:s,s:s,s:b,s:{s:s}}", "name", "id", "in", "path", "required", 1,
						"schema", "type", "string"));
	if (!item) {
		item = json_object();
		json_object_set_new(paths, path, item);
	}
	json_object_set_new(item, method, operation);
	return operation;
}

static void add_parameter(json_t *operation, const char *in, const char *name, const char *type, gboolean required,
			  const char *help)
{
	json_array_append_new(json_object_get(operation, "parameters"),
			      json_pack("{s:s,s:s,s:b,s:s,s:{s:s}}", "name", name, "in", in, "required", required,
					"description", help, "schema", "type", type));
}

static void set_body(json_t *operation, json_t *take_schema, gboolean required)
{
	json_object_set_new(
		operation, "requestBody",
		json_pack("{s:b,s:o}", "required", required, "content", content("application/json", take_schema)));
}

static void add_status(json_t *operation, const char *status, json_t *take_answer)
{
	json_object_set_new(json_object_get(operation, "responses"), status, take_answer);
}

/* What it answers when it has ended is its own; nothing is 204, and what ends this server 202. */
static json_t *add_action(json_t *paths, const char *path, const char *method, const char *tag, const char *help)
{
	json_t *operation = add(paths, path, method, tag, help, answer("done", "application/json", json_object()));

	add_status(operation, "202", json_pack("{s:s}", "description", "begun; it ends this server"));
	add_status(operation, "204", json_pack("{s:s}", "description", "done"));
	return operation;
}

static gboolean has_required(const BpParam *table)
{
	json_auto_t *schema = params_schema(table);

	return json_object_get(schema, "required") != NULL;
}

static void add_resource(json_t *paths, json_t *schemas, const BpResource *resource)
{
	g_autofree char *list = g_strdup_printf(WEB_API "%s", resource->name);
	g_autofree char *one = g_strdup_printf(WEB_API "%s/{id}", resource->name);
	gboolean by_context = strcmp(resource->name, "settings") == 0, is_one = strcmp(resource->name, "host") == 0;
	json_t *operation;

	json_object_set_new(
		schemas, resource->name,
		members_schema(resource->size > G_STRUCT_OFFSET(BpResource, members) ? resource->members : NULL));
	operation = add(paths, list, "get", resource->name, resource->help,
			answer("the objects", "application/json",
			       is_one ? reference(resource->name) : array_of(reference(resource->name))));
	if (by_context)
		add_parameter(operation, "query", "context", "string", FALSE, "the path of a context; all if left out");
	else if (!is_one)
		add_parameter(operation, "query", "match", "string", FALSE, "a glob for the ids");
	add(paths, one, "get", resource->name, resource->help,
	    answer("one of them", "application/json", reference(resource->name)));
	for (const BpAction *action = resource->actions; action && action->name; action++) {
		g_autofree char *path = g_strdup_printf(WEB_API "%s%s/%s", resource->name,
							action->on_all ? "" : "/{id}", action->name);

		operation = add_action(paths, path, "post", resource->name, action->help);
		set_body(operation, params_schema(action->params), has_required(action->params));
	}
}

/* --- routes of our own --- */

static json_t *opening_schema(json_t *take_params)
{
	return json_pack("{s:s,s:[s],s:{s:{s:s},s:{s:s},s:{s:s},s:o}}", "type", "object", "required", "class",
			 "properties", "class", "type", "string", "name", "type", "string", "context", "type", "string",
			 "params", take_params);
}

static json_t *texts_schema(void)
{
	return array_of(json_pack("{s:s}", "type", "string"));
}

static void add_messages(json_t *paths, json_t *schemas)
{
	json_t *operation;

	json_object_set_new(schemas, "Message",
			    members_schema("time:number size:integer origin:string? text:string? base64:string?"));
	add(paths, WEB_API "channels/{id}/messages", "get", "channels", "the last messages",
	    answer("oldest first", "application/json", array_of(reference("Message"))));
	operation = add(paths, WEB_API "channels/{id}/events", "get", "channels", "messages as they come",
			answer("Server-Sent Events", "text/event-stream", json_pack("{s:s}", "type", "string")));
	add_parameter(operation, "header", "Last-Event-ID", "string", FALSE, "the id after which to resume");
	operation = add(paths, WEB_API "events", "get", "channels", "messages of several channels as they come",
			answer("Server-Sent Events", "text/event-stream", json_pack("{s:s}", "type", "string")));
	add_parameter(operation, "query", "watch", "string", TRUE, "the name of a channel, or a glob");
	add_parameter(operation, "header", "Last-Event-ID", "string", FALSE, "the id after which to resume");
}

static void add_commands(json_t *paths)
{
	json_t *operation = add(paths, WEB_API "commands/run", "post", "commands", "run console commands",
				answer("what they printed; status 1: one has failed", "application/json",
				       members_schema("command:string status:integer output:string")));

	set_body(operation, members_schema("command:string"), TRUE);
	operation = add(paths, WEB_API "complete", "get", "commands", "words that complete a line",
			answer("where they begin, and the words", "application/json",
			       json_pack("{s:s,s:[s,s],s:{s:{s:s},s:o}}", "type", "object", "required", "start",
					 "words", "properties", "start", "type", "integer", "words", texts_schema())));
	add_parameter(operation, "query", "line", "string", TRUE, "the line");
	add_parameter(operation, "query", "cursor", "integer", FALSE, "bytes before the cursor; its end if left out");
}

static void add_modules(json_t *paths, json_t *schemas)
{
	g_autoptr(GPtrArray) list = bp_module_list();
	json_t *choices = json_array(), *operation;

	json_array_append_new(choices, json_pack("{s:s}", "type", "object"));
	for (guint i = 0; i < list->len; i++) {
		const BpModule *module = list->pdata[i];

		if (json_object_set_new(schemas, module->name, params_schema(module->params)) == 0)
			json_array_append_new(choices, reference(module->name));
	}
	operation = add_action(paths, WEB_API "instances", "post", "instances", "open a module");
	add_status(operation, "201", answer("the instance", "application/json", reference("instances")));
	set_body(operation, opening_schema(json_pack("{s:o}", "anyOf", choices)), TRUE);
	add_action(paths, WEB_API "instances/{id}", "delete", "instances", "close it");
	add_action(paths, WEB_API "plugins/{id}", "delete", "plugins", "unload it");
	add_action(paths, WEB_API "sessions/{id}", "delete", "sessions", "end it");
	operation = add_action(paths, WEB_API "plugins", "post", "plugins", "load one");
	add_status(operation, "201", answer("the plugin", "application/json", json_object()));
	set_body(operation, members_schema("file:string"), TRUE);
}

static void add_own(json_t *paths, json_t *schemas)
{
	json_t *operation;

	json_object_set_new(schemas, "Problem",
			    members_schema("type:string title:string status:integer detail:string instance:string?"));
	add_messages(paths, schemas);
	add_commands(paths);
	add_modules(paths, schemas);
	add(paths, WEB_API "views", "get", "views", "pages of plugins",
	    answer("the pages", "application/json", array_of(members_schema("id:string title:string url:string"))));
	operation = add_action(paths, WEB_API "settings/{id}", "put", "settings", "give a setting a value");
	add_parameter(operation, "query", "context", "string", FALSE, "the path of its context; / if left out");
	set_body(operation, members_schema("value:any? context:string?"), TRUE);
}

static json_t *security(const WebServer *server)
{
	const char *token = bp_instance_string(server->self, "token");
	json_t *ways = json_pack("[{s:[]},{s:[]}]", "bearer", "basic");

	if (!token || !*token)
		json_array_insert_new(ways, 0, json_object());
	return ways;
}

void web_serve_openapi(WebServer *server, BpHttpExchange *exchange)
{
	g_auto(GStrv) names = bp_registry_list("resource/");
	json_t *paths = json_object(), *schemas = json_object();
	json_t *info = json_pack("{s:s,s:s,s:s,s:{s:s,s:s}}", "title", "Backplane", "version", bp_kernel_version(),
				 "description", "The host: its channels, modules, plugins, sessions and settings.",
				 "license", "name", "MIT", "url", "https://opensource.org/license/mit");

	for (char **name = names; *name; name++) {
		g_autofree char *path = g_strconcat("resource/", *name, NULL);

		add_resource(paths, schemas, bp_registry_find(path));
	}
	add_own(paths, schemas);
	bp_http_respond_json(exchange, 200,
			     json_pack("{s:s,s:o,s:[{s:s}],s:o,s:o,s:{s:o,s:{s:{s:s,s:s},s:{s:s,s:s}}}}", "openapi",
				       "3.0.3", "info", info, "servers", "url", "../..", "security", security(server),
				       "paths", paths, "components", "schemas", schemas, "securitySchemes", "bearer",
				       "type", "http", "scheme", "bearer", "basic", "type", "http", "scheme", "basic"));
}
