/* SPDX-License-Identifier: MIT */
/* owner.h - for libraries: things that are owned, and calls of an owner's code.
 *
 * A plugin needs none of this: whatever it makes through its handle is owned by it already. A library that makes
 * things for plugins (streams, servers, sockets) embeds a BpOwned in each. Removing such a thing by hand and removing
 * it when its owner goes are the same function, `drop`, which unlinks it with bp_owner_unlink and frees it. What an owner
 * has is dropped newest first, those before all others of whose end it is notified.
 *
 * Every call of an owner's code stands between bp_owner_enter and bp_owner_leave, so that it is not unmapped while it runs.
 * Any thread may link and unlink; the list is never locked while something is called. What was linked on a loop is dropped
 * on that loop, or by the main loop when that one has ended.
 */
#pragma once
#include <string.h>
#include <backplane/types.h>

G_BEGIN_DECLS

typedef struct BpOwned BpOwned;
struct BpOwned {
	BpOwned *prev, *next; /* in the owner's ring */
	BpPlugin *owner;
	struct BusPort *port; /* the kernel's: the loop it was made on, where it is dropped too */
	void (*drop)(BpOwned *owned);
	const char *kind; /* static text, "stream": for `plugin info` and reports of leaks */
};

BP_API void bp_owner_link(BpPlugin *owner, BpOwned *owned, const char *kind, void (*drop)(BpOwned *owned));
/* For things with a callback that runs exactly once at their end (`closed`, `gone`, `done`), which `drop` calls: they are dropped
 * before everything else, and right after the `close` of an instance, so that the callback finds the owner's channels,
 * timers and watches as they were. What such a thing is about is freed only behind its callback. */
BP_API void bp_owner_link_notified(BpPlugin *owner, BpOwned *owned, const char *kind, void (*drop)(BpOwned *owned));
BP_API void bp_owner_unlink(BpOwned *owned);
/* How many things of this kind it owns; NULL: of all kinds. */
BP_API guint bp_owner_count(BpPlugin *owner, const char *kind);
/* "2 calls "mqtt" of lab (since 4.2 s)": why it may not go yet; NULL: it may. Yours. Any thread. */
BP_API char *bp_owner_holds_text(BpPlugin *owner);
/* Calls `func` for each thing that a plugin or an instance owns, be it through a scope, and for each of its scopes ("scope") and
 * holds ("hold"). The lists are locked meanwhile: `func` counts, and calls nothing here. For reports of leaks. */
typedef void (*BpOwnedFunc)(const BpPlugin *owner, const char *kind, gpointer data);
BP_API void bp_owner_each(BpOwnedFunc func, gpointer data);
/* FALSE: the owner is going, and its code must not be called. Pairs with bp_owner_leave on the same owner: keep it in a variable,
 * for the thing may have another owner, or be freed, when the call returns. */
#define bp_owner_enter(owner) bp_owner_enter_as(owner, "callback", __func__)
/* For callbacks that run exactly once: an owner that is going is told too. */
#define bp_owner_enter_always(owner) bp_owner_enter_always_as(owner, "callback", __func__)
/* The same, with words for who asks what keeps a loop, or what crashed: `kind` ("request", "data of a stream") is static,
 * `detail` is a name that outlives the call, or NULL. */
BP_API gboolean bp_owner_enter_as(BpPlugin *owner, const char *kind, const char *detail);
BP_API void bp_owner_enter_always_as(BpPlugin *owner, const char *kind, const char *detail);
BP_API void bp_owner_leave(BpPlugin *owner);
/* It is being unloaded or closed: nothing of it is called any more but what tells it of an end. Any thread. */
BP_API gboolean bp_owner_is_dying(const BpPlugin *owner);

/* --- the scope of a thing (scope.h), at a place in the thing --- */
/* Makes it when it is first asked for. */
BP_API BpScope *bp_scope_obtain(BpScope **place, BpPlugin *parent);
/* The thing begins to end: nothing of its scope is called any more. NULL: there is none. */
BP_API void bp_scope_stop(BpScope *scope);
/* In the last part of a turn: gives the memory of a scope back in which nothing waits, and that is not in use. */
BP_API void bp_scope_trim(BpScope **place);
/* The thing is gone, after its last callback: drops all that the scope owns. */
BP_API void bp_scope_clear(BpScope **place);

/* A struct of one size into room of another, as it was when either side was compiled: what is too much is left out, what is
 * missing is zero. */
static inline gconstpointer bp_sized_copy(gpointer to, gsize room, gconstpointer from, gsize size)
{
	gsize known = MIN(room, size);

	memcpy(to, from, known);
	memset((char *)to + known, 0, room - known);
	return to;
}

/* The same for one that begins with `gsize size`. */
static inline void bp_struct_copy(gpointer to, gsize room, gconstpointer from)
{
	g_return_if_fail(*(const gsize *)from > sizeof(gsize)); /* its author has left out `.size = sizeof(it)` */
	bp_sized_copy(to, room, from, *(const gsize *)from);
}

#define BP_OWNED_BY(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

G_END_DECLS
