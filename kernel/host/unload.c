/* SPDX-License-Identifier: MIT */
/* unload.c - how a plugin goes: nothing of it is called, its code leaves the stack, its calls return, its
 * instances close, all it owns is dropped, and only then is it unmapped. Always from the loop's inbox, which runs
 * before timers: a plugin's own busy timer cannot keep it alive.
 */
#include "host/plugin.h"
#include "host/module.h"
#include "loop/loop.h"

typedef struct {
	BpUnloadDone done;
	gpointer data;
} Waiter;

static void finish(BpPlugin *plugin)
{
	PluginFile *file = plugin->file;
	g_autofree char *name = g_strdup(plugin->name);
	GSList *waiters = file->done;

	loop_close_all(plugin);
	module_close_all(plugin, "its plugin is being unloaded");
	if (g_atomic_int_get(&plugin->holds))
		return; /* taken by a close; when they are released this is called again */
	plugin->when_idle = NULL;
	if (file->loaded && file->info->unload)
		file->info->unload(plugin);
	owner_drop_all(plugin);
	plugin_free(plugin);
	bp_log(bp_kernel(), BP_LOG_INFO, "unloaded %s", name);
	for (GSList *at = waiters; at; at = at->next) {
		Waiter *waiter = at->data;

		waiter->done(name, waiter->data);
	}
	g_slist_free_full(waiters, g_free);
}

static gboolean is_idle(BpPlugin *plugin)
{
	return !plugin->depth && !g_atomic_int_get(&plugin->holds);
}

static void ask_finish(BpPlugin *plugin);

/* Asked for more than once perhaps, so it may have gone already. */
static void run_finish(gpointer a, gpointer b, guint64 c)
{
	g_autoptr(GPtrArray) list = bp_plugin_list();
	BpPlugin *plugin = a;

	if (!g_ptr_array_find(list, plugin, NULL) || !plugin->file->unloading)
		return;
	plugin->when_idle = ask_finish;
	if (is_idle(plugin))
		finish(plugin);
}

/* Also from another thread, when the last hold is released there. */
static void ask_finish(BpPlugin *plugin)
{
	inbox_post(bp_loop_main(), run_finish, plugin, NULL, 0, TRUE);
}

static void begin(BpPlugin *plugin)
{
	if (plugin_tables && plugin_tables->dying)
		plugin_tables->dying(plugin);
	g_atomic_int_set(&plugin->dying, TRUE);
	owner_cancel(plugin);
	job_cancel_all(plugin);
	module_cancel_all(plugin);
	if (g_atomic_int_get(&plugin->holds))
		bp_log(bp_kernel(), BP_LOG_NOTICE, "unloading %s: it waits for %d calls to return", plugin->name,
		       g_atomic_int_get(&plugin->holds));
	ask_finish(plugin);
}

void bp_plugin_unload(BpPlugin *plugin, BpUnloadDone done, gpointer data)
{
	PluginFile *file = plugin->file;

	g_return_if_fail(file && file->info);
	if (done) {
		Waiter *waiter = g_new0(Waiter, 1);

		waiter->done = done;
		waiter->data = data;
		file->done = g_slist_append(file->done, waiter);
	}
	if (file->unloading)
		return;
	file->unloading = TRUE;
	begin(plugin);
}

static gboolean on_patience(gpointer data)
{
	*(gboolean *)data = TRUE;
	return G_SOURCE_REMOVE;
}

void plugin_unload_all(void)
{
	g_autoptr(GPtrArray) list = bp_plugin_list();
	gboolean late = FALSE;
	GSource *patience = g_timeout_source_new_seconds(5);

	g_source_set_callback(patience, on_patience, &late, NULL);
	g_source_attach(patience, NULL);
	for (guint i = list->len; i > 0; i--)
		bp_plugin_unload(list->pdata[i - 1], NULL, NULL);
	g_ptr_array_set_size(list, 0);
	for (;;) {
		g_autoptr(GPtrArray) left = bp_plugin_list();

		if (!left->len || late)
			break;
		g_main_context_iteration(NULL, TRUE);
	}
	g_source_destroy(patience);
	g_source_unref(patience);
}

/* --- reload --- */

typedef struct {
	char *path;
	GPtrArray *instances; /* BpPlan */
	BpReloadDone done;
	gpointer data;
} Reload;

static void on_unloaded(const char *name, gpointer data)
{
	Reload *reload = data;
	g_autoptr(GError) error = NULL;

	if (bp_plugin_load(reload->path, &error))
		bp_plan_open(reload->instances, &error);
	reload->done(error, reload->data);
	g_ptr_array_unref(reload->instances);
	g_free(reload->path);
	g_free(reload);
}

void bp_plugin_reload(BpPlugin *plugin, BpReloadDone done, gpointer data)
{
	Reload *reload;

	if (!plugin->file->path) {
		g_autoptr(GError) error = g_error_new(BP_HOST_ERROR, BP_INVALID, "%s is part of the program", plugin->name);

		done(error, data);
		return;
	}
	reload = g_new0(Reload, 1);
	reload->path = g_strdup(plugin->file->path);
	reload->instances = bp_plan_instances(plugin);
	reload->done = done;
	reload->data = data;
	bp_plugin_unload(plugin, on_unloaded, reload);
}
