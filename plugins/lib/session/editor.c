/* SPDX-License-Identifier: MIT */
/* editor.c - the line editor's life, and what leaves it. Every callback may free the editor:
 * then it is only marked, and the outermost function that was called finishes the work. */
#include "editor-state.h"

#define COLUMNS_LEAST 4
#define COLUMNS_MOST 4096

/* With a prompt and malloc's own overhead an idle editor stays far below 1 KiB. */
G_STATIC_ASSERT(sizeof(LineEditor) <= 384);

static void destroy(LineEditor *editor)
{
	editor->shown = FALSE;
	editor_search_end(editor, FALSE);
	editor_forget_line(editor);
	if (editor->out)
		g_string_free(editor->out, TRUE);
	g_free(editor->escaped);
	g_free(editor->yank);
	g_free(editor->prompt);
	g_free(editor);
}

static gboolean enter(LineEditor *editor)
{
	if (editor->gone || editor->depth == G_MAXUINT8)
		return FALSE;
	editor->depth++;
	return TRUE;
}

static void leave(LineEditor *editor)
{
	if (!editor->gone) {
		editor_draw(editor);
		editor_flush(editor);
	}
	if (--editor->depth == 0 && editor->gone)
		destroy(editor);
}

LineEditor *line_editor_new(const LineEditorEvents *ops, gpointer data)
{
	LineEditor *editor = g_new0(LineEditor, 1);

	editor->ops = ops;
	editor->data = data;
	editor->redraw = TRUE;
	line_editor_set_columns(editor, 0);
	line_editor_set_limit(editor, 0);
	return editor;
}

void line_editor_free(LineEditor *editor)
{
	if (!editor)
		return;
	if (editor->depth)
		editor->gone = TRUE;
	else
		destroy(editor);
}

gsize line_editor_feed(LineEditor *editor, const char *bytes, gsize size)
{
	gsize used = 0;

	if (editor->depth || !enter(editor))
		return 0;
	editor->stop = FALSE;
	while (used < size && !editor->gone && !editor->stop)
		editor_byte(editor, bytes[used++]);
	leave(editor);
	return used;
}

void line_editor_show(LineEditor *editor)
{
	if (!enter(editor))
		return;
	editor->shown = TRUE;
	leave(editor);
}

gboolean line_editor_hide(LineEditor *editor)
{
	gboolean was_shown = editor->shown;

	if (!enter(editor))
		return FALSE;
	editor_erase(editor);
	leave(editor);
	return was_shown;
}

gboolean line_editor_is_shown(const LineEditor *editor)
{
	return editor->shown;
}

void line_editor_set_prompt(LineEditor *editor, const char *prompt)
{
	g_autofree char *valid = prompt ? g_utf8_make_valid(prompt, -1) : NULL;
	GString *clean = g_string_new(NULL);

	for (const char *at = valid; at && *at;) {
		gsize sgr = bp_text_sgr(at, strlen(at));
		gsize size = sgr ? sgr : (gsize)g_utf8_skip[(guchar)*at];

		if (sgr || bp_text_is_shown(g_utf8_get_char(at)))
			g_string_append_len(clean, at, (gssize)size);
		at += size;
	}
	if (g_strcmp0(clean->str, editor->prompt ? editor->prompt : "") == 0 || !enter(editor)) {
		g_string_free(clean, TRUE);
		return;
	}
	g_free(editor->prompt);
	editor->prompt = g_string_free(clean, FALSE);
	editor->redraw = TRUE;
	leave(editor);
}

void line_editor_set_columns(LineEditor *editor, guint columns)
{
	columns = CLAMP(columns ? columns : 80, COLUMNS_LEAST, COLUMNS_MOST);
	if (columns == editor->columns || !enter(editor))
		return;
	editor_resized(editor, columns);
	leave(editor);
}

void line_editor_set_echo(LineEditor *editor, gboolean on)
{
	if (on == !editor->echo_off || !enter(editor))
		return;
	editor_search_end(editor, FALSE);
	/* What was typed unseen does not come to light. */
	if (on)
		editor_forget_line(editor);
	editor->echo_off = !on;
	editor->redraw = TRUE;
	leave(editor);
}

void line_editor_set_history(LineEditor *editor, History *history)
{
	if (!enter(editor))
		return;
	editor_search_end(editor, FALSE);
	g_clear_pointer(&editor->draft, g_free);
	editor->history = history;
	leave(editor);
}

void line_editor_set_limit(LineEditor *editor, gsize bytes)
{
	editor->limit = bytes ? bytes : 65536;
}

const char *line_editor_text(const LineEditor *editor)
{
	return editor_text(editor);
}

gsize line_editor_cursor(const LineEditor *editor)
{
	return editor->cursor;
}

/* --- what leaves it --- */

static void remember(LineEditor *editor, const char *line)
{
	if (editor->history && !editor->echo_off && (!editor->ops->keep || editor->ops->keep(editor->data, line)) &&
	    !editor->gone && editor->history)
		history_add(editor->history, line);
}

void editor_enter_line(LineEditor *editor)
{
	gboolean was_shown = editor->shown, secret = editor->echo_off, more;
	GString *line;

	editor_finish(editor, "");
	editor_flush(editor);
	if (editor->gone)
		return;
	line = editor->line ? g_steal_pointer(&editor->line) : g_string_new(NULL);
	editor_forget_line(editor);
	remember(editor, line->str);
	more = !editor->gone && editor->ops->line(editor->data, line->str, line->len);
	if (secret)
		memset(line->str, 0, line->len);
	g_string_free(line, TRUE);
	if (editor->gone)
		return;
	if (!more)
		editor->stop = TRUE;
	else if (was_shown)
		editor->shown = TRUE;
}

void editor_interrupt(LineEditor *editor)
{
	gboolean was_shown = editor->shown, was_empty = editor_size(editor) == 0;

	editor_finish(editor, "^C");
	editor_forget_line(editor);
	editor_flush(editor);
	if (!editor->gone)
		editor->ops->interrupt(editor->data, was_empty);
	if (!editor->gone && was_shown)
		editor->shown = TRUE;
}

void editor_end_of_input(LineEditor *editor)
{
	gboolean was_shown = editor->shown;

	editor_finish(editor, "");
	editor_flush(editor);
	if (!editor->gone)
		editor->ops->end_of_input(editor->data);
	if (!editor->gone && was_shown)
		editor->shown = TRUE;
}
