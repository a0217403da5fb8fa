/* SPDX-License-Identifier: MIT */
/* tool.c - `backplane NAME ...`: runs the program backplane-NAME, as git does, or a command of the running host that is made for scripts. */
#include "program.h"
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <backplane/control.h>
#include <backplane/text.h>

static gboolean is_name(const char *word)
{
	return word && *word && !word[strspn(word, "abcdefghijklmnopqrstuvwxyz-")] && *word != '-';
}

/* Beside the program, when it has not been installed; else where those were installed. */
void run_tool(char **argv)
{
	g_autofree char *program = NULL, *folder = NULL, *file = NULL, *beside = NULL, *installed = NULL,
			*library = NULL;

	if (!argv[0] || !is_name(argv[1]))
		return;
	program = g_file_read_link("/proc/self/exe", NULL);
	folder = program ? g_path_get_dirname(program) : g_strdup(TOOLDIR);
	file = g_strconcat("backplane-", argv[1], NULL);
	beside = g_build_filename(folder, file, NULL);
	library = g_build_filename(folder, "libbackplane.so.0", NULL);
	installed = g_build_filename(TOOLDIR, file, NULL);
	if (program) /* for those that start one */
		g_setenv("BACKPLANE", program, TRUE);
	execv(g_file_test(library, G_FILE_TEST_EXISTS) ? beside : installed, argv + 1);
}

/* --- commands for scripts: they run in the host --- */

static const char *const host_tools[] = { "watch", "send", "call", "wait", "top", "doctor", "complete", NULL };
static char **given; /* the arguments behind the name */

char *tool_take_command(int *argc, char **argv)
{
	int at = *argc > 3 && (!strcmp(argv[1], "-S") || !strcmp(argv[1], "--socket")) ? 3 : 1;
	g_autoptr(GString) line = g_string_new(NULL);
	gboolean is_message;

	if (*argc <= at || !g_strv_contains(host_tools, argv[at]))
		return NULL;
	g_string_append_printf(line, "%s%s", strcmp(argv[at], "call") ? "tool " : "", argv[at]);
	given = g_strdupv(argv + at + 1);
	is_message = !strcmp(argv[at], "send") && given[0] && *given[0] != '-' && given[1] &&
		     strcmp(given[1], "--base64");
	for (int i = at + 1; i < *argc && (!is_message || i == at + 1); i++) {
		g_autofree char *word = bp_quote(argv[i], 0);

		g_string_append_printf(line, " %s", word);
	}
	if (is_message) { /* no sign in it means anything to the console */
		g_autofree char *text = g_strjoinv(" ", given + 1),
				*coded = g_base64_encode((const guchar *)text, strlen(text));

		g_string_append_printf(line, " --base64 %s", coded);
	}
	if (!strcmp(argv[at], "top") && isatty(STDOUT_FILENO))
		g_string_append(line, g_strv_contains((const char *const *)given, "-n") ||
						      g_strv_contains((const char *const *)given, "--count")
					      ? " --screen"
					      : " --screen --count 0");
	argv[at] = "-x";
	*argc = at + 1;
	argv[*argc] = NULL;
	return g_string_free(g_steal_pointer(&line), FALSE);
}

/* Each line of standard input becomes a command on what is standard input from here on. The child ends with its input. */
static gboolean send_lines(const char *command)
{
	int ends[2];
	pid_t child;

	if (pipe(ends) || (child = fork()) < 0)
		return FALSE;
	if (!child) {
		char *text = NULL;
		size_t room = 0;
		ssize_t size;

		close(ends[0]);
		while ((size = getline(&text, &room, stdin)) > 0) {
			g_autofree char *coded = NULL, *line = NULL;

			if (text[size - 1] == '\n')
				size--;
			coded = g_base64_encode((const guchar *)text, (gsize)size);
			line = g_strdup_printf("%s --base64 %s\n", command, coded);
			if (write(ends[1], line, strlen(line)) < 0)
				break;
		}
		_exit(0);
	}
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	return TRUE;
}

/* Without a host: one that has nothing open, with a state of its own. */
static int doctor_alone(void)
{
	g_autofree char *folder = g_dir_make_tmp("backplane-doctor-XXXXXX", NULL), *socket = NULL, *line = NULL;
	g_autofree char *config = g_build_filename(SYSCONFDIR, "backplane", "backplane.yaml", NULL);
	g_auto(GStrv) environment = g_get_environ();
	const char *program = "/proc/self/exe";
	int status = 0, checked = 0;

	if (!folder)
		return 1;
	fprintf(stderr, "backplane: no instance runs here; this is what a new one would find\n");
	if (g_file_test(config, G_FILE_TEST_EXISTS)) {
		const char *check[] = { program, "--check-config", config, NULL };

		g_spawn_sync(NULL, (char **)check, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL, NULL, &checked,
			     NULL);
		if (checked)
			fprintf(stderr, "backplane: that is the configuration of the service\n");
	}
	socket = g_build_filename(folder, "control", NULL);
	line = g_strjoinv(" ", given);
	g_autofree char *run = g_strconcat("tool doctor ", line, NULL);
	const char *arguments[] = { program, "-S", socket, "-e", run, "-e", "quit", "-d", NULL };

	environment = g_environ_setenv(environment, "STATE_DIRECTORY", folder, TRUE);
	g_spawn_sync(NULL, (char **)arguments, environment, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL, NULL,
		     &status, NULL);
	g_autofree char *settings = g_build_filename(folder, "settings.ini", NULL),
			*lock = g_build_filename(folder, "lock", NULL);

	g_remove(settings);
	g_remove(lock);
	g_rmdir(folder);
	return status || checked;
}

int tool_run(const char *path, const char *command)
{
	gboolean is_send = g_str_has_prefix(command, "tool send ");

	if (g_str_has_prefix(command, "tool doctor") && !control_answers(path))
		return doctor_alone();
	if (is_send && given[0] && *given[0] != '-' && !given[1])
		return send_lines(command) ? control_client(path, "-", TRUE) : 1;
	return control_client(path, command, TRUE);
}
