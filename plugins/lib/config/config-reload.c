/* SPDX-License-Identifier: MIT */
/* config-reload.c - the file in use is read again, all or nothing.
 *
 * A job reads it. Everything that can be checked is checked before anything changes. Then: settings; modules that can
 * take their new parameters do; the others that changed, and those that are gone, are closed; when they have closed,
 * what is new or changed is opened. If one of these fails, all of it is undone and the old instances are opened again.
 * An instance closes only when its code has left the stack, so the reload goes on from a timer until then.
 */
#include <string.h>
#include <backplane/file.h>
#include <backplane/loop.h>
#include <backplane/server.h>
#include "config-tree.h"
#include <backplane/host.h>

#define STEP 10000 /* microseconds */
#define PATIENCE (5 * G_USEC_PER_SEC)
#define WHY "its configuration has changed"

typedef struct {
	char *name;
	BpValues *before;
} UpdatedInstance;

typedef struct {
	BpConfig *fresh;
	GPtrArray *plugins;  /* names of those loaded for it */
	GPtrArray *to_open;  /* const ConfigInstance */
	GPtrArray *to_close; /* names */
	GPtrArray *plans;    /* BpPlan of what was closed */
	GPtrArray *waiting;  /* names of what has still to go */
	GPtrArray *updated;  /* UpdatedInstance */
	GString *changes;
	GError *failure;
	gboolean back; /* it failed, and the old is restored */
	gint64 deadline;
	BpConfigReloaded done;
	gpointer data;
} ConfigReload;

static ConfigReload *reload; /* the reload in progress, or NULL */

static void updated_free(gpointer data)
{
	UpdatedInstance *updated = data;

	g_free(updated->name);
	bp_values_free(updated->before);
	g_free(updated);
}

static ConfigReload *reload_new(BpConfigReloaded done, gpointer data)
{
	ConfigReload *self = g_new0(ConfigReload, 1);

	self->plugins = g_ptr_array_new_with_free_func(g_free);
	self->to_open = g_ptr_array_new();
	self->to_close = g_ptr_array_new_with_free_func(g_free);
	self->plans = g_ptr_array_new_with_free_func((GDestroyNotify)bp_plan_free);
	self->waiting = g_ptr_array_new_with_free_func(g_free);
	self->updated = g_ptr_array_new_with_free_func(updated_free);
	self->changes = g_string_new(NULL);
	self->done = done;
	self->data = data;
	return self;
}

static void reload_free(ConfigReload *self)
{
	bp_config_free(self->fresh);
	g_ptr_array_unref(self->plugins);
	g_ptr_array_unref(self->to_open);
	g_ptr_array_unref(self->to_close);
	g_ptr_array_unref(self->plans);
	g_ptr_array_unref(self->waiting);
	g_ptr_array_unref(self->updated);
	g_string_free(self->changes, TRUE);
	g_clear_error(&self->failure);
	g_free(self);
}

void config_forget_reload(void)
{
	g_clear_pointer(&reload, reload_free);
}

static void log_lines(const char *text, BpLogLevel level)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line; line++)
		if (**line)
			bp_log(bp_kernel(), level, "%s", *line);
}

static void finish(void)
{
	ConfigReload *self = g_steal_pointer(&reload);

	if (self->done)
		self->done(self->changes->str, self->failure, self->data);
	else if (self->failure)
		log_lines(self->failure->message, BP_LOG_ERROR);
	else
		log_lines(self->changes->len ? self->changes->str
					     : "the configuration was read again; nothing has changed",
			  BP_LOG_NOTICE);
	reload_free(self);
}

/* --- settings --- */

