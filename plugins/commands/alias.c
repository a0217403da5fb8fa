/* SPDX-License-Identifier: MIT */
/* alias.c - alias: words of one's own, kept as settings of context /alias, where the kernel looks for them. */
#include <string.h>
#include "commands.h"

#define PATH "/alias"

static char *find(const char *name)
{
	g_autofree char *key = g_ascii_strdown(name, -1);

	return strcmp(key, "alias") ? bp_setting_stored(PATH, key) : NULL;
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

const BpCommand alias_commands[] = {
	{ "alias", .help = "give a command, or several, a name of your own", .params = alias_params, .run = run_alias,
	  .role = BP_OPERATOR, .group = "base" },
	{ NULL },
};
