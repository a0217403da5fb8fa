/* SPDX-License-Identifier: MIT */
/* commands.c - the plugin commands as a table beside that of the plugin which a script's clients talk to. */
#define bp_plugin_info commands_plugin_info
#include "../../plugins/commands/commands.c"
