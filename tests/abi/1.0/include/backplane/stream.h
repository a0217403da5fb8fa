/* SPDX-License-Identifier: MIT */
/* stream.h - connected sockets and ttys: non-blocking, bounded, flushed once a turn.
 *
 * What is written is queued (messages by reference, so that one message to a thousand streams is one
 * allocation) and goes out with writev in the last part of the turn. A queue over its limit applies the
 * stream's policy: the reader is closed, or loses its oldest whole messages; both are counted.
 */
#pragma once
#include <backplane/address.h>
#include <backplane/message.h>

G_BEGIN_DECLS

typedef enum { BP_BACKLOG_CLOSE, BP_BACKLOG_DROP_OLDEST } BpBacklogPolicy;

typedef struct {
	gsize size; /* sizeof(BpStreamEvents), so that it can grow */
	/* Bytes that came; valid during the call. The stream may be closed in it. */
	void (*data)(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user);
	/* The peer has ended its half; we may still write. NULL: the stream is closed after its queue is sent. */
	void (*end)(BpPlugin *self, BpStream *stream, gpointer user);
	/* Exactly once, last; also when its owner goes, after the `close` of an instance: events NULL before that, if your own
	 * memory is freed there. `why` is NULL for an orderly end. The stream is gone when it returns. */
	void (*closed)(BpPlugin *self, BpStream *stream, const GError *why, gpointer user);
	/* The queue has gone under half of its limit after a BP_FULL; may be NULL. */
	void (*drained)(BpPlugin *self, BpStream *stream, gpointer user);
	/* Connected (and TLS agreed); may be NULL. Before it nothing is read; what is written waits. */
	void (*ready)(BpPlugin *self, BpStream *stream, gpointer user);
} BpStreamEvents;

/* Takes the descriptor. `self` owns the stream; events may be called from the next turn on. */
BP_API BpStream *bp_stream_open_fd(BpPlugin *self, int take_fd, const BpStreamEvents *events, gpointer user);
/* Connects; errors arrive in `closed`. `timeout` in microseconds. `tls_name` NULL: plain; else TLS, with the
 * certificate checked for that name against the system's authorities ("" takes any certificate). */
BP_API BpStream *bp_stream_connect(BpPlugin *self, const BpAddress *address, gint64 timeout, const char *tls_name,
				   const BpStreamEvents *events, gpointer user);
/* Queue. BP_FULL: it is queued, and the queue is over half of its limit: `drained` will be called. */
BP_API BpSent bp_stream_send(BpStream *stream, BpMessage *message);
BP_API BpSent bp_stream_write(BpStream *stream, gconstpointer data, gsize size);
/* Sends what is queued (10 s at most), then closes: an orderly end. */
BP_API void bp_stream_close(BpStream *stream);
/* Now, what is queued is lost; `why` (may be NULL) is given to `closed`. */
BP_API void bp_stream_abort(BpStream *stream, const GError *why);
BP_API void bp_stream_set_reading(BpStream *stream, gboolean on);
/* For protocols that hand a connection on: bytes that were read and not used are delivered from the next turn on, before
 * anything else is read; `ended`: the peer's end behind them. They go to the events that the stream has then. */
BP_API void bp_stream_give_back(BpStream *stream, gconstpointer data, gsize size, gboolean ended);
/* Another owner: its source, its timer and its end are that owner's from now on. */
BP_API void bp_stream_set_owner(BpStream *stream, BpPlugin *owner);
/* Its memory stays until as many unrefs; `closed` comes all the same. */
BP_API BpStream *bp_stream_ref(BpStream *stream);
BP_API void bp_stream_unref(BpStream *stream);
/* The queue is under half of its limit. FALSE: `drained` will be called. */
BP_API gboolean bp_stream_has_room(BpStream *stream);
/* `drained` is still to come. */
BP_API gboolean bp_stream_is_full(const BpStream *stream);
BP_API void bp_stream_set_backlog(BpStream *stream, gsize limit, BpBacklogPolicy policy);
/* NULL events: nobody is notified any more; for who goes before what is queued has been sent. With another `user`, what
 * bp_stream_scope owns is dropped: it waited for the one before. */
BP_API void bp_stream_set_user(BpStream *stream, const BpStreamEvents *events, gpointer user);
/* Owns what waits for this stream (scope.h), until `closed`. */
BP_API BpScope *bp_stream_scope(BpStream *stream);
BP_API int bp_stream_fd(const BpStream *stream);
BP_API const char *bp_stream_peer(BpStream *stream); /* text, "" for a tty */
BP_API const char *bp_stream_local(BpStream *stream);
BP_API const BpAddress *bp_stream_peer_address(const BpStream *stream);
BP_API gsize bp_stream_queued(const BpStream *stream);
BP_API gboolean bp_stream_is_closing(const BpStream *stream);
BP_API const char *bp_stream_tls(const BpStream *stream);      /* "TLSv1.3 TLS_AES_256_GCM_SHA384 ktls", or "" */
BP_API const char *bp_stream_tls_peer(const BpStream *stream); /* subject of the client's certificate, or "" */
/* What both ends of this TLS connection know and nobody else (RFC 9266, tls-exporter): a proof made over it holds on no
 * other connection, so nobody can stand in between. FALSE: no TLS, not agreed yet, or too old to have one. */
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
