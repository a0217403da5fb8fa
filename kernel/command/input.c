/* SPDX-License-Identifier: MIT */
/* input.c - what a session types goes to the command that has taken it, else to the session's input (backplane/input.h), which
 * follows how it is to be typed and shown. */
#include "command/session.h"
#include <string.h>

#define CTRL_C 3

BpPlugin *bp_session_enter(BpSession *session)
{
	return session_enter(session) ? session->handler_plugin : NULL;
}

void bp_session_leave(BpSession *session)
{
	session_leave(session);
}

BpMode bp_session_mode(const BpSession *session)
{
	return session->taker ? BP_RAW : session->mode;
}

const char *bp_session_prompt(const BpSession *session)
{
	return session->prompt;
}

gboolean bp_session_is_own(const BpSession *session)
{
	return session->link->own;
}

/* --- what is typed --- */

void bp_session_give_bytes(BpSession *session, const char *data, gsize size)
{
	gboolean go_on = TRUE;

	if (session->handler->character && session_enter(session)) {
		go_on = session->handler->character(session->handler_plugin, session, data, size);
		session_leave(session);
	}
	if (!go_on)
		bp_session_end(session, BP_END_HANDLER, NULL);
}

static void give(BpSession *session, const char *data, gsize size)
{
	if (session->mode == BP_RAW && !session->echo_off)
		bp_channel_send_bytes(session->recv, data, size);
	if (session->mode == BP_RAW)
		bp_session_give_bytes(session, data, size);
	else if (session->input)
		session->input->receive(session, session->typing, data, size);
}

gboolean bp_session_receive(BpSession *session, gconstpointer data, gsize size)
{
	gboolean there;
	gsize used;

	if (session->ended)
		return FALSE;
	bp_session_ref(session);
	session->last_input = bp_loop_now();
	if (session->taker && size) {
		used = call_input(session, data, size);
		if (used && used < size)
			bp_session_receive(session, (const char *)data + used, size - used);
	} else {
		give(session, data, size);
	}
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
	if (!session->ended && session->input)
		session->input->receive_end(session, session->typing);
	if (!session->ended && !bp_session_is_busy(session) && !session->held.length)
		bp_session_end(session, BP_END_PEER, NULL);
	bp_session_unref(session);
}

void bp_session_interrupt(BpSession *session)
{
	char byte = CTRL_C;

	bp_session_ref(session);
	if (session->taker)
		bp_session_receive(session, &byte, 1);
	else if (!session->ended && session->input)
		session->input->interrupt(session, session->typing);
	bp_session_unref(session);
}

void bp_session_give_interrupt(BpSession *session, gboolean was_empty)
{
	gboolean go_on = TRUE;

	if (session->ended)
		return;
	if (bp_session_is_busy(session)) {
		run_interrupt(session);
		return;
	}
	if (!session->handler->interrupt) {
		go_on = !was_empty;
	} else if (session_enter(session)) {
		go_on = session->handler->interrupt(session->handler_plugin, session);
		session_leave(session);
	}
	if (!go_on)
		bp_session_end(session, BP_END_HANDLER, NULL);
}

void input_resume(BpSession *session)
{
	if (session->ended)
		return;
	if (session->at_end)
		output_release(session);
	else if (session->input)
		session->input->resume(session, session->typing);
}

/* The transport gives bytes as they are meanwhile; what was typed ahead is the taker's too, in a turn of its own. */
static void on_taken(BpPlugin *self, gpointer data)
{
	BpSession *session = data;

	if (session->taker && !session->ended && session->input)
		session->input->resume(session, session->typing);
}

void input_set_taker(BpSession *session, BpCall *call)
{
	session->taker = call;
	if (session->ended)
		return;
	if (call)
		bp_defer(bp_kernel(), on_taken, bp_session_ref(session), (GDestroyNotify)bp_session_unref);
	if (session->link->mode)
		session->link->mode(session->owned.owner, session, bp_session_mode(session), session->link_data);
}

/* --- how it is shown --- */

static void update(BpSession *session)
{
	bp_session_ref(session);
	if (!session->ended && session->input)
		session->input->update(session, session->typing);
	bp_session_unref(session);
}

void bp_session_set_prompt(BpSession *session, const char *prompt)
{
	g_autofree char *before = session->prompt; /* of which `prompt` may be a part */

	session->prompt = session->no_prompt ? NULL : g_strdup(prompt);
	update(session);
}

void bp_session_show_prompt(BpSession *session)
{
	if (session->ended || bp_session_is_busy(session))
		return;
	bp_session_ref(session);
	if ((!session->input || !session->input->show(session, session->typing)) && session->prompt)
		session_show(session, session->prompt, strlen(session->prompt), TRUE);
	bp_session_unref(session);
}

/* The input may be the one who is calling, so it only hides its line here. */
void bp_session_set_mode(BpSession *session, BpMode mode)
{
	bp_session_ref(session);
	session->mode = mode;
	update(session);
	if (session->opened && mode == BP_LINES)
		bp_session_show_prompt(session);
	if (session->link->mode && !session->ended)
		session->link->mode(session->owned.owner, session, mode, session->link_data);
	bp_session_unref(session);
}

void bp_session_set_echo(BpSession *session, gboolean on)
{
	bp_session_ref(session);
	session->echo_off = !on;
	update(session);
	if (session->link->echo && !session->ended)
		session->link->echo(session->owned.owner, session, on, session->link_data);
	bp_session_unref(session);
}

void bp_session_set_terminal(BpSession *session, const char *type, gboolean is_terminal)
{
	gboolean was = session->terminal;

	if (session->ended)
		return;
	if (type) {
		g_autofree char *before = session->type; /* of which `type` may be a part */

		session->type = g_strdup(type);
	}
	session->terminal = was || is_terminal;
	bp_session_ref(session);
	if (session->handler->terminal && session_enter(session)) {
		session->handler->terminal(session->handler_plugin, session, session->type);
		session_leave(session);
	}
	if (!was && is_terminal && bp_session_mode(session) == BP_LINES)
		bp_session_show_prompt(session);
	bp_session_unref(session);
}

void bp_session_set_size(BpSession *session, guint columns, guint rows)
{
	if (session->ended || (columns == session->columns && rows == session->rows))
		return;
	session->columns = columns;
	session->rows = rows;
	bp_session_ref(session);
	update(session);
	if (!session->ended && session->handler->resize && session_enter(session)) {
		session->handler->resize(session->handler_plugin, session, columns, rows);
		session_leave(session);
	}
	bp_session_unref(session);
}

void bp_session_set_writable(BpSession *session, gboolean writable)
{
	session->writable = writable;
	if (!writable)
		return;
	bp_session_ref(session);
	output_release(session);
	run_continue(session);
	bp_session_unref(session);
}
