/* SPDX-License-Identifier: MIT */
/* uses-type.c - makes an object of a type that another plugin has registered, and looks up a name that it has left. */
#include <glib-object.h>
#include <backplane/backplane.h>

static gboolean run_make(BpPlugin *self, BpCall *call, GError **error)
{
	GType type = g_type_from_name(bp_call_string(call, "type"));

	if (!type) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no such type");
		return FALSE;
	}
	g_object_unref(g_object_new(type, NULL));
	bp_call_printf(call, "made one, quark %s", g_quark_from_string("hostile-quark") ? "found" : "missing");
	return TRUE;
}

static const BpParam params[] = {
	{ "type", .kind = BP_ARGUMENT, .required = TRUE, .help = "its name" },
	{ NULL },
};

static const BpCommand commands[] = {
	{ "make", .help = "make an object", .params = params, .run = run_make },
	{ NULL },
};

BP_PLUGIN(.name = "uses-type", .version = "1.0", .commands = commands);
