/* SPDX-License-Identifier: MIT */
/* leftovers.h - what a plugin has left behind when it was unloaded: things that would call code of it once more.
 *
 * What is made through a handle goes with it. What is made past it (a source on GLib's context, a thread, a GIO call that
 * nobody holds the plugin for, a type, a handler of a signal) stays, and the next call of it would run into memory where no
 * code is any more. So the kernel asks the object "host/leftovers" of the registry, which plugin leftovers has, before it
 * unmaps a file, and leaves what is still in use mapped.
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

typedef struct {
	/* What there is before a file is loaded, in one block of memory that the kernel frees with g_free. `source`: the id that
	 * the default context gave last. */
	gpointer (*before)(BpPlugin *self, guint source);
	/* It is mapped, and its `load` has returned; gives the block, perhaps a larger one. */
	gpointer (*loaded)(BpPlugin *self, gpointer take_before, const char *name);
	/* It is to be unmapped. What calls it at no certain time (sources, handlers of signals) is removed; all that was found is
	 * given in words, yours: then it stays mapped. NULL: nothing. */
	char *(*find)(BpPlugin *self, gpointer before, guint source);
} BpLeftovers;

G_END_DECLS
