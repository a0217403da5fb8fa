/* SPDX-License-Identifier: MIT */
/* complete.c - Tab: commands, then what their tables say stands next. */
#include <glob.h>
#include <string.h>
#include <backplane/host.h>
#include <backplane/registry.h>
#include <backplane/sessions.h>
#include <backplane/text.h>

static void offer(GPtrArray *words, const char *prefix, const char *word)
{
	if (g_str_has_prefix(word, prefix))
		g_ptr_array_add(words, g_strdup(word));
}

static void offer_all(GPtrArray *words, const char *prefix, char **take_list)
{
	for (char **word = take_list; *word; word++)
		offer(words, prefix, *word);
	g_strfreev(take_list);
}

static void offer_files(GPtrArray *words, const char *prefix)
{
	g_autofree char *pattern = g_strconcat(prefix, "*", NULL);
	glob_t found;

	if (!glob(pattern, GLOB_MARK | GLOB_TILDE, NULL, &found))
		for (gsize i = 0; i < found.gl_pathc; i++)
			g_ptr_array_add(words, g_strdup(found.gl_pathv[i]));
	globfree(&found);
}

static void offer_settings(GPtrArray *words, const char *prefix)
{
	g_autoptr(GPtrArray) settings = bp_setting_rows(bp_context("/"));

	for (guint i = 0; i < settings->len; i++)
		offer(words, prefix, ((const BpParam *)settings->pdata[i])->name);
}

static void offer_named(GPtrArray *words, const char *prefix, GPtrArray *take_list, const char *(*name)(gpointer))
{
	for (guint i = 0; i < take_list->len; i++)
		offer(words, prefix, name(take_list->pdata[i]));
	g_ptr_array_unref(take_list);
}

static const char *channel_of(gpointer item)
{
	return bp_channel_name(item);
}

static const char *owner_of(gpointer item)
{
	return bp_plugin_name(item);
}

static const char *context_of(gpointer item)
{
	return bp_context_path(item);
}

static void offer_sessions(GPtrArray *words, const char *prefix)
{
	g_autoptr(GPtrArray) list = bp_session_list();

	for (guint i = 0; i < list->len; i++) {
		g_autofree char *id = g_strdup_printf("%u", bp_session_id(list->pdata[i]));

		offer(words, prefix, id);
	}
}

static void offer_names(GPtrArray *words, const char *prefix, BpNames names)
{
	switch (names) {
	case BP_A_CHANNEL:
		offer_named(words, prefix, bp_channel_list(NULL), channel_of);
		break;
	case BP_A_MODULE:
		offer_all(words, prefix, bp_registry_list("module/"));
		break;
	case BP_AN_INSTANCE:
		offer_named(words, prefix, bp_instance_list(NULL), owner_of);
		break;
	case BP_A_PLUGIN:
		offer_named(words, prefix, bp_plugin_list(), owner_of);
		break;
	case BP_A_CONTEXT:
		offer_named(words, prefix, bp_context_list(), context_of);
		break;
	case BP_A_COMMAND:
		offer_all(words, prefix, bp_command_words(NULL));
		break;
	case BP_A_HANDLER:
		offer_all(words, prefix, bp_registry_list("handler/"));
		break;
	case BP_A_TRANSPORT:
		offer_all(words, prefix, bp_registry_list("transport/"));
		break;
	case BP_A_SETTING:
		offer_settings(words, prefix);
		break;
	case BP_A_FILE:
		offer_files(words, prefix);
		break;
	case BP_A_SESSION:
		offer_sessions(words, prefix);
		break;
	case BP_ANYTHING:
		break;
	}
}

static void offer_value(GPtrArray *words, const char *prefix, const BpParam *param)
{
	if (param->type == BP_BOOL)
		offer_all(words, prefix, g_strsplit("yes no", " ", -1));
	else if (param->choices)
		offer_all(words, prefix, g_strsplit(param->choices, "|", -1));
	else
		offer_names(words, prefix, param->names);
}

/* `module open CLASS NAME key=value`: the class says which keys there are. */
static void offer_pairs(GPtrArray *words, const char *prefix, const char *class)
{
	const BpModule *module = bp_module_find(class);
	const char *equals = strchr(prefix, '=');
	g_autofree const BpParam **rows = NULL;
	guint count = 0;

	if (!module)
		return;
	if (equals) {
		g_autofree char *key = g_strndup(prefix, (gsize)(equals - prefix));
		const BpParam *param = bp_param_find(module->params, key);
		g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func(g_free);

		if (param)
			offer_value(values, equals + 1, param);
		for (guint i = 0; i < values->len; i++)
			g_ptr_array_add(words, g_strconcat(key, "=", values->pdata[i], NULL));
		return;
	}
	rows = bp_param_rows(module->params, &count);
	for (guint i = 0; i < count; i++) {
		g_autofree char *word = g_strconcat(rows[i]->name, "=", NULL);

		if (!rows[i]->hidden)
			offer(words, prefix, word);
	}
}

