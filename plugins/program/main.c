/* SPDX-License-Identifier: MIT */
/* main.c - the program: all of it is in the library, but for the client of the control socket, which needs no kernel, and what concerns
 * the process rather than the kernel.
 */
#include "program.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <backplane/control.h>
#include <backplane/kernel.h>

/* Started with some of 0 to 2 closed: what is opened next must not become one of them. */
static void open_standard(void)
{
	int fd;

	while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= STDERR_FILENO)
		;
	close(fd);
}

/* systemd gives StateDirectory= in the environment. */
static char *state_folder(void)
{
	const char *given = g_getenv("STATE_DIRECTORY"), *state = g_getenv("XDG_STATE_HOME");

	if (given && *given)
		return g_strndup(given, strcspn(given, ":"));
	if (state && *state)
		return g_build_filename(state, "backplane", NULL);
	return g_build_filename(g_get_home_dir(), ".local", "state", "backplane", NULL);
}

/* The plugins beside the program, when it has not been installed; else those that were installed with it. */
static char **plugin_path(char *const *given)
{
	g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *folder = program ? g_path_get_dirname(program) : NULL;
	g_autofree char *beside = folder ? g_build_filename(folder, "plugins", NULL) : NULL;
	g_autofree char *library = folder ? g_build_filename(folder, "libbackplane.so.0", NULL) : NULL;
	GPtrArray *folders = g_ptr_array_new();

	for (; given && *given; given++)
		g_ptr_array_add(folders, g_strdup(*given));
	if (beside && g_file_test(beside, G_FILE_TEST_IS_DIR) && g_file_test(library, G_FILE_TEST_EXISTS))
		g_ptr_array_add(folders, g_steal_pointer(&beside));
	else
		g_ptr_array_add(folders, g_strdup(PLUGINDIR));
	g_ptr_array_add(folders, NULL);
	return (char **)g_ptr_array_free(folders, FALSE);
}

/* 10,000 connections want as many descriptors. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void begin(void)
{
	raise_limits();
	crash_install();
}

static const BpProgramParts program_parts = {
	.size = sizeof(program_parts),
	.begin = begin,
	.state_folder = state_folder,
	.claim = claim_state,
	.plugin_path = plugin_path,
	.write = crash_write,
	.trace = crash_trace,
	.late = crash_late,
};

static char *command;
static gboolean is_tool;

static int run_client(const char *path, const char *unused)
{
	return is_tool ? tool_run(path, command) : control_client(path, command, FALSE);
}

/* With what the service manager has opened for us (LISTEN_FDS). */
static int start_again(char **arguments)
{
	const char *pid = g_getenv("LISTEN_PID"), *count = g_getenv("LISTEN_FDS");

	for (int fd = 3; pid && count && atoi(pid) == getpid() && fd < 3 + atoi(count); fd++)
		fcntl(fd, F_SETFD, 0);
	execv("/proc/self/exe", arguments);
	crash_write("backplane: cannot be started again");
	return 1;
}

int main(int argc, char **argv)
{
	g_auto(GStrv) arguments = g_strdupv(argv); /* the parser takes options out */
	int status;

	open_standard();
	run_tool(argv);
	bp_program_set_parts(&program_parts);
	command = tool_take_command(&argc, argv);
	is_tool = command != NULL;
	if (!command)
		command = control_take_command(&argc, argv);
	status = bp_program(argc, argv, run_client);
	return status == BP_PROGRAM_AGAIN ? start_again(arguments) : status;
}
