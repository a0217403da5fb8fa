/* SPDX-License-Identifier: MIT */
/* scope.c - handles for what comes and goes within an instance: they own what waits for it. */
#include <backplane/scope.h>
#include <backplane/plugin.h>
#include "bus/owner.h"

typedef struct {
	BpPlugin handle; /* first: a scope is a handle */
	BpOwned owned;	 /* of its parent; only those made with bp_scope_open */
} Scope;

/* Not before it was cleared. */
static void free_if_idle(BpPlugin *handle)
{
	if (handle->depth || g_atomic_int_get(&handle->holds))
		return;
	owner_clear(handle);
	g_free((Scope *)handle);
}

static BpPlugin *scope_new(BpPlugin *parent)
{
	Scope *scope = g_new0(Scope, 1);

	owner_init_scope(&scope->handle, parent);
	return &scope->handle;
}

BpPlugin *scope_obtain(BpPlugin **place, BpPlugin *parent)
{
	if (!*place)
		*place = scope_new(parent);
	return *place;
}

enum { LIVES, STOPPED, CLEARED };

void scope_stop(BpPlugin *scope)
{
	if (scope && scope->dying == LIVES)
		g_atomic_int_set(&scope->dying, STOPPED);
}

/* What it owns goes now; the handle stays as long as its code is on the stack and its jobs run. What is dropped may ask for the
 * scope of the thing once more: it gets this one, in which nothing lives long. */
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
	BpPlugin *scope = &OWNED_BY(owned, Scope, owned)->handle;

	owner_unlink(owned);
	scope_clear(&scope);
}

BpPlugin *bp_scope_parent(const BpPlugin *self)
{
	return self->is_scope ? self->parent : NULL;
}

BpScope *bp_scope_open(BpPlugin *self)
{
	BpPlugin *scope;

	g_return_val_if_fail(self, NULL);
	scope = scope_new(self);
	owner_link(self, &((Scope *)scope)->owned, "scope", drop_scope);
	return scope;
}

void bp_scope_close(BpScope *scope)
{
	g_return_if_fail(scope && scope->is_scope);
	drop_scope(&((Scope *)scope)->owned);
}
