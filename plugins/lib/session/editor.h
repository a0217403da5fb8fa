/* SPDX-License-Identifier: MIT */
/* editor.h - the line editor: bytes of a terminal in, callbacks out. It knows no descriptor,
 * session or kernel.
 *
 * It begins hidden: line_editor_show draws the prompt. A line that is entered leaves it hidden;
 * when `line` gives TRUE it shows itself again, when FALSE it stops there and the caller feeds
 * the remaining bytes after line_editor_show. It may be freed in any callback. It uses CR, LF, BS
 * and CSI A B C D H J, nothing else.
 *
 *	used = line_editor_feed(editor, bytes, size);	// less than size: see above
 *
 *	gboolean was_shown = line_editor_hide(editor);	// around messages that come in between
 *	print(message);					// whole lines
 *	if (was_shown)
 *		line_editor_show(editor);
 */
#pragma once
#include <backplane/text.h>
#include "history.h"

typedef struct LineEditor LineEditor;

/* Callbacks for input. */
typedef struct {
	void (*write)(gpointer data, const char *bytes, gsize size);
	/* Without its end, NUL-terminated, valid UTF-8 without control characters. TRUE: the editor shows itself again. */
	gboolean (*line)(gpointer data, const char *line, gsize size);
	/* Ctrl-C; the line is gone already. Shown again afterwards if it was shown before. */
	void (*interrupt)(gpointer data, gboolean was_empty);
	/* Ctrl-D on an empty line. */
	void (*end_of_input)(gpointer data);
	/* Tab: words that may stand for line[*start .. cursor], ready to be inserted, in the order to be listed;
	 * g_strfreev'd. NULL: none. The callback may be NULL. */
	char **(*complete)(gpointer data, const char *line, gsize cursor, gsize *start);
	/* May be NULL. What such a word is, shown beside it; NULL: nothing. The editor frees it. */
	char *(*about)(gpointer data, const char *line, gsize cursor, const char *word);
	/* The line is over its limit: told once a line; what is too much is left out. */
	void (*too_long)(gpointer data);
	/* FALSE: not into the history (it holds a secret). NULL: all of them. */
	gboolean (*keep)(gpointer data, const char *line);
} LineEditorEvents;

/* For the terminal, once at the beginning and the end: pasted lines come marked as such. */
#define LINE_EDITOR_PASTE_ON "\033[?2004h"
#define LINE_EDITOR_PASTE_OFF "\033[?2004l"

/* `events` must outlive it. */
LineEditor *line_editor_new(const LineEditorEvents *events, gpointer data);
void line_editor_free(LineEditor *editor);
/* Any part of the stream. Gives how many bytes were used. */
gsize line_editor_feed(LineEditor *editor, const char *bytes, gsize size);

/* The cursor must be at the left margin, as after a whole line. */
void line_editor_show(LineEditor *editor);
/* Clears prompt and line, also of several rows; gives whether it was shown. */
gboolean line_editor_hide(LineEditor *editor);
gboolean line_editor_is_shown(const LineEditor *editor);

/* May hold ANSI colours; other control characters are left out. NULL: none. */
void line_editor_set_prompt(LineEditor *editor, const char *prompt);
/* 80 until known; 0 is 80. */
void line_editor_set_columns(LineEditor *editor, guint columns);
/* Off: nothing of the line is shown or kept in history, no completion, no search. */
void line_editor_set_echo(LineEditor *editor, gboolean on);
/* Borrowed, must outlive the editor or be set to NULL. Lines are added by the editor. */
void line_editor_set_history(LineEditor *editor, History *history);
/* Bytes; 0: 64 KiB. */
void line_editor_set_limit(LineEditor *editor, gsize bytes);

/* What has been typed so far; "" if nothing. Borrowed until the next call. */
const char *line_editor_text(const LineEditor *editor);
gsize line_editor_cursor(const LineEditor *editor); /* bytes */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(LineEditor, line_editor_free)
