/* SPDX-License-Identifier: MIT */
/* input.c - what a session types: bytes to lines, characters or nothing but bytes. */
#include "command/session.h"
#include <string.h>
#include "command/console.h"

#define LINE_LIMIT 65536
#define AHEAD_LIMIT 65536
#define CTRL_C 3

static gsize line_limit(const BpSession *session)
{
	return session->handler->line_limit ? session->handler->line_limit : LINE_LIMIT;
}

static void too_long(BpSession *session)
{
	/* The program's own terminal is no peer to be ended: the host would end with it. */
	gboolean is_kept = session->link->own && session->editor;
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
	gboolean go_on = TRUE;

	if (!session->echo_off && bp_channel_is_watched(session->recv)) {
		g_autofree char *shown = console_keeps_history(session) ? bp_command_shown(line) : g_strdup(line);
		g_autofree char *text = g_strconcat(shown, "\n", NULL);

		bp_channel_send_take(session->recv, bp_message_new(text, strlen(text), BP_TEXT));
	}
	if (session->handler->line && session_enter(session)) {
		go_on = session->handler->line(session->handler_plugin, session, line, size);
		session_leave(session);
	}
	if (!go_on && !session->ended)
		bp_session_end(session, BP_END_HANDLER, NULL);
	return !session->ended;
}

/* --- the editor of a terminal --- */

static void on_write(gpointer data, const char *bytes, gsize size)
{
	session_show(data, bytes, size, FALSE);
}

static gboolean on_line(gpointer data, const char *line, gsize size)
{
	BpSession *session = data;

	return give_line(session, line, size) && !session_is_busy(session) && session->mode == BP_LINES;
}

static void on_interrupt(gpointer data, gboolean was_empty)
{
	BpSession *session = data;
	gboolean go_on = TRUE;

	if (session->handler->interrupt) {
		if (session_enter(session)) {
			go_on = session->handler->interrupt(session->handler_plugin, session);
			session_leave(session);
		}
	} else {
		go_on = !was_empty;
	}
	if (!go_on && !session->ended)
		bp_session_end(session, BP_END_HANDLER, NULL);
}

static void on_end_of_input(gpointer data)
{
	bp_session_end(data, BP_END_PEER, NULL);
}

static char **on_complete(gpointer data, const char *line, gsize cursor, gsize *start)
{
	BpSession *session = data;
	char **words = NULL;

	if (session->handler->complete && session_enter(session)) {
		words = session->handler->complete(session->handler_plugin, session, line, cursor, start);
		session_leave(session);
	}
	return words;
}

static void on_too_long(gpointer data)
{
	too_long(data);
}

static gboolean on_keep(gpointer data, const char *line)
{
	return console_may_keep(line);
}

static const BpEditorEvents editor_events = {
	.size = sizeof(editor_events),
	.write = on_write,
	.line = on_line,
	.interrupt = on_interrupt,
	.end_of_input = on_end_of_input,
	.complete = on_complete,
	.too_long = on_too_long,
	.keep = on_keep,
};

static void show_prompt(BpSession *session)
{
	if (session->ended || session_is_busy(session))
		return;
	if (session->editor)
		session->editor_class->show(session->editor);
	else if (session->prompt)
		session_show(session, session->prompt, strlen(session->prompt), TRUE);
}

static void make_editor(BpSession *session)
{
	const BpEditorClass *class = session->editor_class;

	if (session->editor || !class || !session->terminal || session->mode != BP_LINES)
		return;
	session->editor = class->create(&editor_events, session, console_keeps_history(session) ? "history" : NULL);
	class->set_prompt(session->editor, session->prompt);
	class->set_columns(session->editor, session->columns);
	class->set_echo(session->editor, !session->echo_off);
	class->set_limit(session->editor, line_limit(session));
	if (class->begin)
		session_show(session, class->begin, strlen(class->begin), FALSE);
}

void input_start(BpSession *session)
{
	make_editor(session);
	show_prompt(session);
}

void input_free(BpSession *session)
{
	if (session->editor) {
		const BpEditorClass *class = session->editor_class;

		class->hide(session->editor);
		if (class->end)
			session_show(session, class->end, strlen(class->end), FALSE);
		class->free(g_steal_pointer(&session->editor));
	}
	if (session->partial)
		g_string_free(g_steal_pointer(&session->partial), TRUE);
	if (session->ahead)
		g_string_free(g_steal_pointer(&session->ahead), TRUE);
}

/* --- without an editor --- */

