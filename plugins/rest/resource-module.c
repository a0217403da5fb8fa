/* SPDX-License-Identifier: MIT */
/* resource-module.c - resources modules, instances, plugins. */
#include <string.h>
#include "resources.h"

static json_t *list_modules(BpPlugin *self, const char *query, GError **error)
{
	g_autoptr(GPtrArray) modules = bp_module_list();
	json_t *list = json_array();

	for (guint i = 0; i < modules->len; i++) {
		const BpModule *module = modules->pdata[i];
		g_autofree char *path = g_strconcat("module/", module->name, NULL);
		BpPlugin *owner = bp_registry_owner(path);

		if (!resource_matches(query, module->name))
			continue;
		json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:o}", "id", module->name, "plugin",
						      owner ? bp_plugin_name(owner) : "", "help",
						      module->help ? module->help : "", "params",
						      module->params ? bp_param_json(module->params) : json_array()));
	}
	return list;
}

const BpResource modules_resource = {
	.size = sizeof(modules_resource),
	.name = "modules",
	.help = "classes that can be opened, with their parameters",
	.members = "id:string plugin:string help:string params:array",
	.list = list_modules,
};

/* --- instances --- */

static json_t *metrics_json(BpPlugin *owner)
{
	g_autoptr(GPtrArray) metrics = bp_metric_list(owner);
	json_t *object = json_object();

	for (guint i = 0; i < metrics->len; i++)
		json_object_set_new(object, bp_metric_name(metrics->pdata[i]),
				    json_real(bp_metric_value(metrics->pdata[i])));
	return object;
}

static json_t *instance_json(BpInstance *instance)
{
	g_autofree char *text = bp_instance_describe(instance);

	BpInstanceState state;

	state = bp_instance_state(instance);
	return json_pack("{s:o,s:s,s:s,s:s,s:f,s:o,s:o,s:s,s:o,s:f,s:o}", "id",
			 bp_json_string(bp_plugin_name(instance), -1), "class", bp_instance_module(instance)->name,
			 "plugin", bp_plugin_name(bp_plugin_of(instance)), "context", bp_instance_path(instance),
			 "since", (double)bp_instance_since(instance) / 1e6, "values",
			 bp_values_json(bp_instance_values(instance)), "description", bp_json_string(text, -1), "state",
			 bp_state_text(state.state), "reason", bp_json_string(state.reason, -1), "state_age",
			 (double)(g_get_monotonic_time() - state.since) / 1e6, "metrics", metrics_json(instance));
}

static json_t *list_instances(BpPlugin *self, const char *query, GError **error)
{
	g_autoptr(GPtrArray) instances = bp_instance_list(NULL);
	json_t *list = json_array();

	for (guint i = 0; i < instances->len; i++)
		if (resource_matches(query, bp_plugin_name(instances->pdata[i])))
			json_array_append_new(list, instance_json(instances->pdata[i]));
	return list;
}

static BpInstance *find_instance(const char *id, GError **error)
{
	BpInstance *instance = bp_instance_find(id);

	if (!instance)
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "no instance is called %s", id);
	return instance;
}

static json_t *get_instance(BpPlugin *self, const char *id, GError **error)
{
	BpInstance *instance = find_instance(id, error);

	return instance ? instance_json(instance) : NULL;
}

static json_t *close_instance(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	BpInstance *instance = find_instance(id, error);

	if (!instance)
		return NULL;
	bp_instance_close(instance, NULL);
	return json_null();
}

static const BpAction instance_actions[] = {
	{ "close", .help = "close it", .role = BP_OPERATOR, .run = close_instance },
	{ NULL },
};

const BpResource instances_resource = {
	.size = sizeof(instances_resource),
	.name = "instances",
	.help = "modules that are open",
	.members =
		"id:string class:string plugin:string context:string since:number values:object description:string state:string "
		"reason:string state_age:number metrics:object",
	.list = list_instances,
	.get = get_instance,
	.actions = instance_actions,
};

/* --- problems: the instances that are not ok --- */

static json_t *list_problems(BpPlugin *self, const char *query, GError **error)
{
	g_autoptr(GPtrArray) instances = bp_instance_list(NULL);
	json_t *list = json_array();

	for (guint i = 0; i < instances->len; i++) {
		BpInstanceState state;

		state = bp_instance_state(instances->pdata[i]);
		if (state.state != BP_STATE_OK && resource_matches(query, bp_plugin_name(instances->pdata[i])))
			json_array_append_new(list, instance_json(instances->pdata[i]));
	}
	return list;
}

const BpResource problems_resource = {
	.size = sizeof(problems_resource),
	.name = "problems",
	.help = "modules that wait or have failed, and why",
	.members =
		"id:string class:string plugin:string context:string since:number values:object description:string state:string "
		"reason:string state_age:number metrics:object",
	.list = list_problems,
	.channel = "problems",
};

