/* SPDX-License-Identifier: MIT */
/* editor-keys.c - bytes into keys: UTF-8, control characters, escape sequences of xterm, VT
 * and the Linux console, pasted text. Any byte may be the last one for a long time, so nothing
 * waits: a lone Esc acts at once. */
#include "editor-state.h"

typedef void (*Key)(LineEditor *editor);

enum { GROUND, ESCAPE, CSI, CSI_LINUX, SS3 };

#define CONTROL(letter) ((letter) - '@')
#define ESC 27
#define DEL 127
#define REPLACEMENT "\xef\xbf\xbd"

static void delete_or_end(LineEditor *editor)
{
	if (editor_size(editor))
		editor_delete(editor);
	else
		editor_end_of_input(editor);
}

static const Key controls[32] = {
	[CONTROL('A')] = editor_home,	      [CONTROL('B')] = editor_left,
	[CONTROL('C')] = editor_interrupt,    [CONTROL('D')] = delete_or_end,
	[CONTROL('E')] = editor_end,	      [CONTROL('F')] = editor_right,
	[CONTROL('H')] = editor_backspace,    [CONTROL('I')] = editor_complete,
	[CONTROL('J')] = editor_enter_line,   [CONTROL('K')] = editor_kill_end,
	[CONTROL('L')] = editor_clear_screen, [CONTROL('M')] = editor_enter_line,
	[CONTROL('N')] = editor_newer,	      [CONTROL('P')] = editor_older,
	[CONTROL('R')] = editor_search,	      [CONTROL('T')] = editor_transpose,
	[CONTROL('U')] = editor_kill_start,   [CONTROL('W')] = editor_kill_blank_word,
	[CONTROL('Y')] = editor_yank,
};

static Key alt_key(char byte)
{
	switch (byte) {
	case 'b':
	case 'B':
		return editor_word_left;
	case 'f':
	case 'F':
		return editor_word_right;
	case 'd':
	case 'D':
		return editor_kill_word_right;
	case DEL:
	case CONTROL('H'):
		return editor_kill_word_left;
	default:
		return NULL;
	}
}

/* `modified`: with Ctrl or Alt. */
static Key cursor_key(char byte, gboolean modified)
{
	switch (byte) {
	case 'A':
		return editor_older;
	case 'B':
		return editor_newer;
	case 'C':
		return modified ? editor_word_right : editor_right;
	case 'D':
		return modified ? editor_word_left : editor_left;
	case 'H':
		return editor_home;
	case 'F':
		return editor_end;
	default:
		return NULL;
	}
}

static Key numbered_key(guint number)
{
	switch (number) {
	case 1:
	case 7:
		return editor_home;
	case 3:
		return editor_delete;
	case 4:
	case 8:
		return editor_end;
	default:
		return NULL;
	}
}

static void press(LineEditor *editor, Key key)
{
	if (!key)
		return;
	if (key != editor_complete)
		editor->tabbed = FALSE;
	/* A search is ended by any key that is not its own, which then acts on the line found. */
	if (editor->search && key == editor_backspace) {
		editor_search_backspace(editor);
		return;
	}
	if (editor->search && key != editor_search)
		editor_search_end(editor, key != editor_interrupt);
	key(editor);
}

static void type(LineEditor *editor, const char *text, gsize size)
{
	editor->tabbed = FALSE;
	if (editor->search)
		editor_search_insert(editor, text, size);
	else
		editor_insert(editor, text, size);
}

static void control(LineEditor *editor, char byte)
{
	Key key = byte == DEL ? editor_backspace : controls[(guchar)byte];

	if (byte == ESC) {
		editor->state = ESCAPE;
		if (editor->search) {
			editor->escaped = g_strdup(editor_text(editor));
			editor_search_end(editor, FALSE);
		}
	} else if (editor->pasting && byte == '\t') {
		type(editor, " ", 1);
	} else if (!editor->pasting || key == editor_enter_line) {
		if (byte == CONTROL('G') && editor->search)
			editor_search_end(editor, FALSE);
		else
			press(editor, key);
	} else if (key == editor_interrupt) {
		/* A paste whose end was lost must not lock the keyboard. */
		editor->pasting = FALSE;
		press(editor, key);
	}
}

