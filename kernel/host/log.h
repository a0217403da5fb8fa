/* SPDX-License-Identifier: MIT */
/* log.h - where log lines go besides channel "log"; stdout and stderr, beside what <backplane/host.h> has of them. */
#pragma once
#include <backplane/host.h>

/* Lines up to this level go to stderr too; the default is BP_LOG_WARNING. In the journal's form when stderr is its
 * socket. */
void log_set_stderr(BpLogLevel level);
/* For lines of JSON: a string with its quotes; what is not UTF-8 becomes U+FFFD. Yours. */
char *json_quote(const char *text);
void log_start(void);
void log_stop(void);
/* TRUE: the kernel runs, and channels can be used. FALSE: waits a moment for stderr to be written. */
void output_set_up(gboolean up);
/* A line for stderr; any thread. */
void output_error(const char *text);
/* After the kernel. Waits until stdout is written completely; `at_once`: only for a moment. */
void output_end(gboolean at_once);
