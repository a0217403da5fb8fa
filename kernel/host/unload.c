/* SPDX-License-Identifier: MIT */
/* unload.c - unloading a plugin: its callbacks are not called any more, its code leaves the stack, its calls return, its
 * instances close, all its objects are dropped, and then it is unmapped. Each step runs from the inbox of the loop, before timers: a busy
 * timer of the plugin cannot delay it. A forced unload does not wait for calls to return: then the memory that they may still use is
 * kept, above all the code.
 */
#include "host/plugin.h"
#include <backplane/scope.h>
#include "bus/port.h"
#include "host/module.h"
#include "loop/loop.h"

/* What an unload by force gives to calls that are coming back. */
#define FORCE_PATIENCE G_USEC_PER_SEC

/* A reload is a transaction: the new file is mapped and checked before the old one is unloaded; if it cannot start, or an instance
 * cannot be opened, the old one is loaded again from its bytes. */
typedef struct {
	PluginImage *fresh;   /* mapped; NULL: it was tried, or another reload has one */
	PluginImage *old;     /* for its bytes */
	GPtrArray *instances; /* BpPlan */
	GError *error;	      /* why the new one was not taken */
	BpReloadDone done;
	gpointer data;
} PluginReload;

/* Callback for the end of a plugin: exactly one of these. */
typedef struct {
	PluginUnloaded done;
	BpUnloadDone plain;
	gpointer data; /* of these two */
	PluginReload *reload;
} UnloadWaiter;

static GPtrArray *abandoned; /* plugins that were unloaded by force and that something still comes back to */
static gboolean at_end;	     /* all are unloaded, and the process will end: nothing is loaded or unmapped */
static GPtrArray *kept;	     /* those that have left something behind, to which their handle may be known */

static void ask_finish(BpPlugin *plugin);
static void unload(BpPlugin *plugin, gboolean force, UnloadWaiter waiter);

static gboolean is_held(BpPlugin *plugin)
{
	return g_atomic_int_get(&plugin->holds) > 0;
}

static void reload_free(PluginReload *reload)
{
	if (reload->fresh)
		plugin_image_free(reload->fresh, TRUE);
	if (reload->old)
		plugin_image_free(reload->old, FALSE);
	g_clear_error(&reload->error);
	g_ptr_array_unref(reload->instances);
	g_free(reload);
}

static gboolean start(PluginReload *reload, PluginImage *take_image, GError **error)
{
	return take_image && plugin_start_image(take_image, error) && bp_plan_open(reload->instances, error);
}

/* The new one was not taken. FALSE: it is still unloading, and this is called again. */
static gboolean go_back(PluginReload *reload, const char *name)
{
	BpPlugin *failed = bp_plugin_find(name);
	g_autoptr(GError) why = NULL;

	if (failed) {
		unload(failed, FALSE, (UnloadWaiter){ .reload = reload });
		return FALSE;
	}
	if (start(reload, plugin_image_again(reload->old, &why), &why))
		g_prefix_error(&reload->error, "%s was not reloaded, and the one from before runs on: ", name);
	else
		g_prefix_error(&reload->error,
			       "%s was not reloaded, and the one from before does not run either (%s): ", name,
			       why ? why->message : "");
	return TRUE;
}

/* Takes the reload. Others may have loaded it again already. */
static void finish_reload(PluginReload *reload, const char *name, gboolean comes_back)
{
	BpPlugin *there = bp_plugin_find(name);
	gboolean first = !reload->error;

	if (!comes_back && first)
		g_set_error(&reload->error, BP_HOST_ERROR, BP_CLOSED,
			    "%s was unloaded meanwhile, so it is not loaded again; plugin load %s does that", name,
			    name);
	else if (comes_back && there && there->file->unloading) { /* it could not start, and goes back */
		if (first)
			g_set_error(&reload->error, BP_HOST_ERROR, BP_FAILED, "%s could not be started anew", name);
		unload(there, FALSE, (UnloadWaiter){ .reload = reload });
		return;
	} else if (comes_back && !there && plugin_may_load(first ? &reload->error : NULL) &&
		   !(first && start(reload, g_steal_pointer(&reload->fresh), &reload->error)) && !go_back(reload, name))
		return;
	reload->done(reload->error, reload->data);
	reload_free(reload);
}

