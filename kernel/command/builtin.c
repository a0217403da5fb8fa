/* SPDX-License-Identifier: MIT */
/* builtin.c - the tables of built-in commands, one a topic. */
#include "command/builtin.h"

const BpCommand *const console_tables[] = {
	help_commands,	 channel_commands, module_commands,  plugin_commands,  context_commands,
	script_commands, alias_commands,   session_commands, program_commands, NULL,
};
