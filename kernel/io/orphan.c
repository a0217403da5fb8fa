/* SPDX-License-Identifier: MIT */
/* orphan.c - streams whose owner has gone.
 *
 * A server that closes says goodbye and is gone in the same turn; what it said must still arrive. So the kernel
 * takes its streams, without their events, until their queues are sent, in the time that every close has. When the
 * kernel itself goes there is nobody to take them: then what the system takes at once is sent.
 */
#include <string.h>
#include <sys/socket.h>
#include <backplane/kernel.h>
#include "bus/port.h"
#include "io/server.h"

static guint unsent; /* orphans that are still sending; all are on the main loop */

void orphan_has_sent(BpStream *stream)
{
	if (stream->orphan && !stream->shut)
		unsent--;
}

/* Nobody can wait for the peer: what the system takes at once is sent, and what the peer has sent is taken,
 * so that the end is not a reset. */
static void say_last_words(BpStream *stream)
{
	guint8 scrap[4096];

	if (stream->connecting || stream->shaking)
		return;
	if (!stream->shut)
		stream_flush(stream);
	if (stream->finished || !stream->socket)
		return;
	if (stream->tls && !stream->shut)
		tls_end(stream);
	shutdown(stream->fd, SHUT_WR);
	for (guint i = 0; i < 64 && recv(stream->fd, scrap, sizeof(scrap), MSG_DONTWAIT) > 0; i++)
		;
}

static void leave_server(BpStream *stream)
{
	BpServer *server = g_steal_pointer(&stream->server);

	if (!server)
		return;
	server_stream_gone(server, stream, stream->why);
	server_unref(server);
}

/* Source and timer were the owner's. */
static void become_orphan(BpStream *stream)
{
	stream_remove_source(stream);
	stream_set_timer(stream, 0);
	leave_server(stream);
	memset(&stream->events, 0, sizeof(stream->events));
	stream->user = NULL;
	owner_unlink(&stream->owned);
	owner_link(bp_kernel(), &stream->owned, "stream", stream_drop);
	stream->orphan = stream->closing = TRUE;
	if (!stream->shut)
		unsent++;
	stream_set_timer(stream, stream->shut ? STREAM_LINGER_TIME : STREAM_CLOSE_TIME);
	stream_poll(stream);
	stream_mark(stream);
}

void stream_drop(BpOwned *owned)
{
	BpStream *stream = OWNED_BY(owned, BpStream, owned);

	if (!stream->finished && !stream->connecting && !stream->shaking && stream->socket && bus_on_main() &&
	    stream->owned.owner != bp_kernel()) {
		become_orphan(stream);
		return;
	}
	stream_ref(stream);
	stream->dropped = TRUE;
	if (!stream->finished)
		say_last_words(stream);
	stream_finish(stream, NULL);
	stream_tell_closed(stream);
	stream_unref(stream);
}

static void on_drain_time(BpPlugin *self, gpointer data)
{
	*(gboolean *)data = TRUE;
}

void streams_drain(void)
{
	gboolean late = FALSE;
	BpTimer *timer;

	if (!unsent)
		return;
	timer = bp_timer_add(bp_kernel(), NULL, STREAM_DRAIN_TIME, 1, on_drain_time, &late, NULL);
	while (unsent && !late)
		g_main_context_iteration(NULL, TRUE);
	if (!late)
		bp_timer_remove(timer);
}
