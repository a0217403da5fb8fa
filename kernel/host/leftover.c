/* SPDX-License-Identifier: MIT */
/* leftover.c - before a plugin's file is unmapped, who knows is asked whether its code would be called again. */
#include <backplane/leftovers.h>
#include "host/plugin.h"

#define LEFTOVERS "host/leftovers"

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
	BpPlugin *self;
	const BpLeftovers *object = registry_find(LEFTOVERS, &self);

	return object ? object->before(self, next_source()) : NULL;
}

gpointer leftover_loaded(gpointer take_before, const char *name)
{
	BpPlugin *self;
	const BpLeftovers *object = take_before ? registry_find(LEFTOVERS, &self) : NULL;

	return object ? object->loaded(self, take_before, name) : take_before;
}

char *leftover_find(gpointer take_before)
{
	BpPlugin *self;
	const BpLeftovers *object = take_before ? registry_find(LEFTOVERS, &self) : NULL;
	char *found = object ? object->find(self, take_before, next_source()) : NULL;

	g_free(take_before);
	return found;
}
