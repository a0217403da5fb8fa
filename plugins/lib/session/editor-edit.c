/* SPDX-License-Identifier: MIT */
/* editor-edit.c - what keys do to the line. The cursor moves, and deletes, by what is one
 * character to the eye: a character with the combining ones that follow it. */
#include "editor-state.h"

static gboolean is_combining(const char *text)
{
	return *text && bp_text_width(g_utf8_get_char(text)) == 0;
}

static gsize before(const LineEditor *editor, gsize offset)
{
	const char *text = editor_text(editor), *at = text + offset;

	while (at > text) {
		at = g_utf8_prev_char(at);
		if (!is_combining(at))
			break;
	}
	return (gsize)(at - text);
}

static gsize after(const LineEditor *editor, gsize offset)
{
	const char *text = editor_text(editor), *at = text + offset;

	if (*at)
		at = g_utf8_next_char(at);
	while (is_combining(at))
		at = g_utf8_next_char(at);
	return (gsize)(at - text);
}

static gboolean is_word(const LineEditor *editor, gsize offset)
{
	return g_unichar_isalnum(g_utf8_get_char(editor_text(editor) + offset));
}

static gboolean is_blank(const LineEditor *editor, gsize offset)
{
	return g_unichar_isspace(g_utf8_get_char(editor_text(editor) + offset));
}

/* The line has changed from `offset` on. Called after the change: what combines now is drawn
 * with its base. */
void editor_touch(LineEditor *editor, gsize offset)
{
	if (is_combining(editor_text(editor) + offset))
		offset = before(editor, offset);
	if (offset < editor->clean) {
		editor->clean = offset;
		editor->stale = TRUE;
	}
}

static void told_too_long(LineEditor *editor)
{
	if (editor->told_limit)
		return;
	editor->told_limit = TRUE;
	editor_draw(editor);
	editor_flush(editor);
	if (!editor->gone)
		editor->ops->too_long(editor->data);
}

/* Over the limit whole characters are left out. */
static gsize fit(LineEditor *editor, const char *text, gsize size, gsize room)
{
	if (size <= room)
		return size;
	while (room && ((guchar)text[room] & 0xc0) == 0x80)
		room--;
	return room;
}

void editor_replace(LineEditor *editor, gsize from, gsize to, const char *text)
{
	gsize size = strlen(text);
	gsize fits = fit(editor, text, size, editor->limit - MIN(editor->limit, editor_size(editor) - (to - from)));

	if (!editor->line)
		editor->line = g_string_sized_new(MIN(fits, 63));
	g_string_erase(editor->line, (gssize)from, (gssize)(to - from));
	g_string_insert_len(editor->line, (gssize)from, text, (gssize)fits);
	editor->cursor = from + fits;
	editor_touch(editor, from);
	if (fits < size)
		told_too_long(editor);
}

void editor_insert(LineEditor *editor, const char *text, gsize size)
{
	if (editor_size(editor) + size > editor->limit) {
		told_too_long(editor);
		return;
	}
	if (!editor->line)
		editor->line = g_string_sized_new(15);
	g_string_insert_len(editor->line, (gssize)editor->cursor, text, (gssize)size);
	editor->cursor += size;
	editor_touch(editor, editor->cursor - size);
}

/* Text from elsewhere (history): what it shares with the line need not be drawn again. */
void editor_set_line(LineEditor *editor, const char *text)
{
	g_autofree char *fresh = g_utf8_make_valid(text, -1);
	const char *old = editor_text(editor);
	gsize same = 0;

	for (char *at = fresh; *at; at = g_utf8_next_char(at))
		if (!bp_text_is_shown(g_utf8_get_char(at)))
			memset(at, ' ', (gsize)g_utf8_skip[(guchar)*at]);
	while (old[same] && old[same] == fresh[same])
		same++;
	while (same && (((guchar)fresh[same] & 0xc0) == 0x80 || ((guchar)old[same] & 0xc0) == 0x80))
		same--;
	editor_replace(editor, same, editor_size(editor), fresh + same);
}

