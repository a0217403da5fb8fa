/* SPDX-License-Identifier: MIT */
/* client.c - `backplane -x`: the other end of the control socket. A program of its own, with poll and blocking writes.
 *
 * Commands are sent only to a socket that no other user could have put there, and to a process of the same user or of root.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>
#include <backplane/control.h>
#include <backplane/text.h>
#include "place.h"

enum { ERRORS_MOST = 65536 };

static volatile sig_atomic_t resized;

static void on_resize(int number)
{
	resized = 1;
}

static gboolean write_all(int fd, const void *data, gsize size)
{
	const char *at = data;

	while (size) {
		gssize sent = write(fd, at, size);

		if (sent < 0 && errno != EINTR)
			return FALSE;
		at += MAX(sent, 0);
		size -= (gsize)MAX(sent, 0);
	}
	return TRUE;
}

static gboolean is_trusted(int fd, uid_t keeper)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) &&
	       (!peer.uid || peer.uid == geteuid() || peer.uid == keeper);
}

/* A descriptor, or -1, errno, and in `*doubt` (yours) why what is there is not trusted. */
static int connect_to(const char *path, uid_t keeper, char **doubt)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		if (is_trusted(fd, keeper))
			return fd;
		*doubt = g_strdup("a process of another user answers there");
	}
	if (fd >= 0) {
		int number = errno;

		close(fd);
		errno = number;
	}
	return -1;
}

/* Root may use the socket of another user where the path is named, or is the unit's, which root alone can have made. `*why` (yours) is
 * set if there is no connection, and `*is_missing` if nothing listens there. */
static int dial_one(const char *path, gboolean is_named, char **why, gboolean *is_missing)
{
	struct stat file;
	uid_t keeper = is_named && !geteuid() && !lstat(path, &file) ? file.st_uid : geteuid();
	g_autofree char *doubt = access(path, F_OK) ? NULL : control_doubt(path, keeper);
	int fd = doubt ? -1 : connect_to(path, keeper, &doubt), number = errno;

	if (fd >= 0)
		return fd;
	*is_missing = !doubt && (number == ENOENT || number == ENOTDIR || number == ECONNREFUSED);
	if (doubt)
		*why = g_strdup_printf("%s is not used: %s", path, doubt);
	else if (number == ENAMETOOLONG)
		*why = g_strdup_printf("the path of the socket has more than %zu bytes: %s",
				       sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1, path);
	else
		*why = g_strdup_printf("no running instance answers at %s: %s%s", path, strerror(number),
				       number == EACCES ? "; it serves its own user and root" : "");
	return -1;
}

/* `given` NULL: where an instance of this user listens, else where the unit's does. */
static int dial(const char *given)
{
	g_autofree char *own = given ? NULL : control_place(), *why = NULL, *why_unit = NULL;
	gboolean is_missing = FALSE, is_unit_missing = TRUE;
	int fd = dial_one(given ? given : own, given != NULL, &why, &is_missing);

	if (fd < 0 && own)
		fd = dial_one(CONTROL_UNIT_PLACE, TRUE, &why_unit, &is_unit_missing);
	if (why && (fd < 0 || !is_missing))
		fprintf(stderr, "backplane: %s\n", why);
	if (why_unit && !is_unit_missing)
		fprintf(stderr, "backplane: %s\n", why_unit);
	if (fd < 0 && is_missing && is_unit_missing)
		fprintf(stderr, "backplane: start one with backplane, or backplane -d; -S PATH names another socket\n");
	return fd;
}

/* What stdin gives, on its way to the instance, while that answers already. */
typedef struct {
	int from; /* -1: it has ended */
	char bytes[16384];
	gsize at, end;
} Feed;

/* FALSE: the instance takes no more. */
static gboolean feed(Feed *input, int fd, gboolean is_readable, gboolean is_writable)
{
	gssize size;

	if (input->from >= 0 && is_readable && input->at == input->end) {
		size = read(input->from, input->bytes, sizeof(input->bytes));
		input->at = 0;
		input->end = (gsize)MAX(size, 0);
		if (!size || (size < 0 && errno != EINTR && errno != EAGAIN)) {
			input->from = -1;
			shutdown(fd, SHUT_WR);
		}
	}
	if (!is_writable || input->at == input->end)
		return TRUE;
	size = send(fd, input->bytes + input->at, input->end - input->at, MSG_DONTWAIT | MSG_NOSIGNAL);
	input->at += (gsize)MAX(size, 0);
	return size >= 0 || errno == EAGAIN || errno == EINTR;
}

/* With `apart`, output ends at the first NUL, and what follows it up to the last one is for stderr. */
static gboolean pass_output(GString *tail, gboolean apart)
{
	const char *mark = apart ? memchr(tail->str, 0, tail->len) : memrchr(tail->str, 0, tail->len);
	gsize size = mark ? (gsize)(mark - tail->str) : tail->len;

	if (!write_all(STDOUT_FILENO, tail->str, size))
		return FALSE;
	g_string_erase(tail, 0, (gssize)size);
	return TRUE;
}

