/* SPDX-License-Identifier: MIT */
/* listen.c - making sockets that listen.
 *
 * A socket that systemd has opened for us (LISTEN_PID, LISTEN_FDS) is taken when its address is the one asked for;
 * it is duplicated, so that a server can be closed and opened again. A Unix socket's file gets mode 0600 as it
 * is made; one that nobody listens on is replaced.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "listen.h"

#define LISTEN_BACKLOG 1024
#define FIRST_INHERITED 3

/* --- sockets from systemd --- */

static guint inherited_count(void)
{
	const char *pid = g_getenv("LISTEN_PID"), *fds = g_getenv("LISTEN_FDS");
	guint64 number;

	if (!pid || !fds || !g_ascii_string_to_unsigned(pid, 10, 1, G_MAXINT32, &number, NULL) ||
	    (pid_t)number != getpid() || !g_ascii_string_to_unsigned(fds, 10, 0, 1024, &number, NULL))
		return 0;
	return (guint)number;
}

static gboolean is_any_v6(const BpAddress *address)
{
	return address->storage.ss_family == AF_INET6 &&
	       IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)&address->storage)->sin6_addr);
}

static gboolean is_any_v4(const BpAddress *address)
{
	return address->storage.ss_family == AF_INET &&
	       ((const struct sockaddr_in *)&address->storage)->sin_addr.s_addr == INADDR_ANY;
}

/* An inherited [::] accepts IPv4 too, unless IPV6_V6ONLY is set: then it covers 0.0.0.0. */
static gboolean serves_both(int fd, const BpAddress *has, const BpAddress *wanted)
{
	int only = 0;
	socklen_t size = sizeof(only);

	return is_any_v4(wanted) && is_any_v6(has) && bp_address_port(has) == bp_address_port(wanted) &&
	       getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &size) == 0 && !only;
}

/* A duplicate, or -1; `*covered` if another socket, found by its own address, serves this one too. */
static int take_inherited(const BpAddress *wanted, gboolean *covered)
{
	guint count = inherited_count();

	for (int fd = FIRST_INHERITED; fd < FIRST_INHERITED + (int)count; fd++) {
		BpAddress has = { .size = sizeof(has.storage) };
		int listens = 0;
		socklen_t size = sizeof(listens);

		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0 || !listens ||
		    getsockname(fd, (struct sockaddr *)&has.storage, &has.size) < 0)
			continue;
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		if (bp_address_equal(&has, wanted)) {
			int copy = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_INHERITED + (int)count);

			if (copy >= 0)
				fcntl(copy, F_SETFL, fcntl(copy, F_GETFL) | O_NONBLOCK);
			return copy;
		}
		*covered |= serves_both(fd, &has, wanted);
	}
	return -1;
}

/* --- what went wrong --- */

static guint nearby_port(guint port)
{
	return port == 80 ? 8080 : port == 443 ? 8443 : 2300 + port;
}

static void set_bind_error(GError **error, const BpAddress *address, int number)
{
	g_autofree char *text = bp_address_format(address);
	guint port = bp_address_port(address);
	gboolean is_unix = address->storage.ss_family == AF_UNIX;

	if (is_unix && number == EADDRINUSE) {
		g_set_error(error, BP_IO_ERROR, BP_BUSY, "%s is taken: somebody listens on it", text);
	} else if (number == EADDRINUSE) {
		g_autofree char *holder = listen_find_holder(port);

		g_set_error(error, BP_IO_ERROR, BP_BUSY, "port %u is taken%s%s; try another port%s", port,
			    holder ? " by " : "", holder ? holder : "", holder ? ", or stop it" : "");
	} else if (number == EACCES && !is_unix && port < 1024) {
		g_set_error(error, BP_IO_ERROR, BP_NOT_PERMITTED,
			    "port %u needs the right to bind ports under 1024; try -p %u", port, nearby_port(port));
	} else if (number == EADDRNOTAVAIL) {
		g_set_error(error, BP_IO_ERROR, BP_INVALID,
			    "cannot listen on %s: it is not an address of this machine; see \"ip address\"", text);
	} else {
		g_set_error(error, BP_IO_ERROR, number == EACCES ? BP_NOT_PERMITTED : BP_FAILED,
			    "cannot listen on %s: %s", text, g_strerror(number));
	}
}

/* --- making one --- */