void editor_forget_line(LineEditor *editor)
{
	if (editor->line) {
		if (editor->echo_off)
			memset(editor->line->str, 0, editor->line->len);
		g_string_free(editor->line, TRUE);
	}
	editor->line = NULL;
	editor->cursor = 0;
	editor->told_limit = FALSE;
	g_clear_pointer(&editor->draft, g_free);
	editor_touch(editor, 0);
}

/* --- moving --- */

void editor_left(LineEditor *editor)
{
	editor->cursor = before(editor, editor->cursor);
}

void editor_right(LineEditor *editor)
{
	editor->cursor = after(editor, editor->cursor);
}

void editor_home(LineEditor *editor)
{
	editor->cursor = 0;
}

void editor_end(LineEditor *editor)
{
	editor->cursor = editor_size(editor);
}

static gsize word_left(const LineEditor *editor)
{
	gsize at = editor->cursor;

	while (at && !is_word(editor, before(editor, at)))
		at = before(editor, at);
	while (at && is_word(editor, before(editor, at)))
		at = before(editor, at);
	return at;
}

static gsize word_right(const LineEditor *editor)
{
	gsize at = editor->cursor, size = editor_size(editor);

	while (at < size && !is_word(editor, at))
		at = after(editor, at);
	while (at < size && is_word(editor, at))
		at = after(editor, at);
	return at;
}

void editor_word_left(LineEditor *editor)
{
	editor->cursor = word_left(editor);
}

void editor_word_right(LineEditor *editor)
{
	editor->cursor = word_right(editor);
}

/* --- deleting --- */

static void cut(LineEditor *editor, gsize from, gsize to, gboolean keep)
{
	if (from >= to)
		return;
	/* Input without echo is a secret. */
	if (keep && !editor->echo_off) {
		g_free(editor->yank);
		editor->yank = g_strndup(editor_text(editor) + from, to - from);
	}
	g_string_erase(editor->line, (gssize)from, (gssize)(to - from));
	editor->cursor = from;
	editor->told_limit = FALSE;
	editor_touch(editor, from);
}

void editor_backspace(LineEditor *editor)
{
	cut(editor, before(editor, editor->cursor), editor->cursor, FALSE);
}

void editor_delete(LineEditor *editor)
{
	cut(editor, editor->cursor, after(editor, editor->cursor), FALSE);
}

void editor_kill_end(LineEditor *editor)
{
	cut(editor, editor->cursor, editor_size(editor), TRUE);
}

void editor_kill_start(LineEditor *editor)
{
	cut(editor, 0, editor->cursor, TRUE);
}

void editor_kill_blank_word(LineEditor *editor)
{
	gsize at = editor->cursor;

	while (at && is_blank(editor, before(editor, at)))
		at = before(editor, at);
	while (at && !is_blank(editor, before(editor, at)))
		at = before(editor, at);
	cut(editor, at, editor->cursor, TRUE);
}

void editor_kill_word_left(LineEditor *editor)
{
	cut(editor, word_left(editor), editor->cursor, TRUE);
}

void editor_kill_word_right(LineEditor *editor)
{
	cut(editor, editor->cursor, word_right(editor), TRUE);
}

void editor_yank(LineEditor *editor)
{
	if (editor->yank && !editor->echo_off)
		editor_replace(editor, editor->cursor, editor->cursor, editor->yank);
}

void editor_transpose(LineEditor *editor)
{
	gsize middle = editor->cursor == editor_size(editor) ? before(editor, editor->cursor) : editor->cursor;
	gsize start = before(editor, middle), end = after(editor, middle);
	g_autofree char *swapped = NULL;

	if (start == middle)
		return;
	swapped = g_strdup_printf("%.*s%.*s", (int)(end - middle), editor_text(editor) + middle, (int)(middle - start),
				  editor_text(editor) + start);
	editor_replace(editor, start, end, swapped);
}
