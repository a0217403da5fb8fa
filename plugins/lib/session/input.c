/* SPDX-License-Identifier: MIT */
/* input.c - the usual input of a session: bytes to lines, characters or nothing but bytes. */
#include <backplane/input.h>
#include <string.h>
#include <backplane/owner.h>
#include <backplane/sessions.h>
#include "editor.h"

#define LINE_LIMIT 65536
#define AHEAD_LIMIT 65536
#define CTRL_C 3

typedef struct {
	BpSession *session; /* of the editor's events */
	LineEditor *editor; /* terminals in line mode */
	History *history;   /* the editor's, shared; NULL: it keeps none */
	GString *partial;   /* without an editor: a line whose end has not come */
	GString *ahead;	    /* typed while a command runs */
	/* The end of what is received, when it is for another mode; see receive. */
	const char *left;
	gsize left_size;
	GString *joined; /* what `left` is a part of, if that is to be freed */
	gboolean passing_on;
} LineInput;

static gsize line_limit(const BpSession *session)
{
	guint limit = bp_session_handler(session)->line_limit;

	return limit ? limit : LINE_LIMIT;
}

static void too_long(BpSession *session, const LineInput *input)
{
	/* The program's own terminal is no peer to be ended: the host would end with it. */
	gboolean is_kept = bp_session_is_own(session) && input->editor;
	g_autofree char *text = g_strdup_printf("That line is longer than %zu bytes; %s.", line_limit(session),
						is_kept ? "the rest of it is left out" : "the session ends");

	if (is_kept)
		bp_session_notify(session, text);
	else
		bp_session_end(session, BP_END_LIMIT, text);
}

/* One line to the handler. FALSE when the session is over. */
static gboolean give_line(BpSession *session, const char *line, gsize size)
{
	const BpHandler *handler = bp_session_handler(session);
	BpChannel *recv = bp_session_channel(session, FALSE);
	BpPlugin *plugin;
	gboolean go_on = TRUE;

	if (!bp_session_is_hidden(session) && bp_channel_wants(recv)) {
		g_autofree char *shown = handler->commands ? bp_command_shown(line) : g_strdup(line);
		g_autofree char *text = g_strconcat(shown, "\n", NULL);

		bp_channel_send_take(recv, bp_message_new(text, strlen(text), BP_TEXT));
	}
	plugin = handler->line ? bp_session_enter(session) : NULL;
	if (plugin) {
		go_on = handler->line(plugin, session, line, size);
		bp_session_leave(session);
	}
	if (!go_on)
		bp_session_end(session, BP_END_HANDLER, NULL);
	return !bp_session_is_ended(session);
}

/* --- the editor of a terminal --- */

static void on_write(gpointer data, const char *bytes, gsize size)
{
	bp_session_send(((LineInput *)data)->session, bytes, size);
}

static gboolean on_line(gpointer data, const char *line, gsize size)
{
	BpSession *session = ((LineInput *)data)->session;

	return give_line(session, line, size) && !bp_session_is_busy(session) && bp_session_mode(session) == BP_LINES;
}

static void on_interrupt(gpointer data, gboolean was_empty)
{
	bp_session_give_interrupt(((LineInput *)data)->session, was_empty);
}

static void on_end_of_input(gpointer data)
{
	bp_session_end(((LineInput *)data)->session, BP_END_PEER, NULL);
}

static char **on_complete(gpointer data, const char *line, gsize cursor, gsize *start)
{
	BpSession *session = ((LineInput *)data)->session;
	const BpHandler *handler = bp_session_handler(session);
	BpPlugin *plugin;
	char **words = NULL;

	if (handler->commands)
		return bp_complete_commands(line, cursor, start);
	plugin = handler->complete ? bp_session_enter(session) : NULL;
	if (plugin) {
		words = handler->complete(plugin, session, line, cursor, start);
		bp_session_leave(session);
	}
	return words;
}

static char *on_about(gpointer data, const char *line, gsize cursor, const char *word)
{
	return bp_session_handler(((LineInput *)data)->session)->commands ? bp_complete_about(line, cursor, word)
									  : NULL;
}

static void on_too_long(gpointer data)
{
	too_long(((LineInput *)data)->session, data);
}

static gboolean on_keep(gpointer data, const char *line)
{
	g_autofree char *shown = bp_command_shown(line);

	return strcmp(shown, line) == 0;
}

static const LineEditorEvents editor_events = {
	.write = on_write,
	.line = on_line,
	.interrupt = on_interrupt,
	.end_of_input = on_end_of_input,
	.complete = on_complete,
	.about = on_about,
	.too_long = on_too_long,
	.keep = on_keep,
};

