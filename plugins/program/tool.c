/* SPDX-License-Identifier: MIT */
/* tool.c - `backplane NAME ...` runs the program backplane-NAME, as git does. */
#include "program.h"
#include <string.h>
#include <unistd.h>

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
	execv(g_file_test(library, G_FILE_TEST_EXISTS) ? beside : installed, argv + 1);
}