static void plain_line(BpSession *session, gsize size)
{
	g_autofree char *line = g_strndup(session->partial->str, size);
	gsize length = size;

	/* A NUL would hide the rest of the line from whoever takes it as a string. */
	for (gsize i = 0; i < size; i++)
		line[i] = session->partial->str[i] ? session->partial->str[i] : ' ';
	while (length && line[length - 1] == '\r')
		length--;
	line[length] = 0;
	if (!g_utf8_validate(line, (gssize)length, NULL)) {
		char *valid = g_utf8_make_valid(line, (gssize)length);

		g_free(line);
		line = valid;
		length = strlen(valid);
	}
	if (give_line(session, line, length) && !session->terminal)
		show_prompt(session);
}

static void plain_receive(BpSession *session, const char *data, gsize size)
{
	while (size && !session->ended && session->mode == BP_LINES && !session->editor && !session->taker) {
		const char *end = memchr(data, '\n', size);
		gsize part = end ? (gsize)(end - data) : size;

		if (!session->partial)
			session->partial = g_string_new(NULL);
		if (session->partial->len + part > line_limit(session)) {
			too_long(session);
			return;
		}
		g_string_append_len(session->partial, data, (gssize)part);
		part += !!end;
		data += part;
		size -= part;
		if (!end)
			return;
		plain_line(session, session->partial->len);
		if (!session->ended)
			g_string_truncate(session->partial, 0);
	}
	if (size && !session->ended)
		bp_session_receive(session, data, size);
}

/* Whole characters only; what is not UTF-8 is passed byte by byte. */
static void give_characters(BpSession *session, const char *data, gsize size)
{
	if (!session->partial)
		session->partial = g_string_new(NULL);
	g_string_append_len(session->partial, data, (gssize)size);
	while (!session->ended && session->mode == BP_CHARACTERS && session->partial->len) {
		gunichar character = g_utf8_get_char_validated(session->partial->str, (gssize)session->partial->len);
		gsize length = character < (gunichar)-2 ? g_utf8_skip[(guchar)session->partial->str[0]] : 1;
		char bytes[8] = { 0 };
		gboolean go_on = TRUE;

		if (character == (gunichar)-2)
			return; /* its end is still to come */
		memcpy(bytes, session->partial->str, length);
		g_string_erase(session->partial, 0, (gssize)length);
		if (session->handler->character && session_enter(session)) {
			go_on = session->handler->character(session->handler_plugin, session, bytes, length);
			session_leave(session);
		}
		if (!go_on && !session->ended)
			bp_session_end(session, BP_END_HANDLER, NULL);
	}
	if (!session->ended && session->partial->len) { /* the handler wants the rest in another form */
		g_autoptr(GString) rest = g_steal_pointer(&session->partial);

		bp_session_receive(session, rest->str, rest->len);
	}
}

static void give_bytes(BpSession *session, const char *data, gsize size)
{
	gboolean go_on = TRUE;

	if (session->handler->character && session_enter(session)) {
		go_on = session->handler->character(session->handler_plugin, session, data, size);
		session_leave(session);
	}
	if (!go_on && !session->ended)
		bp_session_end(session, BP_END_HANDLER, NULL);
}

/* While a command runs, what is typed waits; Ctrl-C does not. */
static void keep_ahead(BpSession *session, const char *data, gsize size)
{
	const char *interrupt = session->terminal ? memchr(data, CTRL_C, size) : NULL;

	if (!session->ahead)
		session->ahead = g_string_new(NULL);
	if (interrupt) {
		size -= (gsize)(interrupt + 1 - data);
		data = interrupt + 1;
		g_string_truncate(session->ahead, 0);
	}
	if (session->ahead->len + size <= AHEAD_LIMIT)
		g_string_append_len(session->ahead, data, (gssize)size);
	else
		session_show(session, "\a", 1, FALSE);
	if (interrupt)
		run_interrupt(session);
}

static void feed_editor(BpSession *session, const char *data, gsize size)
{
	gsize used = session->editor_class->feed(session->editor, data, size);

	if (used >= size || session->ended)
		return;
	if (session_is_busy(session) && !session->taker)
		keep_ahead(session, data + used, size - used);
	else
		bp_session_receive(session, data + used, size - used);
}

gboolean bp_session_receive(BpSession *session, gconstpointer data, gsize size)
{
	gboolean there;
	gsize used;

	if (session->ended)
		return FALSE;
	bp_session_ref(session);
	session->last_input = bp_loop_now();
	if (session->taker) {
		used = call_input(session, data, size);
		if (used && used < size)
			bp_session_receive(session, (const char *)data + used, size - used);
		there = !session->ended;
		bp_session_unref(session);
		return there;
	}
	if (session->mode != BP_LINES && !session->echo_off && bp_channel_is_watched(session->recv))
		bp_channel_send_bytes(session->recv, data, size);
	if (session->mode == BP_RAW)
		give_bytes(session, data, size);
	else if (session->mode == BP_CHARACTERS)
		give_characters(session, data, size);
	else if (session->editor && session_is_busy(session))
		keep_ahead(session, data, size);
	else if (session->editor)
		feed_editor(session, data, size);
	else
		plain_receive(session, data, size);
	there = !session->ended;
	bp_session_unref(session);
	return there;
}

