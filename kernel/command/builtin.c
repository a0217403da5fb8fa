/* SPDX-License-Identifier: MIT */
/* builtin.c - the tables of built-in commands, one a topic. */
#include "command/builtin.h"

const BpCommand *const console_tables[] = { plugin_commands, program_commands, NULL };
