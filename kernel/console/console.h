/* SPDX-License-Identifier: MIT */
/* console.h - the console: the handler that runs commands, its history, and who it is when nobody is there. */
#pragma once
#include "console/session.h"

/* Registers built-in commands, the handler `console` and the module ControlServer. */
void console_start(const char *state_dir);
void console_end_sessions(void);
void console_stop(void);
History *console_history(BpSession *session);
/* FALSE: the line gives a secret, or may. */
gboolean console_may_keep(const char *line);
/* The session of timers, of the batch and of `commands:`; what it says goes to channel console. */
BpSession *console_system(void);

/* --- complete.c --- */
char **console_complete(BpSession *session, const char *line, gsize cursor, gsize *start);

/* --- control.c --- */
extern const BpModule control_modules[];

/* --- terminal.c: for main.c --- */
/* Serves the console on stdin and stdout: a terminal, or lines until their end. The end of the session quits
 * the program, with status 1 if a command of a batch has failed. */
gboolean terminal_open(GError **error);
void terminal_resized(void);
void terminal_close(void);

/* --- client.c: for main.c; no kernel is running there --- */
/* Runs `command` in the instance that listens at `path` (NULL: attaches a console) and gives its exit status. */
int client_run(const char *path, const char *command);
