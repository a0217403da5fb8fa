/* SPDX-License-Identifier: MIT */
/* stream.c - the life of a stream, and what comes in.
 *
 * opened - [connecting] - [shaking] - open - closing - shut - finished. `closing` sends the queue, `shut` has said
 * so to the peer and reads on for a moment, because closing a socket with unread bytes would reset it
 * and take the last bytes we sent from the peer. `closed` is told from the list of the turn, never from inside a
 * call of the user's.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>
#include "server.h"

#define MOST_READS 4 /* in one turn of one stream, when each filled the buffer */

static GPrivate read_memory = G_PRIVATE_INIT(g_free);
static __thread guint8 *read_buffer; /* STREAM_READ_SIZE, one a loop; in read_memory too, which frees it */

GError *stream_error(const char *what, int number)
{
	BpErrorCode code = number == EACCES || number == EPERM	     ? BP_NOT_PERMITTED
			   : number == ETIMEDOUT		     ? BP_TIMEOUT
			   : number == ECONNRESET || number == EPIPE ? BP_CLOSED
								     : BP_FAILED;

	return g_error_new(BP_IO_ERROR, code, "%s: %s", what, g_strerror(number));
}

/* --- sources, as the loop needs them --- */

static void on_source_gone(gpointer data)
{
	BpStream *stream = data;

	if (stream->fd_removals)
		stream->fd_removals--;
	else
		stream->source = NULL; /* the owner goes */
	stream_unref(stream);
}

void stream_remove_source(BpStream *stream)
{
	BpFd *source = g_steal_pointer(&stream->source);

	if (!source)
		return;
	stream->fd_removals++;
	stream->wanted = 0;
	bp_fd_remove(source);
}

gboolean stream_is_read(const BpStream *stream)
{
	return !stream->ended && (stream->closing || (stream->has_user && !stream->paused));
}

/* epoll reports errors and hangups even with an empty event mask, in every turn. */
static void on_trouble(BpStream *stream, BpEvents events)
{
	int number = 0;
	socklen_t size = sizeof(number);

	if (events & BP_FAULT) {
		if (!stream->socket || getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &number, &size) < 0 || !number)
			number = ECONNRESET;
		stream_finish(stream, stream_error("the connection broke", number));
		return;
	}
	stream->hung = TRUE;
	stream_remove_source(stream);
	/* It has sent its last byte and takes none: there is nothing left to wait for. */
	if (stream->ended && !stream->shut)
		stream_finish(stream, stream_error("cannot send", EPIPE));
	else if (stream->shut)
		stream_finish(stream, NULL);
}

static void on_event(BpPlugin *self, int fd, BpEvents events, gpointer data)
{
	BpStream *stream = stream_ref(data);

	if (stream->connecting) {
		stream_on_connected(stream);
	} else if (stream->shaking) {
		tls_shake(stream);
	} else {
		if (stream->blocked && events & (BP_OUT | BP_FAULT)) {
			stream_flush(stream);
			stream_mark(stream);
		}
		if (stream->finished || !(events & (BP_IN | BP_HANGUP | BP_FAULT)))
			;
		else if (stream_is_read(stream))
			stream_read(stream);
		else if (events & (BP_HANGUP | BP_FAULT))
			on_trouble(stream, events);
	}
	stream_unref(stream);
}

void stream_poll(BpStream *stream)
{
	BpEvents events = 0;

	if (stream->fd < 0)
		return;
	if (stream->connecting) {
		events = BP_OUT;
	} else if (stream->shaking) {
		events = tls_wanted(stream);
	} else {
		if (stream_is_read(stream))
			events |= BP_IN;
		if (stream->blocked)
			events |= BP_OUT;
	}
	if (stream->source) {
		if (events != stream->wanted) {
			stream->wanted = (guint8)events;
			bp_fd_set_events(stream->source, events);
		}
	} else if (events && !(stream->hung && !(events & BP_IN))) {
		stream->wanted = (guint8)events;
		stream_ref(stream);
		stream->source = bp_fd_add(stream->owned.owner, stream->fd, events, on_event, stream, on_source_gone);
	}
}

static void on_timer_gone(gpointer data)
{
	BpStream *stream = data;

	if (stream->timer_removals)
		stream->timer_removals--;
	else
		stream->timer = NULL;
	stream_unref(stream);
}

