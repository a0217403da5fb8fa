/* SPDX-License-Identifier: MIT */
/* loop.h - one GMainContext with an epoll poller, timers, deferred calls, jobs on other threads.
 *
 * The process has a main loop; a plugin may open more, each with a thread of its own. An object belongs to the loop on which it was
 * made: its functions are called there, and it is removed there. Descriptors added here share one epoll descriptor and have no GSource
 * of their own (2.6 us per event with 10,000 idle ones; GLib's own polling costs 3 ms).
 *
 * A turn runs, in this order: calls from other threads, timers that are due, descriptors that are ready, deferred calls. At its end
 * streams flush what was written during the turn.
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

/* The loop of this thread; NULL if it has none. */
BP_API BpLoop *bp_loop_current(void);
BP_API BpLoop *bp_loop_main(void);
/* Opens a loop with a thread of its own for a plugin or an instance; opened and closed on the main loop. When `self` ends, the loop
 * stops first, before the close or unload function of `self` is called. Objects of other owners on a stopped loop are not called any
 * more. Objects that an ending owner has on another, running loop are dropped on that loop, after its close or unload function; no
 * other code of the owner runs on any loop during that function. */
BP_API BpLoop *bp_loop_open(BpPlugin *self, const char *name, GError **error);
BP_API void bp_loop_close(BpLoop *loop);
BP_API const char *bp_loop_name(const BpLoop *loop);
BP_API GMainContext *bp_loop_context(BpLoop *loop);
/* Calls `func` on that loop soon. Any thread, also while `self` is ending; a thread of your own must end before `self`, or hold it.
 * With a scope only on its own loop. FALSE if the inbox is full (BP_INBOX_LIMIT entries), or the loop or `self` is ending: then only
 * `destroy` is called. Calls keep their order. */
#define BP_INBOX_LIMIT 65536
BP_API gboolean bp_loop_call(BpPlugin *self, BpLoop *loop, BpFunc func, gpointer data, GDestroyNotify destroy);
/* Calls `func` at the end of this turn, before streams are flushed. If `self` ends before that, only `destroy` is called: free `data`
 * there. */
BP_API void bp_defer(BpPlugin *self, BpFunc func, gpointer data, GDestroyNotify destroy);
/* Monotonic time at the beginning of this turn; outside of a loop the current time. */
BP_API gint64 bp_loop_now(void);

typedef struct {
	guint64 turns, events, calls; /* polls, ready descriptors, inbox entries */
	guint64 drops;		      /* calls refused, since the inbox was full */
	guint waiting;		      /* inbox entries now */
	guint fds, timers;
} BpLoopStats;
BP_API void bp_loop_stats_sized(BpLoop *loop, BpLoopStats *result, gsize size);
static inline BpLoopStats bp_loop_stats(BpLoop *loop)
{
	BpLoopStats result;

	bp_loop_stats_sized(loop, &result, sizeof(result));
	return result;
}

/* --- timers: fixed rate, no drift, 1 ms resolution --- */
/* Calls `func` every `interval` microseconds (at least 1000), `times` times (0: for ever). Calls that were missed because the loop was
 * busy are skipped and counted. A timer with a `name` is listed by the command `schedule`. */
BP_API BpTimer *bp_timer_add(BpPlugin *self, const char *name, gint64 interval, guint times, BpFunc func, gpointer data,
			     GDestroyNotify destroy);
/* Calls `func` once, after `delay`. `*place` points to the timer and is set to NULL right before `func` is called; a timer that is there
 * already is removed. After the end of `self` the pointer is invalid. */
BP_API void bp_timer_once(BpTimer **place, BpPlugin *self, gint64 delay, BpFunc func, gpointer data);
/* May be called inside the function of the timer. A timer that has run `times` times removes itself: the pointer is invalid then; only
 * bp_timer_once clears it. */
BP_API void bp_timer_remove(BpTimer *timer);
/* Restarts the interval from now; for timeouts that activity postpones. */
BP_API void bp_timer_restart(BpTimer *timer);
BP_API void bp_timer_set_interval(BpTimer *timer, gint64 interval);

/* --- descriptors --- */
typedef enum { BP_IN = 1, BP_OUT = 4, BP_PRIORITY = 2, BP_HANGUP = 16, BP_FAULT = 8 } BpEvents; /* EPOLL* values */
typedef void (*BpFdFunc)(BpPlugin *self, int fd, BpEvents events, gpointer data);
/* Level-triggered. The descriptor stays yours: close it after bp_fd_remove. When the owner begins to end, the descriptor is not polled
 * any more. */
BP_API BpFd *bp_fd_add(BpPlugin *self, int fd, BpEvents events, BpFdFunc func, gpointer data, GDestroyNotify destroy);
BP_API void bp_fd_set_events(BpFd *source, BpEvents events);
BP_API void bp_fd_remove(BpFd *source);

/* --- jobs: work that blocks, on a small pool of threads --- */
/* `work` runs on a pool thread and may call only bp_job_cancelled, bp_job_progress and functions marked "any thread". `done` is called on
 * the loop that added the job, exactly once, also when cancelled; if `self` is a scope (scope.h) that has ended, only `destroy` is
 * called. A plugin is not unmapped before the work of its jobs has returned. The command `thread` lists jobs. */
typedef void (*BpJobWork)(BpJob *job, gpointer data);
typedef void (*BpJobDone)(BpPlugin *self, gboolean cancelled, gpointer data);
/* NULL if 1024 jobs are queued already; `destroy` has been called then. */
BP_API BpJob *bp_job_add(BpPlugin *self, const char *name, BpJobWork work, BpJobDone done, gpointer data,
			 GDestroyNotify destroy);
BP_API gboolean bp_job_cancelled(BpJob *job);		  /* any thread */
BP_API void bp_job_progress(BpJob *job, double fraction); /* any thread; 0 to 1 */
BP_API void bp_job_cancel(BpJob *job);			  /* before `done` only */

G_END_DECLS
