/* SPDX-License-Identifier: MIT */
/* keep.c - module keep, module forget: an open instance is opened again at every start. It is a line of the batch, `module open ...`
 * with the values that the instance has, whose origin is "kept NAME". */
#include <string.h>
#include <backplane/text.h>
#include "automation.h"

static void add_word(GString *line, const char *word)
{
	g_autofree char *quoted = bp_quote(word, 0);

	g_string_append_printf(line, " %s", quoted);
}

static char *opening_of(BpInstance *instance)
{
	const BpValues *values = bp_instance_values(instance);
	GString *line = g_string_new("module open");
	guint count;
	g_autofree const BpParam **rows = bp_param_rows(bp_values_table(values), &count);

	add_word(line, bp_instance_module(instance)->name);
	add_word(line, bp_plugin_name(instance));
	for (guint i = 0; i < count; i++) {
		const char *const one[] = { bp_values_string(values, rows[i]->name), NULL };
		const char *const *texts = rows[i]->many ? bp_values_list(values, rows[i]->name) : one;

		for (; bp_values_is_set(values, rows[i]->name) && *texts; texts++) {
			g_autofree char *pair = g_strdup_printf("%s=%s", rows[i]->name, *texts);

			add_word(line, pair);
		}
	}
	if (strcmp(bp_instance_path(instance), "/") != 0) {
		g_string_append(line, " --context");
		add_word(line, bp_instance_path(instance));
	}
	return g_string_free(line, FALSE);
}

static gboolean run_keep(BpPlugin *self, BpCall *call, GError **error)
{
	const char *name = bp_call_string(call, "name");
	BpInstance *instance = bp_instance_find(name);
	g_autofree char *line = instance ? opening_of(instance) : NULL, *origin = g_strconcat("kept ", name, NULL);

	if (!instance)
		return bp_fail(error, BP_NOT_FOUND, "%s is not open; module list shows what is", name);
	batch_forget(origin);
	if (!batch_keep(origin, line, error))
		return FALSE;
	bp_call_printf(call, "%s is opened again at every start; module forget %s ends that.", name, name);
	return TRUE;
}

static gboolean run_forget(BpPlugin *self, BpCall *call, GError **error)
{
	const char *name = bp_call_string(call, "name");
	g_autofree char *origin = g_strconcat("kept ", name, NULL);

	if (!batch_forget(origin))
		return bp_fail(error, BP_NOT_FOUND, "%s is not opened at every start; batch lists what is done then",
			       name);
	bp_call_printf(call, "%s is not opened at the next start.", name);
	return TRUE;
}

static const BpParam name_params[] = {
	{ "name", .kind = BP_ARGUMENT, .required = TRUE, .names = BP_AN_INSTANCE,
	  .help = "of an instance, as module list shows it" },
	{ NULL },
};

const BpCommand keep_commands[] = {
	{ "module keep", .help = "open an instance again at every start, with the values it has", .params = name_params,
	  .run = run_keep, .role = BP_ADMIN, .group = "module", .example = "module keep console-server" },
	{ "module forget", .help = "open it at the start no longer", .params = name_params, .run = run_forget,
	  .role = BP_ADMIN, .group = "module" },
	{ NULL },
};
