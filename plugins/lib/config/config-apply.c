/* SPDX-License-Identifier: MIT */
/* config-apply.c - what a checked configuration says is done: settings, instances, commands. All of it or nothing. */
#include <string.h>
#include <backplane/plugin.h>
#include <backplane/serve.h>
#include "config-tree.h"
#include <backplane/host.h>
#include <backplane/registry.h>
#include <backplane/host.h>

static BpConfig *running;

const BpConfig *bp_config_running(void)
{
	return running;
}

/* --- settings --- */

/* What -s gave counts over the file. */
gboolean config_set_one(ConfigItem *item, GError **error)
{
	BpContext *context = bp_context(item->path);

	if (bp_setting_is_temporary(context, item->key))
		return TRUE;
	item->applied = bp_setting_set_temporary(item->path, item->key, item->text, error);
	return item->applied;
}

/* Restores the saved value, unless the setting was changed meanwhile. */
void config_unset_one(ConfigItem *item)
{
	BpContext *context = bp_context(item->path);
	g_autofree char *stored = NULL;

	if (item->applied && bp_setting_is_temporary(context, item->key)) {
		const BpParam *row = bp_setting_row(context, item->key);

		stored = bp_setting_stored(item->path, row ? row->name : item->key);
		bp_setting_set(context, item->key, stored, NULL);
	}
	item->applied = FALSE;
}

/* --- instances --- */

/* A taken port is the port's fault, and so on. */
static ConfigPosition position_to_blame(const ConfigInstance *instance, const GError *error)
{
	const char *name = error->domain != BP_IO_ERROR ? NULL
			   : error->code == BP_BUSY	? "port"
			   : error->code == BP_INVALID	? "bind"
							: NULL;
	const ConfigPair *pair = name ? config_instance_pair(instance, name) : NULL;

	return pair ? pair->position : instance->position;
}

gboolean config_open_one(const BpConfig *config, const ConfigInstance *instance, GError **error)
{
	g_autoptr(BpValues) values = config_instance_values(instance);
	g_autoptr(GError) why = NULL;
	g_autofree char *where = NULL;

	if (!values)
		g_set_error(&why, BP_HOST_ERROR, BP_NOT_FOUND, "the plugin of %s has gone; load it again",
			    instance->module);
	else if (bp_module_open(instance->module, instance->name, instance->path, g_steal_pointer(&values), &why))
		return TRUE;
	where = config_position(config, position_to_blame(instance, why));
	g_set_error(error, why->domain, why->code, "%s: %s %s cannot be opened: %s", where, config_item_kind(instance),
		    instance->name, why->message);
	return FALSE;
}

static gboolean open_all(const BpConfig *config, GError **error)
{
	for (guint i = 0; i < config->instances->len; i++) {
		if (config_open_one(config, config->instances->pdata[i], error))
			continue;
		while (i-- > 0) {
			const ConfigInstance *instance = config->instances->pdata[i];
			BpInstance *open = bp_instance_find(instance->name);

			if (open)
				bp_instance_close(open, "the configuration could not be opened as a whole");
		}
		return FALSE;
	}
	return TRUE;
}

/* --- the start --- */

static void forget_running(gpointer data)
{
	config_forget_reload();
	g_clear_pointer(&running, bp_config_free);
}

void config_run_with(BpConfig *take_config)
{
	if (!running)
		bp_plugin_defer_undo(bp_kernel(), forget_running, NULL);
	bp_config_free(running);
	running = take_config;
}

static void run_commands(const BpConfig *config, BpConfigRun run)
{
	g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) places = g_ptr_array_new_with_free_func(g_free);

	/* One of them may reload, and then the configuration is another. */
	for (guint i = 0; run && i < config->commands->len; i++) {
		const ConfigItem *item = config->commands->pdata[i];

		g_ptr_array_add(lines, g_strdup(item->text));
		g_ptr_array_add(places, config_position(config, item->position));
	}
	for (guint i = 0; i < lines->len && !bp_kernel_is_quitting(); i++) {
		g_autoptr(GError) error = NULL;

		if (!run(lines->pdata[i], &error))
			bp_log(bp_kernel(), BP_LOG_ERROR, "%s: %s", (char *)places->pdata[i],
			       error ? error->message : "it failed");
	}
}

gboolean bp_config_apply(BpConfig *take_config, BpConfigRun run, GError **error)
{
	g_autoptr(BpConfig) config = take_config;
	gboolean good = TRUE;

	g_return_val_if_fail(config && config->checked && !running, FALSE);
	for (guint i = 0; good && i < config->settings->len; i++)
		good = config_set_one(config->settings->pdata[i], error);
	if (!good || !open_all(config, error)) {
		for (guint i = 0; i < config->settings->len; i++)
			config_unset_one(config->settings->pdata[i]);
		return FALSE;
	}
	config_run_with(g_steal_pointer(&config));
	run_commands(running, run);
	return TRUE;
}

/* --- one server without a file --- */

static const BpTransport *find_transport(const char *name, GError **error)
{
	g_autofree char *path = g_strconcat("transport/", name, NULL);
	const BpTransport *transport = bp_registry_find(path);
	g_auto(GStrv) names = NULL;
	g_autofree char *all = NULL;
	g_autofree char *shown = bp_param_quote(name);

	if (transport)
		return transport;
	names = bp_registry_list("transport/");
	all = g_strjoinv(", ", names);
	g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no transport %s; there are %s", shown,
		    *all ? all : "none");
	return NULL;
}

static gboolean check_handler(const char *name, GError **error)
{
	g_autofree char *shown = bp_param_quote(name);
	g_autofree char *hint = NULL;
	g_auto(GStrv) names = NULL;

	if (bp_handler_find(name))
		return TRUE;
	names = bp_registry_list("handler/");
	hint = bp_param_hint(bp_nearest(name, (const char *const *)names));
	g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no handler %s%s", shown, hint);
	return FALSE;
}

BpInstance *bp_config_serve(const char *transport_name, const char *handler, const char *name, const char *const *pairs,
			    GError **error)
{
	const BpTransport *transport = find_transport(transport_name, error);
	const BpModule *module = transport ? bp_module_find(transport->module) : NULL;
	g_autofree char *clean = config_handler_name(handler);
	g_autofree char *given = name ? g_strdup(name) : g_strdup_printf("%s-%s", clean, transport_name);
	g_autofree char *port = transport ? g_strdup_printf("%u", transport->default_port) : NULL;
	g_autoptr(BpValues) values = module ? bp_values_new(module->params) : NULL;

	if (transport && !module)
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "transport %s wants the module %s, which is not there",
			    transport_name, transport->module);
	if (!values || !check_handler(clean, error) || !bp_values_set_pairs(values, pairs, error) ||
	    !bp_values_set(values, "handler", clean, error))
		return NULL;
	if (bp_param_find(module->params, "port") && !bp_values_is_set(values, "port"))
		bp_values_set(values, "port", port, NULL);
	return bp_module_open(transport->module, given, "/", g_steal_pointer(&values), error);
}
