/* SPDX-License-Identifier: MIT */
/* test-settings.c - a settings.ini that survives what may happen to it. */
#include <signal.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include <backplane/file.h>
#include "state.h"

static void put(const char *suffix, const char *text, gssize size)
{
	g_autofree char *path = path_of(suffix);

	g_mkdir_with_parents(state, 0700);
	g_assert(g_file_set_contents(path, text, size, NULL));
}

static guint count_files(const char *start)
{
	g_autoptr(GDir) dir = g_dir_open(state, 0, NULL);
	const char *name;
	guint count = 0;

	while (dir && (name = g_dir_read_name(dir)))
		count += g_str_has_prefix(name, start);
	return count;
}

/* The file whose name begins so; NULL unless there is one and no more. Yours. */
static char *only_file(const char *start)
{
	g_autoptr(GDir) dir = g_dir_open(state, 0, NULL);
	const char *name;

	if (count_files(start) != 1)
		return NULL;
	while ((name = g_dir_read_name(dir)) && !g_str_has_prefix(name, start))
		;
	return g_build_filename(state, name, NULL);
}

static void test_survives(void)
{
	static const char *const texts[] = {
		"plain",
		"",
		" ",
		"  two  ",
		"\ttab\t",
		"line\nline\r\n",
		"[group]",
		"a;b;",
		"# no comment",
		"key=value",
		"back\\slash\\",
		"\\n\\x41\\s",
		"caf\xc3\xa9",
		"\xff\xfe raw \x01\x7f",
		"\"quoted\"",
		"100%",
		NULL,
	};
	BpContext *root, *uart;

	begin();
	root = start();
	uart = bp_context("/device/uart0");
	set(root, "MixedCase", "Mixed");
	for (guint i = 0; texts[i]; i++) {
		g_autofree char *key = g_strdup_printf("Text.%u", i);
		bp_setting_store(uart, key, texts[i]);
	}
	save();
	root = start();
	ASSERT_SETTING(root, "MixedCase", "Mixed");
	for (guint i = 0; texts[i]; i++) {
		g_autofree char *key = g_strdup_printf("Text.%u", i);
		ASSERT_SETTING(uart, key, texts[i]);
	}
	CU_ASSERT_PTR_NULL(settings_notice());
	end();
}

static void test_keeps_the_rest(void)
{
	static const char by_hand[] =
		"# by hand\n\n[/]\n# why\ntelnet-port=99\nother = C:\\dir\nname[de]=Name\n\n[some thing]\nx=1\n";
	g_autofree char *first = NULL;
	g_autofree char *second = NULL;
	BpContext *root;

	begin();
	put("", by_hand, -1);
	root = start();
	CU_ASSERT_EQUAL(bp_setting_int(root, "default_telnet_port"), 99); /* another spelling is adopted */
	ASSERT_SETTING(root, "other", "C:\\dir");
	set(root, "MixedCase", "1");
	save();
	first = contents("");
	CU_ASSERT(strstr(first, "# by hand") && strstr(first, "# why") && strstr(first, "C:\\dir"));
	CU_ASSERT(strstr(first, "name[de]=Name") && strstr(first, "[some thing]\nx=1"));
	CU_ASSERT(strstr(first, "default_telnet_port=99") && !strstr(first, "telnet-port"));
	root = start();
	set(root, "MixedCase", "2");
	save();
	second = contents("");
	CU_ASSERT_EQUAL(strlen(first), strlen(second)); /* blank lines and comments do not grow */
	end();
}

static void test_private_and_lazy(void)
{
	struct stat before, after;
	g_autofree char *path = NULL;
	BpContext *root;

	begin();
	root = start();
	path = path_of("");
	save();
	CU_ASSERT(g_stat(path, &before)); /* nothing to save: no file */
	set(root, "MixedCase", "a");
	CU_ASSERT(settings_is_dirty());
	save();
	CU_ASSERT_FALSE(settings_is_dirty());
	CU_ASSERT_FALSE_FATAL(g_stat(path, &before));
	CU_ASSERT_EQUAL(before.st_mode & 0777, 0600);
	set(root, "MixedCase", "a");
	CU_ASSERT_FALSE(settings_is_dirty());
	set(root, "MixedCase", "b");
	set(root, "MixedCase", "a");
	save();
	CU_ASSERT_FALSE_FATAL(g_stat(path, &after));
	CU_ASSERT_EQUAL(before.st_ino, after.st_ino);
	CU_ASSERT_EQUAL(count_files("settings.ini.ba"), 0);
	end();
}

