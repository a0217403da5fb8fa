/* SPDX-License-Identifier: MIT */
/* command.h - console commands: rows of a table, with typed parameters, help and a role.
 *
 * A command prints to the session that typed it. It fails with a sentence in `error`, never silently.
 * One that must wait keeps the call (bp_call_hold) and ends it later (bp_call_done): the session's further
 * commands wait, nothing else does. Ctrl-C, or the end of the session, cancels it.
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
	guint prefix : 1;    /* its word may go on: "timerfoo 1 1 echo"; see bp_call_suffix */
	guint hidden : 1;    /* not in the list */
	const char *example; /* since 1.1: a line that does something useful, for `help NAME`; or NULL */
};

/* --- what was typed --- */
BP_API const BpValues *bp_call_values(const BpCall *call);
/* NULL: not given, no fallback. */
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

/* --- commands that take their time --- */
/* In `run`, which then returns TRUE. `cancel` (may be NULL) is called at most once, with the plugin that has the command as its
 * `self`, if the user, or the end of the session or of the plugin, asks for an end; it (or later code) still calls
 * bp_call_done. */
BP_API void bp_call_hold(BpCall *call, BpFunc cancel, gpointer data);
/* Owns what waits for this call (scope.h): it goes with bp_call_done, or when `run` has returned without holding the call. */
BP_API BpScope *bp_call_scope(BpCall *call);
/* Ends a call that is held: NULL for success. The call is gone then; only in `run`, where it may be called too, it lasts until
 * `run` has returned (TRUE). A second time does nothing. */
BP_API void bp_call_done(BpCall *call, GError *take_error);
/* While the call is held, what its session's user types goes to `func`, as the bytes that the transport brings: no
 * editor, no lines, no Ctrl-C. `size` 0: no more will come. It returns how many bytes it took: fewer than `size` once it has
 * ended the call, as the rest is for the console. FALSE: another call of the session has it. */
typedef gsize (*BpInputFunc)(BpPlugin *self, const guint8 *data, gsize size, gpointer data_of_call);
BP_API gboolean bp_call_take_input(BpCall *call, BpInputFunc func, gpointer data);
/* A line that replaces itself on a terminal, and is not shown elsewhere: progress. NULL clears it. */
BP_API void bp_call_progress(BpCall *call, const char *text);

/* Runs a line (several commands, `|`) in a session as if typed; `done` tells how many failed. It is called exactly once, also if
 * the session, or `self`, goes before the end. */
typedef void (*BpRunDone)(BpPlugin *self, guint failed, gpointer data);
BP_API void bp_session_run(BpPlugin *self, BpSession *session, const char *line, BpRunDone done, gpointer data);

/* The same with lines that came from a file, an alias or a timer: each is shown before it runs, unless it begins with a dot. */
BP_API void bp_session_run_script(BpPlugin *self, BpSession *session, const char *lines, BpRunDone done, gpointer data);
/* In `run`, or later for a held call: runs such lines as part of the call, which ends with them; it fails if one of them does.
 * The call may be gone when it returns. */
BP_API void bp_call_run(BpCall *call, const char *lines);

/* A line of commands as it may be shown or logged: of a command that gives a secret, or may, only its name, and ***. Yours. */
BP_API char *bp_command_shown(const char *line);

/* Words that stand for commands and go before commands of the same name: registered as BP_ALIASES. */
#define BP_ALIASES "console/aliases"
typedef struct {
	gsize size;			 /* sizeof(BpAliases), so that it can grow */
	char *(*find)(const char *word); /* the lines that it stands for, yours to give away; NULL: it is no alias */
} BpAliases;

/* A table beside the descriptor's: goes with `self`. FALSE when a name is taken. */
BP_API gboolean bp_command_add(BpPlugin *self, const BpCommand *table, GError **error);
/* The channel that a user means, by name or number; not found is a sentence with the nearest name. A reference of yours. */
BP_API BpChannel *bp_channel_named(const char *word, GError **error);
/* The same with a plugin that is loaded; borrowed. */
BP_API BpPlugin *bp_plugin_named(const char *word, GError **error);

/* What a line of commands may go on with at the cursor: for completion, which the library session does. */
typedef struct {
	char **words;		  /* of the command in which the cursor is, the whole ones before it */
	char *partial;		  /* the word that the cursor ends, without quotes */
	gsize start;		  /* where in the line that word begins, with its quote */
	char quote;		  /* the quote that is open at the cursor: ", ' or 0 */
	const BpCommand *command; /* NULL: a word of a command's name is expected, or the command is unknown */
	const BpParam *value;	  /* whose value it would be; NULL: none is expected */
	gsize prefix;		  /* bytes of `partial` before that value: of "--name=" */
	gboolean options;	  /* an option may stand here too */
} BpExpected;
BP_API BpExpected *bp_command_expected(const char *line, gsize cursor);
BP_API void bp_expected_free(BpExpected *expected);
/* The first words of all commands, or the second ones of those that begin with `first`, but for hidden ones; g_strfreev'd. */
BP_API char **bp_command_words(const char *first);

/* All commands, sorted by name; free the array. */
BP_API GPtrArray *bp_command_list(void);
BP_API const BpCommand *bp_command_find(const char *name);
/* The group under which `help` shows it. */
BP_API const char *bp_command_group(const BpCommand *command);
BP_API const char *bp_command_plugin(const BpCommand *command);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BpExpected, bp_expected_free)

G_END_DECLS
