/* SPDX-License-Identifier: MIT */
/* builtin.c - plugin load, unload, reload; flush: the commands of the kernel itself. */
#include "command/command.h"
#include "command/session.h"
#include "host/plugin.h"
#include "host/settings.h"

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

#define UNLOAD_PATIENCE G_USEC_PER_SEC

static void on_still_there(BpPlugin *self, gpointer data)
{
	const char *name = bp_call_string(data, "name");
	BpPlugin *plugin = bp_plugin_find(name);
	g_autofree char *holds = plugin ? bp_owner_holds_text(plugin) : NULL;

	if (holds)
		bp_call_styled(data, BP_WARN, "%s is held by %s; plugin unload --force %s does not wait for that", name,
			       holds, name);
}

/* The session may have ended before the plugin; the call remains valid. */
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
	BpPlugin *plugin = bp_plugin_named(bp_call_string(call, "name"), error);
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
	BpPlugin *plugin = bp_plugin_named(bp_call_string(call, "name"), error);

	if (!plugin)
		return FALSE;
	bp_call_hold(call, NULL, NULL);
	bp_timer_add(bp_call_scope(call), NULL, UNLOAD_PATIENCE, 1, on_still_there, call, NULL);
	bp_plugin_reload(plugin, on_reloaded, call);
	return TRUE;
}

static void on_saved(const GError *error, gpointer data)
{
	BpCall *call = data;

	if (!error)
		bp_call_print(call, "Persistent settings force saved.");
	bp_call_done(call, error ? g_error_copy(error) : NULL);
}

static gboolean run_flush(BpPlugin *self, BpCall *call, GError **error)
{
	bp_call_hold(call, NULL, NULL);
	settings_save(on_saved, call);
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

const BpCommand builtin_commands[] = {
	{ "plugin load", .help = "load a plugin while everything runs", .params = load_params, .run = run_load,
	  .role = BP_ADMIN },
	{ "plugin unload", .help = "close what is a plugin's, and unload it", .params = unload_params,
	  .run = run_unload, .role = BP_ADMIN },
	{ "plugin reload", .help = "load its file anew and reopen its instances", .params = name_params,
	  .run = run_reload, .role = BP_ADMIN },
	{ "flush", .help = "save the settings now", .run = run_flush, .role = BP_OPERATOR, .group = "settings" },
	{ NULL },
};
