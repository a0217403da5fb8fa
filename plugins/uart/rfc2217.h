/* SPDX-License-Identifier: MIT */
/* rfc2217.h - the server's side of RFC 2217 (telnet COM-PORT-OPTION): bytes in, data, commands and answers out. Pure.
 *
 * Options are kept as RFC 1143 has it, without its queue: BINARY, SGA and COM-PORT both ways, ECHO ours; all others are
 * refused. Callbacks may call rfc2217_send and rfc2217_notify, but not rfc2217_receive or rfc2217_free.
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
	/* A command, and the value that is acknowledged. SUSPEND and RESUME have neither. */
	guint32 (*command)(guint8 command, guint32 value, gpointer user);
	/* The client speaks RFC 2217. Once. */
	void (*agreed)(gpointer user);
	/* Telnet's own BREAK key: one of the usual length. */
	void (*brk)(gpointer user);
} Rfc2217Callbacks;

Rfc2217 *rfc2217_new(const Rfc2217Callbacks *callbacks, const char *signature, gpointer user);
void rfc2217_free(Rfc2217 *codec);
/* Asks for what we would like. */
void rfc2217_offer(Rfc2217 *codec);
gboolean rfc2217_is_agreed(const Rfc2217 *codec);
void rfc2217_receive(Rfc2217 *codec, const guint8 *data, gsize size);
/* Data for the client: IAC is doubled, and CR is CR NUL unless binary was agreed. */
void rfc2217_send(Rfc2217 *codec, const guint8 *data, gsize size);
/* NOTIFY of RFC2217_LINE_STATE or RFC2217_MODEM_STATE, to a client that speaks it. */
void rfc2217_notify(Rfc2217 *codec, guint8 command, guint8 value);