static void test_backups(void)
{
	static const char *const suffixes[] = { "", ".bak", ".ba1", ".ba2", ".ba3", ".ba4", ".ba5" };
	g_autofree char *seventh = NULL;
	BpContext *root;

	begin();
	root = start();
	for (guint i = 0; i < 10; i++) {
		g_autofree char *value = g_strdup_printf("value%u", i);
		set(root, "MixedCase", value);
		save();
	}
	for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
		g_autofree char *text = contents(suffixes[i]);
		g_autofree char *wanted = g_strdup_printf("MixedCase=value%u\n", 9 - i);

		CU_ASSERT_PTR_NOT_NULL_FATAL(text);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, wanted));
	}
	seventh = contents(".ba6");
	CU_ASSERT_PTR_NULL(seventh);
	CU_ASSERT_EQUAL(count_files("settings.ini.new"), 0);
	end();
}

/* What somebody else wrote meanwhile is not lost. */
static void test_changed_by_others(void)
{
	g_autofree char *theirs = NULL;

	begin();
	set(start(), "MixedCase", "ours");
	save();
	put("", "[/]\nMixedCase=theirs\n", -1);
	set(bp_context("/"), "MixedCase", "newer");
	save();
	theirs = contents(".bak");
	CU_ASSERT_STRING_EQUAL(theirs, "[/]\nMixedCase=theirs\n");
	ASSERT_SETTING(start(), "MixedCase", "newer");
	end();
}

/* While saving, the name settings.ini is only ever renamed over: it is never deleted or moved away. */
static void test_never_without(void)
{
	char buffer[4096] __attribute__((aligned(8)));
	guint arrived = 0, left = 0;
	ssize_t size;
	int fd;

	begin();
	set(start(), "MixedCase", "a");
	save();
	fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	CU_ASSERT_FATAL(fd >= 0 && inotify_add_watch(fd, state, IN_MOVE | IN_DELETE | IN_CREATE) >= 0);
	set(bp_context("/"), "MixedCase", "b");
	save();
	size = read(fd, buffer, sizeof(buffer));
	close(fd);
	CU_ASSERT_FATAL(size > 0);
	for (char *at = buffer; at < buffer + size;) {
		struct inotify_event *event = (struct inotify_event *)at;

		if (!strcmp(event->name, "settings.ini")) {
			arrived += event->mask == IN_MOVED_TO;
			left += event->mask != IN_MOVED_TO;
		}
		at += sizeof(*event) + event->len;
	}
	CU_ASSERT_EQUAL(arrived, 1);
	CU_ASSERT_EQUAL(left, 0);
	end();
}

static void test_autosave_hook(void)
{
	BpContext *root;

	begin();
	root = start();
	CU_ASSERT_EQUAL(dirty_calls, 0);
	set(root, "MixedCase", "a");
	set(root, "MixedCase", "b");
	CU_ASSERT_EQUAL(dirty_calls, 1);
	save();
	set(root, "MixedCase", "b");
	CU_ASSERT_EQUAL(dirty_calls, 1);
	bp_setting_store(root, "undeclared", "x");
	CU_ASSERT_EQUAL(dirty_calls, 2);
	save();
	bp_setting_store(root, "undeclared", NULL);
	CU_ASSERT_EQUAL(dirty_calls, 3);
	CU_ASSERT_PTR_NULL(bp_setting_get(root, "undeclared"));
	end();
}

