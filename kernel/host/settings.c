/* SPDX-License-Identifier: MIT */
/* settings.c - settings.ini: read, kept in memory, written safely.
 *
 * Saving: settings.ini.new is written and synced, then the backups shift (.bak, .ba1 ... .ba5), the old file
 * is linked as .bak, and the new one is renamed over it: at no moment is there no settings.ini, and a full
 * disk is met before anything is touched.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include <backplane/kernel.h>
#include <backplane/plugin.h>
#include "host/settings.h"

static const char *const backups[] = { "bak", "ba1", "ba2", "ba3", "ba4", "ba5" };

static struct {
	GKeyFile *keys;
	char *path;	  /* NULL: in memory only */
	char *saved;	  /* what is in the file; NULL: not known */
	struct stat seen; /* the file, when it was read or written last */
	char *notice;
	gboolean dirty, told;
	void (*on_dirty)(void);
} store;

static GKeyFile *keys(void)
{
	if (!store.keys)
		store.keys = g_key_file_new();
	return store.keys;
}

static gboolean fail(GError **error, int number, const char *what, const char *path,
		     const char *advice)
{
	BpErrorCode code = BP_FAILED;

	if (number == EACCES || number == EPERM || number == EROFS)
		code = BP_NOT_PERMITTED;
	else if (number == ENOENT)
		code = BP_NOT_FOUND;
	else if (number == EEXIST)
		code = BP_EXISTS;
	g_set_error(error, BP_HOST_ERROR, code, "cannot %s %s: %s%s", what, path,
		    g_strerror(number), advice);
	return FALSE;
}

/* --- files --- */

/* One byte over the limit is enough to know. */
static char *read_file(const char *path, gsize *size, GError **error)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	guint8 buffer[65536];
	struct stat status;
	ssize_t got = -1;

	if (fd >= 0 && !fstat(fd, &status) && !S_ISREG(status.st_mode)) {
		close(fd);
		g_set_error(error, BP_HOST_ERROR, BP_INVALID, "cannot read %s: it is not a file",
			    path);
		return NULL;
	}
	while (fd >= 0 && bytes->len <= SETTINGS_FILE_MAX) {
		got = read(fd, buffer, sizeof(buffer));
		if (got > 0)
			g_byte_array_append(bytes, buffer, (guint)got);
		else if (got == 0 || errno != EINTR)
			break;
	}
	if (got < 0) {
		fail(error, errno, "read", path, "");
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	close(fd);
	*size = bytes->len;
	g_byte_array_append(bytes, (const guint8 *)"", 1);
	return (char *)g_byte_array_free(g_steal_pointer(&bytes), FALSE);
}

/* A fresh file of our own, on the disk when this returns. */
static gboolean write_file(const char *path, const char *text, gsize size, int *number)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	gboolean good = fd >= 0;

	if (!good) {
		*number = errno;
		return FALSE;
	}
	for (gsize done = 0; good && done < size;) {
		ssize_t put = write(fd, text + done, size - done);

		if (put > 0)
			done += (gsize)put;
		else if (put < 0 && errno != EINTR)
			good = FALSE;
	}
	good = good && !fsync(fd);
	*number = errno;
	if (close(fd) && good) {
		*number = errno;
		good = FALSE;
	}
	if (!good)
		unlink(path);
	return good;
}

static void sync_folder(const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

static char *backup_name(guint index)
{
	return g_strconcat(store.path, ".", backups[index], NULL);
}

/* The old file becomes .bak as well. A folder that knows no links gets a copy. */
static gboolean shift_backups(GError **error)
{
	g_autofree char *newest = backup_name(0);
	g_autofree char *text = NULL;
	gsize size;
	int number;

	if (!g_file_test(store.path, G_FILE_TEST_EXISTS))
		return TRUE;
	for (guint i = G_N_ELEMENTS(backups) - 1; i > 0; i--) {
		g_autofree char *from = backup_name(i - 1);
		g_autofree char *to = backup_name(i);

		if (rename(from, to) && errno != ENOENT)
			return fail(error, errno, "keep the backup", to,
				    "; the settings are not saved");
	}
	if (!link(store.path, newest))
		return TRUE;
	text = read_file(store.path, &size, error);
	if (!text)
		return FALSE;
	if (!write_file(newest, text, size, &number))
		return fail(error, number, "make the backup", newest,
			    "; the settings are not saved");
	return TRUE;
}

static void look(void)
{
	if (stat(store.path, &store.seen))
		store.seen = (struct stat){ 0 };
}

static gboolean changed_by_others(void)
{
	struct stat now;

	return store.seen.st_ino && !stat(store.path, &now) &&
	       (now.st_ino != store.seen.st_ino || now.st_size != store.seen.st_size ||
		now.st_mtim.tv_sec != store.seen.st_mtim.tv_sec ||
		now.st_mtim.tv_nsec != store.seen.st_mtim.tv_nsec);
}

static gboolean write_settings(const char *text, gsize size, gboolean shift, GError **error)
{
	static const char advice[] =
		"; the file from before is whole, and the settings wait for the next save";
	g_autofree char *fresh = g_strconcat(store.path, ".new", NULL);
	int number;

	unlink(fresh);
	if (!write_file(fresh, text, size, &number))
		return fail(error, number, "save the settings in", store.path, advice);
	if (shift && !shift_backups(error)) {
		unlink(fresh);
		return FALSE;
	}
	if (rename(fresh, store.path)) {
		number = errno;
		unlink(fresh);
		return fail(error, number, "save the settings in", store.path, advice);
	}
	sync_folder(store.path);
	look();
	return TRUE;
}

/* --- a broken file --- */

static char *free_name(const char *start, const char *end)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *date = g_date_time_format(now, "%Y%m%d-%H%M%S");
	char *name = g_strconcat(start, date, end, NULL);

	for (guint i = 2; g_file_test(name, G_FILE_TEST_EXISTS) && i < 1000; i++) {
		g_free(name);
		name = g_strdup_printf("%s%s-%u%s", start, date, i, end);
	}
	return name;
}

