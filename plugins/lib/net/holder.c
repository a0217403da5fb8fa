/* SPDX-License-Identifier: MIT */
/* holder.c - who listens on a port: the kernel's table gives the socket's inode, /proc who has it open.
 *
 * Only asked when a port is taken. What belongs to others may not be visible; then nobody is named.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <backplane/file.h>
#include "listen.h"

#define TABLE_LIMIT (256 * 1024) /* listening sockets are first in the table; the rest may be megabytes */

/* Inodes of the sockets that listen on the port, as "socket:[N]". */
static void collect_sockets(const char *table, guint port, GHashTable *sockets)
{
	int fd = bp_file_open(table, BP_FILE_READ, NULL);
	g_autofree char *text = g_malloc(TABLE_LIMIT + 1);
	char *rest = text, *line;
	gsize size = 0;
	gssize got;

	while (fd >= 0 && size < TABLE_LIMIT && (got = read(fd, text + size, TABLE_LIMIT - size)) > 0)
		size += (gsize)got;
	text[size] = 0;
	if (fd >= 0)
		close(fd);
	while ((line = strsep(&rest, "\n"))) {
		unsigned int local, state;
		unsigned long inode;

		/*  sl  local_address rem_address   st tx_queue:rx_queue tr:tm->when retrnsmt   uid  timeout inode */
		if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*d %*d %lu", &local,
			   &state, &inode) == 3 &&
		    state == 0x0a && local == port && g_hash_table_size(sockets) < 64)
			g_hash_table_add(sockets, g_strdup_printf("socket:[%lu]", inode));
	}
}

static gboolean has_socket(const char *pid, GHashTable *sockets)
{
	g_autofree char *folder = g_strdup_printf("/proc/%s/fd", pid);
	DIR *fds = opendir(folder);
	struct dirent *entry;
	gboolean found = FALSE;

	while (fds && !found && (entry = readdir(fds))) {
		char link[64];
		ssize_t length = readlinkat(dirfd(fds), entry->d_name, link, sizeof(link) - 1);

		if (length <= 0)
			continue;
		link[length] = '\0';
		found = g_hash_table_contains(sockets, link);
	}
	if (fds)
		closedir(fds);
	return found;
}

static char *describe(const char *pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%s/comm", pid);
	g_autofree char *name = bp_file_load(path, 4096, BP_FILE_READ, NULL, NULL);

	if (!name)
		return g_strdup_printf("pid %s", pid);
	g_strchomp(name);
	for (char *at = name; *at; at++)
		if (!g_ascii_isprint(*at))
			*at = '?';
	return g_strdup_printf("pid %s (%s%s)", pid, name, atoi(pid) == getpid() ? ", this program" : "");
}

char *listen_find_holder(guint port)
{
	g_autoptr(GHashTable) sockets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	DIR *proc;
	struct dirent *entry;
	char *holder = NULL;

	collect_sockets("/proc/net/tcp", port, sockets);
	collect_sockets("/proc/net/tcp6", port, sockets);
	if (g_hash_table_size(sockets) == 0 || !(proc = opendir("/proc")))
		return NULL;
	while (!holder && (entry = readdir(proc)))
		if (g_ascii_isdigit(entry->d_name[0]) && has_socket(entry->d_name, sockets))
			holder = describe(entry->d_name);
	closedir(proc);
	return holder;
}
