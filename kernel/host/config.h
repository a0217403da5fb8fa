/* SPDX-License-Identifier: MIT */
/* config.h - the configuration file: YAML read into a tree, checked against the tables, opened, compared, read again.
 *
 * Four steps, each of which leaves nothing behind when it fails: config_read (syntax and shape), config_load_plugins,
 * config_check (names and values, against the tables of what is loaded), config_apply (settings, then modules, then
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

#define CONFIG_SIZE_MAX (1024 * 1024)
#define CONFIG_DEPTH_MAX 16
#define CONFIG_NODES_MAX 20000
#define CONFIG_ERRORS_MAX 20

typedef struct Config Config;

/* Syntax and shape. NULL: the file cannot be read, or is wrong. */
Config *config_read(const char *file, GError **error);
/* The same for a text; `file` is its name in sentences. */
Config *config_read_text(const char *file, const char *text, gsize size, GError **error);
void config_free(Config *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_free)

/* Adds its folders to the plugin path and loads what it names, or all there is. `fresh` (may be NULL) gets the names of
 * those that were not loaded before; after an error they are unloaded again. */
gboolean config_load_plugins(Config *config, GPtrArray *fresh, GError **error);
void config_unload_plugins(GPtrArray *fresh);
/* Against the tables. Opens nothing, changes nothing. */
gboolean config_check(Config *config, GError **error);
/* The first three steps, then the fresh plugins go again: for the command `config check`. The
 * warnings, one a line, or ""; NULL after an error. Yours. */
char *config_check_file(const char *file, GError **error);

/* What is no error but is worth a sentence; after config_check. Borrowed. */
const GPtrArray *config_warnings(const Config *config);
const char *config_file(const Config *config);
/* As YAML, defaults left out, secrets as ***. */
GString *config_describe(const Config *config);
/* What a reload would do, one a line, "" for nothing; both have been checked. `old` may be NULL. */
GString *config_diff(const Config *old, const Config *new);

/* Runs a line of `commands:`; an error is logged with its place, and the next line is run. */
typedef gboolean (*ConfigRun)(const char *line, GError **error);
/* At the start: takes a checked one. If one instance does not open, those that did are closed again. */
gboolean config_apply(Config *take_config, ConfigRun run, GError **error);
/* All four steps, or with `only_check` the first three. The warnings are logged. */
gboolean config_start(const char *file, gboolean only_check, ConfigRun run, GError **error);
/* The one in use, or NULL. */
const Config *config_running(void);

/* What changed, one a line, "" for nothing; or an error, and all is as it was. */
typedef void (*ConfigReloaded)(const char *changes, const GError *error, gpointer data);
/* Reads the file in use again, all or nothing. What has not changed is kept with its connections. Begins with the
 * loop's next turn, since it may close whom the caller serves; `done` (NULL: it is logged) is called once, unless the
 * kernel ends before. FALSE at once when there is nothing to reload, or a reload is going on. */
gboolean config_reload(ConfigReloaded done, gpointer data, GError **error);
/* An instance of a transport's class: `pairs` are "key=value" words of its table. For the command serve. */
BpInstance *config_serve(const char *transport, const char *handler, const char *name, const char *const *pairs,
			 GError **error);
