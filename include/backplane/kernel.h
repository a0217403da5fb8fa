/* SPDX-License-Identifier: MIT */
/* kernel.h - for programs that embed a kernel: backplane itself, tests, benchmarks. One per process. */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

typedef struct {
	const char *state_dir;		/* settings, history, backups; NULL: none are kept */
	const char *runtime_dir;	/* control socket; NULL: none is opened */
	const char *const *plugin_path; /* folders, NULL-terminated */
} BpKernelOptions;

/* The calling thread gets the main loop (its default GMainContext). */
BP_API gboolean bp_kernel_start_sized(const BpKernelOptions *options, gsize size, GError **error);
static inline gboolean bp_kernel_start(const BpKernelOptions *options, GError **error)
{
	return bp_kernel_start_sized(options, sizeof(*options), error);
}
/* Runs until bp_kernel_quit; returns the exit status. */
BP_API int bp_kernel_run(void);
/* Any thread. */
BP_API void bp_kernel_quit(int status);
BP_API gboolean bp_kernel_is_quitting(void);
/* Closes instances, unloads plugins, saves settings. Returns the number of leaked objects, which are listed on stderr. */
BP_API guint bp_kernel_stop(void);
/* The plugin that is the kernel itself, so that every object has an owner. */
BP_API BpPlugin *bp_kernel(void);
/* When it was started; by the wall clock as it is set now, so that a step of that clock makes nobody older. */
BP_API gint64 bp_kernel_started(void);
/* The folder of the state; NULL: no state is kept. */
BP_API const char *bp_kernel_state_folder(void);
/* The name for users: "Backplane 0.1.0". */
BP_API const char *bp_kernel_version(void);

/* `file` is a path or a name to be looked up in the plugin path. */
BP_API BpPlugin *bp_plugin_load(const char *file, GError **error);
/* Adds a descriptor that is linked into the program, for tests. */
BP_API BpPlugin *bp_plugin_add(const void *plugin_info, GError **error);
BP_API BpPlugin *bp_plugin_find(const char *name);
BP_API GPtrArray *bp_plugin_list(void);
/* Begins to unload. If code of the plugin is on the stack, or asynchronous calls of it have not returned, the loop continues later.
 * `done` (may be NULL) is called on the main loop when the plugin has been unloaded. Any thread. */
typedef void (*BpUnloadDone)(const char *name, gpointer data);
BP_API void bp_plugin_unload(BpPlugin *plugin, BpUnloadDone done, gpointer data);

/* The loader of the configuration file, registered as "startup/config". */
typedef gboolean (*BpConfigRun)(const char *line, GError **error);
typedef struct {
	gsize size;
	/* Checks the file and, unless `only_check`, applies it; `run` runs each line of its commands. */
	gboolean (*start)(BpPlugin *self, const char *file, gboolean only_check, BpConfigRun run, GError **error);
} BpConfigLoader;

/* Tells the service manager (sd_notify(3)): "READY=1", "RELOADING=1\nMONOTONIC_USEC=...", "STATUS=...". Has no effect without one. */
BP_API void bp_kernel_notify(const char *state);

/* Channel of program events: the signals "SIGHUP" and "SIGWINCH", BP_SIGNAL_START when everything is loaded and open, and "STDOUT"
 * (see bp_stdout_write). */
#define BP_SIGNALS "signals"
#define BP_SIGNAL_START "start"

/* The whole program backplane: parses the command line, starts, runs, stops; returns the exit status, or BP_PROGRAM_AGAIN
 * when it is to be started anew with the same arguments (restart). `client` is called for
 * `backplane -x`: the other end of the control socket (control.h). `path` is that of `-S`, or NULL; `command` is NULL: what stands behind
 * `-x` has been taken from the arguments before (control_take_command). */
#define BP_PROGRAM_AGAIN (-1)
typedef int (*BpProgramClient)(const char *path, const char *command);
BP_API int bp_program(int argc, char **argv, BpProgramClient client);

G_END_DECLS
