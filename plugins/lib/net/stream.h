/* SPDX-License-Identifier: MIT */
/* stream.h - what the files of this room know of a stream.
 *
 * stream.c: its life and what comes in; orphan.c: when its owner goes; queue.c: what goes out, and the
 * list of streams that have something to do in the last part of the turn; connect.c: outgoing ones;
 * tls.c: the encrypted ones.
 *
 * A stream is kept by its owner (one reference, dropped when it is finished), by its descriptor source
 * and its timer, by the list of the turn, and by each function that calls out. When its owner goes, `closed` is called
 * and the kernel takes it until what was queued is sent: so goodbyes arrive.
 */
#pragma once
#include <backplane/loop.h>
#include <backplane/stream.h>
#include <backplane/server.h>
#include <backplane/owner.h>

#define STREAM_BACKLOG (1024 * 1024)
#define STREAM_CLOSE_TIME (10 * G_USEC_PER_SEC) /* for the queue to be sent after a close */
#define STREAM_LINGER_TIME (2 * G_USEC_PER_SEC) /* for the peer to end after us */
#define STREAM_LINGER_BYTES (4 * 1024 * 1024)	/* that it may send meanwhile */
#define STREAM_READ_SIZE 65536

typedef struct StreamTls StreamTls;

/* A message, or a private one with room for the next small writes. */
typedef struct {
	BpMessage *message;
	guint32 used;
	guint32 room; /* 0: shared, nothing can be added */
} StreamItem;

#define STREAM_INLINE_ITEMS 4

/* A ring that starts inline, grows, and goes back when it is empty. */
typedef struct {
	StreamItem *items; /* few, or allocated */
	guint32 size, head, count;
	guint32 sent; /* bytes of the head that were sent */
	StreamItem few[STREAM_INLINE_ITEMS];
} StreamQueue;

struct BpStream {
	BpOwned owned;
	gint refs;
	int fd;		/* -1: closed */
	BpFd *source;	/* NULL: no events wanted, or closed */
	BpTimer *timer; /* connect, handshake, close or linger */
	BpStreamEvents events;
	gpointer user;
	BpPlugin *scope; /* what waits for it; NULL: nothing yet */

	StreamQueue queue;
	gsize queued; /* bytes in the queue, and with TLS those on their way */
	gsize limit;
	BpStream *next_dirty;
	guint8 policy;
	guint8 wanted;			    /* BpEvents asked for */
	guint8 fd_removals, timer_removals; /* by ourselves, whose notify is still to come */

	guint has_user : 1;   /* bp_stream_set_user was called */
	guint socket : 1;     /* else a tty or pipe */
	guint connecting : 1; /* connect() is under way */
	guint shaking : 1;    /* TLS is being agreed */
	guint announce : 1;   /* `ready` is still to be called */
	guint paused : 1;     /* bp_stream_set_reading(FALSE) */
	guint ended : 1;      /* the peer's half is over */
	guint blocked : 1;    /* the system took less than given: waits for BP_OUT */
	guint hung : 1;	      /* hangup was seen; not polled any more until reading is wanted */
	guint full : 1;	      /* a write returned BP_FULL: `drained` is pending */
	guint slow : 1;	      /* counted so by its server */
	guint cutting : 1;    /* is dropping oldest messages at present (reported once) */
	guint closing : 1;    /* bp_stream_close */
	guint shut : 1;	      /* our half is over */
	guint finished : 1;   /* `closed` is due */
	guint dirty : 1;      /* in the list of the turn */
	guint goodbye : 1;    /* refused by its server; the reason is being sent */
	guint orphan : 1;     /* its owner has ended; the kernel owns it until the queue is sent */
	guint dropped : 1;    /* the kernel goes */
	guint linked : 1;     /* in the owner's list */

	gsize unheard; /* bytes that came after our end */
	StreamTls *tls;
	GError *why;
	BpStreamStats stats;
	char *peer_text, *local_text; /* made when asked for */
	BpAddress peer;

	/* --- of its server --- */
	BpServer *server;
	BpStream *prev_opened, *next_opened; /* in order of arrival */
	BpStream *prev_active, *next_active; /* the longest silent first; only with an idle timeout */
	guint number;
};

/* --- stream.c --- */
BpStream *stream_new(BpPlugin *self, int take_fd, const BpStreamEvents *events, gpointer user);
static inline BpStream *stream_ref(BpStream *stream)
{
	stream->refs++;
	return stream;
}
void stream_unref(BpStream *stream);
/* Asks the loop for what the state of the stream needs. */
void stream_poll(BpStream *stream);
/* One function at a time; the stream must be ended in it. 0: none. */
void stream_set_timer(BpStream *stream, gint64 interval);
/* Closes the descriptor and drops the queue now; `closed` is pending. Takes the error. */
void stream_finish(BpStream *stream, GError *take_why);
/* An orderly close with a reason for `closed`. Takes the error. */
void stream_close_with(BpStream *stream, GError *take_why);
/* Says to the peer that nothing more comes. The queue is empty. */
void stream_end_half(BpStream *stream);
/* Takes what has come, if it is wanted. */
void stream_read(BpStream *stream);
gboolean stream_is_read(const BpStream *stream);
/* Connected, and TLS agreed: reading begins, the queue goes out. */
void stream_become_ready(BpStream *stream);
/* "what: strerror" */
GError *stream_error(const char *what, int number);
/* Calls `closed` and gives up the owner's reference; from the list of the turn. */
void stream_tell_closed(BpStream *stream);
/* The user is notified, whatever becomes of its owner, and has no more to do with the stream. */
void stream_call_closed(BpStream *stream);

void stream_remove_source(BpStream *stream);

/* --- orphan.c --- */
void stream_drop(BpOwned *owned);
/* Before it is shut or finished. */
void orphan_has_sent(BpStream *stream);
/* Runs the main loop until the queues of streams without owner are sent, at most 5 s. */

/* --- queue.c --- */
void queue_init(StreamQueue *queue);
void queue_clear(StreamQueue *queue);
/* Into the list that is worked off in the last part of the turn. */
void stream_mark(BpStream *stream);
/* Gives to the system what it takes; finishes the stream on errors. */
void stream_flush(BpStream *stream);
/* `size` bytes of the head were sent: takes them off. */
void queue_consume(BpStream *stream, gsize size);

/* --- connect.c --- */
void stream_on_connected(BpStream *stream);

/* --- server.c: what a stream's server wants to know; only called when there is one --- */
void server_stream_ready(BpServer *server, BpStream *stream);
void server_stream_active(BpServer *server, BpStream *stream);
void server_stream_cut(BpServer *server, BpStream *stream);
void server_stream_gone(BpServer *server, BpStream *stream, const GError *why);
