/* SPDX-License-Identifier: MIT */
/* crash.h - what the program needs to report a crash, or a loop that does not turn. The functions of the reporter are a part of the
 * program backplane (plugins/crash), those of the kernel are for it. Neither allocates or takes a lock, but for `trace`: they are called
 * in handlers of signals.
 */
#pragma once
#include <backplane/plugin.h>

G_BEGIN_DECLS

typedef struct {
	gsize size;
	/* From here on a crash writes one line: signal, address, what ran, build ids. Then the signal has its usual effect. Not under a
	 * sanitizer, which has handlers of its own. The terminal on stdin is recorded as it is now. */
	void (*install)(void);
	/* Writes a last line and restores the terminal. */
	void (*write)(const char *text);
	/* Writes a backtrace of a thread of this process, from a thread of its own, which may wait for the loader's lock. */
	void (*trace)(int thread);
	/* While the loop does not turn nobody reads keys, so Ctrl-C is made a signal, and a key again afterwards. */
	void (*late)(gboolean late);
} BpCrashReporter;
extern const BpCrashReporter crash_reporter;

/* Before bp_program. NULL: nothing is reported. */
BP_API void bp_program_set_reporter(const BpCrashReporter *reporter);

/* What runs on this thread, `plugin echo, channel "door"`, is written to `text`. Returns an address in the file of the plugin whose code
 * runs; NULL: the kernel's. */
BP_API gconstpointer bp_crash_running(char *text, gsize size);
/* The name of the plugin that the loader has mapped as `map` (struct link_map), or NULL. */
BP_API const char *bp_crash_plugin(gconstpointer map);
/* Writes a line to stderr at once; it is lost rather than wait for a reader. */
BP_API void bp_crash_log(BpLogLevel level, const char *text);

G_END_DECLS
