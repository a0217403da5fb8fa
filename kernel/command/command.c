/* SPDX-License-Identifier: MIT */
/* command.c - finding a command by its words. They are registered as "command/NAME". */
#include "command/command.h"
#include <string.h>
#include "host/plugin.h"
#include <backplane/registry.h>

gboolean bp_command_add(BpPlugin *plugin, const BpCommand *table, GError **error)
{
	const BpPluginInfo *info = bp_plugin_info_of(bp_plugin_of(plugin));
	gpointer copy = NULL;

	if (info && table != info->commands)
		table = plugin_rows(table, info->command_size, sizeof(BpCommand), &copy);
	if (copy)
		bp_plugin_defer_undo(bp_plugin_of(plugin), g_free, copy); /* a command may close its own scope */
	for (const BpCommand *command = table; command && command->name; command++) {
		g_autofree char *path = g_strconcat("command/", command->name, NULL);

		if (!bp_registry_add(plugin, path, command, error))
			return FALSE;
	}
	return TRUE;
}

const BpCommand *bp_command_find(const char *name)
{
	g_autofree char *path = g_strconcat("command/", name, NULL);

	return bp_registry_find(path);
}

BpPlugin *command_owner(const BpCommand *command)
{
	g_autofree char *path = g_strconcat("command/", command->name, NULL);

	return bp_registry_owner(path);
}

const char *bp_command_plugin(const BpCommand *command)
{
	BpPlugin *owner = command_owner(command);

	return owner ? owner->name : "";
}

const char *bp_command_group(const BpCommand *command)
{
	const char *blank = strchr(command->name, ' ');

	if (command->group)
		return command->group;
	if (blank) {
		g_autofree char *first = g_strndup(command->name, (gsize)(blank - command->name));

		return g_intern_string(first);
	}
	return bp_command_plugin(command);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
	const BpCommand *first = *(BpCommand *const *)a, *second = *(BpCommand *const *)b;

	return strcmp(first->name, second->name);
}

GPtrArray *bp_command_list(void)
{
	GPtrArray *list = bp_registry_objects("command/");

	g_ptr_array_sort(list, by_name);
	return list;
}

gboolean command_is_group(const char *word)
{
	g_autofree char *prefix = g_strconcat("command/", word, " ", NULL);
	g_autoptr(GPtrArray) list = bp_registry_objects(prefix);

	return list->len > 0;
}

char **bp_command_words(const char *first)
{
	g_autofree char *prefix = first ? g_strconcat(first, " ", NULL) : g_strdup("");
	g_autofree char *path = g_strconcat("command/", prefix, NULL);
	g_autoptr(GPtrArray) list = bp_registry_objects(path);
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	GPtrArray *words = g_ptr_array_new();

	g_ptr_array_sort(list, by_name);
	for (guint i = 0; i < list->len; i++) {
		const BpCommand *command = list->pdata[i];
		const char *word = command->name + strlen(prefix);
		char *name = g_strndup(word, strcspn(word, " "));

		if (command->hidden || g_hash_table_contains(seen, name)) {
			g_free(name);
		} else {
			g_hash_table_add(seen, name);
			g_ptr_array_add(words, name);
		}
	}
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(words, FALSE);
}

static const BpCommand *find_prefix(const char *word, const char **suffix)
{
	g_autoptr(GPtrArray) list = bp_registry_objects("command/");

	for (guint i = 0; i < list->len; i++) {
		const BpCommand *command = list->pdata[i];

		if (command->prefix && g_str_has_prefix(word, command->name)) {
			*suffix = word + strlen(command->name);
			return command;
		}
	}
	return NULL;
}

