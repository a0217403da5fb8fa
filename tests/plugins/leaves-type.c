/* SPDX-License-Identifier: MIT */
/* leaves-type.c - registers types for the whole process, and a name. */
#include <glib-object.h>
#include <backplane/backplane.h>

static void on_notify(GObject *object, GParamSpec *property)
{
}

static void class_init(gpointer class, gpointer data)
{
	((GObjectClass *)class)->notify = on_notify;
}

static gboolean load(BpPlugin *self, GError **error)
{
	static const GTypeInfo copied = { .class_size = sizeof(GObjectClass),
					  .class_init = class_init,
					  .instance_size = sizeof(GObject) };

	if (!g_type_from_name("HostileThing"))
		g_type_register_static_simple(G_TYPE_OBJECT, g_intern_static_string("HostileThing"),
					      sizeof(GObjectClass), class_init, sizeof(GObject), NULL, 0);
	if (!g_type_from_name("HostileCopy"))
		g_type_register_static(G_TYPE_OBJECT, "HostileCopy", &copied, 0);
	g_quark_from_static_string("hostile-quark");
	return TRUE;
}

BP_PLUGIN(.name = "leaves-type", .version = "1.0", .load = load);
