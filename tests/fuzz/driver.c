/* SPDX-License-Identifier: MIT */
/* driver.c - runs a fuzz target as an ordinary test: fuzz-NAME [FILE|FOLDER]...
 *
 * Each seed is given whole, cut after every length up to 512, and with single bytes changed, always in the same
 * way. Without arguments the seeds are those in $SRC/tests/fuzz/seeds/NAME. A crash or a sanitizer ends the
 * program, so tests/run counts it; what was being done is said on stderr. An input that takes over 5 s fails.
 */
#include <glib.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CUTS 512
#define CHANGES 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static char doing[400] = "(set-up)";
static guint passed, failed;

static void on_signal(int number)
{
	const char *what = number == SIGALRM ? "\nnot ended after 5 s: " : "\ncrashed: ";

	if (write(STDERR_FILENO, what, strlen(what)) < 0 || write(STDERR_FILENO, doing, strlen(doing)) < 0 ||
	    write(STDERR_FILENO, "\n", 1) < 0)
		_exit(3);
	_exit(2);
}

/* A copy that ends where the input ends, so that the sanitizer sees a read past it. */
static void feed(const guint8 *data, gsize size)
{
	g_autofree guint8 *copy = g_malloc(size ? size : 1);

	if (size)
		memcpy(copy, data, size);
	alarm(5);
	LLVMFuzzerTestOneInput(copy, size);
	alarm(0);
	passed++;
}

static void feed_seed(const char *path)
{
	static const guint8 changes[] = { 0x00, 0xff, 0x01, 0x80, 0x20 };
	g_autofree char *contents = NULL;
	g_autoptr(GError) error = NULL;
	gsize size, step;

	if (!g_file_get_contents(path, &contents, &size, &error)) {
		printf("%s\n", error->message);
		failed++;
		return;
	}
	snprintf(doing, sizeof(doing), "%s", path);
	feed((guint8 *)contents, size);
	for (gsize cut = 0; cut < MIN(size, CUTS); cut++) {
		snprintf(doing, sizeof(doing), "%s, first %zu bytes", path, cut);
		feed((guint8 *)contents, cut);
	}
	step = size / CHANGES + 1;
	for (gsize at = 0; at < size; at += step) {
		char old = contents[at];

		for (guint i = 0; i < G_N_ELEMENTS(changes); i++) {
			guint8 change = i < 2 ? changes[i] : (guint8)old ^ changes[i];

			snprintf(doing, sizeof(doing), "%s, byte %zu is 0x%02x", path, at, change);
			contents[at] = (char)change;
			feed((guint8 *)contents, size);
		}
		contents[at] = old;
	}
}

static void feed_path(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	if (!dir) {
		feed_seed(path);
		return;
	}
	while ((name = g_dir_read_name(dir))) {
		g_autofree char *child = g_build_filename(path, name, NULL);

		feed_seed(child);
	}
}

int main(int argc, char **argv)
{
	g_autofree char *name = g_path_get_basename(argv[0]);
	const char *target = g_str_has_prefix(name, "fuzz-") ? name + strlen("fuzz-") : name;

	signal(SIGALRM, on_signal);
	signal(SIGSEGV, on_signal);
	signal(SIGABRT, on_signal);
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	if (argc > 1) {
		for (int i = 1; i < argc; i++)
			feed_path(argv[i]);
	} else {
		const char *source = g_getenv("SRC") ? g_getenv("SRC") : ".";
		g_autofree char *seeds = g_build_filename(source, "tests", "fuzz", "seeds", target, NULL);

		feed_path(seeds);
	}
	if (!passed)
		failed++;
	printf("fuzz-%s: %u passed, %u failed\n", target, passed, failed);
	return failed != 0;
}
