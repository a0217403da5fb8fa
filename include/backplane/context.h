/* SPDX-License-Identifier: MIT */
/* context.h - paths with settings that last.
 *
 * "/" is the root; "/device/uart0" is one below. Settings are declared with a BpParam, so they are
 * typed, checked, completed and shown; undeclared keys of the file are kept unchanged. They are saved
 * in the state folder (settings.ini, one group a path) on `flush`, on an orderly end and a second after a
 * change: to a new file, synced, renamed over the old one, of which five backups are kept. A broken
 * file is renamed to settings.ini.broken-DATE with a warning, and never deleted.
 */
#pragma once
#include <backplane/param.h>

G_BEGIN_DECLS

/* Created on first use; exists until the process ends. "a/b" is the same as "/a/b" and does not make "a". */
BP_API BpContext *bp_context(const char *path);
BP_API const char *bp_context_path(const BpContext *context);
BP_API GPtrArray *bp_context_list(void);

/* Declares settings of a context; they stay readable as text after `self` has ended. */
BP_API void bp_setting_declare(BpPlugin *self, BpContext *context, const BpParam *table);
/* The text of a setting: what was set, else the fallback declared, else NULL. Yours. */
BP_API char *bp_setting_get(BpContext *context, const char *key);
BP_API gint64 bp_setting_int(BpContext *context, const char *key);
BP_API gboolean bp_setting_bool(BpContext *context, const char *key);
/* Checks the value against the declaration of the key; NULL resets it to the fallback. A key that is neither declared nor stored is an
 * error, which suggests the nearest key. */
BP_API gboolean bp_setting_set(BpContext *context, const char *key, const char *value, GError **error);
/* Stores a value without declaration, for a plugin's own data; not listed by `set`. Keys begin with a letter. */
BP_API void bp_setting_store(BpContext *context, const char *key, const char *value);
/* Called after each change of a declared setting of the context. */
typedef void (*BpSettingFunc)(BpPlugin *self, BpContext *context, const char *key, gpointer data);
typedef struct BpSettingWatch BpSettingWatch;
BP_API BpSettingWatch *bp_setting_watch(BpPlugin *self, BpContext *context, BpSettingFunc func, gpointer data,
					GDestroyNotify destroy);
/* May be called inside the function of the watch. */
BP_API void bp_setting_watch_remove(BpSettingWatch *watch);

G_END_DECLS
