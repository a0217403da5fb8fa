/* SPDX-License-Identifier: MIT */
/* plugin.c - finding, checking and loading a plugin's file. */
#include "host/plugin.h"
#include <string.h>
#include <backplane/program.h>
#include "bus/port.h"
#include "host/module.h"

static GPtrArray *plugins; /* in order of loading */
static char **folders;
const PluginTables *plugin_tables;

#if defined(__SANITIZE_ADDRESS__)
/* A closed library makes the leak reports of its code unreadable. */
#define KEEP_MAPPED TRUE
#else
#define KEEP_MAPPED FALSE
#endif

void plugin_use_tables(const PluginTables *table)
{
	plugin_tables = table;
}

void bp_plugin_set_path(const char *const *path)
{
	g_strfreev(folders);
	folders = g_strdupv((char **)path);
}

const char *const *bp_plugin_path(void)
{
	return (const char *const *)folders;
}

const BpPluginInfo *bp_plugin_info_of(const BpPlugin *plugin)
{
	return plugin->file ? plugin->file->info : NULL;
}

const char *bp_plugin_file(const BpPlugin *plugin)
{
	return plugin->file->image ? plugin->file->image->path : NULL;
}

gboolean bp_plugin_is_unloading(const BpPlugin *plugin)
{
	return plugin->file->unloading;
}

/* Rows as we know them, of a table whose rows had another size where it was compiled; `*copy` is to be freed. Each begins with its
 * name, and the last has none. */
gconstpointer plugin_rows(gconstpointer table, gsize size, gsize known, gpointer *copy)
{
	const char *rows = table;
	gsize count = 0;

	if (!rows || size == known)
		return rows;
	while (*(const char *const *)(rows + count * size))
		count++;
	*copy = g_malloc0_n(count + 1, known);
	for (gsize i = 0; i < count; i++)
		memcpy((char *)*copy + i * known, rows + i * size, MIN(size, known));
	return *copy;
}

static void take_info(PluginFile *file, const BpPluginInfo *info)
{
	BpPluginInfo *known = &file->known;

	bp_struct_copy(known, sizeof(*known), info);
	known->commands = plugin_rows(info->commands, info->command_size, sizeof(BpCommand), &file->tables[0]);
	known->modules = plugin_rows(info->modules, info->module_size, sizeof(BpModule), &file->tables[1]);
	known->handlers = plugin_rows(info->handlers, info->handler_size, sizeof(BpHandler), &file->tables[2]);
	file->info = known;
}

BpPlugin *plugin_new(const char *name, const BpPluginInfo *info, PluginImage *take_image)
{
	BpPlugin *plugin = g_new0(BpPlugin, 1);

	owner_init(plugin, NULL, name);
	plugin->file = g_new0(PluginFile, 1);
	if (info)
		take_info(plugin->file, info);
	plugin->file->image = take_image;
	if (!plugins)
		plugins = g_ptr_array_new();
	if (info)
		g_ptr_array_add(plugins, plugin);
	return plugin;
}

void plugin_remove(BpPlugin *plugin)
{
	g_ptr_array_remove(plugins, plugin);
}

char *plugin_unmap(BpPlugin *plugin)
{
	PluginImage *image = g_steal_pointer(&plugin->file->image);
	char *left;

	if (!image)
		return NULL;
	left = plugin->file->info->resident ? NULL : leftover_find(g_steal_pointer(&image->before));
	plugin->file->is_kept = left != NULL;
	if (!left)
		owner_clear(plugin); /* by a function of the plugin, perhaps */
	if (!plugin_image_free(image, !left && !KEEP_MAPPED))
		left = g_strdup("unique symbols or thread-local variables of C++, or -z nodelete");
	return left;
}

void plugin_free(BpPlugin *plugin)
{
	PluginFile *file = plugin->file;

	g_clear_pointer(&file->instances, g_ptr_array_unref);
	owner_clear(plugin);
	for (guint i = 0; i < G_N_ELEMENTS(file->tables); i++)
		g_free(file->tables[i]);
	if (file->image)
		plugin_image_free(file->image, FALSE);
	g_free(file);
	g_free(plugin);
}

