/* SPDX-License-Identifier: MIT */
/* plugin.h - the life of a plugin, for the rest of the kernel. */
#pragma once
#include <backplane/host.h>
#include "bus/owner.h"

/* The bytes of a file as they were checked, and where they are mapped; plugin-image.c. */
typedef struct {
	guint users;
	char *path;		  /* of the file */
	int copy;		  /* a descriptor of the private copy */
	guint64 size;		  /* of the copy */
	char *file;		  /* that it had in a folder; NULL: it is in memory */
	void *handle;		  /* of dlopen; NULL: not mapped */
	const BpPluginInfo *info; /* in the mapped file */
	gpointer before;	  /* of leftover_before, for leftover_find */
} PluginImage;

/* The file is checked, copied and mapped; nothing of it has been called but its constructors. */
PluginImage *plugin_image_open(const char *path, GError **error);
/* The same bytes, mapped once more. */
PluginImage *plugin_image_again(const PluginImage *image, GError **error);
/* For the last of its users. FALSE: its code could not be unmapped. */
gboolean plugin_image_free(PluginImage *image, gboolean unmap);

typedef struct PluginFile {
	const BpPluginInfo *info; /* NULL for the kernel */
	BpPluginInfo known;	  /* what `info` points to: with tables of our row sizes */
	gpointer tables[3];	  /* those that are copies, for this */
	PluginImage *image;	  /* NULL for one that is linked in */
	gboolean unloading;	  /* asked for; it waits for its code and calls to return */
	gboolean forced;	  /* ... for its code only */
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
BpPlugin *plugin_new(const char *name, const BpPluginInfo *info, PluginImage *take_image);
/* Starts what has been mapped. */
BpPlugin *plugin_start_image(PluginImage *take_image, GError **error);
/* Whether a file can take the place of the plugin: by its name and ABI, and since all of `plans` can be opened again. */
gboolean plugin_image_fits(const PluginImage *image, const char *name, GPtrArray *plans, GError **error);
void plugin_remove(BpPlugin *plugin); /* from the list of those that are loaded */
/* After all owned objects were dropped. Returns a description of remaining references, yours: then its code stays mapped. NULL: none. */
char *plugin_unmap(BpPlugin *plugin);
void plugin_free(BpPlugin *plugin);
/* Before a file is mapped; after, and again after `load`; before it is unmapped. */
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
