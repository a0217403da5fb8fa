/* SPDX-License-Identifier: MIT */
/* terminal.h - a small terminal, and somebody at it who types into a line editor. What the
 * editor writes is drawn on a screen of cells; layout_holds says whether prompt, line and
 * cursor stand where a plain layout of the same text puts them, and nothing beside them. */
#pragma once
#include <string.h>
#include "session/editor.h"
#include <backplane/text.h>
#include "suite.h"

#define ROWS 60
#define MOST_COLUMNS 80
#define HALF 0xfffe /* the right half of a wide character */

#define UP "\033[A"
#define DOWN "\033[B"
#define RIGHT "\033[C"
#define LEFT "\033[D"
#define HOME "\001"
#define END "\005"
#define A_UMLAUT "\xc3\xa4"
#define WIDE "\xe4\xb8\xad" /* two columns */
#define ACCENT "\xcc\x81"   /* combines */
#define BAD "\xef\xbf\xbd"

/* --- the terminal --- */

typedef struct {
	gunichar cells[ROWS][MOST_COLUMNS];
	gunichar marks[ROWS][MOST_COLUMNS]; /* what combines with the cell */
	guint columns, row, col;
	gboolean hangs; /* in the last column, to wrap with the next character */
} Screen;

static inline void screen_scroll(Screen *screen)
{
	if (++screen->row < ROWS)
		return;
	memmove(screen->cells[0], screen->cells[1], sizeof(screen->cells) - sizeof(screen->cells[0]));
	memmove(screen->marks[0], screen->marks[1], sizeof(screen->marks) - sizeof(screen->marks[0]));
	memset(screen->cells[ROWS - 1], 0, sizeof(screen->cells[0]));
	memset(screen->marks[ROWS - 1], 0, sizeof(screen->marks[0]));
	screen->row = ROWS - 1;
}

/* It combines with what was written before; at the left margin there is nothing. */
static inline void screen_mark(Screen *screen, gunichar mark)
{
	guint col = screen->col - (screen->col && !screen->hangs);

	if (col == screen->col && !screen->hangs)
		return;
	col -= screen->cells[screen->row][col] == HALF;
	screen->marks[screen->row][col] = mark;
}

static inline void screen_put(Screen *screen, gunichar character)
{
	guint width = bp_text_width(character);

	if (!width) {
		screen_mark(screen, character);
		return;
	}
	if (screen->hangs || screen->col + width > screen->columns) {
		screen->col = 0;
		screen_scroll(screen);
	}
	screen->cells[screen->row][screen->col] = character;
	screen->marks[screen->row][screen->col] = 0;
	if (width == 2)
		screen->cells[screen->row][screen->col + 1] = HALF;
	screen->col += width;
	screen->hangs = screen->col == screen->columns;
	screen->col -= screen->hangs;
}

static inline void screen_clear(Screen *screen, guint row, guint col)
{
	for (; row < ROWS; row++, col = 0) {
		memset(screen->cells[row] + col, 0, sizeof(gunichar) * (MOST_COLUMNS - col));
		memset(screen->marks[row] + col, 0, sizeof(gunichar) * (MOST_COLUMNS - col));
	}
}

static inline void screen_control(Screen *screen, char letter, guint number)
{
	guint count = MAX(number, 1);

	screen->hangs = FALSE;
	switch (letter) {
	case 'A':
		screen->row -= MIN(count, screen->row);
		break;
	case 'B':
		screen->row = MIN(screen->row + count, ROWS - 1);
		break;
	case 'C':
		screen->col = MIN(screen->col + count, screen->columns - 1);
		break;
	case 'D':
		screen->col -= MIN(count, screen->col);
		break;
	case 'H':
		screen->row = screen->col = 0;
		break;
	case 'J':
		screen_clear(screen, number == 2 ? 0 : screen->row, number == 2 ? 0 : screen->col);
		break;
	case 'm':
		break;
	default:
		CU_FAIL("a control sequence that the manual does not name");
	}
}

static inline void screen_write(Screen *screen, const char *bytes, gsize size)
{
	for (gsize at = 0; at < size;) {
		const char *text = bytes + at;

		if (*text == '\033') {
			char *end;
			guint64 number;

			CU_ASSERT_FATAL(text[1] == '[');
			number = g_ascii_strtoull(text + 2, &end, 10);
			end += strspn(end, ";0123456789");
			screen_control(screen, *end, (guint)number);
			at = (gsize)(end + 1 - bytes);
			continue;
		}
		if (*text == '\r') {
			screen->col = 0;
			screen->hangs = FALSE;
		} else if (*text == '\n') {
			screen->hangs = FALSE;
			screen_scroll(screen);
		} else if (*text == '\b') {
			screen->col -= MIN(1, screen->col);
			screen->hangs = FALSE;
		} else {
			gunichar character = g_utf8_get_char_validated(text, (gssize)(size - at));

			CU_ASSERT_FATAL(character < (gunichar)-2 && bp_text_is_shown(character));
			screen_put(screen, character);
		}
		at += g_utf8_skip[(guchar)*text];
	}
}

static inline void append_row(GString *text, const Screen *screen, guint row)
{
	guint end = screen->columns;

	while (end && (!screen->cells[row][end - 1] || screen->cells[row][end - 1] == ' '))
		end--;
	for (guint col = 0; col < end; col++) {
		if (screen->cells[row][col] != HALF)
			g_string_append_unichar(text, screen->cells[row][col] ? screen->cells[row][col] : ' ');
		if (screen->marks[row][col])
			g_string_append_unichar(text, screen->marks[row][col]);
	}
}

