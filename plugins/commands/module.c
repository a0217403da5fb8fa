/* SPDX-License-Identifier: MIT */
/* module.c - module list, open, close, info; register. */
#include <string.h>
#include <backplane/access.h>
#include <backplane/metric.h>
#include <backplane/owner.h>
#include <backplane/registry.h>
#include "commands.h"
#include "usage.h"

static gboolean run_list(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) open = bp_instance_list(NULL);
	BpTable *table = bp_table_new("Loaded Modules:", "Class", "State", "Context", "Parameters", NULL);

	for (guint i = 0; i < open->len; i++) {
		BpInstance *instance = open->pdata[i];
		g_autofree char *values = bp_values_describe(bp_instance_values(instance));
		g_autofree char *state = state_text(instance);

		bp_table_row(table, "  %s\t%s\t%s\t%s\t%s", bp_plugin_name(instance),
			     bp_instance_module(instance)->name, state, bp_instance_path(instance), values);
		bp_table_style(table, 2, state_style(instance));
	}
	bp_call_table(call, table);
	bp_call_styled(call, BP_DIM, "%smodule classes lists what can be opened", open->len ? "" : "none is open; ");
	return TRUE;
}

static gboolean run_classes(BpPlugin *self, BpCall *call, GError **error)
{
	g_auto(GStrv) names = bp_registry_list("module/");
	BpTable *table = bp_table_new("Modules Registered:", ">Open", "Plugin", "What it is", NULL);

	for (char **name = names; *name; name++) {
		g_autofree char *path = g_strconcat("module/", *name, NULL);
		g_autoptr(GPtrArray) open = bp_instance_list(*name);

		bp_table_row(table, "  %s\t%u\t%s\t%s", *name, open->len, bp_plugin_name(bp_registry_owner(path)),
			     bp_module_find(*name)->help);
	}
	bp_call_table(call, table);
	return TRUE;
}

static gboolean run_open(BpPlugin *self, BpCall *call, GError **error)
{
	const char *class = bp_call_string(call, "class"), *name = bp_call_string(call, "name");
	const BpModule *module = bp_module_find(class);
	g_autoptr(BpValues) values = module ? bp_values_new(module->params) : NULL;
	BpRole role = bp_session_role(bp_call_session(call));

	if (g_str_has_prefix(class, "module/"))
		class += strlen("module/");
	if (!bp_access_may_open(class, NULL, role, error))
		return FALSE;
	if (values && !bp_values_set_pairs(values, bp_call_list(call, "params"), error)) {
		g_prefix_error(error, "%s: ", class);
		return FALSE;
	}
	if (values && !bp_access_may_open(class, values, role, error))
		return FALSE;
	if (!bp_module_open(class, name ? name : class, bp_call_string(call, "context"), g_steal_pointer(&values),
			    error))
		return FALSE;
	bp_call_printf(call, "Opened %s as %s.", class, name ? name : class);
	if (bp_call_bool(call, "keep")) {
		g_autofree char *quoted = bp_quote(name ? name : class, 0);
		g_autofree char *line = g_strconcat(".module keep ", quoted, NULL);

		bp_call_run(call, line);
	}
	return TRUE;
}

static BpInstance *find_instance(const char *name, GError **error)
{
	BpInstance *instance = bp_instance_find(name);
	g_autoptr(GPtrArray) open = NULL;
	g_autoptr(GPtrArray) names = NULL;
	const char *nearest;

	if (instance)
		return instance;
	open = bp_instance_list(NULL);
	names = g_ptr_array_new();
	for (guint i = 0; i < open->len; i++)
		g_ptr_array_add(names, (gpointer)bp_plugin_name(open->pdata[i]));
	g_ptr_array_add(names, NULL);
	nearest = bp_nearest(name, (const char *const *)names->pdata);
	g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_FOUND, "Module '%s' not found.%s%s%s", name,
		    nearest ? " Did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
	return NULL;
}

static gboolean run_close(BpPlugin *self, BpCall *call, GError **error)
{
	BpInstance *instance = find_instance(bp_call_string(call, "name"), error);
	g_autofree char *name = instance ? g_strdup(bp_plugin_name(instance)) : NULL;

	if (!instance)
		return FALSE;
	bp_call_printf(call, "Closed %s.", name);
	bp_instance_close(instance, "module close was asked for");
	return TRUE;
}

static void describe_class(BpCall *call, const BpModule *module)
{
	guint columns, rows;
	g_autofree char *params = NULL;

	bp_session_size(bp_call_session(call), &columns, &rows);
	params = usage_params(module->params, columns);
	bp_call_styled(call, BP_STRONG, "module open %s NAME [key=value...]", module->name);
	bp_call_printf(call, "  %s", module->help);
	if (*params)
		bp_call_print(call, g_strchomp(params));
}

