/* SPDX-License-Identifier: MIT */
/* tls.h - the encrypted side of streams: contexts with certificates, handshake, reading and writing.
 *
 * A context is shared by all streams of a server, and stays alive with those that use it, so that
 * certificates can be read again while connections go on.
 */
#pragma once
#include "stream.h"

#define TLS_HANDSHAKE_TIME (10 * G_USEC_PER_SEC)

typedef struct ssl_ctx_st TlsContext; /* counts its references itself, on any thread */

/* For a server: certificate chain and key (NULL or "": in the certificate's file) as PEM; `client_ca` (NULL or "":
 * none asked for) makes a client certificate obligatory. Anything missing or not fitting is an error. */
TlsContext *tls_context_new(const char *cert, const char *key, const char *client_ca, GError **error);
/* The protocol (ALPN) that is spoken above; who offers protocols without it is refused. A constant. NULL: any. */
void tls_context_set_protocol(TlsContext *context, const char *name);
void tls_context_unref(TlsContext *context);
/* tls-self.c: the file of this host's own certificate and key, made if it is missing or ends within 30 days. Yours. */
char *tls_self_signed(GError **error);
/* tls-tickets.c: keys of its session tickets that are made anew. */
gboolean tls_tickets_rotate(TlsContext *context);
/* The one of all clients: the system's authorities. Borrowed. */
TlsContext *tls_context_for_clients(GError **error);
/* One with the files of `client`; a new reference. */
TlsContext *tls_context_for_client(const BpTlsClient *client, GError **error);
/* What OpenSSL has to say, as "before: why". Its list of errors is empty afterwards. */
GError *tls_error(BpErrorCode code, const char *before);

/* The stream is to be encrypted from the first byte on; the handshake runs when stream_poll is called. */
gboolean tls_serve(BpStream *stream, TlsContext *context, GError **error);
/* `name` "": any certificate will do. */
gboolean tls_connect(BpStream *stream, const char *name, GError **error);
/* Goes on with the handshake; ends in stream_become_ready or stream_finish. */
void tls_shake(BpStream *stream);
/* What the handshake waits for. */
BpEvents tls_wanted(const BpStream *stream);
/* Like read(); EAGAIN when there is nothing. More may be left inside, see tls_has_more. */
gssize tls_read(BpStream *stream, guint8 *buffer, gsize size);
/* Bytes that the system does not know of: no event will tell. */
gboolean tls_has_more(const BpStream *stream);
/* Empties the queue as far as the system takes it; sets `blocked`, finishes the stream on errors. */
void tls_flush(BpStream *stream);
void tls_end(BpStream *stream);
void tls_free(StreamTls *tls);
