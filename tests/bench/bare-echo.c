/* SPDX-License-Identifier: MIT */
/* bare-echo.c - the floors: what the same work costs on a bare epoll loop, without anything of Backplane.
 *
 *	bare-echo tcp|once|udp|ws|json PORT | fanout|wsfan PORT INTO | tls PORT CERT KEY | pty FILE
 *
 *	tcp	what a connection sends is sent back to it
 *	once	the same, and then the connection is closed
 *	tls	the same over OpenSSL
 *	udp	datagrams, by recvmmsg and sendmmsg
 *	ws	WebSocket messages, by wslay
 *	json	lines that ask to give "data" back: parsed and printed by jansson
 *	fanout	what comes on INTO is sent to every connection
 *	wsfan	the same in WebSocket messages of 64 bytes, framed once
 *	pty	a device for servers of serial ports: a raw pseudo-terminal at FILE that says again what it hears
 *
 * Nothing is bounded, counted or timed out: a floor, not a server. It listens on 127.0.0.1 and ends by a signal.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <wslay/wslay.h>

#define EVENTS 256
#define READ_SIZE 65536
#define BATCH 64
#define MESSAGE 64
#define MOST_MESSAGES 64
#define DATAGRAM 2048

enum { LISTENER, FEEDER_LISTENER, CONNECTION, FEEDER };

typedef struct Peer Peer;
struct Peer {
	int fd, kind;
	SSL *tls;
	wslay_event_context_ptr socket; /* once the handshake is done */
	char *line;			/* so much of a line as has come */
	size_t have, room;
	Peer *prev, *next; /* of the connections */
};

static int poller;
static char bytes[READ_SIZE];
static Peer *peers;
static SSL_CTX *context;
static int sockets; /* connections are WebSockets */
static int is_json, is_once;

static void die(const char *what)
{
	fprintf(stderr, "bare-echo: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void watch(int fd, int kind)
{
	Peer *peer = calloc(1, sizeof(*peer));
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = peer };

	peer->fd = fd;
	peer->kind = kind;
	if (kind == CONNECTION) {
		peer->next = peers;
		if (peers)
			peers->prev = peer;
		peers = peer;
	}
	if (context && kind == CONNECTION) {
		peer->tls = SSL_new(context);
		SSL_set_fd(peer->tls, fd);
		SSL_set_accept_state(peer->tls);
	}
	if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll");
}

static int bound(int type, int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, space = 4 * 1024 * 1024, fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (type == SOCK_DGRAM)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &space, sizeof(space));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("bind");
	if (type == SOCK_STREAM && listen(fd, 4096) < 0)
		die("listen");
	return fd;
}

static void forget(Peer *peer)
{
	if (peer->kind == CONNECTION) {
		*(peer->prev ? &peer->prev->next : &peers) = peer->next;
		if (peer->next)
			peer->next->prev = peer->prev;
	}
	SSL_free(peer->tls);
	if (peer->socket)
		wslay_event_context_free(peer->socket);
	close(peer->fd);
	free(peer->line);
	free(peer);
}

static void take_in(const Peer *listener)
{
	int fd, one = 1;

	while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		watch(fd, listener->kind == FEEDER_LISTENER ? FEEDER : CONNECTION);
	}
}

/* Waits for the reader, which asks for one answer at a time. */
static int send_whole(int fd, const char *data, size_t size)
{
	struct pollfd writable = { .fd = fd, .events = POLLOUT };

	while (size) {
		ssize_t put = send(fd, data, size, MSG_NOSIGNAL);

		if (put < 0 && (errno != EAGAIN || poll(&writable, 1, -1) < 0))
			return 0;
		if (put > 0) {
			data += put;
			size -= (size_t)put;
		}
	}
	return 1;
}

static void echo(Peer *peer)
{
	ssize_t got = recv(peer->fd, bytes, sizeof(bytes), 0);

	if (got > 0 && send_whole(peer->fd, bytes, (size_t)got) && !is_once)
		return;
	if (got >= 0 || errno != EAGAIN)
		forget(peer);
}

static void echo_tls(Peer *peer)
{
	int got;

	while ((got = SSL_read(peer->tls, bytes, sizeof(bytes))) > 0)
		SSL_write(peer->tls, bytes, got);
	if (SSL_get_error(peer->tls, got) != SSL_ERROR_WANT_READ)
		forget(peer);
}

/* --- JSON --- */

