/* SPDX-License-Identifier: MIT */
/* config.h - the configuration file: YAML read into a tree, checked against the tables, opened, compared, read again.
 *
 * Four steps, each of which leaves nothing behind when it fails: bp_config_read (syntax and shape), bp_config_load_plugins,
 * bp_config_check (names and values, against the tables of what is loaded), bp_config_apply (settings, then modules, then
 * servers). Errors are sentences, one a line, "FILE:LINE:COLUMN: what; what to do": all that a step finds, in the order
 * of the file, CONFIG_ERRORS_MAX at most. All of it is for the main loop's thread.
 *
 * Settings of the file apply to this run and override saved ones; -s and `set` override both. Relative paths in the file are relative
 * to its folder. `commands:` run only at the start; a reload reports when they have changed.
 */
#pragma once
#include <backplane/kernel.h>
#include <backplane/module.h>
#include <backplane/param.h>

G_BEGIN_DECLS

#define CONFIG_SIZE_MAX (1024 * 1024)
#define CONFIG_READ_MAX (CONFIG_SIZE_MAX + 65536) /* a larger one is refused by the parser, with its place */
#define CONFIG_DEPTH_MAX 16
#define CONFIG_NODES_MAX 20000
#define CONFIG_ERRORS_MAX 20

typedef struct BpConfig BpConfig;

/* Reads the file and checks syntax and structure; NULL with an error. Blocks on the disk: only for the start of the program. */
BP_API BpConfig *bp_config_read(const char *file, GError **error);
/* The same with the result of bp_file_read: a text, or the error. */
BP_API BpConfig *bp_config_read_result(const char *file, const char *text, gsize size, const GError *why,
				       GError **error);
/* The same for a text; `file` is its name in error messages. */
BP_API BpConfig *bp_config_read_text(const char *file, const char *text, gsize size, GError **error);
BP_API void bp_config_free(BpConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BpConfig, bp_config_free)

/* Adds its folders to the plugin path and loads what it names, or all there is. `fresh` (may be NULL) gets the names of
 * those that were not loaded before; after an error they are unloaded again. */
BP_API gboolean bp_config_load_plugins(BpConfig *config, GPtrArray *fresh, GError **error);
BP_API void bp_config_unload_plugins(GPtrArray *fresh);
/* Checks names and values against the tables of what is loaded. Opens and changes nothing. */
BP_API gboolean bp_config_check(BpConfig *config, GError **error);
/* bp_config_load_plugins and bp_config_check, then unloads the plugins again: for the command `config check`. Returns the warnings,
 * one per line, or ""; NULL with an error. Yours. */
BP_API char *bp_config_check_only(BpConfig *config, GError **error);

/* Warnings, after bp_config_check. Borrowed. */
BP_API const GPtrArray *bp_config_warnings(const BpConfig *config);
BP_API const char *bp_config_file(const BpConfig *config);
/* As YAML, defaults left out, secrets as ***. */
BP_API GString *bp_config_describe(const BpConfig *config);
/* The changes that a reload would make, one per line; "" for none. Both must have been checked; `old` may be NULL. */
BP_API GString *bp_config_diff(const BpConfig *old, const BpConfig *changed);

/* At the start: takes a checked one. `run` runs a line of `commands:`; an error is logged with its place, and the next line is
 * run. If one instance does not open, those that did are closed again. */
BP_API gboolean bp_config_apply(BpConfig *take_config, BpConfigRun run, GError **error);
/* All four steps, or with `only_check` the first three. The warnings are logged. */
BP_API gboolean bp_config_start(const char *file, gboolean only_check, BpConfigRun run, GError **error);
/* The configuration in use, or NULL. */
BP_API const BpConfig *bp_config_running(void);

/* `changes`: one per line, "" for none. With an error nothing has changed. */
typedef void (*BpConfigReloaded)(const char *changes, const GError *error, gpointer data);
/* Reads the file in use again and applies all of it or nothing. Unchanged instances stay open with their connections. Begins in the
 * next turn of the loop, since it may close the connection of the caller. `done` (NULL: the result is logged) is called once, unless
 * the kernel ends before. FALSE if no configuration is in use, or a reload is running already. */
BP_API gboolean bp_config_reload(BpConfigReloaded done, gpointer data, GError **error);
BP_API gboolean bp_config_is_reloading(void);
/* An instance of a transport's class: `pairs` are "key=value" words of its table. For the command serve. */
BP_API BpInstance *bp_config_serve(const char *transport, const char *handler, const char *name,
				   const char *const *pairs, GError **error);

G_END_DECLS
