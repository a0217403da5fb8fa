/* SPDX-License-Identifier: MIT */
/* connect.c - outgoing streams. All errors are reported by `closed`, immediate ones too. */
#include <errno.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include "stream.h"
#include "tls.h"

static GError *connect_error(BpStream *stream, int number)
{
	g_autofree char *what = g_strdup_printf("cannot connect to %s", bp_stream_peer(stream));

	return stream_error(what, number);
}

static void on_way_open(BpStream *stream)
{
	stream->connecting = FALSE;
	if (!stream->shaking) {
		stream_become_ready(stream);
		return;
	}
	stream_set_timer(stream, TLS_HANDSHAKE_TIME);
	tls_shake(stream);
}

void stream_on_connected(BpStream *stream)
{
	int number = 0;
	socklen_t size = sizeof(number);

	if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &number, &size) < 0)
		number = errno;
	if (number)
		stream_finish(stream, connect_error(stream, number));
	else
		on_way_open(stream);
}

static int open_socket(BpStream *stream, const BpAddress *address)
{
	int one = 1, number;

	stream->fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (stream->fd < 0)
		return errno;
	if (address->storage.ss_family != AF_UNIX)
		setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	number = connect(stream->fd, (const struct sockaddr *)&address->storage, address->size) < 0 ? errno : 0;
	/* Even if it is connected already, events are called from the loop only. */
	return number == EINPROGRESS ? 0 : number;
}

BpStream *bp_stream_connect(BpPlugin *self, const BpAddress *address, gint64 timeout, const char *tls_name,
			    const BpStreamEvents *events, gpointer user)
{
	g_autoptr(GError) error = NULL;
	BpStream *stream;
	int number;

	g_return_val_if_fail(self && address && events, NULL);
	stream = stream_new(self, -1, events, user);
	stream->socket = TRUE;
	stream->peer = *address;
	stream->connecting = stream->announce = TRUE;
	number = open_socket(stream, address);
	if (number)
		stream_finish(stream, connect_error(stream, number));
	else if (tls_name && !tls_connect(stream, tls_name, &error))
		stream_finish(stream, g_steal_pointer(&error));
	if (stream->finished)
		return stream;
	stream_set_timer(stream, timeout > 0 ? timeout : 30 * G_USEC_PER_SEC);
	stream_poll(stream);
	return stream;
}
