/* SPDX-License-Identifier: MIT */
/* queue.c - what waits to be sent, and the last part of the turn.
 *
 * Messages are queued by reference; small writes are gathered in a private message at the tail. A stream
 * with something to do enters the list of its loop's turn once; one deferred call works the list off,
 * so that all that was written in a turn leaves in one system call a stream.
 *
 * A whole message is never cut: the drop-oldest policy takes those of which no byte has been sent.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <backplane/kernel.h>
#include "server.h"

#define MOST_PIECES 64	/* of one sendmsg */
#define FIRST_CHUNK 900 /* with the message's header a block that malloc keeps at hand */
#define NEXT_CHUNK 4000
#define LARGEST_MESSAGE G_MAXINT32

/* The streams to be flushed at the end of the turn, data of the deferred call that flushes them. Each loop has a thread, and so a list. */
typedef struct {
	BpStream *first, *last;
} FlushList;
static __thread FlushList *turn;

void queue_init(StreamQueue *queue)
{
	queue->items = queue->few;
	queue->size = STREAM_INLINE_ITEMS;
	queue->head = queue->count = queue->sent = 0;
}

static inline StreamItem *item_at(StreamQueue *queue, guint32 index)
{
	return &queue->items[(queue->head + index) & (queue->size - 1)];
}

void queue_clear(StreamQueue *queue)
{
	for (guint32 i = 0; i < queue->count; i++)
		bp_message_unref(item_at(queue, i)->message);
	if (queue->items != queue->few)
		g_free(queue->items);
	queue_init(queue);
}

static void queue_grow(StreamQueue *queue)
{
	StreamItem *items = g_new(StreamItem, queue->size * 2);

	for (guint32 i = 0; i < queue->count; i++)
		items[i] = *item_at(queue, i);
	if (queue->items != queue->few)
		g_free(queue->items);
	queue->items = items;
	queue->size *= 2;
	queue->head = 0;
}

static void queue_push(StreamQueue *queue, BpMessage *take_message, guint32 used, guint32 room)
{
	if (queue->count == queue->size)
		queue_grow(queue);
	*item_at(queue, queue->count++) = (StreamItem){ take_message, used, room };
}

/* Some bytes only keep a message in use until all are sent. */
void queue_consume(BpStream *stream, gsize size)
{
	StreamQueue *queue = &stream->queue;

	stream->queued -= size;
	size += queue->sent;
	while (queue->count && size >= queue->items[queue->head].used) {
		StreamItem *item = &queue->items[queue->head];

		size -= item->used;
		queue->head = (queue->head + 1) & (queue->size - 1);
		queue->count--;
		bp_message_unref(item->message);
	}
	queue->sent = (guint32)size;
	if (queue->count == 0 && queue->items != queue->few)
		queue_clear(queue);
}

/* --- the policy --- */

static void refuse_slow(BpStream *stream)
{
	g_autofree char *waiting = g_format_size_full(stream->queued, G_FORMAT_SIZE_IEC_UNITS);

	/* GLib parts number and unit with a no-break space, which not every terminal shows. */
	for (char *at = waiting; (at = strstr(at, "\xc2\xa0"));) {
		*at = ' ';
		memmove(at + 1, at + 2, strlen(at + 2) + 1);
	}
	if (stream->server && !stream->slow)
		stream->server->stats.slow++;
	stream->slow = TRUE;
	stream_finish(stream, g_error_new(BP_IO_ERROR, BP_LIMIT, "did not read: %s were waiting", waiting));
}

static void drop_oldest(BpStream *stream)
{
	StreamQueue *queue = &stream->queue;
	guint32 kept = queue->sent ? 1 : 0; /* a message half sent stays */
	guint32 gone = 0;

	while (stream->queued > stream->limit && kept + gone + 1 < queue->count) {
		StreamItem *item = item_at(queue, kept + gone);

		stream->queued -= item->used;
		stream->stats.drops++;
		bp_message_unref(item->message);
		gone++;
	}
	if (!gone)
		return;
	if (stream->server && stream->server->lost)
		bp_metric_add(stream->server->lost, gone);
	if (kept)
		*item_at(queue, gone) = *item_at(queue, 0);
	queue->head = (queue->head + gone) & (queue->size - 1);
	queue->count -= gone;
	if (!stream->cutting) {
		stream->cutting = TRUE;
		if (stream->server)
			server_stream_cut(stream->server, stream);
	}
}

