/* SPDX-License-Identifier: MIT */
/* control.h - what is spoken on the control socket, by control.c and client.c.
 *
 * The client begins with one line, CONTROL_RUN or CONTROL_ATTACH. After "run" it sends commands until it ends
 * its half; the answer is their output, then a NUL and the decimal exit status. After "attach" it sends frames: a
 * letter, a length (16 bits, network order), that many bytes: 'd' what was typed, 'r' columns and rows (16 bits each).
 * The answer is what the terminal shows.
 */
#pragma once
#include <glib.h>

#define CONTROL_RUN "backplane-control 1 run %u\n"		 /* columns */
#define CONTROL_ATTACH "backplane-control 1 attach %u %u %63s\n" /* columns, rows, TERM */
#define CONTROL_SOCKET "backplane/control"			 /* in the runtime folder */

/* The client, a part of the program: no kernel is running there. Runs `command` in the instance that listens at `path` (NULL:
 * attaches a console) and gives its exit status. */
int control_client(const char *path, const char *command);
