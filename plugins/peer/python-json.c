/* SPDX-License-Identifier: MIT */
/* python-json.c - the text of values as the originals' language writes it.
 *
 * jansson writes \u00E9 and 0.10000000000000001 where Python has \u00e9 and 0.1; clients of the originals are promised
 * the same bytes.
 */
#include "python-json.h"
#include <math.h>
#include <string.h>

#define DEEPEST 200 /* of values that plugins made; those of the wire are within BP_JSON_DEPTH */

static void put_unicode(GString *text, gunichar letter)
{
	if (letter >= 0x10000) {
		letter -= 0x10000;
		g_string_append_printf(text, "\\u%04x\\u%04x", 0xd800 + (letter >> 10), 0xdc00 + (letter & 0x3ff));
	} else {
		g_string_append_printf(text, "\\u%04x", letter);
	}
}

/* What may stand in a string as it is: ASCII that can be seen, neither a quote nor a backslash. */
static gboolean is_plain(char letter)
{
	return letter >= 0x20 && letter < 0x7f && letter != '"' && letter != '\\';
}

/* The same of eight bytes at a time: long texts are nearly all of them plain. Each term has the high bit set in the
 * first byte that is not, and a carry can only spoil those behind it. */
static gboolean are_plain(const char *string)
{
	const guint64 each = G_GUINT64_CONSTANT(0x0101010101010101), high = each << 7;
	guint64 word, quote, slash, rubout;

	memcpy(&word, string, sizeof(word));
	quote = word ^ each * '"';
	slash = word ^ each * '\\';
	rubout = word ^ each * 0x7f;
	return !((word | ((word - each * 0x20) & ~word) | ((quote - each) & ~quote) | ((slash - each) & ~slash) |
		  ((rubout - each) & ~rubout)) &
		 high);
}

static void put_string(GString *text, const char *string, gsize size)
{
	static const char plain[] = "\"\\\b\f\n\r\t", escaped[] = "\"\\bfnrt";
	const char *end = string + size;

	g_string_append_c(text, '"');
	while (string < end) {
		const char *run = string;

		while (end - string >= 8 && are_plain(string))
			string += 8;
		while (string < end && is_plain(*string))
			string++;
		g_string_append_len(text, run, string - run);
		if (string == end)
			break;
		if (*string && strchr(plain, *string)) {
			g_string_append_c(text, '\\');
			g_string_append_c(text, escaped[strchr(plain, *string) - plain]);
			string++;
		} else {
			put_unicode(text, g_utf8_get_char(string));
			string = g_utf8_next_char(string);
		}
	}
	g_string_append_c(text, '"');
}

/* The fewest digits that give the same number again; 1e+16 and above with an exponent, as repr(float). */
static void put_real(GString *text, double number)
{
	char digits[40], form[40];
	char *exponent, *point;
	int power, precision;

	if (!isfinite(number)) {
		g_string_append(text, isnan(number) ? "NaN" : number < 0 ? "-Infinity" : "Infinity");
		return;
	}
	for (precision = 0; precision <= 16; precision++) {
		g_snprintf(form, sizeof(form), "%%.%de", precision);
		g_ascii_formatd(digits, sizeof(digits), form, number);
		if (g_ascii_strtod(digits, NULL) == number)
			break;
	}
	exponent = strchr(digits, 'e');
	power = (int)g_ascii_strtoll(exponent + 1, NULL, 10);
	if (power < -4 || power >= 16) {
		*exponent = 0;
		g_string_append_printf(text, "%se%c%02d", digits, power < 0 ? '-' : '+', ABS(power));
		return;
	}
	g_snprintf(form, sizeof(form), "%%.%df", MAX(precision - power, 1));
	g_ascii_formatd(digits, sizeof(digits), form, number);
	point = strchr(digits, '.');
	g_string_append(text, digits);
	if (!point)
		g_string_append(text, ".0");
}

static void put_value(GString *text, const json_t *value, guint depth);

static void put_array(GString *text, const json_t *value, guint depth)
{
	size_t at;
	json_t *item;

	g_string_append_c(text, '[');
	json_array_foreach((json_t *)value, at, item)
	{
		if (at)
			g_string_append(text, ", ");
		put_value(text, item, depth);
	}
	g_string_append_c(text, ']');
}

static void put_object(GString *text, const json_t *value, guint depth)
{
	const char *between = "";
	const char *key;
	json_t *item;

	g_string_append_c(text, '{');
	json_object_foreach((json_t *)value, key, item)
	{
		g_string_append(text, between);
		put_string(text, key, strlen(key));
		g_string_append(text, ": ");
		put_value(text, item, depth);
		between = ", ";
	}
	g_string_append_c(text, '}');
}

