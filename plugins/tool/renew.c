/* SPDX-License-Identifier: MIT */
/* renew.c - tool renew: plugins whose files have changed since they were loaded, as after an upgrade of their package, are loaded again. */
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include "tool.h"

static GHashTable *known; /* name -> what its file was when it was seen first */

/* Those that a reload would cut the command off from. */
static const char *const kept[] = { "control", "tool", "console", "commands", "leftovers", "config", NULL };

static char *file_id(const BpPlugin *plugin)
{
	const char *file = bp_plugin_file(plugin);
	struct stat status;

	if (!file || stat(file, &status))
		return NULL;
	return g_strdup_printf("%ju/%ju/%jd.%09ld", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino,
			       (intmax_t)status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

static gboolean is_new(const BpPlugin *plugin)
{
	g_autofree char *id = file_id(plugin);
	const char *before = g_hash_table_lookup(known, bp_plugin_name(plugin));

	return id && before && strcmp(id, before);
}

void tool_renew_look(const char *name)
{
	BpPlugin *plugin = bp_plugin_find(name);
	char *id = plugin ? file_id(plugin) : NULL;

	if (id)
		g_hash_table_insert(known, g_strdup(name), id);
	else
		g_hash_table_remove(known, name);
}

void tool_renew_load(void)
{
	g_autoptr(GPtrArray) list = bp_plugin_list();

	known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	for (guint i = 0; i < list->len; i++)
		tool_renew_look(bp_plugin_name(list->pdata[i]));
}

void tool_renew_unload(void)
{
	g_hash_table_unref(known);
}

gboolean tool_run_renew(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) list = bp_plugin_list();
	g_autoptr(GString) lines = g_string_new(NULL);

	for (guint i = 0; i < list->len; i++) {
		const char *name = bp_plugin_name(list->pdata[i]);

		if (!is_new(list->pdata[i]))
			continue;
		if (g_strv_contains(kept, name))
			bp_call_printf(call, "%s has changed, too: it is renewed when the host starts again.", name);
		else
			g_string_append_printf(lines, ".plugin reload %s\n", name);
	}
	if (!lines->len) {
		bp_call_print(call, "All other plugins are as their files are.");
		return TRUE;
	}
	bp_call_run(call, lines->str);
	return TRUE;
}
