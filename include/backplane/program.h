/* SPDX-License-Identifier: MIT */
/* program.h - parts of the program backplane that are not the kernel's (plugins/program), and what they need of it. Other programs that
 * embed a kernel may have their own, or none.
 */
#pragma once
#include <backplane/plugin.h>

G_BEGIN_DECLS

typedef struct {
	gsize size;
	/* First of all: limits and handlers of crashes. From here on a crash writes one line: signal, address, what ran, build ids. Then
	 * the signal has its usual effect. The terminal on stdin is recorded as it is now. */
	void (*begin)(void);
	/* The path of the state folder. Yours. */
	char *(*state_folder)(void);
	/* The state folder is this process's until it ends; FALSE: another one has it. */
	gboolean (*claim)(const char *folder, GError **error);
	/* The folders of plugins, after those that were given (may be NULL). Free with g_strfreev. */
	char **(*plugin_path)(char *const *given);
	/* Writes a last line and restores the terminal. In a handler of signals too. */
	void (*write)(const char *text);
	/* Writes a backtrace of a thread of this process, from a thread of its own, which may wait for the loader's lock. */
	void (*trace)(int thread);
	/* While the loop does not turn nobody reads keys, so Ctrl-C is made a signal, and a key again afterwards. */
	void (*late)(gboolean late);
} BpProgramParts;

/* Before bp_program; each function must be there. */
BP_API void bp_program_set_parts(const BpProgramParts *parts);

/* --- for the report of a crash: neither allocates nor takes a lock --- */
/* What runs on this thread, `plugin echo, channel "door"`, is written to `text`. Returns an address in the file of the plugin whose code
 * runs; NULL: the kernel's. */
BP_API gconstpointer bp_crash_running(char *text, gsize size);
/* The name of the plugin that the loader has mapped as `map` (struct link_map), or NULL. */
BP_API const char *bp_crash_plugin(gconstpointer map);
/* Writes a line to stderr at once; it is lost rather than wait for a reader. */
BP_API void bp_crash_log(BpLogLevel level, const char *text);

G_END_DECLS