/* --- plugins --- */

static json_t *names_of(const char *const *names, guint count)
{
	json_t *list = json_array();

	for (guint i = 0; i < count; i++)
		json_array_append_new(list, json_string(names[i]));
	return list;
}

#define NAMES(Type, table) \
	({ \
		g_autoptr(GPtrArray) names_ = g_ptr_array_new(); \
		for (const Type *at_ = (table); at_ && at_->name; at_++) \
			g_ptr_array_add(names_, (gpointer)at_->name); \
		names_of((const char *const *)names_->pdata, names_->len); \
	})

static json_t *plugin_json(BpPlugin *plugin)
{
	const BpPluginInfo *info = bp_plugin_info_of(plugin);

	return json_pack("{s:s,s:s,s:s,s:s,s:f,s:o,s:o,s:o,s:o}", "id", info->name, "version",
			 info->version ? info->version : "", "summary", info->summary ? info->summary : "", "state",
			 bp_plugin_is_unloading(plugin) ? "unloading" : "loaded", "cpu", bp_plugin_cpu(plugin), "file",
			 bp_json_string(bp_plugin_file(plugin), -1), "commands", NAMES(BpCommand, info->commands),
			 "modules", NAMES(BpModule, info->modules), "handlers", NAMES(BpHandler, info->handlers));
}

static json_t *list_plugins(BpPlugin *self, const char *query, GError **error)
{
	g_autoptr(GPtrArray) plugins = bp_plugin_list();
	json_t *list = json_array();

	for (guint i = 0; i < plugins->len; i++)
		if (resource_matches(query, bp_plugin_name(plugins->pdata[i])))
			json_array_append_new(list, plugin_json(plugins->pdata[i]));
	return list;
}

static json_t *load_plugin(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	BpPlugin *plugin = bp_plugin_load(bp_values_string(values, "file"), error);

	return plugin ? plugin_json(plugin) : NULL;
}

static BpPlugin *find_plugin(const char *id, GError **error)
{
	BpPlugin *plugin = bp_plugin_find(id);

	if (!plugin)
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "no plugin %s is loaded", id);
	return plugin;
}

static void on_unloaded(const char *name, gpointer data)
{
	bp_reply_done(data, json_pack("{s:s,s:s}", "id", name, "state", "unloaded"), NULL);
}

static void unload_plugin(BpPlugin *self, const char *id, const BpValues *values, BpReply *reply)
{
	g_autoptr(GError) error = NULL;
	BpPlugin *plugin = find_plugin(id, &error);

	if (plugin)
		bp_plugin_unload(plugin, on_unloaded, reply);
	else
		bp_reply_done(reply, NULL, g_steal_pointer(&error));
}

typedef struct {
	char *name;
	BpReply *reply;
} ReloadRequest;

static void on_reloaded(const GError *error, gpointer data)
{
	g_autofree ReloadRequest *reloading = data;
	g_autofree char *name = reloading->name;
	BpPlugin *plugin = bp_plugin_find(name);

	bp_reply_done(reloading->reply, !error && plugin ? plugin_json(plugin) : NULL,
		      error ? g_error_copy(error) : NULL);
}

static void reload_plugin(BpPlugin *self, const char *id, const BpValues *values, BpReply *reply)
{
	g_autoptr(GError) error = NULL;
	BpPlugin *plugin = find_plugin(id, &error);
	ReloadRequest *reloading;

	if (!plugin) {
		bp_reply_done(reply, NULL, g_steal_pointer(&error));
		return;
	}
	reloading = g_new(ReloadRequest, 1);
	*reloading = (ReloadRequest){ g_strdup(id), reply };
	bp_plugin_reload(plugin, on_reloaded, reloading);
}

static const BpParam load_params[] = {
	{ "file", .required = TRUE, .help = "a .so, or the name of one in the plugin path" },
	{ NULL },
};

static const BpAction plugin_actions[] = {
	{ "load", .help = "load a plugin", .params = load_params, .role = BP_ADMIN, .on_all = TRUE,
	  .run = load_plugin },
	{ "unload", .help = "close what is a plugin's, and unload it", .role = BP_ADMIN, .begin = unload_plugin },
	{ "reload", .help = "load its file anew and reopen its instances", .role = BP_ADMIN, .begin = reload_plugin },
	{ NULL },
};

const BpResource plugins_resource = {
	.size = sizeof(plugins_resource),
	.name = "plugins",
	.help = "what is loaded, and what each brings",
	.members =
		"id:string version:string summary:string state:string cpu:number file:any commands:array modules:array handlers:array",
	.list = list_plugins,
	.actions = plugin_actions,
};
