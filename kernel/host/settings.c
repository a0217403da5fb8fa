/* SPDX-License-Identifier: MIT */
/* settings.c - settings.ini: read at the start, kept in memory, written safely by a job.
 *
 * Saving: settings.ini.new is written and synced, then the backups shift (.bak, .ba1 ... .ba5), the old file
 * is linked as .bak, and the new one is renamed over it: at no moment is there no settings.ini, and a full
 * disk is met before anything is touched. What changes while a job writes is written by the next one.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <backplane/file.h>
#include <backplane/kernel.h>
#include <backplane/loop.h>
#include <backplane/plugin.h>
#include "host/settings.h"
#include "bus/port.h"

static const char *const backups[] = { "bak", "ba1", "ba2", "ba3", "ba4", "ba5" };

typedef struct {
	SettingsSaved done;
	gpointer data;
} SaveWaiter;

/* One save: prepared on the loop, written by a job, finished on the loop. */
typedef struct {
	char *path, *text;
	gsize size;
	gboolean same;	  /* as what was in the file */
	gboolean foreign; /* another program had changed it */
	gboolean ran;
	struct stat seen;
	GError *error;
} SaveJob;

static struct {
	GKeyFile *keys;
	char *path;	  /* NULL: in memory only */
	char *saved;	  /* what is in the file; NULL: not known */
	struct stat seen; /* the file, when it was read or written last */
	char *notice;
	gboolean dirty, told;
	void (*on_dirty)(void);
	SaveJob *save;	 /* under way */
	GArray *waiters; /* SaveWaiter */
} store;

static GKeyFile *keys(void)
{
	if (!store.keys)
		store.keys = g_key_file_new();
	return store.keys;
}

static gboolean fail(GError **error, const char *what, const char *advice)
{
	g_prefix_error(error, "%s ", what);
	if (error && *error && *advice) {
		g_autofree char *text = g_steal_pointer(&(*error)->message);

		(*error)->message = g_strconcat(text, advice, NULL);
	}
	return FALSE;
}

/* --- files: these wait for the disk, at the start or in a job --- */

static char *read_file(const char *path, gsize *size, GError **error)
{
	char *text = bp_file_load(path, SETTINGS_FILE_MAX, BP_FILE_READ, size, error);

	if (!text)
		fail(error, "cannot read", "");
	return text;
}

static char *backup_name(const char *path, guint index)
{
	return g_strconcat(path, ".", backups[index], NULL);
}

/* The old file becomes .bak as well. A folder that knows no links gets a copy. */
static gboolean shift_backups(const char *path, GError **error)
{
	g_autofree char *newest = backup_name(path, 0);
	g_autofree char *text = NULL;
	gsize size;

	if (access(path, F_OK))
		return TRUE;
	for (guint i = G_N_ELEMENTS(backups) - 1; i > 0; i--) {
		g_autofree char *from = backup_name(path, i - 1);
		g_autofree char *to = backup_name(path, i);

		if (rename(from, to) && errno != ENOENT)
			return bus_fail(error, BP_HOST_ERROR, BP_FAILED,
					"cannot keep the backup %s: %s; the settings are not saved", to,
					g_strerror(errno));
	}
	if (!link(path, newest))
		return TRUE;
	text = read_file(path, &size, error);
	return text && (bp_file_create(newest, text, size, error) ||
			fail(error, "cannot make the backup", "; the settings are not saved"));
}

static void look(const char *path, struct stat *seen)
{
	if (stat(path, seen))
		*seen = (struct stat){ 0 };
}

static gboolean changed_by_others(const char *path, const struct stat *seen)
{
	struct stat now;

	return seen->st_ino && !stat(path, &now) &&
	       (now.st_ino != seen->st_ino || now.st_size != seen->st_size ||
		now.st_mtim.tv_sec != seen->st_mtim.tv_sec || now.st_mtim.tv_nsec != seen->st_mtim.tv_nsec);
}

static gboolean write_settings(const char *path, const char *text, gsize size, gboolean shift, struct stat *seen,
			       GError **error)
{
	static const char advice[] = "; the file from before is whole, and the settings wait for the next save";
	g_autofree char *fresh = g_strconcat(path, ".new", NULL);

	unlink(fresh);
	if (!bp_file_create(fresh, text, size, error))
		return fail(error, "cannot save the settings in", advice);
	if (shift && !shift_backups(path, error)) {
		unlink(fresh);
		return FALSE;
	}
	if (!bp_file_rename(fresh, path, error))
		return fail(error, "cannot save the settings in", advice);
	look(path, seen);
	return TRUE;
}

/* --- a broken file --- */