static void tell_waiters(const char *name, const char *left, GSList *take_waiters, gboolean comes_back)
{
	for (GSList *at = take_waiters; at; at = at->next) {
		UnloadWaiter *waiter = at->data;

		if (waiter->reload)
			finish_reload(waiter->reload, name, comes_back);
		else if (waiter->done)
			waiter->done(name, left, waiter->data);
		else
			waiter->plain(name, waiter->data);
	}
	g_slist_free_full(take_waiters, g_free);
}

/* What held it has come back. */
static void run_bury(gpointer a, gpointer b, guint64 c)
{
	BpPlugin *plugin = a;

	if (!g_ptr_array_find(abandoned, plugin, NULL) || is_held(plugin))
		return;
	g_ptr_array_remove(abandoned, plugin);
	plugin->when_idle = NULL;
	owner_drop_all(plugin);
	plugin_free(plugin);
}

static void add_to(GPtrArray **list, BpPlugin *plugin)
{
	if (!*list)
		*list = g_ptr_array_new();
	g_ptr_array_add(*list, plugin);
	plugin->file->is_kept = TRUE;
}

/* Its code stays mapped and its memory stays; everything else goes. */
static char *abandon(BpPlugin *plugin)
{
	char *holds = bp_owner_holds_text(plugin);

	bp_log(bp_kernel(), BP_LOG_WARNING, "%s is unloaded by force, and its code stays in memory: it was held by %s",
	       plugin->name, holds);
	add_to(&abandoned, plugin);
	plugin->when_idle = ask_finish;
	return holds;
}

static char *unmap(BpPlugin *plugin, const char *name)
{
	char *left = at_end ? NULL : plugin_unmap(plugin);

	if (left)
		bp_log(bp_kernel(), BP_LOG_WARNING, "%s has left behind %s: its code stays in memory", name, left);
	if (plugin->file->is_kept)
		add_to(&kept, plugin);
	else
		plugin_free(plugin);
	return left;
}

static void call_unload(BpPlugin *plugin)
{
	frame_push(plugin, "unload function", NULL);
	if (plugin->file->loaded && plugin->file->info->unload)
		plugin->file->info->unload(plugin);
	frame_pop();
	plugin->file->loaded = FALSE;
}

static void finish(BpPlugin *plugin)
{
	PluginFile *file = plugin->file;
	g_autofree char *name = g_strdup(plugin->name);
	g_autofree char *left = NULL;
	gboolean comes_back;
	GSList *waiters;

	/* What holds it here lets this be called again. */
	if (!loops_quiet(plugin) && !file->forced)
		return;
	module_close_all(plugin, "its plugin is being unloaded");
	if (is_held(plugin) && !file->forced)
		return;
	call_unload(plugin);
	if ((!loops_leave(plugin) || is_held(plugin)) && !file->forced)
		return;
	plugin->when_idle = NULL;
	if (file->patience)
		bp_scope_close(g_steal_pointer(&file->patience));
	if (is_held(plugin))
		file->instances = module_abandon_all(plugin);
	owner_drop_all(plugin);
	plugin_remove(plugin);
	waiters = g_steal_pointer(&file->done);
	comes_back = file->comes_back;
	left = is_held(plugin) ? abandon(plugin) : unmap(plugin, name);
	bp_log(bp_kernel(), BP_LOG_INFO, "unloaded %s", name);
	tell_waiters(name, left, waiters, comes_back);
}

static gboolean is_idle(BpPlugin *plugin)
{
	return !plugin->depth && (!is_held(plugin) || plugin->file->forced);
}

/* May have been requested several times, so the plugin may have been unloaded already. */
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

/* Also inside the plugin's code. */
static void ask_finish(BpPlugin *plugin)
{
	inbox_post(bp_loop_main(), plugin->file->is_kept ? run_bury : run_finish, plugin, NULL, 0, TRUE);
}

static void begin(BpPlugin *plugin)
{
	g_autofree char *holds = NULL;

	if (plugin_tables && plugin_tables->dying)
		plugin_tables->dying(plugin);
	owner_die(plugin);
	job_cancel_all(plugin);
	holds = bp_owner_holds_text(plugin);
	loops_stop(plugin);
	module_cancel_all(plugin);
	if (holds)
		bp_log(bp_kernel(), BP_LOG_NOTICE, "unloading %s: it is held by %s", plugin->name, holds);
	ask_finish(plugin);
}

