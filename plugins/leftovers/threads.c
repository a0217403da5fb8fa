/* SPDX-License-Identifier: MIT */
/* threads.c - threads that are in the midst of a plugin's code.
 *
 * The kernel tells where the stack of a thread stands that waits in a system call. A word on it that points into the plugin
 * is, but for rare chance, the place where a function of it goes on. A thread that never waits is taken for the plugin's if it
 * was started after it.
 */
#include "leftovers.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LOOKS 100 /* until a thread waits */
/* With one that began after the plugin: it may only wait for a processor. */
#define PATIENCE (500 * G_TIME_SPAN_MILLISECOND)
#define LARGEST_STACK (64 * 1024 * 1024)

guint64 left_ticks(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (guint64)now.tv_sec * (guint64)sysconf(_SC_CLK_TCK) +
	       (guint64)now.tv_nsec * (guint64)sysconf(_SC_CLK_TCK) / 1000000000;
}

static char *read_of(const char *thread, const char *name)
{
	g_autofree char *path = g_strdup_printf("/proc/self/task/%s/%s", thread, name);

	return bp_file_load(path, 4096, BP_FILE_READ, NULL, NULL);
}

static gboolean started_after(const char *thread, guint64 since)
{
	g_autofree char *stat = read_of(thread, "stat");
	const char *at = stat ? strrchr(stat, ')') : NULL;
	unsigned long long started = 0;

	/* Field 22; the name, in parentheses, is the second. */
	return at &&
	       sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		      &started) == 1 &&
	       started >= since;
}

/* 0: it never waited. */
static guintptr stack_of(const char *thread, guint64 since)
{
	gint64 until = started_after(thread, since) ? g_get_monotonic_time() + PATIENCE : 0;

	for (guint i = 0; i < LOOKS || g_get_monotonic_time() < until; i++) {
		g_autofree char *call = read_of(thread, "syscall");
		g_auto(GStrv) fields = call ? g_strsplit(g_strchomp(call), " ", -1) : NULL;
		guint count = fields ? g_strv_length(fields) : 0;

		if (count >= 3) /* ..., stack, place */
			return (guintptr)g_ascii_strtoull(fields[count - 2], NULL, 16);
		if (!call)
			break;
		g_thread_yield();
	}
	return 0;
}

/* Where the mapping ends that has this address. */
static guintptr end_of(guintptr address)
{
	g_autofree char *maps = left_maps();
	g_auto(GStrv) lines = NULL;

	if (!maps)
		return 0;
	lines = g_strsplit(maps, "\n", -1);
	for (char **line = lines; *line; line++) {
		unsigned long long start, end;

		if (sscanf(*line, "%llx-%llx", &start, &end) == 2 && address >= start && address < end)
			return (guintptr)end;
	}
	return 0;
}

static gconstpointer look_at_stack(const LeftMapping *mapping, guintptr stack)
{
	guintptr end = end_of(stack), words[512];
	gconstpointer found = NULL;

	end = MIN(end, stack + LARGEST_STACK);
	while (!found && stack < end) {
		gsize got = left_copy(words, stack, MIN(G_N_ELEMENTS(words), (end - stack) / sizeof(*words)));

		if (!got)
			break;
		found = left_find_word(mapping, words, got);
		stack += got * sizeof(*words);
	}
	return found;
}

/* Threads of the kernel run no code of plugins, but may have on their stacks what the main loop was doing. */
static gboolean is_of_kernel(const char *thread, guint64 since)
{
	g_autofree char *name = read_of(thread, "comm");

	return name && (!strcmp(g_strchomp(name), "turns") || !strcmp(name, "output")) && !started_after(thread, since);
}

static void look_at(const LeftMapping *mapping, const char *thread, guint64 since, GPtrArray *found)
{
	guintptr stack = stack_of(thread, since);
	gconstpointer place = stack ? look_at_stack(mapping, stack & ~(sizeof(stack) - 1)) : NULL;
	g_autofree char *name = NULL;

	if (!place && (stack || !started_after(thread, since)))
		return;
	name = read_of(thread, "comm");
	if (name)
		left_add(found, "thread \"%s\"", g_strchomp(name));
}

void left_find_threads(const LeftMapping *mapping, guint64 since, GPtrArray *found)
{
	DIR *threads = opendir("/proc/self/task");
	struct dirent *entry;

	while (threads && (entry = readdir(threads)))
		if (g_ascii_isdigit(*entry->d_name) && atoi(entry->d_name) != (int)syscall(SYS_gettid) &&
		    !is_of_kernel(entry->d_name, since))
			look_at(mapping, entry->d_name, since, found);
	if (threads)
		closedir(threads);
}
