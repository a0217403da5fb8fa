/* SPDX-License-Identifier: MIT */
/* session.h - sessions: one user or program, at the terminal, a telnet client, a browser or a script.
 *
 * A session has a number, a peer, a role, a handler and an output. Its input is sent on the channel session/N/recv and its output on
 * session/N/send, where both can be watched; a message sent on session/N/send is shown to the user. Input while echo is off (a
 * password) is not sent on channels. The channel "sessions" reports begin and end:
 * {"event":"begin","id":7,"peer":...,"transport":...,"server":...,"handler":...} before the welcome, and {"event":"end","id":7,...} when
 * the session is not in bp_session_list any more.
 *
 * The transport opens the session with bp_session_open and passes received bytes to it; serve.h has the common part of transports. The
 * handler uses the other functions.
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
BP_API const char *bp_session_query(const BpSession *session);	   /* WebSocket: the query, or "" */
BP_API const char *bp_session_path(const BpSession *session);	   /* WebSocket: path and query, or "" */
BP_API const char *bp_session_agent(const BpSession *session);	   /* the client's User-Agent on WebSocket, or "" */
BP_API BpRole bp_session_role(const BpSession *session);
BP_API const BpHandler *bp_session_handler(const BpSession *session);
BP_API const char *bp_session_terminal(const BpSession *session);		    /* "xterm-256color" or "" */
BP_API void bp_session_size(const BpSession *session, guint *columns, guint *rows); /* 80 x 24 until known */
BP_API gboolean bp_session_is_terminal(const BpSession *session); /* it has a cursor: editor, colour, progress */
BP_API gboolean bp_session_is_hidden(const BpSession *session);	  /* echo is off: its input is a password */
BP_API gint64 bp_session_started(const BpSession *session);	  /* by the wall clock as it is set now */
BP_API gint64 bp_session_idle(const BpSession *session);	  /* since its last input, microseconds */