BpPlugin *bp_plugin_find(const char *name)
{
	for (guint i = 0; i < plugins->len; i++) {
		BpPlugin *plugin = plugins->pdata[i];

		if (!strcmp(plugin->name, name))
			return plugin;
	}
	return NULL;
}

const char *bp_crash_plugin(gconstpointer map)
{
	for (guint i = 0; plugins && i < plugins->len; i++) {
		const BpPlugin *plugin = plugins->pdata[i];

		if (plugin->file->image && plugin->file->image->handle == map)
			return plugin->name;
	}
	return NULL;
}

gconstpointer bp_crash_running(char *text, gsize size)
{
	BpPlugin *owner = frame_describe(&frame_stack, text, size);

	owner = owner && owner->parent ? owner->parent : owner;
	return owner && owner->file && owner->file->info ? owner->file->info->name : NULL; /* `info` is a copy */
}

GPtrArray *bp_plugin_list(void)
{
	return g_ptr_array_copy(plugins, NULL, NULL);
}

/* --- checks --- */

static gboolean check_abi(const BpPluginInfo *info, const char *file, GError **error)
{
	static const char remedy[] = "build it again with the headers of this one";

	if (info->size < offsetof(BpPluginInfo, resident))
		return bus_fail(error, BP_HOST_ERROR, BP_ABI_MISMATCH,
				"%s was built for an early Backplane, before ABI 1: %s", file, remedy);
	if (info->abi != BP_ABI)
		return bus_fail(error, BP_HOST_ERROR, BP_ABI_MISMATCH,
				"%s was built for ABI %u and this Backplane has ABI %u: %s", file, info->abi, BP_ABI,
				remedy);
	if (info->abi_minor > BP_ABI_MINOR)
		return bus_fail(
			error, BP_HOST_ERROR, BP_ABI_MISMATCH,
			"%s was built for a newer Backplane (ABI %u.%u; this one has %u.%u): update Backplane, or %s",
			file, info->abi, info->abi_minor, BP_ABI, BP_ABI_MINOR, remedy);
	return TRUE;
}

static gboolean check_info(const BpPluginInfo *info, const char *file, GError **error)
{
	BpPlugin *other;

	if (!check_abi(info, file, error))
		return FALSE;
	if (!info->name || !*info->name || strlen(info->name) > 64 ||
	    strspn(info->name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(info->name))
		return bus_fail(error, BP_HOST_ERROR, BP_INVALID,
				"%s names itself badly: a plugin's name is made of a-z, 0-9 and -, 64 at most", file);
	other = bp_plugin_find(info->name);
	if (other || !strcmp(info->name, "kernel"))
		return bus_fail(error, BP_HOST_ERROR, BP_EXISTS, "a plugin named %s is %s; plugin unload %s first",
				info->name, other && other->file->unloading ? "still unloading" : "loaded already",
				info->name);
	return TRUE;
}

/* "tcp" -> /usr/lib/.../tcp.so; a path stays one. */
static char *find_file(const char *file, GError **error)
{
	g_autofree char *name = g_str_has_suffix(file, ".so") ? g_strdup(file) : g_strconcat(file, ".so", NULL);
	g_autofree char *places = NULL;

	if (strchr(file, '/'))
		return g_canonicalize_filename(g_file_test(file, G_FILE_TEST_EXISTS) ? file : name, NULL);
	for (char **folder = folders; folder && *folder; folder++) {
		g_autofree char *path = g_build_filename(*folder, name, NULL);

		if (g_file_test(path, G_FILE_TEST_EXISTS))
			return g_canonicalize_filename(path, NULL);
	}
	places = folders ? g_strjoinv(", ", folders) : g_strdup("");
	g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND,
		    "there is no plugin %s in %s; plugin load takes a name from there, or the path of a .so%s%s", name,
		    places, g_file_test(name, G_FILE_TEST_EXISTS) ? ", such as ./" : "",
		    g_file_test(name, G_FILE_TEST_EXISTS) ? name : "");
	return NULL;
}

/* --- loading --- */