/* Everything up to the last NUL is output; what stands behind it is the status. */
static int relay_output(int fd, Feed *input, gboolean apart)
{
	g_autoptr(GString) tail = g_string_new(NULL);
	char buffer[16384];
	gssize size = 1;
	const char *last;

	while (size > 0) {
		gboolean waits = input->at < input->end;
		struct pollfd polls[] = { { .fd = waits ? -1 : input->from, .events = POLLIN },
					  { .fd = fd, .events = (short)(POLLIN | (waits ? POLLOUT : 0)) } };

		if (poll(polls, 2, -1) < 0 && errno == EINTR)
			continue;
		if (!feed(input, fd, polls[0].revents, polls[1].revents & POLLOUT))
			input->from = -1, input->at = input->end;
		if (!(polls[1].revents & ~POLLOUT))
			continue;
		size = read(fd, buffer, sizeof(buffer));
		g_string_append_len(tail, buffer, MAX(size, 0));
		if (!(apart && tail->len && !*tail->str) && !pass_output(tail, apart))
			return 1;
		if (apart && tail->len > ERRORS_MOST)
			g_string_truncate(tail, ERRORS_MOST);
	}
	if (tail->len < 2) {
		fprintf(stderr, "backplane: the instance ended before it had answered\n");
		return 1;
	}
	last = memrchr(tail->str, 0, tail->len);
	if (last > tail->str)
		write_all(STDERR_FILENO, tail->str + 1, (gsize)(last - tail->str - 1));
	return atoi(last + 1);
}

/* "-": the commands on stdin, so that none of them stands in the list of processes. */
static int run_one(int fd, const char *command, gboolean apart)
{
	Feed input = { .from = strcmp(command, "-") ? -1 : STDIN_FILENO };
	struct winsize window = { 0 };
	char header[64];
	int size;

	if (apart)
		ioctl(STDOUT_FILENO, TIOCGWINSZ, &window); /* (no terminal: 0 columns) */
	size = snprintf(header, sizeof(header), CONTROL_RUN, window.ws_col);
	if (apart) /* before the line's end */
		size += snprintf(header + size - 1, sizeof(header) - (gsize)size + 1, CONTROL_SCRIPT "\n") - 1;

	if (!write_all(fd, header, (gsize)size) ||
	    (input.from < 0 &&
	     (!write_all(fd, command, strlen(command)) || !write_all(fd, "\n", 1) || shutdown(fd, SHUT_WR) < 0))) {
		fprintf(stderr, "backplane: the instance does not listen: %s\n", strerror(errno));
		return 1;
	}
	return relay_output(fd, &input, apart);
}

static gboolean send_frame(int fd, char kind, const void *data, gsize size)
{
	guint8 head[3] = { (guint8)kind, (guint8)(size >> 8), (guint8)size };

	return write_all(fd, head, sizeof(head)) && write_all(fd, data, size);
}

static gboolean send_size(int fd)
{
	struct winsize size = { 0 };
	guint8 bytes[4];

	resized = 0;
	ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
	bytes[0] = (guint8)(size.ws_col >> 8);
	bytes[1] = (guint8)size.ws_col;
	bytes[2] = (guint8)(size.ws_row >> 8);
	bytes[3] = (guint8)size.ws_row;
	return send_frame(fd, 'r', bytes, sizeof(bytes));
}

static void relay_terminal(int fd)
{
	struct pollfd polls[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	char buffer[16384];

	for (;;) {
		gssize size;

		if (resized && !send_size(fd))
			return;
		if (poll(polls, 2, -1) < 0) {
			if (errno != EINTR)
				return;
			continue;
		}
		if (polls[0].revents) {
			size = read(STDIN_FILENO, buffer, sizeof(buffer));
			if (size <= 0)
				shutdown(fd, SHUT_WR), polls[0].fd = -1;
			else if (!send_frame(fd, 'd', buffer, (gsize)size))
				return;
		}
		if (polls[1].revents) {
			size = read(fd, buffer, sizeof(buffer));
			if (size <= 0 || !write_all(STDOUT_FILENO, buffer, (gsize)size))
				return;
		}
	}
}

static int attach(int fd)
{
	struct sigaction action = { .sa_handler = on_resize };
	struct termios before, raw;
	struct winsize size = { 0 };
	const char *type = getenv("TERM");
	char header[128];

	if (tcgetattr(STDIN_FILENO, &before) < 0) {
		fprintf(stderr, "backplane: -x without a command attaches a console, and stdin is no terminal\n");
		return 2;
	}
	ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
	sigaction(SIGWINCH, &action, NULL);
	snprintf(header, sizeof(header), "backplane-control 1 attach %u %u %.63s\n", size.ws_col, size.ws_row,
		 type && *type ? type : "dumb");
	raw = before;
	cfmakeraw(&raw);
	raw.c_oflag |= OPOST | ONLCR;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	if (write_all(fd, header, strlen(header)))
		relay_terminal(fd);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	return 0;
}

char *control_take_command(int *argc, char **argv)
{
	g_autoptr(GString) line = g_string_new(NULL);
	int at = 1;

	while (at < *argc && strcmp(argv[at], "-x") && strcmp(argv[at], "--control"))
		at++;
	if (at + 1 >= *argc)
		return NULL;
	for (int i = at + 1; i < *argc; i++) {
		g_autofree char *word = *argc - at == 2 ? g_strdup(argv[i]) : bp_quote(argv[i], 0);

		g_string_append_printf(line, "%s%s", i > at + 1 ? " " : "", word);
		memset(argv[i], 0, strlen(argv[i])); /* the list of processes shows no secrets */
	}
	*argc = at + 1;
	argv[*argc] = NULL;
	return g_string_free(g_steal_pointer(&line), FALSE);
}

int control_client(const char *path, const char *command, gboolean apart)
{
	int fd = dial(path), status;

	if (fd < 0)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	status = command ? run_one(fd, command, apart) : attach(fd);
	close(fd);
	return status;
}

gboolean control_answers(const char *path)
{
	g_autofree char *own = path ? NULL : control_place(), *why = NULL, *why_unit = NULL;
	gboolean is_missing;
	int fd = dial_one(path ? path : own, path != NULL, &why, &is_missing);

	if (fd < 0 && own)
		fd = dial_one(CONTROL_UNIT_PLACE, TRUE, &why_unit, &is_missing);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}
