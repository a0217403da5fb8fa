/* SPDX-License-Identifier: MIT */
/* serve.h - a handler served to whoever connects, whatever carries it.
 *
 * A module that serves handlers includes bp_serve_params and bp_server_params in its table and has a row "port" of its
 * own. Over TCP it is one call, bp_serve_streams: TelnetServer, and TCPServer with a handler, are no more than that. What
 * is carried otherwise (WebSocket) has a BpServe in its instance's memory, opens sessions with it and moves their bytes by a
 * BpSessionLink (session.h).
 *
 * All of it is called on the instance's loop.
 */
#pragma once
#include <backplane/module.h>
#include <backplane/server.h>
#include <backplane/session.h>
#include <backplane/telnet.h>

G_BEGIN_DECLS

/* How `servers:`, `serve` and plugins serve a handler: registered as "transport/NAME". `module` is a class
 * whose parameters include bp_server_params and bp_serve_params. */
typedef struct {
	gsize size; /* sizeof(BpTransport), so that it can grow */
	const char *name;
	const char *help;
	const char *module;
	guint default_port;
} BpTransport;
/* handler, welcome_message, prompt, quiet: */
BP_API extern const BpParam bp_serve_params[];

/* What a server of sessions has, whatever carries them. Borrowed from the instance. */
typedef struct BpServe BpServe;
struct BpServe {
	BpInstance *self;
	const char *handler; /* its name: the plugin that has it may come and go */
	BpChannel *recv;     /* NAME/recv: what all sessions send, no passwords */
	BpChannel *send;     /* NAME/send: shown to all of them */
	BpChannel *data;     /* every byte, as data-tcp-PORT */
	gboolean showing;    /* a message of NAME/send: the sessions send the same bytes, one after the other */
	void (*shown)(BpServe *serve); /* the last of them has; may be NULL, the module's to set */
	gpointer reserved[4];	       /* the library's */
};

/* Before it listens: fills in `self` and `handler`; FALSE if no loaded plugin has such a handler. */
BP_API gboolean bp_serve_prepare(BpServe *serve, BpInstance *self, GError **error);
/* When it listens: makes the channels. Of the handler console, who comes and goes is said on channel console, unless
 * quiet. `data_name`: "data-tcp-%u", with the port. */
BP_API gboolean bp_serve_start(BpServe *serve, BpServer *listener, const char *data_name, GError **error);
/* bp_session_open with what the server knows filled in: handler, welcome, role, prompt, quiet; and with what `codec` (NULL:
 * no telnet) has been told of the terminal. A client that speaks telnet but has no cursor gets its lines back. */
BP_API BpSession *bp_serve_session_sized(BpServe *serve, BpTelnet *codec, const BpSessionOptions *options, gsize size,
					 GError **error);
static inline BpSession *bp_serve_session(BpServe *serve, BpTelnet *codec, const BpSessionOptions *options,
					  GError **error)
{
	return bp_serve_session_sized(serve, codec, options, sizeof(*options), error);
}
/* What a session sent, on NAME/recv, unless it is a password. The session may be gone when it returns. */
BP_API void bp_serve_publish(BpServe *serve, BpSession *session, gconstpointer data, gsize size, gboolean text);
/* What sessions are told when the instance closes; a new string. */
BP_API char *bp_serve_goodbye(BpInstance *self);
/* What telnet tells of a client, to its session: terminal, size, Ctrl-C; nonsense ends it. */
BP_API void bp_serve_telnet_event(BpSession *session, BpTelnet *codec, BpTelnetEvent event);
/* For the link's `echo`: the editor of a session with a cursor shows nothing by itself; any other client echoes unless it
 * is told that we do. */
BP_API void bp_serve_telnet_echo(BpSession *session, BpTelnet *codec, gboolean on);

/* Sessions over TCP, in the memory of the instance until bp_serve_streams_close. With `telnet` it is found out what the
 * client is (plain text for those who do not speak it); without, lines of text are all there is. */
typedef struct BpServeStreams BpServeStreams;
BP_API BpServeStreams *bp_serve_streams(BpInstance *self, gboolean telnet, GError **error);
/* Says goodbye; what is queued is still sent. */
BP_API void bp_serve_streams_close(BpServeStreams *streams);
BP_API BpServer *bp_serve_streams_server(const BpServeStreams *streams);

G_END_DECLS