/* Cut after every byte: always told and restored from the backup, never taken for whole. */
static void test_cut(void)
{
	g_autofree char *whole = NULL;
	g_autofree char *now = NULL;
	gsize size;

	begin();
	set(start(), "MixedCase", "older");
	save();
	set(bp_context("/"), "MixedCase", "newer");
	save();
	whole = contents("");
	size = strlen(whole);
	for (gsize cut = 0; cut < size - 1; cut++) {
		g_autofree char *broken = NULL;
		g_autofree char *kept = NULL;
		g_autofree char *again = NULL;
		gsize kept_size;

		put("", whole, (gssize)cut);
		ASSERT_SETTING(start(), "MixedCase", "older");
		CU_ASSERT_PTR_NOT_NULL_FATAL(settings_notice());
		CU_ASSERT_PTR_NOT_NULL(strstr(settings_notice(), "is broken: "));
		CU_ASSERT_PTR_NOT_NULL(strstr(settings_notice(), "settings.ini.bak"));
		broken = only_file("settings.ini.broken-");
		CU_ASSERT_PTR_NOT_NULL_FATAL(broken);
		CU_ASSERT(strstr(settings_notice(), broken) != NULL);
		g_assert(g_file_get_contents(broken, &kept, &kept_size, NULL));
		CU_ASSERT(kept_size == cut && !memcmp(kept, whole, cut));
		again = contents("");
		CU_ASSERT(again && strstr(again, "MixedCase=older"));
		g_unlink(broken);
	}
	CU_ASSERT_FALSE(settings_is_dirty());
	now = contents(".bak");
	CU_ASSERT(now && strstr(now, "MixedCase=older")); /* restoring shifts no backups */
	end();
}

static void test_broken_without_backup(void)
{
	g_autofree char *broken = NULL;
	g_autofree char *file = NULL;

	begin();
	put("", "[/]\nMixedCase=x\n\0\0\0\0", 20);
	put(".bak", "nonsense", -1);
	ASSERT_SETTING(start(), "MixedCase", "none");
	CU_ASSERT_PTR_NOT_NULL_FATAL(settings_notice());
	CU_ASSERT_PTR_NOT_NULL(strstr(settings_notice(), "zero bytes"));
	broken = only_file("settings.ini.broken-");
	CU_ASSERT_PTR_NOT_NULL(broken);
	file = contents("");
	CU_ASSERT_PTR_NULL(file);
	set(bp_context("/"), "MixedCase", "y");
	save();
	ASSERT_SETTING(start(), "MixedCase", "y");
	CU_ASSERT_PTR_NULL(settings_notice());
	end();
}

static void test_older_backup(void)
{
	begin();
	put("", "[/\n", -1);
	put(".bak", "[/]\nMixedCase", -1);
	put(".ba3", "[/]\nMixedCase=third\n", -1);
	ASSERT_SETTING(start(), "MixedCase", "third");
	CU_ASSERT_PTR_NOT_NULL_FATAL(settings_notice());
	CU_ASSERT_PTR_NOT_NULL(strstr(settings_notice(), "settings.ini.ba3"));
	end();
}

/* The file may not grow past 10 bytes: as good as a full disk, and needs no rights. */
static void test_full_disk(void)
{
	struct rlimit before, small;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	g_autofree char *old = NULL;
	g_autofree char *now = NULL;
	g_autoptr(GError) error = NULL;

	begin();
	set(start(), "MixedCase", "old");
	save();
	old = contents("");
	set(bp_context("/"), "MixedCase", "new");
	getrlimit(RLIMIT_FSIZE, &before);
	small = before;
	small.rlim_cur = 10;
	CU_ASSERT_FALSE_FATAL(setrlimit(RLIMIT_FSIZE, &small));
	settings_save(on_save, &error);
	setrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, handler);
	CU_ASSERT_PTR_NOT_NULL_FATAL(error);
	CU_ASSERT_PTR_NOT_NULL(strstr(error->message, "cannot save the settings in "));
	CU_ASSERT_PTR_NOT_NULL(strstr(error->message, "the file from before is whole"));
	now = contents("");
	CU_ASSERT_STRING_EQUAL(now, old);
	CU_ASSERT_EQUAL(count_files("settings.ini.ba"), 0);
	CU_ASSERT_EQUAL(count_files("settings.ini.new"), 0);
	CU_ASSERT(settings_is_dirty());
	dirty_calls = 0;
	set(bp_context("/"), "MixedCase", "newer"); /* the next change asks for a save again */
	CU_ASSERT_EQUAL(dirty_calls, 1);
	save();
	ASSERT_SETTING(start(), "MixedCase", "newer");
	end();
}

