/* SPDX-License-Identifier: MIT */
/* leftovers.h - finds references to the code of a plugin that is being unloaded.
 *
 * What a plugin makes through its handle is removed with the handle. What it makes without the handle (a source on GLib's context, a
 * thread, a GIO call without a hold, a GType, a signal handler) remains, and its next call would jump into unmapped memory. So before
 * the kernel unmaps a plugin, it asks the object "host/leftovers" of the registry, which plugin leftovers registers, and keeps the
 * file mapped if references remain.
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

typedef struct {
	/* Records the state before a file is loaded, in one block of memory that the kernel frees with g_free. `source`: the last source
	 * id of the default context. */
	gpointer (*before)(BpPlugin *self, guint source);
	/* Called when the file is mapped, and again when its `load` has returned. `name`: the file, then the plugin. Returns the block,
	 * possibly reallocated. */
	gpointer (*loaded)(BpPlugin *self, gpointer take_before, const char *name);
	/* The file is about to be unmapped. Removes sources and signal handlers that would call it. Returns a description of all
	 * references found, yours: the file then stays mapped. NULL: none. */
	char *(*find)(BpPlugin *self, gpointer before, guint source);
} BpLeftovers;

/* Whether the file of a plugin is whole, before it is mapped: the object "host/damage" of the registry. */
typedef struct {
	gsize size;
	/* `file`: a descriptor of the file, which had the state `info` (struct stat) when it was opened; `copy`: one of the copy that will be
	 * mapped. Returns why it cannot be loaded, constant; NULL: it can. */
	const char *(*damage)(BpPlugin *self, int file, gconstpointer info, int copy);
} BpPluginCheck;

G_END_DECLS
