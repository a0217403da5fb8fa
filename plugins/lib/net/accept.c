/* SPDX-License-Identifier: MIT */
/* accept.c - who comes in.
 *
 * Connections are taken until none waits, at most 64 a turn. Who is refused is counted, announced, and told
 * the server's sentence. With no descriptor left, a spare one is given up to take and close the connection:
 * it would wait, and wake us, for ever. A server with a reserve gives up one of that instead, and accepts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include "server.h"

#define MOST_A_TURN 64
#define MOST_GOODBYES 64
#define PAUSE (200 * 1000)

static __thread int spare; /* a descriptor plus one; 0: none yet */

static void keep_spare(void)
{
	if (spare <= 0)
		spare = open("/dev/null", O_RDONLY | O_CLOEXEC) + 1;
}

/* With the first descriptors that become free, such as those of its own connections. */
void server_fill_reserve(BpServer *server)
{
	int fd = 0;

	while (server->reserve && !server->closed && server->reserve->len < server->options.reserve && fd >= 0) {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			g_array_append_val(server->reserve, fd);
	}
}

static gboolean use_reserve(BpServer *server)
{
	if (!server->reserve || !server->reserve->len)
		return FALSE;
	close(g_array_index(server->reserve, int, server->reserve->len - 1));
	g_array_set_size(server->reserve, server->reserve->len - 1);
	return TRUE;
}

static void announce_refusal(BpServer *server, const BpAddress *peer, const char *why)
{
	server->stats.refused++;
	if (bp_channel_wants(server->channel)) {
		g_autofree char *from = bp_address_format_tuple(peer);

		bp_channel_printf(server->channel, "Connection from %s refused: %s.", from, why);
	}
}

/* A stream, so that the peer gets the sentence even when it has sent something already: closing at once
 * would reset the connection. */
static void say_goodbye(BpServer *server, int take_fd, const char *text)
{
	BpStream *stream = stream_new(server->owned.owner, take_fd, NULL, NULL);

	server->goodbyes++;
	server->refs++;
	stream->server = server;
	stream->goodbye = TRUE;
	stream->socket = TRUE;
	bp_stream_write(stream, text, strlen(text));
	bp_stream_close(stream);
}

static void refuse(BpServer *server, int take_fd, const BpAddress *peer, const char *why)
{
	g_autofree char *text = NULL;

	announce_refusal(server, peer, why);
	if (server->events.refusal && !server->tls && bp_owner_enter(server->owned.owner)) {
		text = server->events.refusal(server->owned.owner, server, why, server->user);
		bp_owner_leave(server->owned.owner);
	}
	if (text && *text && server->goodbyes < MOST_GOODBYES && !server->closed)
		say_goodbye(server, take_fd, text);
	else
		close(take_fd);
}

static void link_stream(BpServer *server, BpStream *stream)
{
	server->refs++;
	stream->server = server;
	stream->number = (guint)++server->stats.accepted;
	server->stats.connections++;
	stream->prev_opened = server->last_opened;
	if (server->last_opened)
		server->last_opened->next_opened = stream;
	else
		server->first_opened = stream;
	server->last_opened = stream;
	if (!server->options.idle_timeout)
		return;
	stream->prev_active = server->last_active;
	if (server->last_active)
		server->last_active->next_active = stream;
	else
		server->first_active = stream;
	server->last_active = stream;
}

/* Connections that were opened together are not probed together: thousands of probes in one moment overflow the queues of the
 * network, and living peers seem dead. */
static void scatter_keepalive(int fd, const BpAddress *peer)
{
	int idle = g_random_int_range(KEEPALIVE_IDLE_MIN, KEEPALIVE_IDLE_MAX + 1);
	int interval = g_random_int_range(KEEPALIVE_INTERVAL_MIN, KEEPALIVE_INTERVAL_MAX + 1);

	if (peer->storage.ss_family == AF_UNIX)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
}

static void let_in(BpServer *server, int take_fd, const BpAddress *peer)
{
	g_autoptr(GError) error = NULL;
	BpStream *stream = stream_new(server->owned.owner, take_fd, NULL, NULL);

	stream_ref(stream);
	stream->socket = TRUE;
	stream->peer = *peer;
	stream->limit = server->options.backlog_limit;
	stream->policy = (guint8)server->options.backlog_policy;
	link_stream(server, stream);
	if (server->options.keepalive)
		scatter_keepalive(take_fd, peer);
	if (!server->tls) {
		server_stream_ready(server, stream);
	} else if (tls_serve(stream, server->tls, &error)) {
		stream_set_timer(stream, TLS_HANDSHAKE_TIME);
		stream_poll(stream);
	} else {
		stream_finish(stream, g_steal_pointer(&error));
	}
	stream_unref(stream);
}

