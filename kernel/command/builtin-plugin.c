/* SPDX-License-Identifier: MIT */
/* builtin-plugin.c - plugin list, load, unload, reload, info, path. */
#include <string.h>
#include "command/builtin.h"
#include "host/plugin.h"

static guint count_rows(const BpPluginInfo *info)
{
	guint count = 0;

	for (const BpCommand *command = info->commands; command && command->name; command++)
		count++;
	return count;
}

static guint count_modules(const BpPluginInfo *info)
{
	guint count = 0;

	for (const BpModule *module = info->modules; module && module->name; module++)
		count++;
	return count;
}

static gboolean run_list(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) list = bp_plugin_list();
	BpTable *table = bp_table_new("Plugin", "Version", "State", ">CPU", ">Commands", ">Modules", "Summary", NULL);

	for (guint i = 0; i < list->len; i++) {
		BpPlugin *plugin = list->pdata[i];
		const BpPluginInfo *info = plugin->file->info;

		bp_table_row(table, "%s\t%s\t%s\t%.2f s\t%u\t%u\t%s", info->name, info->version ? info->version : "",
			     plugin->file->unloading ? "unloading" : "loaded", bp_plugin_cpu(plugin), count_rows(info),
			     count_modules(info), info->summary ? info->summary : "");
		bp_table_style(table, 2, plugin->file->unloading ? BP_WARN : BP_GOOD);
	}
	bp_call_table(call, table);
	if (!list->len)
		bp_call_styled(call, BP_DIM, "none is loaded; plugin load FILE loads one");
	return TRUE;
}

static gboolean run_load(BpPlugin *self, BpCall *call, GError **error)
{
	for (const char *const *file = bp_call_list(call, "file"); *file; file++) {
		BpPlugin *plugin = bp_plugin_load(*file, error);

		if (!plugin)
			return FALSE;
		bp_call_printf(call, "Loaded %s %s.", plugin->name,
			       plugin->file->info->version ? plugin->file->info->version : "");
	}
	return TRUE;
}

static BpPlugin *find_plugin(const char *name, GError **error)
{
	BpPlugin *plugin = bp_plugin_find(name);
	g_autoptr(GPtrArray) list = NULL;
	g_autoptr(GPtrArray) names = NULL;
	const char *nearest;

	if (plugin)
		return plugin;
	list = bp_plugin_list();
	names = g_ptr_array_new();
	for (guint i = 0; i < list->len; i++)
		g_ptr_array_add(names, ((BpPlugin *)list->pdata[i])->name);
	g_ptr_array_add(names, NULL);
	nearest = bp_nearest(name, (const char *const *)names->pdata);
	g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_FOUND,
		    "no plugin %s is loaded%s%s; plugin list shows those that are", name,
		    nearest ? "; did you mean " : "", nearest ? nearest : "");
	return NULL;
}

#define UNLOAD_PATIENCE G_USEC_PER_SEC

static void on_still_there(BpPlugin *self, gpointer data)
{
	const char *name = bp_call_string(data, "name");
	BpPlugin *plugin = bp_plugin_find(name);
	g_autofree char *holds = plugin ? owner_holds_text(plugin) : NULL;

	if (holds)
		bp_call_styled(data, BP_WARN, "%s is held by %s; plugin unload --force %s does not wait for that", name,
			       holds, name);
}

/* The session that asked may have gone before the plugin has; the call bears that. */
static void on_unloaded(const char *name, const char *left, gpointer data)
{
	BpCall *call = data;

	bp_call_printf(call, "Unloaded %s.", name);
	if (left)
		bp_call_styled(call, BP_WARN, "Its code stays in memory, because of %s.", left);
	bp_call_done(call, NULL);
}

static gboolean run_unload(BpPlugin *self, BpCall *call, GError **error)
{
	BpPlugin *plugin = find_plugin(bp_call_string(call, "name"), error);
	gboolean force = bp_call_bool(call, "force");

	if (!plugin)
		return FALSE;
	bp_call_hold(call, NULL, NULL);
	if (!force)
		bp_timer_add(bp_call_scope(call), NULL, UNLOAD_PATIENCE, 1, on_still_there, call, NULL);
	plugin_unload(plugin, force, on_unloaded, call);
	return TRUE;
}

