/* SPDX-License-Identifier: MIT */
/* secret.c - whether a line of commands gives a secret, so that it is neither kept nor shown: by an option or argument, as a
 * word key=value of a module's parameter, as the value of a setting, or in a line that a command takes to run it later.
 */
#include <string.h>
#include "command/bind.h"
#include "command/command.h"
#include <backplane/registry.h>
#include "host/module.h"

#define DEPTH_LIMIT 8

static gboolean line_has_secret(const char *line, guint depth);

static gboolean is_secret_setting(const char *key)
{
	g_autoptr(GPtrArray) contexts = bp_context_list();
	gboolean secret = FALSE;

	for (guint i = 0; i < contexts->len && !secret; i++) {
		const BpParam *row = bp_setting_row(contexts->pdata[i], key);

		secret = row && row->secret;
	}
	return secret;
}

/* By its name where no table tells: the plugin that has the table may not be loaded. */
static gboolean sounds_secret(const char *key)
{
	static const char *const ends[] = { "token", "secret", "password", "passphrase" };
	g_autofree char *lower = g_ascii_strdown(key, -1);
	gboolean secret = FALSE;

	for (guint i = 0; i < G_N_ELEMENTS(ends); i++)
		secret |= g_str_has_suffix(lower, ends[i]);
	return secret;
}

static gboolean is_secret_key(const char *key)
{
	g_autoptr(GPtrArray) modules = bp_registry_objects("module/");
	gboolean secret = sounds_secret(key) || is_secret_setting(key);

	for (guint i = 0; i < modules->len && !secret; i++) {
		const BpParam *row = bp_param_find(((const BpModule *)modules->pdata[i])->params, key);

		secret = row && row->secret;
	}
	return secret;
}

/* key=value and --key=value */
static gboolean is_secret_pair(const char *word)
{
	const char *equals;
	g_autofree char *key = NULL;

	word += strspn(word, "-");
	equals = strchr(word, '=');
	if (!equals || !equals[1])
		return FALSE;
	key = g_strndup(word, (gsize)(equals - word));
	return is_secret_key(key);
}

static gboolean takes_setting(const BpCommand *command)
{
	g_autofree const BpParam **rows = bp_param_rows(command->params, NULL);
	gboolean takes = FALSE;

	for (const BpParam **row = rows; *row; row++)
		takes |= (*row)->names == BP_A_SETTING;
	return takes;
}

/* `used` words name it. */
static gboolean words_have_secret(const BpCommand *command, const ParsedWords *words, guint used, guint depth)
{
	gsize rest = command ? bind_next(command->params, words, used, "").rest_start : G_MAXSIZE;
	gboolean is_set = command && takes_setting(command);

	if (command && bind_has_secret(command->params, words, used))
		return TRUE;
	for (guint i = used; i < words->count; i++) {
		const char *text = words->words[i].text;

		if (is_secret_pair(text) || (is_set && i + 1 < words->count && is_secret_setting(text)) ||
		    (words->words[i].quoted && strchr(text, ' ') && line_has_secret(text, depth + 1)))
			return TRUE;
	}
	return rest != G_MAXSIZE && line_has_secret(words->command + rest, depth + 1);
}

/* `*name`: how many bytes of it name the command. */
static gboolean command_has_secret(const char *text, gsize *name, guint depth)
{
	g_autoptr(ParsedWords) words = parse_words(text);
	const BpCommand *command;
	const char *suffix;
	guint used = 1;

	*name = words->count ? words->words[0].end : 0;
	if (!words->count)
		return FALSE;
	command = command_of_words(words, &used, &suffix, NULL);
	used = command ? used : 1;
	*name = words->words[used - 1].end;
	return words_have_secret(command, words, used, depth);
}

static gboolean line_has_secret(const char *line, guint depth)
{
	g_autoptr(GPtrArray) commands = parse_commands(line, strlen(line));
	gboolean secret = depth > DEPTH_LIMIT;
	gsize name;

	for (guint i = 0; i < commands->len && !secret; i++)
		secret = command_has_secret(((ParsedCommand *)commands->pdata[i])->text, &name, depth);
	return secret;
}

char *bp_command_shown(const char *line)
{
	g_autoptr(GPtrArray) commands = NULL;
	GString *shown;

	if (!line_has_secret(line, 0))
		return g_strdup(line);
	commands = parse_commands(line, strlen(line));
	shown = g_string_new(NULL);
	for (guint i = 0; i < commands->len; i++) {
		const char *text = ((ParsedCommand *)commands->pdata[i])->text;
		gsize name;

		if (i)
			g_string_append(shown, " | ");
		if (command_has_secret(text, &name, 0))
			g_string_append_printf(shown, "%.*s ***", (int)name, text);
		else
			g_string_append(shown, text);
	}
	return g_string_free(shown, FALSE);
}
