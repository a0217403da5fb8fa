/* SPDX-License-Identifier: MIT */
/* owner.c - the lists of what a plugin, an instance or a scope owns. */
#include "bus/owner.h"
#include <backplane/plugin.h>

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
	frame_quiesce();
	if (owner->cancel.object)
		owner->cancel.free(owner->cancel.object);
	owner->cancel.object = NULL;
	if (!owner->is_scope)
		g_clear_pointer(&owner->name, g_free);
}

/* lock held */
static void link_into(BpOwned *ring, BpPlugin *owner, BpOwned *owned, BusPort *port, const char *kind,
		      void (*drop)(BpOwned *))
{
	owned->owner = owner;
	owned->port = port;
	owned->kind = kind;
	owned->drop = drop;
	owned->prev = ring->prev;
	owned->next = ring;
	owned->prev->next = owned;
	owned->next->prev = owned;
	if (!port || port->is_main)
		return;
	bus_port_ref(port);
	while (owner->is_scope)
		owner = owner->parent;
	owner->elsewhere = ELSEWHERE_CODE;
}

void owner_link(BpPlugin *owner, BpOwned *owned, const char *kind, void (*drop)(BpOwned *owned))
{
	g_mutex_lock(&lock);
	link_into(&owner->ring, owner, owned, bus_port, kind, drop);
	g_mutex_unlock(&lock);
}

void owner_link_notified(BpPlugin *owner, BpOwned *owned, const char *kind, void (*drop)(BpOwned *owned))
{
	g_mutex_lock(&lock);
	link_into(&owner->notified, owner, owned, bus_port, kind, drop);
	g_mutex_unlock(&lock);
}

/* Who makes an owner dying looks at the list after that, under the lock: so it sees this, or this sees that. */
gboolean owner_link_there(BpPlugin *owner, BpOwned *owned, BusPort *port, const char *kind,
			  void (*drop)(BpOwned *owned))
{
	gboolean good;

	g_mutex_lock(&lock);
	good = !owner_is_dying(owner);
	if (good)
		link_into(&owner->ring, owner, owned, port, kind, drop);
	g_mutex_unlock(&lock);
	return good;
}

void owner_unlink(BpOwned *owned)
{
	BusPort *port = owned->port;

	g_mutex_lock(&lock);
	owned->prev->next = owned->next;
	owned->next->prev = owned->prev;
	owned->prev = owned->next = owned;
	owned->port = NULL;
	g_mutex_unlock(&lock);
	if (port && !port->is_main)
		bus_port_unref(port);
}

static gboolean is_droppable(const BpOwned *owned)
{
	return !owned->port || owned->port == bus_port || g_atomic_int_get(&owned->port->closed);
}

static BpOwned *newest_of(BpOwned *ring)
{
	BpOwned *newest;

	g_mutex_lock(&lock);
	for (newest = ring->prev; newest != ring && !is_droppable(newest); newest = newest->prev)
		;
	g_mutex_unlock(&lock);
	return newest == ring ? NULL : newest;
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

	frame_push(owner_whole(owner), "destroy notifies", NULL);
	while ((newest = newest_of(&owner->notified)) || (newest = newest_of(&owner->ring))) {
		newest->drop(newest);
		count++;
	}
	frame_pop();
	return count;
}

static BpOwned *newest_here(BpOwned *ring, const BpOwned *except)
{
	BpOwned *newest;

	g_mutex_lock(&lock);
	for (newest = ring->prev; newest != ring && (newest->port != bus_port || newest == except);
	     newest = newest->prev)
		;
	g_mutex_unlock(&lock);
	return newest == ring ? NULL : newest;
}

void owner_drop_here(BpPlugin *owner, const BpOwned *except)
{
	BpOwned *newest;

	while ((newest = newest_here(&owner->notified, except)) || (newest = newest_here(&owner->ring, except)))
		newest->drop(newest);
}

OwnerElsewhere owner_leave_elsewhere(BpPlugin *owner, OwnerElsewhere left)
{
	OwnerElsewhere before;

	g_mutex_lock(&lock);
	before = owner->elsewhere;
	owner->elsewhere = MIN(before, left);
	g_mutex_unlock(&lock);
	return before;
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

gboolean bp_owner_enter_as(BpPlugin *owner, const char *kind, const char *detail)
{
	return owner_enter_as(owner, kind, detail);
}

void bp_owner_enter_always_as(BpPlugin *owner, const char *kind, const char *detail)
{
	owner_enter_always_as(owner, kind, detail);
}

void bp_owner_leave(BpPlugin *owner)
{
	owner_leave(owner);
}

void owner_add_cpu(BpPlugin *owner, guint64 nanoseconds)
{
	owner = owner_whole(owner);
	__atomic_fetch_add(&owner->cpu, nanoseconds, __ATOMIC_RELAXED);
	if (owner->parent)
		__atomic_fetch_add(&owner->parent->cpu, nanoseconds, __ATOMIC_RELAXED);
}

double bp_plugin_cpu(const BpPlugin *plugin)
{
	return (double)__atomic_load_n(&plugin->cpu, __ATOMIC_RELAXED) / 1e9;
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
	gpointer object = g_atomic_pointer_get(&owner->cancel.object);

	if (object)
		owner->cancel.cancel(object);
}

void owner_die(BpPlugin *owner)
{
	g_atomic_int_set(&owner->dying, TRUE);
	owner_cancel(owner);
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
} DeferredUndo;

static void drop_undo(BpOwned *owned)
{
	DeferredUndo *undo = OWNED_BY(owned, DeferredUndo, owned);

	owner_unlink(owned);
	undo->undo(undo->data);
	g_free(undo);
}

void bp_plugin_defer_undo(BpPlugin *self, GDestroyNotify undo, gpointer data)
{
	DeferredUndo *entry = g_new0(DeferredUndo, 1);

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
