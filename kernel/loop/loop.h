/* SPDX-License-Identifier: MIT */
/* loop.h - a loop's parts, shared by the files of this room. */
#pragma once
#include <sys/epoll.h>
#include <backplane/loop.h>
#include "bus/owner.h"
#include "bus/port.h"
#include "loop/turns.h"

#define LOOP_EVENTS 64 /* what a turn handles, and keeps to be sent, stays in the cache */

typedef struct {
	BusRun run;
	gpointer a, b;
	guint64 c;
} InboxEntry;

/* One that is ending takes only what must not be lost. */
typedef enum { INBOX_OPEN, INBOX_ENDING, INBOX_CLOSED } InboxState;

typedef struct {
	GMutex lock;
	GArray *entries; /* of InboxEntry; filled by any thread */
	GArray *spare;	 /* what the loop took last, emptied */
	gint waiting;	 /* atomic */
	guint64 drops;
	InboxState state;
} Inbox;

struct BpLoop {
	BusPort port; /* first: a BusPort of ours is a BpLoop */
	char *name;
	GMainContext *context;
	GSource *source;
	Inbox inbox;
	/* descriptors */
	int epoll;
	gpointer poll_tag;
	struct epoll_event events[LOOP_EVENTS];
	int event_count, event_at; /* the batch being handled, or fetched by the poll for this turn */
	int wakeup;		   /* the context's descriptor in our epoll; -1: not there */
	gint64 turned, checked; /* the time of the last turn, and of it when the two descriptors were last looked at */
	guint fds;
	/* timers: a heap by time due */
	GPtrArray *timers;
	BpTimer *running;
	GQueue deferred;
	gboolean turning; /* in a turn: one within it leaves our source alone */
	gint64 now;	  /* of this turn; 0 outside one */
	BpLoopStats stats;
	Turns turns;
	/* loops with a thread of their own */
	BpOwned owned;
	GThread *thread;
	gint quit;	 /* atomic: its thread is to end */
	OwnerHold *ends; /* given up when the thread has ended; set before `quit` */
	BpLoop *next;	 /* of those that can be used again */
};

/* Counts are the loop's own; other threads look at them. */
#define LOOP_ADD(count, more) __atomic_store_n(&(count), (count) + (more), __ATOMIC_RELAXED)

static inline BpLoop *loop_here(void)
{
	return (BpLoop *)bus_port;
}

/* The main loop is made on the calling thread; its context is the default one. */
gboolean loop_start_main(GError **error);
void loop_stop_main(void);
/* Stops and joins every loop that this plugin has opened. */
void loop_close_all(BpPlugin *owner);
/* The owner is ending: asks its loops to end; they hold the owner until they have. */
void loops_stop(BpPlugin *owner);
/* TRUE if no code of it runs on another loop (quiet), or if it has no objects there (leave). FALSE: the owner is held until that is the
 * case; call it again then. */
gboolean loops_quiet(BpPlugin *owner);
gboolean loops_leave(BpPlugin *owner);

void inbox_init(Inbox *inbox);
void inbox_open(Inbox *inbox);
void inbox_refuse(Inbox *inbox);    /* from now on it is ending */
gboolean inbox_close(BpLoop *loop); /* if it is empty */
/* `always`: ignores the limit, for entries that must not be lost and are bounded elsewhere. */
gboolean inbox_post(BpLoop *loop, BusRun run, gpointer a, gpointer b, guint64 c, gboolean always);
void inbox_run(BpLoop *loop);

void defer_run(BpLoop *loop);
void defer_drop(BpLoop *loop);
void timers_run(BpLoop *loop);
gint64 timers_next(const BpLoop *loop); /* monotonic; -1: none */
void fds_run(BpLoop *loop);
/* The context's poll function: one system call a turn when nobody but us has descriptors in it. */
gint loop_poll(GPollFD *fds, guint count, gint timeout);

/* Turns the main loop until `done` returns TRUE, at most until then. */
void loop_turn_until(gboolean (*done)(void), gint64 until);
/* The plugin is ending: cancels its jobs. */
void job_cancel_all(BpPlugin *owner);
