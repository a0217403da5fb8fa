/* SPDX-License-Identifier: MIT */
/* owner.h - everything owned is undone: the one list behind every registering call.
 *
 * Whatever is made through a BpPlugin embeds a BpOwned. Removing it by hand and removing it when its owner
 * goes are the same function: `drop`, which unlinks with owner_unlink and frees. Dropped newest first.
 */
#pragma once
#include <backplane/owner.h>
#include <backplane/plugin.h>

struct BpPlugin {
	BpOwned ring;	  /* head; the newest is ring.prev */
	BpPlugin *parent; /* of an instance: its plugin */
	char *name;
	guint depth;	  /* frames of its code on the main loop's stack */
	gint holds;	  /* atomic: asynchronous calls that will still call back */
	gint dying;	  /* atomic: nothing of it is called any more */
	gpointer data;
	BpCancel cancel; /* empty until somebody has given one */
	struct PluginFile *file;   /* host/plugin.c; NULL for an instance */
	struct Instance *instance; /* host/module.c; NULL for a plugin */
	/* Set while something waits for depth and holds to become 0; called then, from owner_leave or release. */
	void (*when_idle)(BpPlugin *self);
};

/* The lists are touched by the owner's loops only under one lock that is never held while calling out. */
void owner_init(BpPlugin *owner, BpPlugin *parent, const char *name);
void owner_clear(BpPlugin *owner);
/* Drops all, newest first; gives how many. What is dropped may drop others. */
guint owner_drop_all(BpPlugin *owner);
void owner_cancel(BpPlugin *owner);

static inline gboolean owner_is_dying(BpPlugin *owner)
{
	return __atomic_load_n(&owner->dying, __ATOMIC_RELAXED);
}

/* The kernel's own plugin, for bp_kernel; set by start.c. */
extern BpPlugin *bus_kernel;

#define owner_link bp_owner_link
#define owner_unlink bp_owner_unlink
#define owner_count bp_owner_count
#define owner_enter bp_owner_enter
#define owner_leave bp_owner_leave
#define OWNED_BY BP_OWNED_BY