/* Each of these is about the connection that would have come, or passes. */
static gboolean is_harmless(int number)
{
	return number == ECONNABORTED || number == EINTR || number == EPROTO || number == ENETDOWN ||
	       number == ENOPROTOOPT || number == EHOSTDOWN || number == ENONET || number == EHOSTUNREACH ||
	       number == EOPNOTSUPP || number == ENETUNREACH || number == EPERM;
}

static gboolean may_open_one(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy >= 0)
		close(copy);
	return copy >= 0;
}

static void on_pause_over(BpPlugin *self, gpointer data)
{
	ServerSocket *door = data;

	server_fill_reserve(door->server);
	keep_spare();
	if (door->source)
		bp_fd_set_events(door->source, BP_IN);
	if (door->server->shut && !may_open_one(door->fd))
		return;
	bp_timer_remove(door->pause);
	server_set_shut(door->server, 0);
}

static void on_pause_gone(gpointer data)
{
	((ServerSocket *)data)->pause = NULL;
}

static void look_again_later(ServerSocket *door)
{
	if (!door->pause)
		door->pause = bp_timer_add(door->server->owned.owner, NULL, PAUSE, 0, on_pause_over, door,
					   on_pause_gone);
}

static void pause_door(ServerSocket *door)
{
	bp_fd_set_events(door->source, 0);
	look_again_later(door);
}

static void turn_away(ServerSocket *door, int number)
{
	BpAddress peer = { .size = sizeof(peer.storage) };
	int fd;

	if (spare > 0)
		close(spare - 1);
	spare = 0;
	fd = accept4(door->fd, (struct sockaddr *)&peer.storage, &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		announce_refusal(door->server, &peer, g_strerror(number));
		close(fd);
	}
	keep_spare();
	if (fd < 0 || spare <= 0)
		pause_door(door);
	else
		look_again_later(door);
	server_set_shut(door->server, number);
}

static void shut_door(ServerSocket *door, int number)
{
	pause_door(door);
	server_set_shut(door->server, number);
}

static void on_knock(BpPlugin *self, int fd, BpEvents events, gpointer data)
{
	ServerSocket *door = data;
	BpServer *server = door->server;

	server->refs++;
	for (guint i = 0; i < MOST_A_TURN && !server->closed; i++) {
		BpAddress peer = { .size = sizeof(peer.storage) };
		int got = accept4(door->fd, (struct sockaddr *)&peer.storage, &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
		g_autofree char *why = NULL;

		if (got < 0 && (is_harmless(errno) || ((errno == EMFILE || errno == ENFILE) && use_reserve(server))))
			continue;
		if (got < 0) {
			if (errno == EMFILE || errno == ENFILE)
				turn_away(door, errno);
			else if (errno != EAGAIN)
				shut_door(door, errno);
			break;
		}
		why = limits_refuse(server, &peer);
		if (why)
			refuse(server, got, &peer, why);
		else
			let_in(server, got, &peer);
	}
	server_unref(server);
}

static void on_door_gone(gpointer data)
{
	((ServerSocket *)data)->source = NULL;
}

void server_let_in(BpServer *server)
{
	keep_spare();
	if (server->options.reserve)
		server->reserve = g_array_new(FALSE, FALSE, sizeof(int));
	server_fill_reserve(server);
	server->doors = g_new0(ServerSocket, server->listening->len);
	for (guint i = 0; i < server->listening->len; i++) {
		ServerSocket *door = &server->doors[i];

		door->server = server;
		door->fd = g_array_index(server->listening, ListenSocket, i).fd;
		door->source = bp_fd_add(server->owned.owner, door->fd, BP_IN, on_knock, door, on_door_gone);
	}
}

void server_stop_accepting(BpServer *server)
{
	if (!server->listening)
		return;
	for (guint i = 0; server->doors && i < server->listening->len; i++) {
		if (server->doors[i].source)
			bp_fd_remove(server->doors[i].source);
		if (server->doors[i].pause)
			bp_timer_remove(server->doors[i].pause);
	}
	while (use_reserve(server))
		;
	g_clear_pointer(&server->reserve, g_array_unref);
	g_clear_pointer(&server->listening, listen_close);
}
