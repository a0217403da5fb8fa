/* SPDX-License-Identifier: MIT */
/* telnet.h - bytes of a telnet connection in, text, events and answers out, whatever carries them. No socket.
 *
 * A thin layer on libtelnet, which keeps the state of each option (RFC 1143), doubles and halves IAC and collects
 * subnegotiations. What is refused: compression, linemode, and everything that is not named here.
 *
 * Callbacks may call bp_telnet_send and the like, but not bp_telnet_free.
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

typedef enum {
	/* Something was told of the terminal: answered, terminal, client, mtts, echo, cursor. Only if it was asked (see
	 * bp_telnet_offer); once for all that comes together, before the data behind it. */
	BP_TELNET_TERMINAL,
	BP_TELNET_RESIZED,     /* columns, rows */
	BP_TELNET_INTERRUPTED, /* IP or BRK */
	BP_TELNET_CHARSET_SET, /* utf8 */
	BP_TELNET_USER_NAMED,  /* user */
	BP_TELNET_BROKEN,      /* nonsense; nothing more comes from this codec, close */
} BpTelnetEvent;

/* Bits of the MUD Terminal Type Standard that mean something here. */
enum { BP_TELNET_MTTS_ANSI = 1, BP_TELNET_MTTS_VT100 = 2, BP_TELNET_MTTS_UTF8 = 4, BP_TELNET_MTTS_256_COLOURS = 8 };

typedef struct BpTelnet BpTelnet;

typedef struct {
	gsize size; /* sizeof(BpTelnetEvents), so that it can grow */
	/* What was typed. IAC EC is 0x7F, IAC EL 0x15, IAC EOF 0x04; CR NUL is CR. */
	void (*data)(BpTelnet *codec, const guint8 *data, gsize size, gpointer user);
	/* Bytes for the wire. */
	void (*send)(BpTelnet *codec, const guint8 *data, gsize size, gpointer user);
	void (*event)(BpTelnet *codec, BpTelnetEvent event, gpointer user);
} BpTelnetEvents;

/* What the other side has told; borrowed, as long as the codec. */
typedef struct {
	guint columns, rows;  /* 80 x 24 until told, or when told nonsense */
	const char *terminal; /* "xterm-256color", lower case, the colours by MTTS if not by name; "" until told */
	const char *client;   /* "mudlet", from clients that name themselves; or "" */
	const char *user;     /* or "": whatever the client says, proves nothing */
	guint mtts;
	gboolean utf8; /* by CHARSET or MTTS */
	gboolean binary_in, binary_out;
	gboolean echo, sga; /* agreed, on our side */
	gboolean answered;  /* there was a sign that the other side speaks telnet */
	gboolean cursor;    /* it is a terminal with a cursor, and lets us echo: fit for an editor */
	gboolean asking;    /* for the terminal's type, and it has said that it will tell */
} BpTelnetInfo;

BP_API BpTelnet *bp_telnet_new(const BpTelnetEvents *callbacks, gpointer user);
BP_API void bp_telnet_free(BpTelnet *codec);
/* Asks for all that we would like: WILL ECHO, WILL SGA, DO SGA, DO TTYPE, DO NAWS, DO NEW-ENVIRON, WILL CHARSET. */
BP_API void bp_telnet_offer(BpTelnet *codec);
/* Bytes that came, any part of the stream. */
BP_API void bp_telnet_receive(BpTelnet *codec, const guint8 *data, gsize size);
/* Each way to end a line (CR LF, CR NUL, CR, LF) becomes one LF; until set on, and in binary, bytes are faithful. */
BP_API void bp_telnet_set_lines(BpTelnet *codec, gboolean on);
/* Text or bytes for the other side: IAC is doubled. */
BP_API void bp_telnet_send(BpTelnet *codec, gconstpointer data, gsize size);
/* IAC EOR or IAC GA, if the client has asked for such a mark behind what is not a whole line. */
BP_API void bp_telnet_mark(BpTelnet *codec);
/* WILL or WONT ECHO: on keeps the client from showing what is typed. */
BP_API void bp_telnet_set_echo(BpTelnet *codec, gboolean on);
/* WONT ECHO, WONT SGA, once: the client echoes and edits whole lines itself. */
BP_API void bp_telnet_give_lines(BpTelnet *codec);
BP_API const BpTelnetInfo *bp_telnet_info(const BpTelnet *codec);

G_END_DECLS
