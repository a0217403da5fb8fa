/* SPDX-License-Identifier: MIT */
/* client.c - `backplane -x`: the other end of the control socket. A program of its own, with poll and blocking writes. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>
#include <backplane/control.h>

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

static int dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path)) {
		fprintf(stderr, "backplane: the path of the socket has more than %zu bytes: %s\n",
			sizeof(address.sun_path) - 1, path);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	fprintf(stderr, "backplane: no running instance answers at %s: %s\n", path, strerror(errno));
	if (errno == ENOENT || errno == ECONNREFUSED)
		fprintf(stderr, "backplane: start one with backplane, or backplane -d\n");
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Everything up to the last NUL is output; what stands behind it is the status. */
static int relay_output(int fd)
{
	g_autoptr(GString) tail = g_string_new(NULL);
	char buffer[16384];
	gssize size;
	char *mark;

	while ((size = read(fd, buffer, sizeof(buffer))) > 0 || (size < 0 && errno == EINTR)) {
		if (size < 0)
			continue;
		g_string_append_len(tail, buffer, size);
		mark = memrchr(tail->str, 0, tail->len);
		size = mark ? mark - tail->str : (gssize)tail->len;
		if (!write_all(STDOUT_FILENO, tail->str, (gsize)size))
			return 1;
		g_string_erase(tail, 0, size);
	}
	if (tail->len < 2) {
		fprintf(stderr, "backplane: the instance ended before it had answered\n");
		return 1;
	}
	return atoi(tail->str + 1);
}

static int run_one(int fd, const char *command)
{
	char header[64];
	int size = snprintf(header, sizeof(header), CONTROL_RUN, 0u);

	if (!write_all(fd, header, (gsize)size) || !write_all(fd, command, strlen(command)) ||
	    !write_all(fd, "\n", 1) || shutdown(fd, SHUT_WR) < 0) {
		fprintf(stderr, "backplane: the instance does not listen: %s\n", strerror(errno));
		return 1;
	}
	return relay_output(fd);
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

int control_client(const char *path, const char *command)
{
	int fd = dial(path), status;

	if (fd < 0)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	status = command ? run_one(fd, command) : attach(fd);
	close(fd);
	return status;
}
