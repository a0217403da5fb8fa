/* SPDX-License-Identifier: MIT */
/* plugin.h - the life of a plugin, for the rest of the kernel. */
#pragma once
#include <backplane/host.h>
#include "bus/owner.h"

typedef struct PluginFile {
	const BpPluginInfo *info; /* NULL for the kernel */
	BpPluginInfo known;	  /* what `info` points to: with tables of our row sizes */
	gpointer tables[3];	  /* those that are copies, for this */
	void *handle;		  /* of dlopen; NULL for one that is linked in */
	char *path;		  /* NULL for one that is linked in */
	gboolean unloading;	  /* asked for; it waits for its code and calls to return */
	gboolean forced;	  /* ... for its code only */
	gpointer before;	  /* of leftover_before, for leftover_find */
	gboolean is_kept;	  /* its code stays mapped: it was unloaded by force, or references to it remain */
	GPtrArray *instances;	  /* ... and so does the memory of these */
	BpScope *patience;	  /* of the kernel: has the timer until it is forced */
	gboolean loaded;	  /* its load function has succeeded */
	GSList *done;		  /* who waits for its end */
	gboolean comes_back;	  /* ... and what was asked for last is a reload */
} PluginFile;

/* How the folder command registers the tables of a descriptor. */
typedef struct {
	gboolean (*add)(BpPlugin *plugin, const BpPluginInfo *info, GError **error);
	void (*dying)(BpPlugin *plugin); /* before it is marked so: sessions and calls of its code end */
} PluginTables;
extern const PluginTables *plugin_tables;
void plugin_use_tables(const PluginTables *tables);

/* The object at `path` and whose it is, both NULL if there is none; registry.c. */
gconstpointer registry_find(const char *path, BpPlugin **owner);
/* `table` with rows of our size; `*copy` is set, and to be freed, if it had to be copied. */
gconstpointer plugin_rows(gconstpointer table, gsize size, gsize known, gpointer *copy);
BpPlugin *plugin_new(const char *name, const BpPluginInfo *info, void *handle, const char *path);
void plugin_remove(BpPlugin *plugin); /* from the list of those that are loaded */
/* After all owned objects were dropped. Returns a description of remaining references, yours: then its code stays mapped. NULL: none. */
char *plugin_unmap(BpPlugin *plugin);
void plugin_free(BpPlugin *plugin);
/* Before a file is opened, after `load` has returned, before it is closed. */
gpointer leftover_before(void);
gpointer leftover_loaded(gpointer take_before, const char *name);
char *leftover_find(gpointer take_before);
/* `force`: waits at most one second for holds. `left`: remaining references, or NULL. */
typedef void (*PluginUnloaded)(const char *name, const char *left, gpointer data);
void plugin_unload(BpPlugin *plugin, gboolean force, PluginUnloaded done, gpointer data);
/* Plugins that were unloaded by force and still have calls that will return; NULL: none so far. */
const GPtrArray *plugin_abandoned(void);
#define UNLOAD_ALL_PATIENCE 3		  /* seconds; a whole stop has TURNS_PATIENCE */
gboolean plugin_may_load(GError **error); /* FALSE: all are being unloaded */
void plugin_unload_all(void); /* newest first; runs the loop until all are unloaded, at most UNLOAD_ALL_PATIENCE */
