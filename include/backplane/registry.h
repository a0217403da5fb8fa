/* SPDX-License-Identifier: MIT */
/* registry.h - objects that plugins offer each other by path, without linking each other.
 *
 * "transport/telnet", "framing/slip", "endpoint/echo", "resource/nodes", ... An object is a constant table; the
 * first word of its path determines the type, which has a public header. It is removed at the end of its plugin.
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

/* FALSE with an error when the path is taken. */
BP_API gboolean bp_registry_add(BpPlugin *self, const char *path, gconstpointer object, GError **error);
BP_API void bp_registry_remove(BpPlugin *self, const char *path);
/* Valid until the next turn of the main loop: look it up again then, or use bp_registry_hold. */
BP_API gconstpointer bp_registry_find(const char *path);
/* The rest of each path that begins with `prefix` ("framing/"), sorted; free with g_strfreev. */
BP_API char **bp_registry_list(const char *prefix);
/* The plugin that registered the object at `path`; NULL if there is none. */
BP_API BpPlugin *bp_registry_owner(const char *path);
/* Objects below `prefix`, in order of registration; free the array. */
BP_API GPtrArray *bp_registry_objects(const char *prefix);
/* Returns the object and watches it: before it is removed, `gone(self, data)` is called, in which `self` must stop using it, then `destroy`
 * (may be NULL). At the end of `self`, or by bp_registry_release, only `destroy` is called. NULL if there is no such object: nothing is
 * called. */
BP_API gconstpointer bp_registry_hold(BpPlugin *self, const char *path, BpFunc gone, gpointer data,
				      GDestroyNotify destroy);
BP_API void bp_registry_release(BpPlugin *self, const char *path);

G_END_DECLS
