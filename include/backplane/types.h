/* SPDX-License-Identifier: MIT */
/* types.h - names that every other header uses.
 *
 * Threads: a function is called on the loop to which its object belongs, unless its comment says "any thread".
 * Ownership: parameters are borrowed; a function that takes one says _take_. A returned `char *`
 * is yours, a `const char *` is not.
 * Failure: a function that fails (FALSE, NULL) leaves its output parameters as they were, `error` apart.
 * Units: times and intervals are gint64 microseconds unless the name says otherwise; sizes are bytes.
 *
 * The same words mean the same everywhere:
 *
 *	open, close	an object with a life of its own, which may still work while it ends: a stream, a server, a loop, an instance
 *	add, remove	an entry in a table of its owner: a timer, a descriptor, a watch, a registration
 *	hold, release	keeps an object in existence: a channel, an object of the registry, a plugin
 *	ref, unref	a counted reference to shared memory: a message, a channel, a session
 *	new, free	memory with one user: values, a line splitter, a codec
 *	send, write	a message by reference, bytes by copy; the result is a BpSent
 *
 * Callbacks are `function(self, thing, ..., data)`: `self` is the handle that owns the object, `data` the pointer that was registered
 * with the function. Objects without an owner (codecs, framings) have no `self`. Each registration of a callback reports its end:
 * by a GDestroyNotify, or by a last callback that is called exactly once.
 *
 * A list is a GPtrArray of yours (g_ptr_array_unref). Its elements are borrowed until the array is freed, and no longer than this turn;
 * ref or hold an element to keep it.
 *
 * How the interface grows while BP_ABI stays the same: a struct of functions begins with `gsize size`, its sizeof at the time of
 * compilation; functions that were added later are NULL. Rows of the descriptor's tables may become longer. BpParam, and structs that
 * plugins pass to each other by value, have reserved members, which are 0. Inline functions pass the size of options and statistics to
 * an exported function whose name ends in _sized, as bp_channel_stats does.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* The version of the interface. BP_ABI changes when plugins must be compiled again; BP_ABI_MINOR changes when something is added, and
 * plugins that were compiled with an earlier minor number are loaded unchanged. */
#define BP_ABI 1
#define BP_ABI_MINOR 1
#define BP_API __attribute__((visibility("default")))

typedef struct BpPlugin BpPlugin;
/* An open instance of a module is a handle like that of a plugin: every function that takes a BpPlugin takes a BpInstance, and all that
 * is made through it is dropped when the instance closes. */
typedef struct BpPlugin BpInstance;
/* So is a scope, for an object within an instance, such as a connection: see scope.h. */
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

/* Roles in ascending order. A session has one; a command requires at least one. */
typedef enum { BP_OBSERVER, BP_OPERATOR, BP_ADMIN } BpRole;

/* Error domains; messages are sentences, "what: why; what to do". (g_quark_from_string copies the name, since the plugin that uses it first
 * may be unmapped.) */
#define BP_BUS_ERROR (g_quark_from_string("bp-bus"))
#define BP_LOOP_ERROR (g_quark_from_string("bp-loop"))
#define BP_IO_ERROR (g_quark_from_string("bp-io"))
#define BP_HOST_ERROR (g_quark_from_string("bp-host"))
#define BP_CONSOLE_ERROR (g_quark_from_string("bp-console"))
#define BP_PLUGIN_ERROR (g_quark_from_string("bp-plugin")) /* of plugins: bp_fail */

typedef enum {
	BP_FAILED,	  /* no other code fits */
	BP_INVALID,	  /* an invalid value, name or file */
	BP_NOT_FOUND,	  /* no such channel, module, plugin, file, ... */
	BP_EXISTS,	  /* the name is taken */
	BP_BUSY,	  /* in use by another program or plugin */
	BP_NOT_PERMITTED, /* refused by role, file mode or system */
	BP_LIMIT,	  /* a configured or built-in limit was reached */
	BP_TIMEOUT,	  /* it took too long */
	BP_CLOSED,	  /* the peer or the owner has closed */
	BP_CANCELLED,	  /* stopped on request */
	BP_ABI_MISMATCH,  /* compiled for another version of the interface */
} BpErrorCode;

/* For functions that fail with an error: `return bp_fail(error, BP_INVALID, "%s: no such axis; try x, y or z", name);` Sets
 * `error` (which may be NULL) in the domain BP_PLUGIN_ERROR and returns FALSE, which is NULL too. Any thread. */
BP_API gboolean bp_fail(GError **error, BpErrorCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* The result of sending to a stream, a socket, a file, a child or a reply channel. */
typedef enum {
	BP_SENT, /* queued or delivered; go on */
	BP_FULL, /* pause: each function documents whether the data was still queued, and which callback reports room */
	BP_GONE, /* the receiver is closing or closed; the data was dropped */
} BpSent;

typedef void (*BpFunc)(BpPlugin *self, gpointer data);

G_END_DECLS
