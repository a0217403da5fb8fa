/* SPDX-License-Identifier: MIT */
/* session.h - somebody at the other end: the terminal, a telnet client, a browser, a script.
 *
 * A session has a number, a peer, a role, a handler it talks to and its own output. What it types and
 * what it is shown pass through the channels session/N/recv and session/N/send, so that anything can watch it; sending on
 * session/N/send shows it to the user. What is typed while echo is off (a password) is not on them. The channel "sessions"
 * tells who comes and goes: {"event":"begin","id":7,"peer":...,"transport":...,"server":...,"handler":...}, before the
 * welcome, and {"event":"end","id":7,...} when it is not in bp_session_list any more.
 *
 * The transport (who brings the bytes) makes it with bp_session_open and feeds it; serve.h has what transports share. The
 * handler uses the rest.
 */
#pragma once
#include <backplane/channel.h>
#include <backplane/command.h>
#include <backplane/handler.h>

G_BEGIN_DECLS

/* --- for handlers --- */
BP_API gpointer bp_session_data(const BpSession *session);
BP_API guint bp_session_id(const BpSession *session);
BP_API const char *bp_session_peer(const BpSession *session);	   /* "127.0.0.1:4711", "terminal", ... */
BP_API const char *bp_session_local(const BpSession *session);	   /* "127.0.0.1:2323" or "" */
BP_API const char *bp_session_transport(const BpSession *session); /* "telnet", ... */
BP_API const char *bp_session_server(const BpSession *session);	   /* the instance that serves it, or "" */
BP_API const char *bp_session_query(const BpSession *session);	   /* what followed the path on WebSocket, or "" */
BP_API const char *bp_session_path(
	const BpSession *session); /* what it asked for on WebSocket, query included, or "" */
BP_API const char *bp_session_agent(const BpSession *session); /* the client's User-Agent on WebSocket, or "" */
BP_API BpRole bp_session_role(const BpSession *session);
BP_API const BpHandler *bp_session_handler(const BpSession *session);
BP_API const char *bp_session_terminal(const BpSession *session);		    /* "xterm-256color" or "" */
BP_API void bp_session_size(const BpSession *session, guint *columns, guint *rows); /* 80 x 24 until told */
BP_API gboolean bp_session_is_terminal(const BpSession *session); /* it has a cursor: editor, colour, progress */
BP_API gboolean bp_session_is_hidden(const BpSession *session);	  /* echo is off: what it sends is a password */
BP_API gint64 bp_session_started(const BpSession *session);	  /* by the wall clock as it is set now */
BP_API gint64 bp_session_idle(const BpSession *session);	  /* since its last input, microseconds */

