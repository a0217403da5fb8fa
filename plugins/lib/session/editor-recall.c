/* SPDX-License-Identifier: MIT */
/* editor-recall.c - lines and words that come from elsewhere: history, search in it, completion. */
#include "editor-state.h"

#define SEARCH_LIMIT 256
#define LISTED_WORDS 200

/* --- history --- */

static void look_at(LineEditor *editor, guint64 number)
{
	const char *line = history_get(editor->history, number);

	if (!line)
		return;
	if (!editor->draft)
		editor->draft = g_strdup(editor_text(editor));
	editor->number = number;
	editor_set_line(editor, line);
}

void editor_older(LineEditor *editor)
{
	guint64 number;

	if (!editor->history || editor->echo_off)
		return;
	number = editor->draft ? editor->number : history_end(editor->history);
	if (number > history_begin(editor->history))
		look_at(editor, number - 1);
}

void editor_newer(LineEditor *editor)
{
	g_autofree char *draft = NULL;
	guint64 number;

	if (!editor->history || editor->echo_off || !editor->draft)
		return;
	/* Others may have added so many lines that the one that is looked at is no longer there. */
	number = MAX(editor->number + 1, history_begin(editor->history));
	if (history_get(editor->history, number)) {
		look_at(editor, number);
		return;
	}
	draft = g_steal_pointer(&editor->draft);
	editor_set_line(editor, draft);
}

/* --- search --- */

static void find(LineEditor *editor, guint64 end)
{
	EditorSearch *search = editor->search;
	const char *line, *match;
	guint64 number;

	editor->redraw = TRUE;
	search->failing = FALSE;
	if (!search->text->len) {
		search->number = history_end(editor->history);
		editor_set_line(editor, search->saved);
		editor->cursor = search->saved_cursor;
	} else if (history_search(editor->history, search->text->str, end, &number)) {
		search->number = number;
		line = history_get(editor->history, number);
		editor_set_line(editor, line);
		match = strstr(editor_text(editor), search->text->str);
		if (match)
			editor->cursor = (gsize)(match - editor_text(editor));
	} else {
		search->failing = TRUE;
	}
}

void editor_search(LineEditor *editor)
{
	EditorSearch *search = editor->search;

	if (!editor->history || editor->echo_off)
		return;
	if (search) {
		find(editor, search->number);
		return;
	}
	editor->search = search = g_new0(EditorSearch, 1);
	search->text = g_string_new(NULL);
	search->saved = g_strdup(editor_text(editor));
	search->saved_cursor = editor->cursor;
	search->number = history_end(editor->history);
	editor->redraw = TRUE;
}

void editor_search_insert(LineEditor *editor, const char *text, gsize size)
{
	EditorSearch *search = editor->search;

	if (search->text->len + size > SEARCH_LIMIT)
		return;
	g_string_append_len(search->text, text, (gssize)size);
	/* The line that is shown may go on matching. */
	find(editor, search->number == G_MAXUINT64 ? search->number : search->number + 1);
}

void editor_search_backspace(LineEditor *editor)
{
	GString *text = editor->search->text;

	if (text->len)
		g_string_truncate(text, (gsize)(g_utf8_prev_char(text->str + text->len) - text->str));
	find(editor, G_MAXUINT64);
}

void editor_search_end(LineEditor *editor, gboolean take)
{
	EditorSearch *search = g_steal_pointer(&editor->search);

	if (!search)
		return;
	if (!take) {
		editor_set_line(editor, search->saved);
		editor->cursor = search->saved_cursor;
	} else if (editor->history && history_get(editor->history, search->number)) {
		if (!editor->draft)
			editor->draft = g_strdup(search->saved);
		editor->number = search->number;
	}
	editor->redraw = TRUE;
	g_string_free(search->text, TRUE);
	g_free(search->saved);
	g_free(search);
}

/* --- completion --- */

/* Leaves out what could not be typed; gives how many are left. */
static guint keep_good(char **words)
{
	guint count = 0;

	for (guint i = 0; words[i]; i++) {
		gboolean good = *words[i] && g_utf8_validate(words[i], -1, NULL);

		for (const char *at = words[i]; good && *at; at = g_utf8_next_char(at))
			good = bp_text_is_shown(g_utf8_get_char(at));
		if (good)
			words[count++] = words[i];
		else
			g_free(words[i]);
	}
	words[count] = NULL;
	return count;
}

