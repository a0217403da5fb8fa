/* SPDX-License-Identifier: MIT */
/* config-load.c - the plugins that a configuration names, and the steps of reading one in a row.
 *
 * Tables are needed for checking, so plugins are loaded first. What was loaded for a configuration that turns out
 * to be wrong goes again.
 */
#include <string.h>
#include <backplane/plugin.h>
#include "config-tree.h"
#include <backplane/host.h>

static char *plugin_name(const char *text)
{
	char *name = g_path_get_basename(text);

	if (g_str_has_suffix(name, ".so"))
		name[strlen(name) - 3] = '\0';
	return name;
}

static void extend_path(BpConfig *config)
{
	GPtrArray *folders = g_ptr_array_new();
	const char *const *now = bp_plugin_path();

	for (; now && *now; now++)
		g_ptr_array_add(folders, g_strdup(*now));
	for (guint i = 0; i < config->plugin_path->len; i++) {
		const ConfigItem *item = config->plugin_path->pdata[i];
		g_autofree char *folder = config_path(config, item->text);

		if (!g_ptr_array_find_with_equal_func(folders, folder, g_str_equal, NULL))
			g_ptr_array_add(folders, g_steal_pointer(&folder));
	}
	g_ptr_array_add(folders, NULL);
	bp_plugin_set_path((const char *const *)folders->pdata);
	g_strfreev((char **)g_ptr_array_free(folders, FALSE));
}

static void check_folders(BpConfig *config, Faults *faults)
{
	for (guint i = 0; i < config->plugin_path->len; i++) {
		const ConfigItem *item = config->plugin_path->pdata[i];
		g_autofree char *folder = config_path(config, item->text);
		g_autofree char *shown = bp_param_quote(folder);

		if (!g_file_test(folder, G_FILE_TEST_IS_DIR))
			faults_add(faults, item->position,
				   "there is no folder %s; paths begin at the folder of this file", shown);
	}
}

/* What could have been meant, of the files in the path; yours. */
static char *nearest_file(const char *name)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	const char *nearest;

	for (const char *const *folder = bp_plugin_path(); folder && *folder; folder++) {
		g_autoptr(GDir) dir = g_dir_open(*folder, 0, NULL);
		const char *file;

		while (dir && (file = g_dir_read_name(dir)))
			if (g_str_has_suffix(file, ".so"))
				g_ptr_array_add(names, plugin_name(file));
	}
	g_ptr_array_add(names, NULL);
	nearest = bp_nearest(name, (const char *const *)names->pdata);
	return nearest && strcmp(nearest, name) ? g_strdup(nearest) : NULL;
}

static void load_one(BpConfig *config, const ConfigItem *item, Faults *faults)
{
	g_autofree char *name = plugin_name(item->text);
	g_autofree char *path = strchr(item->text, '/') ? config_path(config, item->text) : g_strdup(item->text);
	g_autofree char *nearest = NULL;
	BpPlugin *plugin = bp_plugin_find(name);
	g_autoptr(GError) error = NULL;

	if (plugin && bp_plugin_is_unloading(plugin))
		faults_add(faults, item->position, "%s is still unloading; try again when it has gone", name);
	if (plugin || bp_plugin_load(path, &error))
		return;
	if (g_error_matches(error, BP_HOST_ERROR, BP_NOT_FOUND) && !strchr(item->text, '/'))
		nearest = nearest_file(name);
	if (nearest)
		faults_add(faults, item->position, "there is no plugin %s; did you mean %s?", name, nearest);
	else
		faults_add(faults, item->position, "%s", error->message);
}

static GHashTable *loaded_names(void)
{
	GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GPtrArray) list = bp_plugin_list();

	for (guint i = 0; i < list->len; i++)
		g_hash_table_add(names, g_strdup(bp_plugin_name(list->pdata[i])));
	return names;
}

void bp_config_unload_plugins(GPtrArray *fresh)
{
	for (guint i = fresh->len; i > 0; i--) {
		BpPlugin *plugin = bp_plugin_find(fresh->pdata[i - 1]);

		if (plugin)
			bp_plugin_unload(plugin, NULL, NULL);
	}
	g_ptr_array_set_size(fresh, 0);
}

gboolean bp_config_load_plugins(BpConfig *config, GPtrArray *fresh, GError **error)
{
	g_autoptr(GPtrArray) own = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GHashTable) before = loaded_names();
	g_autoptr(GPtrArray) list = NULL;
	Faults faults;

	faults_init(&faults, config->file);
	check_folders(config, &faults);
	extend_path(config);
	if (!config->names_plugins)
		bp_plugin_load_all();
	for (guint i = 0; i < config->plugins->len && !faults_are_many(&faults); i++)
		load_one(config, config->plugins->pdata[i], &faults);
	list = bp_plugin_list();
	for (guint i = 0; i < list->len; i++)
		if (!g_hash_table_contains(before, bp_plugin_name(list->pdata[i])))
			g_ptr_array_add(own, g_strdup(bp_plugin_name(list->pdata[i])));
	if (!faults_end(&faults, error)) {
		bp_config_unload_plugins(own);
		return FALSE;
	}
	for (guint i = 0; fresh && i < own->len; i++)
		g_ptr_array_add(fresh, g_strdup(own->pdata[i]));
	return TRUE;
}

/* --- the steps in a row --- */

char *bp_config_check_only(BpConfig *config, GError **error)
{
	g_autoptr(GPtrArray) fresh = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GString) text = g_string_new(NULL);
	gboolean good = bp_config_load_plugins(config, fresh, error) && bp_config_check(config, error);

	bp_config_unload_plugins(fresh);
	for (guint i = 0; good && i < config->warnings->len; i++)
		g_string_append_printf(text, "%s%s", i ? "\n" : "", (char *)config->warnings->pdata[i]);
	return good ? g_strdup(text->str) : NULL;
}

gboolean bp_config_start(const char *file, gboolean only_check, BpConfigRun run, GError **error)
{
	g_autoptr(BpConfig) config = bp_config_read(file, error);

	if (!config || !bp_config_load_plugins(config, NULL, error) || !bp_config_check(config, error))
		return FALSE;
	for (guint i = 0; i < config->warnings->len; i++)
		bp_log(bp_kernel(), BP_LOG_WARNING, "%s", (char *)config->warnings->pdata[i]);
	return only_check || bp_config_apply(g_steal_pointer(&config), run, error);
}
