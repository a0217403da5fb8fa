/* SPDX-License-Identifier: MIT */
/* stream.h - connected sockets and ttys: non-blocking, bounded, flushed once a turn.
 *
 * bp_stream_send and bp_stream_write queue: messages by reference, so that one message to a thousand streams is one allocation. The
 * queue is sent with writev at the end of the turn. If it exceeds its limit, the policy of the stream applies: the stream is closed, or
 * the oldest whole messages are dropped; both are counted.
 */
#pragma once
#include <backplane/address.h>
#include <backplane/message.h>

G_BEGIN_DECLS

typedef enum { BP_BACKLOG_CLOSE, BP_BACKLOG_DROP_OLDEST } BpBacklogPolicy;

typedef struct {
	gsize size; /* sizeof(BpStreamEvents), so that it can grow */
	/* Received bytes, valid during the call. The stream may be closed in it. */
	void (*data)(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user);
	/* The peer has shut down its sending side; writing is still possible. NULL: the stream is closed after its queue was sent. */
	void (*end)(BpPlugin *self, BpStream *stream, gpointer user);
	/* Exactly once, last; also at the end of the owner, after the `close` of an instance: if `close` frees the memory of `user`, set
	 * the events to NULL there. `why` is NULL for an orderly end. The stream is freed when this returns. */
	void (*closed)(BpPlugin *self, BpStream *stream, const GError *why, gpointer user);
	/* After a BP_FULL: the queue has fallen below half of its limit. May be NULL. */
	void (*drained)(BpPlugin *self, BpStream *stream, gpointer user);
	/* The connection (and its TLS handshake) is complete; may be NULL. Before that, nothing is read and writes stay queued. */
	void (*ready)(BpPlugin *self, BpStream *stream, gpointer user);
	/* The server closes it after this call: it was idle or open for too long. What is written here is still sent. May be NULL. */
	void (*expired)(BpPlugin *self, BpStream *stream, const GError *why, gpointer user);
} BpStreamEvents;

/* Takes the descriptor. `self` owns the stream; its events are called from the next turn on. */
BP_API BpStream *bp_stream_open_fd(BpPlugin *self, int take_fd, const BpStreamEvents *events, gpointer user);
/* Connects; errors are reported by `closed`. `timeout` in microseconds. `tls_name` NULL: plain; else TLS, with the
 * certificate checked for that name against the system's authorities ("" takes any certificate). */
BP_API BpStream *bp_stream_connect(BpPlugin *self, const BpAddress *address, gint64 timeout, const char *tls_name,
				   const BpStreamEvents *events, gpointer user);
/* A client's side of TLS. */
typedef struct {
	gsize size;		/* sizeof(BpTlsClient), so that it can grow */
	const char *name;	/* in the certificate of the server; NULL or "": any certificate is taken */
	const char *ca;		/* file with authorities; NULL: those of the system */
	const char *cert, *key; /* of the client, files; NULL: none */
} BpTlsClient;
/* For protocols that begin plain: encrypts a connected stream from now on. `ready` is called when the handshake is complete, and what is
 * queued is sent then; errors are reported by `closed`. What has been read before must have been used: bytes that came behind it were not
 * protected. */
BP_API void bp_stream_start_tls(BpStream *stream, const BpTlsClient *client);
/* Whether the files can be used. */
BP_API gboolean bp_tls_check_client(const BpTlsClient *client, GError **error);
/* Both queue for the end of the turn: a message by reference, bytes by copy. BP_FULL: queued, but the queue is over half of its limit, and
 * `drained` will be called. */
BP_API BpSent bp_stream_send(BpStream *stream, BpMessage *message);
BP_API BpSent bp_stream_write(BpStream *stream, gconstpointer data, gsize size);
/* Sends the queue (for at most 10 s), then closes: an orderly end. */
BP_API void bp_stream_close(BpStream *stream);
/* Closes immediately and drops the queue; `closed` gets `why` (may be NULL). */
BP_API void bp_stream_abort(BpStream *stream, const GError *why);
BP_API void bp_stream_set_reading(BpStream *stream, gboolean on);
/* For a change of protocol: puts back bytes that were read and not used. They are delivered from the next turn on, before newly received
 * bytes, to the events that are set then; `ended`: followed by the end of the peer. */
BP_API void bp_stream_give_back(BpStream *stream, gconstpointer data, gsize size, gboolean ended);
/* Changes the owner; callbacks get the new one from now on. */
BP_API void bp_stream_set_owner(BpStream *stream, BpPlugin *owner);
/* A reference to the memory; it does not delay `closed`. */
BP_API BpStream *bp_stream_ref(BpStream *stream);
BP_API void bp_stream_unref(BpStream *stream);
/* TRUE if the queue is below half of its limit. FALSE: `drained` will be called. */
BP_API gboolean bp_stream_has_room(BpStream *stream);
/* TRUE while `drained` is pending. */
BP_API gboolean bp_stream_is_full(const BpStream *stream);
BP_API void bp_stream_set_backlog(BpStream *stream, gsize limit, BpBacklogPolicy policy);
/* Changes the events and their `user`. NULL events: no callback is called any more, but the queue is still sent. If `user` changes, all
 * objects of bp_stream_scope are dropped. */
BP_API void bp_stream_set_user(BpStream *stream, const BpStreamEvents *events, gpointer user);
/* The scope of this stream (scope.h), until `closed`. */
BP_API BpScope *bp_stream_scope(BpStream *stream);
BP_API int bp_stream_fd(const BpStream *stream);
BP_API const char *bp_stream_peer(BpStream *stream); /* text, "" for a tty */
BP_API const char *bp_stream_local(BpStream *stream);
BP_API const BpAddress *bp_stream_peer_address(const BpStream *stream);
BP_API gsize bp_stream_queued(const BpStream *stream);
BP_API gboolean bp_stream_is_closing(const BpStream *stream);
BP_API const char *bp_stream_tls(const BpStream *stream);      /* "TLSv1.3 TLS_AES_256_GCM_SHA384 ktls", or "" */
BP_API const char *bp_stream_tls_peer(const BpStream *stream); /* subject of the client's certificate, or "" */
/* The channel binding of this TLS connection (RFC 9266, tls-exporter), which only its two ends know: a proof that includes it is valid
 * for no other connection, which excludes a man in the middle. FALSE: no TLS, handshake not complete, or TLS too old. */
BP_API gboolean bp_stream_tls_binding(const BpStream *stream, guint8 binding[32]);

typedef struct {
	guint64 bytes_in, bytes_out, drops; /* drops: whole messages lost to the backlog policy */
	gint64 last_in, opened;		    /* monotonic */
} BpStreamStats;
BP_API void bp_stream_stats_sized(const BpStream *stream, BpStreamStats *result, gsize size);
static inline BpStreamStats bp_stream_stats(const BpStream *stream)
{
	BpStreamStats result;

	bp_stream_stats_sized(stream, &result, sizeof(result));
	return result;
}

G_END_DECLS
