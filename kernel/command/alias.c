/* SPDX-License-Identifier: MIT */
/* alias.c - words of one's own, kept as settings of context /alias. An alias goes before a command of the same name, except
 * that the command `alias`, which sets them, stays reachable. */
#include <string.h>
#include <backplane/host.h>
#include "command/command.h"

#define PATH "/alias"

char *alias_find(const char *name)
{
	g_autofree char *key = g_ascii_strdown(name, -1);

	return g_ascii_isalpha(*key) && strcmp(key, "alias") ? bp_setting_stored(PATH, key) : NULL;
}

/* The parts of "a;b" outside quotes, as lines. */
static char *as_lines(const char *text)
{
	char *lines = g_strdup(text), quote = 0;

	for (char *at = lines; *at; at++) {
		if (quote)
			quote = *at == quote ? 0 : quote;
		else if (*at == '"' || *at == '\'')
			quote = *at;
		else if (*at == ';')
			*at = '\n';
	}
	return lines;
}

static gboolean run_alias_itself(BpPlugin *self, BpCall *call, GError **error)
{
	g_autofree char *lines = as_lines(bp_call_suffix(call));

	bp_call_run(call, lines);
	return TRUE;
}

const BpCommand alias_command = { "alias", .run = run_alias_itself };