static void on_reloaded(const GError *error, gpointer data)
{
	BpCall *call = data;

	BpPlugin *plugin = bp_plugin_find(bp_call_string(call, "name"));

	if (!error && plugin)
		bp_call_printf(call, "Reloaded %s %s, with its instances.", plugin->name,
			       plugin->file->info->version ? plugin->file->info->version : "");
	bp_call_done(call, error ? g_error_copy(error) : NULL);
}

static gboolean run_reload(BpPlugin *self, BpCall *call, GError **error)
{
	BpPlugin *plugin = find_plugin(bp_call_string(call, "name"), error);

	if (!plugin)
		return FALSE;
	bp_call_hold(call, NULL, NULL);
	bp_timer_add(bp_call_scope(call), NULL, UNLOAD_PATIENCE, 1, on_still_there, call, NULL);
	bp_plugin_reload(plugin, on_reloaded, call);
	return TRUE;
}

static gboolean run_info(BpPlugin *self, BpCall *call, GError **error)
{
	BpPlugin *plugin = find_plugin(bp_call_string(call, "name"), error);
	const BpPluginInfo *info = plugin ? plugin->file->info : NULL;
	g_autofree char *holds = plugin ? owner_holds_text(plugin) : NULL;

	if (!plugin)
		return FALSE;
	bp_call_styled(call, BP_STRONG, "%s %s: %s", info->name, info->version ? info->version : "",
		       info->summary ? info->summary : "");
	bp_call_printf(call, "  file      %s", plugin->file->path ? plugin->file->path : "(part of the program)");
	for (const BpCommand *command = info->commands; command && command->name; command++)
		bp_call_printf(call, "  command   %-22s %s", command->name, command->help);
	for (const BpModule *module = info->modules; module && module->name; module++)
		bp_call_printf(call, "  module    %-22s %s", module->name, module->help);
	for (const BpHandler *handler = info->handlers; handler && handler->name; handler++)
		bp_call_printf(call, "  handler   %-22s %s", handler->name, handler->help);
	bp_call_printf(call, "  owns      %u channels, %u watches, %u timers", owner_count(plugin, "channel"),
		       owner_count(plugin, "watch"), owner_count(plugin, "timer"));
	if (holds)
		bp_call_printf(call, "  held by   %s", holds);
	if (info->manual)
		bp_call_printf(call, "\n%s", info->manual);
	return TRUE;
}

static gboolean run_path(BpPlugin *self, BpCall *call, GError **error)
{
	const char *const *folders = bp_plugin_path();

	for (; folders && *folders; folders++)
		bp_call_print(call, *folders);
	return TRUE;
}

static const BpParam load_params[] = {
	{ "file", .kind = BP_ARGUMENT, .required = TRUE, .many = TRUE, .names = BP_A_FILE,
	  .help = "a .so, or the name of one in the plugin path" },
	{ NULL },
};

static const BpParam name_params[] = {
	{ "name", .kind = BP_ARGUMENT, .required = TRUE, .names = BP_A_PLUGIN, .help = "as plugin list shows it" },
	{ NULL },
};

static const BpParam unload_params[] = {
	{ "name", .kind = BP_ARGUMENT, .required = TRUE, .names = BP_A_PLUGIN, .help = "as plugin list shows it" },
	{ "force", 'f', BP_BOOL,
	  .help = "do not wait for calls and jobs of it that do not end; its code stays in memory" },
	{ NULL },
};

const BpCommand plugin_commands[] = {
	{ "plugin", .help = "list the plugins", .run = run_list, .group = "plugin" },
	{ "plugin list", .help = "list the plugins that are loaded", .run = run_list },
	{ "plugin load", .help = "load a plugin while everything runs", .params = load_params, .run = run_load,
	  .role = BP_ADMIN },
	{ "plugin unload", .help = "close what is a plugin's, and unload it", .params = unload_params,
	  .run = run_unload, .role = BP_ADMIN },
	{ "plugin reload", .help = "load its file anew and reopen its instances", .params = name_params,
	  .run = run_reload, .role = BP_ADMIN },
	{ "plugin info", .help = "what a plugin brings", .params = name_params, .run = run_info },
	{ "plugin path", .help = "where plugins are looked for", .run = run_path },
	{ NULL },
};
