/* SPDX-License-Identifier: MIT */
/* automation.h - the files of this plugin to each other. */
#pragma once
#include <backplane/backplane.h>
#include <backplane/host.h>

extern const BpCommand timer_commands[], loop_commands[], batch_commands[];
void batch_run_all(BpPlugin *self);
