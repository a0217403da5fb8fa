/* SPDX-License-Identifier: MIT */
/* loop.h - one GMainContext with an epoll poller, timers, deferred calls, jobs on other threads.
 *
 * The process has a main loop; a plugin may open more, each with a thread of its own. What is made on
 * a loop stays there: its functions run there, and it is removed there. No socket gets a GSource of
 * its own: descriptors added here share one epoll descriptor (2.6 us an event with 10,000 idle ones;
 * GLib's own polling costs 3 ms).
 *
 * A turn: what other threads sent, then timers that are due, then descriptors that are ready, then
 * deferred calls. Streams flush what was written in a turn in its last part.
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

/* The loop whose code is running, else (on a thread without one) NULL. */
BP_API BpLoop *bp_loop_current(void);
BP_API BpLoop *bp_loop_main(void);
/* A loop on a thread of its own, of a plugin or an instance; opened and closed on the main loop. It stops
 * when `self` goes, before anything else of `self` does, the close or unload function included. What
 * others have made on it is not called any more. What an owner that goes has on a loop that stays is
 * undone there, after its close or unload function, which no code of it runs beside on any loop. */
BP_API BpLoop *bp_loop_open(BpPlugin *self, const char *name, GError **error);
BP_API void bp_loop_close(BpLoop *loop);
BP_API const char *bp_loop_name(const BpLoop *loop);
BP_API GMainContext *bp_loop_context(BpLoop *loop);
/* Runs `func` on that loop soon. Any thread, also while `self` is going; a thread of your own ends with
 * `self`, or holds it. For a scope only on its own loop. FALSE if the inbox is full, or the loop or `self`
 * ends: then nothing is called but `destroy`. Inbox entries are bounded in number (BP_INBOX_LIMIT) and kept
 * in order. */
#define BP_INBOX_LIMIT 65536
BP_API gboolean bp_loop_call(BpPlugin *self, BpLoop *loop, BpFunc func, gpointer data, GDestroyNotify destroy);
/* Runs `func` in the last part of this turn, before writes are flushed; not if `self` goes before that: what must happen
 * all the same, as freeing `data`, belongs into `destroy`. */
BP_API void bp_defer(BpPlugin *self, BpFunc func, gpointer data, GDestroyNotify destroy);
/* Monotonic time of this turn's beginning (exact outside a loop), microseconds. */
BP_API gint64 bp_loop_now(void);

typedef struct {
	guint64 turns, events, calls; /* polls, ready descriptors, inbox entries */
	guint64 drops;		      /* inbox entries refused: it was full */
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
/* Every `interval` microseconds (1000 at least), `times` times (0: for ever). Runs missed because
 * the loop was busy are skipped and counted. A `name` shows in the list of the command `schedule`
 * (NULL: it does not). */
BP_API BpTimer *bp_timer_add(BpPlugin *self, const char *name, gint64 interval, guint times, BpFunc func, gpointer data,
			     GDestroyNotify destroy);
/* Once, after `delay`. `*place` is that timer until it runs, and NULL before `func` is called; one that is there already is removed.
 * When `self` has gone the pointer is dead. */
BP_API void bp_timer_once(BpTimer **place, BpPlugin *self, gint64 delay, BpFunc func, gpointer data);
/* Also inside its function. A timer that has run its times removes itself: the pointer is dead then, unless bp_timer_once has it. */
BP_API void bp_timer_remove(BpTimer *timer);
/* Starts the interval afresh from now; for timeouts that activity pushes back. */
BP_API void bp_timer_restart(BpTimer *timer);
BP_API void bp_timer_set_interval(BpTimer *timer, gint64 interval);

/* --- descriptors --- */
typedef enum { BP_IN = 1, BP_OUT = 4, BP_PRIORITY = 2, BP_HANGUP = 16, BP_FAULT = 8 } BpEvents; /* EPOLL* values */
typedef void (*BpFdFunc)(BpPlugin *self, int fd, BpEvents events, gpointer data);
/* Level-triggered. The descriptor stays yours to close, after bp_fd_remove. One of an owner that waits for
 * its end is not looked at any more. */
BP_API BpFd *bp_fd_add(BpPlugin *self, int fd, BpEvents events, BpFdFunc func, gpointer data, GDestroyNotify destroy);
BP_API void bp_fd_set_events(BpFd *source, BpEvents events);
BP_API void bp_fd_remove(BpFd *source);

/* --- jobs: work that blocks, on a small pool of threads --- */
/* `work` runs on a pool thread and touches nothing of ours but bp_job_cancelled, bp_job_progress and
 * channels' sending; `done` runs on the loop that added the job, exactly once, also when cancelled, unless `self` is a scope
 * (scope.h) that has gone: then `destroy` alone is called. A plugin is not unmapped before its jobs' work has returned. Shown by
 * the command `thread`. */
typedef void (*BpJobWork)(BpJob *job, gpointer data);
typedef void (*BpJobDone)(BpPlugin *self, gboolean cancelled, gpointer data);
/* NULL (and `destroy` called) when 1024 are waiting already. */
BP_API BpJob *bp_job_add(BpPlugin *self, const char *name, BpJobWork work, BpJobDone done, gpointer data,
			 GDestroyNotify destroy);
BP_API gboolean bp_job_cancelled(BpJob *job);		  /* any thread */
BP_API void bp_job_progress(BpJob *job, double fraction); /* any thread; 0 to 1 */
BP_API void bp_job_cancel(BpJob *job);			  /* before `done` only */

G_END_DECLS