static void describe_instance(BpCall *call, BpInstance *instance)
{
	g_autofree char *values = bp_values_describe(bp_instance_values(instance));
	g_autofree char *age = bp_duration_text(g_get_real_time() - bp_instance_since(instance));
	g_autofree char *text = bp_instance_describe(instance);
	g_autofree char *state = state_text(instance);
	g_autoptr(GPtrArray) metrics = bp_metric_list(instance);

	bp_call_styled(call, BP_STRONG, "%s is a %s, open for %s, in context %s", bp_plugin_name(instance),
		       bp_instance_module(instance)->name, age, bp_instance_path(instance));
	bp_call_styled(call, state_style(instance), "  state       %s", state);
	bp_call_printf(call, "  parameters  %s", *values ? values : "(all as they are by default)");
	bp_call_printf(call, "  owns        %u channels, %u watches, %u timers, %u streams",
		       bp_owner_count(instance, "channel"), bp_owner_count(instance, "watch"),
		       bp_owner_count(instance, "timer"), bp_owner_count(instance, "stream"));
	for (guint i = 0; i < metrics->len; i++)
		bp_call_printf(call, "  %-11s %.6g  (%s)", bp_metric_name(metrics->pdata[i]),
			       bp_metric_value(metrics->pdata[i]), bp_metric_help(metrics->pdata[i]));
	if (*text)
		bp_call_print(call, text);
}

static gboolean run_info(BpPlugin *self, BpCall *call, GError **error)
{
	const char *name = bp_call_string(call, "name");
	const BpModule *module = bp_module_find(name);
	BpInstance *instance = module ? NULL : find_instance(name, error);

	if (module)
		describe_class(call, module);
	else if (instance)
		describe_instance(call, instance);
	return module || instance;
}

static gboolean run_register(BpPlugin *self, BpCall *call, GError **error)
{
	const char *prefix = bp_call_string(call, "prefix");
	g_auto(GStrv) paths = bp_registry_list("");
	BpTable *table = bp_table_new("Objects Registered:", "Plugin", NULL);

	for (char **path = paths; *path; path++)
		if (!prefix || g_str_has_prefix(*path, prefix))
			bp_table_row(table, "  %s\t%s", *path, bp_plugin_name(bp_registry_owner(*path)));
	bp_call_table(call, table);
	return TRUE;
}

static const BpParam open_params[] = {
	{ "class", .kind = BP_ARGUMENT, .required = TRUE, .names = BP_A_MODULE,
	  .help = "as module classes shows them" },
	{ "name", .kind = BP_ARGUMENT, .help = "of the instance; the class's if none is given" },
	{ "params", .kind = BP_ARGUMENT, .many = TRUE, .help = "key=value; module info CLASS tells which there are" },
	{ "context", .fallback = "/", .names = BP_A_CONTEXT, .help = "where it is opened" },
	{ "keep", 'k', BP_BOOL, .help = "open it again at every start; module forget NAME ends that" },
	{ NULL },
};

static const BpParam close_params[] = {
	{ "name", .kind = BP_ARGUMENT, .required = TRUE, .names = BP_AN_INSTANCE, .help = "of the instance" },
	{ NULL },
};

static const BpParam info_params[] = {
	{ "name", .kind = BP_ARGUMENT, .required = TRUE, .names = BP_AN_INSTANCE, .help = "of a class or an instance" },
	{ NULL },
};

static const BpParam register_params[] = {
	{ "prefix", .kind = BP_ARGUMENT, .help = "only what begins so, as in handler/" },
	{ NULL },
};

const BpCommand module_commands[] = {
	{ "module", .help = "list the modules", .run = run_list, .group = "module" },
	{ "module list", .help = "list the open instances and how they are", .run = run_list,
	  .example = "module list" },
	{ "module classes", .help = "list what can be opened", .run = run_classes, .example = "module classes" },
	{ "module open", .example = "module open TelnetServer lab port=2323", .help = "open a module under a name",
	  .params = open_params, .run = run_open, .role = BP_OPERATOR },
	{ "module close", .help = "close an instance", .params = close_params, .run = run_close, .role = BP_OPERATOR },
	{ "module info", .help = "all about a class or an instance", .params = info_params, .run = run_info },
	{ "register", .help = "list what plugins have registered", .params = register_params, .run = run_register,
	  .group = "module" },
	{ NULL },
};
