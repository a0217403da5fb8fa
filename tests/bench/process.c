/* SPDX-License-Identifier: MIT */
/* process.c - the processes that are measured: how they are started, how they end, what they have used. */
#include "bench.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SERVER_CORE 0
#define PATIENCE 10 /* seconds */

guint rounds = 5;
double seconds = 0.5;
static char *folder;

void process_prepare(void)
{
	struct rlimit limit;

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
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((guint16)port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

guint free_port(int type)
{
	struct sockaddr_in address = loopback(0);
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, type, 0);

	if (bind(fd, (struct sockaddr *)&address, size) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		g_error("no free port: %s", g_strerror(errno));
	close(fd);
	return ntohs(address.sin_port);
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
	kill(pid, SIGTERM);
	for (guint i = 0; i < 200; i++) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return;
		g_usleep(10000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static gboolean answers(guint port)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	gboolean good = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

	close(fd);
	return good;
}

void wait_for_port(guint port)
{
	for (guint i = 0; i < PATIENCE * 100; i++) {
		if (answers(port))
			return;
		g_usleep(10000);
	}
	g_error("nothing listens on port %u; %s/log says why", port, folder);
}

pid_t backplane_start(const char *const *commands)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	g_autofree char *program = process_path("backplane"), *plugins = process_path("plugins");

	g_ptr_array_add(words, program);
	g_ptr_array_add(words, (gpointer)"-d");
	g_ptr_array_add(words, (gpointer)"-P");
	g_ptr_array_add(words, plugins);
	for (; *commands; commands++) {
		g_ptr_array_add(words, (gpointer)"-e");
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
			return (gsize)g_ascii_strtoull(*line + strlen(name) + 1 + strspn(*line + strlen(name) + 1, " \t"),
						       NULL, 10) * 1024;
	return 0;
}
