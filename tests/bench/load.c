/* SPDX-License-Identifier: MIT */
/* load.c - the client of the benches: one for all servers, so that none is measured by a better one.
 *
 *	load MODE PROTOCOL PORT INTO CONNECTIONS DEPTH SECONDS PID
 *
 * MODE echo: each connection keeps DEPTH messages of 64 bytes in flight, over PROTOCOL tcp, tls, udp or console (there
 * a message is a command and a line its answer). MODE fanout: see load-fanout.c. It connects, waits until all are
 * served, warms up, then counts for SECONDS and prints one line: messages done, seconds, seconds of CPU that the
 * process PID has used meanwhile, datagrams lost.
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

typedef struct {
	int fd;
	SSL *tls;
	int flying;	/* messages */
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

double load_cpu(int pid)
{
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0)
		load_fail("CPU time of the server");
	return seconds_of(clock);
}

int load_connect(const Load *load, int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int datagrams = strcmp(load->protocol, "udp") == 0, one = 1;
	int fd = socket(AF_INET, datagrams ? SOCK_DGRAM : SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		load_fail("connect");
	if (!datagrams)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
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

static int is_console, is_datagrams;

static void send_messages(Connection *connection, int count)
{
	static char out[MESSAGE_SIZE * MOST_DEPTH];
	int size = is_console ? (int)strlen(COMMAND) : MESSAGE_SIZE;

	connection->flying += count;
	if (!out[0]) {
		memset(out, 'x', sizeof(out));
		for (int i = 0; is_console && i < MOST_DEPTH; i++)
			memcpy(out + i * size, COMMAND, (size_t)size);
	}
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
static int count_answers(Connection *connection, const char *data, int size)
{
	int count = 0;

	if (is_console) {
		for (const char *at = data; (at = memchr(at, '\n', (size_t)(data + size - at))); at++)
			count++;
		return count;
	}
	connection->partly += (uint32_t)size;
	count = (int)(connection->partly / MESSAGE_SIZE);
	connection->partly %= MESSAGE_SIZE;
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

	for (int i = 0; i < load->connections; i++)
		send_messages(&connections[i], 1);
	while (epoll_wait(poller, &event, 1, 100) > 0)
		receive_answers(event.data.ptr);
	for (int i = 0; i < load->connections; i++)
		connections[i].flying = connections[i].partly = 0;
}

LoadResult load_echo(const Load *load)
{
	int poller = load_poller();
	Connection *connections;
	LoadResult result;
	double begin, cpu;

	is_console = strcmp(load->protocol, "console") == 0;
	is_datagrams = strcmp(load->protocol, "udp") == 0;
	connections = open_connections(load, poller);
	settle(load, poller, connections);
	for (int i = 0; i < load->connections; i++)
		send_messages(&connections[i], load->depth);
	run_echo(load, poller, connections, WARM_UP);
	done = lost = 0;
	begin = load_clock();
	cpu = load_cpu(load->pid);
	run_echo(load, poller, connections, load->seconds);
	result.cpu = load_cpu(load->pid) - cpu;
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
		fprintf(stderr, "usage: load MODE PROTOCOL PORT INTO CONNECTIONS DEPTH SECONDS PID\n");
		return 2;
	}
	load = (Load){ argv[1], argv[2], atoi(argv[3]), atoi(argv[4]), atoi(argv[5]), atoi(argv[6]), atof(argv[7]),
		       atoi(argv[8]) };
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (load.connections < 1 || load.depth < 1 || load.depth > MOST_DEPTH) {
		fprintf(stderr, "load: 1 connection or more, 1 to %d in flight\n", MOST_DEPTH);
		return 2;
	}
	result = strcmp(load.mode, "fanout") == 0 ? load_fanout(&load) : load_echo(&load);
	printf("%llu %.6f %.6f %llu\n", (unsigned long long)result.messages, result.seconds, result.cpu,
	       (unsigned long long)result.lost);
	return 0;
}