static void on_timer(BpPlugin *self, gpointer data)
{
	BpStream *stream = stream_ref(data);

	stream->timer = NULL;
	stream->timer_removals++;
	if (stream->connecting)
		stream_finish(stream, g_error_new(BP_IO_ERROR, BP_TIMEOUT, "cannot connect to %s: no answer in time",
						  bp_stream_peer(stream)));
	else if (stream->shaking)
		stream_finish(stream, g_error_new_literal(BP_IO_ERROR, BP_TIMEOUT, "TLS: not agreed upon in time"));
	else if (!stream->shut)
		stream_finish(stream, g_error_new_literal(BP_IO_ERROR, BP_TIMEOUT,
							  "did not read what was sent before the end"));
	else
		stream_finish(stream, NULL);
	stream_unref(stream);
}

void stream_set_timer(BpStream *stream, gint64 interval)
{
	BpTimer *timer = g_steal_pointer(&stream->timer);

	if (timer) {
		stream->timer_removals++;
		bp_timer_remove(timer);
	}
	if (interval <= 0)
		return;
	stream_ref(stream);
	stream->timer = bp_timer_add(stream->owned.owner, NULL, MAX(interval, 1000), 1, on_timer, stream,
				     on_timer_gone);
}

/* --- reading --- */

static void deliver(BpStream *stream, const guint8 *data, gsize size)
{
	BpPlugin *owner = stream->owned.owner; /* it may be another one afterwards */

	stream->stats.bytes_in += size;
	stream->stats.last_in = bp_loop_now();
	if (stream->server)
		server_stream_active(stream->server, stream);
	/* A peer that goes on sending after our end does not read it: it need not be heard out. */
	if (stream->shut && (stream->unheard += size) > STREAM_LINGER_BYTES) {
		stream_finish(stream, NULL);
		return;
	}
	if (stream->closing || !stream->events.data || !bp_owner_enter_as(owner, "data of a stream", NULL))
		return;
	stream->events.data(owner, stream, data, size, stream->user);
	bp_owner_leave(owner);
}

static void on_peer_end(BpStream *stream)
{
	stream->ended = TRUE;
	if (stream->shut) {
		stream_finish(stream, NULL);
		return;
	}
	if (!stream->closing) {
		BpPlugin *owner = stream->owned.owner;

		if (!stream->events.end) {
			bp_stream_close(stream);
		} else if (bp_owner_enter(owner)) {
			stream->events.end(owner, stream, stream->user);
			bp_owner_leave(owner);
		}
	}
	/* One that has nothing to send is finished in this turn. */
	if (!stream->finished && !(stream->closing && stream->queued == 0))
		stream_poll(stream);
}

/* One system call, as a rule: the poller tells again if there is more. */
void stream_read(BpStream *stream)
{
	if (G_UNLIKELY(!read_buffer)) {
		read_buffer = g_malloc(STREAM_READ_SIZE);
		g_private_set(&read_memory, read_buffer);
	}
	for (guint i = 0; i < MOST_READS && stream_is_read(stream) && !stream->finished && !stream->shaking; i++) {
		gssize got = stream->tls      ? tls_read(stream, read_buffer, STREAM_READ_SIZE)
			     : stream->socket ? recv(stream->fd, read_buffer, STREAM_READ_SIZE, 0)
					      : read(stream->fd, read_buffer, STREAM_READ_SIZE);

		if (got > 0) {
			deliver(stream, read_buffer, (gsize)got);
			if (got < STREAM_READ_SIZE)
				break;
		} else if (got == 0 || (errno == EIO && !stream->socket)) {
			on_peer_end(stream); /* EIO: the other side of a tty has hung up */
			break;
		} else if (errno != EINTR) {
			if (errno != EAGAIN && !stream->finished)
				stream_finish(stream, stream_error("the connection broke", errno));
			break;
		}
	}
	if (stream->tls && !stream->finished && stream_is_read(stream) && tls_has_more(stream))
		stream_mark(stream);
}

/* --- beginning --- */

BpStream *stream_new(BpPlugin *self, int take_fd, const BpStreamEvents *events, gpointer user)
{
	BpStream *stream = g_new0(BpStream, 1);

	stream->refs = 1;
	stream->fd = take_fd;
	stream->limit = STREAM_BACKLOG;
	stream->user = user;
	if (events) {
		bp_struct_copy(&stream->events, sizeof(stream->events), events);
		stream->has_user = TRUE;
	}
	stream->stats.opened = stream->stats.last_in = bp_loop_now();
	queue_init(&stream->queue);
	bp_owner_link_notified(self, &stream->owned, "stream", stream_drop);
	stream->linked = TRUE;
	return stream;
}

