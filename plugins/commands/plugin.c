/* SPDX-License-Identifier: MIT */
/* plugin.c - plugin list, info, path. */
#include <string.h>
#include <backplane/owner.h>
#include "commands.h"

static gboolean is_of(const BpCommand *command, const BpPlugin *plugin)
{
	return !strcmp(bp_command_plugin(command), bp_plugin_name(plugin));
}

/* Those of its descriptor, and those that were added since. */
static guint count_commands(const GPtrArray *commands, const BpPlugin *plugin)
{
	guint count = 0;

	for (guint i = 0; i < commands->len; i++)
		count += is_of(commands->pdata[i], plugin);
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
	g_autoptr(GPtrArray) list = bp_plugin_list(), commands = bp_command_list();
	BpTable *table = bp_table_new("Plugin", "Version", "State", ">CPU", ">Commands", ">Modules", "Summary", NULL);

	for (guint i = 0; i < list->len; i++) {
		BpPlugin *plugin = list->pdata[i];
		const BpPluginInfo *info = bp_plugin_info_of(plugin);

		bp_table_row(table, "%s\t%s\t%s\t%.2f s\t%u\t%u\t%s", info->name, info->version ? info->version : "",
			     bp_plugin_is_unloading(plugin) ? "unloading" : "loaded", bp_plugin_cpu(plugin),
			     count_commands(commands, plugin), count_modules(info), info->summary ? info->summary : "");
		bp_table_style(table, 2, bp_plugin_is_unloading(plugin) ? BP_WARN : BP_GOOD);
	}
	bp_call_table(call, table);
	if (!list->len)
		bp_call_styled(call, BP_DIM, "none is loaded; plugin load FILE loads one");
	return TRUE;
}

static gboolean run_info(BpPlugin *self, BpCall *call, GError **error)
{
	BpPlugin *plugin = bp_plugin_named(bp_call_string(call, "name"), error);
	const BpPluginInfo *info = plugin ? bp_plugin_info_of(plugin) : NULL;
	g_autofree char *holds = plugin ? bp_owner_holds_text(plugin) : NULL;
	g_autoptr(GPtrArray) commands = bp_command_list();

	if (!plugin)
		return FALSE;
	bp_call_styled(call, BP_STRONG, "%s %s: %s", info->name, info->version ? info->version : "",
		       info->summary ? info->summary : "");
	bp_call_printf(call, "  file      %s",
		       bp_plugin_file(plugin) ? bp_plugin_file(plugin) : "(part of the program)");
	if (info->needs && *info->needs)
		bp_call_printf(call, "  needs     %s", info->needs);
	for (guint i = 0; i < commands->len; i++) {
		const BpCommand *command = commands->pdata[i];

		if (is_of(command, plugin) && !command->hidden)
			bp_call_printf(call, "  command   %-22s %s", command->name, command->help);
	}
	for (const BpModule *module = info->modules; module && module->name; module++)
		bp_call_printf(call, "  module    %-22s %s", module->name, module->help);
	for (const BpHandler *handler = info->handlers; handler && handler->name; handler++)
		bp_call_printf(call, "  handler   %-22s %s", handler->name, handler->help);
	bp_call_printf(call, "  owns      %u channels, %u watches, %u timers", bp_owner_count(plugin, "channel"),
		       bp_owner_count(plugin, "watch"), bp_owner_count(plugin, "timer"));
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

static const BpParam name_params[] = {
	{ "name", .kind = BP_ARGUMENT, .required = TRUE, .names = BP_A_PLUGIN, .help = "as plugin list shows it" },
	{ NULL },
};

const BpCommand plugin_commands[] = {
	{ "plugin", .help = "list the plugins", .run = run_list, .group = "plugin" },
	{ "plugin list", .help = "list the plugins that are loaded", .run = run_list },
	{ "plugin info", .help = "what a plugin brings", .params = name_params, .run = run_info },
	{ "plugin path", .help = "where plugins are looked for", .run = run_path },
	{ NULL },
};
