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
#include <backplane/session.h>
#include "history.h"

typedef struct LineEditor LineEditor;

/* For the terminal, once at the beginning and the end: pasted lines come marked as such. */
#define LINE_EDITOR_PASTE_ON "\033[?2004h"
#define LINE_EDITOR_PASTE_OFF "\033[?2004l"

/* `events` must outlive it. */
LineEditor *line_editor_new(const BpEditorEvents *events, gpointer data);
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
/* 80 until told; 0 is 80. */
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
