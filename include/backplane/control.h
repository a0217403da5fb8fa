/* SPDX-License-Identifier: MIT */
/* control.h - the protocol of the control socket, between control.c and client.c.
 *
 * The client begins with one line, CONTROL_RUN or CONTROL_ATTACH. After "run" it sends commands and shuts down its sending
 * side; the answer is their output, then a NUL and the decimal exit status. With "script" behind the
 * columns, what follows the first NUL is for standard error, and the end of the host is a failure. After "attach" it sends frames: a letter, a length
 * (16 bits, network order) and that many bytes: 'd' for input, 'r' for columns and rows (16 bits each). The answer is the output for
 * the terminal.
 */
#pragma once
#include <glib.h>

#define CONTROL_RUN "backplane-control 1 run %u\n"		 /* columns */
#define CONTROL_SCRIPT " script"				 /* behind the columns of "run" */
#define CONTROL_ATTACH "backplane-control 1 attach %u %u %63s\n" /* columns, rows, TERM */
#define CONTROL_SOCKET "backplane/control"			 /* in the runtime folder */

/* Takes from the arguments what stands behind `-x`: the command, its options too; one word is a whole line, several are quoted as words.
 * It is erased there, so that the list of processes does not show secrets. NULL: nothing stands there. */
char *control_take_command(int *argc, char **argv);
/* The client, which runs without a kernel. Runs `command` ("-": the lines on stdin; NULL: attaches a console) in the process that
 * listens at `path` (NULL: at the default places) and returns its exit status. `apart`: what follows a NUL goes to stderr. */
int control_client(const char *path, const char *command, gboolean apart);
/* Whether somebody listens there. */
gboolean control_answers(const char *path);
