/* SPDX-License-Identifier: MIT */
/* leftover.c - before a plugin's file is unmapped, who knows is asked whether its code would be called again. */
#include <backplane/leftovers.h>
#include <backplane/registry.h>
#include "host/plugin.h"

static BpPlugin *self; /* of what `leftovers` gives */

static const BpLeftovers *leftovers(void)
{
	self = bp_registry_owner("host/leftovers");
	return bp_registry_find("host/leftovers");
}

/* The id that the next source on the default context gets. */
static guint next_source(void)
{
	GSource *source = g_idle_source_new();
	guint id = g_source_attach(source, NULL);

	g_source_destroy(source);
	g_source_unref(source);
	return id;
}

gpointer leftover_before(void)
{
	const BpLeftovers *object = leftovers();

	return object ? object->before(self, next_source()) : NULL;
}

gpointer leftover_loaded(gpointer take_before, const char *name)
{
	const BpLeftovers *object = take_before ? leftovers() : NULL;

	return object ? object->loaded(self, take_before, name) : take_before;
}

char *leftover_find(gpointer take_before)
{
	const BpLeftovers *object = take_before ? leftovers() : NULL;
	char *found = object ? object->find(self, take_before, next_source()) : NULL;

	g_free(take_before);
	return found;
}
