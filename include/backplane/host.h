/* SPDX-License-Identifier: MIT */
/* host.h - for plugins that show or steer the host itself: configuration, REST, control. Other plugins need none of this.
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
/* Seconds of processor time that its code took, with that of its instances and jobs. Sampled, except for jobs: the share of
 * each is exact to some 10 ms. Of the kernel: all that loops have spent in nobody else's code. Any thread. */
BP_API double bp_plugin_cpu(const BpPlugin *plugin);
/* The folders that names of plugins are looked up in; NULL-terminated. */
BP_API const char *const *bp_plugin_path(void);
BP_API void bp_plugin_set_path(const char *const *folders);
/* Every NAME.so in the path that is not loaded yet; each failure is logged. Gives how many failed. */
BP_API guint bp_plugin_load_all(void);
/* Loads its file anew and opens the same instances with the same parameters. `done` is called once, perhaps before this
 * returns, with NULL or what went wrong. */
typedef void (*BpReloadDone)(const GError *error, gpointer data);
BP_API void bp_plugin_reload(BpPlugin *plugin, BpReloadDone done, gpointer data);

/* --- instances --- */
BP_API gboolean bp_is_instance(const BpPlugin *self);
BP_API const char *bp_instance_path(const BpInstance *self); /* of its context */
BP_API gint64 bp_instance_since(const BpInstance *self);     /* by the wall clock as it is set now */
BP_API gboolean bp_instance_is_closing(const BpInstance *self);
/* What its module has to say of it; "" for nothing. Yours. */
BP_API char *bp_instance_describe(BpInstance *self);
/* Gives it new values without closing it. TRUE: it has them, and `*before` gets the old ones, yours. FALSE: it has the old
 * ones still; without an error it must be closed and opened again to take the new ones. */
BP_API gboolean bp_instance_update(BpInstance *self, BpValues *take_values, BpValues **before, GError **error);

/* Enough to open an instance again after the memory of its plugin has gone. */
typedef struct {
	char *module, *name, *path;
	char **pairs; /* "key=value", secrets too */
} BpPlan;
BP_API BpPlan *bp_plan_instance(BpInstance *instance);
BP_API GPtrArray *bp_plan_instances(BpPlugin *plugin); /* of BpPlan, freed with the array; NULL: of every plugin */
BP_API void bp_plan_free(BpPlan *plan);
/* Opens what it can; the first failure is given. */
BP_API gboolean bp_plan_open(GPtrArray *plans, GError **error);

/* --- settings --- */
/* The path in its one spelling, "/a/b"; NULL if it is not printable UTF-8, has [ or ], or is over 255 bytes. Yours. */
BP_API char *bp_context_check_path(const char *path, GError **error);
BP_API BpContext *bp_context_find(const char *path); /* finds only */
BP_API gboolean bp_setting_check_key(const char *key, GError **error);
BP_API GPtrArray *bp_setting_rows(BpContext *context); /* what is declared, each key once */
BP_API const BpParam *bp_setting_row(BpContext *context, const char *key);
/* Its value is neither the fallback nor (see next) temporary. */
BP_API gboolean bp_setting_is_set(BpContext *context, const char *key);
BP_API gboolean bp_setting_is_temporary(BpContext *context, const char *key);
/* For this run only, never saved. Checked now if it is declared, else when it is; then a bad value is dropped with a
 * warning. Ended by bp_setting_set of the same key. */
BP_API gboolean bp_setting_set_temporary(const char *path, const char *key, const char *value, GError **error);
/* The text in the file, whether it is declared or not; NULL: not there. Yours. */
BP_API char *bp_setting_stored(const char *path, const char *key);
/* The keys of a path in the file; free with g_strfreev. Never NULL. */
BP_API char **bp_setting_keys(const char *path);

/* All of them, secrets too, as in the file. Yours. */
BP_API char *bp_settings_text(gsize *size);
/* Takes what such a text has and leaves what it has not; `path` is its name in sentences. All declared settings are checked
 * first: one bad value, and nothing is changed. */
BP_API gboolean bp_settings_import(const char *path, const char *text, gsize size, GError **error);

/* --- stdout and stderr: a thread writes to each, so that a reader who does not read holds up nothing --- */
/* BP_FULL: more waits than a reader should be given; "STDOUT" comes on channel BP_SIGNALS when it has been read. What goes over
 * 16 MiB is lost. */
BP_API BpSent bp_stdout_write(gconstpointer data, gsize size);
/* What was lost so far: pieces of output on stdout, lines of the log on stderr. */
BP_API void bp_output_lost(guint64 *pieces, guint64 *lines);

/* --- log --- */
/* A terminal console shows notices and worse itself, so that stderr is left alone meanwhile. */
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
/* Microseconds that the longest turn of the last minute took; `*whose` (yours) says in whose code, or is "". */
BP_API gint64 bp_loop_longest_turn(BpLoop *loop, char **whose);

G_END_DECLS
