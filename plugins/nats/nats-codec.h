/* SPDX-License-Identifier: MIT */
/* nats-codec.h - the protocol of NATS as a client reads and writes it: bytes to operations, and back. No descriptor, no kernel.
 *
 * A line ends with CR LF; its words are separated by blanks or tabs; MSG and HMSG are followed by as many bytes as they say, and CR LF.
 */
#pragma once
#include <glib.h>

#define NATS_LINE_LIMIT 65536 /* INFO of a large cluster is the longest one */

typedef enum { NATS_INFO, NATS_MESSAGE, NATS_PING, NATS_PONG, NATS_OK, NATS_ERROR } NatsKind;

/* Valid during the call. */
typedef struct {
	NatsKind kind;
	const char *text;	     /* INFO: JSON; -ERR: what the server says, without quotes */
	const char *subject, *reply; /* reply: NULL if there is none */
	guint64 sid;
	const char *headers; /* with "NATS/1.0" and the empty line */
	gsize headers_size;
	const char *data;
	gsize size;
} NatsOperation;

typedef struct NatsCodec NatsCodec;

/* FALSE: nothing more is taken; the codec must not be freed in it. `rest`: bytes that have come behind this operation. */
typedef gboolean (*NatsFunc)(const NatsOperation *operation, gsize rest, gpointer user);

/* `limit`: largest message with its headers. */
NatsCodec *nats_codec_new(gsize limit, NatsFunc func, gpointer user);
void nats_codec_free(NatsCodec *codec);
/* FALSE: `func` has returned FALSE; or, with an error, it is not the protocol. It takes nothing after that. */
gboolean nats_codec_take(NatsCodec *codec, gconstpointer data, gsize size, GError **error);

/* The value of a header, without blanks around it; names are compared without case. NULL: there is none. Yours. */
char *nats_header(const char *headers, gsize size, const char *name);
/* 503 of "NATS/1.0 503 ..."; 0: none. */
guint nats_status(const char *headers, gsize size);

/* --- to the server --- */

/* The line PUB or HPUB and its headers (name, value, ..., NULL; those whose value is NULL are left out), for `size` bytes that follow, and
 * then CR LF. Line ends in values become blanks. */
void nats_write_publish(GString *out, const char *subject, const char *reply, const char *const *headers, gsize size);
