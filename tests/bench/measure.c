/* SPDX-License-Identifier: MIT */
/* measure.c - rounds of load, sides in turn, medians; tables in Markdown. */
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* One round of load on one side. */
static void load(Side *side, const char *mode, const Case *what)
{
	g_autofree char *program = process_path("tests/bench/load");
	g_autofree char *line = g_strdup_printf("taskset -c 1 '%s' %s %s %u %u %u %u %f %s", program, mode,
						side->protocol, side->port, side->into, what->connections, what->depth,
						seconds, side->measured->str);
	FILE *pipe = popen(line, "r");
	unsigned long long messages = 0, lost = 0;
	double took = 0, cpu = 0, value;
	int found = pipe ? fscanf(pipe, "%llu %lf %lf %llu", &messages, &took, &cpu, &lost) : 0;

	if (!pipe || pclose(pipe) != 0 || found != 4 || !messages)
		g_error("%s: the load came to nothing: %s; %s/log may say why", side->name, line, process_folder());
	value = cpu / (double)messages;
	g_array_append_val(side->cpu, value);
	value = (double)messages / took;
	g_array_append_val(side->rate, value);
	side->lost += lost;
}

void sides_measure(GPtrArray *sides, const char *mode, const Case *what)
{
	for (guint i = 0; i < sides->len; i++) {
		Side *side = sides->pdata[i];

		g_array_set_size(side->cpu, 0);
		g_array_set_size(side->rate, 0);
		side->lost = 0;
	}
	/* All sides in turn. */
	for (guint round = 0; round < rounds; round++)
		for (guint i = 0; i < sides->len; i++)
			load(sides->pdata[i], mode, what);
}

static gint by_size(gconstpointer a, gconstpointer b)
{
	double first = *(const double *)a, second = *(const double *)b;

	return first < second ? -1 : first > second;
}

double median(GArray *values)
{
	g_array_sort(values, by_size);
	return g_array_index(values, double, values->len / 2);
}

static char *cpu_model(void)
{
	g_autofree char *text = NULL;
	const char *at;

	if (!g_file_get_contents("/proc/cpuinfo", &text, NULL, NULL) || !(at = strstr(text, "model name")) ||
	    !(at = strchr(at, ':')))
		return g_strdup("unknown processor");
	at += strspn(at, ": \t");
	return g_strndup(at, strcspn(at, "\n"));
}

void describe_machine(void)
{
	g_autofree char *model = cpu_model();
	struct utsname system;

	uname(&system);
	printf("%s, %ld cores, %s %s; %u rounds of %g s, medians\n\n", model, sysconf(_SC_NPROCESSORS_ONLN),
	       system.sysname, system.release, rounds, seconds);
}

static void print(GPtrArray *sides, const Case *what)
{
	double first = median(((Side *)sides->pdata[0])->cpu);

	for (guint i = 0; i < sides->len; i++) {
		Side *side = sides->pdata[i];
		double cpu = median(side->cpu), rate = median(side->rate);

		printf("| %u | %u | %s | %.3f | %.0f | %.1f | %.2f |%s\n", what->connections, what->depth, side->name,
		       cpu * 1e6, rate, what->connections * what->depth / rate * 1e6, first / cpu,
		       side->lost ? " (answers late or lost)" : "");
	}
	fflush(stdout);
}

GPtrArray *sides_new(void)
{
	return g_ptr_array_new_with_free_func((GDestroyNotify)side_free);
}

void sides_set_protocol(GPtrArray *sides, const char *protocol)
{
	for (guint i = 0; i < sides->len; i++)
		((Side *)sides->pdata[i])->protocol = protocol;
}

void sides_run(GPtrArray *sides, const char *mode, const Case *cases, guint count)
{
	for (guint i = 0; i < sides->len; i++)
		side_wait(sides->pdata[i]);
	printf("| connections | in flight | server | CPU us a message | messages a second | round us | against the first |\n");
	printf("|--:|--:|---|--:|--:|--:|--:|\n");
	for (guint i = 0; i < count; i++) {
		sides_measure(sides, mode, &cases[i]);
		print(sides, &cases[i]);
	}
}
