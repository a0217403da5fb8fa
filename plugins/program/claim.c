/* SPDX-License-Identifier: MIT */
/* claim.c - one process at a time has a state folder: two would overwrite each other's settings.
 *
 * The lock is of the open file, so it ends with the process, however it ends, and with a restart in place too. The file says who has it;
 * that is for people.
 */
#include "program.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

gboolean claim_state(const char *folder, GError **error)
{
	g_autofree char *path = g_build_filename(folder, "lock", NULL);
	char owner[32] = "";
	int fd;

	if (g_mkdir_with_parents(folder, 0700)) {
		bp_fail(error, BP_FAILED, "cannot make the state folder %s: %s; name another one", folder,
			g_strerror(errno));
		return FALSE;
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0) {
		bp_fail(error, BP_FAILED, "cannot lock the state folder: %s: %s", path, g_strerror(errno));
		return FALSE;
	}
	if (!flock(fd, LOCK_EX | LOCK_NB)) {
		snprintf(owner, sizeof(owner), "%ld\n", (long)getpid());
		/* Only for people: the lock holds without it, on a full disk too. */
		if (ftruncate(fd, 0) || pwrite(fd, owner, strlen(owner), 0) < 0)
			g_debug("%s: %s", path, g_strerror(errno));
		return TRUE; /* the descriptor stays open */
	}
	if (errno != EWOULDBLOCK) {
		close(fd);
		return TRUE; /* a file system without locks */
	}
	if (pread(fd, owner, sizeof(owner) - 1, 0) < 0)
		*owner = 0;
	close(fd);
	bp_fail(error, BP_EXISTS,
		"another Backplane (process %d) has the state folder %s; backplane -x reaches it, and XDG_STATE_HOME "
		"names another folder for a second one",
		atoi(owner), folder);
	return FALSE;
}
