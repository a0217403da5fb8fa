/* SPDX-License-Identifier: MIT */
/* console.h - the console: the handler that runs commands, its history, and who it is when nobody is there. */
#pragma once
#include "command/session.h"

/* Registers built-in commands and the handler `console`. */
void console_start(void);
void console_end_sessions(void);
void console_stop(void);