/* Sends bytes unchanged. */
BP_API void bp_session_send(BpSession *session, gconstpointer data, gsize size);
/* Sends a line of text: LF becomes CR LF if the transport requires it; control characters are not changed. */
BP_API void bp_session_print(BpSession *session, const char *text);
BP_API void bp_session_printf(BpSession *session, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The same with a style, if the terminal supports it; control characters of the text are made visible. */
BP_API void bp_session_styled(BpSession *session, BpStyle style, const char *text);
/* Prints a message while the user is typing: the typed line is cleared and shown again below it. */
BP_API void bp_session_notify(BpSession *session, const char *text);
/* The same for a message of another channel: what is sent on session/N/send for it has BP_COPY. */
BP_API void bp_session_notify_copy(BpSession *session, const char *text);
BP_API void bp_session_set_prompt(BpSession *session, const char *prompt); /* NULL: none */
BP_API void bp_session_set_mode(BpSession *session, BpMode mode);
/* Off for passwords: input is not shown, not stored in the history and not sent on channels, until echo is on again. */
BP_API void bp_session_set_echo(BpSession *session, gboolean on);
/* Shows the prompt again; a session does so by itself after each line. */
BP_API void bp_session_show_prompt(BpSession *session);
/* The scope of this session for its handler (scope.h), until the handler's `close`. The transport uses the scope of its stream. */
BP_API BpScope *bp_session_scope(BpSession *session);
/* Sends `message` (may be NULL) and closes when it has been sent. */
BP_API void bp_session_end(BpSession *session, BpEnd why, const char *message);
/* Changes the role and, after a login, the handler: the new one is opened as by bp_session_open, and the channel "sessions" reports
 * {"event":"login",...}. The handler before is closed first, and must not be on the stack but for a callback of its scope. If the new
 * one refuses, the session ends. */
BP_API void bp_session_become(BpSession *session, const BpHandler *handler, BpRole role, const char *welcome);
/* Prints `text` in all sessions of the same server; `self_too` FALSE: except this one. */
BP_API void bp_session_broadcast(BpSession *session, const char *text, gboolean self_too);

/* All sessions, in order of opening. */
BP_API GPtrArray *bp_session_list(void);
/* The sessions that `server` serves, in order of opening. */
BP_API GPtrArray *bp_session_list_of(BpPlugin *server);
BP_API BpSession *bp_session_ref(BpSession *session);
BP_API void bp_session_unref(BpSession *session);
/* TRUE after the end: output is dropped, and the link is not called any more. */
BP_API gboolean bp_session_is_ended(const BpSession *session);
/* session/N/recv or, with `send`, session/N/send. Borrowed. */
BP_API BpChannel *bp_session_channel(const BpSession *session, gboolean send);
BP_API guint bp_session_failed(const BpSession *session); /* commands that failed, so far */
/* The session without a user, for timers, the batch and the commands at start; its output goes to channel "console". */
BP_API BpSession *bp_session_system(void);
BP_API BpSession *bp_session_find(guint id);

/* What the console shows first to a session. Registered as BP_WELCOME. */
#define BP_WELCOME "console/welcome"
typedef struct {
	gsize size; /* sizeof(BpWelcome), so that it can grow */
	void (*show)(BpSession *session);
} BpWelcome;

/* --- for transports --- */
typedef struct {
	gsize size;	  /* sizeof(BpSessionLink), so that it can grow */
	const char *name; /* "telnet" */
	/* Queue these bytes for the peer. `text`: printed text; else bytes that a handler sent unchanged. */
	void (*send)(BpPlugin *self, BpSession *session, gconstpointer data, gsize size, gboolean text, gpointer link);
	/* Exactly once: the session has ended; send what is queued and close. The session is freed when this returns. Also called at the end
	 * of the owner, after the `close` of an instance. */
	void (*end)(BpPlugin *self, BpSession *session, BpEnd why, gpointer link);
	void (*echo)(BpPlugin *self, BpSession *session, gboolean on, gpointer link); /* may be NULL */
	void (*mode)(BpPlugin *self, BpSession *session, BpMode mode, gpointer link); /* may be NULL */
	/* FALSE: stop reading from the peer, until TRUE; may be NULL. */
	void (*input)(BpPlugin *self, BpSession *session, gboolean on, gpointer link);
	gboolean crlf; /* lines of text end with CR LF */
	gboolean own;  /* stdin and stdout of the program itself, no server */
} BpSessionLink;

/* The input of a session: input.h. The library session has one, bp_session_input. */
typedef struct BpInputClass BpInputClass;

typedef struct {
	const BpHandler *handler; /* required */
	const BpSessionLink *link;
	gpointer data;						   /* given to the link's functions */
	const BpInputClass *input;				   /* NULL: no input, the session only runs commands */
	const char *peer, *local, *query, *path, *agent, *welcome; /* NULL: "" */
	const char *type;					   /* of the terminal, if known */
	guint columns, rows;					   /* 0: 80 x 24 until known */
	gboolean no_prompt;					   /* the handler's prompt is not shown */
	BpRole role;
	gboolean terminal; /* known to have a cursor already; else see bp_session_set_terminal */
	gboolean quiet;	   /* messages on "console" are not shown */
} BpSessionOptions;

/* Opens a session, owned by `self`, and sends welcome and prompt. NULL with an error if the handler refuses, or if the session was ended
 * meanwhile (`end` has been called then). */
BP_API BpSession *bp_session_open_sized(BpPlugin *self, const BpSessionOptions *options, gsize size, GError **error);
static inline BpSession *bp_session_open(BpPlugin *self, const BpSessionOptions *options, GError **error)
{
	return bp_session_open_sized(self, options, sizeof(*options), error);
}
/* Received bytes, without those of the transport. The session may be freed when this returns FALSE. */
BP_API gboolean bp_session_receive(BpSession *session, gconstpointer data, gsize size);
/* The peer sends no more: the session ends when its input has been handled. */
BP_API void bp_session_receive_end(BpSession *session);
BP_API void bp_session_set_terminal(BpSession *session, const char *type, gboolean is_terminal);
BP_API void bp_session_set_size(BpSession *session, guint columns, guint rows);
BP_API void bp_session_interrupt(BpSession *session);
/* FALSE: the queue to the peer is full, and commands pause until TRUE. */
BP_API void bp_session_set_writable(BpSession *session, gboolean writable);

G_END_DECLS
