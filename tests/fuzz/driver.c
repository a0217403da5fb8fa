/* SPDX-License-Identifier: MIT */
/* driver.c - runs a fuzz target as an ordinary test: fuzz-NAME [FILE|FOLDER]...
 *
 * Each seed is given whole, cut after every length up to 512, with single bytes changed, and changed at random, always in
 * the same way: FUZZ_SEED=N chooses another way, FUZZ_RUNS=N how many random changes. A target whose inputs cost more says
 * with `fuzz_most` how many inputs of each of these kinds a seed may become. Without arguments the seeds are those in
 * $SRC/tests/fuzz/seeds/NAME.
 *
 * A crash or a sanitizer ends the program, so tests/run counts it; what was being done is said on stderr, and the input is
 * kept as tests/fuzz/NAME.crash of the build folder, to be given as an argument. An input that takes over 5 s of
 * the processor's time fails.
 */
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define CUTS 512
#define CHANGES 256
#define RUNS 200
#define MOST_SIZE 65536
#define MOST_TIME 5 /* s */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));
extern const guint fuzz_most __attribute__((weak));

static char doing[400] = "(set-up)", crash_file[400];
static const guint8 *input;
static gsize input_size;
static guint passed, failed;
static GPtrArray *seeds; /* of GBytes: what random changes take pieces from */

static void keep_input(void)
{
	int fd = input ? open(crash_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

	if (fd >= 0 && (write(fd, input, input_size) < 0 || close(fd) < 0))
		_exit(3);
}

static void say(const char *what)
{
	if (write(STDERR_FILENO, what, strlen(what)) < 0 || write(STDERR_FILENO, doing, strlen(doing)) < 0 ||
	    write(STDERR_FILENO, "\n", 1) < 0)
		_exit(3);
}

static void on_death(void)
{
	say("\nreported: ");
	keep_input();
}

static void on_signal(int number)
{
	say(number == SIGPROF ? "\nnot ended after 5 s: " : "\ncrashed: ");
	keep_input();
	_exit(2);
}

/* Of the processor's, which others may use meanwhile; what sleeps for ever is ended by tests/run. */
static void limit_time(time_t seconds)
{
	setitimer(ITIMER_PROF, &(struct itimerval){ .it_value.tv_sec = seconds }, NULL);
}

/* A copy that ends where the input ends, so that the sanitizer sees a read past it. */
static void feed(const guint8 *data, gsize size)
{
	g_autofree guint8 *copy = g_malloc(size ? size : 1);

	if (size)
		memcpy(copy, data, size);
	input = copy;
	input_size = size;
	limit_time(MOST_TIME);
	LLVMFuzzerTestOneInput(copy, size);
	limit_time(0);
	input = NULL;
	passed++;
}

/* --- random changes --- */

static guint below(GRand *random, gsize limit)
{
	return limit ? (guint)g_rand_int_range(random, 0, (gint32)MIN(limit, MOST_SIZE)) : 0;
}

/* A piece of a seed; whole lines as often as not, since some inputs are scripts. */
static void choose_piece(GRand *random, const guint8 *data, gsize size, gsize *at, gsize *length)
{
	gsize most = g_rand_boolean(random) ? 8 : size;

	*at = below(random, size);
	*length = 1 + below(random, MIN(most, size - *at));
	if (!g_rand_boolean(random))
		return;
	while (*at && data[*at - 1] != '\n')
		--*at;
	for (*length = 1; *at + *length < size && data[*at + *length - 1] != '\n';)
		++*length;
	*length = MIN(*length, size - *at);
}

static void put(GByteArray *array, gsize at, const guint8 *bytes, gsize size)
{
	guint behind = array->len - (guint)at;

	g_byte_array_set_size(array, array->len + (guint)size);
	memmove(array->data + at + size, array->data + at, behind);
	memcpy(array->data + at, bytes, size);
}

static void change_once(GRand *random, GByteArray *array)
{
	GBytes *other = seeds->pdata[below(random, seeds->len)];
	g_autofree guint8 *piece = NULL;
	gsize at, length, from_size;
	const guint8 *from = g_bytes_get_data(other, &from_size);

	switch (array->len ? below(random, 6) : 5) {
	case 0:
		array->data[below(random, array->len)] ^= (guint8)(1 << below(random, 8));
		return;
	case 1:
		array->data[below(random, array->len)] = (guint8)below(random, 256);
		return;
	case 2:
		choose_piece(random, array->data, array->len, &at, &length);
		g_byte_array_remove_range(array, (guint)at, (guint)length);
		return;
	case 3:
	case 4: /* said again, somewhere */
		choose_piece(random, array->data, array->len, &at, &length);
		piece = g_memdup2(array->data + at, length);
		break;
	default:
		if (!from_size)
			return;
		choose_piece(random, from, from_size, &at, &length);
		piece = g_memdup2(from + at, length);
	}
	if (array->len + length > MOST_SIZE)
		return;
	at = below(random, array->len + 1);
	while (g_rand_boolean(random) && at && array->data[at - 1] != '\n')
		at--;
	put(array, at, piece, length);
}

static void feed_changed(const char *path, const guint8 *data, gsize size, guint runs)
{
	g_autofree char *name = g_path_get_basename(path);
	guint32 number = g_getenv("FUZZ_SEED") ? (guint32)atoi(g_getenv("FUZZ_SEED")) : 0;
	GRand *random = g_rand_new_with_seed(g_str_hash(name) ^ number);

	if (g_getenv("FUZZ_RUNS"))
		runs = (guint)atoi(g_getenv("FUZZ_RUNS"));
	for (guint run = 0; run < runs; run++) {
		g_autoptr(GByteArray) array = g_byte_array_new();

		g_byte_array_append(array, data, (guint)size);
		for (guint times = 1 + below(random, 4); times; times--)
			change_once(random, array);
		snprintf(doing, sizeof(doing), "%s, random change %u of FUZZ_SEED=%u", path, run, number);
		feed(array->data, array->len);
	}
	g_rand_free(random);
}

/* --- seeds --- */

static void feed_seed(const char *path)
{
	static const guint8 changes[] = { 0x00, 0xff, 0x01, 0x80, 0x20 };
	guint most = &fuzz_most ? fuzz_most : 0;
	g_autofree char *contents = NULL;
	g_autoptr(GError) error = NULL;
	gsize size, cuts, step;

	if (!g_file_get_contents(path, &contents, &size, &error)) {
		printf("%s\n", error->message);
		failed++;
		return;
	}
	snprintf(doing, sizeof(doing), "%s", path);
	feed((guint8 *)contents, size);
	cuts = MIN(size, CUTS);
	step = most ? cuts / most + 1 : 1;
	for (gsize cut = 0; cut < cuts; cut += step) {
		snprintf(doing, sizeof(doing), "%s, first %zu bytes", path, cut);
		feed((guint8 *)contents, cut);
	}
	step = size / (most ? MAX(most / G_N_ELEMENTS(changes), 1) : CHANGES) + 1;
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
	feed_changed(path, (guint8 *)contents, size, most ? most : RUNS);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void for_each(const char *path, void (*func)(const char *path))
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)))
		g_ptr_array_add(names, g_build_filename(path, name, NULL));
	if (!dir)
		g_ptr_array_add(names, g_strdup(path));
	g_ptr_array_sort(names, by_name);
	for (guint i = 0; i < names->len; i++)
		func(names->pdata[i]);
}

