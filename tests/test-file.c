/* SPDX-License-Identifier: MIT */
/* test-file.c - files that are opened, read and written without waiting: what is refused, full disks, pipes nobody reads. */
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
#include <backplane/kernel.h>
#include "bus/owner.h"
#include "loop/file.h"
#include "loop/loop.h"
#include "suite.h"

static BpPlugin plugin, *self = &plugin;

/* What a file has told, and how often its data was destroyed. */
typedef struct {
	guint opened, stalled, resumed, drained, closed, destroyed;
	char *why;
} Told;

static Told told;

static void start(void)
{
	CU_ASSERT_FATAL(loop_start_main(NULL));
	owner_init(self, NULL, "test");
	g_free(told.why);
	memset(&told, 0, sizeof(told));
}

static void stop(void)
{
	owner_drop_all(self);
	CU_ASSERT(files_drain(10 * G_USEC_PER_SEC));
	owner_clear(self);
	memset(self, 0, sizeof(*self));
	loop_stop_main();
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

static void on_file(BpPlugin *owner, BpFile *file, BpFileEvent event, const GError *error, gpointer data)
{
	guint *counts[] = { &told.opened, &told.stalled, &told.resumed, &told.drained, &told.closed };

	CU_ASSERT_PTR_EQUAL(bp_loop_current(), bp_loop_main());
	++*counts[event];
	if (error) {
		g_free(told.why);
		told.why = g_strdup(error->message);
	}
}

static void destroyed(gpointer data)
{
	((Told *)data)->destroyed++;
}

static BpFile *begin(const char *path, BpFileOptions options)
{
	if (!options.flags)
		options.flags = BP_FILE_APPEND;
	return bp_file_start(self, path, &options, on_file, &told, destroyed, NULL);
}

static void say(BpFile *file, const char *text)
{
	bp_file_send(file, text, strlen(text));
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
	g_autofree char *fifo = path_of("fifo"), *link = path_of("link"), *file = suite_file("file", "x"), *locked = path_of("locked");
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
	g_autofree char *file = suite_file("loaded", "12345"), *empty = suite_file("empty", ""), *large = g_strnfill(200000, 'y');
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
	BpFile *file;
	BpFileStats stats;

	start();
	file = begin(path, (BpFileOptions){ 0 });
	say(file, "one\n");
	CU_ASSERT(happened(&told.opened));
	say(file, "two\n");
	bp_file_send(file, NULL, 0);
	CU_ASSERT(file_flush(file, 10 * G_USEC_PER_SEC));
	ASSERT_CONTENTS(path, "old\none\ntwo\n");
	stats = bp_file_stats(file);
	CU_ASSERT(stats.written == 8 && stats.size == 12 && stats.lost == 0 && stats.waiting == 0);
	say(file, "three\n");
	bp_file_close(file);
	CU_ASSERT(happened(&told.destroyed));
	CU_ASSERT(told.closed == 1 && told.opened == 1 && !told.why);
	ASSERT_CONTENTS(path, "old\none\ntwo\nthree\n");
	CU_ASSERT_EQUAL(owner_count(self, NULL), 0);
	stop();
}

static void test_cannot_be_opened(void)
{
	g_autofree char *path = path_of("fifo-to-write"), *there = suite_file("there", "x");
	BpFile *file;

	start();
	CU_ASSERT_FATAL(!mkfifo(path, 0600));
	say(begin(path, (BpFileOptions){ 0 }), "lost"); /* sent before it is known */
	CU_ASSERT(happened(&told.destroyed));
	CU_ASSERT(told.closed == 1 && !told.opened && told.why && strstr(told.why, "it is not a file but a FIFO"));
	told.destroyed = 0;
	file = begin(there, (BpFileOptions){ .flags = BP_FILE_NEW | BP_FILE_NO_LINK });
	bp_file_close(file); /* both at once */
	CU_ASSERT(happened(&told.destroyed));
	CU_ASSERT(told.closed == 2 && strstr(told.why, "File exists"));
	stop();
}

static gpointer send_many(gpointer data)
{
	static gint threads;
	char letter = (char)('a' + g_atomic_int_add(&threads, 1));

	for (guint i = 0; i < 1000; i++) {
		g_autofree char *line = g_strdup_printf("%c%u\n", letter, i);

		say(data, line);
	}
	return NULL;
}

static void test_order(void)
{
	g_autofree char *path = path_of("order"), *text = NULL;
	g_auto(GStrv) lines = NULL;
	guint next[4] = { 0 };
	GThread *threads[4];
	BpFile *file;

	start();
	file = begin(path, (BpFileOptions){ 0 });
	for (guint i = 0; i < 4; i++)
		threads[i] = g_thread_new("sender", send_many, file);
	for (guint i = 0; i < 4; i++)
		g_thread_join(threads[i]);
	stop(); /* the owner goes: it is written all the same */
	CU_ASSERT(told.destroyed == 1 && !told.closed);
	text = contents(path);
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; **line; line++)
		CU_ASSERT_EQUAL((guint)atoi(*line + 1), next[**line - 'a']++);
	CU_ASSERT(next[0] == 1000 && next[1] == 1000 && next[2] == 1000 && next[3] == 1000);
}

