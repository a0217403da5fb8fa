/* SPDX-License-Identifier: MIT */
/* gio.h - for plugins that use GIO; the kernel itself does not.
 *
 * Give the cancellable to every GIO call. A cancelled call still calls back later, so hold the plugin until then:
 * bp_plugin_hold when it starts, bp_plugin_release in the callback.
 */
#pragma once
#include <gio/gio.h>
#include <backplane/owner.h>
#include <backplane/plugin.h>
#include <backplane/scope.h>

G_BEGIN_DECLS

static inline void bp_cancel_cancellable(gpointer object)
{
	g_cancellable_cancel((GCancellable *)object);
}

/* Cancelled when `self`, or the owner of the scope `self`, begins to end. Borrowed. Any thread. */
static inline GCancellable *bp_plugin_cancellable(BpPlugin *self)
{
	BpCancel *cancel = bp_plugin_cancel(self);
	BpPlugin *parent = bp_scope_parent(self);
	GCancellable *made;

	if (g_atomic_pointer_get(&cancel->object))
		return (GCancellable *)g_atomic_pointer_get(&cancel->object);
	made = g_cancellable_new();
	cancel->cancel = bp_cancel_cancellable;
	cancel->free = g_object_unref;
	if (!g_atomic_pointer_compare_and_exchange(&cancel->object, NULL, made)) {
		g_object_unref(made);
		return (GCancellable *)g_atomic_pointer_get(&cancel->object);
	}
	if (parent)
		g_signal_connect_object(bp_plugin_cancellable(parent), "cancelled", G_CALLBACK(g_cancellable_cancel),
					made, G_CONNECT_SWAPPED);
	if (bp_owner_is_dying(self))
		g_cancellable_cancel(made);
	return made;
}

G_END_DECLS
