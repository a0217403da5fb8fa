/* SPDX-License-Identifier: MIT */
/* commands.c - the commands that every host has: what there is, and what is done with it. */
#include "commands.h"

static const char manual[] =
	"What is there, and what is done with it: channels, modules, plugins, settings, aliases, scripts, sessions.\n"
	"help lists the commands, help NAME tells about one.\n"
	"\n"
	"  channel watch uart*                     what is said there is shown to this session\n"
	"  module open TelnetServer lab port=2323  a server named lab\n"
	"  set default_telnet_port 2323            a setting, kept from now on\n"
	"  status                                  is everything all right?\n";

static gboolean load(BpPlugin *self, GError **error)
{
	const BpCommand *const tables[] = { help_commands,   plugin_commands,  module_commands, context_commands,
					    script_commands, session_commands, status_commands, leave_commands };

	for (guint i = 0; i < G_N_ELEMENTS(tables); i++)
		if (!bp_command_add(self, tables[i], error))
			return FALSE;
	return alias_load(self, error) && channel_load(self, error) && leave_load(self, error) &&
	       table_load(self, error);
}

BP_PLUGIN(.name = "commands", .version = "1.0", .manual = manual, .load = load,
	  .summary = "The commands for channels, modules, settings, sessions and scripts");
