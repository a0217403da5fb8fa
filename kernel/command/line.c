/* SPDX-License-Identifier: MIT */
/* line.c - what may stand at the cursor of a line of commands. */
#include "command/bind.h"
#include "command/command.h"

BpExpected *bp_command_expected(const char *line, gsize at)
{
	g_autoptr(ParsedCursor) cursor = parse_cursor(line, at);
	const ParsedWords *words = cursor->words;
	BpExpected *expected = g_new0(BpExpected, 1);
	const char *suffix;
	guint used;

	expected->words = g_new0(char *, words->count + 1);
	for (guint i = 0; i < words->count; i++)
		expected->words[i] = g_strdup(words->words[i].text);
	expected->partial = g_steal_pointer(&cursor->partial);
	expected->start = cursor->start;
	expected->quote = cursor->quote;
	if (words->count > 1 || (words->count && !command_is_group(words->words[0].text)))
		expected->command = command_of_words(words, &used, &suffix, NULL);
	if (expected->command) {
		BindNext next = bind_next(expected->command->params, words, used, expected->partial);

		expected->value = next.value;
		expected->prefix = next.prefix;
		expected->options = next.options;
	}
	return expected;
}

void bp_expected_free(BpExpected *expected)
{
	g_strfreev(expected->words);
	g_free(expected->partial);
	g_free(expected);
}