static void unknown(const char *first, const char *second, GError **error)
{
	if (command_is_group(first)) {
		g_auto(GStrv) words = bp_command_words(first);
		g_autofree char *all = g_strjoinv(", ", words);
		const char *nearest = second ? bp_nearest(second, (const char *const *)words) : NULL;

		g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_FOUND,
			    "%s%s is not a registered command in this context: %s%s%s; there are %s",
			    second ? second : "(nothing)", second ? "" : " after it", first,
			    nearest ? "; did you mean " : "", nearest ? nearest : "", all);
	} else {
		g_auto(GStrv) words = bp_command_words(NULL);
		const char *nearest = bp_nearest(first, (const char *const *)words);

		g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_FOUND,
			    "%s is not a registered command in this context: Base; %s%s%shelp lists them", first,
			    nearest ? "did you mean " : "", nearest ? nearest : "", nearest ? "? " : "");
	}
}

const BpCommand *command_of_words(const ParsedWords *words, guint *words_used, const char **suffix, GError **error)
{
	g_autofree char *first = g_ascii_strdown(words->words[0].text, -1);
	const BpCommand *command = NULL;
	const char *rest = "";
	guint used;

	if (words->count > 1) {
		g_autofree char *second = g_ascii_strdown(words->words[1].text, -1);
		g_autofree char *both = g_strconcat(first, " ", second, NULL);

		command = bp_command_find(both);
	}
	used = command ? 2 : 1;
	if (!command)
		command = bp_command_find(first);
	if (!command)
		command = find_prefix(words->words[0].text, &rest);
	/* "channel lst": the group's own command takes nothing, so the second word is a mistyped one of the group. */
	if (command && used == 1 && words->count > 1 && !command->params && !*rest && *words->words[1].text != '-' &&
	    command_is_group(first))
		command = NULL;
	if (!command) {
		unknown(first, words->count > 1 ? words->words[1].text : NULL, error);
		return NULL;
	}
	*words_used = used;
	*suffix = rest;
	return command;
}

static BpChannel *find_by_number(const char *word)
{
	guint64 number = g_ascii_strtoull(word, NULL, 10);
	g_autoptr(GPtrArray) list = NULL;

	if (!*word || strspn(word, "0123456789") != strlen(word))
		return NULL;
	list = bp_channel_list(NULL);
	for (guint i = 0; i < list->len; i++)
		if (number == bp_channel_number(list->pdata[i]))
			return bp_channel_ref(list->pdata[i]);
	return NULL;
}

BpChannel *bp_channel_named(const char *word, GError **error)
{
	BpChannel *channel = bp_channel_find(word);
	g_autoptr(GPtrArray) list = NULL, names = NULL;
	const char *nearest;

	if (!channel)
		channel = find_by_number(word);
	if (channel || !error)
		return channel;
	list = bp_channel_list(NULL);
	names = g_ptr_array_new();
	for (guint i = 0; i < list->len; i++)
		g_ptr_array_add(names, (gpointer)bp_channel_name(list->pdata[i]));
	g_ptr_array_add(names, NULL);
	nearest = bp_nearest(word, (const char *const *)names->pdata);
	g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_FOUND,
		    "There is no channel named '%s'%s%s; channel list shows them", word,
		    nearest ? ", did you mean " : "", nearest ? nearest : "");
	return NULL;
}

BpPlugin *bp_plugin_named(const char *name, GError **error)
{
	BpPlugin *plugin = bp_plugin_find(name);
	g_autoptr(GPtrArray) list = NULL;
	g_autoptr(GPtrArray) names = NULL;
	const char *nearest;

	if (plugin)
		return plugin;
	list = bp_plugin_list();
	names = g_ptr_array_new();
	for (guint i = 0; i < list->len; i++)
		g_ptr_array_add(names, ((BpPlugin *)list->pdata[i])->name);
	g_ptr_array_add(names, NULL);
	nearest = bp_nearest(name, (const char *const *)names->pdata);
	g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_FOUND,
		    "no plugin %s is loaded%s%s; plugin list shows those that are", name,
		    nearest ? "; did you mean " : "", nearest ? nearest : "");
	return NULL;
}
