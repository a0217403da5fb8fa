/* SPDX-License-Identifier: MIT */
/* output.c - what a session is shown: text and bytes, styles, messages in between, progress. */
#include "command/session.h"
#include <string.h>
#include <backplane/text.h>

#define HELD_LIMIT (64 * 1024 * 1024)
#define HELD_OTHER_LIMIT (1024 * 1024)

static const char *const sgr[] = {
	[BP_PLAIN] = NULL,     [BP_HEADING] = "\033[1m", [BP_GOOD] = "\033[32m",  [BP_WARN] = "\033[33m",
	[BP_BAD] = "\033[31m", [BP_DIM] = "\033[2m",	 [BP_STRONG] = "\033[1m",
};

/* LF alone becomes CR LF. */
static GString *with_crlf(const char *text, gsize size)
{
	GString *result = g_string_sized_new(size + 16);

	for (gsize i = 0; i < size; i++) {
		if (text[i] == '\n' && (!i || text[i - 1] != '\r'))
			g_string_append_c(result, '\r');
		g_string_append_c(result, text[i]);
	}
	return result;
}

static void to_link(BpSession *session, const char *text, gsize size, gboolean is_text)
{
	g_autoptr(GString) crlf = NULL;

	if (is_text && session->link->crlf) {
		crlf = with_crlf(text, size);
		text = crlf->str;
		size = crlf->len;
	}
	session->link->send(session->owned.owner, session, text, size, is_text, session->link_data);
}

/* A command cannot pause while it prints: what the link has no room for is held, in order, and the next command waits until it has been
 * sent. Beyond the limits the link is given it all the same, and its policy for slow readers applies. */
static gboolean hold_back(BpSession *session, BpMessage *message)
{
	gsize *held = session->current ? &session->held_size : &session->held_other;

	if (!session->held.length && (session->writable || !session->current))
		return FALSE;
	if (*held + bp_message_size(message) > (session->current ? HELD_LIMIT : HELD_OTHER_LIMIT))
		return FALSE;
	*held += bp_message_size(message);
	g_queue_push_tail(&session->held, bp_message_ref(message));
	return TRUE;
}

void output_release(BpSession *session)
{
	while (session->writable && !session->ended && session->held.length) {
		g_autoptr(BpMessage) message = g_queue_pop_head(&session->held);

		to_link(session, bp_message_data(message), bp_message_size(message),
			!!(bp_message_flags(message) & BP_TEXT));
	}
	if (session->held.length)
		return;
	session->held_size = session->held_other = 0;
	if (session->at_end && !session->ending && !bp_session_is_busy(session))
		bp_session_end(session, BP_END_PEER, NULL);
}

/* Messages of others are shown on lines of their own, between typed lines. The channel is delivering such a message now, so the output that
 * clears the typed line and shows it again bypasses the channel; else it would be delivered too late. */
void session_on_send(BpPlugin *self, BpMessage *message, gpointer data)
{
	BpSession *session = data;
	gboolean foreign = !(bp_message_flags(message) & SESSION_OWN), hidden = FALSE;
	gboolean is_text = !!(bp_message_flags(message) & BP_TEXT);
	const char *text = bp_message_data(message);
	gsize size = bp_message_size(message);

	if (session->ended)
		return;
	bp_session_ref(session);
	session->direct = foreign;
	if (foreign) {
		session_progress(session, NULL);
		hidden = session->input && session->input->hide(session, session->typing);
	}
	if (!session->ended && (foreign || !hold_back(session, message)))
		to_link(session, text, size, is_text);
	if (foreign && is_text && size && text[size - 1] != '\n' && !session->ended)
		to_link(session, "\n", 1, TRUE);
	if (hidden && session->input)
		session->input->show(session, session->typing);
	session->direct = FALSE;
	bp_session_unref(session);
}

void session_show(BpSession *session, gconstpointer data, gsize size, gboolean text)
{
	if (session->ended || (!size && (text || session->mode != BP_RAW))) /* an empty message of bytes is one */
		return;
	if (session->direct)
		to_link(session, data, size, text);
	else
		bp_channel_send_take(session->send, bp_message_new(data, size,
								   (text ? BP_TEXT : BP_BINARY) | SESSION_OWN |
									   (session->copying ? BP_COPY : 0)));
}

void session_say(BpSession *session, BpStyle style, const char *text)
{
	g_autoptr(GString) line = g_string_new(NULL);
	const char *code = session->terminal ? sgr[style] : NULL;

	session_progress(session, NULL);
	if (code)
		g_string_append(line, code);
	bp_text_append_safe(line, text, -1, TRUE);
	if (code)
		g_string_append(line, "\033[0m");
	g_string_append_c(line, '\n');
	session_show(session, line->str, line->len, TRUE);
}

void session_progress(BpSession *session, const char *text)
{
	g_autoptr(GString) line = NULL;

	if (!session->terminal || (!text && !session->progress))
		return;
	line = g_string_new("\r\033[K");
	if (text) {
		g_autofree char *safe = bp_text_safe(text, -1);

		g_string_append_len(line, safe,
				    (gssize)bp_text_fit(safe, session->columns ? session->columns - 1 : 79));
	}
	session->progress = !!text;
	session_show(session, line->str, line->len, FALSE);
}

/* --- for handlers --- */

void bp_session_send(BpSession *session, gconstpointer data, gsize size)
{
	session_show(session, data, size, FALSE);
}

void bp_session_print(BpSession *session, const char *text)
{
	g_autofree char *line = g_strconcat(text, "\n", NULL);

	session_progress(session, NULL);
	session_show(session, line, strlen(line), TRUE);
}

void bp_session_printf(BpSession *session, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	bp_session_print(session, text);
}

void bp_session_styled(BpSession *session, BpStyle style, const char *text)
{
	session_say(session, style, text);
}

void bp_session_notify(BpSession *session, const char *text)
{
	gboolean hidden;

	if (session->ended)
		return;
	bp_session_ref(session);
	hidden = session->input && session->input->hide(session, session->typing);
	bp_session_print(session, text);
	if (hidden && session->input)
		session->input->show(session, session->typing);
	bp_session_unref(session);
}

void bp_session_notify_copy(BpSession *session, const char *text)
{
	bp_session_ref(session);
	session->copying = TRUE;
	bp_session_notify(session, text);
	session->copying = FALSE;
	bp_session_unref(session);
}
