/* SPDX-License-Identifier: MIT */
/* owner.c - the lists of what a plugin, an instance or a scope owns. */
#include "bus/owner.h"
#include <backplane/plugin.h>
#include "bus/port.h"

/* Registering is rare next to sending, so one lock serves every list. */
static GMutex lock;
static BpPlugin *owners, *last_owner; /* lock; scopes too */

BpPlugin *bus_kernel;

static void enlist(BpPlugin *owner)
{
	g_mutex_lock(&lock);
	owner->before = last_owner;
	owner->next = NULL;
	*(last_owner ? &last_owner->next : &owners) = owner;
	last_owner = owner;
	g_mutex_unlock(&lock);
}

void owner_init(BpPlugin *owner, BpPlugin *parent, const char *name)
{
	owner->ring.prev = owner->ring.next = &owner->ring;
	owner->notified.prev = owner->notified.next = &owner->notified;
	owner->parent = parent;
	owner->name = g_strdup(name);
	enlist(owner);
}

void owner_init_scope(BpPlugin *owner, BpPlugin *parent)
{
	owner->ring.prev = owner->ring.next = &owner->ring;
	owner->notified.prev = owner->notified.next = &owner->notified;
	owner->parent = parent;
	owner->name = parent->name;
	owner->instance = parent->instance;
	enlist(owner);
}

void owner_clear(BpPlugin *owner)
{
	g_mutex_lock(&lock);
	*(owner->before ? &owner->before->next : &owners) = owner->next;
	*(owner->next ? &owner->next->before : &last_owner) = owner->before;
	g_mutex_unlock(&lock);
	if (owner->cancel.free)
		owner->cancel.free(owner->cancel.object);
	if (!owner->is_scope)
		g_clear_pointer(&owner->name, g_free);
}

static void link_into(BpOwned *ring, BpOwned *owned)
{
	g_mutex_lock(&lock);
	owned->prev = ring->prev;
	owned->next = ring;
	owned->prev->next = owned;
	owned->next->prev = owned;
	g_mutex_unlock(&lock);
}

void owner_link(BpPlugin *owner, BpOwned *owned, const char *kind, void (*drop)(BpOwned *owned))
{
	owned->owner = owner;
	owned->kind = kind;
	owned->drop = drop;
	link_into(&owner->ring, owned);
}

void owner_link_notified(BpPlugin *owner, BpOwned *owned, const char *kind, void (*drop)(BpOwned *owned))
{
	owned->owner = owner;
	owned->kind = kind;
	owned->drop = drop;
	link_into(&owner->notified, owned);
}

void owner_unlink(BpOwned *owned)
{
	g_mutex_lock(&lock);
	owned->prev->next = owned->next;
	owned->next->prev = owned->prev;
	owned->prev = owned->next = owned;
	g_mutex_unlock(&lock);
}

static BpOwned *newest_of(BpOwned *ring)
{
	BpOwned *newest;

	g_mutex_lock(&lock);
	newest = ring->prev == ring ? NULL : ring->prev;
	g_mutex_unlock(&lock);
	return newest;
}

void owner_end_notified(BpPlugin *owner)
{
	BpOwned *newest;

	while ((newest = newest_of(&owner->notified)))
		newest->drop(newest);
}

guint owner_drop_all(BpPlugin *owner)
{
	BpOwned *newest;
	guint count = 0;

	while ((newest = newest_of(&owner->notified)) || (newest = newest_of(&owner->ring))) {
		newest->drop(newest);
		count++;
	}
	return count;
}

guint owner_count(BpPlugin *owner, const char *kind)
{
	guint count = 0;

	BpOwned *rings[] = { &owner->notified, &owner->ring };

	g_mutex_lock(&lock);
	for (guint i = 0; i < G_N_ELEMENTS(rings); i++)
		for (BpOwned *owned = rings[i]->next; owned != rings[i]; owned = owned->next)
			count += !kind || !g_strcmp0(owned->kind, kind);
	g_mutex_unlock(&lock);
	return count;
}

