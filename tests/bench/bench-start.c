/* SPDX-License-Identifier: MIT */
/* bench-start.c - benches start and idle: time to the prompt, memory with every plugin, memory of an idle connection. */
#include "bench.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define IDLE_CONNECTIONS 9000
#define STARTS 20
#define QUIET 0.5 /* seconds without any CPU used: all is done that was to do */

/* --- start --- */

static pid_t start_on_terminal(int *terminal, const char *program, const char *plugins, const char *config)
{
	pid_t pid = forkpty(terminal, NULL, NULL, NULL);

	if (pid < 0)
		g_error("no terminal: %s", g_strerror(errno));
	if (pid)
		return pid;
	setenv("HOME", process_folder(), 1);
	setenv("XDG_STATE_HOME", process_folder(), 1);
	setenv("XDG_CONFIG_HOME", process_folder(), 1);
	setenv("XDG_RUNTIME_DIR", process_folder(), 1);
	execl(program, program, "-P", plugins, config ? "-c" : NULL, config, NULL);
	_exit(127);
}

static void wait_for_prompt(int terminal)
{
	struct pollfd wait = { .fd = terminal, .events = POLLIN };
	g_autoptr(GString) shown = g_string_new(NULL);
	char bytes[4096];

	while (!strstr(shown->str, "backplane>")) {
		ssize_t got = poll(&wait, 1, 10000) > 0 ? read(terminal, bytes, sizeof(bytes)) : -1;

		if (got <= 0)
			g_error("no prompt came; there was: %s", shown->str);
		g_string_append_len(shown, bytes, got);
	}
}

static double mebibytes(gsize bytes)
{
	return (double)bytes / (1024 * 1024);
}

static guint count_libraries(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/maps", pid), *maps = NULL;
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents(path, &maps, NULL, NULL))
		return 0;
	lines = g_strsplit(maps, "\n", -1);
	for (char **line = lines; *line; line++)
		if (strchr(*line, '/') && strstr(*line, ".so"))
			g_hash_table_add(seen, g_strdup(strchr(*line, '/')));
	return g_hash_table_size(seen);
}

static void print_memory(pid_t pid)
{
	printf("| resident, MiB | %.2f |\n", mebibytes(process_memory(pid, "status", "VmRSS")));
	printf("| of it anonymous (heap, stacks, relocations), MiB | %.2f |\n",
	       mebibytes(process_memory(pid, "status", "RssAnon")));
	printf("| proportional (shared libraries split among their users), MiB | %.2f |\n",
	       mebibytes(process_memory(pid, "smaps_rollup", "Pss")));
	printf("| libraries and plugins mapped | %u |\n", count_libraries(pid));
}

static void measure_start(const char *what, const char *config)
{
	g_autofree char *program = process_path("backplane"), *plugins = process_path("plugins");
	g_autoptr(GArray) wall = g_array_new(FALSE, FALSE, sizeof(double));
	g_autoptr(GArray) cpu = g_array_new(FALSE, FALSE, sizeof(double));

	printf("| start on a terminal, %s | |\n|---|--:|\n", what);
	for (guint i = 0; i < STARTS; i++) {
		gint64 begin = g_get_monotonic_time();
		int terminal;
		pid_t pid = start_on_terminal(&terminal, program, plugins, config);
		double value;

		wait_for_prompt(terminal);
		value = (double)(g_get_monotonic_time() - begin) / 1000;
		g_array_append_val(wall, value);
		value = process_cpu(pid) * 1000;
		g_array_append_val(cpu, value);
		if (i == STARTS - 1) {
			printf("| start to prompt, ms | %.1f |\n", median(wall));
			printf("| CPU until then, ms | %.1f |\n", median(cpu));
			print_memory(pid);
		}
		process_stop(pid);
		close(terminal);
	}
}

void bench_start(void)
{
	g_autofree char *config = g_build_filename(process_folder(), "minimal.yaml", NULL);

	measure_start("every plugin", NULL);
	if (!g_file_set_contents(config, "plugins: [console, tcp]\n", -1, NULL))
		g_error("%s cannot be written", config);
	printf("\n");
	measure_start("console and tcp", config);
}

/* --- idle --- */

static void wait_until_quiet(pid_t pid)
{
	double last = -1, cpu;

	while ((cpu = process_cpu(pid)) != last) {
		last = cpu;
		g_usleep((gulong)(QUIET * G_USEC_PER_SEC));
	}
}

static int connect_to(guint port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((guint16)port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		g_error("connect: %s", g_strerror(errno));
	return fd;
}

static void measure_idle(const char *what, const char *command)
{
	const char *commands[] = { command, NULL };
	g_autofree int *fds = g_new(int, IDLE_CONNECTIONS);
	Side *side = side_backplane(what, "tcp", commands);
	pid_t pid = g_array_index(side->processes, pid_t, 0);
	gsize before, after;

	side_wait(side);
	wait_until_quiet(pid);
	before = process_memory(pid, "status", "RssAnon");
	for (guint i = 0; i < IDLE_CONNECTIONS; i++)
		fds[i] = connect_to(side->port);
	wait_until_quiet(pid);
	after = process_memory(pid, "status", "RssAnon");
	printf("| %s | %.0f |\n", what, (double)(after - before) / IDLE_CONNECTIONS);
	fflush(stdout);
	for (guint i = 0; i < IDLE_CONNECTIONS; i++)
		close(fds[i]);
	side_free(side);
}

void bench_idle(void)
{
	printf("| %d idle connections | bytes of the process's memory for each |\n|---|--:|\n", IDLE_CONNECTIONS);
	measure_idle("TCPServer, on channels", "module open TCPServer idle port=PORT max_connections=0");
	measure_idle("TCPServer, handler echo", "module open TCPServer idle port=PORT max_connections=0 handler=echo");
	measure_idle("TelnetServer, handler console",
		     "module open TelnetServer idle port=PORT max_connections=0 handler=console");
}
