/* SPDX-License-Identifier: MIT */
/* json-line.c - newline framing in linear time.
 *
 * The buffer doubles; what was taken is closed up only when that moves fewer bytes than were taken, so that moving costs
 * no more than reading did. A large buffer that has become empty is given back.
 */
#include "json-line.h"
#include <string.h>

#define SMALL 4096
#define KEPT (64 * 1024)
#define DEEPEST 64 /* as BP_JSON_DEPTH: what is deeper is refused anyway */

void json_line_init(JsonLine *lines, gsize limit)
{
	*lines = (JsonLine){ .limit = limit ? limit : JSON_LINE_LIMIT };
}

void json_line_clear(JsonLine *lines)
{
	gsize limit = lines->limit;

	g_free(lines->data);
	json_line_init(lines, limit);
}

static void close_up(JsonLine *lines)
{
	gsize waiting = lines->end - lines->begin;

	if (waiting)
		memmove(lines->data, lines->data + lines->begin, waiting);
	lines->seen -= MIN(lines->seen, lines->begin);
	lines->begin = 0;
	lines->end = waiting;
}

void json_line_add(JsonLine *lines, gconstpointer data, gsize size)
{
	if (lines->begin == lines->end) {
		lines->begin = lines->end = lines->seen = 0;
		if (lines->room > KEPT) {
			g_clear_pointer(&lines->data, g_free);
			lines->room = 0;
		}
	}
	if (lines->room - lines->end < size + 1 && lines->begin >= lines->end - lines->begin)
		close_up(lines);
	if (lines->room - lines->end < size + 1) {
		lines->room = MAX(MAX(lines->room * 2, lines->end + size + 1), SMALL);
		lines->data = g_realloc(lines->data, lines->room);
	}
	if (size)
		memcpy(lines->data + lines->end, data, size);
	lines->end += size;
}

JsonLineResult json_line_next(JsonLine *lines, char **line, gsize *size)
{
	gsize from = MAX(lines->seen, lines->begin);
	guint8 *found = lines->end > from ? memchr(lines->data + from, '\n', lines->end - from) : NULL;
	gsize length = (found ? (gsize)(found - lines->data) : lines->end) - lines->begin;

	lines->seen = lines->end;
	if (length > lines->limit)
		return JSON_LINE_TOO_LONG;
	if (!found)
		return JSON_LINE_NONE;
	*line = (char *)lines->data + lines->begin;
	lines->begin += length + 1;
	lines->seen = lines->begin;
	if (length && (*line)[length - 1] == '\r')
		length--;
	*size = length;
	return JSON_LINE_TAKEN;
}

/* The end of the array or object that begins with the line: a pointer behind its last bracket, or NULL. A string ends in its
 * line. Each array that is not closed here is looked through once for each that contains it, of which there are few. */
static const char *end_of_value(const char *at, const char *end)
{
	gboolean in_string = FALSE;
	guint depth = 0;

	for (; at < end; at++) {
		if (in_string && *at == '\n')
			return NULL;
		if (in_string && *at == '\\')
			at++;
		else if (*at == '"')
			in_string = !in_string;
		else if (!in_string && (*at == '[' || *at == '{') && ++depth > DEEPEST)
			return NULL;
		else if (!in_string && (*at == ']' || *at == '}') && !--depth)
			return at + 1;
	}
	return NULL;
}

void json_line_extend(JsonLine *lines, const char *line, gsize *size)
{
	const char *end = (const char *)lines->data + lines->end, *last, *newline;

	if (lines->begin == lines->end || !*size || (*line != '[' && *line != '{'))
		return;
	last = end_of_value(line, end);
	newline = last && last > line + *size ? memchr(last, '\n', (gsize)(end - last)) : NULL;
	if (!newline || (gsize)(newline - line) > lines->limit)
		return;
	*size = (gsize)(newline - line);
	lines->begin = lines->seen = (gsize)(newline + 1 - (const char *)lines->data);
}

const guint8 *json_line_peek(const JsonLine *lines, gsize *size)
{
	*size = lines->end - lines->begin;
	return lines->data + lines->begin;
}

void json_line_skip(JsonLine *lines, gsize size)
{
	g_assert(size <= lines->end - lines->begin);
	lines->begin += size;
	lines->seen = lines->begin;
}
