/* SPDX-License-Identifier: MIT */
/* module.h - instances, for the rest of the kernel. */
#pragma once
#include <backplane/host.h>
#include "bus/owner.h"

typedef struct Instance {
	const BpModule *module;
	char *path; /* of its context */
	BpValues *values;
	gpointer memory;
	char *reason;	  /* why it closes */
	gboolean opened;  /* open has succeeded */
	gboolean closing; /* asked for */
	gint64 since;	  /* monotonic */
	guint number;
	BpState state;
	char *state_reason;
	gint64 state_since; /* monotonic */
} Instance;

gboolean module_add_tables(BpPlugin *plugin, const BpPluginInfo *info, GError **error);
/* Whether all of BpPlan can be opened with these rows: names and parameters. */
gboolean module_plans_fit(GPtrArray *plans, const BpModule *modules, GError **error);
void module_close_all(BpPlugin *plugin, const char *why);
/* Every instance of every plugin, newest first. */
void module_close_everything(const char *why);
void module_cancel_all(BpPlugin *plugin);
/* Closes those that cannot be waited for; their memory stays, until the array is freed. */
GPtrArray *module_abandon_all(BpPlugin *plugin);
void module_dispose(BpInstance *instance);
