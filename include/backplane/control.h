/* SPDX-License-Identifier: MIT */
/* control.h - the protocol of the control socket, between control.c and client.c.
 *
 * The client begins with one line, CONTROL_RUN or CONTROL_ATTACH. After "run" it sends commands and shuts down its sending
 * side; the answer is their output, then a NUL and the decimal exit status. After "attach" it sends frames: a letter, a length
 * (16 bits, network order) and that many bytes: 'd' for input, 'r' for columns and rows (16 bits each). The answer is the output for
 * the terminal.
 */
#pragma once
#include <glib.h>

#define CONTROL_RUN "backplane-control 1 run %u\n"		 /* columns */
#define CONTROL_ATTACH "backplane-control 1 attach %u %u %63s\n" /* columns, rows, TERM */
#define CONTROL_SOCKET "backplane/control"			 /* in the runtime folder */

/* The client, which runs without a kernel. Runs `command` in the process that listens at `path` (NULL: attaches a console) and returns
 * its exit status. */
int control_client(const char *path, const char *command);
