/* SPDX-License-Identifier: MIT */
/* telnet-codec.h - bytes of a telnet connection in, text, events and answers out. No kernel, no socket.
 *
 * A thin layer on libtelnet, which keeps the state of each option (RFC 1143), doubles and halves IAC and collects
 * subnegotiations. What is refused: compression, linemode, and everything that is not named here.
 *
 * Callbacks may call telnet_codec_send and the like, but not telnet_codec_free.
 */
#pragma once
#include <glib.h>

typedef enum {
	TELNET_ANSWERED,     /* the first sign that the other side speaks telnet */
	TELNET_RESIZED,	     /* columns, rows */
	TELNET_TYPED,	     /* terminal, client, mtts */
	TELNET_ECHO_AGREED,  /* we echo */
	TELNET_ECHO_REFUSED, /* it echoes itself, or not at all */
	TELNET_INTERRUPTED,  /* IP or BRK */
	TELNET_CHARSET_SET,  /* utf8 */
	TELNET_USER_NAMED,   /* user */
	TELNET_BROKEN,	     /* nonsense; nothing more comes from this codec, close */
} TelnetEvent;

/* Bits of the MUD Terminal Type Standard that mean something here. */
enum { TELNET_MTTS_ANSI = 1, TELNET_MTTS_VT100 = 2, TELNET_MTTS_UTF8 = 4, TELNET_MTTS_256_COLOURS = 8 };

typedef struct TelnetCodec TelnetCodec;

typedef struct {
	/* What was typed. IAC EC is 0x7F, IAC EL 0x15, IAC EOF 0x04; CR NUL is CR. */
	void (*data)(TelnetCodec *codec, const guint8 *data, gsize size, gpointer user);
	/* Bytes for the wire. */
	void (*send)(TelnetCodec *codec, const guint8 *data, gsize size, gpointer user);
	void (*event)(TelnetCodec *codec, TelnetEvent event, gpointer user);
} TelnetCallbacks;

/* What the other side has told; borrowed, as long as the codec. */
typedef struct {
	guint columns, rows;  /* 80 x 24 until told, or when told nonsense */
	const char *terminal; /* "xterm-256color", lower case; "" until told */
	const char *client;   /* "mudlet", from clients that name themselves; or "" */
	const char *user;     /* or "": whatever the client says, proves nothing */
	guint mtts;
	gboolean utf8;	      /* by CHARSET or MTTS */
	gboolean binary_in, binary_out;
	gboolean echo, sga;   /* agreed, on our side */
	gboolean answered;
	gboolean asking;      /* for the terminal's type, and it has said that it will tell */
} TelnetInfo;

TelnetCodec *telnet_codec_new(const TelnetCallbacks *callbacks, gpointer user);
void telnet_codec_free(TelnetCodec *codec);
/* Asks for all that we would like: WILL ECHO, WILL SGA, DO SGA, DO TTYPE, DO NAWS, DO NEW-ENVIRON, WILL CHARSET. */
void telnet_codec_offer(TelnetCodec *codec);
/* Bytes that came, any part of the stream. */
void telnet_codec_receive(TelnetCodec *codec, const guint8 *data, gsize size);
/* Each way to end a line (CR LF, CR NUL, CR, LF) becomes one LF; until set on, and in binary, bytes are faithful. */
void telnet_codec_set_lines(TelnetCodec *codec, gboolean on);
/* Text or bytes for the other side: IAC is doubled. */
void telnet_codec_send(TelnetCodec *codec, gconstpointer data, gsize size);
/* IAC EOR or IAC GA, if the client has asked for such a mark behind what is not a whole line. */
gboolean telnet_codec_wants_mark(const TelnetCodec *codec);
void telnet_codec_mark(TelnetCodec *codec);
/* WILL or WONT ECHO: on keeps the client from showing what is typed. */
void telnet_codec_set_echo(TelnetCodec *codec, gboolean on);
/* WONT ECHO, WONT SGA: the client echoes and edits whole lines itself. */
void telnet_codec_give_lines(TelnetCodec *codec);
const TelnetInfo *telnet_codec_info(const TelnetCodec *codec);
