/* SPDX-License-Identifier: MIT */
/* builtin.h - the built-in commands to each other. */
#pragma once
#include "command/command.h"
#include "command/console.h"

extern const BpCommand plugin_commands[], program_commands[];
