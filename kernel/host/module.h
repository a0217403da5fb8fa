/* SPDX-License-Identifier: MIT */
/* module.h - instances, for the rest of the kernel. */
#pragma once
#include <backplane/module.h>
#include <backplane/plugin.h>
#include "bus/owner.h"

typedef struct Instance {
	const BpModule *module;
	char *path; /* of its context */
	BpValues *values;
	gpointer memory;
	char *reason;	  /* why it closes */
	gboolean opened;  /* open has succeeded */
	gboolean closing; /* asked for */
	gint64 since;	  /* wall clock */
	guint number;
} Instance;

/* Enough to open it again after its plugin's memory has gone. */
typedef struct {
	char *module, *name, *path;
	char **pairs; /* "key=value", secrets too */
} InstancePlan;

gboolean module_add_tables(BpPlugin *plugin, const BpPluginInfo *info, GError **error);
void module_close_all(BpPlugin *plugin, const char *why);
/* Every instance of every plugin, newest first. */
void module_close_everything(const char *why);
void module_cancel_all(BpPlugin *plugin);
GPtrArray *module_plan(BpPlugin *plugin); /* of InstancePlan, freed with the array; NULL: of every plugin */
InstancePlan *module_plan_one(BpInstance *instance);
void module_plan_free(InstancePlan *plan);
/* Opens what it can; the first failure is given. */
gboolean module_reopen(GPtrArray *plans, GError **error);