static void put_value(GString *text, const json_t *value, guint depth)
{
	if (!value || depth > DEEPEST) {
		g_string_append(text, "null");
		return;
	}
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		put_object(text, value, depth + 1);
		break;
	case JSON_ARRAY:
		put_array(text, value, depth + 1);
		break;
	case JSON_STRING:
		put_string(text, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		g_string_append_printf(text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		put_real(text, json_real_value(value));
		break;
	case JSON_TRUE:
		g_string_append(text, "true");
		break;
	case JSON_FALSE:
		g_string_append(text, "false");
		break;
	case JSON_NULL:
		g_string_append(text, "null");
		break;
	}
}

char *python_json_text(const json_t *value)
{
	GString *text = g_string_new(NULL);

	put_value(text, value, 0);
	return g_string_free(text, FALSE);
}

BpMessage *python_json_line(const json_t *value)
{
	g_autoptr(GString) text = g_string_new(NULL);

	put_value(text, value, 0);
	g_string_append_c(text, '\n');
	return bp_message_new(text->str, text->len, BP_TEXT);
}

/* --- repr --- */

static void repr_string(GString *text, const char *string)
{
	char quote = strchr(string, '\'') && !strchr(string, '"') ? '"' : '\'';

	g_string_append_c(text, quote);
	for (; *string; string++) {
		if (*string == quote || *string == '\\')
			g_string_append_c(text, '\\');
		if (*string == '\n' || *string == '\t' || *string == '\r')
			g_string_append(text, *string == '\n' ? "\\n" : *string == '\t' ? "\\t" : "\\r");
		else if ((guint8)*string < 0x20 || *string == 0x7f)
			g_string_append_printf(text, "\\x%02x", (guint8)*string);
		else
			g_string_append_c(text, *string);
	}
	g_string_append_c(text, quote);
}

static void repr_value(GString *text, const json_t *value, guint depth)
{
	const char *between = "", *key;
	size_t at;
	json_t *item;

	if (depth > DEEPEST)
		return;
	if (json_is_object(value)) {
		g_string_append_c(text, '{');
		json_object_foreach((json_t *)value, key, item)
		{
			g_string_append(text, between);
			repr_string(text, key);
			g_string_append(text, ": ");
			repr_value(text, item, depth + 1);
			between = ", ";
		}
		g_string_append_c(text, '}');
	} else if (json_is_array(value)) {
		g_string_append_c(text, '[');
		json_array_foreach((json_t *)value, at, item)
		{
			g_string_append(text, at ? ", " : "");
			repr_value(text, item, depth + 1);
		}
		g_string_append_c(text, ']');
	} else if (json_is_string(value)) {
		repr_string(text, json_string_value(value));
	} else if (json_is_boolean(value) || json_is_null(value)) {
		g_string_append(text, json_is_null(value) ? "None" : json_is_true(value) ? "True" : "False");
	} else {
		put_value(text, value, depth);
	}
}

char *python_repr(const json_t *value)
{
	GString *text = g_string_new(NULL);

	repr_value(text, value, 0);
	return g_string_free(text, FALSE);
}

char *python_str(const json_t *value)
{
	return json_is_string(value) ? g_strdup(json_string_value(value)) : python_repr(value);
}

/* --- times and errors --- */

char *python_time(gint64 time)
{
	g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(time / G_USEC_PER_SEC);
	g_autoptr(GDateTime) local = utc ? g_date_time_to_local(utc) : NULL;
	g_autofree char *text = local ? g_date_time_format(local, "%Y-%m-%dT%H:%M:%S")
				      : g_strdup("1970-01-01T00:00:00");
	guint rest = (guint)(time % G_USEC_PER_SEC);

	return rest ? g_strdup_printf("%s.%06u", text, rest) : g_steal_pointer(&text);
}

char *python_utf8_error(const char *data, gsize size)
{
	const char *bad = data;
	gsize at;

	/* g_utf8_validate stops at a NUL, which is a character. */
	while (!g_utf8_validate(bad, (gssize)(size - (gsize)(bad - data)), &bad)) {
		if (*bad) {
			at = (gsize)(bad - data);
			return g_strdup_printf(
				"'utf-8' codec can't decode byte 0x%02x in position %zu: invalid start byte",
				(guint8)*bad, at);
		}
		bad++;
	}
	return NULL;
}
