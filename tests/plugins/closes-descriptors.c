/* SPDX-License-Identifier: MIT */
/* closes-descriptors.c - closes what it has not opened: all descriptors of a kind, "eventpoll" or "eventfd"; and puts others
 * in their place if it is told to. */
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <backplane/backplane.h>

static void replace(int fd, gboolean by_epoll)
{
	int other = by_epoll ? epoll_create1(0) : eventfd(0, EFD_NONBLOCK);

	if (other >= 0 && other != fd) {
		dup2(other, fd);
		close(other);
	}
}

static gboolean run_close(BpPlugin *self, BpCall *call, GError **error)
{
	const char *kind = bp_call_string(call, "kind");

	for (int fd = 3; fd < 1024; fd++) {
		g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
		char target[64] = "";

		if (readlink(path, target, sizeof(target) - 1) < 0 || !strstr(target, kind))
			continue;
		close(fd);
		if (bp_call_bool(call, "replace"))
			replace(fd, strcmp(kind, "eventpoll") == 0);
	}
	return TRUE;
}

static const BpParam params[] = {
	{ "kind", .kind = BP_ARGUMENT, .required = TRUE, .choices = "eventpoll|eventfd", .help = "which" },
	{ "replace", 'r', BP_BOOL, .help = "put others in their place" },
	{ NULL },
};

static const BpCommand commands[] = {
	{ "close-all", .help = "close all of a kind", .params = params, .run = run_close },
	{ NULL },
};

BP_PLUGIN(.name = "closes-descriptors", .version = "1.0", .commands = commands);
