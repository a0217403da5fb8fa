/* SPDX-License-Identifier: MIT */
/* input.h - how what a user types becomes lines, characters or bytes: for libraries that bring an input.
 *
 * A transport gives an input with the options of a session (session.h). The library session has the usual one, bp_session_input
 * (sessions.h): an editor on a terminal, lines parted at LF elsewhere. An input calls the handler of the session itself:
 *
 *	BpPlugin *plugin = bp_session_enter(session);
 *
 *	if (plugin) {
 *		go_on = handler->line(plugin, session, line, size);
 *		bp_session_leave(session);
 *	}
 *	if (!go_on)
 *		bp_session_end(session, BP_END_HANDLER, NULL);
 *
 * Whatever it calls may end the session. Its memory lasts until its last function has returned.
 */
#pragma once
#include <backplane/session.h>

G_BEGIN_DECLS

/* `input` is its memory. None of them is called when the session has ended. */
struct BpInputClass {
	gsize size;   /* sizeof(BpInputClass), so that it can grow */
	gsize memory; /* bytes, zeroed, of each session */
	/* What was typed, while no command has taken it. */
	void (*receive)(BpSession *session, gpointer input, const char *data, gsize size);
	/* No more will come: a line without its end is one. */
	void (*receive_end)(BpSession *session, gpointer input);
	/* Ctrl-C by other means than a byte, as telnet's. */
	void (*interrupt)(BpSession *session, gpointer input);
	/* What was typed has run, or a command takes what is typed from now on: what was typed ahead is received, and in lines the
	 * prompt is shown. */
	void (*resume)(BpSession *session, gpointer input);
	/* Shows prompt and line, at the left margin. FALSE: it has no line to show; the kernel shows the prompt. */
	gboolean (*show)(BpSession *session, gpointer input);
	/* Clears prompt and line. TRUE: they were shown. */
	gboolean (*hide)(BpSession *session, gpointer input);
	/* Mode, prompt, echo or size have changed. */
	void (*update)(BpSession *session, gpointer input);
	/* The session ends: the last that may be shown, and what `memory` points to is freed. */
	void (*end)(BpSession *session, gpointer input);
};

/* How it is to be typed: the handler's mode; BP_RAW while a command takes what is typed. */
BP_API BpMode bp_session_mode(const BpSession *session);
BP_API const char *bp_session_prompt(const BpSession *session); /* NULL: none */
/* A line that was typed runs: no prompt is shown, and what is typed waits. */
BP_API gboolean bp_session_is_busy(const BpSession *session);
BP_API gboolean bp_session_is_own(const BpSession *session); /* stdin and stdout of the program itself */
/* The plugin of the handler, whose functions may be called until bp_session_leave. NULL: they must not be. */
BP_API BpPlugin *bp_session_enter(BpSession *session);
BP_API void bp_session_leave(BpSession *session);
/* To the command that runs, else to the handler. `was_empty`: nothing stood in the line. */
BP_API void bp_session_give_interrupt(BpSession *session, gboolean was_empty);

G_END_DECLS
