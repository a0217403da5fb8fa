/* SPDX-License-Identifier: MIT */
/* load-once.c - a request on a connection of its own: connect, send, read until the server closes, again.
 *
 * Where the server is fed at a port of its own (INTO), it is first told a value that can be asked for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "load.h"

#define EVENTS 256
#define WARM_UP 0.1
#define TRIES 100
#define PART(text) text, sizeof(text) - 1
#define TOLD \
	"\xff\x00\x05" \
	"D\x01\x01\x59\x01\x59\x01\x59\x01\xfe" /* a frame of the mesh: node 5 has a value of GPS */

typedef struct {
	const char *name, *request;
	size_t size;
} Protocol;

typedef struct {
	int fd, answered;
} Call;

static const Protocol protocols[] = {
	{ "get", PART("[GET]\x00\x05"
		      "GPS") },
	{ "count", PART("ACT-C\x00\x00") },
};

static const Protocol *protocol;
static uint64_t done;

static void begin(const Load *load, int poller, Call *call)
{
	call->fd = load_connect(load, load->port);
	call->answered = 0;
	if (send(call->fd, protocol->request, protocol->size, MSG_NOSIGNAL) != (ssize_t)protocol->size)
		load_fail("send");
	load_poll(poller, call->fd, call);
}

/* TRUE: it is over. The answer begins with S; a bare echo gives back the request. */
static int go_on(Call *call)
{
	char bytes[1024];
	ssize_t got = recv(call->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (got < 0 && errno == EAGAIN)
		return 0;
	errno = got < 0 ? errno : EPROTO;
	if (got > 0 && !call->answered)
		call->answered = *bytes == 'S' || *bytes == *protocol->request;
	if (got < 0 || !call->answered)
		load_fail("an answer is not what it should be");
	if (got == 0)
		close(call->fd);
	return got == 0;
}

static void run(const Load *load, int poller, double seconds)
{
	struct epoll_event events[EVENTS];
	double end = load_clock() + seconds;

	while (load_clock() < end) {
		int count = epoll_wait(poller, events, EVENTS, 5000);

		if (count <= 0)
			load_fail("no answer came");
		for (int i = 0; i < count; i++) {
			if (!go_on(events[i].data.ptr))
				continue;
			done++;
			begin(load, poller, events[i].data.ptr);
		}
	}
}

/* Until the value can be asked for. */
static void tell(const Load *load)
{
	int feeder = load_connect(load, load->into);
	char byte = 0;

	if (send(feeder, PART(TOLD), MSG_NOSIGNAL) < 0)
		load_fail("send");
	for (int i = 0; i < TRIES && byte != 'S'; i++) {
		int fd = load_connect(load, load->port);

		if (send(fd, protocol->request, protocol->size, MSG_NOSIGNAL) < 0 || recv(fd, &byte, 1, 0) != 1)
			load_fail("a request");
		close(fd);
	}
	close(feeder);
}

LoadResult load_once(const Load *load)
{
	Call *calls = calloc((size_t)load->connections, sizeof(*calls));
	LoadResult result = { 0 };
	int poller = load_poller();
	double start, cpu;

	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (!strcmp(protocols[i].name, load->protocol))
			protocol = &protocols[i];
	errno = EPROTONOSUPPORT;
	if (!protocol)
		load_fail(load->protocol);
	if (load->into != load->port)
		tell(load);
	for (int i = 0; i < load->connections; i++)
		begin(load, poller, &calls[i]);
	run(load, poller, WARM_UP);
	start = load_clock();
	cpu = load_cpu(load);
	done = 0;
	run(load, poller, load->seconds);
	result.cpu = load_cpu(load) - cpu;
	result.seconds = load_clock() - start;
	result.messages = done;
	return result;
}
