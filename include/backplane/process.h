/* SPDX-License-Identifier: MIT */
/* process.h - the library process: a child process that belongs to a plugin and ends with it. Link with backplane-process.
 *
 * Its standard input, output and error are non-blocking streams; the input queue is bounded. A child leads a process group of its
 * own; when its owner ends, the group gets SIGTERM, and SIGKILL if it still exists after 5 s. When the host itself dies, the child
 * gets SIGKILL. All functions are called on the main loop.
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

typedef struct BpChild BpChild;
typedef enum { BP_CHILD_OUTPUT = 1, BP_CHILD_ERRORS = 2 } BpChildPipe;

typedef struct {
	gsize size; /* sizeof(BpChildEvents), so that it can grow */
	/* Bytes of its standard output or error; valid during the call. May be NULL. */
	void (*output)(BpPlugin *self, BpChild *child, BpChildPipe pipe, const guint8 *data, gsize size, gpointer user);
	/* After a BP_FULL, when the queue has fallen below half of its limit. May be NULL. */
	void (*drained)(BpPlugin *self, BpChild *child, gpointer user);
	/* Exactly once, last: the child has ended and all of its output was delivered. `how`: "exited with status 1", "was killed by signal 9 (Killed)",
	 * "could not be run: No such file or directory". `good`: it exited with status 0. The pointer is invalid when it returns. */
	void (*ended)(BpPlugin *self, BpChild *child, gboolean good, const char *how, gpointer user);
} BpChildEvents;

typedef struct {
	const char *const *argv;     /* program and arguments; a name without / is looked up in PATH */
	const char *folder;	     /* working directory; NULL: that of the host */
	const char *const *settings; /* "NAME=VALUE", added to the environment of the host; NULL: none */
	guint64 memory;		     /* bytes of address space; 0: no limit */
	guint files;		     /* open files; 0: 256 */
	gint64 cpu;		     /* processor time, microseconds, rounded up to seconds; 0: no limit */
	gsize backlog; /* limit of the queue in bytes; 0: 1 MiB. Beyond that bp_child_write drops and counts. */
} BpChildOptions;

/* NULL with an error: nothing was started. `events` is copied. */
BP_API BpChild *bp_child_start_sized(BpPlugin *self, const BpChildOptions *options, gsize size,
				     const BpChildEvents *events, gpointer user, GError **error);
static inline BpChild *bp_child_start(BpPlugin *self, const BpChildOptions *options, const BpChildEvents *events,
				      gpointer user, GError **error)
{
	return bp_child_start_sized(self, options, sizeof(*options), events, user, error);
}
/* Queues for its standard input. BP_FULL: the queue is over half of its limit, and `drained` will be called; what exceeded the limit was
 * dropped, see bp_child_dropped. */
BP_API BpSent bp_child_write(BpChild *child, gconstpointer data, gsize size);
/* Off: what it writes to its standard output stays in the pipe, and it waits when that is full. */
BP_API void bp_child_set_reading(BpChild *child, gboolean on);
/* Closes its standard input after the queue has been written. */
BP_API void bp_child_end_input(BpChild *child);
/* Sends a signal to its process group. */
BP_API void bp_child_signal(BpChild *child, int signal);
/* Sends SIGTERM to the group now and SIGKILL after 5 s; `ended` will be called. */
BP_API void bp_child_stop(BpChild *child);
/* The same without any further callback; the pointer is invalid at once. */
BP_API void bp_child_forget(BpChild *child);
BP_API int bp_child_pid(const BpChild *child);
BP_API guint64 bp_child_dropped(const BpChild *child); /* bytes that were dropped */

G_END_DECLS
