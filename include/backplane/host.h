/* SPDX-License-Identifier: MIT */
/* host.h - for plugins that show or control the host itself: configuration, REST, control. Other plugins do not need it.
 *
 * All of it is called on the main loop. Arrays are yours to free, their pointers are borrowed until the loop's next turn.
 */
#pragma once
#include <backplane/context.h>
#include <backplane/kernel.h>
#include <backplane/loop.h>
#include <backplane/module.h>
#include <backplane/plugin.h>

G_BEGIN_DECLS

/* --- plugins --- */
BP_API const BpPluginInfo *bp_plugin_info_of(const BpPlugin *plugin); /* NULL: the kernel, or an instance */
BP_API const char *bp_plugin_file(const BpPlugin *plugin);	      /* NULL: linked into the program */
BP_API gboolean bp_plugin_is_unloading(const BpPlugin *plugin);
/* Of an instance: the plugin whose module it is. Of a plugin: itself. */
BP_API BpPlugin *bp_plugin_of(BpPlugin *self);
/* Seconds of processor time used by its code, its instances and its jobs. Sampled, except for jobs, and so accurate to about 10 ms.
 * For the kernel: all time of the loops that no plugin used. Any thread. */
BP_API double bp_plugin_cpu(const BpPlugin *plugin);
/* The folders that are searched for plugins; NULL-terminated. */
BP_API const char *const *bp_plugin_path(void);
BP_API void bp_plugin_set_path(const char *const *folders);
/* Loads every NAME.so of the path that is not loaded yet and logs each failure. Returns the number of failures. */
BP_API guint bp_plugin_load_all(void);
/* Unloads the plugin, loads its file again and opens the same instances with the same parameters. `done` is called once, possibly
 * before this returns, with NULL or an error. */
typedef void (*BpReloadDone)(const GError *error, gpointer data);
BP_API void bp_plugin_reload(BpPlugin *plugin, BpReloadDone done, gpointer data);

/* --- instances --- */
BP_API gboolean bp_is_instance(const BpPlugin *self);
BP_API const char *bp_instance_path(const BpInstance *self); /* of its context */
BP_API gint64 bp_instance_since(const BpInstance *self);     /* by the wall clock as it is set now */
BP_API gboolean bp_instance_is_closing(const BpInstance *self);
/* The text of the module's `describe`; "" for none. Yours. */
BP_API char *bp_instance_describe(BpInstance *self);
/* Sets new values without closing the instance. TRUE: they are in use, and `*before` gets the old ones, yours. FALSE: the old values
 * stay in use; without an error, the instance must be closed and opened again to use the new ones. */
BP_API gboolean bp_instance_update(BpInstance *self, BpValues *take_values, BpValues **before, GError **error);

/* What is needed to open an instance again after its plugin was unloaded. */
typedef struct {
	char *module, *name, *path;
	char **pairs; /* "key=value", secrets too */
} BpPlan;
BP_API BpPlan *bp_plan_instance(BpInstance *instance);
BP_API GPtrArray *bp_plan_instances(BpPlugin *plugin); /* of BpPlan, freed with the array; NULL: of every plugin */
BP_API void bp_plan_free(BpPlan *plan);
/* Opens as many as possible; `error` is the first failure. */
BP_API gboolean bp_plan_open(GPtrArray *plans, GError **error);

/* --- settings --- */
/* The path in its canonical form, "/a/b"; NULL with an error if it is not printable UTF-8, contains [ or ], or exceeds 255 bytes.
 * Yours. */
BP_API char *bp_context_check_path(const char *path, GError **error);
BP_API BpContext *bp_context_find(const char *path); /* NULL if there is none */
BP_API gboolean bp_setting_check_key(const char *key, GError **error);
BP_API GPtrArray *bp_setting_rows(BpContext *context); /* the declared settings, each key once; free the array */
BP_API const BpParam *bp_setting_row(BpContext *context, const char *key);
/* The setting has a value, which is not temporary. */
BP_API gboolean bp_setting_is_set(BpContext *context, const char *key);
BP_API gboolean bp_setting_is_temporary(BpContext *context, const char *key);
/* Sets a value for this run only, which is never saved. It is checked now if the setting is declared, else when it is declared; an
 * invalid value is then dropped with a warning. bp_setting_set of the same key replaces it. */
BP_API gboolean bp_setting_set_temporary(const char *path, const char *key, const char *value, GError **error);
/* The stored text of a key, declared or not; NULL: not stored. Yours. */
BP_API char *bp_setting_stored(const char *path, const char *key);
/* The keys of a path in the file; free with g_strfreev. Never NULL. */
BP_API char **bp_setting_keys(const char *path);

/* All settings, secrets included, in the form of the file. Yours. */
BP_API char *bp_settings_text(gsize *size);
/* Sets the keys of such a text and keeps all others; `path` is its name in error messages. All values of declared settings are checked
 * first; if one is invalid, nothing is changed. */
BP_API gboolean bp_settings_import(const char *path, const char *text, gsize size, GError **error);

/* --- stdout and stderr: each has a writer thread, so that a slow reader does not block the loop --- */
/* Queues. BP_FULL: pause; "STDOUT" is sent on channel BP_SIGNALS when the queue has been written. Output beyond 16 MiB is dropped. */
BP_API BpSent bp_stdout_write(gconstpointer data, gsize size);
/* Dropped so far: writes to stdout, log lines to stderr. */
BP_API void bp_output_lost(guint64 *pieces, guint64 *lines);

/* --- log --- */
/* Lines up to this level go to stderr, or the journal, too; the default is BP_LOG_WARNING. */
BP_API void bp_log_set_stderr(BpLogLevel level);
BP_API BpLogLevel bp_log_stderr(void);
BP_API void bp_kernel_restart(void); /* ends the program and starts it again with the same arguments */
/* On while a terminal console shows notices, warnings and errors itself: they are not written to stderr meanwhile. */
BP_API void bp_log_set_terminal(gboolean on);

/* --- loops --- */
typedef struct {
	const char *name, *owner;
	gint64 interval;
	guint times, done; /* times 0: for ever */
	guint64 missed;
} BpTimerInfo;
BP_API GPtrArray *bp_timer_list(
	void); /* of BpTimerInfo, freed with the array: timers of the main loop that have a name, by name */
typedef struct {
	char *name;
	const char *owner;
	gint64 age;
	double progress;
	gboolean running, cancelled;
} BpJobInfo;
BP_API GPtrArray *bp_job_list(void);  /* of BpJobInfo, freed with the array */
BP_API GPtrArray *bp_loop_list(void); /* of BpLoop */
/* Duration of the longest turn of the last minute; `*whose` (yours) names the code that took the time, or is "". */
BP_API gint64 bp_loop_longest_turn(BpLoop *loop, char **whose);

G_END_DECLS
