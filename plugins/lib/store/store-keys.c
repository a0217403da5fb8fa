/* SPDX-License-Identifier: MIT */
/* store-keys.c - keys and their values: all of them in memory, what changes is written with the next round. */
#include <string.h>
#include "store-state.h"

static gsize size_of(const char *key, const char *value)
{
	return value ? strlen(key) + strlen(value) + 2 : 0;
}

gboolean bp_store_set(BpStore *store, const char *key, const char *value, GError **error)
{
	const char *before;
	gsize size;

	g_return_val_if_fail(store && key && value, FALSE);
	if (!*key || !g_utf8_validate(key, -1, NULL) || !g_utf8_validate(value, -1, NULL)) {
		g_set_error(error, BP_IO_ERROR, BP_INVALID, "%s: a key is not empty, and it and its value are UTF-8",
			    store->path);
		return FALSE;
	}
	before = g_hash_table_lookup(store->keys, key);
	if (before && !strcmp(before, value))
		return TRUE;
	size = store->keys_size - size_of(key, before) + size_of(key, value);
	if (size > store->options.keys_limit) {
		g_set_error(error, BP_IO_ERROR, BP_LIMIT,
			    "%s: keys and their values take more than %zu bytes; remove some", store->path,
			    store->options.keys_limit);
		return FALSE;
	}
	store->keys_size = size;
	g_hash_table_replace(store->changed, g_strdup(key), g_strdup(value));
	g_hash_table_replace(store->keys, g_strdup(key), g_strdup(value)); /* `value` may be a part of the one before */
	store_schedule(store);
	return TRUE;
}

const char *bp_store_get(const BpStore *store, const char *key)
{
	return g_hash_table_lookup(store->keys, key);
}

/* Before the file was read nobody knows what there is: it is removed from there. */
gboolean bp_store_remove(BpStore *store, const char *key)
{
	const char *before = g_hash_table_lookup(store->keys, key);

	if (!before && store->opened)
		return FALSE;
	store->keys_size -= size_of(key, before);
	g_hash_table_replace(store->changed, g_strdup(key), NULL);
	g_hash_table_remove(store->keys, key);
	store_schedule(store);
	return before != NULL;
}

static int compare(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char **bp_store_keys(const BpStore *store, const char *prefix)
{
	GPtrArray *names = g_ptr_array_new();
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, store->keys);
	while (g_hash_table_iter_next(&iter, &key, NULL))
		if (!prefix || g_str_has_prefix(key, prefix))
			g_ptr_array_add(names, g_strdup(key));
	g_ptr_array_sort(names, compare);
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(names, FALSE);
}

/* What was set or removed since it was opened is newer. */
void store_keys_found(BpStore *store, const GPtrArray *found)
{
	for (guint i = 0; i + 1 < found->len; i += 2) {
		const char *key = found->pdata[i], *value = found->pdata[i + 1];

		if (g_hash_table_contains(store->keys, key) || g_hash_table_contains(store->changed, key) ||
		    g_hash_table_contains(store->round.keys, key))
			continue;
		g_hash_table_insert(store->keys, g_strdup(key), g_strdup(value));
		store->keys_size += size_of(key, value);
	}
}

void store_keys_all_changed(BpStore *store)
{
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, store->keys);
	while (g_hash_table_iter_next(&iter, &key, &value))
		g_hash_table_replace(store->changed, g_strdup(key), g_strdup(value));
}