static GKeyFile *read_backup(char **name)
{
	for (guint i = 0; i < G_N_ELEMENTS(backups); i++) {
		g_autofree char *path = backup_name(store.path, i);
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
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *date = g_date_time_format(now, "%Y%m%d-%H%M%S.%f");
	g_autofree char *broken = g_strdup_printf("%s.broken-%s", store.path, date);
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
		if (write_settings(store.path, text, size, FALSE, &store.seen, &error))
			store.saved = g_steal_pointer(&text);
		else
			store.dirty = TRUE;
	}
	unsaved = error ? g_strdup_printf("; %s", error->message) : g_strdup("");
	store.notice = g_strdup_printf("the settings file %s is broken: %s; %s; %s%s%s", store.path, why, aside,
				       good ? "the settings are those of "
					    : "no backup is good: all have their fallbacks",
				       good ? backup : "", unsaved);
	bp_log(bp_kernel(), BP_LOG_WARNING, "%s", store.notice);
	look(store.path, &store.seen);
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
		return bus_fail(error, BP_HOST_ERROR, BP_FAILED,
				"cannot make the state folder %s: %s; name another one", state_dir, g_strerror(errno));
	store.path = g_build_filename(state_dir, SETTINGS_FILE, NULL);
	text = read_file(store.path, &size, &why);
	if (!text) {
		if (g_error_matches(why, BP_IO_ERROR, BP_NOT_FOUND))
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
	look(store.path, &store.seen);
	return TRUE;
}

const char *settings_notice(void)
{
	return store.notice;
}

gboolean settings_is_dirty(void)
{
	return store.dirty;
}

void settings_on_dirty(void (*func)(void))
{
	store.on_dirty = func;
}

/* --- saving --- */

static void save_work(BpJob *job, gpointer data)
{
	SaveJob *save = data;

	save->ran = TRUE;
	if (save->same && !access(save->path, F_OK))
		return;
	save->same = FALSE;
	save->foreign = changed_by_others(save->path, &save->seen);
	write_settings(save->path, save->text, save->size, TRUE, &save->seen, &save->error);
}

static void go_on(const GError *error);

/* The job is done, or was not begun. */
static void save_finish(gpointer data)
{
	SaveJob *save = data;

	store.save = NULL;
	if (!save->ran)
		save->error = g_error_new(BP_HOST_ERROR, BP_LIMIT, "%s is not saved: too many jobs wait; try again",
					  save->path);
	if (save->error) {
		store.dirty = TRUE;
	} else if (!save->same) {
		g_free(store.saved);
		store.saved = g_steal_pointer(&save->text);
		store.seen = save->seen;
		if (save->foreign)
			bp_log(bp_kernel(), BP_LOG_WARNING,
			       "another program had changed %s: its version is in %s.bak now", save->path, save->path);
	}
	go_on(save->error);
	g_clear_error(&save->error);
	g_free(save->path);
	g_free(save->text);
	g_free(save);
}

/* Until all is saved, or something fails. */
static void go_on(const GError *error)
{
	g_autoptr(GArray) waiters = NULL;

	if (!error && store.dirty && store.path) {
		SaveJob *save = store.save = g_new0(SaveJob, 1);

		save->path = g_strdup(store.path);
		save->text = settings_render(keys(), &save->size);
		save->same = store.saved && !strcmp(save->text, store.saved);
		save->seen = store.seen;
		store.dirty = store.told = FALSE;
		if (bp_loop_current()) {
			bp_job_add(bp_kernel(), "save settings", save_work, NULL, save, save_finish);
		} else {
			save_work(NULL, save); /* a program without a loop: nobody is held up */
			save_finish(save);
		}
		return;
	}
	if (!error)
		store.dirty = store.told = FALSE;
	waiters = g_steal_pointer(&store.waiters);
	for (guint i = 0; waiters && i < waiters->len; i++)
		g_array_index(waiters, SaveWaiter, i).done(error, g_array_index(waiters, SaveWaiter, i).data);
}

void settings_save(SettingsSaved done, gpointer data)
{
	SaveWaiter waiter = { done, data };

	if (!store.waiters)
		store.waiters = g_array_new(FALSE, FALSE, sizeof(SaveWaiter));
	g_array_append_val(store.waiters, waiter);
	if (!store.save)
		go_on(NULL);
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
	GKeyFile *file = keys();
	g_autofree char *raw = NULL;

	/* Asked before, as GLib translates the sentence of an error that nobody wants: each command looks for its alias here. */
	if (g_key_file_has_group(file, path) && g_key_file_has_key(file, path, key, NULL))
		raw = g_key_file_get_value(file, path, key, NULL);
	return raw ? settings_unescape(raw) : NULL;
}

char **bp_setting_keys(const char *path)
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

/* --- as a whole --- */

char *bp_settings_text(gsize *size)
{
	return settings_render(keys(), size);
}

/* Checks all values of declared settings, or sets all. */
static gboolean import(GKeyFile *from, gboolean set, GError **error)
{
	g_auto(GStrv) groups = g_key_file_get_groups(from, NULL);

	for (guint g = 0; groups[g]; g++) {
		g_auto(GStrv) names = g_key_file_get_keys(from, groups[g], NULL, NULL);
		g_autofree char *clean = bp_context_check_path(groups[g], NULL);
		BpContext *context = bp_context_find(groups[g]);

		for (guint k = 0; names && names[k]; k++) {
			const BpParam *row = context ? bp_setting_row(context, names[k]) : NULL;
			g_autofree char *raw = g_key_file_get_value(from, groups[g], names[k], NULL);
			g_autofree char *text = raw ? settings_unescape(raw) : NULL;

			if (!set && row && text && !bp_param_check(row, text, error)) {
				g_prefix_error(error, "in [%s], ", groups[g]);
				return FALSE;
			}
			if (set && text && row)
				bp_setting_set(context, names[k], text, NULL);
			else if (set && text)
				settings_set_text(clean ? clean : groups[g], names[k], text);
		}
	}
	return TRUE;
}

gboolean bp_settings_import(const char *path, const char *text, gsize size, GError **error)
{
	g_autoptr(GKeyFile) from = settings_parse(text, size, error);

	if (!from)
		g_prefix_error(error, "%s is no settings file: ", path);
	else if (!import(from, FALSE, error))
		g_prefix_error(error, "cannot import %s: ", path);
	else
		return import(from, TRUE, NULL);
	return FALSE;
}