void bp_session_receive_end(BpSession *session)
{
	bp_session_ref(session);
	session->at_end = TRUE;
	if (session->taker)
		call_input(session, "", 0);
	if (!session->ended && session->mode == BP_LINES && !session->editor && session->partial &&
	    session->partial->len)
		plain_line(session, session->partial->len);
	if (!session->ended && !session_is_busy(session))
		bp_session_end(session, BP_END_PEER, NULL);
	bp_session_unref(session);
}

void input_resume(BpSession *session)
{
	if (session->ended)
		return;
	if (session->at_end) {
		bp_session_end(session, BP_END_PEER, NULL);
		return;
	}
	if (!session->editor)
		return;
	session->editor_class->show(session->editor);
	if (session->ahead && session->ahead->len) {
		GString *ahead = g_steal_pointer(&session->ahead);

		bp_session_receive(session, ahead->str, ahead->len);
		g_string_free(ahead, TRUE);
	}
}

void bp_session_interrupt(BpSession *session)
{
	char byte = CTRL_C;

	if (session->taker || session->editor)
		bp_session_receive(session, &byte, 1);
	else if (session_is_busy(session))
		run_interrupt(session);
	else
		on_interrupt(session, !session->partial || !session->partial->len);
}

/* --- how it is shown --- */

void bp_session_set_prompt(BpSession *session, const char *prompt)
{
	g_free(session->prompt);
	session->prompt = session->no_prompt ? NULL : g_strdup(prompt);
	if (session->editor)
		session->editor_class->set_prompt(session->editor, session->prompt);
}

void bp_session_show_prompt(BpSession *session)
{
	show_prompt(session);
}

/* The editor may be the one who is calling, so it is only hidden here. */
void bp_session_set_mode(BpSession *session, BpMode mode)
{
	session->mode = mode;
	if (session->editor && mode != BP_LINES)
		session->editor_class->hide(session->editor);
	if (session->opened && mode == BP_LINES) {
		make_editor(session);
		show_prompt(session);
	}
	if (session->link->mode)
		session->link->mode(session->owned.owner, session, mode, session->link_data);
}

/* The transport gives bytes as they are meanwhile; what was typed ahead is the taker's too, in a turn of its own. */
static void on_ahead(BpPlugin *self, gpointer data)
{
	BpSession *session = data;
	GString *ahead = session->taker ? g_steal_pointer(&session->ahead) : NULL;

	if (ahead) {
		bp_session_receive(session, ahead->str, ahead->len);
		g_string_free(ahead, TRUE);
	}
}

void input_set_taker(BpSession *session, BpCall *call)
{
	session->taker = call;
	if (session->ended)
		return;
	if (call && session->ahead && session->ahead->len)
		bp_defer(bp_kernel(), on_ahead, bp_session_ref(session), (GDestroyNotify)bp_session_unref);
	if (session->link->mode)
		session->link->mode(session->owned.owner, session, call ? BP_RAW : session->mode, session->link_data);
}

void bp_session_set_echo(BpSession *session, gboolean on)
{
	session->echo_off = !on;
	if (session->editor)
		session->editor_class->set_echo(session->editor, on);
	if (session->link->echo)
		session->link->echo(session->owned.owner, session, on, session->link_data);
}

void bp_session_set_terminal(BpSession *session, const char *type, gboolean is_terminal)
{
	gboolean was = session->terminal;

	if (session->ended)
		return;
	if (type) {
		g_free(session->type);
		session->type = g_strdup(type);
	}
	session->terminal = was || is_terminal;
	bp_session_ref(session);
	if (session->handler->terminal && session_enter(session)) {
		session->handler->terminal(session->handler_plugin, session, session->type);
		session_leave(session);
	}
	if (!session->ended && !was && is_terminal && session->mode == BP_LINES && !session_is_busy(session)) {
		make_editor(session);
		if (session->editor && !session->editor_class->is_shown(session->editor))
			session->editor_class->show(session->editor);
	}
	bp_session_unref(session);
}

void bp_session_set_size(BpSession *session, guint columns, guint rows)
{
	if (session->ended || (columns == session->columns && rows == session->rows))
		return;
	session->columns = columns;
	session->rows = rows;
	bp_session_ref(session);
	if (session->editor)
		session->editor_class->set_columns(session->editor, columns);
	if (!session->ended && session->handler->resize && session_enter(session)) {
		session->handler->resize(session->handler_plugin, session, columns, rows);
		session_leave(session);
	}
	bp_session_unref(session);
}

void bp_session_set_writable(BpSession *session, gboolean writable)
{
	session->writable = writable;
	if (writable)
		run_continue(session);
}
