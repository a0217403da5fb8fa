/* SPDX-License-Identifier: MIT */
/* json-line.h - bytes of a connection, taken out again as lines or in counted pieces. No kernel, no I/O.
 *
 * Each byte is looked at once however the input is cut: the cost of a message is linear in its size. What is taken is
 * borrowed until the next call.
 */
#pragma once
#include <glib.h>

#define JSON_LINE_LIMIT (8 * 1024 * 1024)

typedef struct {
	guint8 *data;
	gsize begin, end, room; /* what waits is data[begin..end) */
	gsize seen;		/* no line end before data[seen] */
	gsize limit;		/* of one line, its end not counted */
} JsonLine;

void json_line_init(JsonLine *lines, gsize limit); /* 0: JSON_LINE_LIMIT */
void json_line_clear(JsonLine *lines);
void json_line_add(JsonLine *lines, gconstpointer data, gsize size);
typedef enum { JSON_LINE_NONE, JSON_LINE_TAKEN, JSON_LINE_TOO_LONG } JsonLineResult;
/* The next line, without its LF and a CR before it; its byte after the last one may be written to. */
JsonLineResult json_line_next(JsonLine *lines, char **line, gsize *size);
/* When the line that was taken begins an array or object that a later line of those received ends, the lines up to that one are
 * taken with it. Lines that close nothing are left. */
void json_line_extend(JsonLine *lines, const char *line, gsize *size);
/* All that waits; json_line_skip takes of it from the front. */
const guint8 *json_line_peek(const JsonLine *lines, gsize *size);
void json_line_skip(JsonLine *lines, gsize size);
