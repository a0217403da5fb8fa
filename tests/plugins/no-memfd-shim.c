/* SPDX-License-Identifier: MIT */
/* no-memfd-shim.c - preloaded, it refuses memory that can be executed, as vm.memfd_noexec=2 does. */
#include <errno.h>

__attribute__((visibility("default"))) int memfd_create(const char *name, unsigned flags)
{
	errno = EACCES;
	return -1;
}
