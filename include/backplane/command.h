/* SPDX-License-Identifier: MIT */
/* command.h - console commands: rows of a table, with typed parameters, help and a role.
 *
 * A command prints to the session in which it was typed. When it fails, it sets `error` to a sentence.
 * A command that needs time holds the call (bp_call_hold) and ends it later (bp_call_done); meanwhile only the further commands of
 * the same session wait. Ctrl-C, or the end of the session, cancels it.
 */
#pragma once
#include <backplane/param.h>

G_BEGIN_DECLS

struct BpCommand {
	const char *name; /* one word, or two: "channel list" */
	const char *help; /* one line, lower case, no full stop */
	const BpParam *params;
	gboolean (*run)(BpPlugin *self, BpCall *call, GError **error);
	BpRole role;
	const char *group;   /* heading in `help`; NULL: the first word of a two-word command, else the plugin's name */
	const char *manual;  /* more paragraphs and examples for `help NAME`, or NULL */
	guint prefix : 1;    /* matches every word that begins with `name`: "timerfoo 1 1 echo"; see bp_call_suffix */
	guint hidden : 1;    /* not in the list */
	const char *example; /* since 1.1: a line that does something useful, for `help NAME`; or NULL */
};

/* --- what was typed --- */
BP_API const BpValues *bp_call_values(const BpCall *call);
/* NULL: not given, and there is no fallback. */
static inline const char *bp_call_string(const BpCall *call, const char *param)
{
	return bp_values_string(bp_call_values(call), param);
}

static inline gint64 bp_call_int(const BpCall *call, const char *param)
{
	return bp_values_int(bp_call_values(call), param);
}

static inline double bp_call_double(const BpCall *call, const char *param)
{
	return bp_values_double(bp_call_values(call), param);
}

static inline gboolean bp_call_bool(const BpCall *call, const char *param)
{
	return bp_values_bool(bp_call_values(call), param);
}

static inline gint64 bp_call_duration(const BpCall *call, const char *param)
{
	return bp_values_duration(bp_call_values(call), param);
}

static inline gboolean bp_call_has(const BpCall *call, const char *param)
{
	return bp_values_is_set(bp_call_values(call), param);
}

static inline const char *const *bp_call_list(const BpCall *call, const char *param)
{
	return bp_values_list(bp_call_values(call), param);
}

BP_API const char *bp_call_suffix(const BpCall *call); /* "foo" of "timerfoo"; "" */
BP_API BpSession *bp_call_session(const BpCall *call);

