/* SPDX-License-Identifier: MIT */
/* output.h - stdout and stderr, beside what <backplane/host.h> has of them. */
#pragma once
#include <backplane/host.h>

/* The kernel runs, so that channels can be told; at its end, stderr gets a moment to take what it was given. */
void output_set_up(gboolean up);
/* A line for stderr; any thread. */
void output_error(const char *text);
/* After the kernel. Waits until stdout has taken all there was; `at_once`: only for a moment. */
void output_end(gboolean at_once);
