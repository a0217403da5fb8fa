/* SPDX-License-Identifier: MIT */
/* param.h - one table describes command options and arguments, module parameters and settings.
 *
 * The kernel derives parsing, checks, help, completion, the configuration file, web forms and the REST description from it.
 * Tables are constant and end with { NULL }.
 *
 *	static const BpParam params[] = {
 *		{ "port", 'p', BP_INT, .fallback = "2323", .min = 0, .max = 65535, .help = "port to listen on" },
 *		{ "mode", .type = BP_CHOICE, .choices = "close|drop-oldest", .fallback = "close", .help = "..." },
 *		{ .include = bp_server_params },
 *		{ NULL },
 *	};
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

typedef enum {
	BP_STRING,
	BP_INT, /* gint64; 0x.. too */
	BP_DOUBLE,
	BP_BOOL,     /* true|false, yes|no, on|off, 1|0; an option without value is true */
	BP_CHOICE,   /* one of `choices` */
	BP_DURATION, /* "250ms", "10", "10s", "5m", "2h", "1d"; a bare number is seconds. Kept in microseconds. */
	BP_BYTES,    /* "512", "64K", "8M", "1G" (1024s) */
	BP_REST,     /* the rest of the line, unparsed; last argument only */
} BpType;

typedef enum { BP_OPTION, BP_ARGUMENT } BpKind;

/* The kind of object that a string names, for completion. */
typedef enum {
	BP_ANYTHING,
	BP_A_CHANNEL,
	BP_A_MODULE,
	BP_AN_INSTANCE,
	BP_A_PLUGIN,
	BP_A_CONTEXT,
	BP_A_COMMAND,
	BP_A_HANDLER,
	BP_A_TRANSPORT,
	BP_A_SESSION,
	BP_A_SETTING,
	BP_A_FILE,
} BpNames;

struct BpParam {
	const char *name;
	char letter; /* short option, or 0 */
	BpType type;
	BpKind kind;
	const char *fallback; /* as text; NULL: none (string NULL, number 0, FALSE) */
	double min, max;      /* for numbers, durations in seconds; both 0: any */
	const char *choices;  /* "a|b|c" */
	const char *help;     /* lower case, no full stop */
	const char *setting;  /* key of a setting in "/" whose value replaces the fallback, or NULL */
	const char *alias;    /* other accepted names, "a|b" */
	BpNames names;
	guint required : 1;
	guint many : 1;		/* may be given several times; a last argument takes all remaining words */
	guint secret : 1;	/* never shown, logged or kept in history */
	guint hidden : 1;	/* accepted, not offered */
	const BpParam *include; /* includes all rows of that table here */
	gpointer reserved[3];	/* NULL */
};

/* The rows of a table, included tables expanded, and their number. The rows are borrowed; free the array. */
BP_API const BpParam **bp_param_rows(const BpParam *table, guint *count);
BP_API const BpParam *bp_param_find(const BpParam *table, const char *name);
/* The nearest name in a table to a mistyped one, or NULL. */
BP_API const char *bp_param_nearest(const BpParam *table, const char *name);
/* The nearest of NULL-terminated words, or NULL when none is near. */
BP_API const char *bp_nearest(const char *word, const char *const *words);
/* Checks one value; `error` says what is wrong and what is expected. */
BP_API gboolean bp_param_check(const BpParam *param, const char *text, GError **error);
/* Compares two names; '-' equals '_'. */
BP_API gboolean bp_param_name_equal(const char *a, const char *b);
/* TRUE if `name` is its name or one of its aliases; '-' equals '_'. */
BP_API gboolean bp_param_answers(const BpParam *param, const char *name);
/* For messages: a text in double quotes, made printable and shortened. Yours. */
BP_API char *bp_param_quote(const char *text);
/* For messages: "; did you mean NAME?", or "" if `nearest` is NULL. Yours. */
BP_API char *bp_param_hint(const char *nearest);
/* "int 1..65535", "close|drop-oldest", ... for people. */
BP_API char *bp_param_describe(const BpParam *param);

/* --- values of a table; the table must outlive them: a plugin's table is unmapped with the plugin --- */
BP_API BpValues *bp_values_new(const BpParam *table);
BP_API BpValues *bp_values_copy(const BpValues *values);
BP_API void bp_values_free(BpValues *values);
BP_API const BpParam *bp_values_table(const BpValues *values);
/* Checks and sets one value by name or alias; a `many` parameter gets one more value. The error for an unknown name suggests the
 * nearest. */
BP_API gboolean bp_values_set(BpValues *values, const char *name, const char *text, GError **error);
/* Sets values from "key=value" words, as `module open` does. FALSE at the first invalid one; those before it are set. */
BP_API gboolean bp_values_set_pairs(BpValues *values, const char *const *pairs, GError **error);
/* FALSE if a required value is missing. */
BP_API gboolean bp_values_complete(const BpValues *values, GError **error);
/* Getters return the value that was set, else that of the setting, else the fallback. A name that is not in the table is a programming
 * error. */
BP_API gboolean bp_values_is_set(const BpValues *values, const char *name);
BP_API const char *bp_values_string(const BpValues *values, const char *name);
BP_API gint64 bp_values_int(const BpValues *values, const char *name);
BP_API double bp_values_double(const BpValues *values, const char *name);
BP_API gboolean bp_values_bool(const BpValues *values, const char *name);
BP_API gint64 bp_values_duration(const BpValues *values, const char *name); /* microseconds */
/* For `many`: NULL-terminated, borrowed; never NULL. */
BP_API const char *const *bp_values_list(const BpValues *values, const char *name);
/* The values that were set as "port=2323 bind=::1", quoted for a command line; secrets as ***. */
BP_API char *bp_values_describe(const BpValues *values);
BP_API gboolean bp_values_equal(const BpValues *a, const BpValues *b);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BpValues, bp_values_free)

G_END_DECLS
