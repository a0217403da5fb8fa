/* SPDX-License-Identifier: MIT */
/* peer-shim.c - preloaded, it lets whoever is at the other end of a Unix socket be the user that PEER_UID names. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/socket.h>

__attribute__((visibility("default"))) int getsockopt(int fd, int level, int name, void *restrict value,
						      socklen_t *restrict size)
{
	static __typeof__(&getsockopt) real;
	const char *uid = getenv("PEER_UID");
	int result;

	if (!uid)
		abort(); /* a test that tests nothing is worse than none */
	if (!real)
		real = (__typeof__(&getsockopt))dlsym(RTLD_NEXT, "getsockopt");
	result = real(fd, level, name, value, size);
	if (result == 0 && level == SOL_SOCKET && name == SO_PEERCRED)
		((struct ucred *)value)->uid = (uid_t)strtoul(uid, NULL, 10);
	return result;
}
