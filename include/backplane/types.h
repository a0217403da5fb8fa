/* SPDX-License-Identifier: MIT */
/* types.h - names that every other header uses.
 *
 * Threads: unless a function says otherwise it is called on the loop that the thing it is given
 * lives on. What may be called on any thread says so.
 * Ownership: parameters are borrowed; a function that takes one says _take_. A returned `char *`
 * is yours, a `const char *` is not.
 * Failure: a function that fails (FALSE, NULL) leaves its output parameters as they were, `error` apart.
 * Units: times and intervals are gint64 microseconds unless the name says otherwise; sizes are bytes.
 *
 * The same words mean the same everywhere:
 *
 *	open, close	what lives by itself and may have something to do at its end: a stream, a server, a loop, an instance
 *	add, remove	what is put into a table of its owner and taken out again: a timer, a descriptor, a watch, a registration
 *	hold, release	a promise that something stays: a channel, an object of the registry, a plugin
 *	ref, unref	a share of memory that several have: a message, a channel, a session
 *	new, free	memory that one has, which goes with it: values, a splitter of lines, a codec
 *	send, write	a message by reference, bytes by copy; what became of them is a BpSent
 *
 * Callbacks are `function(self, thing, ..., data)`: `self` is the handle that owns the thing, `data` what was given with the
 * function. What has no owner (codecs, framings) leaves `self` out. Of everything that calls back later one can be told the end:
 * a GDestroyNotify, or a last call that comes exactly once.
 *
 * Lists are a GPtrArray that is yours (g_ptr_array_unref), of things that are lent: until the array is freed, and no longer than
 * this turn. What you want to keep, ref or hold.
 *
 * How the interface grows while BP_ABI is the same: a struct of functions that you fill begins with `gsize size`, which is
 * sizeof of it; what was added to it since is NULL for you. Rows of the descriptor's tables get longer; BpParam and what passes
 * from plugin to plugin by value have room reserved, which is 0. Options and statistics are given with their size by an inline
 * function, as bp_channel_stats, whose exported name ends in _sized.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* What a plugin is built for. BP_ABI changes when it must be built again; BP_ABI_MINOR when something is added: one that was built
 * for an earlier minor number is loaded as it is. How things grow, see below. */
#define BP_ABI 1
#define BP_ABI_MINOR 1
#define BP_API __attribute__((visibility("default")))

typedef struct BpPlugin BpPlugin;
/* An open instance of a module is a handle like a plugin's own: everything that takes a BpPlugin
 * takes a BpInstance, and what is made through it goes when the instance closes. */
typedef struct BpPlugin BpInstance;
/* So is a scope, for what comes and goes within an instance, as a connection: see scope.h. */
typedef struct BpPlugin BpScope;
typedef struct BpMessage BpMessage;
typedef struct BpChannel BpChannel;
typedef struct BpWatch BpWatch;
typedef struct BpLoop BpLoop;
typedef struct BpTimer BpTimer;
typedef struct BpFd BpFd;
typedef struct BpJob BpJob;
typedef struct BpParam BpParam;
typedef struct BpValues BpValues;
typedef struct BpContext BpContext;
typedef struct BpModule BpModule;
typedef struct BpCommand BpCommand;
typedef struct BpCall BpCall;
typedef struct BpSession BpSession;
typedef struct BpHandler BpHandler;
typedef struct BpAddress BpAddress;
typedef struct BpStream BpStream;
typedef struct BpServer BpServer;
typedef struct BpDatagram BpDatagram;
typedef struct BpTable BpTable;

/* Who may do something. A session has one; a command asks for one. */
typedef enum { BP_OBSERVER, BP_OPERATOR, BP_ADMIN } BpRole;

/* One error domain a room; the messages are sentences, "what: why; what to do". (The name is copied: a plugin that uses one
 * first may be unmapped.) */
#define BP_BUS_ERROR (g_quark_from_string("bp-bus"))
#define BP_LOOP_ERROR (g_quark_from_string("bp-loop"))
#define BP_IO_ERROR (g_quark_from_string("bp-io"))
#define BP_HOST_ERROR (g_quark_from_string("bp-host"))
#define BP_CONSOLE_ERROR (g_quark_from_string("bp-console"))
#define BP_PLUGIN_ERROR (g_quark_from_string("bp-plugin")) /* of plugins: bp_fail */

typedef enum {
	BP_FAILED,	  /* no finer reason fits */
	BP_INVALID,	  /* a value, name or file that is not acceptable */
	BP_NOT_FOUND,	  /* no such channel, module, plugin, file, ... */
	BP_EXISTS,	  /* the name is taken */
	BP_BUSY,	  /* in use by somebody else */
	BP_NOT_PERMITTED, /* role, file mode or system says no */
	BP_LIMIT,	  /* a bound of ours was reached */
	BP_TIMEOUT,	  /* it took too long */
	BP_CLOSED,	  /* the other side, or the owner, has gone */
	BP_CANCELLED,	  /* somebody asked to stop it */
	BP_ABI_MISMATCH,  /* built for another Backplane */
} BpErrorCode;

/* For functions that fail with a sentence: `return bp_fail(error, BP_INVALID, "%s: no such axis; try x, y or z", name);` Sets
 * `error` (which may be NULL) in the domain BP_PLUGIN_ERROR and returns FALSE, which is NULL too. Any thread. */
BP_API gboolean bp_fail(GError **error, BpErrorCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* What became of something that was sent, to a channel's answer, a stream, a socket, a file, a child. */
typedef enum {
	BP_SENT, /* it is on its way; go on */
	BP_FULL, /* stop for now: each function says whether this was still taken, and what is called when there is room */
	BP_GONE, /* the receiver is closing, or has gone; it was not taken */
} BpSent;

typedef void (*BpFunc)(BpPlugin *self, gpointer data);

G_END_DECLS
