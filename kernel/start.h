/* SPDX-License-Identifier: MIT */
/* start.h - what main.c asks of the kernel beside kernel.h. */
#pragma once
#include <backplane/kernel.h>

/* The program begins anew, with the same arguments, when the loop has ended. */
void kernel_restart(void);
gboolean kernel_wants_restart(void);

/* client.c, `backplane -x`: no kernel is running there. Runs `command` in the instance that listens at `path` (NULL: attaches a
 * console) and gives its exit status. */
int client_run(const char *path, const char *command);
