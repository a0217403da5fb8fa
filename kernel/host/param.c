/* SPDX-License-Identifier: MIT */
/* param.c - tables of parameters: their rows, and reading one text by its row.
 *
 * Parsing is strict: no trailing characters after a number, no overflow, no NaN, no infinity, independent of the locale. Error messages
 * name the expected form and the nearest choice, and never contain secrets. A row that comes first hides a later one of the same name, so that a module can
 * put its own "bind" before the table it includes. Everything here may be called on any thread.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "host/param.h"

#define INCLUDE_DEPTH 16
#define QUOTE_MAX 40

typedef struct {
	const char *name;
	gint64 scale;
} Unit;

static const Unit time_units[] = {
	{ "d", (gint64)86400 * G_USEC_PER_SEC },
	{ "h", (gint64)3600 * G_USEC_PER_SEC },
	{ "m", 60 * G_USEC_PER_SEC },
	{ "s", G_USEC_PER_SEC },
	{ "ms", 1000 },
	{ "us", 1 },
	{ "", G_USEC_PER_SEC },
};

static const Unit byte_units[] = {
	{ "T", G_GINT64_CONSTANT(1) << 40 },
	{ "G", 1 << 30 },
	{ "M", 1 << 20 },
	{ "K", 1 << 10 },
	{ "B", 1 },
	{ "", 1 },
};

/* --- names --- */

static gboolean names_equal(const char *a, const char *b, gsize b_length)
{
	for (; b_length && *a; a++, b++, b_length--)
		if ((*a == '_' ? '-' : *a) != (*b == '_' ? '-' : *b))
			return FALSE;
	return !*a && !b_length;
}

gboolean bp_param_name_equal(const char *a, const char *b)
{
	return names_equal(a, b, strlen(b));
}

/* A word of "a|b|c". */
static gboolean alias_equal(const BpParam *param, const char *name)
{
	const char *at = param->alias;

	while (at && *at) {
		gsize length = strcspn(at, "|");

		if (length && names_equal(name, at, length))
			return TRUE;
		at += length + (at[length] == '|');
	}
	return FALSE;
}

gboolean bp_param_answers(const BpParam *param, const char *name)
{
	return bp_param_name_equal(param->name, name) || alias_equal(param, name);
}

static void collect_rows(const BpParam *table, GPtrArray *rows, guint depth)
{
	g_return_if_fail(depth < INCLUDE_DEPTH);
	for (; table && (table->name || table->include); table++) {
		gboolean hidden = FALSE;

		if (table->include) {
			collect_rows(table->include, rows, depth + 1);
			continue;
		}
		for (guint i = 0; i < rows->len && !hidden; i++)
			hidden = bp_param_name_equal(((const BpParam *)rows->pdata[i])->name, table->name);
		if (!hidden)
			g_ptr_array_add(rows, (gpointer)table);
	}
}

const BpParam **bp_param_rows(const BpParam *table, guint *count)
{
	GPtrArray *rows = g_ptr_array_new();

	collect_rows(table, rows, 0);
	if (count)
		*count = rows->len;
	g_ptr_array_add(rows, NULL);
	return (const BpParam **)g_ptr_array_free(rows, FALSE);
}

static const BpParam *find_row(const BpParam *table, const char *name, gboolean by_alias, guint depth)
{
	const BpParam *found = NULL;

	g_return_val_if_fail(depth < INCLUDE_DEPTH, NULL);
	for (; !found && table && (table->name || table->include); table++) {
		if (table->include)
			found = find_row(table->include, name, by_alias, depth + 1);
		else if (by_alias ? alias_equal(table, name) : bp_param_name_equal(table->name, name))
			found = table;
	}
	return found;
}

const BpParam *bp_param_find(const BpParam *table, const char *name)
{
	const BpParam *found;

	g_return_val_if_fail(name, NULL);
	found = find_row(table, name, FALSE, 0);
	return found ? found : find_row(table, name, TRUE, 0);
}

const char *bp_param_nearest(const BpParam *table, const char *name)
{
	g_autofree const BpParam **rows = bp_param_rows(table, NULL);
	g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
	const BpParam *found;
	const char *near;

	for (guint i = 0; rows[i]; i++) {
		if (rows[i]->hidden)
			continue;
		g_ptr_array_add(words, g_strdup(rows[i]->name));
		if (rows[i]->alias) {
			g_auto(GStrv) aliases = g_strsplit(rows[i]->alias, "|", -1);

			for (guint a = 0; aliases[a]; a++)
				g_ptr_array_add(words, g_strdup(aliases[a]));
		}
	}
	g_ptr_array_add(words, NULL);
	near = bp_nearest(name, (const char *const *)words->pdata);
	found = near ? bp_param_find(table, near) : NULL;
	return found ? found->name : NULL;
}

