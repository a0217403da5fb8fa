/* SPDX-License-Identifier: MIT */
/* commands.c - the commands that every host has beside the kernel's own: what there is, and what is done with it.
 *
 *	channel watch uart*		what is said there is shown to this session
 *	module open TelnetServer lab port=2323
 *	set default_telnet_port 2323
 *	status
 */
#include "commands.h"

static gboolean load(BpPlugin *self, GError **error)
{
	const BpCommand *const tables[] = { help_commands,   plugin_commands,  module_commands, context_commands,
					    script_commands, session_commands, status_commands };

	for (guint i = 0; i < G_N_ELEMENTS(tables); i++)
		if (!bp_command_add(self, tables[i], error))
			return FALSE;
	return alias_load(self, error) && channel_load(self, error);
}

BP_PLUGIN(.name = "commands", .version = "1.0", .load = load,
	  .summary = "The commands for channels, modules, settings, sessions and scripts");
