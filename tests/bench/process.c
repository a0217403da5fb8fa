/* SPDX-License-Identifier: MIT */
/* process.c - the processes that are measured: how they are started, how they end, what they have used. */
#include "bench.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SERVER_CORE 0
#define PATIENCE 10	  /* seconds */
#define END_PATIENCE 2000 /* ms */

guint rounds = 5;
double seconds = 0.5;
static char *folder;

void process_prepare(void)
{
	struct rlimit limit;
	g_autofree char *path = g_strconcat(g_getenv("PATH"), ":/usr/sbin", NULL); /* servers are there */

	g_setenv("PATH", path, TRUE);
	folder = g_dir_make_tmp("backplane-bench-XXXXXX", NULL);
	g_assert(folder);
	if (g_getenv("BENCH_ROUNDS"))
		rounds = (guint)CLAMP(atoi(g_getenv("BENCH_ROUNDS")), 1, 1000);
	if (g_getenv("BENCH_SECONDS"))
		seconds = CLAMP(atof(g_getenv("BENCH_SECONDS")), 0.05, 60);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	signal(SIGPIPE, SIG_IGN);
}

void process_remove_folder(void)
{
	g_autofree char *command = g_strconcat("rm -rf ", folder, NULL);

	if (system(command) != 0)
		fprintf(stderr, "bench: %s stays\n", folder);
	g_clear_pointer(&folder, g_free);
}

const char *process_folder(void)
{
	return folder;
}

char *process_path(const char *name)
{
	const char *build = g_getenv("BUILD");
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *place = g_path_get_dirname(self);

	return build ? g_build_filename(build, name, NULL) : g_build_filename(place, "..", "..", name, NULL);
}

static struct sockaddr_in loopback(guint port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons((guint16)port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int try_bind(int type, guint port)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, type, 0);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

guint free_port(void)
{
	for (guint i = 0; i < 100; i++) {
		struct sockaddr_in address = { 0 };
		socklen_t size = sizeof(address);
		int stream = try_bind(SOCK_STREAM, 0), datagrams;

		getsockname(stream, (struct sockaddr *)&address, &size);
		datagrams = try_bind(SOCK_DGRAM, ntohs(address.sin_port));
		close(stream);
		close(datagrams);
		if (stream >= 0 && datagrams >= 0)
			return ntohs(address.sin_port);
	}
	g_error("no free port: %s", g_strerror(errno));
}

static void become_server(const char *const *words)
{
	g_autofree char *log = g_build_filename(folder, "log", NULL);
	int in = open("/dev/null", O_RDONLY), out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	cpu_set_t cores;

	CPU_ZERO(&cores);
	CPU_SET(SERVER_CORE, &cores);
	sched_setaffinity(0, sizeof(cores), &cores);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(in, 0);
	dup2(out, 1);
	dup2(out, 2);
	setenv("HOME", folder, 1);
	setenv("XDG_STATE_HOME", folder, 1);
	setenv("XDG_CONFIG_HOME", folder, 1);
	setenv("XDG_RUNTIME_DIR", folder, 1);
	execvp(words[0], (char *const *)words);
	_exit(127);
}

pid_t process_start(const char *const *words)
{
	pid_t pid = fork();

	if (pid == 0)
		become_server(words);
	if (pid < 0)
		g_error("no process: %s", g_strerror(errno));
	return pid;
}

void process_stop(pid_t pid)
{
	struct pollfd end = { .fd = pidfd_open(pid, 0), .events = POLLIN };

	kill(pid, SIGTERM);
	if (poll(&end, 1, END_PATIENCE) != 1)
		kill(pid, SIGKILL);
	close(end.fd);
	waitpid(pid, NULL, 0);
}

/* Connects; with datagrams there is an answer or an error, since all that are measured answer. */
static gboolean answers(gboolean datagrams, guint port)
{
	struct sockaddr_in address = loopback(port);
	struct timeval patience = { .tv_usec = 100000 };
	int fd = socket(AF_INET, datagrams ? SOCK_DGRAM : SOCK_STREAM, 0);
	gboolean good = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	char byte = 'x';

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (datagrams)
		good = send(fd, &byte, 1, 0) == 1 && recv(fd, &byte, 1, 0) == 1;
	close(fd);
	return good;
}

void wait_for_port(gboolean datagrams, guint port)
{
	for (guint i = 0; i < PATIENCE * 100; i++) {
		if (answers(datagrams, port))
			return;
		g_usleep(10000);
	}
	g_error("nothing listens on port %u; %s/log says why", port, folder);
}

void wait_for_file(const char *path)
{
	for (guint i = 0; !g_file_test(path, G_FILE_TEST_EXISTS); i++) {
		if (i == PATIENCE * 100)
			g_error("%s does not come; %s/log says why", path, folder);
		g_usleep(10000);
	}
}

pid_t backplane_start(const char *const *commands)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	g_autofree char *program = process_path("backplane"), *plugins = process_path("plugins");
	const char *start[] = { program, "-d", "-P", plugins };

	for (guint i = 0; i < G_N_ELEMENTS(start); i++)
		g_ptr_array_add(words, (gpointer)start[i]);
	for (; *commands; commands++) {
		g_ptr_array_add(words, (gpointer) "-e");
		g_ptr_array_add(words, (gpointer)*commands);
	}
	g_ptr_array_add(words, NULL);
	return process_start((const char *const *)words->pdata);
}

double process_cpu(pid_t pid)
{
	struct timespec time = { 0 };
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0)
		g_error("process %d has ended; %s/log says why", (int)pid, folder);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

gsize process_memory(pid_t pid, const char *file, const char *name)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/%s", (int)pid, file);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++)
		if (g_str_has_prefix(*line, name) && (*line)[strlen(name)] == ':')
			return (gsize)g_ascii_strtoull(
				       *line + strlen(name) + 1 + strspn(*line + strlen(name) + 1, " \t"), NULL, 10) *
			       1024;
	return 0;
}
