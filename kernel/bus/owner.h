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

/* Delays the end of an owner. */
typedef struct OwnerHold OwnerHold;
struct OwnerHold {
	OwnerHold *prev, *next;
	BpPlugin *owner;
	BusPort *port;	  /* of the loop of a scope, which ends there; NULL: the main one */
	const char *kind; /* "job", "loop", "call" */
	char *what;	  /* its name; may be NULL */
	gint64 since;	  /* monotonic */
};

/* What an owner may have on loops other than the main one: nothing, objects, or running code. */
typedef enum { ELSEWHERE_NOTHING, ELSEWHERE_ITEMS, ELSEWHERE_CODE } OwnerElsewhere;

struct BpPlugin {
	BpOwned ring;		 /* head; the newest is ring.prev */
	BpOwned notified;	 /* head: what the owner is notified of when it ends; dropped first */
	BpPlugin *before, *next; /* in the list of all owners */
	BpPlugin *parent;	 /* of an instance: its plugin; of a scope: its owner */
	char *name;
	guint depth; /* frames of its code on the main loop's stack */
	gint holds;  /* atomic: holds that delay its end, its own and those of its instances and scopes */
	gint dying; /* atomic: its callbacks are not called any more; of a scope 2: all that it owns is being dropped */
	guint8 is_scope;	  /* see scope.h: 1 the scope of a library's object, 2 made with bp_scope_open */
	guint64 cpu;		  /* atomic: nanoseconds of processor time that its code took, its instances' too */
	guint within;		  /* of a scope: number of scopes that it owns */
	OwnerElsewhere elsewhere; /* not of a scope, which is part of an instance */
	gpointer data;
	BpCancel cancel;	   /* empty unless the plugin uses GIO */
	struct PluginFile *file;   /* host/plugin.c; NULL for an instance */
	struct Instance *instance; /* host/module.c; NULL for a plugin */
	/* Set while the end of the owner waits for depth and holds to become 0; then called by owner_leave or the last release. */
	void (*when_idle)(BpPlugin *self);
};

/* The lists are touched by the owner's loops only under one lock that is never held while calling out. */
void owner_init(BpPlugin *owner, BpPlugin *parent, const char *name);
void owner_init_scope(BpPlugin *owner, BpPlugin *parent); /* whose name and instance it shares */
void owner_clear(BpPlugin *owner);
/* From any thread, for an object that another loop gets and will drop. FALSE if the owner is ending. */
gboolean owner_link_there(BpPlugin *owner, BpOwned *owned, BusPort *port, const char *kind,
			  void (*drop)(BpOwned *owned));
/* Drops the objects whose end is notified, newest first; used after the `close` of an instance. */
void owner_end_notified(BpPlugin *owner);
/* The same, then drops all other objects, newest first; returns their number. A drop may drop further objects. Objects on another loop
 * that still runs are kept; see loops_leave. */
guint owner_drop_all(BpPlugin *owner);
/* Drops all objects of the owner on the running loop except `except`. */
void owner_drop_here(BpPlugin *owner, const BpOwned *except);
/* Returns what the owner may have on other loops and limits it to `left`, until the owner makes something there again. */
OwnerElsewhere owner_leave_elsewhere(BpPlugin *owner, OwnerElsewhere left);
/* The owner is not freed until owner_unhold. Any thread; the main loop continues after the last one. */
OwnerHold *owner_hold(BpPlugin *owner, const char *kind, const char *what);
void owner_unhold(OwnerHold *hold);
void owner_cancel(BpPlugin *owner);
/* Marks the owner as dying, so that its callbacks are not called any more, and cancels its GIO calls. */
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

/* Before a plugin ends, every other loop finishes its turn, so only frames of the main loop are counted. Frames of a scope are counted on
 * every loop, since it may end in its own callback. */
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