/* What an endpoint server says to the same request. */
static int answer(Peer *peer, const char *line, size_t size)
{
	json_t *request = json_loadb(line, size, 0, NULL), *reply;
	time_t now = time(NULL);
	char when[32], *text;
	int good;

	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", localtime(&now));
	reply = json_pack("{s:s, s:O, s:s}", "status", "success", "echo", json_object_get(request, "data"), "timestamp",
			  when);
	text = json_dumps(reply, JSON_ENSURE_ASCII);
	size = strlen(text);
	text[size] = '\n'; /* in place of the end */
	good = send_whole(peer->fd, text, size + 1);
	free(text);
	json_decref(reply);
	json_decref(request);
	return good;
}

static void echo_json(Peer *peer)
{
	char *end, *from;
	ssize_t got;

	if (peer->room - peer->have < READ_SIZE) {
		peer->room = 2 * peer->room + READ_SIZE;
		peer->line = realloc(peer->line, peer->room);
	}
	from = peer->line + peer->have;
	got = recv(peer->fd, from, READ_SIZE, 0);
	if (got <= 0) {
		if (got == 0 || errno != EAGAIN)
			forget(peer);
		return;
	}
	peer->have += (size_t)got;
	while ((end = memchr(from, '\n', (size_t)(peer->line + peer->have - from)))) {
		if (!answer(peer, peer->line, (size_t)(end - peer->line))) {
			forget(peer);
			return;
		}
		peer->have -= (size_t)(end + 1 - peer->line);
		memmove(peer->line, end + 1, peer->have);
		from = peer->line;
	}
}

/* --- WebSocket --- */

static char gathered[READ_SIZE]; /* frames to be sent by one call */
static size_t gathered_size;

