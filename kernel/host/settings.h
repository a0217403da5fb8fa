/* SPDX-License-Identifier: MIT */
/* settings.h - the file under the contexts, and what the kernel and the commands need of both.
 *
 * Everything here, and everything in context.h, is for the main loop's thread.
 */
#pragma once
#include <backplane/host.h>

#define SETTINGS_FILE "settings.ini"
#define SETTINGS_FILE_MAX (16 * 1024 * 1024)

/* --- its text: settings-codec.c --- */

/* NULL with a reason ("its end is missing") when it is not a whole settings file. */
GKeyFile *settings_parse(const char *text, gsize size, GError **error);
char *settings_render(GKeyFile *keys, gsize *size);
char *settings_escape(const char *text);
char *settings_unescape(const char *text);

/* --- the file: settings.c --- */

/* Reads settings.ini in `state_dir`, which is made if need be; NULL: in memory only. FALSE if the folder
 * cannot be made or the file cannot be read. Earlier temporary values and declarations stay valid. A broken file is no error: it is
 * renamed, logged, and reported by settings_notice. */
gboolean settings_start(const char *state_dir, GError **error);
/* What the user should know about the last start, or NULL: a sentence. */
const char *settings_notice(void);
/* Writes changes in a job. `done` is called when they are on the disk, or with an error: then the old file is unchanged, and the changes are
 * still unsaved. Called immediately if there are no changes. */
typedef void (*SettingsSaved)(const GError *error, gpointer data);
void settings_save(SettingsSaved done, gpointer data);
gboolean settings_is_dirty(void);
/* `func` is called with the first change after a start or a save (a failed one too); it arranges the next save. */
void settings_on_dirty(void (*func)(void));
/* Forgets what was read, stored and temporary; saves nothing. Contexts and declarations stay. */
void settings_stop(void);

/* NULL removes. */
void settings_set_text(const char *path, const char *key, const char *text);

/* --- the contexts: context.c --- */

/* Must be called after a declared setting was changed without bp_setting_set. */
void context_notify(BpContext *context, const char *key);
void context_forget_temporary(void);
