/* SPDX-License-Identifier: MIT */
/* test-store-disk.c - stores on disks that are full, files that are damaged, removed or locked, programs that are killed. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "stores.h"

#define CHILD "--write"
#define FILL "--fill"

/* As good as a full disk, and needs no rights; the reason has other words. */
static void limit_files(rlim_t size)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = MIN(size, limit.rlim_max);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* --- disks --- */

static void test_full_disk(void)
{
	g_autofree char *path = path_of("full.db");
	BpStore *store;

	start();
	store = open_at(path, (BpStoreOptions){ .interval = 1000, .backlog = 64 * 1024 });
	CU_ASSERT(happened(BP_STORE_OPENED));
	limit_files(48 * 1024);
	for (guint i = 0; i < 1500; i++)
		CU_ASSERT(bp_store_add(store, "s", i + 1, i));
	CU_ASSERT(bp_store_set(store, "k", "kept", NULL));
	CU_ASSERT(happened(BP_STORE_STALLED));
	CU_ASSERT(g_str_has_prefix(told.why[BP_STORE_STALLED], path));
	CU_ASSERT_PTR_NOT_NULL(strstr(told.why[BP_STORE_STALLED], ": File too large; 1500 values wait to be written"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(bp_store_stats(store).problem);
	for (guint i = 1500; i < 3000; i++)
		bp_store_add(store, "s", i + 1, i);
	CU_ASSERT_EQUAL(bp_store_stats(store).dropped, 3000 - 2048);
	limit_files(RLIM_INFINITY);
	CU_ASSERT(happened(BP_STORE_RESUMED));
	CU_ASSERT_PTR_NOT_NULL_FATAL(told.why[BP_STORE_RESUMED]);
	CU_ASSERT_PTR_NOT_NULL(strstr(told.why[BP_STORE_RESUMED], "952 values were dropped"));
	CU_ASSERT_PTR_NULL(bp_store_stats(store).problem);
	CU_ASSERT(settle(store));
	CU_ASSERT_EQUAL(told.count[BP_STORE_STALLED], 0); /* once */
	CU_ASSERT_EQUAL(sql_number(path, "SELECT count(*) FROM value"), 2048);
	CU_ASSERT_EQUAL(sql_number(path, "SELECT count(DISTINCT time) FROM value"), 2048); /* none twice */
	CU_ASSERT_EQUAL(sql_number(path, "SELECT count(*) FROM key WHERE value = 'kept'"), 1);
	stop();
}

static gboolean has_problem(gpointer store)
{
	return bp_store_stats(store).problem != NULL;
}

static gboolean put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);
	gboolean good = fd >= 0 && write(fd, text, strlen(text)) == (gssize)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

/* Mounts of this process only; an ordinary user gets them within a namespace of users, in which it is who it was. */
static gboolean own_mounts(void)
{
	g_autofree char *uid = g_strdup_printf("%u %u 1", getuid(), getuid());
	g_autofree char *gid = g_strdup_printf("%u %u 1", getgid(), getgid());

	if (!unshare(CLONE_NEWNS))
		return TRUE;
	return !unshare(CLONE_NEWUSER | CLONE_NEWNS) && put("/proc/self/setgroups", "deny") &&
	       put("/proc/self/uid_map", uid) && put("/proc/self/gid_map", gid);
}

/* A disk that is full indeed: a small one of this program's own, in a child. 77: that is not allowed here. */
static int fill_disk(const char *folder)
{
	g_autofree char *path = g_build_filename(folder, "x.db", NULL);
	BpStore *store;

	if (!own_mounts() || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", folder, "tmpfs", 0, "size=200k"))
		return 77;
	if (!bp_kernel_start(&(BpKernelOptions){ 0 }, NULL))
		return 1;
	store = bp_store_open(bp_kernel(), path, NULL, NULL, NULL, NULL);
	for (guint i = 0; i < 20000; i++)
		bp_store_add(store, "s", i + 1, i);
	if (!suite_wait_until(has_problem, store, 10))
		return 1;
	return g_str_has_suffix(bp_store_stats(store).problem, "x.db: the disk is full") ? 0 : 1;
}

static void test_no_space_left(void)
{
	g_autofree char *folder = path_of("disk");
	int status;
	pid_t child;

	CU_ASSERT_EQUAL(g_mkdir(folder, 0700), 0);
	child = fork();
	if (!child) {
		execl("/proc/self/exe", "test-store", FILL, folder, "", NULL);
		_exit(1);
	}
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		puts("no_space_left: skipped, this user may not mount");
	else
		CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
}

static void test_full_disk_at_the_end(void)
{
	g_autofree char *path = path_of("full-end.db");
	BpStore *store;

	start();
	store = open_at(path, (BpStoreOptions){ .interval = BP_STORE_DAY });
	CU_ASSERT(happened(BP_STORE_OPENED));
	for (guint i = 0; i < 900; i++)
		bp_store_add(store, "s", i + 1, i);
	bp_store_set(store, "k", "v", NULL);
	limit_files(16 * 1024);
	bp_store_close(store);
	CU_ASSERT(happened(BP_STORE_CLOSED));
	limit_files(RLIM_INFINITY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(told.why[BP_STORE_CLOSED]);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(told.why[BP_STORE_CLOSED], "File too large; 900 values and 1 keys are not written"));
	CU_ASSERT_EQUAL(told.count[BP_STORE_STALLED], 0);
	stop();
}

static void test_refused_files(void)
{
	g_autofree char *fifo = path_of("fifo.db"), *foreign = path_of("foreign.db"), *missing = path_of("a/b.db"),
			*folder = path_of("a");
	g_autofree char *under = g_build_filename(foreign, "x.db", NULL);
	sqlite3 *database;
	BpStore *store;

	start();
	CU_ASSERT_EQUAL(mkfifo(fifo, 0600), 0);
	store = open_at(fifo, (BpStoreOptions){ 0 });
	CU_ASSERT(happened(BP_STORE_STALLED));
	CU_ASSERT_PTR_NOT_NULL(strstr(told.why[BP_STORE_STALLED], fifo));
	close_store(store);
	CU_ASSERT_EQUAL(sqlite3_open(foreign, &database), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(database, "CREATE TABLE value(x)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(database);
	store = open_at(foreign, (BpStoreOptions){ 0 });
	CU_ASSERT(happened(BP_STORE_STALLED));
	CU_ASSERT_PTR_NOT_NULL(strstr(told.why[BP_STORE_STALLED], "no store of Backplane's"));
	close_store(store);
	CU_ASSERT_EQUAL(sql_number(foreign, "SELECT count(*) FROM sqlite_schema"), 1); /* as it was */
	store = open_at(under, (BpStoreOptions){ 0 });
	CU_ASSERT(happened(BP_STORE_STALLED));
	CU_ASSERT_PTR_NOT_NULL(strstr(told.why[BP_STORE_STALLED], "Not a directory"));
	close_store(store);
	store = open_at(missing, (BpStoreOptions){ 0 });
	CU_ASSERT(happened(BP_STORE_STALLED));
	CU_ASSERT_PTR_NOT_NULL(strstr(told.why[BP_STORE_STALLED], "No such file or directory"));
	CU_ASSERT_EQUAL(g_mkdir(folder, 0700), 0);
	CU_ASSERT(happened(BP_STORE_OPENED) && happened(BP_STORE_RESUMED));
	close_store(store);
	stop();
}

static void check_mode(const char *path)
{
	struct stat status;

	CU_ASSERT_EQUAL(stat(path, &status), 0);
	CU_ASSERT_EQUAL(status.st_mode & 0777, 0600);
}

static void test_damaged(void)
{
	g_autofree char *garbage = g_strnfill(50000, 'x'), *path = suite_file("damaged.db", garbage), *aside = NULL;
	BpStore *store;

	start();
	store = open_at(path, (BpStoreOptions){ .interval = 1000 });
	CU_ASSERT(happened(BP_STORE_DAMAGED) && happened(BP_STORE_OPENED));
	CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(told.why[BP_STORE_DAMAGED], " is damaged: it is kept as "));
	aside = g_strdup(strstr(told.why[BP_STORE_DAMAGED], "kept as ") + strlen("kept as "));
	*strchr(aside, ',') = 0;
	CU_ASSERT(g_file_test(aside, G_FILE_TEST_EXISTS));
	CU_ASSERT_EQUAL(told.count[BP_STORE_STALLED], 0);
	check_mode(path);
	bp_store_add(store, "s", 1, 1);
	ASSERT_ROWS(store, "1=1", 0);
	stop();
}

/* Its header is whole, so that it looks like a store at first. */
static void test_damaged_tables(void)
{
	g_autofree char *path = path_of("damaged-tables.db"), *garbage = g_strnfill(3000, 'x');
	int fd;

	start();
	close_store(open_store(path));
	fd = g_open(path, O_WRONLY, 0);
	CU_ASSERT_EQUAL(pwrite(fd, garbage, 3000, 100), 3000);
	close(fd);
	open_at(path, (BpStoreOptions){ .interval = 1000 });
	CU_ASSERT(happened(BP_STORE_DAMAGED) && happened(BP_STORE_OPENED));
	CU_ASSERT_EQUAL(told.count[BP_STORE_STALLED], 0);
	stop();
}

/* The keys are in memory, and come into the new file. */
static void test_damaged_while_open(void)
{
	g_autofree char *path = path_of("damaged-open.db");
	BpStore *store;
	int fd;

	start();
	store = open_store(path);
	bp_store_set(store, "unit", "celsius", NULL);
	for (guint i = 0; i < 5000; i++)
		bp_store_add(store, "s", i + 1, i);
	CU_ASSERT(settle(store));
	close_store(store);
	fd = g_open(path, O_WRONLY, 0);
	for (guint i = 8; i < 30; i++) /* the first pages have the keys */
		CU_ASSERT_EQUAL(pwrite(fd, path, strlen(path), i * 4096), (gssize)strlen(path));
	close(fd);
	store = open_store(path);
	CU_ASSERT_STRING_EQUAL(bp_store_get(store, "unit"), "celsius");
	bp_store_add(store, "s", 1, 7);
	bp_store_flush(store);
	CU_ASSERT(happened(BP_STORE_DAMAGED));
	ASSERT_ROWS(store, "1=7", 0);
	CU_ASSERT_STRING_EQUAL(bp_store_get(store, "unit"), "celsius");
	close_store(store);
	CU_ASSERT_EQUAL(sql_number(path, "SELECT count(*) FROM key WHERE value = 'celsius'"), 1);
	stop();
}

static void test_removed_while_open(void)
{
	g_autofree char *path = path_of("removed.db"), *wal = path_of("removed.db-wal"),
			*shm = path_of("removed.db-shm");
	BpStore *store;

	start();
	store = open_store(path);
	bp_store_set(store, "unit", "celsius", NULL);
	bp_store_add(store, "s", 1, 1);
	CU_ASSERT(settle(store));
	CU_ASSERT(!unlink(path) && !unlink(wal) && !unlink(shm));
	bp_store_add(store, "s", 2, 2);
	ASSERT_ROWS(store, "2=2", 0);
	close_store(store);
	CU_ASSERT_EQUAL(sql_number(path, "SELECT count(*) FROM key WHERE value = 'celsius'"), 1);
	stop();
}

static void test_locked(void)
{
	g_autofree char *path = path_of("locked.db");
	sqlite3 *other;
	BpStore *store;

	start();
	store = open_store(path);
	CU_ASSERT_EQUAL(sqlite3_open(path, &other), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	bp_store_add(store, "s", 1, 1);
	CU_ASSERT(happened(BP_STORE_STALLED));
	CU_ASSERT_PTR_NOT_NULL(strstr(told.why[BP_STORE_STALLED], "another program has it locked"));
	CU_ASSERT_EQUAL(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	CU_ASSERT(happened(BP_STORE_RESUMED));
	CU_ASSERT_PTR_NULL(told.why[BP_STORE_RESUMED]);
	sqlite3_close(other);
	ASSERT_ROWS(store, "1=1", 0);
	stop();
}

/* --- crashes: a child, which is this program again, writes until it is killed --- */

static int write_for_ever(const char *path, int say)
{
	BpStore *store;
	guint64 before = 0;

	if (!bp_kernel_start(&(BpKernelOptions){ 0 }, NULL))
		return 1;
	store = bp_store_open(bp_kernel(), path, &(BpStoreOptions){ .interval = 1000 }, NULL, NULL, NULL);
	for (guint i = 1;; i++) {
		char text[16];
		gint64 written = (gint64)bp_store_stats(store).written;

		g_snprintf(text, sizeof(text), "%u", i);
		if (bp_store_add(store, "s", i, i))
			bp_store_set(store, "last", text, NULL);
		else
			i--; /* too many wait */
		g_main_context_iteration(NULL, FALSE);
		if ((guint64)written != before && write(say, &written, sizeof(written)) < 0)
			return 1;
		before = (guint64)written;
	}
}

static void test_killed(void)
{
	g_autofree char *path = path_of("killed.db");
	gint64 written = 0;

	for (guint round = 0; round < 5; round++) {
		g_autofree char *file = g_strdup_printf("%s-%u", path, round);
		int fds[2], status;
		pid_t child;

		CU_ASSERT_EQUAL(pipe(fds), 0);
		child = fork();
		if (!child) {
			char say[16];

			g_snprintf(say, sizeof(say), "%d", fds[1]);
			execl("/proc/self/exe", "test-store", CHILD, file, say, NULL);
			_exit(1);
		}
		close(fds[1]);
		for (guint i = 0; i < 5 + 3 * round; i++)
			CU_ASSERT_EQUAL(read(fds[0], &written, sizeof(written)), sizeof(written));
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		while (read(fds[0], &written, sizeof(written)) == sizeof(written))
			;
		close(fds[0]);
		start();
		close_store(open_store(file));
		CU_ASSERT_EQUAL(told.count[BP_STORE_DAMAGED], 0);
		stop();
		CU_ASSERT(sql_number(file, "SELECT count(*) FROM value") >= written);
		CU_ASSERT_EQUAL(sql_number(file, "SELECT count(*) = max(time) FROM value"), 1);
		/* A transaction has the values and the key of the same moment. */
		CU_ASSERT_EQUAL(sql_number(file, "SELECT (SELECT value FROM key) = (SELECT max(time) FROM value)"), 1);
	}
}

static const SuiteTest tests[] = {
	{ "full_disk", test_full_disk },
	{ "no_space_left", test_no_space_left },
	{ "full_disk_at_the_end", test_full_disk_at_the_end },
	{ "refused_files", test_refused_files },
	{ "damaged", test_damaged },
	{ "damaged_tables", test_damaged_tables },
	{ "damaged_while_open", test_damaged_while_open },
	{ "removed_while_open", test_removed_while_open },
	{ "locked", test_locked },
	{ "killed", test_killed },
	{ NULL },
};

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], CHILD))
		return write_for_ever(argv[2], atoi(argv[3]));
	if (argc == 4 && !strcmp(argv[1], FILL))
		_exit(fill_disk(argv[2]));
	return suite_run("store-disk", tests, argc, argv);
}
