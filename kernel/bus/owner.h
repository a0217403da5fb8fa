/* SPDX-License-Identifier: MIT */
/* owner.h - everything owned is undone: the one list behind every registering call.
 *
 * Whatever is made through a BpPlugin embeds a BpOwned. Removing it by hand and removing it when its owner
 * goes are the same function: `drop`, which unlinks with owner_unlink and frees. Dropped newest first.
 */
#pragma once
#include <backplane/owner.h>
#include <backplane/plugin.h>
#include "bus/frame.h"
#include "bus/port.h"

/* Why an owner may not go yet. */
typedef struct OwnerHold OwnerHold;
struct OwnerHold {
	OwnerHold *prev, *next;
	BpPlugin *owner;
	const char *kind; /* "job", "loop", "call" */
	char *what;	  /* its name; may be NULL */
	gint64 since;	  /* monotonic */
};

/* What may be on other loops than the main one. */
typedef enum { ELSEWHERE_NOTHING, ELSEWHERE_ITEMS, ELSEWHERE_CODE } OwnerElsewhere;

struct BpPlugin {
	BpOwned ring;		 /* head; the newest is ring.prev */
	BpOwned notified;	 /* head: what the owner is notified of when it ends; dropped first */
	BpPlugin *before, *next; /* in the list of all owners */
	BpPlugin *parent;	 /* of an instance: its plugin; of a scope: what it is within */
	char *name;
	guint depth;	 /* frames of its code on the main loop's stack */
	gint holds;	 /* atomic: what it waits for before it goes, and what is within it */
	gint dying;	 /* atomic: nothing of it is called any more; of a scope 2: all that it owns is being dropped */
	guint8 is_scope; /* it has no life of its own (see scope.h): 1 at a place of a thing, 2 made with bp_scope_open */
	guint64 cpu;	 /* atomic: nanoseconds of processor time that its code took, its instances' too */
	guint within;	 /* of a scope: scopes that are within it */
	OwnerElsewhere elsewhere; /* not of a scope, which is part of an instance */
	gpointer data;
	BpCancel cancel;	   /* empty until somebody has given one */
	struct PluginFile *file;   /* host/plugin.c; NULL for an instance */
	struct Instance *instance; /* host/module.c; NULL for a plugin */
	/* Set while something waits for depth and holds to become 0; called then, from owner_leave or release. */
	void (*when_idle)(BpPlugin *self);
};

/* The lists are touched by the owner's loops only under one lock that is never held while calling out. */
void owner_init(BpPlugin *owner, BpPlugin *parent, const char *name);
void owner_init_scope(BpPlugin *owner, BpPlugin *parent); /* whose name and instance it shares */
void owner_clear(BpPlugin *owner);
/* For what is given to another loop from any thread: it will be dropped there. FALSE when the owner is going. */
gboolean owner_link_there(BpPlugin *owner, BpOwned *owned, BusPort *port, const char *kind,
			  void (*drop)(BpOwned *owned));
/* Ends what the owner is notified of, newest first: after the `close` of an instance, say. */
void owner_end_notified(BpPlugin *owner);
/* The same, then drops all the others, newest first; gives how many. What is dropped may drop others. What is on another
 * loop that still runs stays; see loops_leave. */
guint owner_drop_all(BpPlugin *owner);
/* All of it on the running loop but `except`. */
void owner_drop_here(BpPlugin *owner, const BpOwned *except);
/* What it may have on other loops; from now on at most `left`, until it makes something there again. */
OwnerElsewhere owner_leave_elsewhere(BpPlugin *owner, OwnerElsewhere left);
/* Nothing of the owner is freed until this is undone. Any thread; undoing goes on from the main loop. */
OwnerHold *owner_hold(BpPlugin *owner, const char *kind, const char *what);
void owner_unhold(OwnerHold *hold);
/* "2 calls \"resolve\" (since 3.0 s), job \"scan\" of uart0 (since 1.2 s)"; NULL: it waits for nothing. */
void owner_cancel(BpPlugin *owner);
/* From now on nothing of it is called; what waits is cancelled. */
void owner_die(BpPlugin *owner);

static inline gboolean owner_is_dying(const BpPlugin *owner)
{
	for (; owner->is_scope; owner = owner->parent)
		if (__atomic_load_n(&owner->dying, __ATOMIC_RELAXED))
			return TRUE;
	return __atomic_load_n(&owner->dying, __ATOMIC_RELAXED);
}
static inline gboolean owner_is_within(const BpPlugin *owner, const BpPlugin *whole)
{
	while (owner != whole && owner->is_scope)
		owner = owner->parent;
	return owner == whole;
}

/* The instance or plugin that a scope is part of. */
static inline BpPlugin *owner_whole(BpPlugin *owner)
{
	while (owner->is_scope)
		owner = owner->parent;
	return owner;
}

/* Every other loop ends the turn it is in before a plugin goes, so only frames of the main loop are counted; a scope may go in its own
 * callback, so on its loop, whichever that is, it is. */
static inline void owner_arrive(BpPlugin *owner, gboolean on_main)
{
	for (; owner; owner = owner->parent)
		if (on_main || owner->is_scope)
			owner->depth++;
}

static inline void owner_depart(BpPlugin *owner, gboolean on_main)
{
	for (BpPlugin *parent; owner; owner = parent) {
		parent = owner->parent;
		if ((on_main || owner->is_scope) && !--owner->depth && owner->when_idle)
			owner->when_idle(owner);
	}
}

/* bp_owner_enter_as and so on, for the kernel's own calls. */
static inline void owner_enter_always_as(BpPlugin *owner, const char *kind, const char *detail)
{
	frame_push(owner_whole(owner), kind, detail);
	owner_arrive(owner, bus_on_main());
}

static inline gboolean owner_enter_as(BpPlugin *owner, const char *kind, const char *detail)
{
	if (owner_is_dying(owner))
		return FALSE;
	owner_enter_always_as(owner, kind, detail);
	return TRUE;
}

#define owner_enter(owner) owner_enter_as(owner, "callback", __func__)
#define owner_enter_always(owner) owner_enter_always_as(owner, "callback", __func__)

static inline void owner_leave(BpPlugin *owner)
{
	frame_pop();
	owner_depart(owner, bus_on_main());
}

void owner_add_cpu(BpPlugin *owner, guint64 nanoseconds); /* any thread */

/* The kernel's own plugin, for bp_kernel; set by start.c. */
extern BpPlugin *bus_kernel;

#define owner_link bp_owner_link
#define owner_link_notified bp_owner_link_notified
#define owner_unlink bp_owner_unlink
#define owner_count bp_owner_count
#define scope_obtain bp_scope_obtain
#define scope_stop bp_scope_stop
#define scope_trim bp_scope_trim
#define scope_clear bp_scope_clear
#define OWNED_BY BP_OWNED_BY