/* --- sentences --- */

char *bp_param_quote(const char *text)
{
	GString *quoted = g_string_new("\"");
	gsize length = strlen(text);
	const char *end = text + MIN(length, QUOTE_MAX);

	while (text < end) {
		gunichar c = g_utf8_get_char_validated(text, (gssize)strlen(text) > 6 ? 6 : -1);

		if (c == (gunichar)-1 || c == (gunichar)-2 || !g_unichar_isprint(c)) {
			g_string_append_printf(quoted, "\\x%02x", (guint)(guchar)*text++);
		} else {
			g_string_append_unichar(quoted, c);
			text = g_utf8_next_char(text);
		}
	}
	g_string_append(quoted, length > QUOTE_MAX ? "...\"" : "\"");
	return g_string_free(quoted, FALSE);
}

char *bp_param_hint(const char *nearest)
{
	return nearest ? g_strdup_printf("; did you mean %s?", nearest) : g_strdup("");
}

static char *format_number(double number)
{
	char buffer[G_ASCII_DTOSTR_BUF_SIZE];

	return g_strdup(g_ascii_formatd(buffer, sizeof(buffer), "%.15g", number));
}

/* With the largest unit in which it is a whole number. */
static char *format_scaled(gint64 number, const Unit *units, guint count)
{
	for (guint i = 0; number && i < count; i++)
		if (number % units[i].scale == 0)
			return g_strdup_printf("%" G_GINT64_FORMAT "%s", number / units[i].scale,
					       units[i].scale == 1 && units == byte_units ? "" : units[i].name);
	return g_strdup("0");
}

static char *format_limit(const BpParam *param, double limit)
{
	if (param->type == BP_DURATION)
		return format_scaled(llround(limit * G_USEC_PER_SEC), time_units, G_N_ELEMENTS(time_units));
	if (param->type == BP_BYTES)
		return format_scaled(llround(limit), byte_units, G_N_ELEMENTS(byte_units));
	return format_number(limit);
}

/* The limits in use. A maximum of 0 under a minimum is none. */
static gboolean has_range(const BpParam *param)
{
	return param->min != 0 || param->max != 0;
}

static gboolean has_max(const BpParam *param)
{
	return has_range(param) && param->max >= param->min;
}

static char *join_choices(char **words)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; words[i]; i++) {
		if (i)
			g_string_append(text, words[i + 1] ? ", " : " or ");
		g_string_append(text, words[i]);
	}
	return g_string_free(text, FALSE);
}

/* "a whole number from 0 to 65535". */
static char *describe_expected(const BpParam *param)
{
	static const char *const kinds[] = {
		[BP_INT] = "a whole number",
		[BP_DOUBLE] = "a number",
		[BP_DURATION] = "a duration",
		[BP_BYTES] = "a size",
	};
	g_autofree char *min = NULL;
	g_autofree char *max = NULL;
	const char *kind;

	if (param->type == BP_BOOL)
		return g_strdup("true or false");
	if (param->type == BP_CHOICE) {
		g_auto(GStrv) words = g_strsplit(param->choices ? param->choices : "", "|", -1);
		return join_choices(words);
	}
	kind = kinds[param->type];
	if (!has_range(param)) {
		if (param->type == BP_DURATION)
			return g_strdup_printf("%s such as 250ms, 10s, 5m, 2h or 1d", kind);
		if (param->type == BP_BYTES)
			return g_strdup_printf("%s such as 512, 64K, 8M or 1G", kind);
		return g_strdup(kind);
	}
	min = format_limit(param, param->min);
	if (!has_max(param))
		return g_strdup_printf("%s of %s or more", kind, min);
	max = format_limit(param, param->max);
	return g_strdup_printf("%s from %s to %s", kind, min, max);
}

static gboolean refuse(const BpParam *param, const char *text, const char *nearest, GError **error)
{
	g_autofree char *expected = describe_expected(param);
	g_autofree char *hint = bp_param_hint(nearest);
	g_autofree char *shown = param->secret ? NULL : bp_param_quote(text);

	g_set_error(error, BP_HOST_ERROR, BP_INVALID, "%s must be %s%s%s%s", param->name, expected,
		    shown ? ", not " : "", shown ? shown : "", hint);
	return FALSE;
}

