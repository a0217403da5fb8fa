/* SPDX-License-Identifier: MIT */
/* handler.h - the application of a session: the console, or one of your own, served in the same way over
 * every transport (telnet, tcp, websocket, ws_telnet, the terminal).
 *
 *	static gboolean echo_line(BpPlugin *self, BpSession *session, const char *line, gsize size)
 *	{
 *		bp_session_printf(session, "Echo: %s", line);
 *		return TRUE;
 *	}
 *
 *	static const BpHandler handlers[] = {
 *		{ "echo", .help = "says every line again", .prompt = "> ", .line = echo_line },
 *		{ NULL },
 *	};
 *
 * Everything runs on the session's loop. Any function may end its session, or another one.
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

typedef enum {
	BP_LINES,      /* whole lines: with the line editor on a terminal, split at LF elsewhere */
	BP_CHARACTERS, /* each character of the terminal, UTF-8 whole; the handler echoes */
	BP_RAW,	       /* bytes as received, without those of the transport (telnet commands) */
} BpMode;

typedef enum {
	BP_END_HANDLER,
	BP_END_PEER,
	BP_END_TIMEOUT,
	BP_END_LIMIT,
	BP_END_SHUTDOWN,
	BP_END_KILLED,
	BP_END_ERROR
} BpEnd;

struct BpHandler {
	const char *name;
	const char *help;
	BpMode mode;
	const char *prompt; /* shown before each line; NULL: none; changed by bp_session_set_prompt */
	gsize size;	    /* of the zeroed memory that bp_session_data gives */
	guint line_limit;   /* bytes; 0: 64 KiB. A longer line ends the session with a sentence. */
	gboolean (*open)(BpPlugin *self, BpSession *session,
			 GError **error); /* FALSE refuses the session; the peer is sent the error message */
	void (*welcome)(BpPlugin *self, BpSession *session); /* after the server's welcome_message, if it has one */
	/* A whole line without its end; NUL-terminated. FALSE ends the session. */
	gboolean (*line)(BpPlugin *self, BpSession *session, const char *line, gsize size);
	gboolean (*character)(BpPlugin *self, BpSession *session, const char *bytes, gsize size);
	/* Ctrl-C, telnet IP. NULL: the line is cleared; on an empty line the session ends. */
	gboolean (*interrupt)(BpPlugin *self, BpSession *session);
	/* Tab: returns a new NULL-terminated list of completions, or NULL. `*start`: where the word to be completed begins in `line`. */
	char **(*complete)(BpPlugin *self, BpSession *session, const char *line, gsize cursor, gsize *start);
	void (*resize)(BpPlugin *self, BpSession *session, guint columns, guint rows);
	void (*terminal)(BpPlugin *self, BpSession *session, const char *type);
	void (*error)(BpPlugin *self, BpSession *session, const GError *error);
	void (*close)(BpPlugin *self, BpSession *session, BpEnd why);
	/* Its lines are commands, as those of the console: the input completes them, and stores those without a secret in the shared
	 * history. */
	gboolean commands;
};

BP_API const BpHandler *bp_handler_find(const char *name);
/* The plugin that defines it. Borrowed. */
BP_API BpPlugin *bp_handler_plugin(const BpHandler *handler);

G_END_DECLS
