/* SPDX-License-Identifier: MIT */
/* plugin.h - the descriptor that a .so exports, and the handle it works through.
 *
 * A plugin is a constant: its tables of commands, modules and handlers are registered by the kernel.
 * What `load` makes is owned by the handle and undone, newest first, when the plugin is unloaded; an
 * `unload` function is only for what the kernel does not know of (memory of one's own, a library).
 *
 * Unloading: nothing of the plugin is called any more but what is called exactly once at the end of something (`closed` of a
 * stream, `end` of a session, `gone` of an exchange, `done` of a job or a run, destroy notifies) and `unload`; its code leaves the
 * stack; its instances close; `unload`; what it has left open ends, then all it owns goes; dlclose.
 */
#pragma once
#include <backplane/command.h>
#include <backplane/handler.h>
#include <backplane/module.h>
#include <backplane/types.h>

G_BEGIN_DECLS

typedef struct {
	/* BP_PLUGIN fills these in: for what, and with rows of which sizes, it was built. */
	gsize size;
	guint abi, abi_minor;
	guint command_size, module_size, handler_size;
	const char *name; /* also the folder's and the file's: NAME.so; [a-z0-9-] */
	const char *version;
	const char *summary; /* one line */
	const char *
		manual; /* for `plugin info`: purpose, modules, channels, examples; stands at the top of the file; may be NULL */
	const BpCommand *commands; /* tables end with { NULL } */
	const BpModule *modules;
	const BpHandler *handlers;
	gboolean (*load)(BpPlugin *self, GError **error);
	void (*unload)(BpPlugin *self);
	gboolean resident; /* a library under it starts threads or registers GTypes: never unmapped */
	/* Since 1.1: names of plugins without which this one has no use, parted by blanks, "uart web": they are loaded before it. If
	 * one of them is unloaded later, this one stays. */
	const char *needs;
} BpPluginInfo;

/* The one exported symbol. */
#define BP_PLUGIN_SYMBOL "bp_plugin_info"
#define BP_PLUGIN(...) \
	BP_API extern const BpPluginInfo bp_plugin_info; \
	const BpPluginInfo bp_plugin_info = { BP_PLUGIN_BUILT, __VA_ARGS__ }
#define BP_PLUGIN_BUILT \
	.size = sizeof(BpPluginInfo), .abi = BP_ABI, .abi_minor = BP_ABI_MINOR, .command_size = sizeof(BpCommand), \
	.module_size = sizeof(BpModule), .handler_size = sizeof(BpHandler)

/* "tcp"; for an instance the instance's name. */
BP_API const char *bp_plugin_name(const BpPlugin *self);
/* A pointer of the plugin's own. */
BP_API void bp_plugin_set_data(BpPlugin *self, gpointer data);
BP_API gpointer bp_plugin_data(const BpPlugin *self);
/* What is called when the plugin (or instance) begins to go, before anything of it is closed: `cancel(object)`, and
 * `free(object)` at the very end. For GIO, gio.h fills it in. */
typedef struct {
	gpointer object; /* NULL: nothing */
	void (*cancel)(gpointer object);
	void (*free)(gpointer object);
} BpCancel;
BP_API BpCancel *bp_plugin_cancel(BpPlugin *self);
/* For asynchronous calls that will call back: what is held is unloaded only when it has been released as often. Any thread. */
BP_API void bp_plugin_hold(BpPlugin *self);
BP_API void bp_plugin_release(BpPlugin *self);
/* The same with a name, which is shown when an unload waits for it: both are given the same text. */
BP_API void bp_plugin_hold_for(BpPlugin *self, const char *what);
BP_API void bp_plugin_release_for(BpPlugin *self, const char *what);
/* Calls `undo(data)` when `self` goes, in reverse order with everything else it owns. */
BP_API void bp_plugin_defer_undo(BpPlugin *self, GDestroyNotify undo, gpointer data);

/* A line on channel "log", on stderr when nobody is at a terminal, and in the journal. Any thread. */
typedef enum { BP_LOG_ERROR = 3, BP_LOG_WARNING = 4, BP_LOG_NOTICE = 5, BP_LOG_INFO = 6, BP_LOG_DEBUG = 7 } BpLogLevel;
BP_API void bp_log(BpPlugin *self, BpLogLevel level, const char *format, ...) G_GNUC_PRINTF(3, 4);

G_END_DECLS