/* --- output: lines; control characters of the text are made visible, so that data cannot drive a terminal --- */
typedef enum { BP_PLAIN, BP_HEADING, BP_GOOD, BP_WARN, BP_BAD, BP_DIM, BP_STRONG } BpStyle;
BP_API void bp_call_print(BpCall *call, const char *text);
BP_API void bp_call_printf(BpCall *call, const char *format, ...) G_GNUC_PRINTF(2, 3);
BP_API void bp_call_styled(BpCall *call, BpStyle style, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* A table: columns as wide as their contents, cut to the terminal's width. Column names that begin with '>'
 * are set flush right. `bp_call_table` prints and frees it. */
BP_API BpTable *bp_table_new(const char *first_column, ...) G_GNUC_NULL_TERMINATED;
BP_API void bp_table_row(BpTable *table, const char *format, ...) G_GNUC_PRINTF(2, 3); /* cells parted by \t */
BP_API void bp_table_style(BpTable *table, guint column, BpStyle style);	       /* of the last row's cell */
BP_API guint bp_table_rows(const BpTable *table);
BP_API void bp_call_table(BpCall *call, BpTable *take_table);
BP_API guint bp_table_columns(const BpTable *table);
BP_API const char *bp_table_head(const BpTable *table, guint column, gboolean *right); /* borrowed, as the next */
BP_API const char *bp_table_cell(const BpTable *table, guint row, guint column, BpStyle *style);
/* What prints tables. Registered as BP_TABLES. */
#define BP_TABLES "console/tables"
typedef struct {
	gsize size; /* sizeof(BpTables), so that it can grow */
	void (*print)(BpCall *call, const BpTable *table);
} BpTables;
/* --json was typed behind the command: every command takes it. What it prints is one list of objects: a row of a table is one whose
 * keys are the heads, a line of text is {"text": ...}; titles and hints (BP_HEADING, BP_DIM) are left out. Each is shown at once.
 * bp_call_json adds an object of your own, which must be valid JSON on one line. */
BP_API gboolean bp_call_wants_json(const BpCall *call);
BP_API void bp_call_json(BpCall *call, const char *object);

/* Hears of each command that needs more than an observer, before it runs; `refused`: why it does not, or NULL. Registered as BP_AUDIT. */
#define BP_AUDIT "audit"
typedef struct {
	gsize size; /* sizeof(BpAudit), so that it can grow */
	void (*command)(BpSession *session, const char *shown, const char *refused);
} BpAudit;

/* --- commands that need time --- */
/* Call it in `run`, which then returns TRUE. `cancel` (may be NULL) is called at most once, with the command's plugin as `self`, when
 * the user, the end of the session or the unloading of the plugin cancels the call; bp_call_done must still be called, by `cancel`
 * or later. */
BP_API void bp_call_hold(BpCall *call, BpFunc cancel, gpointer data);
/* The scope of this call (scope.h). It ends with bp_call_done, or when `run` returns without holding the call. */
BP_API BpScope *bp_call_scope(BpCall *call);
/* Ends a held call; `take_error` NULL means success. The call is freed; inside `run`, where this may be called too, it stays valid until
 * `run` has returned (TRUE). A second call has no effect. */
BP_API void bp_call_done(BpCall *call, GError *take_error);
/* While the call is held, `func` gets the raw input of the session: no line editor, no lines, no Ctrl-C. `size` 0 is the end of
 * input. `func` returns how many bytes it consumed; after it has ended the call, the rest goes to the console. FALSE if another call
 * of the session has taken the input already. */
typedef gsize (*BpInputFunc)(BpPlugin *self, const guint8 *data, gsize size, gpointer data_of_call);
BP_API gboolean bp_call_take_input(BpCall *call, BpInputFunc func, gpointer data);
/* A progress line, rewritten in place on a terminal and not shown elsewhere. NULL clears it. */
BP_API void bp_call_progress(BpCall *call, const char *text);

/* Runs a line (several commands, parted by `|`) in a session as if it were typed. `done` is called exactly once with the number of failed
 * commands, also if the session or `self` ends before. */
typedef void (*BpRunDone)(BpPlugin *self, guint failed, gpointer data);
BP_API void bp_session_run(BpPlugin *self, BpSession *session, const char *line, BpRunDone done, gpointer data);

/* The same with lines that came from a file, an alias or a timer: each is shown before it runs, unless it begins with a dot. */
BP_API void bp_session_run_script(BpPlugin *self, BpSession *session, const char *lines, BpRunDone done, gpointer data);
/* In `run`, or later for a held call: runs such lines as part of the call. The call ends after the last one, and fails if one of them
 * fails. The call may be freed when this returns. */
BP_API void bp_call_run(BpCall *call, const char *lines);

/* A line of commands for display or logs: a command that contains, or may contain, a secret is reduced to its name and ***. Yours. */
BP_API char *bp_command_shown(const char *line);

/* Aliases: words that stand for lines of commands and take precedence over commands. Registered as BP_ALIASES. */
#define BP_ALIASES "console/aliases"
typedef struct {
	gsize size;			 /* sizeof(BpAliases), so that it can grow */
	char *(*find)(const char *word); /* a new string, the lines of that alias; NULL: not an alias */
} BpAliases;

/* Adds a table of commands to those of the descriptor, until `self` ends. FALSE if a name is taken. */
BP_API gboolean bp_command_add(BpPlugin *self, const BpCommand *table, GError **error);
/* Finds a channel by name or number; the error suggests the nearest name. A reference of yours. */
BP_API BpChannel *bp_channel_named(const char *word, GError **error);
/* The same for a loaded plugin; borrowed. */
BP_API BpPlugin *bp_plugin_named(const char *word, GError **error);

/* What is expected at the cursor of a line of commands; the library session completes words with it. */
typedef struct {
	char **words;		  /* the complete words before the cursor, of the command in which it is */
	char *partial;		  /* the word up to the cursor, without quotes */
	gsize start;		  /* where in the line that word begins, with its quote */
	char quote;		  /* the quote that is open at the cursor: ", ' or 0 */
	const BpCommand *command; /* NULL: a word of a command's name is expected, or the command is unknown */
	const BpParam *value;	  /* the parameter whose value is expected; NULL: none */
	gsize prefix;		  /* bytes of `partial` before that value: the size of "--name=" */
	gboolean options;	  /* an option is possible too */
} BpExpected;
BP_API BpExpected *bp_command_expected(const char *line, gsize cursor);
BP_API void bp_expected_free(BpExpected *expected);
/* The first words of all visible commands (`first` NULL), or the second words of the commands that begin with `first`. Free with
 * g_strfreev. */
BP_API char **bp_command_words(const char *first);

/* All commands, sorted by name; free the array. */
BP_API GPtrArray *bp_command_list(void);
BP_API const BpCommand *bp_command_find(const char *name);
/* The group under which `help` shows it. */
BP_API const char *bp_command_group(const BpCommand *command);
BP_API const char *bp_command_plugin(const BpCommand *command);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BpExpected, bp_expected_free)

G_END_DECLS