char *bp_param_describe(const BpParam *param)
{
	static const char *const kinds[] = {
		[BP_INT] = "int",	    [BP_DOUBLE] = "number", [BP_BOOL] = "true|false", [BP_CHOICE] = "choice",
		[BP_DURATION] = "duration", [BP_BYTES] = "size",    [BP_REST] = "rest",
	};
	static const char *const names[] = {
		[BP_ANYTHING] = "text",	       [BP_A_CHANNEL] = "channel", [BP_A_MODULE] = "module",
		[BP_AN_INSTANCE] = "instance", [BP_A_PLUGIN] = "plugin",   [BP_A_CONTEXT] = "context",
		[BP_A_COMMAND] = "command",    [BP_A_HANDLER] = "handler", [BP_A_TRANSPORT] = "transport",
		[BP_A_SESSION] = "session",    [BP_A_SETTING] = "setting", [BP_A_FILE] = "file",
	};
	g_autofree char *min = NULL;
	g_autofree char *max = NULL;
	const char *kind, *more;

	g_return_val_if_fail(param && param->type <= BP_REST && param->names <= BP_A_FILE, NULL);
	kind = param->type == BP_STRING ? names[param->names] : kinds[param->type];
	more = param->many ? "..." : "";
	if (param->type == BP_CHOICE && param->choices)
		return g_strconcat(param->choices, more, NULL);
	if (param->type == BP_STRING || param->type == BP_BOOL || param->type == BP_REST || !has_range(param))
		return g_strconcat(kind, more, NULL);
	min = format_limit(param, param->min);
	max = has_max(param) ? format_limit(param, param->max) : g_strdup("");
	return g_strdup_printf("%s %s..%s%s", kind, min, max, more);
}

/* --- reading --- */

static gboolean read_whole(const char *text, gint64 *number)
{
	gboolean negative = *text == '-';
	guint base = 10;
	gint64 value = 0;

	text += negative;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	if (!*text)
		return FALSE;
	/* Counted downwards, since the lowest number has no positive twin. */
	for (; *text; text++) {
		gint digit = base == 16 ? g_ascii_xdigit_value(*text) : g_ascii_digit_value(*text);

		if (digit < 0 || __builtin_mul_overflow(value, (gint64)base, &value) ||
		    __builtin_sub_overflow(value, (gint64)digit, &value))
			return FALSE;
	}
	if (!negative && value == G_MININT64)
		return FALSE;
	*number = negative ? value : -value;
	return TRUE;
}

/* -1.5e3; the shape is checked here because strtod takes blanks, "nan", "inf" and hexadecimal too. */
static gboolean read_real(const char *text, double *real)
{
	const char *at = text + (*text == '-');
	gsize whole = strspn(at, "0123456789"), part = 0;
	double value;

	at += whole;
	if (*at == '.') {
		part = strspn(++at, "0123456789");
		at += part;
	}
	if (!whole && !part)
		return FALSE;
	if (*at == 'e' || *at == 'E') {
		at += at[1] == '-' || at[1] == '+' ? 2 : 1;
		if (!g_ascii_isdigit(*at))
			return FALSE;
		at += strspn(at, "0123456789");
	}
	if (*at)
		return FALSE;
	value = g_ascii_strtod(text, NULL);
	if (!isfinite(value))
		return FALSE;
	*real = value;
	return TRUE;
}

/* Digits, perhaps a fraction, and a unit. */
static gboolean read_scaled(const char *text, const Unit *units, guint count, gboolean fraction, gint64 *number)
{
	gint64 whole = 0, part = 0, part_scale = 1;
	const char *at = text;

	for (; g_ascii_isdigit(*at); at++)
		if (__builtin_mul_overflow(whole, (gint64)10, &whole) ||
		    __builtin_add_overflow(whole, (gint64)(*at - '0'), &whole))
			return FALSE;
	if (at == text)
		return FALSE;
	if (fraction && *at == '.' && g_ascii_isdigit(at[1])) {
		/* Under a microsecond of a day nothing counts: 12 digits do. */
		for (at++; g_ascii_isdigit(*at); at++)
			if (part_scale < G_GINT64_CONSTANT(1000000000000)) {
				part = part * 10 + (*at - '0');
				part_scale *= 10;
			}
	}
	for (guint i = 0; i < count; i++) {
		if (units == byte_units ? g_ascii_strcasecmp(at, units[i].name) : strcmp(at, units[i].name))
			continue;
		if (__builtin_mul_overflow(whole, units[i].scale, &whole))
			return FALSE;
		part = llround((double)part / (double)part_scale * (double)units[i].scale);
		if (__builtin_add_overflow(whole, part, &whole))
			return FALSE;
		*number = whole;
		return TRUE;
	}
	return FALSE;
}

