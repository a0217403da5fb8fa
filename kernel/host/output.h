/* SPDX-License-Identifier: MIT */
/* output.h - stdout and stderr, beside what <backplane/host.h> has of them. */
#pragma once
#include <backplane/host.h>

void output_start(void);
/* A line for stderr; any thread. */
void output_error(const char *text);
/* Waits until stderr has taken what it was given, for a moment. */
void output_flush_errors(void);
/* After the kernel. Waits until stdout has taken all there was; `at_once`: only for a moment. */
void output_end(gboolean at_once);
