/* SPDX-License-Identifier: MIT */
/* context.c - context, set. */
#include <string.h>
#include "commands.h"

static gboolean run_context(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) list = bp_context_list();

	for (guint i = 0; i < list->len; i++)
		bp_call_print(call, bp_context_path(list->pdata[i]));
	return TRUE;
}

static BpContext *find_context(BpCall *call, GError **error)
{
	g_autofree char *path = bp_context_check_path(bp_call_string(call, "path"), error);
	BpContext *context = path ? bp_context_find(path) : NULL;

	/* Asking makes none but the root: they stay for ever. */
	if (path && !path[1])
		context = bp_context(path);
	if (path && !context)
		bp_fail(error, BP_NOT_FOUND, "there is no context %s; context lists them", path);
	return context;
}

static void list_settings(BpCall *call, BpContext *context)
{
	g_autoptr(GPtrArray) settings = bp_setting_rows(context);
	BpTable *table = bp_table_new("Key", "Value", "From", "What it is", NULL);

	for (guint i = 0; i < settings->len; i++) {
		const BpParam *param = settings->pdata[i];
		g_autofree char *value = bp_setting_get(context, param->name);
		gboolean temporary = bp_setting_is_temporary(context, param->name);

		bp_table_row(table, bp_call_wants_json(call) ? "%s\t%s\t%s\t%s" : "\"%s\"\t:= %s\t%s\t%s", param->name,
			     param->secret && value ? "***"
			     : value		    ? value
						    : "(none)",
			     temporary				       ? "this run only"
			     : bp_setting_is_set(context, param->name) ? "set"
								       : "default",
			     param->help ? param->help : "");
		bp_table_style(table, 2, BP_DIM);
	}
	bp_call_table(call, table);
	if (!settings->len)
		bp_call_styled(call, BP_DIM, "%s has no settings", bp_context_path(context));
}

static gboolean run_set(BpPlugin *self, BpCall *call, GError **error)
{
	BpContext *context = find_context(call, error);
	const char *key = bp_call_string(call, "key"), *value = bp_call_string(call, "value");
	g_autofree char *now = NULL;

	if (!context)
		return FALSE;
	if (!key) {
		list_settings(call, context);
		return TRUE;
	}
	if (value || bp_call_bool(call, "reset"))
		return bp_setting_set(context, key, bp_call_bool(call, "reset") ? NULL : value, error);
	if (!bp_setting_row(context, key))
		return bp_setting_set(context, key, "", error); /* its sentence names the nearest key */
	now = bp_setting_get(context, key);
	bp_call_printf(call, "\"%s\" := %s", key, bp_setting_row(context, key)->secret ? "***" : now ? now : "(none)");
	return TRUE;
}

static const BpParam set_params[] = {
	{ "key", .kind = BP_ARGUMENT, .names = BP_A_SETTING, .help = "its name; all are listed if none is given" },
	{ "value", .kind = BP_ARGUMENT, .help = "its new value" },
	{ "path", 'p', .fallback = "/", .names = BP_A_CONTEXT, .help = "the context it is of" },
	{ "reset", 'r', BP_BOOL, .help = "back to the default" },
	{ NULL },
};

const BpCommand context_commands[] = {
	{ "context", .help = "list the contexts", .run = run_context, .group = "settings" },
	{ "set", .example = "set default_telnet_port 2323", .help = "list, show or change settings",
	  .params = set_params, .run = run_set, .role = BP_OPERATOR, .group = "settings" },
	{ NULL },
};
