/* SPDX-License-Identifier: MIT */
/* scope.c - handles for what comes and goes within an instance: they own what waits for it. */
#include <backplane/scope.h>
#include <backplane/plugin.h>
#include "bus/owner.h"

/* One made with bp_scope_open. */
typedef struct {
	BpPlugin handle; /* first */
	BpOwned owned;	 /* in the list of its owner */
} OpenedScope;

enum { LIVES, STOPPED, CLEARED }; /* in `dying` */
enum { AT_PLACE = 1, OPENED };	  /* in `is_scope` */

static gboolean is_in_use(const BpPlugin *scope)
{
	return scope->depth || g_atomic_int_get(&scope->holds) || scope->within;
}

/* Not before it was cleared. */
static void free_if_idle(BpPlugin *scope)
{
	BpPlugin *parent = scope->parent;

	if (is_in_use(scope))
		return;
	owner_clear(scope);
	g_free(scope);
	if (parent->is_scope && !--parent->within && parent->when_idle)
		free_if_idle(parent);
}

static BpPlugin *init(BpPlugin *scope, BpPlugin *parent)
{
	owner_init_scope(scope, parent);
	scope->is_scope = AT_PLACE;
	parent->within += parent->is_scope != 0;
	return scope;
}

BpPlugin *scope_obtain(BpPlugin **place, BpPlugin *parent)
{
	if (!*place)
		*place = init(g_new0(BpPlugin, 1), parent);
	return *place;
}

void scope_trim(BpPlugin **place)
{
	BpPlugin *scope = *place;

	if (!scope || scope->dying == CLEARED || is_in_use(scope) || owner_count(scope, NULL))
		return;
	*place = NULL;
	free_if_idle(scope);
}

void scope_stop(BpPlugin *scope)
{
	if (scope && scope->dying == LIVES)
		g_atomic_int_set(&scope->dying, STOPPED);
}

/* Drops all objects now; the handle is kept while its code is on the stack or its jobs run. A drop may ask for the scope of the object
 * again: it gets this one, and what it adds is dropped too. */
void scope_clear(BpPlugin **place)
{
	BpPlugin *scope = *place;

	if (!scope || scope->dying == CLEARED)
		return;
	g_atomic_int_set(&scope->dying, CLEARED);
	owner_cancel(scope);
	owner_drop_all(scope);
	*place = NULL;
	scope->when_idle = free_if_idle;
	free_if_idle(scope);
}

static void drop_scope(BpOwned *owned)
{
	BpPlugin *scope = &OWNED_BY(owned, OpenedScope, owned)->handle;

	owner_unlink(owned);
	scope_clear(&scope);
}

BpPlugin *bp_scope_parent(const BpPlugin *self)
{
	return self->is_scope ? self->parent : NULL;
}

BpScope *bp_scope_open(BpPlugin *self)
{
	OpenedScope *scope;

	g_return_val_if_fail(self, NULL);
	scope = g_new0(OpenedScope, 1);
	init(&scope->handle, self);
	scope->handle.is_scope = OPENED;
	owner_link(self, &scope->owned, "scope", drop_scope);
	return &scope->handle;
}

void bp_scope_close(BpScope *scope)
{
	g_return_if_fail(scope && scope->is_scope == OPENED);
	drop_scope(&((OpenedScope *)scope)->owned);
}
