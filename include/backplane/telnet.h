/* SPDX-License-Identifier: MIT */
/* telnet.h - telnet codec: takes received bytes, returns text, events and answers. Independent of the transport.
 *
 * A thin layer on libtelnet, which keeps the state of each option (RFC 1143), escapes IAC and collects subnegotiations. Compression,
 * linemode and all options that are not named here are refused.
 *
 * Callbacks may call bp_telnet_send and the like, but not bp_telnet_free.
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

typedef enum {
	/* A property of the terminal has changed: answered, terminal, client, mtts, echo, cursor. Only after bp_telnet_offer; one event for
	 * all changes that are received together, before the data that follows them. */
	BP_TELNET_TERMINAL,
	BP_TELNET_RESIZED,     /* columns, rows */
	BP_TELNET_INTERRUPTED, /* IP or BRK */
	BP_TELNET_CHARSET_SET, /* utf8 */
	BP_TELNET_USER_NAMED,  /* user */
	BP_TELNET_BROKEN,      /* protocol error: the codec delivers nothing more; close the connection */
} BpTelnetEvent;

/* The bits of the MUD Terminal Type Standard that are used. */
enum { BP_TELNET_MTTS_ANSI = 1, BP_TELNET_MTTS_VT100 = 2, BP_TELNET_MTTS_UTF8 = 4, BP_TELNET_MTTS_256_COLOURS = 8 };

typedef struct BpTelnet BpTelnet;

typedef struct {
	gsize size; /* sizeof(BpTelnetEvents), so that it can grow */
	/* Received data. IAC EC becomes 0x7F, IAC EL 0x15, IAC EOF 0x04; CR NUL becomes CR. */
	void (*data)(BpTelnet *codec, const guint8 *data, gsize size, gpointer user);
	/* Bytes to be sent to the peer. */
	void (*send)(BpTelnet *codec, const guint8 *data, gsize size, gpointer user);
	void (*event)(BpTelnet *codec, BpTelnetEvent event, gpointer user);
} BpTelnetEvents;

/* The state of the negotiation; borrowed from the codec. */
typedef struct {
	guint columns, rows;  /* 80 x 24 until known, or if the values are invalid */
	const char *terminal; /* "xterm-256color", lower case; colours are added according to MTTS; "" until known */
	const char *client;   /* "mudlet", if the client sends its name; or "" */
	const char *user;     /* as sent by the client, not verified; or "" */
	guint mtts;
	gboolean utf8; /* by CHARSET or MTTS */
	gboolean binary_in, binary_out;
	gboolean echo, sga; /* negotiated for the local side */
	gboolean answered;  /* the peer has sent telnet commands */
	gboolean cursor;    /* a terminal with a cursor that accepts our echo: a line editor can be used */
	gboolean asking;    /* the client has agreed to send its terminal type, and has not yet */
} BpTelnetInfo;

BP_API BpTelnet *bp_telnet_new(const BpTelnetEvents *callbacks, gpointer user);
BP_API void bp_telnet_free(BpTelnet *codec);
/* Sends the requests: WILL ECHO, WILL SGA, DO SGA, DO TTYPE, DO NAWS, DO NEW-ENVIRON, WILL CHARSET. */
BP_API void bp_telnet_offer(BpTelnet *codec);
/* Received bytes, in pieces of any size. */
BP_API void bp_telnet_receive(BpTelnet *codec, const guint8 *data, gsize size);
/* On: each line end (CR LF, CR NUL, CR, LF) becomes one LF. Off, and in binary mode, line ends are not changed. */
BP_API void bp_telnet_set_lines(BpTelnet *codec, gboolean on);
/* Sends data to the peer; IAC is escaped. */
BP_API void bp_telnet_send(BpTelnet *codec, gconstpointer data, gsize size);
/* Sends IAC EOR or IAC GA after an unfinished line, such as a prompt, if the client has asked for it. */
BP_API void bp_telnet_mark(BpTelnet *codec);
/* Sends WILL or WONT ECHO; on: the client does not echo. */
BP_API void bp_telnet_set_echo(BpTelnet *codec, gboolean on);
/* WONT ECHO, WONT SGA, once: the client echoes and edits whole lines itself. */
BP_API void bp_telnet_give_lines(BpTelnet *codec);
BP_API const BpTelnetInfo *bp_telnet_info(const BpTelnet *codec);

G_END_DECLS