static ssize_t take_bytes(wslay_event_context_ptr socket, uint8_t *to, size_t size, int flags, void *data)
{
	ssize_t got = recv(((Peer *)data)->fd, to, size, 0);

	if (got > 0)
		return got;
	wslay_event_set_error(socket, got < 0 && errno == EAGAIN ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

static ssize_t give_bytes(wslay_event_context_ptr socket, const uint8_t *from, size_t size, int flags, void *data)
{
	if (gathered_size + size > sizeof(gathered)) {
		wslay_event_set_error(socket, WSLAY_ERR_CALLBACK_FAILURE);
		return -1;
	}
	memcpy(gathered + gathered_size, from, size);
	gathered_size += size;
	return (ssize_t)size;
}

static void on_message(wslay_event_context_ptr socket, const struct wslay_event_on_msg_recv_arg *got, void *data)
{
	struct wslay_event_msg message = { got->opcode, got->msg, got->msg_length };

	wslay_event_queue_msg(socket, &message);
}

/* The request is taken to come in one piece. */
static int upgrade(Peer *peer)
{
	static const struct wslay_event_callbacks calls = {
		take_bytes, give_bytes, NULL, NULL, NULL, NULL, on_message
	};
	static const char field[] = "Sec-WebSocket-Key: ", guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	ssize_t got = recv(peer->fd, bytes, sizeof(bytes) - 1, 0);
	unsigned char digest[SHA_DIGEST_LENGTH], coded[64];
	char key[128], *at;

	if (got <= 0)
		return 0;
	bytes[got] = '\0';
	at = strstr(bytes, field);
	if (!at)
		return 0;
	snprintf(key, sizeof(key), "%.24s%s", at + strlen(field), guid);
	SHA1((unsigned char *)key, strlen(key), digest);
	EVP_EncodeBlock(coded, digest, sizeof(digest));
	wslay_event_context_server_init(&peer->socket, &calls, peer);
	return dprintf(peer->fd,
		       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		       "Sec-WebSocket-Accept: %s\r\n\r\n",
		       coded) > 0;
}

static void echo_socket(Peer *peer)
{
	int good;

	if (peer->socket) {
		gathered_size = 0;
		good = wslay_event_recv(peer->socket) == 0 && wslay_event_send(peer->socket) == 0 &&
		       wslay_event_want_read(peer->socket);
		if (gathered_size)
			good &= send(peer->fd, gathered, gathered_size, MSG_NOSIGNAL) == (ssize_t)gathered_size;
	} else {
		good = upgrade(peer);
	}
	if (!good)
		forget(peer);
}

/* One system call a connection for all that has come, as a server that gathers its writes makes it. */
static void feed(Peer *feeder)
{
	static char frames[READ_SIZE];
	ssize_t got = recv(feeder->fd, bytes, sockets ? MESSAGE * MOST_MESSAGES : sizeof(bytes), 0), size = 0;

	if (got <= 0) {
		if (got == 0 || errno != EAGAIN)
			forget(feeder);
		return;
	}
	for (ssize_t at = 0; sockets && at < got; at += MESSAGE, size += MESSAGE + 2) {
		memcpy(frames + size, "\x82\x40", 2);
		memcpy(frames + size + 2, bytes + at, MESSAGE);
	}
	for (Peer *peer = peers, *next; peer; peer = next) {
		next = peer->next;
		send(peer->fd, sockets ? frames : bytes, (size_t)(sockets ? size : got), MSG_NOSIGNAL);
	}
}

static void serve(void)
{
	struct epoll_event events[EVENTS];

	for (;;) {
		int count = epoll_wait(poller, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			Peer *peer = events[i].data.ptr;

			if (peer->kind == LISTENER || peer->kind == FEEDER_LISTENER)
				take_in(peer);
			else if (peer->kind == FEEDER)
				feed(peer);
			else if (sockets)
				echo_socket(peer);
			else if (peer->tls)
				echo_tls(peer);
			else if (is_json)
				echo_json(peer);
			else
				echo(peer);
		}
	}
}

static void serve_datagrams(int fd)
{
	static char data[BATCH][DATAGRAM];
	static struct sockaddr_in from[BATCH];
	struct iovec pieces[BATCH];
	struct mmsghdr headers[BATCH];
	struct epoll_event event = { .events = EPOLLIN };

	epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
	for (;;) {
		int count;

		epoll_wait(poller, &event, 1, -1);
		for (int i = 0; i < BATCH; i++) {
			pieces[i] = (struct iovec){ data[i], DATAGRAM };
			headers[i].msg_hdr = (struct msghdr){ .msg_name = &from[i],
							      .msg_namelen = sizeof(from[i]),
							      .msg_iov = &pieces[i],
							      .msg_iovlen = 1 };
		}
		count = recvmmsg(fd, headers, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < count; i++)
			pieces[i].iov_len = headers[i].msg_len;
		if (count > 0)
			sendmmsg(fd, headers, (unsigned)count, MSG_DONTWAIT);
	}
}

/* Our end of the far side stays open: the pair lives when the server closes its port. */
static void serve_pty(const char *file)
{
	struct termios settings;
	int near, far;
	ssize_t got;

	if (openpty(&near, &far, NULL, NULL, NULL) < 0 || tcgetattr(far, &settings) < 0)
		die("pseudo-terminal");
	cfmakeraw(&settings);
	if (tcsetattr(far, TCSANOW, &settings) < 0 || symlink(ttyname(far), file) < 0)
		die(file);
	while ((got = read(near, bytes, sizeof(bytes))) > 0)
		for (ssize_t at = 0, put; at < got; at += put)
			if ((put = write(near, bytes + at, (size_t)(got - at))) < 0)
				die("write");
	die("read");
}

static void open_tls(const char *cert, const char *key)
{
	context = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  SSL_MODE_RELEASE_BUFFERS);
	if (SSL_CTX_use_certificate_chain_file(context, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
		die("certificate");
}

int main(int argc, char **argv)
{
	const char *mode = argc > 2 ? argv[1] : "";
	int port = argc > 2 ? atoi(argv[2]) : 0;

	signal(SIGPIPE, SIG_IGN);
	if (!strcmp(mode, "pty"))
		serve_pty(argv[2]);
	poller = epoll_create1(0);
	sockets = !strncmp(mode, "ws", 2);
	is_json = !strcmp(mode, "json");
	is_once = !strcmp(mode, "once");
	if (!strcmp(mode, "udp"))
		serve_datagrams(bound(SOCK_DGRAM, port));
	if (!strcmp(mode, "tls") && argc == 5) {
		open_tls(argv[3], argv[4]);
	} else if ((!strcmp(mode, "fanout") || !strcmp(mode, "wsfan")) && argc == 4) {
		watch(bound(SOCK_STREAM, atoi(argv[3])), FEEDER_LISTENER);
	} else if (strcmp(mode, "tcp") != 0 && strcmp(mode, "ws") != 0 && !is_json && !is_once) {
		fprintf(stderr,
			"usage: bare-echo tcp|once|udp|ws|json PORT | fanout|wsfan PORT INTO | tls PORT CERT KEY | pty FILE\n");
		return 2;
	}
	watch(bound(SOCK_STREAM, port), LISTENER);
	serve();
}
