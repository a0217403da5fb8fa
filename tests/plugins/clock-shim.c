/* SPDX-License-Identifier: MIT */
/* clock-shim.c - preloaded, it sets the wall clock of one program apart, by the seconds in the file that CLOCK_OFFSET names.
 *
 * The file is mapped: eight bytes, in the machine's order, which a test may write again at any time. The monotonic clock
 * is left as it is.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

#define SHOWN __attribute__((visibility("default")))
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static volatile const int64_t *offset;

__attribute__((constructor)) static void map_offset(void)
{
	const char *path = getenv("CLOCK_OFFSET");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *place = fd >= 0 ? mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

	if (place == MAP_FAILED)
		abort(); /* a test that tests nothing is worse than none */
	offset = place;
}

SHOWN int clock_gettime(clockid_t clock, struct timespec *now)
{
	static __typeof__(&clock_gettime) real;
	int result;

	if (!real)
		real = REAL(clock_gettime);
	result = real(clock, now);
	if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) && offset)
		now->tv_sec += *offset;
	return result;
}

SHOWN int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec precise;

	clock_gettime(CLOCK_REALTIME, &precise);
	now->tv_sec = precise.tv_sec;
	now->tv_usec = precise.tv_nsec / 1000;
	return 0;
}

SHOWN time_t time(time_t *place)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (place)
		*place = now.tv_sec;
	return now.tv_sec;
}