static void update(BpSession *session, gpointer data)
{
	LineInput *input = data;
	guint columns, rows;

	if (!input->editor)
		return;
	if (!input->history && bp_session_handler(session)->commands) {
		input->history = history_share("history");
		line_editor_set_history(input->editor, input->history);
		line_editor_set_limit(input->editor, line_limit(session));
	}
	if (bp_session_mode(session) != BP_LINES)
		line_editor_hide(input->editor);
	bp_session_size(session, &columns, &rows);
	if (input->editor)
		line_editor_set_prompt(input->editor, bp_session_prompt(session));
	if (input->editor)
		line_editor_set_columns(input->editor, columns);
	if (input->editor)
		line_editor_set_echo(input->editor, !bp_session_is_hidden(session));
}

static void make_editor(BpSession *session, LineInput *input)
{
	g_autoptr(GString) partial = NULL;

	if (input->editor || !bp_session_is_terminal(session) || bp_session_mode(session) != BP_LINES)
		return;
	input->session = session;
	input->editor = line_editor_new(&editor_events, input);
	line_editor_set_limit(input->editor, line_limit(session));
	update(session, input);
	bp_session_send(session, LINE_EDITOR_PASTE_ON, strlen(LINE_EDITOR_PASTE_ON));
	/* Typed before it was known that this is a terminal. */
	partial = g_steal_pointer(&input->partial);
	if (partial && input->editor)
		line_editor_feed(input->editor, partial->str, partial->len);
}

static gboolean show(BpSession *session, gpointer data)
{
	LineInput *input = data;

	make_editor(session, input);
	if (!input->editor)
		return FALSE;
	line_editor_show(input->editor);
	return TRUE;
}

static gboolean hide(BpSession *session, gpointer data)
{
	LineInput *input = data;

	return input->editor && line_editor_hide(input->editor);
}

/* It may be one of the editor's own events that ends the session; the editor then frees itself when it has returned. */
static void end(BpSession *session, gpointer data)
{
	LineInput *input = data;

	if (input->editor) {
		LineEditor *editor = input->editor;

		line_editor_hide(editor);
		bp_session_send(session, LINE_EDITOR_PASTE_OFF, strlen(LINE_EDITOR_PASTE_OFF));
		line_editor_set_history(editor, NULL);
		input->editor = NULL;
		line_editor_free(editor);
		g_clear_pointer(&input->history, history_unshare);
	}
	if (input->partial)
		g_string_free(g_steal_pointer(&input->partial), TRUE);
	if (input->ahead)
		g_string_free(g_steal_pointer(&input->ahead), TRUE);
}

static void leave(LineInput *input, const char *data, gsize size)
{
	input->left = data;
	input->left_size = size;
}

/* --- without an editor --- */

static void plain_line(BpSession *session, LineInput *input)
{
	gsize length = input->partial->len;
	g_autofree char *line = g_memdup2(input->partial->str, length + 1);

	/* A NUL would hide the rest of the line from whoever takes it as a string. */
	for (gsize i = 0; i < length; i++)
		if (!line[i])
			line[i] = ' ';
	while (length && line[length - 1] == '\r')
		length--;
	line[length] = 0;
	if (!g_utf8_validate(line, (gssize)length, NULL)) {
		char *valid = g_utf8_make_valid(line, (gssize)length);

		g_free(line);
		line = valid;
		length = strlen(valid);
	}
	if (give_line(session, line, length) && !bp_session_is_terminal(session))
		bp_session_show_prompt(session);
}

static void plain_receive(BpSession *session, LineInput *input, const char *data, gsize size)
{
	while (size && !bp_session_is_ended(session) && bp_session_mode(session) == BP_LINES && !input->editor) {
		const char *end = memchr(data, '\n', size);
		gsize part = end ? (gsize)(end - data) : size;

		if (!input->partial)
			input->partial = g_string_new(NULL);
		if (input->partial->len + part > line_limit(session)) {
			too_long(session, input);
			return;
		}
		g_string_append_len(input->partial, data, (gssize)part);
		part += !!end;
		data += part;
		size -= part;
		if (!end)
			return;
		plain_line(session, input);
		if (!bp_session_is_ended(session))
			g_string_truncate(input->partial, 0);
	}
	leave(input, data, size);
}

/* Each is published before its answer, and by itself: what is behind it may be for another mode. */
static void give_character(BpSession *session, const char *bytes, gsize size)
{
	BpChannel *recv = bp_session_channel(session, FALSE);

	if (!bp_session_is_hidden(session))
		bp_channel_send_bytes(recv, bytes, size);
	if (!bp_session_is_ended(session))
		bp_session_give_bytes(session, bytes, size);
}

