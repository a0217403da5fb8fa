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