/* Its own inverse, with the two exchanged. */
static gboolean change_settings(const BpConfig *from, const BpConfig *to, GError **error)
{
	for (guint i = 0; i < to->settings->len; i++) {
		ConfigItem *item = to->settings->pdata[i];
		const ConfigItem *before = config_find_item(from->settings, item);

		if (before && !strcmp(before->text, item->text)) {
			item->applied = before->applied;
		} else if (before && before->applied) {
			if (!bp_setting_set_temporary(item->path, item->key, item->text, error))
				return FALSE;
			item->applied = TRUE;
		} else if (!config_set_one(item, error)) {
			return FALSE;
		}
	}
	for (guint i = 0; i < from->settings->len; i++)
		if (!config_find_item(to->settings, from->settings->pdata[i]))
			config_unset_one(from->settings->pdata[i]);
	return TRUE;
}

/* --- updates --- */

typedef enum { UPDATE_DONE, UPDATE_REOPEN, UPDATE_FAILED } UpdateResult;

static UpdateResult update(BpInstance *self, BpValues *take_values, BpValues **before, GError **error)
{
	g_autoptr(GError) why = NULL;

	if (bp_instance_update(self, take_values, before, &why))
		return UPDATE_DONE;
	if (!why)
		return UPDATE_REOPEN;
	g_propagate_error(error, g_steal_pointer(&why));
	return UPDATE_FAILED;
}

static UpdateResult try_update(const ConfigInstance *wanted, BpInstance *open, BpValues *take_values)
{
	BpValues *before;
	UpdateResult result = update(open, take_values, &before, &reload->failure);
	UpdatedInstance *updated;

	if (result == UPDATE_FAILED) {
		g_autofree char *where = config_position(reload->fresh, wanted->position);

		g_prefix_error(&reload->failure, "%s: %s %s cannot take its new parameters: ", where,
			       config_item_kind(wanted), wanted->name);
	} else if (result == UPDATE_DONE) {
		updated = g_new0(UpdatedInstance, 1);
		updated->name = g_strdup(wanted->name);
		updated->before = before;
		g_ptr_array_add(reload->updated, updated);
	}
	return result;
}

static void undo_updates(void)
{
	for (guint i = reload->updated->len; i > 0; i--) {
		UpdatedInstance *updated = reload->updated->pdata[i - 1];
		BpInstance *open = bp_instance_find(updated->name);
		BpValues *after = NULL;

		if (open && update(open, g_steal_pointer(&updated->before), &after, NULL) != UPDATE_DONE)
			bp_log(bp_kernel(), BP_LOG_ERROR, "%s did not take its old parameters back; close and open it",
			       updated->name);
		bp_values_free(after);
	}
}

/* --- planning --- */

static gboolean is_as_wanted(BpInstance *open, const ConfigInstance *wanted, const BpValues *values)
{
	return !bp_instance_is_closing(open) && !strcmp(bp_instance_module(open)->name, wanted->module) &&
	       !strcmp(bp_instance_path(open), wanted->path) && bp_values_equal(bp_instance_values(open), values);
}

static gboolean can_update(BpInstance *open, const ConfigInstance *wanted)
{
	return !bp_instance_is_closing(open) && bp_instance_module(open)->update &&
	       !strcmp(bp_instance_module(open)->name, wanted->module) && !strcmp(bp_instance_path(open), wanted->path);
}

static void note(const ConfigInstance *wanted, const ConfigInstance *before, const char *text)
{
	if (before && config_same_instance(before, wanted))
		g_string_append_printf(reload->changes, "~ %s %s: %s\n", config_item_kind(wanted), wanted->name, text);
}