static void end_character(LineEditor *editor)
{
	gunichar character = g_utf8_get_char_validated(editor->partial, editor->have);

	if (character >= (gunichar)-2)
		type(editor, REPLACEMENT, 3);
	else if (bp_text_is_shown(character))
		type(editor, editor->partial, editor->have);
	editor->need = 0;
}

static void ground(LineEditor *editor, char byte)
{
	gboolean was_cr = editor->last_cr;
	guchar value = (guchar)byte;

	if (editor->need) {
		if ((value & 0xc0) == 0x80) {
			editor->partial[editor->have++] = byte;
			if (editor->have == editor->need)
				end_character(editor);
			return;
		}
		editor->need = 0;
		type(editor, REPLACEMENT, 3);
		if (editor->gone)
			return;
	}
	editor->last_cr = byte == '\r';
	if (was_cr && (byte == '\n' || byte == '\0'))
		return;
	if (value >= 0xc2 && value <= 0xf4) {
		editor->need = value < 0xe0 ? 2 : value < 0xf0 ? 3 : 4;
		editor->have = 1;
		editor->partial[0] = byte;
	} else if (value >= 0x80) {
		type(editor, REPLACEMENT, 3);
	} else if (value >= 0x20 && value != DEL) {
		type(editor, &byte, 1);
	} else {
		control(editor, byte);
	}
}

/* A cursor key takes the line that a search has found: the Esc it began with has ended that
 * search. */
static void take_escaped(LineEditor *editor)
{
	if (editor->escaped)
		editor_set_line(editor, editor->escaped);
	g_clear_pointer(&editor->escaped, g_free);
}

static void end_sequence(LineEditor *editor, char final)
{
	guint number = 0;
	gboolean known = editor->sequence_size < sizeof(editor->sequence) - 1;

	editor->state = GROUND;
	editor->sequence[editor->sequence_size] = '\0';
	number = (guint)g_ascii_strtoull(editor->sequence, NULL, 10);
	take_escaped(editor);
	if (final == '~' && known && (number == 200 || number == 201)) {
		if (number == 200)
			editor_search_end(editor, TRUE);
		editor->pasting = number == 200;
	} else if (!editor->pasting && known) {
		press(editor,
		      final == '~' ? numbered_key(number) : cursor_key(final, strchr(editor->sequence, ';') != NULL));
	}
}

static void after_escape(LineEditor *editor, char byte)
{
	Key key = alt_key(byte);

	editor->state = GROUND;
	if (byte == '[' || byte == 'O') {
		editor->state = byte == '[' ? CSI : SS3;
		editor->sequence_size = 0;
	} else if (key && !editor->escaped && !editor->pasting) {
		press(editor, key);
	} else if (editor->escaped || editor->pasting || (guchar)byte < 0x20 || (guchar)byte >= 0x80) {
		g_clear_pointer(&editor->escaped, g_free);
		ground(editor, byte);
	}
}

void editor_byte(LineEditor *editor, char byte)
{
	switch (editor->state) {
	case GROUND:
		ground(editor, byte);
		return;
	case ESCAPE:
		after_escape(editor, byte);
		return;
	case CSI:
		if (byte >= 0x20 && byte < 0x40) {
			editor->sequence[editor->sequence_size] = byte;
			if (editor->sequence_size < sizeof(editor->sequence) - 1)
				editor->sequence_size++;
			return;
		}
		if (byte == '[' && !editor->sequence_size) {
			editor->state = CSI_LINUX;
			return;
		}
		break;
	case CSI_LINUX: /* function keys of the Linux console: one more letter */
		byte = byte >= 0x40 && byte < DEL ? '[' : byte;
		break;
	default:
		editor->sequence_size = 0;
		break;
	}
	if (byte >= 0x40 && byte < DEL) {
		end_sequence(editor, byte);
		return;
	}
	/* Something else came in between: it counts. */
	editor->state = GROUND;
	g_clear_pointer(&editor->escaped, g_free);
	ground(editor, byte);
}
