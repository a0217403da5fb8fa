/* SPDX-License-Identifier: MIT */
/* slow-shim.c - preloaded, it makes a disk slow and tells who uses it.
 *
 * Each call that may wait for the disk, on a path below $SLOW_FOLDER, is written to $SLOW_LOG as "main fsync PATH", or "job ..."
 * on any thread but the first. While the file $SLOW_FOLDER/slow is there, fsync and fdatasync take 3 s more each.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default")))
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_ours(const char *path)
{
	const char *folder = getenv("SLOW_FOLDER");

	return folder && path && strncmp(path, folder, strlen(folder)) == 0;
}

/* On a path of ours; relative ones begin in the folder, where the program runs. */
static int note(const char *what, const char *path)
{
	static int log = -1;
	char line[4500];
	int size;

	if (!is_ours(path) && *path == '/')
		return 0;
	if (log < 0)
		log = REAL(open)(getenv("SLOW_LOG"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	size = snprintf(line, sizeof(line), "%s %s %s\n", gettid() == getpid() ? "main" : "job", what, path);
	if (REAL(write)(log, line, (size_t)size) != size)
		abort(); /* a test that tests nothing is worse than none */
	return 1;
}

static int note_fd(const char *what, int fd)
{
	char name[64], path[4096];
	ssize_t size;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	size = readlink(name, path, sizeof(path) - 1);
	if (size <= 0)
		return 0;
	path[size] = 0;
	return is_ours(path) && note(what, path);
}

static void be_slow(int ours)
{
	char mark[4096];

	snprintf(mark, sizeof(mark), "%s/slow", getenv("SLOW_FOLDER"));
	if (ours && access(mark, F_OK) == 0)
		sleep(3);
}

#define OPEN(name) \
	SHOWN int name(const char *path, int flags, ...) \
	{ \
		va_list list; \
		mode_t mode; \
\
		va_start(list, flags); \
		mode = flags & O_CREAT ? va_arg(list, mode_t) : 0; \
		va_end(list); \
		note("open", path); \
		return REAL(name)(path, flags, mode); \
	}
#undef open
#undef open64
SHOWN int open(const char *path, int flags, ...);
SHOWN int open64(const char *path, int flags, ...);
OPEN(open)
OPEN(open64)

SHOWN FILE *fopen(const char *restrict path, const char *restrict mode)
{
	note("fopen", path);
	return REAL(fopen)(path, mode);
}

SHOWN int fsync(int fd)
{
	be_slow(note_fd("fsync", fd));
	return REAL(fsync)(fd);
}

SHOWN int fdatasync(int fd)
{
	be_slow(note_fd("fdatasync", fd));
	return REAL(fdatasync)(fd);
}

SHOWN ssize_t write(int fd, const void *data, size_t size)
{
	note_fd("write", fd);
	return REAL(write)(fd, data, size);
}

SHOWN ssize_t read(int fd, void *data, size_t size)
{
	note_fd("read", fd);
	return REAL(read)(fd, data, size);
}

SHOWN int rename(const char *from, const char *to)
{
	note("rename", to);
	return REAL(rename)(from, to);
}