/* FALSE: `failure` is set. */
static gboolean decide_one(const ConfigInstance *wanted)
{
	const ConfigInstance *before = config_find_instance(bp_config_running(), wanted->name);
	BpInstance *open = bp_instance_find(wanted->name);
	g_autoptr(BpValues) values = config_instance_values(wanted);
	UpdateResult result;

	if (!values || (open && !before && !is_as_wanted(open, wanted, values))) {
		g_autofree char *where = config_position(reload->fresh, wanted->position);

		if (!values)
			g_set_error(&reload->failure, BP_HOST_ERROR, BP_NOT_FOUND,
				    "%s: the plugin of %s has gone; load it again", where, wanted->module);
		else
			g_set_error(
				&reload->failure, BP_HOST_ERROR, BP_EXISTS,
				"%s: %s is open already, but not by this file; module close %s first, or take another name",
				where, wanted->name, wanted->name);
		return FALSE;
	}
	if (!open) {
		note(wanted, before, "it was closed, and is open again");
		g_ptr_array_add(reload->to_open, (gpointer)wanted);
		return TRUE;
	}
	if (is_as_wanted(open, wanted, values))
		return TRUE;
	note(wanted, before, "it is as the file says again");
	if (can_update(open, wanted)) {
		result = try_update(wanted, open, g_steal_pointer(&values));
		if (result != UPDATE_REOPEN)
			return result == UPDATE_DONE;
	}
	g_ptr_array_add(reload->to_close, g_strdup(wanted->name));
	g_ptr_array_add(reload->to_open, (gpointer)wanted);
	return TRUE;
}

static gboolean decide(void)
{
	const BpConfig *old = bp_config_running();

	for (guint i = 0; i < reload->fresh->instances->len; i++)
		if (!decide_one(reload->fresh->instances->pdata[i]))
			return FALSE;
	for (guint i = 0; i < old->instances->len; i++) {
		const ConfigInstance *instance = old->instances->pdata[i];
		BpInstance *open = bp_instance_find(instance->name);

		/* Another module may have been opened under that name meanwhile: it is kept. */
		if (open && !config_find_instance(reload->fresh, instance->name) &&
		    !strcmp(bp_instance_module(open)->name, instance->module))
			g_ptr_array_add(reload->to_close, g_strdup(instance->name));
	}
	return TRUE;
}

/* --- closing and opening --- */

static void close_old(void)
{
	g_autoptr(GPtrArray) all = bp_instance_list(NULL);

	for (guint i = 0; i < all->len; i++) {
		BpInstance *open = all->pdata[i];

		if (!g_ptr_array_find_with_equal_func(reload->to_close, bp_plugin_name(open), g_str_equal, NULL))
			continue;
		g_ptr_array_add(reload->waiting, g_strdup(bp_plugin_name(open)));
		g_ptr_array_add(reload->plans, bp_plan_instance(open));
	}
	/* One that goes may take others with it. */
	for (guint i = reload->waiting->len; i > 0; i--) {
		BpInstance *open = bp_instance_find(reload->waiting->pdata[i - 1]);

		if (open)
			bp_instance_close(open, WHY);
	}
}

static void open_new(void)
{
	guint i;

	for (i = 0; i < reload->to_open->len; i++)
		if (!config_open_one(reload->fresh, reload->to_open->pdata[i], &reload->failure))
			break;
	for (; reload->failure && i > 0; i--) {
		const ConfigInstance *wanted = reload->to_open->pdata[i - 1];
		BpInstance *open = bp_instance_find(wanted->name);

		if (!open)
			continue;
		g_ptr_array_add(reload->waiting, g_strdup(wanted->name));
		bp_instance_close(open, "the new configuration could not be opened as a whole");
	}
}

static void restore(void)
{
	g_autoptr(GError) error = NULL;

	undo_updates();
	change_settings(reload->fresh, bp_config_running(), NULL);
	for (guint i = 0; i < reload->plans->len;) {
		const BpPlan *plan = reload->plans->pdata[i];
		BpInstance *open = bp_instance_find(plan->name);

		if (open && !bp_instance_is_closing(open))
			g_ptr_array_remove_index(reload->plans, i);
		else
			i++;
	}
	if (!bp_plan_open(reload->plans, &error))
		g_prefix_error(&reload->failure,
			       "the old configuration could not be restored as a whole, %s; this is why it was tried: ",
			       error->message);
	bp_config_unload_plugins(reload->plugins);
}