static void test_bad_folder(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *file = suite_file("no-folder", "x");
	g_autofree char *inside = g_build_filename(file, "state", NULL);
	g_autofree char *path = NULL;

	CU_ASSERT_FALSE(settings_start(inside, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error->message, "cannot make the state folder "));
	g_clear_error(&error);
	begin();
	path = path_of("");
	g_assert(!g_mkdir_with_parents(path, 0700));
	CU_ASSERT_FALSE(settings_start(state, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error->message, "it is not a file"));
	end();
}

static void test_in_memory(void)
{
	begin();
	CU_ASSERT(settings_start(NULL, NULL));
	bp_setting_declare(&plugin, bp_context("/"), state_table);
	set(bp_context("/"), "MixedCase", "x");
	CU_ASSERT_EQUAL(dirty_calls, 1);
	save();
	ASSERT_SETTING(bp_context("/"), "MixedCase", "x");
	end();
}

static GString *heard;

static void on_change(BpPlugin *self, BpContext *context, const char *key, gpointer data)
{
	g_autofree char *value = bp_setting_get(context, key);

	g_string_append_printf(heard, "%s=%s ", key, value);
}

static gboolean import(const char *path, GError **error)
{
	gsize size;
	g_autofree char *text = bp_file_load(path, SETTINGS_FILE_MAX, BP_FILE_READ, &size, error);

	return text && bp_settings_import(path, text, size, error);
}

static void test_export_import(void)
{
	g_autofree char *file = g_build_filename(suite_folder(), "exported.ini", NULL);
	g_autofree char *bad = suite_file("bad.ini", "[/]\nMixedCase=fine\ntimeout=soon\n");
	g_autofree char *cut = suite_file("cut.ini", "[/]\nMixed");
	g_autofree char *nameless = suite_file("nameless.ini", "[]\n");
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	BpContext *root;
	gsize size;

	begin();
	root = start();
	set(root, "MixedCase", " x ");
	bp_setting_store(bp_context("/own"), "a", "1");
	text = bp_settings_text(&size);
	CU_ASSERT(bp_file_create(file, text, size, NULL));
	set(root, "MixedCase", "y");
	set(root, "timeout", "5s");
	bp_setting_store(bp_context("/own"), "a", NULL);
	save();
	heard = g_string_new(NULL);
	bp_setting_watch(&plugin, root, on_change, NULL, NULL);
	CU_ASSERT(import(file, NULL));
	CU_ASSERT_STRING_EQUAL(heard->str, "MixedCase= x  ");
	g_string_free(heard, TRUE);
	ASSERT_SETTING(root, "timeout", "5s"); /* not in the file: left */
	ASSERT_SETTING(bp_context("/own"), "a", "1");
	CU_ASSERT(settings_is_dirty());
	CU_ASSERT_FALSE(import(bad, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error->message, "in [/], timeout must be a duration"));
	ASSERT_SETTING(root, "MixedCase", " x "); /* all or nothing */
	g_clear_error(&error);
	CU_ASSERT_FALSE(import(cut, &error));
	g_clear_error(&error);
	CU_ASSERT_FALSE(import(nameless, &error));
	g_clear_error(&error);
	CU_ASSERT_FALSE(import("/nonexistent/file", &error));
	CU_ASSERT(g_error_matches(error, BP_IO_ERROR, BP_NOT_FOUND));
	end();
}

static const SuiteTest tests[] = {
	{ "survives", test_survives },
	{ "keeps-the-rest", test_keeps_the_rest },
	{ "private-and-lazy", test_private_and_lazy },
	{ "backups", test_backups },
	{ "changed-by-others", test_changed_by_others },
	{ "never-without", test_never_without },
	{ "autosave-hook", test_autosave_hook },
	{ "cut", test_cut },
	{ "broken-without-backup", test_broken_without_backup },
	{ "older-backup", test_older_backup },
	{ "full-disk", test_full_disk },
	{ "bad-folder", test_bad_folder },
	{ "in-memory", test_in_memory },
	{ "export-import", test_export_import },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("settings", tests, argc, argv);
}
