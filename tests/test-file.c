/* SPDX-License-Identifier: MIT */
/* test-file.c - files that are opened, read and written without waiting: what is refused, full disks, files that go. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <backplane/channel.h>
#include <backplane/kernel.h>
#include <backplane/writer.h>
#include "bus/owner.h"
#include "loop/loop.h"
#include "suite.h"

static BpPlugin plugin, *self = &plugin;

/* What a writer has told. */
static struct {
	guint opened, stalled, resumed, drained, closed;
	char *why;
} told;

static void start(void)
{
	CU_ASSERT_FATAL(bp_kernel_start(&(BpKernelOptions){ 0 }, NULL));
	owner_init(self, NULL, "test");
	g_free(told.why);
	memset(&told, 0, sizeof(told));
}

static void stop(void)
{
	owner_drop_all(self);
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
	owner_clear(self);
	memset(self, 0, sizeof(*self));
}

static char *path_of(const char *name)
{
	return g_build_filename(suite_folder(), name, NULL);
}

static char *contents(const char *path)
{
	char *text = NULL;

	return g_file_get_contents(path, &text, NULL, NULL) ? text : g_strdup("(none)");
}

static gboolean is_at_least(gpointer data)
{
	return *(guint *)data >= 1;
}

static gboolean happened(guint *count)
{
	return suite_wait_until(is_at_least, count, 10);
}

static void on_writer(BpPlugin *owner, BpWriter *writer, BpWriterEvent event, const GError *error, gpointer data)
{
	guint *counts[] = { &told.opened, &told.stalled, &told.resumed, &told.drained, &told.closed };

	CU_ASSERT_PTR_EQUAL(bp_loop_current(), bp_loop_main());
	CU_ASSERT_EQUAL(told.closed, 0); /* it is the last */
	++*counts[event];
	if (error) {
		g_free(told.why);
		told.why = g_strdup(error->message);
	}
}

static BpWriter *begin(const char *path, BpWriterOptions options)
{
	if (!options.flags)
		options.flags = BP_FILE_APPEND;
	return bp_writer_open(self, path, &options, on_writer, NULL);
}

static gboolean is_written(gpointer writer)
{
	return bp_writer_stats(writer).waiting == 0;
}

static gboolean settle(BpWriter *writer)
{
	return suite_wait_until(is_written, writer, 10);
}

static void say(BpWriter *file, const char *text)
{
	bp_writer_send(file, text, strlen(text));
}

#define ASSERT_CONTENTS(path, wanted) \
	do { \
		g_autofree char *text_ = contents(path); \
		CU_ASSERT_STRING_EQUAL(text_, wanted); \
	} while (0)

/* As good as a full disk, and needs no rights. */
static void limit_files(rlim_t size)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = MIN(size, limit.rlim_max);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* --- opening --- */