static void on_force(BpPlugin *self, gpointer data)
{
	BpPlugin *plugin = bp_plugin_data(self);

	plugin->file->forced = TRUE;
	ask_finish(plugin);
}

static void unload(BpPlugin *plugin, gboolean force, UnloadWaiter waiter)
{
	PluginFile *file = plugin->file;

	g_return_if_fail(file && file->info);
	if (!force) /* that only makes haste */
		file->comes_back = !!waiter.reload;
	if (waiter.done || waiter.plain || waiter.reload)
		file->done = g_slist_append(file->done, g_memdup2(&waiter, sizeof(waiter)));
	if (force && !file->patience) {
		file->patience = bp_scope_open(bp_kernel());
		bp_plugin_set_data(file->patience, plugin);
		bp_timer_add(file->patience, NULL, FORCE_PATIENCE, 1, on_force, NULL, NULL);
	}
	if (file->unloading)
		return;
	file->unloading = TRUE;
	begin(plugin);
}

void plugin_unload(BpPlugin *plugin, gboolean force, PluginUnloaded done, gpointer data)
{
	unload(plugin, force, (UnloadWaiter){ .done = done, .data = data });
}

static void run_unload(gpointer a, gpointer b, guint64 c)
{
	UnloadWaiter waiter = { .plain = (BpUnloadDone)b, .data = (gpointer)(gsize)c };
	g_autofree char *name = a;
	BpPlugin *plugin = bp_plugin_find(name);

	if (plugin)
		unload(plugin, FALSE, waiter);
	else if (waiter.plain)
		waiter.plain(name, waiter.data);
}

void bp_plugin_unload(BpPlugin *plugin, BpUnloadDone done, gpointer data)
{
	if (bus_on_main())
		unload(plugin, FALSE, (UnloadWaiter){ .plain = done, .data = data });
	else
		inbox_post(bp_loop_main(), run_unload, g_strdup(plugin->name), (gpointer)done, (gsize)data, TRUE);
}

const GPtrArray *plugin_abandoned(void)
{
	return abandoned;
}

gboolean plugin_may_load(GError **error)
{
	if (at_end)
		g_set_error(error, BP_HOST_ERROR, BP_CLOSED, "Backplane is shutting down: no plugin is loaded");
	return !at_end;
}

static gboolean none_is_left(void)
{
	g_autoptr(GPtrArray) left = bp_plugin_list();

	return !left->len;
}

void plugin_unload_all(void)
{
	g_autoptr(GPtrArray) list = bp_plugin_list();

	at_end = TRUE;
	for (guint i = list->len; i > 0; i--)
		bp_plugin_unload(list->pdata[i - 1], NULL, NULL);
	loop_turn_until(none_is_left, g_get_monotonic_time() + UNLOAD_ALL_PATIENCE * G_USEC_PER_SEC);
	at_end = FALSE;
}

static gboolean has_fresh(const BpPlugin *plugin)
{
	for (const GSList *at = plugin->file->done; at; at = at->next) {
		const UnloadWaiter *waiter = at->data;

		if (waiter->reload && waiter->reload->fresh)
			return TRUE;
	}
	return FALSE;
}

static gboolean prepare(PluginReload *reload, BpPlugin *plugin, GError **error)
{
	if (!plugin_may_load(error))
		return FALSE;
	if (!plugin->file->image)
		return bus_fail(error, BP_HOST_ERROR, BP_INVALID, "%s is part of the program", plugin->name);
	reload->old = plugin->file->image;
	reload->old->users++;
	if (has_fresh(plugin))
		return TRUE;
	reload->fresh = plugin_image_open(reload->old->path, error);
	return reload->fresh && plugin_image_fits(reload->fresh, plugin->name, reload->instances, error);
}

void bp_plugin_reload(BpPlugin *plugin, BpReloadDone done, gpointer data)
{
	PluginReload *reload = g_new0(PluginReload, 1);

	reload->instances = bp_plan_instances(plugin);
	reload->done = done;
	reload->data = data;
	if (prepare(reload, plugin, &reload->error)) {
		unload(plugin, FALSE, (UnloadWaiter){ .reload = reload });
		return;
	}
	g_prefix_error(&reload->error, "%s was not reloaded and runs on: ", plugin->name);
	done(reload->error, data);
	reload_free(reload);
}
