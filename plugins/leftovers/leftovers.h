/* SPDX-License-Identifier: MIT */
/* leftovers.h - what the files of this plugin share. */
#pragma once
#include <backplane/backplane.h>
#include <backplane/file.h>
#include <backplane/leftovers.h>
#include <signal.h>

/* Memory of a plugin: its own and that of libraries that came with it and will go with it. */
typedef struct {
	guintptr start, end;
} LeftRange;

typedef struct {
	GArray *ranges; /* of LeftRange */
} LeftMapping;

/* Bases of all objects that are mapped; free the array. */
GArray *left_objects(void);
/* Of those of them that are still mapped and can be unmapped. */
void left_mapping_open(LeftMapping *mapping, const guintptr *bases, gsize count);
void left_mapping_close(LeftMapping *mapping);
gboolean left_is_in(const LeftMapping *mapping, gconstpointer address);
/* /proc/self/maps. Yours. */
char *left_maps(void);
/* Gives how many words it could copy. Whatever is there may be read: other threads use it, a sanitizer guards it. */
gsize left_copy(gpointer to, guintptr from, gsize words);
/* Aligned words from `words` on; NULL: none of them points into it. */
gconstpointer left_find_word(const LeftMapping *mapping, const guintptr *words, gsize count);
/* "on_timeout", or "hostile.so+0x1149". */
void left_append_name(GString *text, gconstpointer address);
/* It asks for a function by that name. */
gboolean left_imports(const guintptr base, const char *name);

/* Each appends what it has found, a phrase a thing. */
void left_add(GPtrArray *found, const char *format, ...) G_GNUC_PRINTF(2, 3);
void left_find_sources(const LeftMapping *mapping, guint from, guint to, GPtrArray *found);
void left_find_names(const LeftMapping *mapping, GPtrArray *found);
void left_find_calls(const LeftMapping *mapping, GPtrArray *found);
/* `since`: in clock ticks since the system started. */
void left_find_threads(const LeftMapping *mapping, guint64 since, GPtrArray *found);
guint64 left_ticks(void);
/* Gives freed memory back from now on. */
void left_watch_memory(BpPlugin *self);
/* Of BpPluginCheck. */
const char *left_damage(BpPlugin *self, int file, gconstpointer info, int copy);