static void assert_refused(const char *path, BpFileFlags flags, BpErrorCode code, const char *why)
{
	g_autoptr(GError) error = NULL;

	CU_ASSERT_EQUAL(bp_file_open(path, flags, &error), -1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(error);
	CU_ASSERT_EQUAL(error->code, (int)code);
	CU_ASSERT(g_str_has_prefix(error->message, path));
	CU_ASSERT_PTR_NOT_NULL(strstr(error->message, why));
}

static void test_refuses(void)
{
	g_autofree char *fifo = path_of("fifo"), *link = path_of("link"), *file = suite_file("file", "x"),
			*locked = path_of("locked");
	g_autofree char *socket_path = path_of("socket"), *dangling = path_of("dangling");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	g_strlcpy(address.sun_path, socket_path, sizeof(address.sun_path));
	CU_ASSERT_FATAL(!mkfifo(fifo, 0600) && !symlink("file", link) && !symlink("nowhere/x", dangling) &&
			!bind(fd, (struct sockaddr *)&address, sizeof(address)));
	close(fd);
	for (BpFileFlags flags = BP_FILE_READ; flags <= BP_FILE_APPEND; flags++) {
		assert_refused(fifo, flags, BP_INVALID, "it is not a file but a FIFO");
		assert_refused(suite_folder(), flags, BP_INVALID, "it is not a file but a folder");
		assert_refused("/dev/full", flags, BP_INVALID, "it is not a file but a device");
		assert_refused(socket_path, flags, BP_INVALID, "it is not a file but a socket");
		assert_refused(link, flags | BP_FILE_NO_LINK, BP_FAILED, "it is a symbolic link");
		assert_refused(dangling, flags, BP_NOT_FOUND, "No such file or directory");
	}
	assert_refused(file, BP_FILE_NEW, BP_EXISTS, "File exists");
	fd = bp_file_open(link, BP_FILE_READ, NULL);
	CU_ASSERT(fd >= 0 && fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	if (geteuid()) {
		CU_ASSERT_FATAL(g_file_set_contents(locked, "x", 1, NULL) && !g_chmod(locked, 0));
		assert_refused(locked, BP_FILE_READ, BP_NOT_PERMITTED, "Permission denied");
	}
}

static void test_loads(void)
{
	g_autofree char *file = suite_file("loaded", "12345"), *empty = suite_file("empty", ""),
			*large = g_strnfill(200000, 'y');
	g_autofree char *wide = suite_file("wide", large), *text = NULL, *proc = NULL, *none = NULL, *whole = NULL;
	g_autoptr(GError) error = NULL;
	gsize size;

	text = bp_file_load(file, 5, BP_FILE_READ, &size, NULL);
	CU_ASSERT(text && size == 5 && !strcmp(text, "12345"));
	CU_ASSERT_PTR_NULL(bp_file_load(file, 4, BP_FILE_READ, &size, &error));
	CU_ASSERT(error && error->code == BP_LIMIT && strstr(error->message, "larger than 4 bytes"));
	none = bp_file_load(empty, 0, BP_FILE_READ, &size, NULL);
	CU_ASSERT(none && size == 0 && !*none);
	proc = bp_file_load("/proc/self/statm", 4096, BP_FILE_READ, NULL, NULL); /* its size is 0 there */
	CU_ASSERT(proc && strlen(proc) > 5);
	whole = bp_file_load(wide, 200000, BP_FILE_READ, &size, NULL);
	CU_ASSERT(whole && size == 200000 && !strcmp(whole, large));
}

static void test_creates_or_leaves_nothing(void)
{
	g_autofree char *file = path_of("created"), *to = path_of("renamed"), *missing = path_of("no/such");
	g_autoptr(GError) error = NULL;
	struct stat info;

	CU_ASSERT(bp_file_create(file, "abc", 3, NULL));
	CU_ASSERT(!g_stat(file, &info) && (info.st_mode & 0777) == 0600);
	CU_ASSERT_FALSE(bp_file_create(file, "new", 3, &error));
	CU_ASSERT(g_error_matches(error, BP_IO_ERROR, BP_EXISTS));
	ASSERT_CONTENTS(file, "abc");
	CU_ASSERT(bp_file_rename(file, to, NULL));
	ASSERT_CONTENTS(to, "abc");
	g_clear_error(&error);
	limit_files(10);
	CU_ASSERT_FALSE(bp_file_create(file, "longer than ten", 15, &error));
	limit_files(RLIM_INFINITY);
	CU_ASSERT(error && strstr(error->message, "File too large"));
	CU_ASSERT_FALSE(g_file_test(file, G_FILE_TEST_EXISTS));
	CU_ASSERT(bp_file_create(file, "abc", 3, NULL));
	g_clear_error(&error);
	CU_ASSERT_FALSE(bp_file_rename(file, missing, &error));
	CU_ASSERT(g_error_matches(error, BP_IO_ERROR, BP_NOT_FOUND));
	CU_ASSERT_FALSE(g_file_test(file, G_FILE_TEST_EXISTS));
}

/* --- reading in a job --- */

static GString *loaded;
static guint loads;

static void on_loaded(BpPlugin *owner, const char *text, gsize size, const GError *error, gpointer data)
{
	CU_ASSERT_PTR_EQUAL(bp_loop_current(), bp_loop_main());
	loads++;
	g_string_append(loaded, text ? text : error->message);
}

static void test_reads_in_a_job(void)
{
	g_autofree char *file = suite_file("read", "text");

	start();
	loads = 0;
	loaded = g_string_new(NULL);
	CU_ASSERT(bp_file_read(self, file, 100, on_loaded, NULL, NULL));
	CU_ASSERT_EQUAL(loads, 0); /* never from inside the call */
	CU_ASSERT(happened(&loads));
	CU_ASSERT_STRING_EQUAL(loaded->str, "text");
	loads = 0;
	CU_ASSERT(bp_file_read(self, "/nowhere", 100, on_loaded, NULL, NULL));
	CU_ASSERT(happened(&loads));
	CU_ASSERT_STRING_EQUAL(loaded->str, "text/nowhere: No such file or directory");
	loads = 0;
	CU_ASSERT(bp_file_read(self, file, 100, on_loaded, NULL, NULL));
	job_cancel_all(self);
	CU_ASSERT(happened(&loads));
	CU_ASSERT_PTR_NOT_NULL(strstr(loaded->str, "it is not read: test is closing"));
	g_string_free(loaded, TRUE);
	stop();
}

/* --- writing --- */

static void test_writes(void)
{
	g_autofree char *path = suite_file("written", "old\n");
	BpWriter *writer;

	start();
	writer = begin(path, (BpWriterOptions){ 0 });
	CU_ASSERT_EQUAL(told.opened, 0); /* never from inside the call */
	say(writer, "one\n");
	CU_ASSERT(happened(&told.opened));
	say(writer, "two\n");
	bp_writer_send(writer, NULL, 0);
	CU_ASSERT(settle(writer));
	ASSERT_CONTENTS(path, "old\none\ntwo\n");
	CU_ASSERT(bp_writer_stats(writer).size == 12 && bp_writer_stats(writer).lost == 0);
	say(writer, "three\n");
	bp_writer_close(writer);
	CU_ASSERT(happened(&told.closed));
	CU_ASSERT(told.closed == 1 && told.opened == 1 && !told.why);
	ASSERT_CONTENTS(path, "old\none\ntwo\nthree\n");
	CU_ASSERT_EQUAL(owner_count(self, NULL), 0);
	stop();
}

static void test_cannot_be_opened(void)
{
	g_autofree char *path = path_of("fifo-to-write"), *there = suite_file("there", "x");

	start();
	CU_ASSERT_FATAL(!mkfifo(path, 0600));
	say(begin(path, (BpWriterOptions){ 0 }), "lost"); /* sent before it is known */
	CU_ASSERT(happened(&told.closed));
	CU_ASSERT(!told.opened && told.why && strstr(told.why, "it is not a file but a FIFO"));
	told.closed = 0;
	bp_writer_close(begin(there, (BpWriterOptions){ .flags = BP_FILE_NEW | BP_FILE_NO_LINK })); /* both at once */
	CU_ASSERT(happened(&told.closed));
	CU_ASSERT(told.closed == 1 && strstr(told.why, "File exists"));
	stop();
}

/* Bursts of all sizes while jobs write; the owner goes in the middle, and the rest is written all the same. */
static void test_order(void)
{
	g_autofree char *path = path_of("order"), *text = NULL;
	g_auto(GStrv) lines = NULL;
	BpWriter *writer;
	guint next = 0;

	start();
	writer = begin(path, (BpWriterOptions){ 0 });
	for (guint burst = 1; burst <= 100; burst++) {
		for (guint i = 0; i < burst; i++) {
			g_autofree char *line = g_strdup_printf("%u\n", next++);

			say(writer, line);
		}
		g_main_context_iteration(NULL, FALSE);
	}
	stop();
	CU_ASSERT(told.closed == 1 && strstr(told.why, "test is closing"));
	text = contents(path);
	lines = g_strsplit(text, "\n", -1);
	CU_ASSERT_EQUAL_FATAL(g_strv_length(lines), next + 1);
	for (guint i = 0; i < next; i++)
		CU_ASSERT_EQUAL((guint)atoi(lines[i]), i);
}

static void test_rotates(void)
{
	g_autofree char *path = path_of("rotated");
	static const char *const wanted[] = {
		"r9\n", "r7\nr8\n", "r5\nr6\n", "r3\nr4\n", "a long record\n", "r1\nr2\n"
	};
	BpWriter *writer;

	start();
	writer = begin(path, (BpWriterOptions){ .rotate = 7 });
	say(writer, "dropped\n");
	say(writer, "r1\n");
	say(writer, "r2\n");
	say(writer, "a long record\n"); /* larger than the limit: a file of its own */
	for (guint i = 3; i < 10; i++) {
		char line[] = { 'r', (char)('0' + i), '\n', 0 };

		say(writer, line);
	}
	stop();
	for (guint i = 0; i < G_N_ELEMENTS(wanted); i++) {
		g_autofree char *name = i ? g_strdup_printf("%s.%u", path, i) : g_strdup(path);

		ASSERT_CONTENTS(name, wanted[i]);
	}
}

static void test_full_disk(void)
{
	g_autofree char *path = path_of("full");
	BpWriter *writer;

	start();
	writer = begin(path, (BpWriterOptions){ .backlog = 20 });
	say(writer, "12345678\n");
	CU_ASSERT(settle(writer));
	limit_files(12);
	say(writer, "abcdefgh\n"); /* three bytes go in, six wait */
	CU_ASSERT(happened(&told.stalled));
	CU_ASSERT(told.why && strstr(told.why, "full: File too large"));
	say(writer, "second\n");
	CU_ASSERT_NOT_EQUAL(bp_writer_send(writer, "third\n", 6), BP_SENT); /* taken, but enough for now */
	CU_ASSERT_EQUAL(bp_writer_stats(writer).lost, 0);
	say(writer, "too much\n");
	CU_ASSERT(bp_writer_stats(writer).lost == 1 && bp_writer_stats(writer).waiting == 19);
	CU_ASSERT_EQUAL(told.drained, 0);
	limit_files(RLIM_INFINITY);
	CU_ASSERT(happened(&told.resumed));
	CU_ASSERT(settle(writer));
	CU_ASSERT_EQUAL(told.drained, 1);
	ASSERT_CONTENTS(path, "12345678\nabcdefgh\nsecond\nthird\n");
	CU_ASSERT_EQUAL(told.stalled, 1);
	/* One that is full at its end is given up, with a count. */
	limit_files(40);
	say(writer, "the rest of it");
	told.stalled = 0;
	CU_ASSERT(happened(&told.stalled));
	bp_writer_close(writer);
	CU_ASSERT(happened(&told.closed));
	limit_files(RLIM_INFINITY);
	CU_ASSERT(told.closed == 1 && strstr(told.why, "File too large"));
	stop();
}

static void test_removed_truncated_moved(void)
{
	g_autofree char *path = path_of("moving"), *old = path_of("moving.old");
	BpWriter *writer;

	start();
	writer = begin(path, (BpWriterOptions){ 0 });
	say(writer, "one\n");
	CU_ASSERT(settle(writer) && !g_unlink(path));
	say(writer, "two\n"); /* it is made again */
	CU_ASSERT(settle(writer));
	ASSERT_CONTENTS(path, "two\n");
	CU_ASSERT(!truncate(path, 0));
	say(writer, "three\n"); /* without a hole before it */
	CU_ASSERT(settle(writer));
	ASSERT_CONTENTS(path, "three\n");
	CU_ASSERT(!g_rename(path, old));
	say(writer, "four\n");
	CU_ASSERT(settle(writer));
	bp_channel_print(bp_channel(bp_kernel(), BP_SIGNALS), "SIGHUP");
	say(writer, "five\n");
	CU_ASSERT(settle(writer));
	ASSERT_CONTENTS(old, "three\nfour\n");
	ASSERT_CONTENTS(path, "five\n");
	stop();
}

static GMutex gate;

static void wait_at_gate(BpJob *job, gpointer data)
{
	g_mutex_lock(&gate);
	g_mutex_unlock(&gate);
}

/* SIGHUP while so many jobs wait that the writer gets none. */
static void test_reopening_is_remembered(void)
{
	g_autofree char *path = path_of("late"), *old = path_of("late.old");
	BpWriter *writer;
	guint waiting = 0;

	start();
	writer = begin(path, (BpWriterOptions){ 0 });
	say(writer, "one\n");
	CU_ASSERT(settle(writer) && !g_rename(path, old));
	g_mutex_lock(&gate);
	while (waiting < 100000 && bp_job_add(bp_kernel(), "waits", wait_at_gate, NULL, NULL, NULL))
		waiting++;
	bp_channel_print(bp_channel(bp_kernel(), BP_SIGNALS), "SIGHUP");
	while (g_main_context_iteration(NULL, FALSE))
		;
	g_mutex_unlock(&gate);
	say(writer, "two\n");
	CU_ASSERT(settle(writer));
	ASSERT_CONTENTS(old, "one\n");
	ASSERT_CONTENTS(path, "two\n");
	stop();
}

static const SuiteTest tests[] = {
	{ "refuses", test_refuses },
	{ "loads", test_loads },
	{ "creates_or_leaves_nothing", test_creates_or_leaves_nothing },
	{ "reads_in_a_job", test_reads_in_a_job },
	{ "writes", test_writes },
	{ "cannot_be_opened", test_cannot_be_opened },
	{ "order", test_order },
	{ "rotates", test_rotates },
	{ "full_disk", test_full_disk },
	{ "removed_truncated_moved", test_removed_truncated_moved },
	{ "reopening_is_remembered", test_reopening_is_remembered },
	{ NULL },
};

int main(int argc, char **argv)
{
	signal(SIGXFSZ, SIG_IGN);
	return suite_run("file", tests, argc, argv);
}
