/* SPDX-License-Identifier: MIT */
/* usage.h - help texts made from a command's table. */
#pragma once
#include <backplane/param.h>

/* "consoleserver [-sq] [-p PORT] [-b ADDRESS] NAME [WORD...]". `table` may be NULL. Yours. */
char *usage_line(const char *name, const BpParam *table);
/* One line a parameter, arguments first, aligned, wrapped at so many columns (0: 80), each ended by a newline; "" when there is
 * none. Yours. */
char *usage_params(const BpParam *table, guint columns);