/* A server whose certificate cannot be read keeps the old one. */
static void reread_certificates(void)
{
	g_autoptr(GPtrArray) servers = bp_server_list();

	for (guint i = 0; i < servers->len; i++) {
		BpServer *server = servers->pdata[i];
		g_autoptr(GError) error = NULL;

		if (bp_instance_bool(bp_server_instance(server), "tls") && !bp_server_reload_tls(server, &error))
			g_string_append_printf(reload->changes, "! %s keeps its old certificate: %s\n",
					       bp_plugin_name(bp_server_instance(server)), error->message);
	}
}

static gboolean is_late(void)
{
	return bp_loop_now() > reload->deadline || bp_kernel_is_quitting();
}

static gboolean has_closed(void)
{
	for (guint i = reload->waiting->len; i > 0; i--)
		if (!bp_instance_find(reload->waiting->pdata[i - 1]))
			g_ptr_array_remove_index(reload->waiting, i - 1);
	return !reload->waiting->len;
}

static void begin_back(void)
{
	reload->back = TRUE;
	reload->deadline = bp_loop_now() + PATIENCE;
}

static void later(void);

/* Goes as far as it can. */
static void go_on(BpPlugin *self, gpointer data)
{
	if (!has_closed() && !is_late()) {
		later();
		return;
	}
	if (reload->waiting->len && !reload->back) {
		g_set_error(&reload->failure, BP_HOST_ERROR, BP_TIMEOUT,
			    "%s does not close; the old configuration goes on", (char *)reload->waiting->pdata[0]);
		g_ptr_array_set_size(reload->waiting, 0);
		begin_back();
	} else if (!reload->back && !reload->failure) {
		open_new();
		if (reload->failure) {
			begin_back();
			go_on(self, data);
			return;
		}
	}
	if (reload->failure) {
		restore();
	} else {
		config_run_with(g_steal_pointer(&reload->fresh));
		reread_certificates();
	}
	finish();
}

static void later(void)
{
	bp_timer_add(bp_kernel(), NULL, STEP, 1, go_on, NULL, NULL);
}

static void begin(BpPlugin *self, const char *text, gsize size, const GError *error, gpointer data)
{
	const BpConfig *old = bp_config_running();
	g_autoptr(GString) changes = NULL;

	if (!reload || bp_kernel_is_quitting())
		return; /* the end has forgotten it, or will */
	reload->fresh = bp_config_read_result(bp_config_file(old), text, size, error, &reload->failure);
	if (!reload->fresh || !bp_config_load_plugins(reload->fresh, reload->plugins, &reload->failure) ||
	    !bp_config_check(reload->fresh, &reload->failure)) {
		bp_config_unload_plugins(reload->plugins);
		finish();
		return;
	}
	changes = bp_config_diff(old, reload->fresh);
	g_string_append(reload->changes, changes->str);
	for (guint i = 0; i < reload->fresh->warnings->len; i++)
		g_string_append_printf(reload->changes, "! %s\n", (char *)reload->fresh->warnings->pdata[i]);
	reload->deadline = bp_loop_now() + PATIENCE;
	if (change_settings(old, reload->fresh, &reload->failure) && decide())
		close_old();
	else
		begin_back();
	go_on(self, NULL);
}

gboolean bp_config_reload(BpConfigReloaded done, gpointer data, GError **error)
{
	if (!bp_config_running()) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "no configuration file is in use; start with -c FILE");
		return FALSE;
	}
	if (reload) {
		g_set_error(error, BP_HOST_ERROR, BP_BUSY,
			    "the configuration is being read again already; wait until that has ended");
		return FALSE;
	}
	if (!bp_file_read(bp_kernel(), bp_config_file(bp_config_running()), CONFIG_READ_MAX, begin, NULL, error))
		return FALSE;
	reload = reload_new(done, data);
	return TRUE;
}

gboolean bp_config_is_reloading(void)
{
	return reload != NULL;
}
