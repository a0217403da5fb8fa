/* SPDX-License-Identifier: MIT */
/* lua-resource.c - the resource scripts, and the view Scripts of the page. */
#include <backplane/host.h>
#include <backplane/registry.h>
#include <backplane/resource.h>
#include "lua-main.h"

/* Made of scripts.js by the build. */
extern const char lua_scripts_script[];
extern const gsize lua_scripts_script_size;

static json_t *script_json(Script *script)
{
	const char *name = bp_plugin_name(script->self);
	g_autofree char *error = script_error(script);
	g_autofree char *channel = g_strconcat("script-", name, NULL);

	return json_pack("{s:s,s:o,s:s,s:I,s:I,s:f,s:i,s:o,s:s}", "id", name, "file",
			 bp_json_string(bp_instance_string(script->self, "file"), -1), "state", script_state(script),
			 "memory", (json_int_t)__atomic_load_n(&script->memory, __ATOMIC_RELAXED), "memory_limit",
			 (json_int_t)bp_instance_int(script->self, "memory"), "cpu", bp_plugin_cpu(script->self),
			 "waits", g_atomic_int_get(&script->keeps), "error", bp_json_string(error, -1), "channel",
			 channel);
}

static json_t *list_scripts(BpPlugin *self, const char *query, GError **error)
{
	g_autoptr(GPtrArray) list = bp_instance_list("Script");
	json_t *array = json_array();

	for (guint i = 0; i < list->len; i++) {
		Script *script = bp_instance_data(list->pdata[i]);

		if (!query || !*query || g_pattern_match_simple(query, bp_plugin_name(script->self)))
			json_array_append_new(array, script_json(script));
	}
	return array;
}

static json_t *run_stop(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	Script *script = script_named(id, error);

	if (!script)
		return NULL;
	script_stop(script, FALSE);
	return json_null();
}

static json_t *run_restart(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	Script *script = script_named(id, error);

	return script && script_restart(script, error) ? json_null() : NULL;
}

static const BpAction actions[] = {
	{ "restart", .help = "ends the script and starts it again", .role = BP_OPERATOR, .run = run_restart },
	{ "stop", .help = "ends the script", .role = BP_OPERATOR, .run = run_stop },
	{ NULL },
};

static const BpResource scripts = {
	.size = sizeof(scripts),
	.name = "scripts",
	.help = "scripts in Lua, their state and what they use",
	.role = BP_OBSERVER,
	.list = list_scripts,
	.actions = actions,
};

gboolean script_resources_add(BpPlugin *self, GError **error)
{
	static BpView view = { .size = sizeof(view), .name = "scripts", .title = "Scripts" };

	view.script = lua_scripts_script;
	view.script_size = lua_scripts_script_size;
	return bp_registry_add(self, "resource/scripts", &scripts, error) &&
	       bp_registry_add(self, "view/scripts", &view, error);
}
