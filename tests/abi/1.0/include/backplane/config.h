/* SPDX-License-Identifier: MIT */
/* config.h - the configuration file: YAML read into a tree, checked against the tables, opened, compared, read again.
 *
 * Four steps, each of which leaves nothing behind when it fails: bp_config_read (syntax and shape), bp_config_load_plugins,
 * bp_config_check (names and values, against the tables of what is loaded), bp_config_apply (settings, then modules, then
 * servers). Errors are sentences, one a line, "FILE:LINE:COLUMN: what; what to do": all that a step finds, in the order
 * of the file, CONFIG_ERRORS_MAX at most. All of it is for the main loop's thread.
 *
 * Settings of the file count for the run, over what was saved; -s and `set` count over them. Relative paths in the
 * file begin at its folder. `commands:` run at the start only: a reload says when they have changed.
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

/* Syntax and shape. NULL: the file cannot be read, or is wrong. It waits for the disk: for the start. */
BP_API BpConfig *bp_config_read(const char *file, GError **error);
/* The same with what bp_file_read gave: a text, or the reason why there is none. */
BP_API BpConfig *bp_config_read_result(const char *file, const char *text, gsize size, const GError *why,
				       GError **error);
/* The same for a text; `file` is its name in sentences. */
BP_API BpConfig *bp_config_read_text(const char *file, const char *text, gsize size, GError **error);
BP_API void bp_config_free(BpConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BpConfig, bp_config_free)

/* Adds its folders to the plugin path and loads what it names, or all there is. `fresh` (may be NULL) gets the names of
 * those that were not loaded before; after an error they are unloaded again. */
BP_API gboolean bp_config_load_plugins(BpConfig *config, GPtrArray *fresh, GError **error);
BP_API void bp_config_unload_plugins(GPtrArray *fresh);
/* Against the tables. Opens nothing, changes nothing. */
BP_API gboolean bp_config_check(BpConfig *config, GError **error);
/* The next two steps, then the fresh plugins go again: for the command `config check`. The
 * warnings, one a line, or ""; NULL after an error. Yours. */
BP_API char *bp_config_check_only(BpConfig *config, GError **error);

/* What is no error but is worth a sentence; after bp_config_check. Borrowed. */
BP_API const GPtrArray *bp_config_warnings(const BpConfig *config);
BP_API const char *bp_config_file(const BpConfig *config);
/* As YAML, defaults left out, secrets as ***. */
BP_API GString *bp_config_describe(const BpConfig *config);
/* What a reload would do, one a line, "" for nothing; both have been checked. `old` may be NULL. */
BP_API GString *bp_config_diff(const BpConfig *old, const BpConfig *new);

/* At the start: takes a checked one. `run` runs a line of `commands:`; an error is logged with its place, and the next line is
 * run. If one instance does not open, those that did are closed again. */
BP_API gboolean bp_config_apply(BpConfig *take_config, BpConfigRun run, GError **error);
/* All four steps, or with `only_check` the first three. The warnings are logged. */
BP_API gboolean bp_config_start(const char *file, gboolean only_check, BpConfigRun run, GError **error);
/* The one in use, or NULL. */
BP_API const BpConfig *bp_config_running(void);

/* What changed, one a line, "" for nothing; or an error, and all is as it was. */
typedef void (*BpConfigReloaded)(const char *changes, const GError *error, gpointer data);
/* Reads the file in use again, all or nothing. What has not changed is kept with its connections. Begins with the
 * loop's next turn, since it may close whom the caller serves; `done` (NULL: it is logged) is called once, unless the
 * kernel ends before. FALSE at once when there is nothing to reload, or a reload is going on. */
BP_API gboolean bp_config_reload(BpConfigReloaded done, gpointer data, GError **error);
/* An instance of a transport's class: `pairs` are "key=value" words of its table. For the command serve. */
BP_API BpInstance *bp_config_serve(const char *transport, const char *handler, const char *name,
				   const char *const *pairs, GError **error);

G_END_DECLS