static GKeyFile *read_backup(char **name)
{
	for (guint i = 0; i < G_N_ELEMENTS(backups); i++) {
		g_autofree char *path = backup_name(i);
		g_autofree char *text = NULL;
		gsize size;
		GKeyFile *parsed;

		text = read_file(path, &size, NULL);
		parsed = text && size ? settings_parse(text, size, NULL) : NULL;
		if (parsed) {
			*name = g_steal_pointer(&path);
			return parsed;
		}
	}
	return NULL;
}

/* The broken one is linked to its new name first, so that it is there under one name or the other throughout. */
static void recover(const char *why)
{
	g_autofree char *start = g_strconcat(store.path, ".broken-", NULL);
	g_autofree char *broken = free_name(start, "");
	g_autofree char *backup = NULL;
	g_autofree char *aside = NULL;
	g_autofree char *unsaved = NULL;
	GKeyFile *good = read_backup(&backup);
	g_autoptr(GError) error = NULL;

	if ((!good || link(store.path, broken)) && rename(store.path, broken))
		aside = g_strdup_printf("it could not be set aside (%s)", g_strerror(errno));
	else
		aside = g_strdup_printf("it is kept as %s", broken);
	if (good) {
		g_autofree char *text = NULL;
		gsize size;

		g_clear_pointer(&store.keys, g_key_file_free);
		store.keys = good;
		text = settings_render(keys(), &size);
		if (write_settings(text, size, FALSE, &error))
			store.saved = g_steal_pointer(&text);
		else
			store.dirty = TRUE;
	}
	unsaved = error ? g_strdup_printf("; %s", error->message) : g_strdup("");
	store.notice = g_strdup_printf(
		"the settings file %s is broken: %s; %s; %s%s%s", store.path, why, aside,
		good ? "the settings are those of " : "no backup is good: all have their fallbacks",
		good ? backup : "", unsaved);
	bp_log(bp_kernel(), BP_LOG_WARNING, "%s", store.notice);
	look();
}

/* --- life --- */

gboolean settings_start(const char *state_dir, GError **error)
{
	g_autofree char *text = NULL;
	g_autofree char *backup = NULL;
	g_autoptr(GError) why = NULL;
	GKeyFile *parsed;
	gsize size;

	g_clear_pointer(&store.keys, g_key_file_free);
	g_clear_pointer(&store.path, g_free);
	g_clear_pointer(&store.saved, g_free);
	g_clear_pointer(&store.notice, g_free);
	store.dirty = store.told = FALSE;
	if (!state_dir)
		return TRUE;
	if (g_mkdir_with_parents(state_dir, 0700))
		return fail(error, errno, "make the state folder", state_dir, "; name another one");
	store.path = g_build_filename(state_dir, SETTINGS_FILE, NULL);
	text = read_file(store.path, &size, &why);
	if (!text) {
		if (g_error_matches(why, BP_HOST_ERROR, BP_NOT_FOUND))
			return TRUE;
		g_propagate_error(error, g_steal_pointer(&why));
		g_clear_pointer(&store.path, g_free);
		return FALSE;
	}
	parsed = settings_parse(text, size, &why);
	/* We never write an empty file: a power cut leaves one. */
	if (parsed && !size) {
		GKeyFile *good = read_backup(&backup);

		if (good) {
			g_key_file_free(good);
			g_clear_pointer(&parsed, g_key_file_free);
			g_set_error_literal(&why, BP_HOST_ERROR, BP_INVALID, "it is empty");
		}
	}
	if (!parsed) {
		recover(why->message);
		return TRUE;
	}
	store.keys = parsed;
	store.saved = settings_render(keys(), &size);
	look();
	return TRUE;
}

const char *settings_notice(void)
{
	return store.notice;
}

const char *settings_path(void)
{
	return store.path;
}

