/* SPDX-License-Identifier: MIT */
/* no-symbol.c - a library that is no plugin. */
#include <backplane/backplane.h>

BP_API int nothing_of_interest(void);
int nothing_of_interest(void)
{
	return BP_ABI;
}