/* The rows, parted by "/", up to the last that has something. */
static inline char *screen_text(const Screen *screen)
{
	GString *text = g_string_new(NULL);

	for (guint row = 0; row < ROWS; row++) {
		append_row(text, screen, row);
		g_string_append_c(text, '/');
	}
	while (text->len && text->str[text->len - 1] == '/')
		g_string_truncate(text, text->len - 1);
	return g_string_free(text, FALSE);
}

/* --- somebody at it --- */

typedef struct {
	LineEditor *editor;
	Screen screen;
	GString *log; /* "<line>", "^C", "^D", "!" */
	const char *prompt;
	char **words;
	gsize written;
	gboolean refuse, free_in_line, free_in_write;
	guint completions;
} Term;

static inline void on_write(gpointer data, const char *bytes, gsize size)
{
	Term *term = data;

	CU_ASSERT(size > 0);
	term->written += size;
	screen_write(&term->screen, bytes, size);
	if (term->free_in_write)
		line_editor_free(term->editor);
	term->free_in_write = FALSE;
}

static inline gboolean on_line(gpointer data, const char *line, gsize size)
{
	Term *term = data;

	CU_ASSERT_EQUAL(strlen(line), size);
	CU_ASSERT(g_utf8_validate(line, -1, NULL));
	g_string_append_printf(term->log, "<%s>", line);
	if (term->free_in_line)
		line_editor_free(term->editor);
	return !term->refuse && !term->free_in_line;
}

static inline void on_interrupt(gpointer data, gboolean was_empty)
{
	g_string_append(((Term *)data)->log, was_empty ? "^c" : "^C");
}

static inline void on_end(gpointer data)
{
	g_string_append(((Term *)data)->log, "^D");
}

static inline void on_too_long(gpointer data)
{
	g_string_append_c(((Term *)data)->log, '!');
}

static inline char **on_complete(gpointer data, const char *line, gsize cursor, gsize *start)
{
	Term *term = data;
	g_autoptr(GPtrArray) words = g_ptr_array_new();

	term->completions++;
	*start = cursor;
	while (*start && line[*start - 1] != ' ')
		--*start;
	for (guint i = 0; term->words && term->words[i]; i++)
		if (strncmp(term->words[i], line + *start, cursor - *start) == 0)
			g_ptr_array_add(words, g_strdup(term->words[i]));
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_steal(words, NULL);
}

static inline gboolean on_keep(gpointer data, const char *line)
{
	return strncmp(line, "secret", 6) != 0;
}

static const LineEditorEvents ops = {
	on_write, on_line, on_interrupt, on_end, on_complete, NULL, on_too_long, on_keep
};

static inline Term *term_new(guint columns, const char *prompt)
{
	Term *term = g_new0(Term, 1);

	term->screen.columns = columns;
	term->log = g_string_new(NULL);
	term->prompt = prompt;
	term->editor = line_editor_new(&ops, term);
	line_editor_set_columns(term->editor, columns);
	line_editor_set_prompt(term->editor, prompt);
	line_editor_show(term->editor);
	return term;
}

static inline void term_free(Term *term)
{
	line_editor_free(term->editor);
	g_string_free(term->log, TRUE);
	g_free(term);
}

static inline void term_feed(Term *term, const char *keys, gsize size, gboolean split)
{
	for (gsize at = 0; split && at < size; at++)
		CU_ASSERT_EQUAL(line_editor_feed(term->editor, keys + at, 1), 1);
	if (!split)
		CU_ASSERT_EQUAL(line_editor_feed(term->editor, keys, size), size);
}

static inline void term_type(Term *term, const char *keys)
{
	term_feed(term, keys, strlen(keys), FALSE);
}

/* Prompt, line and cursor as a plain layout has them, in the rows around the terminal's
 * cursor; nothing below. */
static inline gboolean layout_holds(const Term *term)
{
	Screen plain = { .columns = term->screen.columns };
	g_autofree char *text = g_strconcat(term->prompt, line_editor_text(term->editor), NULL);
	gsize cursor = strlen(term->prompt) + line_editor_cursor(term->editor);
	guint row = 0, col = 0, first;
	const char *at = text;

	for (; *at; at = g_utf8_next_char(at)) {
		if ((gsize)(at - text) == cursor) {
			gboolean next = plain.hangs || plain.col + bp_text_width(g_utf8_get_char(at)) > plain.columns;

			row = plain.row + next;
			col = next ? 0 : plain.col;
		}
		screen_put(&plain, g_utf8_get_char(at));
	}
	if ((gsize)(at - text) == cursor) {
		row = plain.row + plain.hangs;
		col = plain.hangs ? 0 : plain.col;
	}
	if (term->screen.row < row || term->screen.col != col || term->screen.hangs)
		return FALSE;
	first = term->screen.row - row;
	for (guint i = 0; first + i < ROWS; i++) {
		g_autoptr(GString) is = g_string_new(NULL), should = g_string_new(NULL);

		append_row(is, &term->screen, first + i);
		append_row(should, &plain, i);
		if (strcmp(is->str, should->str) != 0)
			return FALSE;
	}
	return TRUE;
}
