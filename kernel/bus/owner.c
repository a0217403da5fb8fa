/* SPDX-License-Identifier: MIT */
/* owner.c - the list of what a plugin or an instance owns. */
#include "bus/owner.h"
#include <backplane/plugin.h>
#include "bus/port.h"

/* Registering is rare next to sending, so one lock serves every list. */
static GMutex lock;

BpPlugin *bus_kernel;

void owner_init(BpPlugin *owner, BpPlugin *parent, const char *name)
{
	owner->ring.prev = owner->ring.next = &owner->ring;
	owner->parent = parent;
	owner->name = g_strdup(name);
}

void owner_clear(BpPlugin *owner)
{
	if (owner->cancel.free)
		owner->cancel.free(owner->cancel.object);
	g_clear_pointer(&owner->name, g_free);
}

void owner_link(BpPlugin *owner, BpOwned *owned, const char *kind, void (*drop)(BpOwned *owned))
{
	owned->owner = owner;
	owned->kind = kind;
	owned->drop = drop;
	g_mutex_lock(&lock);
	owned->prev = owner->ring.prev;
	owned->next = &owner->ring;
	owned->prev->next = owned;
	owned->next->prev = owned;
	g_mutex_unlock(&lock);
}

void owner_unlink(BpOwned *owned)
{
	g_mutex_lock(&lock);
	owned->prev->next = owned->next;
	owned->next->prev = owned->prev;
	owned->prev = owned->next = owned;
	g_mutex_unlock(&lock);
}

guint owner_drop_all(BpPlugin *owner)
{
	guint count = 0;

	for (;; count++) {
		BpOwned *newest;

		g_mutex_lock(&lock);
		newest = owner->ring.prev;
		g_mutex_unlock(&lock);
		if (newest == &owner->ring)
			return count;
		newest->drop(newest);
	}
}

guint owner_count(BpPlugin *owner, const char *kind)
{
	guint count = 0;

	g_mutex_lock(&lock);
	for (BpOwned *owned = owner->ring.next; owned != &owner->ring; owned = owned->next)
		count += !kind || !g_strcmp0(owned->kind, kind);
	g_mutex_unlock(&lock);
	return count;
}

/* Other loops are joined before their plugin goes, so only frames of the main loop are counted. */
gboolean owner_enter(BpPlugin *owner)
{
	if (owner_is_dying(owner))
		return FALSE;
	if (bus_on_main()) {
		owner->depth++;
		if (owner->parent)
			owner->parent->depth++;
	}
	return TRUE;
}

static void leave(BpPlugin *owner)
{
	if (!--owner->depth && owner->when_idle)
		owner->when_idle(owner);
}

void owner_leave(BpPlugin *owner)
{
	BpPlugin *parent = owner->parent;

	if (!bus_on_main())
		return;
	leave(owner);
	if (parent)
		leave(parent);
}

void bp_plugin_hold(BpPlugin *self)
{
	g_atomic_int_inc(&self->holds);
	if (self->parent)
		g_atomic_int_inc(&self->parent->holds);
}

static void release(BpPlugin *owner)
{
	if (g_atomic_int_dec_and_test(&owner->holds) && owner->when_idle)
		owner->when_idle(owner);
}

static void run_release(gpointer a, gpointer b, guint64 c)
{
	BpPlugin *self = a, *parent = self->parent;

	release(self);
	if (parent)
		release(parent);
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
	return __atomic_load_n(&owner->dying, __ATOMIC_RELAXED);
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