/* Something was queued beside `before` bytes. A message that is larger than the limit by itself passes when the
 * queue was within it: the memory is that of the message, which is there anyway. */
static BpSent after_queueing(BpStream *stream, gsize before)
{
	if (G_UNLIKELY(stream->queued > stream->limit) && !stream->connecting && !stream->shaking) {
		if (!stream->blocked) {
			gsize size = stream->queued - before;

			stream_flush(stream);
			before = stream->queued > size ? stream->queued - size : 0;
		}
		if (!stream->finished && stream->queued > stream->limit) {
			if (stream->policy == BP_BACKLOG_DROP_OLDEST)
				drop_oldest(stream);
			else if (before > stream->limit)
				refuse_slow(stream);
		}
	} else if (G_UNLIKELY(stream->queued > stream->limit) && before > stream->limit) {
		refuse_slow(stream);
	}
	if (stream->finished)
		return BP_GONE;
	stream_mark(stream);
	if (stream->queued <= stream->limit / 2)
		return BP_SENT;
	stream->full = TRUE;
	return BP_FULL;
}

BpSent bp_stream_send(BpStream *stream, BpMessage *message)
{
	gsize size = bp_message_size(message), before = stream->queued;

	g_return_val_if_fail(stream && message, BP_GONE);
	if (stream->closing || stream->finished)
		return BP_GONE;
	if (size == 0)
		return stream->queued <= stream->limit / 2 ? BP_SENT : BP_FULL;
	g_return_val_if_fail(size < LARGEST_MESSAGE, BP_FULL);
	queue_push(&stream->queue, bp_message_ref(message), (guint32)size, 0);
	stream->queued += size;
	return after_queueing(stream, before);
}

BpSent bp_stream_write(BpStream *stream, gconstpointer data, gsize size)
{
	StreamQueue *queue = &stream->queue;
	StreamItem *tail = queue->count ? item_at(queue, queue->count - 1) : NULL;
	gsize before = stream->queued;

	g_return_val_if_fail(stream && (data || !size), BP_GONE);
	if (stream->closing || stream->finished)
		return BP_GONE;
	if (size == 0)
		return stream->queued <= stream->limit / 2 ? BP_SENT : BP_FULL;
	g_return_val_if_fail(size < LARGEST_MESSAGE, BP_FULL);
	if (tail && tail->room >= size) {
		/* The message is ours alone, so that it may still change. */
		memcpy((guint8 *)bp_message_data(tail->message) + tail->used, data, size);
		tail->used += (guint32)size;
		tail->room -= (guint32)size;
	} else {
		/* What is written at once is dropped at once or not at all, so a reader that loses messages
		 * gets each one by itself. */
		gsize chunk = stream->policy == BP_BACKLOG_DROP_OLDEST ? size : tail ? NEXT_CHUNK : FIRST_CHUNK;
		gsize space = MAX(size, chunk);
		guint8 *buffer;
		BpMessage *message = bp_message_alloc(space, BP_BINARY, &buffer);

		memcpy(buffer, data, size);
		queue_push(queue, message, (guint32)size, (guint32)(space - size));
	}
	stream->queued += size;
	return after_queueing(stream, before);
}

gsize bp_stream_queued(const BpStream *stream)
{
	return stream->queued;
}

void bp_stream_set_backlog(BpStream *stream, gsize limit, BpBacklogPolicy policy)
{
	stream->limit = limit ? limit : STREAM_BACKLOG;
	stream->policy = (guint8)policy;
}

/* --- to the system --- */

static gssize give_one(BpStream *stream)
{
	StreamItem *item = &stream->queue.items[stream->queue.head];
	const guint8 *data = (const guint8 *)bp_message_data(item->message) + stream->queue.sent;
	gsize size = item->used - stream->queue.sent;

	return stream->socket ? send(stream->fd, data, size, MSG_NOSIGNAL) : write(stream->fd, data, size);
}

