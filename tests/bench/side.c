/* SPDX-License-Identifier: MIT */
/* side.c - the sides of a comparison: servers made of words in which ports and folders are filled in. */
#include "bench.h"
#include <stdio.h>
#include <string.h>

Side *side_new(const char *name, const char *protocol)
{
	Side *side = g_new0(Side, 1);

	side->name = name;
	side->protocol = protocol;
	side->port = side->into = free_port();
	side->third = free_port();
	side->processes = g_array_new(FALSE, FALSE, sizeof(pid_t));
	side->measured = g_string_new(NULL);
	side->cpu = g_array_new(FALSE, FALSE, sizeof(double));
	side->rate = g_array_new(FALSE, FALSE, sizeof(double));
	return side;
}

void side_free(Side *side)
{
	for (guint i = side->processes->len; i > 0; i--)
		process_stop(g_array_index(side->processes, pid_t, i - 1));
	g_array_unref(side->processes);
	g_string_free(side->measured, TRUE);
	g_array_unref(side->cpu);
	g_array_unref(side->rate);
	g_free(side);
}

static void put_number(GString *text, const char *name, guint number)
{
	g_autofree char *digits = g_strdup_printf("%u", number);

	g_string_replace(text, name, digits, 0);
}

static char *filled_in(Side *side, const char *word)
{
	g_autofree char *build = process_path("");
	GString *text = g_string_new(word);

	if (strstr(word, "INTO") && side->into == side->port)
		side->into = free_port();
	put_number(text, "PORT", side->port);
	put_number(text, "INTO", side->into);
	put_number(text, "THIRD", side->third);
	g_string_replace(text, "FOLDER", process_folder(), 0);
	g_string_replace(text, "BUILD", build, 0);
	return g_string_free(text, FALSE);
}

static void run(Side *side, pid_t (*start)(const char *const *), const char *const *words, gboolean counts)
{
	g_autoptr(GPtrArray) filled = g_ptr_array_new_with_free_func(g_free);
	pid_t pid;

	for (; *words; words++)
		g_ptr_array_add(filled, filled_in(side, *words));
	g_ptr_array_add(filled, NULL);
	pid = start((const char *const *)filled->pdata);
	g_array_append_val(side->processes, pid);
	if (counts)
		g_string_append_printf(side->measured, "%s%d", side->measured->len ? "," : "", (int)pid);
}

void side_run(Side *side, const char *const *words)
{
	run(side, process_start, words, TRUE);
}

void side_run_aside(Side *side, const char *const *words)
{
	run(side, process_start, words, FALSE);
}

void side_run_backplane(Side *side, const char *const *commands)
{
	run(side, backplane_start, commands, TRUE);
}

Side *side_bare(const char *name, const char *protocol, const char *mode, const char *into)
{
	const char *words[] = { "BUILD/tests/bench/bare-echo", mode, "PORT", into, NULL };
	Side *side = side_new(name, protocol);

	side_run(side, words);
	return side;
}

Side *side_backplane(const char *name, const char *protocol, const char *const *commands)
{
	Side *side = side_new(name, protocol);

	side_run_backplane(side, commands);
	return side;
}

void side_wait(const Side *side)
{
	wait_for_port(strcmp(side->protocol, "udp") == 0, side->port);
	if (side->into != side->port)
		wait_for_port(FALSE, side->into);
}

gboolean is_installed(const char *program, const char *package)
{
	g_autofree char *path = g_find_program_in_path(program);

	if (path)
		return TRUE;
	printf("(%s is left out: it is not installed; Debian: %s)\n", program, package);
	return FALSE;
}
