/* SPDX-License-Identifier: MIT */
/* rfc2217.h - RFC 2217 (telnet COM-PORT-OPTION), both sides of it: bytes in; data, commands and answers out. Pure.
 *
 * Options are kept as RFC 1143 has it, without its queue: BINARY, SGA and COM-PORT both ways, ECHO the server's; all others are
 * refused. Callbacks may call rfc2217_send, rfc2217_notify and rfc2217_ask, but not rfc2217_receive or rfc2217_free.
 */
#pragma once
#include <glib.h>

enum {
	RFC2217_SIGNATURE,
	RFC2217_BAUD,
	RFC2217_BITS,
	RFC2217_PARITY,
	RFC2217_STOP,
	RFC2217_CONTROL,
	RFC2217_LINE_STATE,
	RFC2217_MODEM_STATE,
	RFC2217_SUSPEND,
	RFC2217_RESUME,
	RFC2217_LINE_MASK,
	RFC2217_MODEM_MASK,
	RFC2217_PURGE,
};

typedef struct Rfc2217 Rfc2217;

typedef struct {
	void (*data)(const guint8 *data, gsize size, gpointer user);
	void (*send)(const guint8 *data, gsize size, gpointer user);
	/* Server: a command, and the value that is acknowledged. SUSPEND and RESUME have neither. NULL in a client. */
	guint32 (*command)(guint8 command, guint32 value, gpointer user);
	/* The other side speaks RFC 2217. Once. */
	void (*agreed)(gpointer user);
	/* Server: telnet's own BREAK key: one of the usual length. */
	void (*brk)(gpointer user);
	/* Client: the value that the server has now, or has notified. NULL in a server. */
	void (*answer)(guint8 command, guint32 value, gpointer user);
} Rfc2217Callbacks;

Rfc2217 *rfc2217_new(const Rfc2217Callbacks *callbacks, const char *signature, gpointer user);
void rfc2217_free(Rfc2217 *codec);
/* Asks for what we would like. */
void rfc2217_offer(Rfc2217 *codec);
gboolean rfc2217_is_agreed(const Rfc2217 *codec);
void rfc2217_receive(Rfc2217 *codec, const guint8 *data, gsize size);
/* Data for the other side: IAC is doubled, and CR is CR NUL unless binary was agreed. */
void rfc2217_send(Rfc2217 *codec, const guint8 *data, gsize size);
/* NOTIFY of RFC2217_LINE_STATE or RFC2217_MODEM_STATE, to a client that speaks it. */
void rfc2217_notify(Rfc2217 *codec, guint8 command, guint8 value);
/* Client: a command with its value. FALSE: not sent, since the server has not agreed. */
gboolean rfc2217_ask(Rfc2217 *codec, guint8 command, guint32 value);
