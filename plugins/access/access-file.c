/* SPDX-License-Identifier: MIT */
/* access-file.c - users and tokens in access.ini of the state folder, mode 0600: read at the start, written by a job into a new file that
 * then replaces the old one. A file that cannot be understood is set aside as access.ini.damaged, and a locked one takes its place: the
 * host is locked also after the next start, until an admin is added at the terminal or by the control socket. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <backplane/file.h>
#include <backplane/kernel.h>
#include <backplane/owner.h>
#include "access.h"

#define LIMIT (4 << 20)

typedef struct {
	FileSaved done;
	gpointer data;
} Waiter;

typedef struct {
	char *path, *text;
	GError *error;
} SaveJob;

static GArray *waiters;	     /* Waiter: for the save under way */
static GArray *late_waiters; /* for the one after it */
static gboolean saving, again;

static char *file_path(void)
{
	const char *folder = bp_kernel_state_folder();

	return folder ? g_build_filename(folder, BP_ACCESS_FILE, NULL) : NULL;
}

static char *file_text(gsize *size)
{
	g_autoptr(GKeyFile) keys = g_key_file_new();
	GHashTableIter iter;
	gpointer value;

	g_key_file_set_boolean(keys, "access", "locked", access_locked);
	g_hash_table_iter_init(&iter, access_users);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const User *user = value;
		g_autofree char *group = g_strconcat("user ", user->name, NULL);

		g_key_file_set_string(keys, group, "role", role_name(user->role));
		g_key_file_set_string(keys, group, "password", user->hash);
	}
	g_hash_table_iter_init(&iter, access_tokens);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Token *token = value;
		g_autofree char *group = g_strconcat("token ", token->name, NULL);

		g_key_file_set_string(keys, group, "role", role_name(token->role));
		g_key_file_set_string(keys, group, "sha256", token->sha256);
		g_key_file_set_int64(keys, group, "expires", token->expires);
	}
	return g_key_file_to_data(keys, size, NULL);
}

/* --- reading --- */

static gboolean read_group(GKeyFile *keys, const char *group)
{
	g_autofree char *role_text = g_key_file_get_string(keys, group, "role", NULL);
	g_autofree char *secret = NULL;
	const char *name = strchr(group, ' ');
	gboolean is_user = g_str_has_prefix(group, "user ");
	BpRole role;

	if (!name || !name_check(++name, NULL) || !role_parse(role_text, &role))
		return FALSE;
	secret = g_key_file_get_string(keys, group, is_user ? "password" : "sha256", NULL);
	if (!secret || (is_user ? *secret != '$' : strlen(secret) != 64))
		return FALSE;
	if (is_user)
		user_set(name, role, secret);
	else if (g_str_has_prefix(group, "token "))
		token_set(name, role, secret, g_key_file_get_int64(keys, group, "expires", NULL));
	else
		return FALSE;
	return TRUE;
}

static gboolean read_text(const char *text, gsize size)
{
	g_autoptr(GKeyFile) keys = g_key_file_new();
	g_auto(GStrv) groups = NULL;
	gboolean good = g_key_file_load_from_data(keys, text, size, G_KEY_FILE_NONE, NULL);

	good = good && g_key_file_has_key(keys, "access", "locked", NULL); /* an empty file is damaged, too */
	groups = g_key_file_get_groups(keys, NULL);
	for (char **group = groups; good && *group; group++)
		good = strcmp(*group, "access") == 0 || read_group(keys, *group);
	access_locked = !good || g_key_file_get_boolean(keys, "access", "locked", NULL);
	return good;
}

static void set_aside(const char *path, const char *why)
{
	g_autofree char *aside = g_strconcat(path, ".damaged", NULL);

	g_hash_table_remove_all(access_users);
	g_hash_table_remove_all(access_tokens);
	access_locked = TRUE;
	bp_log(access_plugin, BP_LOG_ERROR,
	       "%s: %s; it is kept as %s, and nobody can log in until an admin is added at the terminal or with backplane -x",
	       path, why, aside);
	if (link(path, aside) && !unlink(aside) && link(path, aside))
		bp_log(access_plugin, BP_LOG_WARNING, "%s cannot be made", aside);
	file_save(NULL, NULL);
}

void file_load(void)
{
	g_autofree char *path = file_path();
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	gsize size;

	if (!path || access(path, F_OK))
		return;
	text = bp_file_load(path, LIMIT, BP_FILE_READ | BP_FILE_NO_LINK, &size, &error);
	if (!text) { /* not to be replaced: it may be readable the next time */
		access_locked = TRUE;
		bp_log(access_plugin, BP_LOG_ERROR, "%s; nobody can log in", error->message);
	} else if (!read_text(text, size)) {
		set_aside(path, "the file of users is damaged");
	} else if (access_locked) {
		bp_log(access_plugin, BP_LOG_ERROR, "%s is locked: add an admin at the terminal or with backplane -x",
		       path);
	}
}

/* --- writing --- */

static void work_save(BpJob *job, gpointer data)
{
	SaveJob *save = data;
	g_autofree char *fresh = g_strconcat(save->path, ".new", NULL);

	unlink(fresh);
	if (bp_file_create(fresh, save->text, strlen(save->text), &save->error))
		bp_file_rename(fresh, save->path, &save->error);
}

static void save_free(gpointer data)
{
	SaveJob *save = data;

	g_free(save->path);
	g_free(save->text);
	g_clear_error(&save->error);
	g_free(save);
}

static void notify(GArray **list, const GError *error)
{
	g_autoptr(GArray) notified = g_steal_pointer(list);

	for (guint i = 0; notified && i < notified->len; i++) {
		Waiter *waiter = &g_array_index(notified, Waiter, i);

		waiter->done(error, waiter->data);
	}
}

static void begin_save(void);

static void on_saved(BpPlugin *self, gboolean cancelled, gpointer data)
{
	SaveJob *save = data;

	saving = FALSE;
	if (save->error)
		bp_log(self, BP_LOG_ERROR, "users cannot be saved: %s", save->error->message);
	notify(&waiters, save->error);
	if (!again || bp_owner_is_dying(self))
		return;
	again = FALSE;
	waiters = g_steal_pointer(&late_waiters);
	begin_save();
}

static void begin_save(void)
{
	SaveJob *save = g_new0(SaveJob, 1);

	save->path = file_path();
	if (!save->path) {
		save_free(save);
		notify(&waiters, NULL);
		return;
	}
	save->text = file_text(NULL);
	saving = TRUE;
	if (!bp_job_add(access_plugin, "save users", work_save, on_saved, save, save_free)) {
		g_autoptr(GError) error = g_error_new(BP_HOST_ERROR, BP_FAILED, "too many jobs are queued");

		saving = FALSE;
		notify(&waiters, error);
	}
}

void file_save(FileSaved done, gpointer data)
{
	GArray **list = saving ? &late_waiters : &waiters;
	Waiter waiter = { done, data };

	if (done && !*list)
		*list = g_array_new(FALSE, FALSE, sizeof(Waiter));
	if (done)
		g_array_append_val(*list, waiter);
	if (saving)
		again = TRUE;
	else
		begin_save();
}
