/* SPDX-License-Identifier: MIT */
/* rest.c - what the host is, as resources (resource.h): GET /api/v1/NAME of every server that shows resources. */
#include "resources.h"

static const char manual[] =
	"What the host is, for programs: host, servers, contexts, settings, channels, modules, instances, plugins,\n"
	"sessions, commands, problems. Each is a resource, which the web server has at /api/v1/NAME; /api/v1/openapi.json\n"
	"describes them all.\n";

static gboolean load(BpPlugin *self, GError **error)
{
	static const BpResource *const resources[] = {
		&host_resource,	    &servers_resource,	&contexts_resource,  &settings_resource,
		&channels_resource, &modules_resource,	&instances_resource, &plugins_resource,
		&sessions_resource, &commands_resource, &problems_resource,
	};

	for (guint i = 0; i < G_N_ELEMENTS(resources); i++) {
		g_autofree char *path = g_strconcat("resource/", resources[i]->name, NULL);

		if (!bp_registry_add(self, path, resources[i], error))
			return FALSE;
	}
	return TRUE;
}

BP_PLUGIN(.name = "rest", .version = "1.0", .summary = "The host itself as resources", .manual = manual, .load = load);