/* Whole characters only; what is not UTF-8 is passed byte by byte, and so is NUL. */
static void give_characters(BpSession *session, LineInput *input, const char *data, gsize size)
{
	g_autoptr(GString) joined = NULL;

	if (input->partial && input->partial->len) {
		joined = g_steal_pointer(&input->partial);
		g_string_append_len(joined, data, (gssize)size);
		data = joined->str;
		size = joined->len;
	}
	while (size && !bp_session_is_ended(session) && bp_session_mode(session) == BP_CHARACTERS) {
		gunichar character = g_utf8_get_char_validated(data, (gssize)size);
		gsize length = character < (gunichar)-2 ? g_utf8_skip[(guchar)*data] : 1;
		char bytes[8] = { 0 };

		if (character == (gunichar)-2 && *data) { /* its end is still to come */
			if (!input->partial)
				input->partial = g_string_new(NULL);
			g_string_append_len(input->partial, data, (gssize)size);
			return;
		}
		memcpy(bytes, data, length);
		data += length;
		size -= length;
		give_character(session, bytes, length);
	}
	leave(input, data, size);
	input->joined = g_steal_pointer(&joined);
}

/* While a command runs, what is typed waits; Ctrl-C does not. */
static void keep_ahead(BpSession *session, LineInput *input, const char *data, gsize size)
{
	const char *interrupt = memchr(data, CTRL_C, size);

	if (!input->ahead)
		input->ahead = g_string_new(NULL);
	if (interrupt) {
		size -= (gsize)(interrupt + 1 - data);
		data = interrupt + 1;
		g_string_truncate(input->ahead, 0);
	}
	if (input->ahead->len + size <= AHEAD_LIMIT)
		g_string_append_len(input->ahead, data, (gssize)size);
	else
		bp_session_send(session, "\a", 1);
	if (interrupt)
		bp_session_give_interrupt(session, TRUE);
}

static void receive_some(BpSession *session, LineInput *input, const char *bytes, gsize size)
{
	BpMode mode = bp_session_mode(session);
	gsize used;

	make_editor(session, input);
	if (mode == BP_CHARACTERS) {
		give_characters(session, input, bytes, size);
	} else if (!input->editor) {
		plain_receive(session, input, bytes, size);
	} else if (bp_session_is_busy(session)) {
		keep_ahead(session, input, bytes, size);
	} else {
		used = line_editor_feed(input->editor, bytes, size);
		leave(input, bytes + used, size - used);
	}
}

/* What is left is received anew, as a command may take it now; if none does it comes here within that call, which only notes it: a peer
 * whose bytes change the mode again and again does not use up the stack. */
static void receive(BpSession *session, gpointer data, const char *bytes, gsize size)
{
	LineInput *input = data;
	GString *held = NULL;

	if (input->passing_on) {
		leave(input, bytes, size);
		return;
	}
	while (size) {
		input->left_size = 0;
		receive_some(session, input, bytes, size);
		if (input->joined) { /* else what is left may be a part of the one before */
			if (held)
				g_string_free(held, TRUE);
			held = g_steal_pointer(&input->joined);
		}
		bytes = input->left;
		size = input->left_size;
		if (bp_session_is_ended(session) || !size)
			break;
		input->left_size = 0;
		input->passing_on = TRUE;
		bp_session_receive(session, bytes, size);
		input->passing_on = FALSE;
		bytes = input->left;
		size = input->left_size;
	}
	if (held)
		g_string_free(held, TRUE);
}

static void receive_end(BpSession *session, gpointer data)
{
	LineInput *input = data;

	if (bp_session_mode(session) == BP_LINES && !input->editor && input->partial && input->partial->len)
		plain_line(session, input);
}

static void interrupt(BpSession *session, gpointer data)
{
	const LineInput *input = data;
	char byte = CTRL_C;

	if (input->editor)
		bp_session_receive(session, &byte, 1);
	else
		bp_session_give_interrupt(session, !input->partial || !input->partial->len);
}

static void resume(BpSession *session, gpointer data)
{
	LineInput *input = data;
	GString *ahead;

	if (bp_session_mode(session) == BP_LINES)
		show(session, input);
	ahead = g_steal_pointer(&input->ahead);
	if (!ahead)
		return;
	if (ahead->len)
		bp_session_receive(session, ahead->str, ahead->len);
	g_string_free(ahead, TRUE);
}

const BpInputClass bp_session_input = {
	.size = sizeof(BpInputClass),
	.memory = sizeof(LineInput),
	.receive = receive,
	.receive_end = receive_end,
	.interrupt = interrupt,
	.resume = resume,
	.show = show,
	.hide = hide,
	.update = update,
	.end = end,
};
