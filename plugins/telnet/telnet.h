/* SPDX-License-Identifier: MIT */
/* telnet.h - what the files of this plugin share. */
#pragma once
#include <backplane/backplane.h>
#include <backplane/telnet.h>

typedef struct TelnetConnection TelnetConnection;

/* Memory of an instance of TelnetServer. */
typedef struct {
	BpInstance *self;
	BpServer *server;
	BpChannel *recv, *send, *data;
	const char *handler;
	gboolean prompt;
	TelnetConnection *first, *last; /* in order of arrival */
} TelnetServer;

gboolean telnet_server_open(BpInstance *self, GError **error);
void telnet_server_close(BpInstance *self);
void telnet_server_describe(BpInstance *self, GString *text);

struct TelnetConnection {
	TelnetConnection *prev, *next;
	TelnetServer *server;
	BpStream *stream;
	BpSession *session;  /* NULL: not open yet, or ended */
	BpTelnet *codec;  /* NULL: plain text, or not known yet */
	BpTimer *timer;	     /* while it is not known what the client is */
	GByteArray *pending; /* typed before the session is open */
	BpChannel *reply;    /* session/ID/send, when it was needed */
	char *origin;	     /* GRefString: the peer */
	guint open : 1;	     /* the session was opened, or was refused */
	guint offered : 1;   /* our options were */
	guint refused : 1;   /* it does not let us echo */
	guint changed : 1;   /* the session is to be told what the terminal is */
	guint terminal : 1;  /* the session was told that it has a cursor */
	guint given : 1;     /* echo and lines were given back to a client without cursor */
	guint raw : 1;	     /* the handler takes bytes */
	guint hidden : 1;    /* a password is being typed */
	guint receiving : 1; /* answers follow: the mark comes behind all of them */
	guint unended : 1;   /* what was sent last is not a whole line */
};

/* Begins to find out what the client is. Takes the stream's events. */
TelnetConnection *telnet_connection_new(TelnetServer *server, BpStream *stream);
/* The session, if there is one, is told `why`, and what is queued is still sent. */
void telnet_connection_close(TelnetConnection *connection, const char *why);
/* Shown to the user: a line of text, or bytes as they are. */
void telnet_connection_show(TelnetConnection *connection, BpMessage *message);

