/* SPDX-License-Identifier: MIT */
/* fuzz-editor.c - any keys, at three widths, fed whole and byte by byte: the same lines come
 * out, the line stays valid UTF-8 without control characters, and what is written holds
 * nothing but text and what the manual names. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "session/editor.h"
#include <backplane/text.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
	LineEditor *editor;
	GString *log;
	gboolean gone;
} Term;

static void check(gboolean good)
{
	if (!good)
		abort();
}

static void check_text(const char *text)
{
	check(g_utf8_validate(text, -1, NULL));
	for (; *text; text = g_utf8_next_char(text))
		check(bp_text_is_shown(g_utf8_get_char(text)));
}

static void on_write(gpointer data, const char *bytes, gsize size)
{
	check(size > 0 && g_utf8_validate(bytes, (gssize)size, NULL));
	for (gsize at = 0; at < size; at++) {
		if (bytes[at] == '\033') {
			check(++at < size && bytes[at] == '[');
			for (at++; at < size && g_ascii_isdigit(bytes[at]); at++)
				;
			check(at < size && strchr("ABCDHJm", bytes[at]));
		} else {
			check((guchar)bytes[at] >= 0x20 || strchr("\r\n\b", bytes[at]));
			check(bytes[at] != 0x7f);
		}
	}
}

static gboolean on_line(gpointer data, const char *line, gsize size)
{
	Term *term = data;

	check(strlen(line) == size && !term->gone);
	check_text(line);
	g_string_append_printf(term->log, "<%s>", line);
	if (strcmp(line, "free") == 0) {
		term->gone = TRUE;
		line_editor_free(term->editor);
	}
	if (strcmp(line, "secret") == 0)
		line_editor_set_echo(term->editor, FALSE);
	if (strcmp(line, "open") == 0)
		line_editor_set_echo(term->editor, TRUE);
	return strcmp(line, "stop") != 0;
}

static void on_interrupt(gpointer data, gboolean was_empty)
{
	g_string_append(((Term *)data)->log, was_empty ? "^c" : "^C");
}

static void on_end(gpointer data)
{
	g_string_append(((Term *)data)->log, "^D");
}

static void on_too_long(gpointer data)
{
	g_string_append_c(((Term *)data)->log, '!');
}

static char **on_complete(gpointer data, const char *line, gsize cursor, gsize *start)
{
	static const char *const words[] = { "open", "opera", "oper\033", "\xff", "", "other=", NULL };

	*start = cursor ? cursor - 1 : 0;
	return cursor % 5 == 4 ? NULL : g_strdupv((char **)words + cursor % 3);
}

static const LineEditorEvents ops = { on_write, on_line, on_interrupt, on_end, on_complete, NULL, on_too_long, NULL };

static void feed(Term *term, const char *bytes, gsize size)
{
	while (size && !term->gone) {
		gsize used = line_editor_feed(term->editor, bytes, size);

		check(used > 0 && used <= size);
		bytes += used;
		size -= used;
		if (!term->gone)
			line_editor_show(term->editor);
	}
}

/* Gives the log with the line that is left at the end. */
static GString *run(const char *bytes, gsize size, guint columns, gboolean split)
{
	Term term = { .log = g_string_new(NULL) };
	g_autoptr(History) history = history_open(NULL, 4);

	history_add(history, "one thing");
	history_add(history, "another\nthing");
	term.editor = line_editor_new(&ops, &term);
	line_editor_set_columns(term.editor, columns);
	line_editor_set_limit(term.editor, 200);
	line_editor_set_history(term.editor, history);
	line_editor_set_prompt(term.editor, "\033[1m> \033[m");
	line_editor_show(term.editor);
	for (gsize at = 0; split && at < size; at++)
		feed(&term, bytes + at, 1);
	if (!split)
		feed(&term, bytes, size);
	if (!term.gone) {
		check_text(line_editor_text(term.editor));
		check(line_editor_cursor(term.editor) <= strlen(line_editor_text(term.editor)));
		check(g_utf8_validate(line_editor_text(term.editor), (gssize)line_editor_cursor(term.editor), NULL));
		g_string_append_printf(term.log, "%s@%u", line_editor_text(term.editor),
				       (guint)line_editor_cursor(term.editor));
		line_editor_hide(term.editor);
		line_editor_set_columns(term.editor, 7);
		line_editor_show(term.editor);
		line_editor_set_history(term.editor, NULL);
		line_editor_free(term.editor);
	}
	return term.log;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const guint widths[] = { 4, 20, 80 };

	for (guint i = 0; i < G_N_ELEMENTS(widths); i++) {
		GString *whole = run((const char *)data, size, widths[i], FALSE);
		GString *split = run((const char *)data, size, widths[i], TRUE);

		check(g_string_equal(whole, split));
		g_string_free(whole, TRUE);
		g_string_free(split, TRUE);
	}
	return 0;
}
