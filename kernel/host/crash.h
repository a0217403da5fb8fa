/* SPDX-License-Identifier: MIT */
/* crash.h - the last line of a program that crashes or does not end, and where a loop is that does not turn. */
#pragma once
#include <sys/types.h>
#include <glib.h>

/* From here on a crash writes one line: signal, address, what ran, build ids. Then the signal has its usual effect. Not
 * under a sanitizer, which has handlers of its own. The terminal on stdin is remembered as it is now. */
void crash_install(void);
/* A last line, and the terminal as it was. In a handler of signals too. */
void crash_write(const char *text);
/* Writes a backtrace of a thread of this process, from a thread of its own, which may wait for the loader's lock. */
void crash_trace(pid_t thread);
/* While the loop does not turn nobody reads keys, so Ctrl-C is made a signal, and a key again afterwards. */
void crash_late(gboolean late);
