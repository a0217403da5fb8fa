/* SPDX-License-Identifier: MIT */
/* parse.h - text into commands, a command into words.
 *
 * Commands are parted by newlines and by | outside quotes. A # at the beginning of a command, or
 * after a blank, begins a comment up to the newline. A leading "." makes a command silent. Words
 * are parted by blanks and tabs:
 *	"double quotes"   with \" \\ \n \t \xNN in them; they may begin inside a word
 *	'single quotes'   literal; they begin where a word or its value does, so that don't is one
 *	\x                outside quotes: x itself
 * Quotes end with the line.
 */
#pragma once
#include <backplane/text.h>

typedef struct {
	char *text;   /* trimmed, without the dot and the comment; never empty */
	gsize offset; /* of it in the whole text */
	guint line;   /* 1, 2, ...: a failure stops the rest of the same line only */
	gboolean silent;
} ParsedCommand;

/* Of ParsedCommand *; g_ptr_array_unref frees all. `text` need not be UTF-8; NULs in it part
 * like newlines. */
GPtrArray *parse_commands(const char *text, gsize size);

typedef struct {
	char *text;
	gsize start, end; /* bytes in the command, with its quotes */
	gboolean quoted;  /* its first character was quoted or escaped: never an option */
} ParsedWord;

typedef struct {
	char *command;
	ParsedWord *words;
	guint count;
	GError *error;	/* "the quote \" at column 6 is not closed"; or NULL */
	gsize error_at; /* where the bad word begins; those before it are there. G_MAXSIZE */
} ParsedWords;

/* Never NULL. The error stands in it, since a command that takes the rest of its line raw does
 * not mind. */
ParsedWords *parse_words(const char *command);
void parsed_words_free(ParsedWords *words);

/* For completion: what stands before the cursor. */
typedef struct {
	gsize command;	    /* offset in the line where the cursor's command begins */
	ParsedWords *words; /* the whole words of it before the cursor */
	char *partial;	    /* the word that the cursor ends, without quotes; "" after a blank */
	gsize start;	    /* offset in the line where that word begins, with its quote */
	char quote;	    /* the quote that is open at the cursor: ", ' or 0 */
	gboolean comment;   /* the cursor is in a comment */
} ParsedCursor;

ParsedCursor *parse_cursor(const char *line, gsize cursor);
void parsed_cursor_free(ParsedCursor *cursor);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ParsedWords, parsed_words_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ParsedCursor, parsed_cursor_free)