/* TRUE if the name is free now. What is not a socket is never removed. */
static gboolean clear_stale_file(const BpAddress *address, GError **error)
{
	const char *path = ((const struct sockaddr_un *)&address->storage)->sun_path;
	struct stat info;
	int probe, number;

	if (!path[0] || lstat(path, &info) < 0)
		return TRUE;
	if (!S_ISSOCK(info.st_mode)) {
		g_set_error(error, BP_IO_ERROR, BP_EXISTS, "cannot listen on %s: a file that is no socket is there",
			    path);
		return FALSE;
	}
	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	number = probe < 0 || connect(probe, (const struct sockaddr *)&address->storage, address->size) == 0 ? 0
													     : errno;
	if (probe >= 0)
		close(probe);
	if (number == ECONNREFUSED && unlink(path) == 0)
		return TRUE;
	set_bind_error(error, address, EADDRINUSE);
	return FALSE;
}

static void set_options(int fd, int family)
{
	int one = 1;

	/* Accepted sockets take over what their listener has, which saves a call for each. */
	if (family == AF_UNIX) {
		fchmod(fd, 0600); /* bind makes the file with the socket's mode */
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
}

/* A descriptor, or -1 and errno in `*number`. */
static int make_socket(const BpAddress *address, int *number)
{
	int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		*number = errno;
		return -1;
	}
	set_options(fd, address->storage.ss_family);
	if (bind(fd, (const struct sockaddr *)&address->storage, address->size) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
		return fd;
	*number = errno;
	close(fd);
	return -1;
}

static void remember_file(ListenSocket *one, const BpAddress *address)
{
	const char *path = ((const struct sockaddr_un *)&address->storage)->sun_path;
	struct stat info;

	if (address->storage.ss_family != AF_UNIX || !path[0] || lstat(path, &info) < 0)
		return;
	one->path = g_strdup(path);
	one->device = info.st_dev;
	one->inode = info.st_ino;
}

/* 0, or errno; -1: `error` is set. */
static int add_one(GArray *list, const BpAddress *address, GError **error)
{
	gboolean covered = FALSE;
	ListenSocket one = { .fd = take_inherited(address, &covered),
			     .address = { .size = sizeof(one.address.storage) } };
	int number;

	if (one.fd < 0 && covered)
		return 0;
	if (one.fd < 0) {
		if (address->storage.ss_family == AF_UNIX && !clear_stale_file(address, error))
			return -1;
		one.fd = make_socket(address, &number);
		if (one.fd < 0)
			return number;
		remember_file(&one, address);
	}
	getsockname(one.fd, (struct sockaddr *)&one.address.storage, &one.address.size);
	g_array_append_val(list, one);
	return 0;
}

static GArray *try_all(GArray *addresses, gboolean *again, GError **error)
{
	GArray *list = g_array_new(FALSE, FALSE, sizeof(ListenSocket));
	guint port = bp_address_port(&g_array_index(addresses, BpAddress, 0));

	for (guint i = 0; i < addresses->len; i++) {
		BpAddress address = g_array_index(addresses, BpAddress, i);
		int number;

		/* The second one gets the port that the system has chosen for the first. */
		if (i && !port && list->len)
			((struct sockaddr_in6 *)&address.storage)->sin6_port = htons(
				(guint16)bp_address_port(&g_array_index(list, ListenSocket, 0).address));
		number = add_one(list, &address, error);
		if (number == 0 || (addresses->len > 1 && (number == EAFNOSUPPORT || number == EADDRNOTAVAIL)))
			continue;
		if (number > 0)
			set_bind_error(error, &address, number);
		*again = i && !port && number == EADDRINUSE;
		listen_close(list);
		return NULL;
	}
	if (list->len)
		return list;
	set_bind_error(error, &g_array_index(addresses, BpAddress, 0), EADDRNOTAVAIL);
	listen_close(list);
	return NULL;
}

GArray *listen_open(const char *bind, guint port, GError **error)
{
	g_autoptr(GArray) addresses = bp_address_bind_list(bind, port, error);

	if (!addresses)
		return NULL;
	for (guint i = 0;; i++) {
		gboolean again = FALSE;
		g_autoptr(GError) reason = NULL;
		GArray *list = try_all(addresses, &again, &reason);

		if (list)
			return list;
		if (!again || i == 8) {
			g_propagate_error(error, g_steal_pointer(&reason));
			return NULL;
		}
	}
}

void listen_close(GArray *list)
{
	for (guint i = 0; i < list->len; i++) {
		ListenSocket *one = &g_array_index(list, ListenSocket, i);
		struct stat info;

		close(one->fd);
		if (one->path && lstat(one->path, &info) == 0 && info.st_dev == one->device &&
		    info.st_ino == one->inode)
			unlink(one->path);
		g_free(one->path);
	}
	g_array_unref(list);
}
