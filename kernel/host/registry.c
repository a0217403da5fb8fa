/* SPDX-License-Identifier: MIT */
/* registry.c - objects by path, whose they are, and who holds them. */
#include <backplane/registry.h>
#include <string.h>
#include "bus/owner.h"
#include "host/plugin.h"

typedef struct {
	BpOwned owned;
	char *path;
	gconstpointer object;
	guint64 number;
	GQueue holds; /* RegistryHold */
} RegistryEntry;

typedef struct {
	BpOwned owned;
	RegistryEntry *entry;
	BpFunc gone;
	gpointer data;
	GDestroyNotify destroy;
} RegistryHold;

static GHashTable *entries; /* path -> RegistryEntry */
static guint64 last_number;

static void drop_hold(BpOwned *owned)
{
	RegistryHold *hold = OWNED_BY(owned, RegistryHold, owned);

	owner_unlink(owned);
	g_queue_remove(&hold->entry->holds, hold);
	if (hold->destroy)
		hold->destroy(hold->data);
	g_free(hold);
}

static void drop_entry(BpOwned *owned)
{
	RegistryEntry *entry = OWNED_BY(owned, RegistryEntry, owned);
	RegistryHold *hold;

	owner_unlink(owned);
	g_hash_table_steal(entries, entry->path);
	if (!g_hash_table_size(entries))
		g_clear_pointer(&entries, g_hash_table_unref);
	while ((hold = g_queue_peek_head(&entry->holds))) {
		BpPlugin *holder = hold->owned.owner;

		owner_enter_always(holder);
		if (hold->gone)
			g_steal_pointer (&hold->gone)(holder, hold->data);
		if (g_queue_peek_head(&entry->holds) == hold) /* not released in it */
			drop_hold(&hold->owned);
		owner_leave(holder);
	}
	g_free(entry->path);
	g_free(entry);
}

static RegistryEntry *find(const char *path)
{
	return entries ? g_hash_table_lookup(entries, path) : NULL;
}

gboolean bp_registry_add(BpPlugin *self, const char *path, gconstpointer object, GError **error)
{
	RegistryEntry *entry = find(path);

	if (entry)
		return bus_fail(error, BP_HOST_ERROR, BP_EXISTS, "%s is registered by %s already", path,
				entry->owned.owner->name);
	if (!entries)
		entries = g_hash_table_new(g_str_hash, g_str_equal);
	entry = g_new0(RegistryEntry, 1);
	entry->path = g_strdup(path);
	entry->object = object;
	entry->number = ++last_number;
	g_queue_init(&entry->holds);
	g_hash_table_insert(entries, entry->path, entry);
	owner_link(self, &entry->owned, "registration", drop_entry);
	return TRUE;
}

void bp_registry_remove(BpPlugin *self, const char *path)
{
	RegistryEntry *entry = find(path);

	g_return_if_fail(entry && entry->owned.owner == self);
	drop_entry(&entry->owned);
}

gconstpointer registry_find(const char *path, BpPlugin **owner)
{
	RegistryEntry *entry = find(path);

	*owner = entry ? entry->owned.owner : NULL;
	return entry ? entry->object : NULL;
}

gconstpointer bp_registry_find(const char *path)
{
	BpPlugin *owner;

	return registry_find(path, &owner);
}

BpPlugin *bp_registry_owner(const char *path)
{
	BpPlugin *owner;

	registry_find(path, &owner);
	return owner;
}

static gint by_path(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **bp_registry_list(const char *prefix)
{
	GPtrArray *names = g_ptr_array_new();
	GHashTableIter iter;
	gpointer path;

	if (entries) {
		g_hash_table_iter_init(&iter, entries);
		while (g_hash_table_iter_next(&iter, &path, NULL))
			if (g_str_has_prefix(path, prefix))
				g_ptr_array_add(names, g_strdup((char *)path + strlen(prefix)));
	}
	g_ptr_array_sort(names, by_path);
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(names, FALSE);
}

static gint by_number(gconstpointer a, gconstpointer b)
{
	const RegistryEntry *first = *(RegistryEntry *const *)a, *second = *(RegistryEntry *const *)b;

	return first->number < second->number ? -1 : 1;
}

GPtrArray *bp_registry_objects(const char *prefix)
{
	GPtrArray *list = g_ptr_array_new();
	GHashTableIter iter;
	gpointer path, entry;

	if (entries) {
		g_hash_table_iter_init(&iter, entries);
		while (g_hash_table_iter_next(&iter, &path, &entry))
			if (g_str_has_prefix(path, prefix))
				g_ptr_array_add(list, entry);
	}
	g_ptr_array_sort(list, by_number);
	for (guint i = 0; i < list->len; i++)
		list->pdata[i] = (gpointer)((RegistryEntry *)list->pdata[i])->object;
	return list;
}

gconstpointer bp_registry_hold(BpPlugin *self, const char *path, BpFunc gone, gpointer data, GDestroyNotify destroy)
{
	RegistryEntry *entry = find(path);
	RegistryHold *hold;

	if (!entry)
		return NULL;
	hold = g_new0(RegistryHold, 1);
	hold->entry = entry;
	hold->gone = gone;
	hold->data = data;
	hold->destroy = destroy;
	g_queue_push_tail(&entry->holds, hold);
	owner_link_notified(self, &hold->owned, "registry hold", drop_hold);
	return entry->object;
}

void bp_registry_release(BpPlugin *self, const char *path)
{
	RegistryEntry *entry = find(path);

	for (GList *at = entry ? entry->holds.head : NULL; at; at = at->next) {
		RegistryHold *hold = at->data;

		if (hold->owned.owner == self) {
			drop_hold(&hold->owned);
			return;
		}
	}
}
