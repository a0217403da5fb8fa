/* SPDX-License-Identifier: MIT */
/* serve.h - servers of handlers, over any transport.
 *
 * A module that serves handlers includes bp_serve_params and bp_server_params in its table and has a row "port" of its
 * own. Over TCP one call does it, bp_serve_streams, as TelnetServer and TCPServer with a handler use it. A module with another
 * transport (WebSocket) has a BpServe in the memory of its instance, opens sessions with it and transports their bytes with a
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

/* A transport for `servers:` of the configuration and the command `serve`: registered as "transport/NAME". `module` is a module whose
 * parameters include bp_server_params and bp_serve_params. */
typedef struct {
	gsize size; /* sizeof(BpTransport), so that it can grow */
	const char *name;
	const char *help;
	const char *module;
	guint default_port;
} BpTransport;
/* auth: auto|none|optional|required. Also for modules with a table of their own. */
BP_API extern const BpParam bp_auth_params[];
/* What `auth` of an instance means now: auto is REQUIRED as soon as there are users, else NONE. Without such a parameter it is auto. */
typedef enum { BP_AUTH_NONE, BP_AUTH_OPTIONAL, BP_AUTH_REQUIRED } BpAuth;
BP_API BpAuth bp_auth_of(BpInstance *self);
/* handler, welcome_message, prompt, quiet, auth. */
BP_API extern const BpParam bp_serve_params[];

/* The common part of a server of sessions. Pointers are borrowed from the instance. */
typedef struct BpServe BpServe;
struct BpServe {
	BpInstance *self;
	const char *handler;	       /* its name, since the plugin that defines it may be unloaded and loaded again */
	BpChannel *recv;	       /* NAME/recv: input of all sessions, without passwords */
	BpChannel *send;	       /* NAME/send: messages on it are shown to all sessions */
	BpChannel *data;	       /* data-tcp-PORT: log of all bytes */
	gboolean showing;	       /* a message of NAME/send is being sent to one session after the other */
	void (*shown)(BpServe *serve); /* after the last session; set by the module, may be NULL */
	gpointer reserved[4];	       /* the library's */
};

/* Before listening: sets `self` and `handler`; FALSE if no loaded plugin defines such a handler. */
BP_API gboolean bp_serve_prepare(BpServe *serve, BpInstance *self, GError **error);
/* After listening: makes the channels. With the handler console, connects and disconnects are reported on channel "console", unless
 * `quiet` is set. `data_name`: "data-tcp-%u", with the port. */
BP_API gboolean bp_serve_start(BpServe *serve, BpServer *listener, const char *data_name, GError **error);
/* bp_session_open with the options that the server determines (handler, welcome, role, prompt, quiet) and with the terminal's properties
 * from `codec` (NULL: no telnet). A telnet client without a cursor is told to edit its lines itself. */
BP_API BpSession *bp_serve_session_sized(BpServe *serve, BpTelnet *codec, const BpSessionOptions *options, gsize size,
					 GError **error);
static inline BpSession *bp_serve_session(BpServe *serve, BpTelnet *codec, const BpSessionOptions *options,
					  GError **error)
{
	return bp_serve_session_sized(serve, codec, options, sizeof(*options), error);
}
/* Input of the session, or of one that is not open yet (NULL), may hold a password: it must not be on any channel. */
BP_API gboolean bp_serve_is_private(const BpServe *serve, const BpSession *session);
/* Sends input of a session on NAME/recv, unless it is a password. The session may be freed when this returns. */
BP_API void bp_serve_publish(BpServe *serve, BpSession *session, gconstpointer data, gsize size, gboolean text);
/* The message for sessions when the instance closes; a new string. */
BP_API char *bp_serve_goodbye(BpInstance *self);
/* Applies an event of the telnet codec to the session: terminal type, size, Ctrl-C; a protocol error ends the session. */
BP_API void bp_serve_telnet_event(BpSession *session, BpTelnet *codec, BpTelnetEvent event);
/* For `echo` of the link. On a terminal the line editor echoes, or does not; any other client echoes itself unless telnet says that the
 * server does. */
BP_API void bp_serve_telnet_echo(BpSession *session, BpTelnet *codec, gboolean on);

/* Serves sessions over TCP until bp_serve_streams_close. With `telnet` it detects whether the client speaks telnet, and uses plain text
 * otherwise; without, it uses lines of plain text. */
typedef struct BpServeStreams BpServeStreams;
BP_API BpServeStreams *bp_serve_streams(BpInstance *self, gboolean telnet, GError **error);
/* Sends the goodbye message; queued data is still sent. */
BP_API void bp_serve_streams_close(BpServeStreams *streams);
BP_API BpServer *bp_serve_streams_server(const BpServeStreams *streams);

G_END_DECLS