static void test_rotates(void)
{
	g_autofree char *path = path_of("rotated");
	static const char *const wanted[] = { "r9\n", "r7\nr8\n", "r5\nr6\n", "r3\nr4\n", "a long record\n", "r1\nr2\n" };
	BpFile *file;

	start();
	file = begin(path, (BpFileOptions){ .rotate = 7 });
	say(file, "dropped\n");
	say(file, "r1\n");
	say(file, "r2\n");
	say(file, "a long record\n"); /* larger than the limit: a file of its own */
	for (guint i = 3; i < 10; i++) {
		char line[] = { 'r', (char)('0' + i), '\n', 0 };

		say(file, line);
	}
	stop();
	for (guint i = 0; i < G_N_ELEMENTS(wanted); i++) {
		g_autofree char *name = i ? g_strdup_printf("%s.%u", path, i) : g_strdup(path);

		ASSERT_CONTENTS(name, wanted[i]);
	}
}

static void test_full_disk(void)
{
	g_autofree char *path = path_of("full"), *text = NULL;
	BpFile *file;

	start();
	file = begin(path, (BpFileOptions){ .backlog = 20 });
	say(file, "12345678\n");
	CU_ASSERT(file_flush(file, 10 * G_USEC_PER_SEC));
	limit_files(12);
	say(file, "abcdefgh\n"); /* three bytes go in, six wait */
	CU_ASSERT(happened(&told.stalled));
	CU_ASSERT(told.why && strstr(told.why, "full: File too large"));
	say(file, "second\n");
	say(file, "third\n");
	say(file, "too much\n");
	CU_ASSERT_EQUAL(bp_file_stats(file).lost, 1);
	limit_files(RLIM_INFINITY);
	CU_ASSERT(happened(&told.resumed));
	CU_ASSERT(file_flush(file, 10 * G_USEC_PER_SEC));
	ASSERT_CONTENTS(path, "12345678\nabcdefgh\nsecond\nthird\n");
	CU_ASSERT_EQUAL(told.stalled, 1);
	/* One that is full at its end is given up, with a count. */
	limit_files(40);
	say(file, "the rest of it");
	told.stalled = 0;
	CU_ASSERT(happened(&told.stalled));
	bp_file_close(file);
	CU_ASSERT(happened(&told.destroyed));
	limit_files(RLIM_INFINITY);
	CU_ASSERT(told.closed == 1 && strstr(told.why, "File too large"));
	stop();
}

static void test_removed_truncated_moved(void)
{
	g_autofree char *path = path_of("moving"), *old = path_of("moving.old");
	BpFile *file;

	start();
	file = begin(path, (BpFileOptions){ 0 });
	say(file, "one\n");
	CU_ASSERT(file_flush(file, 10 * G_USEC_PER_SEC) && !g_unlink(path));
	say(file, "two\n"); /* it is made again */
	CU_ASSERT(file_flush(file, 10 * G_USEC_PER_SEC));
	ASSERT_CONTENTS(path, "two\n");
	CU_ASSERT(!truncate(path, 0));
	say(file, "three\n"); /* without a hole before it */
	CU_ASSERT(file_flush(file, 10 * G_USEC_PER_SEC));
	ASSERT_CONTENTS(path, "three\n");
	CU_ASSERT(!g_rename(path, old));
	say(file, "four\n");
	CU_ASSERT(file_flush(file, 10 * G_USEC_PER_SEC));
	files_reopen();
	say(file, "five\n");
	CU_ASSERT(file_flush(file, 10 * G_USEC_PER_SEC));
	ASSERT_CONTENTS(old, "three\nfour\n");
	ASSERT_CONTENTS(path, "five\n");
	stop();
}

/* --- a pipe --- */

static void test_pipe_that_nobody_reads(void)
{
	g_autofree char *text = g_strnfill(1000, 'x');
	char buffer[65536];
	guint sent = 0, total;
	gssize got;
	BpFile *file;
	int fds[2];

	start();
	CU_ASSERT_FATAL(!pipe2(fds, O_CLOEXEC));
	file = file_start_fd(self, fds[1], 1024 * 1024, on_file, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	while (bp_file_send(file, text, 1000))
		sent++;
	CU_ASSERT(sent >= 500 && sent < 700);
	for (total = sent + 1; !bp_file_stats(file).lost; total++)
		bp_file_send(file, text, 1000);
	CU_ASSERT(bp_file_stats(file).waiting <= 1024 * 1024);
	CU_ASSERT_FALSE(file_flush(file, 1000)); /* it does not wait for ever */
	CU_ASSERT_EQUAL(told.drained, 0);
	total -= (guint)bp_file_stats(file).lost;
	for (gsize left = (gsize)total * 1000; left; left -= (gsize)got)
		if ((got = read(fds[0], buffer, sizeof(buffer))) <= 0)
			break;
	CU_ASSERT(file_flush(file, 10 * G_USEC_PER_SEC));
	CU_ASSERT(happened(&told.drained));
	CU_ASSERT_EQUAL(bp_file_stats(file).written, (guint64)total * 1000);
	/* Without a reader it ends, and nobody waits for it. */
	close(fds[0]);
	bp_file_send(file, text, 1000);
	CU_ASSERT(happened(&told.closed));
	CU_ASSERT(bp_file_send(file, text, 1000));
	CU_ASSERT_EQUAL(bp_file_stats(file).lost, 3);
	CU_ASSERT(fcntl(fds[1], F_GETFD) >= 0); /* it was not ours to close */
	close(fds[1]);
	file_unref(file);
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
	{ "pipe_that_nobody_reads", test_pipe_that_nobody_reads },
	{ NULL },
};

int main(int argc, char **argv)
{
	signal(SIGXFSZ, SIG_IGN);
	return suite_run("file", tests, argc, argv);
}
