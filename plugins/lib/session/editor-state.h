/* SPDX-License-Identifier: MIT */
/* editor-state.h - what the files of the line editor share. Editing only changes the line and
 * says from where on (editor_touch); drawing happens once, at the end of what was fed or
 * before a callback. */
#pragma once
#include <string.h>
#include "editor.h"
#include <backplane/text.h>

typedef struct {
	GString *text; /* looked for */
	char *saved;   /* the line before */
	gsize saved_cursor;
	guint64 number; /* in history, of the line shown; its end: none yet */
	gboolean failing;
} EditorSearch;

struct LineEditor {
	const LineEditorEvents *ops;
	gpointer data;
	History *history;
	GString *line; /* valid UTF-8 without control characters; NULL: empty */
	gsize cursor;  /* bytes */
	gsize limit;
	char *yank;
	char *draft;	/* what was typed before history was looked at; NULL: it is not */
	guint64 number; /* the line of history that is looked at */
	EditorSearch *search;
	char *escaped; /* what a search had found that Esc ended: a cursor key takes it */

	/* the screen; row 0 is where the prompt begins */
	GString *out; /* not yet written */
	char *prompt;
	guint columns;
	guint row, col;		      /* of the terminal's cursor */
	guint prompt_row, prompt_col; /* where the prompt ends */
	gsize at;		      /* byte that the terminal's cursor stands on; G_MAXSIZE: to be worked out */
	gsize clean;		      /* the bytes before it are on the screen as they are in the line */
	gboolean stale : 1;	      /* something else is on the screen behind them */
	gboolean redraw : 1;	      /* the prompt too */
	gboolean shown : 1;

	/* the keyboard */
	guint8 state;
	guint8 have, need; /* bytes of a UTF-8 character */
	char partial[4];
	guint8 sequence_size;
	char sequence[11];
	gboolean last_cr : 1;
	gboolean pasting : 1;
	gboolean tabbed : 1; /* the key before was Tab */

	gboolean echo_off : 1;
	gboolean told_limit : 1;
	gboolean stop : 1; /* `line` returned FALSE */
	gboolean gone : 1; /* freed in a callback: to be finished by the outermost caller */
	guint8 depth;
};

static inline const char *editor_text(const LineEditor *editor)
{
	return editor->line ? editor->line->str : "";
}

static inline gsize editor_size(const LineEditor *editor)
{
	return editor->line ? editor->line->len : 0;
}

/* editor.c */
void editor_enter_line(LineEditor *editor);
void editor_interrupt(LineEditor *editor);
void editor_end_of_input(LineEditor *editor);

/* editor-keys.c */
void editor_byte(LineEditor *editor, char byte);

/* editor-edit.c */
void editor_touch(LineEditor *editor, gsize offset);
void editor_insert(LineEditor *editor, const char *text, gsize size);
void editor_replace(LineEditor *editor, gsize from, gsize to, const char *text);
void editor_set_line(LineEditor *editor, const char *text);
void editor_forget_line(LineEditor *editor);
void editor_left(LineEditor *editor);
void editor_right(LineEditor *editor);
void editor_home(LineEditor *editor);
void editor_end(LineEditor *editor);
void editor_word_left(LineEditor *editor);
void editor_word_right(LineEditor *editor);
void editor_backspace(LineEditor *editor);
void editor_delete(LineEditor *editor);
void editor_kill_end(LineEditor *editor);
void editor_kill_start(LineEditor *editor);
void editor_kill_blank_word(LineEditor *editor);
void editor_kill_word_left(LineEditor *editor);
void editor_kill_word_right(LineEditor *editor);
void editor_yank(LineEditor *editor);
void editor_transpose(LineEditor *editor);

/* editor-recall.c: history, search and completion */
void editor_older(LineEditor *editor);
void editor_newer(LineEditor *editor);
void editor_search(LineEditor *editor);
void editor_search_insert(LineEditor *editor, const char *text, gsize size);
void editor_search_backspace(LineEditor *editor);
void editor_search_end(LineEditor *editor, gboolean take);
void editor_complete(LineEditor *editor);

/* editor-draw.c */
void editor_draw(LineEditor *editor);
void editor_flush(LineEditor *editor); /* may free it: ask `gone` */
/* Adds `mark` and goes below the line, which stays to be seen; hidden then. */
void editor_finish(LineEditor *editor, const char *mark);
void editor_erase(LineEditor *editor); /* hidden then */
void editor_clear_screen(LineEditor *editor);
void editor_resized(LineEditor *editor, guint columns);
void editor_emit(LineEditor *editor, const char *text, gssize size);
