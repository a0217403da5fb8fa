/* SPDX-License-Identifier: MIT */
/* program.h - what the files of this folder share; see <backplane/program.h>. */
#pragma once
#include <backplane/program.h>

void crash_install(void);
void crash_write(const char *line);
void crash_trace(int thread);
void crash_late(gboolean late);
gboolean claim_state(const char *folder, GError **error);
/* Returns if there is no program for what the arguments say. */
void run_tool(char **argv);
/* The command of the host that `backplane watch ...` and its like run; the arguments become those of -x. NULL: it is none of these. */
char *tool_take_command(int *argc, char **argv);
/* Runs it, and returns the exit status. `path` of the control socket, or NULL. */
int tool_run(const char *path, const char *command);