/* A load that fails is undone as an unload is, from the loop if its code is on the stack. */
static gboolean start(BpPlugin *plugin, GError **error)
{
	const BpPluginInfo *info = plugin->file->info;
	g_auto(GStrv) needs = g_strsplit(info->needs ? info->needs : "", " ", -1);
	gboolean good;

	for (char **name = needs; *name; name++) {
		BpPlugin *other = bp_plugin_find(*name);

		if (!**name || (other && !other->file->unloading))
			continue;
		if (!bp_plugin_load(*name, error)) {
			g_prefix_error(error, "%s needs %s: ", info->name, *name);
			return FALSE;
		}
	}
	if (!module_add_tables(plugin, info, error) || (plugin_tables && !plugin_tables->add(plugin, info, error)))
		return FALSE;
	if (info->load) {
		g_autoptr(GError) why = NULL;

		owner_enter_as(plugin, "load function", NULL);
		good = info->load(plugin, &why);
		owner_leave(plugin);
		if (!good)
			return bus_fail(error, BP_HOST_ERROR, BP_FAILED, "%s could not start: %s", info->name,
					why ? why->message : "it gave no reason");
	}
	plugin->file->loaded = TRUE;
	bp_log(plugin, BP_LOG_INFO, "loaded %s %s", info->name, info->version ? info->version : "");
	return TRUE;
}

static BpPlugin *plugin_start(BpPlugin *plugin, GError **error)
{
	gboolean good = start(plugin, error);

	if (plugin->file->image)
		plugin->file->image->before = leftover_loaded(plugin->file->image->before, plugin->name);
	if (good)
		return plugin;
	bp_plugin_unload(plugin, NULL, NULL);
	return NULL;
}

BpPlugin *bp_plugin_add(const void *plugin_info, GError **error)
{
	const BpPluginInfo *info = plugin_info;

	if (!check_info(info, "this plugin", error))
		return NULL;
	return plugin_start(plugin_new(info->name, info, NULL), error);
}

BpPlugin *plugin_start_image(PluginImage *take_image, GError **error)
{
	if (check_info(take_image->info, take_image->path, error))
		return plugin_start(plugin_new(take_image->info->name, take_image->info, take_image), error);
	plugin_image_free(take_image, TRUE);
	return NULL;
}

BpPlugin *bp_plugin_load(const char *file, GError **error)
{
	g_autofree char *path = find_file(file, error);
	PluginImage *image = path && plugin_may_load(error) ? plugin_image_open(path, error) : NULL;

	return image ? plugin_start_image(image, error) : NULL;
}

gboolean plugin_image_fits(const PluginImage *image, const char *name, GPtrArray *plans, GError **error)
{
	const BpPluginInfo *info = image->info;
	g_autofree gpointer copy = NULL;
	const BpModule *modules;

	if (!check_abi(info, image->path, error))
		return FALSE;
	if (g_strcmp0(info->name, name))
		return bus_fail(error, BP_HOST_ERROR, BP_INVALID, "%s is the plugin \"%s\" now, not %s", image->path,
				info->name ? info->name : "", name);
	modules = plugin_rows(info->modules, info->module_size, sizeof(BpModule), &copy);
	return module_plans_fit(plans, modules, error);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static guint load_folder(const char *folder)
{
	g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *file;
	guint failed = 0;

	while (dir && (file = g_dir_read_name(dir)))
		if (g_str_has_suffix(file, ".so"))
			g_ptr_array_add(files, g_build_filename(folder, file, NULL));
	g_ptr_array_sort(files, by_name);
	for (guint i = 0; i < files->len; i++) {
		g_autofree char *name = g_path_get_basename(files->pdata[i]);
		g_autoptr(GError) error = NULL;

		name[strlen(name) - 3] = 0;
		if (!bp_plugin_find(name) && !bp_plugin_load(files->pdata[i], &error)) {
			bp_log(bp_kernel(), BP_LOG_ERROR, "%s", error->message);
			failed++;
		}
	}
	return failed;
}

guint bp_plugin_load_all(void)
{
	guint failed = 0;

	for (char **folder = folders; folder && *folder; folder++)
		failed += load_folder(*folder);
	return failed;
}
