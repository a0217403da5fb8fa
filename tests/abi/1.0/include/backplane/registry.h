/* SPDX-License-Identifier: MIT */
/* registry.h - things that plugins offer each other by path, without calling each other.
 *
 * "transport/telnet", "framing/slip", "endpoint/echo", "resource/nodes", ... The object is a constant table whose
 * type the first word of the path says; each such type has a public header. Gone with its plugin.
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

/* FALSE with an error when the path is taken. */
BP_API gboolean bp_registry_add(BpPlugin *self, const char *path, gconstpointer object, GError **error);
BP_API void bp_registry_remove(BpPlugin *self, const char *path);
/* Valid until the main loop's next turn: look it up again then, or use bp_registry_hold. */
BP_API gconstpointer bp_registry_find(const char *path);
/* Names behind `prefix` ("framing/"), sorted; free with g_strfreev. */
BP_API char **bp_registry_list(const char *prefix);
/* Who registered the object at `path`; NULL if there is none. */
BP_API BpPlugin *bp_registry_owner(const char *path);
/* Objects below `prefix`, in order of registration; free the array. */
BP_API GPtrArray *bp_registry_objects(const char *prefix);
/* The object, and a promise: before it goes, `gone(self, data)` is called, in which `self` stops using it; then `destroy` (may be
 * NULL). Ends with `self`, or by bp_registry_release: then `destroy` alone is called. NULL if there is none: nothing is called. */
BP_API gconstpointer bp_registry_hold(BpPlugin *self, const char *path, BpFunc gone, gpointer data,
				      GDestroyNotify destroy);
BP_API void bp_registry_release(BpPlugin *self, const char *path);

G_END_DECLS
