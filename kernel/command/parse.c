/* SPDX-License-Identifier: MIT */
/* parse.c - one scanner (step) knows quotes, escapes, blanks, | and #; splitting, words and
 * completion are three readers of what it says about each byte. */
#include "command/parse.h"
#include <gio/gio.h>
#include <string.h>
#include <backplane/types.h>

typedef enum { BLANK, TEXT, MARK, BAR, COMMENT } Kind; /* MARK: a quote or backslash, not part of the word */

typedef struct {
	char quote;	   /* open: ", ' or 0 */
	gboolean in_word;  /* the byte before belonged to a word */
	gboolean escaped;  /* the byte before was a backslash */
	gboolean may_open; /* a single quote opens here */
} ScanState;

static gboolean is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static Kind step_quoted(ScanState *scan, char byte)
{
	if (scan->escaped) {
		scan->escaped = FALSE;
		return TEXT;
	}
	if (byte == '\\' && scan->quote == '"') {
		scan->escaped = TRUE;
		return MARK;
	}
	if (byte == scan->quote) {
		scan->quote = 0;
		scan->may_open = TRUE;
		return MARK;
	}
	return TEXT;
}

/* What a byte of a line is. A COMMENT lasts up to the end of the line. */
static Kind step(ScanState *scan, char byte)
{
	gboolean may_open = scan->may_open || !scan->in_word;

	if (scan->quote)
		return step_quoted(scan, byte);
	scan->may_open = byte == '=' || byte == ',' || byte == ':';
	if (scan->escaped) {
		scan->escaped = FALSE;
		return TEXT;
	}
	if (is_blank(byte) || byte == '|') {
		scan->in_word = FALSE;
		return byte == '|' ? BAR : BLANK;
	}
	if (byte == '#' && !scan->in_word)
		return COMMENT;
	scan->in_word = TRUE;
	if (byte == '"' || (byte == '\'' && may_open)) {
		scan->quote = byte;
		return MARK;
	}
	if (byte == '\\') {
		scan->escaped = TRUE;
		return MARK;
	}
	return TEXT;
}

/* --- commands --- */

static void command_free(gpointer data)
{
	ParsedCommand *command = data;

	g_free(command->text);
	g_free(command);
}

static gsize trim_start(const char *text, gsize start, gsize end)
{
	while (start < end && is_blank(text[start]))
		start++;
	return start;
}

/* A blank that a backslash escapes is part of the last word. */
static gsize trim_end(const char *text, gsize start, gsize end)
{
	gsize slashes = 0;

	while (end > start && is_blank(text[end - 1]))
		end--;
	while (end > start + slashes && text[end - 1 - slashes] == '\\')
		slashes++;
	return slashes % 2 && is_blank(text[end]) ? end + 1 : end;
}

static void add_command(GPtrArray *commands, const char *text, gsize start, gsize end, guint line)
{
	gboolean silent = FALSE;
	ParsedCommand *command;

	start = trim_start(text, start, end);
	if (start < end && text[start] == '.') {
		silent = TRUE;
		start = trim_start(text, start + 1, end);
		if (start < end && text[start] == '#')
			end = start;
	}
	end = trim_end(text, start, end);
	if (start >= end)
		return;
	command = g_new0(ParsedCommand, 1);
	command->text = g_strndup(text + start, end - start);
	command->offset = start;
	command->line = line;
	command->silent = silent;
	g_ptr_array_add(commands, command);
}

GPtrArray *parse_commands(const char *text, gsize size)
{
	GPtrArray *commands = g_ptr_array_new_with_free_func(command_free);
	g_autofree char *copy = g_malloc(size + 1);
	gsize start = 0;
	guint line = 1;
	ScanState scan = { 0 };
	Kind kind = BLANK;

	/* A copy that ends with a NUL: NULs and newlines both end a line. */
	if (size)
		memcpy(copy, text, size);
	copy[size] = '\0';
	for (gsize at = 0; at <= size; at++) {
		if (copy[at] == '\n' || copy[at] == '\0') {
			if (kind != COMMENT)
				add_command(commands, copy, start, at, line);
			scan = (ScanState){ 0 };
			kind = BLANK;
			line++;
			start = at + 1;
		} else if (kind != COMMENT) {
			kind = step(&scan, copy[at]);
			if (kind == BAR || kind == COMMENT) {
				add_command(commands, copy, start, at, line);
				start = at + 1;
			}
		}
	}
	return commands;
}

/* --- words --- */

