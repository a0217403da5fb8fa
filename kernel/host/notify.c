/* SPDX-License-Identifier: MIT */
/* notify.c - a datagram to the service manager. */
#include "host/notify.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <backplane/kernel.h>
#include <backplane/loop.h>

void bp_kernel_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	gsize size = path ? strlen(path) : 0;
	int fd;

	if (!size || size >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, size);
	if (*path == '@')
		address.sun_path[0] = 0; /* an abstract name */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)) < 0)
		g_debug("the service manager does not listen at %s", path);
	close(fd);
}

static void feed(BpPlugin *self, gpointer data)
{
	bp_kernel_notify("WATCHDOG=1");
}

void notify_watchdog(void)
{
	const char *period = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	gint64 interval = period ? g_ascii_strtoll(period, NULL, 10) / 2 : 0;

	if (interval > 0 && (!pid || atoi(pid) == getpid()))
		bp_timer_add(bp_kernel(), NULL, interval, 0, feed, NULL, NULL);
}