static void keep_seed(const char *path)
{
	char *contents;
	gsize size;

	if (g_file_get_contents(path, &contents, &size, NULL))
		g_ptr_array_add(seeds, g_bytes_new_take(contents, size));
}

int main(int argc, char **argv)
{
	g_autofree char *name = g_path_get_basename(argv[0]);
	const char *target = g_str_has_prefix(name, "fuzz-") ? name + strlen("fuzz-") : name;
	const char *source = g_getenv("SRC") ? g_getenv("SRC") : ".",
		   *build = g_getenv("BUILD") ? g_getenv("BUILD") : ".";
	g_autofree char *own = g_build_filename(source, "tests", "fuzz", "seeds", target, NULL);
	g_autofree char *absolute_build = g_canonicalize_filename(build, NULL);
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);

	/* A target may go to another folder. */
	for (int i = 1; i < argc; i++)
		g_ptr_array_add(paths, g_canonicalize_filename(argv[i], NULL));
	if (argc < 2)
		g_ptr_array_add(paths, g_canonicalize_filename(own, NULL));
	snprintf(crash_file, sizeof(crash_file), "%s/tests/fuzz/%s.crash", absolute_build, target);
	signal(SIGPROF, on_signal);
	signal(SIGABRT, on_signal);
	signal(SIGPIPE, SIG_IGN);
	/* A sanitizer tells more of it. */
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(on_death);
	else
		signal(SIGSEGV, on_signal);
	setvbuf(stdout, NULL, _IOLBF, 0);
	seeds = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	for (guint i = 0; i < paths->len; i++)
		for_each(paths->pdata[i], keep_seed);
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (guint i = 0; i < paths->len; i++)
		for_each(paths->pdata[i], feed_seed);
	g_ptr_array_unref(seeds);
	if (!passed)
		failed++;
	printf("fuzz-%s: %u passed, %u failed\n", target, passed, failed);
	return failed != 0;
}
