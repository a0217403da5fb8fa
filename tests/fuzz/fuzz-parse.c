/* SPDX-License-Identifier: MIT */
/* fuzz-parse.c - any text as commands, words, a line to be completed and values of a table.
 * Places lie inside of what they are places of; a word that is quoted is the same word again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "command/bind.h"
#include "command/parse.h"
#include <backplane/text.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const BpParam params[] = {
	{ "port", 'p', BP_INT, .min = 0, .max = 65535, .help = "a number" },
	{ "silent", 's', BP_BOOL, .help = "a flag" },
	{ "five", '5', BP_BOOL, .help = "another" },
	{ "key", 'k', BP_STRING, .many = 1, .secret = 1, .alias = "token|t" },
	{ "name", .kind = BP_ARGUMENT, .required = 1 },
	{ "line", .kind = BP_ARGUMENT, .type = BP_REST },
	{ NULL },
};

static const BpParam listed[] = {
	{ "silent", 's', BP_BOOL, .help = "a flag" },
	{ "wait", 'w', BP_DURATION, .help = "how long" },
	{ "word", .kind = BP_ARGUMENT, .many = 1 },
	{ NULL },
};

static void check(gboolean good)
{
	if (!good)
		abort();
}

static void try_bind(const BpParam *table, const ParsedWords *words)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(BpValues) values = bind_words("x", table, words, MIN(1, words->count), &error);
	BindNext next = bind_next(table, words, MIN(1, words->count), "--port=5");

	check((values == NULL) == (error != NULL));
	check(!error || strlen(error->message) < 600);
	check(next.rest_start == G_MAXSIZE || next.rest_start < strlen(words->command));
	(void)bind_asks_help(table, words, MIN(1, words->count), &(gboolean){ FALSE });
	if (bind_has_secret(table, words, MIN(1, words->count)))
		check(table == params);
}

static void try_word(const char *word)
{
	for (guint i = 0; i < 3; i++) {
		g_autofree char *typed = bp_quote(word, "\0\"'"[i]);
		g_autoptr(GPtrArray) commands = parse_commands(typed, strlen(typed));
		const ParsedCommand *command;
		g_autoptr(ParsedWords) words = NULL;

		check(commands->len == 1);
		command = commands->pdata[0];
		words = parse_words(command->text);
		check(!command->silent && words->count == 1 && strcmp(words->words[0].text, word) == 0);
	}
}

static void try_command(const char *command)
{
	g_autoptr(ParsedWords) words = parse_words(command);
	gsize end = 0;

	check((words->error != NULL) == (words->error_at != G_MAXSIZE));
	for (guint i = 0; i < words->count; i++) {
		check(words->words[i].start >= end && words->words[i].end > words->words[i].start);
		end = words->words[i].end;
		if (i < 8)
			try_word(words->words[i].text);
	}
	check(end <= strlen(command));
	try_bind(params, words);
	try_bind(listed, words);
	try_bind(NULL, words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GPtrArray) commands = parse_commands((const char *)data, size);
	g_autofree char *text = g_strndup((const char *)data, size);
	g_autofree char *safe = bp_text_safe((const char *)data, (gssize)size);

	check(g_utf8_validate(safe, -1, NULL));
	for (guint i = 0; i < commands->len; i++) {
		const ParsedCommand *command = commands->pdata[i];
		gsize length = strlen(command->text);

		check(length && command->offset + length <= size);
		check(memcmp(data + command->offset, command->text, length) == 0);
		if (i < 20)
			try_command(command->text);
	}
	try_command(text);
	for (gsize at = 0; at <= MIN(strlen(text), 100); at++) {
		g_autoptr(ParsedCursor) cursor = parse_cursor(text, at);

		check(cursor->command <= cursor->start && cursor->start <= at);
	}
	return 0;
}
