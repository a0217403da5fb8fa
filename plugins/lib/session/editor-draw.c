/* SPDX-License-Identifier: MIT */
/* editor-draw.c - prompt and line on the screen, with as few bytes as it takes.
 *
 * Where a byte of the line stands is worked out from the widths of what comes before, counting
 * rows from the one in which the prompt begins. A row that is full leaves a terminal's cursor
 * in its last column until the next character; a blank and CR bring it to the next row at
 * once, on those terminals and on the others, so that a place is always a row and a column
 * smaller than the width. A wide character that does not fit is moved to the next row by a
 * blank written before it: terminals do not agree on what they would do themselves. */
#include "editor-state.h"

void editor_emit(LineEditor *editor, const char *text, gssize size)
{
	if (size == 0 || !*text)
		return;
	if (!editor->out)
		editor->out = g_string_new(NULL);
	g_string_append_len(editor->out, text, size);
}

void editor_flush(LineEditor *editor)
{
	GString *out = g_steal_pointer(&editor->out);

	if (!out)
		return;
	editor->ops->write(editor->data, out->str, out->len);
	g_string_free(out, TRUE);
}

static void emit_motion(LineEditor *editor, guint count, char letter)
{
	char text[16];
	int size = count == 1 ? g_snprintf(text, sizeof(text), "\033[%c", letter)
			      : g_snprintf(text, sizeof(text), "\033[%u%c", count, letter);

	editor_emit(editor, text, size);
}

static void move(LineEditor *editor, guint row, guint col)
{
	if (row < editor->row)
		emit_motion(editor, editor->row - row, 'A');
	else if (row > editor->row)
		emit_motion(editor, row - editor->row, 'B');
	if (col == 0 && editor->col)
		editor_emit(editor, "\r", 1);
	else if (col < editor->col && editor->col - col <= 3)
		editor_emit(editor, "\b\b\b", editor->col - col);
	else if (col < editor->col)
		emit_motion(editor, editor->col - col, 'D');
	else if (col > editor->col)
		emit_motion(editor, col - editor->col, 'C');
	editor->row = row;
	editor->col = col;
}

/* Lets text flow from a place on; written too if `write`. */
static void flow(LineEditor *editor, const char *text, gsize size, guint *row, guint *col, gboolean write)
{
	gboolean full = FALSE; /* the last column was written, the terminal's cursor hangs there */

	for (gsize at = 0; at < size;) {
		gsize sgr = bp_text_sgr(text + at, size - at);
		gsize length = sgr ? sgr : (gsize)g_utf8_skip[(guchar)text[at]];
		guint width = sgr ? 0 : bp_text_width(g_utf8_get_char(text + at));

		if (*col + width > editor->columns) {
			if (write)
				editor_emit(editor, " ", 1);
			*row += 1;
			*col = 0;
		}
		if (write)
			editor_emit(editor, text + at, (gssize)length);
		at += length;
		*col += width;
		full = width ? *col == editor->columns : full;
		if (*col == editor->columns) {
			*row += 1;
			*col = 0;
		}
	}
	if (full && write)
		editor_emit(editor, " \r", 2);
}

static void place(LineEditor *editor, gsize offset, guint *row, guint *col)
{
	*row = editor->prompt_row;
	*col = editor->prompt_col;
	flow(editor, editor_text(editor), offset, row, col, FALSE);
}

static char *shown_prompt(LineEditor *editor)
{
	const EditorSearch *search = editor->search;

	if (search)
		return g_strdup_printf("(%s '%s') ", search->failing ? "not found" : "search", search->text->str);
	return g_strdup(editor->prompt ? editor->prompt : "");
}

static void draw_prompt(LineEditor *editor)
{
	g_autofree char *prompt = shown_prompt(editor);

	if (editor->row || editor->col || editor->clean || editor->stale) {
		move(editor, 0, 0);
		editor_emit(editor, "\033[J", 3);
	}
	flow(editor, prompt, strlen(prompt), &editor->row, &editor->col, TRUE);
	editor->prompt_row = editor->row;
	editor->prompt_col = editor->col;
	editor->redraw = FALSE;
	editor->stale = FALSE;
	editor->clean = 0;
	editor->at = 0;
}

static void draw_cursor(LineEditor *editor, gsize cursor)
{
	const char *text = editor_text(editor) + cursor;
	guint row, col;

	if (editor->at == cursor)
		return;
	place(editor, cursor, &row, &col);
	editor->at = cursor;
	/* On a wide character that went to the next row: there, not on the blank before it. */
	if (*text && col + bp_text_width(g_utf8_get_char(text)) > editor->columns) {
		row++;
		col = 0;
		editor->at = G_MAXSIZE;
	}
	move(editor, row, col);
}

void editor_draw(LineEditor *editor)
{
	gsize size = editor->echo_off ? 0 : editor_size(editor);
	guint row, col;

	if (!editor->shown)
		return;
	if (editor->redraw)
		draw_prompt(editor);
	if (!editor->echo_off && (editor->clean < size || editor->stale)) {
		if (editor->at != editor->clean) {
			place(editor, editor->clean, &row, &col);
			move(editor, row, col);
		}
		if (editor->stale)
			editor_emit(editor, "\033[J", 3);
		flow(editor, editor_text(editor) + editor->clean, size - editor->clean, &editor->row, &editor->col,
		     TRUE);
		editor->clean = size;
		editor->stale = FALSE;
		editor->at = size;
	}
	draw_cursor(editor, editor->echo_off ? 0 : editor->cursor);
}

static void reset(LineEditor *editor)
{
	editor->row = editor->col = 0;
	editor->clean = 0;
	editor->stale = FALSE;
	editor->redraw = TRUE;
}

void editor_finish(LineEditor *editor, const char *mark)
{
	if (!editor->shown)
		return;
	editor->cursor = editor_size(editor);
	editor_draw(editor);
	editor_emit(editor, mark, -1);
	/* A line that fills its last row has brought the cursor below already. */
	if (editor->col || !editor->row || *mark)
		editor_emit(editor, "\r\n", 2);
	editor->shown = FALSE;
	reset(editor);
}

void editor_erase(LineEditor *editor)
{
	if (!editor->shown)
		return;
	move(editor, 0, 0);
	if (editor->clean || editor->stale || editor->prompt_row || editor->prompt_col)
		editor_emit(editor, "\033[J", 3);
	editor->shown = FALSE;
	reset(editor);
}

void editor_clear_screen(LineEditor *editor)
{
	if (!editor->shown)
		return;
	editor_emit(editor, "\033[H\033[2J", 7);
	reset(editor);
}

/* Terminals let the rows they have flow anew: so does this. */
void editor_resized(LineEditor *editor, guint columns)
{
	g_autofree char *prompt = shown_prompt(editor);

	editor->columns = columns;
	if (!editor->shown)
		return;
	editor->prompt_row = editor->prompt_col = 0;
	flow(editor, prompt, strlen(prompt), &editor->prompt_row, &editor->prompt_col, FALSE);
	place(editor, editor->echo_off ? 0 : editor->cursor, &editor->row, &editor->col);
	editor->redraw = TRUE;
}