static char *common_prefix(char **words)
{
	gsize size = strlen(words[0]);

	for (guint i = 1; words[i]; i++) {
		gsize same = 0;

		while (same < size && words[i][same] == words[0][same])
			same++;
		size = same;
	}
	while (size && ((guchar)words[0][size] & 0xc0) == 0x80)
		size--;
	return g_strndup(words[0], size);
}

#define LISTED_ABOUT 40

/* Each with what it is, a line each. FALSE: nothing is known of them, or they are too many. */
static gboolean list_about(LineEditor *editor, char **words, guint count)
{
	g_autoptr(GPtrArray) abouts = g_ptr_array_new_with_free_func(g_free);
	guint width = 0, known = 0;
	gsize cursor = editor->cursor;

	if (!editor->ops->about || count > LISTED_ABOUT || editor->columns < 40)
		return FALSE;
	for (guint i = 0; i < count; i++) {
		g_ptr_array_add(abouts, editor->ops->about(editor->data, editor_text(editor), cursor, words[i]));
		known += abouts->pdata[i] != NULL;
		width = MAX(width, bp_text_columns(words[i]));
	}
	if (!known || width + 12 > editor->columns)
		return FALSE;
	editor_finish(editor, "");
	editor->cursor = cursor;
	for (guint i = 0; i < count; i++) {
		const char *about = abouts->pdata[i] ? abouts->pdata[i] : "";
		g_autofree char *blanks = g_strnfill(width + 2 - bp_text_columns(words[i]), ' ');
		gsize room = bp_text_fit(about, editor->columns - width - 3);

		editor_emit(editor, words[i], -1);
		editor_emit(editor, *about ? blanks : "", -1);
		editor_emit(editor, about, (gssize)room);
		editor_emit(editor, "\r\n", 2);
	}
	editor->shown = TRUE;
	return TRUE;
}

static void list_words(LineEditor *editor, char **words, guint count)
{
	guint listed = MIN(count, LISTED_WORDS), width = 0, across, down;
	gsize cursor = editor->cursor;

	for (guint i = 0; i < listed; i++)
		width = MAX(width, bp_text_columns(words[i]));
	width = MIN(width, editor->columns - 1);
	across = MAX(1, (editor->columns + 1) / (width + 2));
	down = (listed + across - 1) / across;
	editor_finish(editor, "");
	editor->cursor = cursor;
	for (guint row = 0; row < down; row++) {
		for (guint i = row; i < listed; i += down) {
			gsize size = bp_text_fit(words[i], width);

			editor_emit(editor, words[i], (gssize)size);
			if (i + down < listed) {
				g_autofree char *word = g_strndup(words[i], size);
				g_autofree char *blanks = g_strnfill(width + 2 - bp_text_columns(word), ' ');

				editor_emit(editor, blanks, -1);
			}
		}
		editor_emit(editor, "\r\n", 2);
	}
	if (count > listed) {
		g_autofree char *more = g_strdup_printf("... and %u more\r\n", count - listed);
		editor_emit(editor, more, -1);
	}
	editor->shown = TRUE;
}

static void offer(LineEditor *editor, char **words, guint count, gsize start)
{
	gsize size = editor->cursor - start;
	g_autofree char *prefix = common_prefix(words);

	if (count == 1) {
		char last = prefix[strlen(prefix) - 1];
		g_autofree char *word = g_strconcat(prefix, last == '=' || last == '/' ? "" : " ", NULL);

		editor_replace(editor, start, editor->cursor, word);
	} else if (strlen(prefix) >= size && strncmp(prefix, editor_text(editor) + start, strlen(prefix)) != 0) {
		editor_replace(editor, start, editor->cursor, prefix);
		editor->tabbed = TRUE;
	} else if (editor->tabbed) {
		if (!list_about(editor, words, count))
			list_words(editor, words, count);
	} else {
		editor->tabbed = TRUE;
	}
}

void editor_complete(LineEditor *editor)
{
	gsize start = editor->cursor;
	g_auto(GStrv) words = NULL;
	guint count;

	if (!editor->ops->complete || editor->echo_off || !editor->shown)
		return;
	words = editor->ops->complete(editor->data, editor_text(editor), editor->cursor, &start);
	if (editor->gone || !words || start > editor->cursor || ((guchar)editor_text(editor)[start] & 0xc0) == 0x80)
		return;
	count = keep_good(words);
	if (count && editor->shown)
		offer(editor, words, count, start);
}