static gboolean in_range(const BpParam *param, double real)
{
	return !has_range(param) || (real >= param->min && (!has_max(param) || real <= param->max));
}

/* A number of any kind, whatever its limits are; FALSE: it is none. `real` is in the unit of the limits. */
static gboolean read_number(const BpParam *param, const char *text, ParamValue *value, double *real)
{
	gint64 number;
	double whole;

	switch (param->type) {
	case BP_DOUBLE:
		if (!read_real(text, &whole))
			return FALSE;
		*value = (ParamValue){ .number = (gint64)CLAMP(whole, -9e18, 9e18), .real = whole };
		*real = whole;
		return TRUE;
	case BP_DURATION:
		if (!read_scaled(text, time_units, G_N_ELEMENTS(time_units), TRUE, &number))
			return FALSE;
		break;
	case BP_BYTES:
		if (!read_scaled(text, byte_units, G_N_ELEMENTS(byte_units), FALSE, &number))
			return FALSE;
		break;
	default:
		if (!read_whole(text, &number))
			return FALSE;
	}
	*value = (ParamValue){ .number = number, .real = (double)number };
	*real = param->type == BP_DURATION ? value->real / G_USEC_PER_SEC : value->real;
	return TRUE;
}

static gboolean parse_number(const BpParam *param, const char *text, ParamValue *value, GError **error)
{
	ParamValue read;
	double real;

	if (!read_number(param, text, &read, &real) || !in_range(param, real))
		return refuse(param, text, NULL, error);
	*value = read;
	value->text = g_strdup(text);
	return TRUE;
}

static const char *near_choice(const BpParam *param, const char *text, char **words)
{
	return param->secret ? NULL : bp_nearest(text, (const char *const *)words);
}

static gboolean parse_switch(const BpParam *param, const char *text, ParamValue *value, GError **error)
{
	static const char *const words[] = {
		"false", "true", "no", "yes", "off", "on", "0", "1", NULL,
	};

	for (guint i = 0; words[i]; i++) {
		if (g_ascii_strcasecmp(text, words[i]))
			continue;
		*value = (ParamValue){ .number = i % 2, .real = i % 2, .text = g_strdup(words[i % 2]) };
		return TRUE;
	}
	return refuse(param, text, near_choice(param, text, (char **)words), error);
}

static gboolean parse_choice(const BpParam *param, const char *text, ParamValue *value, GError **error)
{
	g_auto(GStrv) words = g_strsplit(param->choices ? param->choices : "", "|", -1);
	const char *found = NULL;

	for (guint i = 0; words[i] && !found; i++)
		if (!strcmp(words[i], text))
			found = words[i];
	/* Upper case and '_' for '-' are no mistakes; several choices may differ in case alone, so exactly first. */
	for (guint i = 0; words[i] && !found; i++) {
		g_autofree char *a = g_ascii_strdown(words[i], -1);
		g_autofree char *b = g_ascii_strdown(text, -1);

		if (bp_param_name_equal(a, b))
			found = words[i];
	}
	if (!found)
		return refuse(param, text, near_choice(param, text, words), error);
	*value = (ParamValue){ .text = g_strdup(found) };
	return TRUE;
}

gboolean param_parse(const BpParam *param, const char *text, ParamValue *value, GError **error)
{
	gsize length = strlen(text);

	if (length > PARAM_TEXT_MAX)
		return bus_fail(error, BP_HOST_ERROR, BP_LIMIT, "%s is too long: %" G_GSIZE_FORMAT " bytes; at most %d",
				param->name, length, PARAM_TEXT_MAX);
	switch (param->type) {
	case BP_STRING:
	case BP_REST:
		*value = (ParamValue){ .text = g_strdup(text) };
		return TRUE;
	case BP_BOOL:
		return parse_switch(param, text, value, error);
	case BP_CHOICE:
		return parse_choice(param, text, value, error);
	default:
		return parse_number(param, text, value, error);
	}
}

void param_parse_fallback(const BpParam *param, ParamValue *value)
{
	gboolean is_number = param->type == BP_INT || param->type == BP_DOUBLE || param->type == BP_DURATION ||
			     param->type == BP_BYTES;
	double real;

	if (param_parse(param, param->fallback, value, NULL))
		return;
	if (!is_number || !read_number(param, param->fallback, value, &real))
		*value = (ParamValue){ 0 };
	value->text = g_strdup(param->fallback);
}

gboolean bp_param_check(const BpParam *param, const char *text, GError **error)
{
	ParamValue value = { 0 };
	gboolean good;

	g_return_val_if_fail(param && param->name && text, FALSE);
	good = param_parse(param, text, &value, error);
	g_free(value.text);
	return good;
}
