/* SPDX-License-Identifier: MIT */
/* hold.c - why an owner may not go yet: calls that will still come back, jobs, loops. */
#include <backplane/plugin.h>
#include "bus/owner.h"
#include "bus/port.h"

static GMutex lock;		/* never held while calling out */
static OwnerHold *first, *last; /* lock: all there are, the oldest first */

OwnerHold *owner_hold(BpPlugin *owner, const char *kind, const char *what)
{
	OwnerHold *hold = g_new0(OwnerHold, 1);

	hold->owner = owner;
	hold->port = owner->is_scope && bus_port ? bus_port_ref(bus_port) : NULL;
	hold->kind = kind;
	hold->what = g_strdup(what);
	hold->since = g_get_monotonic_time();
	g_mutex_lock(&lock);
	hold->prev = last;
	*(last ? &last->next : &first) = hold;
	last = hold;
	g_mutex_unlock(&lock);
	for (; owner; owner = owner->parent)
		g_atomic_int_inc(&owner->holds);
	return hold;
}

/* lock held */
static void unlist(OwnerHold *hold)
{
	*(hold->prev ? &hold->prev->next : &first) = hold->next;
	*(hold->next ? &hold->next->prev : &last) = hold->prev;
}

static void count_down(BpPlugin *owner)
{
	if (g_atomic_int_dec_and_test(&owner->holds) && owner->when_idle)
		owner->when_idle(owner);
}

static void run_count_down(gpointer a, gpointer b, guint64 c);

/* The last release may free the owner, so it is counted on the owner's loop; here, if that is closed. */
static void count_down_on(BusPort *port, BpPlugin *owner)
{
	if (bus_port == port || !port || !port->post(port, run_count_down, owner, NULL, 0, TRUE))
		run_count_down(owner, NULL, 0);
}

/* Scopes on their loop, then instance and plugin on the main one. */
static void run_count_down(gpointer a, gpointer b, guint64 c)
{
	for (BpPlugin *owner = a, *parent; owner; owner = parent) {
		gboolean was_scope = owner->is_scope;

		parent = owner->parent;
		count_down(owner);
		if (was_scope && !parent->is_scope && !bus_on_main()) {
			count_down_on(bus_main, parent);
			return;
		}
	}
}

/* `hold` is unlisted already. */
static void give_up(OwnerHold *hold)
{
	BpPlugin *owner = hold->owner;
	BusPort *port = hold->port;

	g_free(hold->what);
	g_free(hold);
	count_down_on(port ? port : bus_main, owner);
	if (port)
		bus_port_unref(port);
}

void owner_unhold(OwnerHold *hold)
{
	g_mutex_lock(&lock);
	unlist(hold);
	g_mutex_unlock(&lock);
	give_up(hold);
}

void bp_plugin_hold(BpPlugin *self)
{
	owner_hold(self, "call", NULL);
}

void bp_plugin_hold_for(BpPlugin *self, const char *what)
{
	owner_hold(self, "call", what);
}

static void release(BpPlugin *self, const char *what)
{
	OwnerHold *found = NULL;

	g_mutex_lock(&lock);
	for (OwnerHold *hold = first; hold; hold = hold->next) {
		if (hold->owner != self || g_strcmp0(hold->kind, "call"))
			continue;
		if (!found)
			found = hold;
		if (g_strcmp0(hold->what, what))
			continue;
		found = hold;
		break;
	}
	if (found)
		unlist(found);
	g_mutex_unlock(&lock);
	g_return_if_fail(found);
	give_up(found);
}

void bp_plugin_release(BpPlugin *self)
{
	release(self, NULL);
}

void bp_plugin_release_for(BpPlugin *self, const char *what)
{
	release(self, what);
}

/* --- description --- */

static const BpPlugin *root_of(const BpPlugin *owner)
{
	while (owner->parent)
		owner = owner->parent;
	return owner;
}

static gboolean is_alike(const OwnerHold *a, const OwnerHold *b)
{
	return root_of(a->owner) == root_of(b->owner) && a->owner->instance == b->owner->instance &&
	       !g_strcmp0(a->kind, b->kind) && !g_strcmp0(a->what, b->what);
}

static gboolean is_within(const BpPlugin *owner, const BpPlugin *whole)
{
	while (owner && owner != whole)
		owner = owner->parent;
	return owner == whole;
}

static gboolean was_told(const OwnerHold *hold)
{
	for (const OwnerHold *before = first; before != hold; before = before->next)
		if (is_alike(before, hold))
			return TRUE;
	return FALSE;
}

char *bp_owner_holds_text(BpPlugin *owner)
{
	GString *text = g_string_new(NULL);

	g_mutex_lock(&lock);
	for (const OwnerHold *hold = first; hold; hold = hold->next) {
		guint count = 0;

		if (!is_within(hold->owner, owner) || was_told(hold))
			continue;
		for (const OwnerHold *other = hold; other; other = other->next)
			count += is_alike(hold, other);
		if (text->len)
			g_string_append(text, ", ");
		if (count > 1)
			g_string_append_printf(text, "%u %ss", count, hold->kind);
		else
			g_string_append(text, hold->kind);
		if (hold->what)
			g_string_append_printf(text, " \"%s\"", hold->what);
		if (hold->owner->instance)
			g_string_append_printf(text, " of %s", hold->owner->name);
		g_string_append_printf(text, " (since %.1f s)",
				       (double)(g_get_monotonic_time() - hold->since) / G_USEC_PER_SEC);
	}
	g_mutex_unlock(&lock);
	return g_string_free(text, !text->len);
}
