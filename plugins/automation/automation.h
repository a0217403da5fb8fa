/* SPDX-License-Identifier: MIT */
/* automation.h - the files of this plugin to each other. */
#pragma once
#include <backplane/backplane.h>
#include <backplane/host.h>
#include <backplane/json.h>
#include <backplane/resource.h>

extern const BpCommand timer_commands[], loop_commands[], batch_commands[], keep_commands[];
/* Adds a command to the batch; takes out all of that origin (FALSE: there was none). */
gboolean batch_keep(const char *origin, const char *command, GError **error);
gboolean batch_forget(const char *origin);
void batch_run_all(BpPlugin *self);

/* --- rule.c --- */
extern const BpCommand rule_commands[];
extern const BpModule rule_modules[];
extern const BpResource rules_resource;
/* Those that are kept. */
void rules_open(BpPlugin *self);