gboolean settings_is_dirty(void)
{
	return store.dirty;
}

void settings_on_dirty(void (*func)(void))
{
	store.on_dirty = func;
}

gboolean settings_save(GError **error)
{
	g_autofree char *text = NULL;
	gboolean foreign;
	gsize size;

	store.told = FALSE;
	if (!store.dirty)
		return TRUE;
	if (store.path) {
		text = settings_render(keys(), &size);
		if (!store.saved || strcmp(text, store.saved) ||
		    !g_file_test(store.path, G_FILE_TEST_EXISTS)) {
			foreign = changed_by_others();
			if (!write_settings(text, size, TRUE, error))
				return FALSE;
			if (foreign)
				bp_log(bp_kernel(), BP_LOG_WARNING,
				       "somebody else had changed %s: what they wrote is in %s.bak now",
				       store.path, store.path);
			g_free(store.saved);
			store.saved = g_steal_pointer(&text);
		}
	}
	store.dirty = FALSE;
	return TRUE;
}

void settings_stop(void)
{
	settings_start(NULL, NULL);
	store.on_dirty = NULL;
	context_forget_temporary();
}

/* --- one text --- */

char *bp_setting_stored(const char *path, const char *key)
{
	g_autofree char *raw = g_key_file_get_value(keys(), path, key, NULL);

	return raw ? settings_unescape(raw) : NULL;
}

char **settings_keys(const char *path)
{
	char **list = g_key_file_get_keys(keys(), path, NULL, NULL);

	return list ? list : g_new0(char *, 1);
}

static void touch(void)
{
	store.dirty = TRUE;
	if (!store.told && store.on_dirty) {
		store.told = TRUE;
		store.on_dirty();
	}
}

void settings_set_text(const char *path, const char *key, const char *text)
{
	g_autofree char *before = bp_setting_stored(path, key);

	if (!g_strcmp0(before, text))
		return;
	if (text) {
		g_autofree char *raw = settings_escape(text);

		g_key_file_set_value(keys(), path, key, raw);
	} else {
		g_key_file_remove_key(keys(), path, key, NULL);
	}
	touch();
}

/* --- export and import --- */

char *settings_export(const char *path, GError **error)
{
	g_autofree char *target = NULL;
	g_autofree char *text = NULL;
	gsize size;
	int number;

	if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
		g_autofree char *start = g_build_filename(path, "settings-", NULL);
		target = free_name(start, ".ini");
	} else {
		target = g_strdup(path);
	}
	text = settings_render(keys(), &size);
	if (!write_file(target, text, size, &number)) {
		fail(error, number, "export the settings to", target,
		     number == EEXIST ? "; choose another name" : "");
		return NULL;
	}
	return g_steal_pointer(&target);
}

static gboolean check_import(GKeyFile *from, const char *path, GError **error)
{
	g_auto(GStrv) groups = g_key_file_get_groups(from, NULL);

	for (guint g = 0; groups[g]; g++) {
		g_auto(GStrv) names = g_key_file_get_keys(from, groups[g], NULL, NULL);
		BpContext *context = bp_context_find(groups[g]);

		for (guint k = 0; names && names[k] && context; k++) {
			const BpParam *row = bp_setting_row(context, names[k]);
			g_autofree char *raw =
				g_key_file_get_value(from, groups[g], names[k], NULL);
			g_autofree char *text = raw ? settings_unescape(raw) : NULL;

			if (row && text && !bp_param_check(row, text, error)) {
				g_prefix_error(error, "cannot import %s: in [%s], ", path,
					       groups[g]);
				return FALSE;
			}
		}
	}
	return TRUE;
}

gboolean settings_import(const char *path, GError **error)
{
	g_autoptr(GKeyFile) from = NULL;
	g_auto(GStrv) groups = NULL;
	g_autofree char *data = NULL;
	gsize size;

	data = read_file(path, &size, error);
	if (!data)
		return FALSE;
	from = settings_parse(data, size, error);
	if (!from) {
		g_prefix_error(error, "%s is no settings file: ", path);
		return FALSE;
	}
	if (!check_import(from, path, error))
		return FALSE;
	groups = g_key_file_get_groups(from, NULL);
	for (guint g = 0; groups[g]; g++) {
		g_auto(GStrv) names = g_key_file_get_keys(from, groups[g], NULL, NULL);
		g_autofree char *clean = bp_context_check_path(groups[g], NULL);
		BpContext *context = bp_context_find(groups[g]);

		for (guint k = 0; names && names[k]; k++) {
			g_autofree char *raw =
				g_key_file_get_value(from, groups[g], names[k], NULL);
			g_autofree char *text = raw ? settings_unescape(raw) : NULL;

			if (!text)
				continue;
			if (context && bp_setting_row(context, names[k]))
				bp_setting_set(context, names[k], text, NULL);
			else
				settings_set_text(clean ? clean : groups[g], names[k], text);
		}
	}
	return TRUE;
}
