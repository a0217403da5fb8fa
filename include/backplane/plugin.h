/* SPDX-License-Identifier: MIT */
/* plugin.h - the descriptor that a .so exports, and the handle of the plugin.
 *
 * A plugin is a constant: its tables of commands, modules and handlers are registered by the kernel.
 * All objects that `load` makes are owned by the handle and dropped, newest first, when the plugin is unloaded; an
 * `unload` function is only for what the kernel does not know of (memory of your own, a library).
 *
 * Unloading: from its beginning only `unload` and the callbacks that are called exactly once are still called (`closed` of a stream,
 * `end` of a session, `gone` of an exchange, `done` of a job or a run, destroy notifies). The kernel waits until no code of the plugin
 * is on the stack, closes its instances, calls `unload`, ends what is still open, drops all other objects, and calls dlclose.
 */
#pragma once
#include <backplane/command.h>
#include <backplane/handler.h>
#include <backplane/module.h>
#include <backplane/types.h>

G_BEGIN_DECLS

typedef struct {
	/* Set by BP_PLUGIN: the interface version and the sizes of the rows with which the plugin was compiled. */
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
	gboolean resident; /* never unmapped, since a library that it links starts threads or registers GTypes */
	/* Since 1.1: names of plugins that this one needs, separated by blanks, "uart web"; they are loaded before it. If one of them is
	 * unloaded later, this one stays loaded. */
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
/* A pointer for the plugin's own use. */
BP_API void bp_plugin_set_data(BpPlugin *self, gpointer data);
BP_API gpointer bp_plugin_data(const BpPlugin *self);
/* `cancel(object)` is called when the plugin (or instance) begins to end, before anything of it is closed; `free(object)` is called at
 * the very end. gio.h sets it for GIO. */
typedef struct {
	gpointer object; /* NULL: nothing */
	void (*cancel)(gpointer object);
	void (*free)(gpointer object);
} BpCancel;
BP_API BpCancel *bp_plugin_cancel(BpPlugin *self);
/* For asynchronous calls of other libraries: a held plugin is unloaded only after as many releases. Any thread. */
BP_API void bp_plugin_hold(BpPlugin *self);
BP_API void bp_plugin_release(BpPlugin *self);
/* The same with a name that is shown while unloading waits for it; use the same text for both. */
BP_API void bp_plugin_hold_for(BpPlugin *self, const char *what);
BP_API void bp_plugin_release_for(BpPlugin *self, const char *what);
/* Calls `undo(data)` at the end of `self`, in reverse order of creation with everything else that it owns. */
BP_API void bp_plugin_defer_undo(BpPlugin *self, GDestroyNotify undo, gpointer data);

/* Writes a line to channel "log", to the journal, and to stderr unless a terminal console shows it. Any thread. */
typedef enum { BP_LOG_ERROR = 3, BP_LOG_WARNING = 4, BP_LOG_NOTICE = 5, BP_LOG_INFO = 6, BP_LOG_DEBUG = 7 } BpLogLevel;
BP_API void bp_log(BpPlugin *self, BpLogLevel level, const char *format, ...) G_GNUC_PRINTF(3, 4);

G_END_DECLS
