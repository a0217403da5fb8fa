/* SPDX-License-Identifier: MIT */
/* place.c - the path of the control socket, and whether other users could change what is there. */
#include "place.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <backplane/control.h>

char *control_place(void)
{
	const char *given = g_getenv("RUNTIME_DIRECTORY"), *runtime = g_getenv("XDG_RUNTIME_DIR");
	g_autofree char *own = NULL;

	if (given && *given) {
		own = g_strndup(given, strcspn(given, ":"));
		return g_build_filename(own, "control", NULL);
	}
	if (runtime && *runtime)
		return g_build_filename(runtime, CONTROL_SOCKET, NULL);
	own = g_strdup_printf("/tmp/backplane-%u", (guint)getuid());
	return g_build_filename(own, CONTROL_SOCKET, NULL);
}

/* Of the folder `at` itself, and of the link if it is one. */
static char *doubt_folder(const char *at, uid_t keeper)
{
	struct stat root, link, info;

	if (stat("/", &root) < 0 || lstat(at, &link) < 0 || stat(at, &info) < 0)
		return g_strdup_printf("the folder %s: %s", at, g_strerror(errno));
	for (guint i = 0; i < 2; i++) {
		uid_t owner = i ? info.st_uid : link.st_uid;

		if (owner && owner != geteuid() && owner != root.st_uid && owner != keeper)
			return g_strdup_printf("the folder %s belongs to another user (uid %u)", at, owner);
	}
	if (!S_ISDIR(info.st_mode))
		return g_strdup_printf("%s is not a folder", at);
	if (info.st_mode & (S_IWGRP | S_IWOTH) && !(info.st_mode & S_ISVTX))
		return g_strdup_printf("the folder %s can be written by %s; chmod go-w makes it safe", at,
				       info.st_mode & S_IWOTH ? "everybody" : "its group");
	return NULL;
}

char *control_doubt(const char *path, uid_t keeper)
{
	g_autofree char *at = g_canonicalize_filename(path, NULL);
	char *why = NULL;

	do {
		char *folder = g_path_get_dirname(at);

		g_free(at);
		at = folder;
		why = doubt_folder(at, keeper);
	} while (!why && strcmp(at, "/"));
	return why;
}
