/* SPDX-License-Identifier: MIT */
/* uart-lock.c - UUCP lock files, by which minicom, cu, pppd and others leave a port to each other: LOCK_DIR/LCK..ttyUSB0.
 *
 * The file has the id of the process, as ten characters or as four bytes. One whose process has ended is removed. It is looked at before
 * the device is opened, since opening alone raises DTR and RTS. Where the folder cannot be written, flock alone excludes others.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "uart.h"

#define DEFAULT_FOLDER "/var/lock"

/* NULL: this device has no lock file. Pseudo-terminals have one only in a folder that was named. */
static char *file_of(const char *device, const char *folder)
{
	g_autofree char *real = realpath(device, NULL), *name = NULL;
	gboolean automatic = strcmp(folder, "auto") == 0;

	if (!real || strcmp(folder, "none") == 0 || (automatic && g_str_has_prefix(real, "/dev/pts/")))
		return NULL;
	name = g_str_has_prefix(real, "/dev/") ? g_strdelimit(g_strdup(real + strlen("/dev/")), "/", '_')
					       : g_path_get_basename(real);
	return g_strdup_printf("%s/LCK..%s", automatic ? DEFAULT_FOLDER : folder, name);
}

/* 0: there is no such file; -1: it names no process. */
static int holder_of(const char *file)
{
	char text[32] = "";
	int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC), pid;
	gssize size;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	size = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (size == sizeof(pid)) /* the old form */
		memcpy(&pid, text, sizeof(pid));
	else
		pid = atoi(text);
	return pid > 0 ? pid : -1;
}

static gboolean create(const char *file)
{
	g_autofree char *text = g_strdup_printf("%10d\n", (int)getpid());
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	gboolean good;

	if (fd < 0)
		return FALSE;
	good = write(fd, text, strlen(text)) == (gssize)strlen(text);
	close(fd);
	if (!good)
		unlink(file);
	return good;
}

static gboolean check(const char *device, const char *file, GError **error)
{
	int pid = holder_of(file);

	if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH)
		unlink(file);
	if (pid <= 0 ? pid == 0 : pid == getpid() || access(file, F_OK) < 0)
		return TRUE;
	g_set_error(error, BP_IO_ERROR, BP_BUSY, "%s: another program has locked it, as %s shows", device, file);
	return FALSE;
}

gboolean uart_lock_check(const char *device, const char *folder, GError **error)
{
	g_autofree char *file = file_of(device, folder);

	return !file || check(device, file, error);
}

gboolean uart_lock_take(const char *device, const char *folder, char **lock_file, GError **error)
{
	g_autofree char *file = file_of(device, folder);

	/* Another program may have created it since; one with our own id was left behind. */
	if (file && !create(file)) {
		if (!check(device, file, error))
			return FALSE;
		if (holder_of(file) != getpid())
			return TRUE; /* the folder cannot be written */
	}
	*lock_file = g_steal_pointer(&file);
	return TRUE;
}

void uart_lock_release(char *take_lock_file)
{
	if (take_lock_file && holder_of(take_lock_file) == getpid())
		unlink(take_lock_file);
	g_free(take_lock_file);
}