static void look_at_fd(BpStream *stream)
{
	int type, one = 1, flags = fcntl(stream->fd, F_GETFL);
	socklen_t size = sizeof(type);

	if (flags >= 0)
		fcntl(stream->fd, F_SETFL, flags | O_NONBLOCK);
	fcntl(stream->fd, F_SETFD, FD_CLOEXEC);
	stream->socket = getsockopt(stream->fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
	if (!stream->socket)
		return;
	stream->peer.size = sizeof(stream->peer.storage);
	if (getpeername(stream->fd, (struct sockaddr *)&stream->peer.storage, &stream->peer.size) < 0)
		stream->peer.size = 0;
	if (stream->peer.storage.ss_family == AF_INET || stream->peer.storage.ss_family == AF_INET6)
		setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

BpStream *bp_stream_open_fd(BpPlugin *self, int take_fd, const BpStreamEvents *events, gpointer user)
{
	BpStream *stream;

	g_return_val_if_fail(self && take_fd >= 0 && events, NULL);
	stream = stream_new(self, take_fd, events, user);
	look_at_fd(stream);
	stream_poll(stream);
	return stream;
}

void stream_become_ready(BpStream *stream)
{
	stream->connecting = stream->shaking = FALSE;
	stream_set_timer(stream, stream->closing ? STREAM_CLOSE_TIME : 0);
	if (stream->server && !stream->has_user)
		server_stream_ready(stream->server, stream);
	if (!stream->finished && stream->announce) {
		BpPlugin *owner = stream->owned.owner;

		stream->announce = FALSE;
		if (stream->events.ready && !stream->closing && bp_owner_enter(owner)) {
			stream->events.ready(owner, stream, stream->user);
			bp_owner_leave(owner);
		}
	}
	if (stream->finished)
		return;
	stream_poll(stream);
	stream_mark(stream);
}

/* --- end --- */

void stream_unref(BpStream *stream)
{
	if (--stream->refs)
		return;
	g_assert(!stream->linked && stream->fd < 0);
	bp_scope_clear(&stream->scope);
	if (stream->server)
		server_unref(stream->server);
	g_clear_error(&stream->why);
	g_free(stream->peer_text);
	g_free(stream->local_text);
	g_free(stream);
}

void stream_finish(BpStream *stream, GError *take_why)
{
	if (stream->finished) {
		g_clear_error(&take_why);
		return;
	}
	stream->finished = stream->closing = TRUE;
	bp_scope_stop(stream->scope);
	orphan_has_sent(stream);
	if (stream->why)
		g_clear_error(&take_why);
	else
		stream->why = take_why;
	stream_remove_source(stream);
	stream_set_timer(stream, 0);
	g_clear_pointer(&stream->tls, tls_free);
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
	queue_clear(&stream->queue);
	stream->queued = 0;
	if (!stream->dropped)
		stream_mark(stream);
}

void stream_call_closed(BpStream *stream)
{
	BpPlugin *owner = stream->owned.owner;
	BpStreamEvents events = stream->events;

	memset(&stream->events, 0, sizeof(stream->events));
	if (events.closed) {
		bp_owner_enter_always(owner);
		events.closed(owner, stream, stream->why, stream->user);
		bp_owner_leave(owner);
	}
	stream->user = NULL;
	bp_scope_clear(&stream->scope);
}

void stream_tell_closed(BpStream *stream)
{
	if (!stream->linked)
		return;
	stream->linked = FALSE;
	bp_owner_unlink(&stream->owned);
	if (stream->server)
		server_stream_gone(stream->server, stream, stream->why);
	stream_call_closed(stream);
	stream_unref(stream);
}

void stream_end_half(BpStream *stream)
{
	orphan_has_sent(stream);
	stream->shut = TRUE;
	if (stream->tls)
		tls_end(stream);
	if (stream->ended || !stream->socket || stream->hung) {
		stream_finish(stream, NULL);
		return;
	}
	shutdown(stream->fd, SHUT_WR);
	stream_set_timer(stream, STREAM_LINGER_TIME);
	stream_poll(stream);
}

void stream_close_with(BpStream *stream, GError *take_why)
{
	if (stream->closing || stream->finished) {
		g_clear_error(&take_why);
		return;
	}
	stream->why = take_why;
	bp_stream_close(stream);
}

void bp_stream_close(BpStream *stream)
{
	g_return_if_fail(stream);
	if (stream->closing || stream->finished)
		return;
	stream->closing = TRUE;
	bp_scope_stop(stream->scope);
	if (stream->connecting || stream->shaking) {
		if (stream->queued == 0)
			stream_finish(stream, NULL);
		return; /* else it is sent when the stream is ready, within the time given for that */
	}
	stream_set_timer(stream, STREAM_CLOSE_TIME);
	stream_poll(stream);
	stream_mark(stream);
}

void bp_stream_abort(BpStream *stream, const GError *why)
{
	g_return_if_fail(stream);
	stream_finish(stream, why ? g_error_copy(why) : NULL);
}

/* --- small ones --- */

void bp_stream_set_reading(BpStream *stream, gboolean on)
{
	stream->paused = !on;
	if (stream->finished)
		return;
	stream_poll(stream);
	if (on && stream->tls)
		stream_mark(stream);
}

gboolean bp_stream_has_room(BpStream *stream)
{
	if (stream->queued > stream->limit / 2)
		stream->full = TRUE;
	return !stream->full;
}

gboolean bp_stream_is_full(const BpStream *stream)
{
	return stream->full;
}

BpStream *bp_stream_ref(BpStream *stream)
{
	return stream_ref(stream);
}

void bp_stream_unref(BpStream *stream)
{
	stream_unref(stream);
}

void bp_stream_set_owner(BpStream *stream, BpPlugin *owner)
{
	if (stream->finished || owner == stream->owned.owner)
		return;
	stream_remove_source(stream);
	bp_scope_clear(&stream->scope);
	bp_owner_unlink(&stream->owned);
	bp_owner_link_notified(owner, &stream->owned, "stream", stream_drop);
	if (stream->closing)
		stream_set_timer(stream, stream->shut ? STREAM_LINGER_TIME : STREAM_CLOSE_TIME);
	stream_poll(stream);
}

void bp_stream_set_user(BpStream *stream, const BpStreamEvents *events, gpointer user)
{
	g_return_if_fail(stream);
	if (user != stream->user)
		bp_scope_clear(&stream->scope);
	if (events)
		bp_struct_copy(&stream->events, sizeof(stream->events), events);
	else
		memset(&stream->events, 0, sizeof(stream->events));
	stream->user = user;
	stream->has_user = events != NULL;
	if (!stream->finished)
		stream_poll(stream);
}

BpScope *bp_stream_scope(BpStream *stream)
{
	BpPlugin *scope;

	g_return_val_if_fail(stream, NULL);
	scope = bp_scope_obtain(&stream->scope, stream->owned.owner);
	if (stream->closing)
		bp_scope_stop(scope);
	return scope;
}

int bp_stream_fd(const BpStream *stream)
{
	return stream->fd;
}

const BpAddress *bp_stream_peer_address(const BpStream *stream)
{
	return &stream->peer;
}

const char *bp_stream_peer(BpStream *stream)
{
	if (!stream->peer_text)
		stream->peer_text = stream->peer.size ? bp_address_format(&stream->peer) : g_strdup("");
	return stream->peer_text;
}

const char *bp_stream_local(BpStream *stream)
{
	BpAddress address = { .size = sizeof(address.storage) };

	if (!stream->local_text && stream->fd >= 0) {
		if (stream->socket && getsockname(stream->fd, (struct sockaddr *)&address.storage, &address.size) == 0)
			stream->local_text = bp_address_format(&address);
		else
			stream->local_text = g_strdup("");
	}
	return stream->local_text ? stream->local_text : "";
}

gboolean bp_stream_is_closing(const BpStream *stream)
{
	return stream->closing || stream->finished;
}

guint bp_stream_number(const BpStream *stream)
{
	return stream->number;
}

BpServer *bp_stream_server(const BpStream *stream)
{
	return stream->server;
}

void bp_stream_stats_sized(const BpStream *stream, BpStreamStats *result, gsize size)
{
	bp_sized_copy(result, size, &stream->stats, sizeof(stream->stats));
}
