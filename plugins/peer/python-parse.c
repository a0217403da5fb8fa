/* SPDX-License-Identifier: MIT */
/* python-parse.c - JSON texts that Python takes and JSON does not have, and their way back.
 *
 * jansson has no value for NaN, for an integer of more than 64 bits or for half of a surrogate pair. Each is replaced by
 * characters of the last private plane before the text is parsed, and put back when the answer is written:
 *
 *	U+10F000 to U+10F7FF	halves of surrogate pairs, U+D800 to U+DFFF
 *	U+10F800		NUL, which jansson refuses in keys
 *	U+10F801		at the beginning of a string: what follows is a number without quotes
 *
 * A text that has such characters itself is refused, so nobody can make numbers of strings.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "python-json.h"

#define FIRST 0x10f000
#define NUL_MARK 0x10f800
#define NUMBER_MARK 0x10f801
#define LAST 0x10f8ff
#define MOST_DIGITS 4300 /* Python's own limit */

typedef struct {
	const char *at, *end;
	GString *out;
} ParserState;

static gboolean is_private(gunichar letter)
{
	return letter >= FIRST && letter <= LAST;
}

/* The number of "\uXXXX" there; -1: it is none. */
static gint escape_at(const char *at, const char *end)
{
	gint number = 0;

	if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return -1;
	for (guint i = 2; i < 6; i++) {
		if (!g_ascii_isxdigit(at[i]))
			return -1;
		number = number << 4 | g_ascii_xdigit_value(at[i]);
	}
	return number;
}

static gboolean copy_escape(ParserState *state)
{
	gint first = escape_at(state->at, state->end), second;

	if (first < 0) {
		if (state->end - state->at < 2)
			return FALSE;
		g_string_append_len(state->out, state->at, 2);
		state->at += 2;
		return TRUE;
	}
	second = first >= 0xd800 && first < 0xdc00 ? escape_at(state->at + 6, state->end) : -1;
	if (second >= 0xdc00 && second < 0xe000) {
		if (is_private(0x10000 + (gunichar)((first - 0xd800) << 10 | (second - 0xdc00))))
			return FALSE;
		g_string_append_len(state->out, state->at, 12);
		state->at += 12;
		return TRUE;
	}
	if (first == 0)
		g_string_append_unichar(state->out, NUL_MARK);
	else if (first >= 0xd800 && first < 0xe000)
		g_string_append_unichar(state->out, FIRST + (gunichar)first - 0xd800);
	else
		g_string_append_len(state->out, state->at, 6);
	state->at += 6;
	return TRUE;
}

static gboolean copy_string(ParserState *state)
{
	g_string_append_c(state->out, *state->at++);
	while (state->at < state->end && *state->at != '"') {
		gsize size = *state->at == '\\' ? 0 : (gsize)(g_utf8_next_char(state->at) - state->at);

		if (!size) {
			if (!copy_escape(state))
				return FALSE;
			continue;
		}
		if (is_private(g_utf8_get_char(state->at)))
			return FALSE;
		g_string_append_len(state->out, state->at, (gssize)size);
		state->at += size;
	}
	if (state->at == state->end)
		return FALSE;
	g_string_append_c(state->out, *state->at++);
	return TRUE;
}

/* Whether a key ends there: only strings are keys. */
static gboolean is_key(const char *at, const char *end)
{
	while (at < end && strchr(" \t\r\n", *at))
		at++;
	return at < end && *at == ':';
}

static gboolean put_number(ParserState *state, const char *text, gsize size, const char *behind)
{
	if (is_key(behind, state->end))
		return FALSE;
	g_string_append_c(state->out, '"');
	g_string_append_unichar(state->out, NUMBER_MARK);
	g_string_append_len(state->out, text, (gssize)size);
	g_string_append_c(state->out, '"');
	state->at = behind;
	return TRUE;
}

static gboolean copy_number(ParserState *state)
{
	const char *begin = state->at, *digits = begin + (*begin == '-'), *at = digits;
	g_autofree char *text = NULL;
	gboolean is_integer;

	while (at < state->end && g_ascii_isdigit(*at))
		at++;
	is_integer = at == state->end || !strchr(".eE", *at);
	while (at < state->end && (g_ascii_isdigit(*at) || strchr(".eE+-", *at)))
		at++;
	text = g_strndup(begin, (gsize)(at - begin));
	errno = 0;
	if (is_integer && (g_ascii_strtoll(text, NULL, 10), errno == ERANGE))
		return *digits != '0' && at - digits <= MOST_DIGITS && put_number(state, text, strlen(text), at);
	if (!is_integer && isinf(g_ascii_strtod(text, NULL)))
		return put_number(state, *text == '-' ? "-Infinity" : "Infinity", *text == '-' ? 9 : 8, at);
	g_string_append(state->out, text);
	state->at = at;
	return TRUE;
}

static gboolean copy_next(ParserState *state)
{
	static const char *const words[] = { "NaN", "Infinity", "-Infinity" };

	if (*state->at == '"')
		return copy_string(state);
	for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
		gsize size = strlen(words[i]);

		if ((gsize)(state->end - state->at) >= size && memcmp(state->at, words[i], size) == 0)
			return put_number(state, words[i], size, state->at + size);
	}
	if (g_ascii_isdigit(*state->at) || (*state->at == '-' && state->end - state->at > 1))
		return copy_number(state);
	g_string_append_c(state->out, *state->at++);
	return TRUE;
}

json_t *python_json_parse(const char *text, gsize size)
{
	g_autoptr(GString) out = NULL;
	ParserState state = { text, text + size, NULL };

	if (!g_utf8_validate(text, (gssize)size, NULL))
		return NULL;
	state.out = out = g_string_sized_new(size + 64);
	while (state.at < state.end)
		if (!copy_next(&state))
			return NULL;
	return bp_json_parse(out->str, out->len, 0, NULL);
}

/* The private character whose two escapes are there, as python_json_text writes them; 0: there is none. */
static gunichar mark_at(const char *at, const char *end)
{
	gint first = escape_at(at, end), second = first < 0xd800 ? -1 : escape_at(at + 6, end);
	gunichar letter = second < 0xdc00 ? 0 : 0x10000 + (gunichar)((first - 0xd800) << 10 | (second - 0xdc00));

	return is_private(letter) ? letter : 0;
}

char *python_json_unmark(const char *text)
{
	GString *out = g_string_new(NULL);
	const char *end = text + strlen(text);

	while (text < end) {
		gboolean quoted = *text == '"';
		gunichar letter = mark_at(text + quoted, end);

		if (quoted && letter == NUMBER_MARK) {
			const char *number = text + 13;

			text = strchr(number, '"');
			g_string_append_len(out, number, text - number);
			text++;
		} else if (!quoted && letter) {
			g_string_append_printf(out, "\\u%04x", letter == NUL_MARK ? 0 : letter - FIRST + 0xd800);
			text += 12;
		} else {
			gsize size = *text == '\\' ? 2 : 1;

			g_string_append_len(out, text, (gssize)size);
			text += size;
		}
	}
	return g_string_free(out, FALSE);
}
