/* SPDX-License-Identifier: MIT */
/* load.c - the client of the benches: one for all servers, so that none is measured by a better one.
 *
 *	load MODE PROTOCOL PORT INTO CONNECTIONS DEPTH SECONDS PIDS
 *
 * MODE echo: each connection keeps DEPTH messages of 64 bytes in flight, over PROTOCOL tcp, tls, udp or console (there
 * a message is a command and a line its answer), ws (binary messages, at /ws), http:PATH (a GET; all answers must have
 * the size of the first, and be 200), or json:SIZE (a line that asks an endpoint server to give SIZE bytes back). MODE fanout: see load-fanout.c; once: see load-once.c. It connects, waits until all are
 * served, warms up, then counts for SECONDS and prints one line: messages done, seconds, seconds of CPU that the
 * processes PIDS (12,13) have used meanwhile, datagrams lost.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <openssl/ssl.h>
#include "load.h"

#define EVENTS 256
#define WARM_UP 0.1
#define MOST_DEPTH 64
#define LOST_AFTER 100 /* ms without a datagram */
#define COMMAND ".echo hello\n"
#define REQUEST "{\"request\": \"echo\", \"data\": \"%s\"}\n"
#define ANSWER_LIMIT 1048576
#define GET "GET %s HTTP/1.1\r\nHost: localhost:%d\r\n\r\n"

typedef struct {
	int fd;
	SSL *tls;
	int flying;	 /* messages */
	uint32_t partly; /* bytes of an answer that have come */
} Connection;

static char bytes[65536];
static uint64_t done, lost;

