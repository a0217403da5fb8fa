/* SPDX-License-Identifier: MIT */
/* log.h - where log lines go besides channel "log"; stdout and stderr, beside what <backplane/host.h> has of them. */
#pragma once
#include <backplane/host.h>

void log_start(void);
void log_stop(void);
/* TRUE: the kernel runs, and channels can be used. FALSE: waits a moment for stderr to be written. */
void output_set_up(gboolean up);
/* A line for stderr; any thread. */
void output_error(const char *text);
/* After the kernel. Waits until stdout is written completely; `at_once`: only for a moment. */
void output_end(gboolean at_once);