/* Bytes as they are. */
BP_API void bp_session_send(BpSession *session, gconstpointer data, gsize size);
/* A line of text: LF inside becomes CR LF where the transport wants it; control characters pass. */
BP_API void bp_session_print(BpSession *session, const char *text);
BP_API void bp_session_printf(BpSession *session, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The same with a style, where the terminal can; other control characters are made visible. */
BP_API void bp_session_styled(BpSession *session, BpStyle style, const char *text);
/* Said in between: the line being typed is cleared and shown again below. */
BP_API void bp_session_notify(BpSession *session, const char *text);
BP_API void bp_session_set_prompt(BpSession *session, const char *prompt); /* NULL: none */
BP_API void bp_session_set_mode(BpSession *session, BpMode mode);
/* Off for passwords: nothing shown, no history, not on the channels; until set on again. */
BP_API void bp_session_set_echo(BpSession *session, gboolean on);
/* Shows the prompt again; a session does so by itself after each line. */
BP_API void bp_session_show_prompt(BpSession *session);
/* Owns what waits for this session on the side of its handler (scope.h), until the handler's `close`. The other side has the
 * scope of its stream. */
BP_API BpScope *bp_session_scope(BpSession *session);
/* Says `message` (may be NULL), lets it be sent, closes. */
BP_API void bp_session_end(BpSession *session, BpEnd why, const char *message);
/* To each other session of the same server; FALSE in `self_too` leaves the sender out. */
BP_API void bp_session_broadcast(BpSession *session, const char *text, gboolean self_too);

/* All of them, in order of opening. */
BP_API GPtrArray *bp_session_list(void);
/* Those that `server` serves, in order of opening. */
BP_API GPtrArray *bp_session_list_of(BpPlugin *server);
BP_API BpSession *bp_session_ref(BpSession *session);
BP_API void bp_session_unref(BpSession *session);
/* Nobody is there any more: nothing is shown, nothing of its link is called. */
BP_API gboolean bp_session_is_ended(const BpSession *session);
/* session/N/recv or, with `send`, session/N/send. Borrowed. */
BP_API BpChannel *bp_session_channel(const BpSession *session, gboolean send);
BP_API guint bp_session_failed(const BpSession *session); /* commands that failed, so far */
/* Nobody's: that of timers, of the batch and of commands at start; what it is shown goes to channel "console". */
BP_API BpSession *bp_session_system(void);
BP_API BpSession *bp_session_find(guint id);

/* --- for transports --- */
typedef struct {
	gsize size;	  /* sizeof(BpSessionLink), so that it can grow */
	const char *name; /* "telnet" */
	/* Bytes for the wire, to be queued; `text`: they are text of ours, else a handler's own bytes. */
	void (*send)(BpPlugin *self, BpSession *session, gconstpointer data, gsize size, gboolean text, gpointer link);
	/* Exactly once: the session is over. Send what is queued, close. The session is gone when this returns. Also when the owner
	 * of the session goes, after the `close` of an instance. */
	void (*end)(BpPlugin *self, BpSession *session, BpEnd why, gpointer link);
	void (*echo)(BpPlugin *self, BpSession *session, gboolean on, gpointer link); /* may be NULL */
	void (*mode)(BpPlugin *self, BpSession *session, BpMode mode, gpointer link); /* may be NULL */
	/* FALSE: what was typed already is enough for now, read no more until TRUE; may be NULL. */
	void (*input)(BpPlugin *self, BpSession *session, gboolean on, gpointer link);
	gboolean crlf; /* lines of text end with CR LF */
	gboolean own;  /* stdin and stdout of the program itself, no server */
} BpSessionLink;

/* How what is typed becomes lines: input.h. The library session has one, bp_session_input. */
typedef struct BpInputClass BpInputClass;

typedef struct {
	const BpHandler *handler; /* required */
	const BpSessionLink *link;
	gpointer data;		   /* given to the link's functions */
	const BpInputClass *input; /* NULL: nothing is typed, the session runs commands only */
	const char *peer, *local, *query, *path, *agent, *welcome; /* NULL: "" */
	const char *type;					   /* of the terminal, if it is known */
	guint columns, rows;					   /* 0: 80 x 24 until told */
	gboolean no_prompt;					   /* the handler's prompt is not shown */
	BpRole role;
	gboolean terminal; /* known to have a cursor already; else see bp_session_set_terminal */
	gboolean quiet;	   /* does not see what is said on "console" */
} BpSessionOptions;

/* NULL with an error if the handler refuses, or if somebody has ended the session at once (then `end` was called). Owned by
 * `self`. The welcome and the prompt are sent from here. */
BP_API BpSession *bp_session_open_sized(BpPlugin *self, const BpSessionOptions *options, gsize size, GError **error);
static inline BpSession *bp_session_open(BpPlugin *self, const BpSessionOptions *options, GError **error)
{
	return bp_session_open_sized(self, options, sizeof(*options), error);
}
/* What the user sent, after the transport has taken out what is its own. The session may be gone when it
 * returns FALSE. */
BP_API gboolean bp_session_receive(BpSession *session, gconstpointer data, gsize size);
/* The peer will send no more; what it sent is finished, then the session ends. */
BP_API void bp_session_receive_end(BpSession *session);
BP_API void bp_session_set_terminal(BpSession *session, const char *type, gboolean is_terminal);
BP_API void bp_session_set_size(BpSession *session, guint columns, guint rows);
BP_API void bp_session_interrupt(BpSession *session);
/* The wire is full (FALSE) or takes more (TRUE): commands pause meanwhile. */
BP_API void bp_session_set_writable(BpSession *session, gboolean writable);

G_END_DECLS