void load_fail(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double seconds_of(clockid_t clock)
{
	struct timespec time = { 0 };

	if (clock_gettime(clock, &time) < 0)
		load_fail("the server has ended");
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

double load_clock(void)
{
	return seconds_of(CLOCK_MONOTONIC);
}

double load_cpu(const Load *load)
{
	double sum = 0;

	for (const char *at = load->pids; at; at = strchr(at, ',')) {
		clockid_t clock;

		at += *at == ',';
		if (clock_getcpuclockid(atoi(at), &clock) != 0)
			load_fail("CPU time of the server");
		sum += seconds_of(clock);
	}
	return sum;
}

int load_connect(const Load *load, int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int datagrams = strcmp(load->protocol, "udp") == 0, one = 1;
	int fd = socket(AF_INET, datagrams ? SOCK_DGRAM : SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		load_fail("connect");
	if (!datagrams)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

void load_upgrade(const Load *load, int fd, int port)
{
	char text[1024];
	size_t have = 0;

	snprintf(text, sizeof(text),
		 "GET /ws HTTP/1.1\r\nHost: localhost:%d\r\nUpgrade: websocket\r\n"
		 "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
		 "Sec-WebSocket-Version: 13\r\n\r\n",
		 port);
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
		load_fail("send");
	/* Byte by byte, so that nothing of the first message is taken along. */
	while (have < 4 || memcmp(text + have - 4, "\r\n\r\n", 4) != 0)
		if (have == sizeof(text) || recv(fd, text + have++, 1, 0) != 1)
			load_fail("WebSocket: handshake");
	if (strncmp(text, "HTTP/1.1 101 ", 13) != 0)
		load_fail("WebSocket: refused");
}

int load_poller(void)
{
	int poller = epoll_create1(0);

	if (poller < 0)
		load_fail("epoll");
	return poller;
}

void load_poll(int poller, int fd, void *data)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = data };

	if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
		load_fail("epoll");
}

/* --- echo --- */

static int is_lines, is_datagrams;	    /* answers are lines */
static char *out;			    /* DEPTH messages */
static int size = MESSAGE_SIZE;		    /* of a message */
static uint32_t answer_size = MESSAGE_SIZE; /* 0: not known yet */
static const char *answer_begin = "";	    /* each answer begins so */

/* COUNT times x; to be freed. */
static char *filling(int count)
{
	char *text = calloc(1, (size_t)count + 1);

	return memset(text, 'x', (size_t)count);
}

static char *request_of(int count)
{
	char *data = filling(count), *text;

	size = asprintf(&text, REQUEST, data);
	free(data);
	return text;
}

/* To be freed; its size is `size`. */
static char *message_of(const Load *load)
{
	char *message;

	is_datagrams = strcmp(load->protocol, "udp") == 0;
	is_lines = strcmp(load->protocol, "console") == 0 || strncmp(load->protocol, "json:", 5) == 0;
	if (strncmp(load->protocol, "json:", 5) == 0)
		return request_of(atoi(load->protocol + 5));
	message = filling(MESSAGE_SIZE + 6);
	if (is_lines) {
		size = sprintf(message, COMMAND);
	} else if (strcmp(load->protocol, "ws") == 0) {
		memcpy(message, "\x82\xc0\0\0\0\0", 6); /* a mask of zeros: the server has the same work with it */
		size = MESSAGE_SIZE + 6;
		answer_size = MESSAGE_SIZE + 2;
		answer_begin = "\x82\x40";
	} else if (strncmp(load->protocol, "http:", 5) == 0) {
		free(message);
		size = asprintf(&message, GET, load->protocol + 5, load->port);
		answer_size = 0;
		answer_begin = "HTTP/1.1 200 ";
	}
	return message;
}

static void prepare_messages(const Load *load)
{
	char *message = message_of(load);

	out = malloc((size_t)size * (size_t)load->depth);
	for (int i = 0; i < load->depth; i++)
		memcpy(out + (size_t)i * (size_t)size, message, (size_t)size);
	free(message);
}

/* How large an answer is: all that comes for one GET. */
static void learn_size(const Load *load)
{
	int fd = load_connect(load, load->port), got;
	struct timeval patience = { .tv_usec = 300000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (send(fd, out, (size_t)size, MSG_NOSIGNAL) != size)
		load_fail("send");
	while (answer_size < ANSWER_LIMIT && (got = (int)recv(fd, bytes, sizeof(bytes), 0)) > 0)
		answer_size += (uint32_t)got;
	if (!answer_size)
		load_fail("no answer came");
	close(fd);
}

static void send_messages(Connection *connection, int count)
{
	connection->flying += count;
	if (connection->tls) {
		if (SSL_write(connection->tls, out, size * count) != size * count)
			load_fail("TLS: write");
	} else if (is_datagrams) {
		for (int i = 0; i < count; i++)
			send(connection->fd, out, (size_t)size, 0);
	} else if (send(connection->fd, out, (size_t)(size * count), MSG_NOSIGNAL) != size * count) {
		load_fail("send");
	}
}

/* Whole answers among what has come. */
static int count_answers(Connection *connection, const char *data, int got)
{
	int count = 0;

	if (is_lines) {
		for (const char *at = data; (at = memchr(at, '\n', (size_t)(data + got - at))); at++)
			count++;
		return count;
	}
	errno = EPROTO;
	if (!connection->partly && strncmp(data, answer_begin, strnlen(answer_begin, (size_t)got)) != 0)
		load_fail("an answer is not what it should be");
	connection->partly += (uint32_t)got;
	count = (int)(connection->partly / answer_size);
	connection->partly %= answer_size;
	return count;
}

static int receive_answers(Connection *connection)
{
	int count = 0, got;

	if (connection->tls) {
		while ((got = SSL_read(connection->tls, bytes, sizeof(bytes))) > 0)
			count += count_answers(connection, bytes, got);
		if (SSL_get_error(connection->tls, got) != SSL_ERROR_WANT_READ)
			load_fail("TLS: read");
		return count;
	}
	if (is_datagrams) {
		while (count < MOST_DEPTH && recv(connection->fd, bytes, sizeof(bytes), MSG_DONTWAIT) >= 0)
			count++;
		return count;
	}
	got = (int)recv(connection->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (got == 0 || (got < 0 && errno != EAGAIN))
		load_fail("receive");
	return got > 0 ? count_answers(connection, bytes, got) : 0;
}

static Connection *open_connections(const Load *load, int poller)
{
	Connection *connections = calloc((size_t)load->connections, sizeof(*connections));
	SSL_CTX *context = strcmp(load->protocol, "tls") == 0 ? SSL_CTX_new(TLS_client_method()) : NULL;

	for (int i = 0; i < load->connections; i++) {
		Connection *connection = &connections[i];

		connection->fd = load_connect(load, load->port);
		if (context) {
			connection->tls = SSL_new(context);
			SSL_set_fd(connection->tls, connection->fd);
			if (SSL_connect(connection->tls) != 1)
				load_fail("TLS: connect");
			/* Reading ends at what has come, writing is small enough to be taken whole. */
			fcntl(connection->fd, F_SETFL, O_NONBLOCK);
		}
		if (strcmp(load->protocol, "ws") == 0)
			load_upgrade(load, connection->fd, load->port);
		load_poll(poller, connection->fd, connection);
	}
	return connections;
}

/* What was sent and never came is sent again. */
static void replace_lost(const Load *load, Connection *connections)
{
	for (int i = 0; i < load->connections; i++) {
		int count = connections[i].flying;

		lost += (uint64_t)count;
		connections[i].flying = 0;
		if (count)
			send_messages(&connections[i], count);
	}
}

static void run_echo(const Load *load, int poller, Connection *connections, double seconds)
{
	struct epoll_event events[EVENTS];
	double end = load_clock() + seconds;

	while (load_clock() < end) {
		int count = epoll_wait(poller, events, EVENTS, is_datagrams ? LOST_AFTER : 5000);

		if (count == 0 && is_datagrams)
			replace_lost(load, connections);
		else if (count <= 0)
			load_fail("no answer came");
		for (int i = 0; i < count; i++) {
			Connection *connection = events[i].data.ptr;
			int answers = receive_answers(connection);

			if (answers > connection->flying)
				answers = connection->flying; /* given up too early */
			connection->flying -= answers;
			done += (uint64_t)answers;
			if (answers)
				send_messages(connection, answers);
		}
	}
}

/* A console greets first: the greeting and one answer are taken away. */
static void settle(const Load *load, int poller, Connection *connections)
{
	struct epoll_event event;
	int answers = 0;

	for (int i = 0; i < load->connections; i++)
		send_messages(&connections[i], 1);
	while (epoll_wait(poller, &event, 1, answers < load->connections && !is_datagrams ? 5000 : 100) > 0)
		answers += receive_answers(event.data.ptr);
	for (int i = 0; i < load->connections; i++)
		connections[i].flying = connections[i].partly = 0;
}

LoadResult load_echo(const Load *load)
{
	int poller = load_poller();
	Connection *connections;
	LoadResult result;
	double begin, cpu;

	prepare_messages(load);
	if (!answer_size)
		learn_size(load);
	connections = open_connections(load, poller);
	settle(load, poller, connections);
	for (int i = 0; i < load->connections; i++)
		send_messages(&connections[i], load->depth);
	run_echo(load, poller, connections, WARM_UP);
	done = lost = 0;
	begin = load_clock();
	cpu = load_cpu(load);
	run_echo(load, poller, connections, load->seconds);
	result.cpu = load_cpu(load) - cpu;
	result.seconds = load_clock() - begin;
	result.messages = done;
	result.lost = lost;
	return result;
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	Load load;
	LoadResult result;

	if (argc != 9) {
		fprintf(stderr, "usage: load MODE PROTOCOL PORT INTO CONNECTIONS DEPTH SECONDS PIDS\n");
		return 2;
	}
	load = (Load){ argv[1],	      argv[2],	     atoi(argv[3]), atoi(argv[4]),
		       atoi(argv[5]), atoi(argv[6]), atof(argv[7]), argv[8] };
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (load.connections < 1 || load.depth < 1 || load.depth > MOST_DEPTH) {
		fprintf(stderr, "load: 1 connection or more, 1 to %d in flight\n", MOST_DEPTH);
		return 2;
	}
	if (strcmp(load.mode, "fanout") == 0)
		result = load_fanout(&load);
	else
		result = strcmp(load.mode, "once") == 0 ? load_once(&load) : load_echo(&load);
	printf("%llu %.6f %.6f %llu\n", (unsigned long long)result.messages, result.seconds, result.cpu,
	       (unsigned long long)result.lost);
	return 0;
}