static gssize give_many(BpStream *stream, gsize *offered)
{
	struct iovec pieces[MOST_PIECES];
	struct msghdr header = { .msg_iov = pieces };
	guint32 count = MIN(stream->queue.count, MOST_PIECES);

	for (guint32 i = 0; i < count; i++) {
		StreamItem *item = item_at(&stream->queue, i);
		gsize skip = i == 0 ? stream->queue.sent : 0;

		pieces[i].iov_base = (guint8 *)bp_message_data(item->message) + skip;
		pieces[i].iov_len = item->used - skip;
		*offered += pieces[i].iov_len;
	}
	header.msg_iovlen = count;
	return stream->socket ? sendmsg(stream->fd, &header, MSG_NOSIGNAL) : writev(stream->fd, pieces, (int)count);
}

static void flush_plain(BpStream *stream)
{
	while (stream->queue.count) {
		gsize offered = 0;
		gssize given;

		if (stream->queue.count == 1) {
			offered = stream->queue.items[stream->queue.head].used - stream->queue.sent;
			given = give_one(stream);
		} else {
			given = give_many(stream, &offered);
		}
		if (given < 0 && errno == EINTR)
			continue;
		if (given < 0 && errno != EAGAIN) {
			stream_finish(stream, stream_error("cannot send", errno));
			return;
		}
		if (given > 0) {
			stream->stats.bytes_out += (guint64)given;
			queue_consume(stream, (gsize)given);
		}
		if (given < (gssize)offered) {
			stream->blocked = TRUE;
			return;
		}
	}
}

static void call_drained(BpStream *stream)
{
	BpPlugin *owner = stream->owned.owner;

	stream->full = FALSE;
	stream->cutting = FALSE;
	if (stream->events.drained && bp_owner_enter(owner)) {
		stream->events.drained(owner, stream, stream->user);
		bp_owner_leave(owner);
	}
}

void stream_flush(BpStream *stream)
{
	if (stream->finished || stream->connecting || stream->shaking)
		return;
	stream->blocked = FALSE;
	if (stream->tls)
		tls_flush(stream);
	else
		flush_plain(stream);
	if (!stream->finished)
		stream_poll(stream);
}

/* --- the turn --- */

static void work_on(BpStream *stream)
{
	if (!stream->finished && !stream->blocked && stream->queued)
		stream_flush(stream);
	if (!stream->finished && stream->full && stream->queued < stream->limit / 2 && !stream->closing)
		call_drained(stream);
	if (!stream->finished && stream->tls && stream_is_read(stream) && tls_has_more(stream))
		stream_read(stream);
	if (!stream->finished && stream->closing && stream->queued == 0 && !stream->shut && !stream->connecting &&
	    !stream->shaking)
		stream_end_half(stream);
	if (stream->finished)
		stream_tell_closed(stream);
	else
		bp_scope_trim(&stream->scope);
}

static BpStream *take_first(FlushList *of)
{
	BpStream *stream = of->first;

	if (stream) {
		of->first = stream->next_dirty;
		stream->next_dirty = NULL;
		stream->dirty = FALSE;
	}
	return stream;
}

static void work_off(BpPlugin *self, gpointer data)
{
	BpStream *stream;

	/* What is marked from here on has a turn of its own; who waits in this one will be served in it. */
	if (turn == data)
		turn = NULL;
	while ((stream = take_first(data))) {
		if (!stream->dropped)
			work_on(stream);
		stream_unref(stream);
	}
}

static void turn_free(gpointer data)
{
	BpStream *stream;

	/* Not flushed: the loop and the owners of the streams have ended. */
	if (turn == data)
		turn = NULL;
	while ((stream = take_first(data)))
		stream_unref(stream);
	g_free(data);
}

void stream_mark(BpStream *stream)
{
	if (stream->dirty)
		return;
	stream->dirty = TRUE;
	stream_ref(stream);
	if (!turn) {
		turn = g_new0(FlushList, 1);
		bp_defer(bp_kernel(), work_off, turn, turn_free);
	}
	if (turn->last)
		turn->last->next_dirty = stream;
	else
		turn->first = stream;
	turn->last = stream;
}
