/* SPDX-License-Identifier: MIT */
/* usage.h - help texts made from a command's table. */
#pragma once
#include <backplane/param.h>

/* "consoleserver [-sq] [-p PORT] [-b ADDRESS] NAME [WORD...]". `table` may be NULL. Yours. */
char *usage_line(const char *name, const BpParam *table);
