/* SPDX-License-Identifier: MIT */
/* fd.c - descriptors of a loop, in its one epoll descriptor. */
#include "loop/loop.h"
#include <errno.h>

struct BpFd {
	BpOwned owned;
	BpLoop *loop;
	int fd;
	guint events;
	gboolean parked; /* out of the epoll: its owner is going, and it would be ready in every turn */
	BpFdFunc func;
	gpointer data;
	GDestroyNotify destroy;
};

static void forget_pending(BpLoop *loop, const BpFd *source)
{
	for (int i = loop->event_at; i < loop->event_count; i++)
		if (loop->events[i].data.ptr == source)
			loop->events[i].data.ptr = NULL;
}

static void drop_fd(BpOwned *owned)
{
	BpFd *source = OWNED_BY(owned, BpFd, owned);
	BpLoop *loop = source->loop;

	owner_unlink(owned);
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
	LOOP_ADD(loop->fds, -1u);
	forget_pending(loop, source);
	if (source->destroy)
		source->destroy(source->data);
	g_free(source);
	bus_port_unref(&loop->port);
}

static struct epoll_event event_of(BpFd *source)
{
	return (struct epoll_event){ .events = source->events, .data.ptr = source };
}

BpFd *bp_fd_add(BpPlugin *self, int fd, BpEvents events, BpFdFunc func, gpointer data, GDestroyNotify destroy)
{
	BpLoop *loop = loop_here();
	struct epoll_event event;
	BpFd *source;

	g_return_val_if_fail(self && fd >= 0 && func && loop, NULL);
	source = g_new0(BpFd, 1);
	source->loop = loop;
	source->fd = fd;
	source->events = events;
	source->func = func;
	source->data = data;
	source->destroy = destroy;
	event = event_of(source);
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		g_free(source);
		return NULL;
	}
	LOOP_ADD(loop->fds, 1u);
	bus_port_ref(&loop->port);
	owner_link(self, &source->owned, "descriptor", drop_fd);
	return source;
}

void bp_fd_set_events(BpFd *source, BpEvents events)
{
	struct epoll_event event;

	if (source->events == (guint)events && !source->parked)
		return;
	source->events = events;
	event = event_of(source);
	epoll_ctl(source->loop->epoll, source->parked ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, source->fd, &event);
	source->parked = FALSE;
}

void bp_fd_remove(BpFd *source)
{
	drop_fd(&source->owned);
}

/* A turn within one of ours: our descriptors wait, everybody else's are served. */
static gint poll_others(const BpLoop *loop, GPollFD *fds, guint count, gint timeout)
{
	gint ready;

	for (guint i = 0; i < count; i++)
		if (fds[i].fd == loop->epoll)
			fds[i].fd = -1;
	ready = g_poll(fds, count, timeout);
	for (guint i = 0; i < count; i++)
		if (fds[i].fd == -1)
			fds[i].fd = loop->epoll;
	return ready;
}

/* Our epoll stands for all descriptors but the context's own, by which other threads wake it. With that one in the
 * epoll too, poll and epoll_wait are one call, and the events wait for the dispatch. */
gint loop_poll(GPollFD *fds, guint count, gint timeout)
{
	BpLoop *loop = loop_here();
	guint own = count && loop && fds[0].fd == loop->epoll ? 0 : 1;
	struct epoll_event event = { .events = EPOLLIN };
	gboolean woken = FALSE;
	int ready;

	if (loop && loop->turning)
		return poll_others(loop, fds, count, timeout);
	if (!loop || count != 2 || fds[own].fd != loop->epoll)
		return g_poll(fds, count, timeout);
	if (loop->wakeup != fds[!own].fd) {
		event.data.ptr = loop;
		if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fds[!own].fd, &event) < 0)
			return g_poll(fds, count, timeout);
		loop->wakeup = fds[!own].fd;
	}
	ready = epoll_wait(loop->epoll, loop->events, LOOP_EVENTS, timeout);
	loop->event_at = 0;
	loop->event_count = MAX(ready, 0);
	for (int i = 0; i < ready; i++) {
		if (loop->events[i].data.ptr == loop) {
			loop->events[i].data.ptr = NULL;
			woken = TRUE;
		}
	}
	if (ready <= woken)
		loop->event_count = 0;
	fds[own].revents = ready > woken ? G_IO_IN : 0;
	fds[!own].revents = woken ? G_IO_IN : 0;
	return ready < 0 ? ready : (ready > woken) + woken;
}

static void park(BpFd *source)
{
	epoll_ctl(source->loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
	source->parked = TRUE;
}

void fds_run(BpLoop *loop)
{
	int count = loop->event_count;

	if (!count)
		count = epoll_wait(loop->epoll, loop->events, LOOP_EVENTS, 0);
	if (count <= 0)
		return;
	loop->event_count = count;
	for (int i = 0; i < count; i++) {
		BpFd *source = loop->events[i].data.ptr;
		BpPlugin *owner;

		loop->event_at = i + 1;
		if (!source || (gpointer)source == loop)
			continue;
		owner = source->owned.owner;
		if (!owner_enter(owner)) {
			park(source);
			continue;
		}
		source->func(owner, source->fd, loop->events[i].events, source->data);
		owner_leave(owner);
	}
	LOOP_ADD(loop->stats.events, (guint64)count);
	loop->event_at = loop->event_count = 0;
}
