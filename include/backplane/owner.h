/* SPDX-License-Identifier: MIT */
/* owner.h - for libraries: things that are owned, and calls of an owner's code.
 *
 * A plugin needs none of this: whatever it makes through its handle is owned by it already. A library that makes
 * things for plugins (streams, servers, sockets) embeds a BpOwned in each. Removing such a thing by hand and removing
 * it when its owner goes are the same function, `drop`, which unlinks it with bp_owner_unlink and frees it. What an owner
 * has is dropped newest first.
 *
 * Every call of an owner's code stands between bp_owner_enter and bp_owner_leave, so that it is not unmapped while it runs.
 * Any thread may link and unlink; the list is never locked while something is called.
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

typedef struct BpOwned BpOwned;
struct BpOwned {
	BpOwned *prev, *next; /* in the owner's ring */
	BpPlugin *owner;
	void (*drop)(BpOwned *owned);
	const char *kind; /* static text, "stream": for `plugin info` and reports of leaks */
};

BP_API void bp_owner_link(BpPlugin *owner, BpOwned *owned, const char *kind, void (*drop)(BpOwned *owned));
BP_API void bp_owner_unlink(BpOwned *owned);
/* How many things of this kind it owns; NULL: of all kinds. */
BP_API guint bp_owner_count(BpPlugin *owner, const char *kind);
/* FALSE: the owner is going, and its code must not be called. Pairs with bp_owner_leave on the same owner. */
BP_API gboolean bp_owner_enter(BpPlugin *owner);
BP_API void bp_owner_leave(BpPlugin *owner);
/* It is being unloaded or closed: nothing of it is called any more but what tells it of an end. Any thread. */
BP_API gboolean bp_owner_is_dying(const BpPlugin *owner);

#define BP_OWNED_BY(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))

G_END_DECLS