/* Other loops are joined before their plugin goes, so only frames of the main loop are counted; a scope may go in its own
 * callback, so on its loop, whichever that is, it is. */
void owner_enter_always(BpPlugin *owner)
{
	gboolean on_main = bus_on_main();

	for (; owner; owner = owner->parent)
		if (on_main || owner->is_scope)
			owner->depth++;
}

gboolean owner_enter(BpPlugin *owner)
{
	if (owner_is_dying(owner))
		return FALSE;
	owner_enter_always(owner);
	return TRUE;
}

void owner_leave(BpPlugin *owner)
{
	gboolean on_main = bus_on_main();

	for (BpPlugin *parent; owner; owner = parent) {
		parent = owner->parent;
		if ((on_main || owner->is_scope) && !--owner->depth && owner->when_idle)
			owner->when_idle(owner);
	}
}

void bp_plugin_hold(BpPlugin *self)
{
	for (BpPlugin *owner = self; owner; owner = owner->parent)
		g_atomic_int_inc(&owner->holds);
}

static void release(BpPlugin *owner)
{
	if (g_atomic_int_dec_and_test(&owner->holds) && owner->when_idle)
		owner->when_idle(owner);
}

static void run_release(gpointer a, gpointer b, guint64 c)
{
	for (BpPlugin *owner = a, *parent; owner; owner = parent) {
		parent = owner->parent;
		release(owner);
	}
}

/* The last one lets the main loop free the owner, so another thread leaves the releasing to it. */
void bp_plugin_release(BpPlugin *self)
{
	BusPort *port = bus_main;

	if (bus_on_main() || !port || !port->post(port, run_release, self, NULL, 0))
		run_release(self, NULL, 0);
}

const char *bp_plugin_name(const BpPlugin *self)
{
	return self->name;
}

void bp_plugin_set_data(BpPlugin *self, gpointer data)
{
	self->data = data;
}

gpointer bp_plugin_data(const BpPlugin *self)
{
	return self->data;
}

BpCancel *bp_plugin_cancel(BpPlugin *self)
{
	return &self->cancel;
}

void owner_cancel(BpPlugin *owner)
{
	if (owner->cancel.cancel)
		owner->cancel.cancel(owner->cancel.object);
}

gboolean bp_owner_is_dying(const BpPlugin *owner)
{
	return owner_is_dying(owner);
}

BpPlugin *bp_kernel(void)
{
	return bus_kernel;
}

typedef struct {
	BpOwned owned;
	GDestroyNotify undo;
	gpointer data;
} Undo;

static void drop_undo(BpOwned *owned)
{
	Undo *undo = OWNED_BY(owned, Undo, owned);

	owner_unlink(owned);
	undo->undo(undo->data);
	g_free(undo);
}

void bp_plugin_defer_undo(BpPlugin *self, GDestroyNotify undo, gpointer data)
{
	Undo *entry = g_new0(Undo, 1);

	entry->undo = undo;
	entry->data = data;
	owner_link(self, &entry->owned, "undo", drop_undo);
}

/* --- all that is owned --- */

static void each_of(BpPlugin *owner, BpOwnedFunc func, gpointer data)
{
	BpOwned *rings[] = { &owner->ring, &owner->notified };
	const BpPlugin *whole = owner;

	while (whole->is_scope)
		whole = whole->parent;
	if (owner != whole)
		func(whole, "scope", data);
	for (gint i = 0; owner == whole && i < g_atomic_int_get(&owner->holds); i++)
		func(whole, "hold", data);
	for (guint i = 0; i < G_N_ELEMENTS(rings); i++)
		for (BpOwned *owned = rings[i]->next; owned != rings[i]; owned = owned->next)
			func(whole, owned->kind, data);
}

void bp_owner_each(BpOwnedFunc func, gpointer data)
{
	g_mutex_lock(&lock);
	for (BpPlugin *owner = owners; owner; owner = owner->next)
		each_of(owner, func, data);
	g_mutex_unlock(&lock);
}
