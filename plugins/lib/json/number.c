/* SPDX-License-Identifier: MIT */
/* number.c - the number in a message of text or JSON. */
#include <backplane/json.h>
#include <math.h>
#include <string.h>

#define LONGEST (64 * 1024)

static gboolean number_of(const json_t *value, double *result)
{
	if (json_is_boolean(value))
		*result = json_is_true(value);
	else if (json_is_number(value))
		*result = json_number_value(value);
	else
		return FALSE;
	return TRUE;
}

/* Depth first; bp_json_parse has limited the depth. */
static gboolean first_number(json_t *value, double *result)
{
	const char *key;
	json_t *member;
	gsize i;

	if (number_of(value, result))
		return TRUE;
	json_object_foreach(value, key, member) if (first_number(member, result)) return TRUE;
	json_array_foreach(value, i, member) if (first_number(member, result)) return TRUE;
	return FALSE;
}

static gboolean number_at(json_t *value, const char *field, double *result)
{
	g_auto(GStrv) parts = NULL;

	if (json_object_get(value, field))
		return first_number(json_object_get(value, field), result);
	parts = g_strsplit(field, ".", -1);
	for (char **part = parts; *part && value; part++)
		value = json_is_array(value) ? json_array_get(value, (gsize)g_ascii_strtoull(*part, NULL, 10))
					     : json_object_get(value, *part);
	return value && first_number(value, result);
}

/* The character before is that of a word, so that "node7" and "2026-01-02" are no 7 and no -1. */
static gboolean at_word(const char *text, const char *begin)
{
	return begin > text && (g_ascii_isalnum(begin[-1]) || strchr("_.", begin[-1]));
}

/* A number that begins here and is no part of a word. */
static gboolean number_here(const char *text, const char *begin, double *result)
{
	char *end;
	double value;

	if (at_word(text, begin))
		return FALSE;
	value = g_ascii_strtod(begin, &end);
	if (end == begin || !isfinite(value))
		return FALSE;
	*result = value;
	return TRUE;
}

static gboolean number_in_text(const char *text, const char *field, double *result)
{
	const char *at = text;
	gsize length = field ? strlen(field) : 0;

	for (; length && (at = strstr(at, field)); at++)
		if ((at == text || !g_ascii_isalnum(at[-1])) && !g_ascii_isalpha(at[length])) {
			at += length;
			break;
		}
	for (; at && *at; at++) {
		if (strchr("+-.0123456789", *at) && number_here(text, at, result))
			return TRUE;
		/* Behind a word stands its own number, not that of the next one. */
		if (length && g_ascii_isalpha(*at))
			return FALSE;
	}
	return FALSE;
}

gboolean bp_json_number(const char *text, gsize size, const char *field, double *value)
{
	g_autofree char *copy = g_strndup(text, MIN(size, LONGEST));
	const char *begin = copy + strspn(copy, " \t\r\n");
	json_auto_t *parsed = *begin && strchr("{[\"tf", *begin) && size <= LONGEST
				      ? bp_json_parse(text, size, LONGEST, NULL)
				      : NULL;

	if (!parsed)
		return number_in_text(copy, field, value);
	return field && *field ? number_at(parsed, field, value) : first_number(parsed, value);
}