static void add_error(ParsedWords *words, gsize word, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void add_error(ParsedWords *words, gsize word, const char *format, ...)
{
	va_list list;

	if (words->error)
		return;
	va_start(list, format);
	words->error = g_error_new_valist(BP_CONSOLE_ERROR, BP_INVALID, format, list);
	va_end(list);
	words->error_at = word;
}

/* The escape after the backslash at `at`, in double quotes; gives how many bytes it takes with
 * the backslash. */
static gsize unescape(ParsedWords *words, GString *to, gsize at, gsize word)
{
	const char *escape = words->command + at + 1;
	int value;

	switch (*escape) {
	case 'n':
		g_string_append_c(to, '\n');
		return 2;
	case 't':
		g_string_append_c(to, '\t');
		return 2;
	case '"':
	case '\\':
		g_string_append_c(to, *escape);
		return 2;
	case 'x':
		if (g_ascii_isxdigit(escape[1]) && g_ascii_isxdigit(escape[2])) {
			value = g_ascii_xdigit_value(escape[1]) * 16 + g_ascii_xdigit_value(escape[2]);
			if (value)
				g_string_append_c(to, (char)value);
			else
				add_error(words, word, "\\x00 at column %" G_GSIZE_FORMAT " cannot be part of a word",
					  at + 1);
			return 4;
		}
		add_error(words, word, "\\x at column %" G_GSIZE_FORMAT " needs two hexadecimal digits", at + 1);
		return 2;
	default:
		/* As a shell does: a backslash that escapes nothing is one. */
		g_string_append_c(to, '\\');
		return 1;
	}
}

/* Reads the word at `start`; gives where it ends. */
static gsize read_word(ParsedWords *words, gsize start, ParsedWord *word)
{
	const char *command = words->command;
	GString *text = g_string_new(NULL);
	ScanState scan = { 0 };
	gsize at = start, opened = start;
	char quote = 0;
	Kind kind;

	word->start = start;
	while (command[at]) {
		quote = scan.quote;
		kind = step(&scan, command[at]);
		if (kind == BLANK || kind == COMMENT)
			break;
		if (kind == MARK && !quote && scan.quote)
			opened = at;
		if (kind == MARK && at == start)
			word->quoted = TRUE;
		if (kind == MARK && quote && scan.escaped) {
			scan.escaped = FALSE;
			at += unescape(words, text, at, start);
			continue;
		}
		if (kind != MARK)
			g_string_append_c(text, command[at]);
		at++;
	}
	if (scan.quote)
		add_error(words, start, "the quote %c at column %" G_GSIZE_FORMAT " is not closed", scan.quote,
			  opened + 1);
	else if (scan.escaped)
		add_error(words, start, "the backslash at the end escapes nothing; type \\\\ for a backslash");
	word->end = at;
	word->text = g_string_free(text, FALSE);
	return at;
}

ParsedWords *parse_words(const char *command)
{
	ParsedWords *words = g_new0(ParsedWords, 1);
	g_autoptr(GArray) array = g_array_new(FALSE, FALSE, sizeof(ParsedWord));
	gsize at = 0;

	words->command = g_strdup(command);
	words->error_at = G_MAXSIZE;
	for (;;) {
		ParsedWord word = { 0 };

		while (is_blank(command[at]))
			at++;
		if (!command[at] || command[at] == '#')
			break;
		at = read_word(words, at, &word);
		if (words->error) {
			g_free(word.text);
			break;
		}
		g_array_append_val(array, word);
	}
	words->count = array->len;
	words->words = (ParsedWord *)(gpointer)g_array_steal(array, NULL);
	return words;
}

void parsed_words_free(ParsedWords *words)
{
	if (!words)
		return;
	for (guint i = 0; i < words->count; i++)
		g_free(words->words[i].text);
	g_free(words->words);
	g_free(words->command);
	g_clear_error(&words->error);
	g_free(words);
}

/* --- completion --- */

/* A word that may not be complete: quotes may be open, an escape may be cut off. */
static char *unquote_partial(const char *text, gsize size)
{
	g_autofree char *copy = g_strndup(text, size);
	ParsedWords scratch = { .command = copy };
	ParsedWord word = { 0 };

	read_word(&scratch, 0, &word);
	g_clear_error(&scratch.error);
	return word.text;
}

ParsedCursor *parse_cursor(const char *line, gsize cursor)
{
	ParsedCursor *result = g_new0(ParsedCursor, 1);
	g_autofree char *before = NULL;
	gsize start = 0, word = 0;
	gboolean was_word = FALSE;
	ScanState scan = { 0 };
	Kind kind = BLANK;

	cursor = MIN(cursor, strlen(line));
	for (gsize at = 0; at < cursor && line[at] && kind != COMMENT; at++) {
		if (line[at] == '\n') {
			scan = (ScanState){ 0 };
			kind = BAR;
		} else {
			kind = step(&scan, line[at]);
		}
		if (kind == BAR)
			start = at + 1;
		else if (scan.in_word && !was_word)
			word = at;
		was_word = kind != BAR && scan.in_word;
		if (!was_word)
			word = at + 1;
	}
	result->comment = kind == COMMENT;
	result->command = trim_start(line, start, cursor);
	if (result->command < cursor && line[result->command] == '.')
		result->command = trim_start(line, result->command + 1, cursor);
	result->start = CLAMP(word, result->command, cursor);
	result->quote = scan.quote;
	before = g_strndup(line + result->command, result->start - result->command);
	result->words = parse_words(before);
	result->partial = unquote_partial(line + result->start, cursor - result->start);
	return result;
}

void parsed_cursor_free(ParsedCursor *cursor)
{
	if (!cursor)
		return;
	parsed_words_free(cursor->words);
	g_free(cursor->partial);
	g_free(cursor);
}

char *bp_quote(const char *word, char quote)
{
	GString *text;

	if (!quote && *word && *word != '.' && strpbrk(word, " \t\r\n\"'\\|#") == NULL)
		return g_strdup(word);
	if (quote == '\'' && strchr(word, '\'') == NULL && strchr(word, '\n') == NULL)
		return g_strdup_printf("'%s'", word);
	text = g_string_new("\"");
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			g_string_append_printf(text, "\\%c", *word);
		else if (*word == '\n')
			g_string_append(text, "\\n");
		else if ((guchar)*word < 0x20 || *word == 0x7f)
			g_string_append_printf(text, "\\x%02x", (guchar)*word);
		else
			g_string_append_c(text, *word);
	}
	g_string_append_c(text, '"');
	return g_string_free(text, FALSE);
}
