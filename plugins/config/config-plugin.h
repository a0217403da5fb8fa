/* SPDX-License-Identifier: MIT */
/* config-plugin.h - what the files of this plugin share. */
#pragma once
#include <backplane/command.h>

extern const BpCommand config_settings_commands[];
