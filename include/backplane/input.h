/* SPDX-License-Identifier: MIT */
/* input.h - inputs, which turn the bytes of a session into lines or characters: for libraries that implement one.
 *
 * A transport selects the input in the options of a session (session.h). The library session has the usual one, bp_session_input
 * (sessions.h): a line editor on a terminal, lines split at LF elsewhere. An input calls the handler of the session itself:
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
 * Each of these calls may end the session. The memory of the input stays valid until its innermost function has returned.
 */
#pragma once
#include <backplane/session.h>

G_BEGIN_DECLS

/* `input` is the memory of the input. No function is called after the end of the session. */
struct BpInputClass {
	gsize size;   /* sizeof(BpInputClass), so that it can grow */
	gsize memory; /* bytes, zeroed, of each session */
	/* Received bytes, unless a command has taken the input (bp_call_take_input) or the mode is BP_RAW. */
	void (*receive)(BpSession *session, gpointer input, const char *data, gsize size);
	/* End of input: an unfinished line is handled as a line. */
	void (*receive_end)(BpSession *session, gpointer input);
	/* Ctrl-C that is not received as a byte, such as telnet's IP. */
	void (*interrupt)(BpSession *session, gpointer input);
	/* The typed line has run, or a command has taken the input: handle what was typed ahead and, in line mode, show the prompt. */
	void (*resume)(BpSession *session, gpointer input);
	/* Shows prompt and line, at the left margin. FALSE: the input does not show lines; the kernel shows the prompt. */
	gboolean (*show)(BpSession *session, gpointer input);
	/* Clears prompt and line. TRUE: they were shown. */
	gboolean (*hide)(BpSession *session, gpointer input);
	/* Mode, prompt, echo or size have changed. */
	void (*update)(BpSession *session, gpointer input);
	/* The session ends: last chance to show something; free what the memory points to. */
	void (*end)(BpSession *session, gpointer input);
};

/* The mode of the handler; BP_RAW while a command has taken the input. */
BP_API BpMode bp_session_mode(const BpSession *session);
BP_API const char *bp_session_prompt(const BpSession *session); /* NULL: none */
/* A typed line is running: no prompt is shown, and input is kept for later. */
BP_API gboolean bp_session_is_busy(const BpSession *session);
BP_API gboolean bp_session_is_own(const BpSession *session); /* stdin and stdout of the program itself */
/* Returns the plugin of the handler, whose functions may be called until bp_session_leave; NULL if they must not be called. */
BP_API BpPlugin *bp_session_enter(BpSession *session);
BP_API void bp_session_leave(BpSession *session);
/* Calls `character` of the handler, and ends the session if it says so. */
BP_API void bp_session_give_bytes(BpSession *session, const char *data, gsize size);
/* Interrupts the running command, or else calls `interrupt` of the handler. `was_empty`: the line was empty. */
BP_API void bp_session_give_interrupt(BpSession *session, gboolean was_empty);

G_END_DECLS