static void offer_options(GPtrArray *words, const char *prefix, const BpParam *table)
{
	guint count;
	g_autofree const BpParam **rows = bp_param_rows(table, &count);

	for (guint i = 0; i < count; i++) {
		g_autofree char *word = g_strconcat("--", rows[i]->name, NULL);

		if (rows[i]->kind == BP_OPTION && !rows[i]->hidden)
			offer(words, prefix, word);
	}
	offer(words, prefix, "--help");
}

static void offer_params(GPtrArray *words, const BpExpected *expected)
{
	const BpCommand *command = expected->command;
	const char *value = expected->partial + expected->prefix;
	g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func(g_free);

	if (expected->options && *expected->partial == '-')
		offer_options(words, expected->partial, command->params);
	if (!expected->value)
		return;
	if (!strcmp(command->name, "module open") && expected->value->many)
		offer_pairs(values, value, g_strv_length(expected->words) > 2 ? expected->words[2] : "");
	else
		offer_value(values, value, expected->value);
	for (guint i = 0; i < values->len; i++) {
		g_autofree char *before = g_strndup(expected->partial, expected->prefix);

		g_ptr_array_add(words, g_strconcat(before, values->pdata[i], NULL));
	}
}

static gint by_text(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **bp_complete_commands(const char *line, gsize cursor, gsize *start)
{
	g_autoptr(BpExpected) expected = bp_command_expected(line, cursor);
	GPtrArray *words = g_ptr_array_new();

	*start = expected->start;
	if (expected->command)
		offer_params(words, expected);
	else if (g_strv_length(expected->words) < 2)
		offer_all(words, expected->partial, bp_command_words(expected->words[0]));
	g_ptr_array_sort(words, by_text);
	for (guint i = 0; i < words->len; i++) {
		char *word = words->pdata[i];

		words->pdata[i] = bp_quote(word, expected->quote);
		g_free(word);
	}
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(words, FALSE);
}

/* --- what they are --- */

static const char *help_of(const BpParam *param)
{
	return param ? param->help : NULL;
}

static char *about_session(const char *word)
{
	g_autoptr(GPtrArray) list = bp_session_list();

	for (guint i = 0; i < list->len; i++)
		if (bp_session_id(list->pdata[i]) == g_ascii_strtoull(word, NULL, 10))
			return g_strdup_printf("%s %s", bp_session_transport(list->pdata[i]),
					       bp_session_peer(list->pdata[i]));
	return NULL;
}

static char *about_instance(const char *word)
{
	BpInstance *instance = bp_instance_find(word);
	BpInstanceState state;

	if (!instance)
		return NULL;
	state = bp_instance_state(instance);
	return g_strdup_printf("%s, %s", bp_instance_module(instance)->name,
			       *state.reason ? state.reason : bp_state_text(state.state));
}

static char *about_command(const char *name)
{
	const BpCommand *command = bp_command_find(name);

	return g_strdup(command ? command->help : "a group of commands");
}

static char *about_name(BpNames names, const char *word)
{
	g_autofree char *handler = g_strconcat("handler/", word, NULL);
	const BpModule *module = names == BP_A_MODULE ? bp_module_find(word) : NULL;
	const BpHandler *found = names == BP_A_HANDLER ? bp_registry_find(handler) : NULL;

	switch (names) {
	case BP_A_SESSION:
		return about_session(word);
	case BP_AN_INSTANCE:
		return about_instance(word);
	case BP_A_COMMAND:
		return about_command(word);
	case BP_A_SETTING:
		return g_strdup(help_of(bp_setting_row(bp_context("/"), word)));
	default:
		return g_strdup(module ? module->help : found ? found->help : NULL);
	}
}

static char *about_pair(const char *class, const char *word)
{
	const BpModule *module = bp_module_find(class);
	const char *equals = strchr(word, '=');
	g_autofree char *key = equals ? g_strndup(word, (gsize)(equals - word)) : NULL;

	return module && key && !equals[1] ? g_strdup(help_of(bp_param_find(module->params, key))) : NULL;
}

char *bp_complete_about(const char *line, gsize cursor, const char *word)
{
	g_autoptr(BpExpected) expected = bp_command_expected(line, cursor);
	const BpCommand *command = expected->command;

	if (!command) {
		g_autofree char *name = expected->words[0] ? g_strconcat(expected->words[0], " ", word, NULL)
							   : g_strdup(word);

		return about_command(name);
	}
	if (g_str_has_prefix(word, "--") && expected->options)
		return strcmp(word, "--help") ? g_strdup(help_of(bp_param_find(command->params, word + 2)))
					      : g_strdup("what this command takes");
	if (!expected->value || strlen(word) < expected->prefix)
		return NULL;
	if (!strcmp(command->name, "module open") && expected->value->many)
		return about_pair(g_strv_length(expected->words) > 2 ? expected->words[2] : "", word);
	return about_name(expected->value->names, word + expected->prefix);
}
