/* SPDX-License-Identifier: MIT */
/* owner.h - everything owned is undone: the one list behind every registering call.
 *
 * Whatever is made through a BpPlugin embeds a BpOwned. Removing it by hand and removing it when its owner
 * goes are the same function: `drop`, which unlinks with owner_unlink and frees. Dropped newest first.
 */
#pragma once
#include <gio/gio.h>
#include <backplane/types.h>

typedef struct BpOwned BpOwned;
struct BpOwned {
	BpOwned *prev, *next; /* ring, in the owner */
	BpPlugin *owner;
	void (*drop)(BpOwned *owned);
	const char *kind; /* "watch", "timer": for leak reports and `plugin info` */
};

struct BpPlugin {
	BpOwned ring;	  /* head; the newest is ring.prev */
	BpPlugin *parent; /* of an instance: its plugin */
	char *name;
	guint depth;	  /* frames of its code on the main loop's stack */
	gint holds;	  /* atomic: asynchronous calls that will still call back */
	gint dying;	  /* atomic: nothing of it is called any more */
	gpointer data;
	GCancellable *cancellable; /* made when asked for */
	struct PluginFile *file;   /* host/plugin.c; NULL for an instance */
	struct Instance *instance; /* host/module.c; NULL for a plugin */
	/* Set while something waits for depth and holds to become 0; called then, from owner_leave or release. */
	void (*when_idle)(BpPlugin *self);
};

/* The lists are touched by the owner's loops only under one lock that is never held while calling out. */
void owner_init(BpPlugin *owner, BpPlugin *parent, const char *name);
void owner_clear(BpPlugin *owner);
void owner_link(BpPlugin *owner, BpOwned *owned, const char *kind, void (*drop)(BpOwned *owned));
void owner_unlink(BpOwned *owned);
/* Drops all, newest first; gives how many. What is dropped may drop others. */
guint owner_drop_all(BpPlugin *owner);
guint owner_count(BpPlugin *owner, const char *kind); /* NULL: all */

/* Around every call of a plugin's code. enter is FALSE when it must not be called. */
static inline gboolean owner_is_dying(BpPlugin *owner)
{
	return __atomic_load_n(&owner->dying, __ATOMIC_RELAXED);
}
gboolean owner_enter(BpPlugin *owner);
void owner_leave(BpPlugin *owner);

#define OWNED_BY(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))
