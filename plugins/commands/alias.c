/* SPDX-License-Identifier: MIT */
/* alias.c - alias: words of one's own, kept as settings of context /alias. An alias goes before a command of the same name,
 * except that `alias` itself stays reachable. */
#include <string.h>
#include <backplane/registry.h>
#include "commands.h"

#define PATH "/alias"
#define ALIASES_MOST 1000
#define BYTES_MOST (60 * 1024) /* it is a setting */

static char *find(const char *name)
{
	g_autofree char *key = g_ascii_strdown(name, -1);

	return g_ascii_isalpha(*key) && strcmp(key, "alias") ? bp_setting_stored(PATH, key) : NULL;
}

/* The parts of "a;b" outside quotes, as lines. */
static char *find_lines(const char *word)
{
	char *lines = find(word), quote = 0;

	for (char *at = lines; at && *at; at++) {
		if (quote)
			quote = *at == quote ? 0 : quote;
		else if (*at == '"' || *at == '\'')
			quote = *at;
		else if (*at == ';')
			*at = '\n';
	}
	return lines;
}

static void list_aliases(BpCall *call)
{
	g_auto(GStrv) keys = bp_setting_keys(PATH);
	BpTable *table = bp_table_new(">", "Alias", "Command(s)", NULL);
	guint number = 0;

	for (char **key = keys; *key; key++) {
		g_autofree char *text = find(*key);
		g_autofree char *shown = bp_command_shown(text);

		bp_table_row(table, "%u:\t%s\t%s", number++, *key, shown);
	}
	bp_call_styled(call, BP_HEADING, "Aliases:");
	bp_call_table(call, table);
}

static gboolean run_alias(BpPlugin *self, BpCall *call, GError **error)
{
	const char *given = bp_call_string(call, "name"), *commands = bp_call_string(call, "commands");
	g_autofree char *name = given ? g_ascii_strdown(given, -1) : NULL;
	g_autofree char *now = NULL;

	if (!name) {
		list_aliases(call);
		return TRUE;
	}
	if (!bp_setting_check_key(name, error))
		return FALSE;
	now = find(name);
	if (commands && strlen(commands) > BYTES_MOST)
		return bp_fail(error, BP_LIMIT, "an alias has at most %u KiB; execute FILE runs the commands in a file",
			       BYTES_MOST / 1024);
	if (commands && *commands && !now) {
		g_auto(GStrv) keys = bp_setting_keys(PATH);

		if (g_strv_length(keys) >= ALIASES_MOST)
			return bp_fail(error, BP_LIMIT,
				       "there are %u aliases, which is the most; alias NAME unsets one", ALIASES_MOST);
	}
	if (commands && *commands) {
		bp_setting_store(bp_context(PATH), name, commands);
	} else if (now) {
		bp_setting_store(bp_context(PATH), name, NULL);
		bp_call_printf(call, "Alias %s unset.", name);
	} else {
		g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_FOUND, "No alias for %s was set.", name);
		return FALSE;
	}
	return TRUE;
}

static const BpParam alias_params[] = {
	{ "name", .kind = BP_ARGUMENT, .help = "the word; all are listed if none is given" },
	{ "commands", .kind = BP_ARGUMENT, .type = BP_REST,
	  .help = "what it stands for, parted by ; without it the word is unset" },
	{ NULL },
};

static const BpCommand commands[] = {
	{ "alias", .example = "alias night channel send lamp/send off|channel send heater/send off",
	  .help = "give a command, or several, a name of your own", .params = alias_params, .run = run_alias,
	  .role = BP_ADMIN, .group = "base" },
	{ NULL },
};

gboolean alias_load(BpPlugin *self, GError **error)
{
	static const BpAliases aliases = { .size = sizeof(aliases), .find = find_lines };

	return bp_registry_add(self, BP_ALIASES, &aliases, error) && bp_command_add(self, commands, error);
}
