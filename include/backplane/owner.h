/* SPDX-License-Identifier: MIT */
/* owner.h - for libraries: owned objects, and calls of an owner's code.
 *
 * A plugin does not need this: all that it makes through its handle is owned already. A library that makes objects for plugins
 * (streams, servers, sockets) embeds a BpOwned in each. One function, `drop`, removes such an object both by hand and at the end of its
 * owner: it unlinks the object with bp_owner_unlink and frees it. At the end of an owner, first the objects whose end is notified, then
 * all others are dropped, each group newest first.
 *
 * Each call of an owner's code stands between bp_owner_enter and bp_owner_leave, so that the code is not unmapped while it runs.
 * Any thread may link and unlink; no lock is held during callbacks. An object is dropped on the loop on which it was linked, or
 * on the main loop if that one has ended.
 */
#pragma once
#include <string.h>
#include <backplane/types.h>

G_BEGIN_DECLS

typedef struct BpOwned BpOwned;
struct BpOwned {
	BpOwned *prev, *next; /* in the owner's ring */
	BpPlugin *owner;
	struct BusPort *port; /* for the kernel: the loop on which it was linked */
	void (*drop)(BpOwned *owned);
	const char *kind; /* static text, "stream": for `plugin info` and reports of leaks */
};

BP_API void bp_owner_link(BpPlugin *owner, BpOwned *owned, const char *kind, void (*drop)(BpOwned *owned));
/* For objects with a callback that is called exactly once at their end (`closed`, `gone`, `done`), by `drop`. They are dropped right
 * after the `close` of an instance and before all other objects, so that the owner's channels, timers and watches are still valid in
 * the callback. */
BP_API void bp_owner_link_notified(BpPlugin *owner, BpOwned *owned, const char *kind, void (*drop)(BpOwned *owned));
BP_API void bp_owner_unlink(BpOwned *owned);
/* How many things of this kind it owns; NULL: of all kinds. */
BP_API guint bp_owner_count(BpPlugin *owner, const char *kind);
/* What delays the end of the owner: "2 calls "mqtt" of lab (since 4.2 s)"; NULL: nothing. Yours. Any thread. */
BP_API char *bp_owner_holds_text(BpPlugin *owner);
/* Calls `func` for each object of every plugin and instance, their scopes included, and for each of their scopes (kind "scope") and holds
 * (kind "hold"). The lists are locked meanwhile: `func` may only count. For leak reports. */
typedef void (*BpOwnedFunc)(const BpPlugin *owner, const char *kind, gpointer data);
BP_API void bp_owner_each(BpOwnedFunc func, gpointer data);
/* FALSE: the owner is ending, and its code must not be called. Pairs with bp_owner_leave on the same owner: keep the owner in a variable,
 * since the call may free the object or change its owner. */
#define bp_owner_enter(owner) bp_owner_enter_as(owner, "callback", __func__)
/* For callbacks that are called exactly once: allowed for an ending owner too. */
#define bp_owner_enter_always(owner) bp_owner_enter_always_as(owner, "callback", __func__)
/* The same with a description for reports of slow turns and crashes: `kind` ("request", "data of a stream") is static text, `detail` is a
 * name that outlives the call, or NULL. */
BP_API gboolean bp_owner_enter_as(BpPlugin *owner, const char *kind, const char *detail);
BP_API void bp_owner_enter_always_as(BpPlugin *owner, const char *kind, const char *detail);
BP_API void bp_owner_leave(BpPlugin *owner);
/* The owner is being unloaded or closed: only its exactly-once callbacks are still called. Any thread. */
BP_API gboolean bp_owner_is_dying(const BpPlugin *owner);

/* --- the scope of an object (scope.h); `place` is a member of the object --- */
/* Returns the scope, which is made by the first call. */
BP_API BpScope *bp_scope_obtain(BpScope **place, BpPlugin *parent);
/* The object begins to end: no callback of its scope is called any more. `scope` may be NULL. */
BP_API void bp_scope_stop(BpScope *scope);
/* At the end of a turn: frees the scope if it owns nothing and is not in use. */
BP_API void bp_scope_trim(BpScope **place);
/* After the last callback of the object: drops all that the scope owns. */
BP_API void bp_scope_clear(BpScope **place);

/* Copies a struct between a caller and a callee that were compiled with different sizes of it: surplus members are left out, missing
 * ones are zero. */
static inline gconstpointer bp_sized_copy(gpointer to, gsize room, gconstpointer from, gsize size)
{
	gsize known = MIN(room, size);

	memcpy(to, from, known);
	memset((char *)to + known, 0, room - known);
	return to;
}

/* The same for a struct that begins with `gsize size`; all zero if that is not set. */
static inline void bp_struct_copy(gpointer to, gsize room, gconstpointer from)
{
	memset(to, 0, room);
	g_return_if_fail(*(const gsize *)from > sizeof(gsize)); /* its author has left out `.size = sizeof(it)` */
	bp_sized_copy(to, room, from, *(const gsize *)from);
}

#define BP_OWNED_BY(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

G_END_DECLS
