/* SPDX-License-Identifier: MIT */
/* fd.c - descriptors of a loop, in its one epoll descriptor. */
#include "loop/loop.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHECK_TIME G_USEC_PER_SEC

struct BpFd {
	BpOwned owned;
	BpLoop *loop;
	int fd;
	guint events;
	gboolean parked; /* removed from the epoll, since its owner is ending and it might be ready in every turn */
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

/* Without this descriptor the loop gets no events any more. Which code closed it is unknown. */
static void G_GNUC_NORETURN die(const BpLoop *loop, const char *what)
{
	dprintf(STDERR_FILENO,
		"backplane: %s of loop \"%s\" was closed by code that had not opened it: a plugin, or a library of "
		"one. The program cannot go on.\n",
		what, loop->name);
	abort();
}

/* EPOLL_CTL_MOD fails unless both descriptors are still the original ones, even if their numbers were reused. */
static void check_descriptors(BpLoop *loop, gint64 now)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = loop };

	loop->checked = now;
	if (loop->wakeup >= 0 && epoll_ctl(loop->epoll, EPOLL_CTL_MOD, loop->wakeup, &event) < 0)
		die(loop, "a descriptor");
}

/* Each second while there are turns, and a second after the last: an idle loop is woken once more. Gives the timeout. */
static gint check_in_time(BpLoop *loop, gint timeout)
{
	if (loop->turned - loop->checked >= CHECK_TIME)
		check_descriptors(loop, loop->turned);
	if (loop->turned > loop->checked && (timeout < 0 || timeout > CHECK_TIME / 1000))
		return CHECK_TIME / 1000;
	return timeout;
}

static gint poll_all(const BpLoop *loop, GPollFD *fds, guint count, gint timeout)
{
	gint ready = g_poll(fds, count, timeout);

	for (guint i = 0; i < count; i++)
		if (fds[i].revents & G_IO_NVAL && (fds[i].fd == loop->epoll || fds[i].fd == loop->wakeup))
			die(loop, "a descriptor");
	return ready;
}

static gboolean has_wakeup(BpLoop *loop, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = loop };

	if (loop->wakeup == fd)
		return TRUE;
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		if (errno == EBADF)
			die(loop, "a descriptor");
		return FALSE;
	}
	loop->wakeup = fd;
	return TRUE;
}

/* Our epoll stands for all descriptors but the context's own, by which other threads wake it. With that one in the
 * epoll too, poll and epoll_wait are one call, and the events wait for the dispatch. */
static gint poll_ours(BpLoop *loop, GPollFD *own, GPollFD *wakeup, gint timeout)
{
	gboolean woken = FALSE;
	int ready = epoll_wait(loop->epoll, loop->events, LOOP_EVENTS, timeout);

	if (ready < 0 && errno != EINTR)
		die(loop, "the epoll descriptor");
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
	own->revents = ready > woken ? G_IO_IN : 0;
	wakeup->revents = woken ? G_IO_IN : 0;
	return ready < 0 ? ready : (ready > woken) + woken;
}

gint loop_poll(GPollFD *fds, guint count, gint timeout)
{
	BpLoop *loop = loop_here();
	guint own = count && loop && fds[0].fd == loop->epoll ? 0 : 1;
	gint patience, ready;

	if (!loop)
		return g_poll(fds, count, timeout);
	if (loop->turning)
		return poll_others(loop, fds, count, timeout);
	patience = check_in_time(loop, timeout);
	turns_wait(&loop->turns);
	if (count == 2 && fds[own].fd == loop->epoll && has_wakeup(loop, fds[!own].fd))
		ready = poll_ours(loop, &fds[own], &fds[!own], patience);
	else
		ready = poll_all(loop, fds, count, patience);
	turns_begin(&loop->turns, g_get_monotonic_time());
	if (!ready && patience != timeout)
		check_descriptors(loop, loop->turned);
	return ready;
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
	if (count < 0 && errno != EINTR)
		die(loop, "the epoll descriptor");
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
		if (!owner_enter_as(owner, "descriptor", NULL)) {
			park(source);
			continue;
		}
		source->func(owner, source->fd, loop->events[i].events, source->data);
		owner_leave(owner);
	}
	LOOP_ADD(loop->stats.events, (guint64)count);
	loop->event_at = loop->event_count = 0;
}
