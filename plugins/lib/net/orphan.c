/* SPDX-License-Identifier: MIT */
/* orphan.c - streams whose owner has ended.
 *
 * A server that closes says goodbye and is gone in the same turn; what it said must still arrive. So the kernel
 * takes its streams, whose users have been notified, until their queues are sent, in the time that every close has. When the
 * kernel itself goes there is nobody to take them: then what the system takes at once is sent.
 */
#include <string.h>
#include <sys/socket.h>
#include <backplane/kernel.h>
#include "server.h"

void orphan_has_sent(BpStream *stream)
{
	if (stream->orphan && !stream->shut)
		bp_plugin_release(bp_kernel());
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
	bp_owner_unlink(&stream->owned);
	stream->closing = TRUE;
	bp_scope_stop(stream->scope);
	stream_call_closed(stream);
	bp_owner_link_notified(bp_kernel(), &stream->owned, "stream", stream_drop);
	if (stream->finished) {
		stream_mark(stream);
		return;
	}
	stream->orphan = TRUE;
	if (!stream->shut)
		bp_plugin_hold(bp_kernel()); /* it waits for that at its end */
	stream_set_timer(stream, stream->shut ? STREAM_LINGER_TIME : STREAM_CLOSE_TIME);
	stream_poll(stream);
	stream_mark(stream);
}

void stream_drop(BpOwned *owned)
{
	BpStream *stream = BP_OWNED_BY(owned, BpStream, owned);

	if (!stream->finished && !stream->connecting && !stream->shaking && stream->socket &&
	    bp_loop_current() == bp_loop_main() && stream->owned.owner != bp_kernel()) {
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
