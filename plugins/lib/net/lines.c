/* SPDX-License-Identifier: MIT */
/* lines.c - bytes cut into lines. */
#include <string.h>
#include <backplane/bytes.h>

#define LINE_LIMIT 65536

struct BpLines {
	GString *partial;
	gsize limit;
	BpLineFunc func;
	gpointer data;
	gboolean after_cr; /* a LF that comes now belongs to the CR before it */
	gboolean *freed;   /* of the call that is giving a line */
};

BpLines *bp_lines_new(gsize limit, BpLineFunc func, gpointer data)
{
	BpLines *lines = g_new0(BpLines, 1);

	lines->partial = g_string_new(NULL);
	lines->limit = limit ? limit : LINE_LIMIT;
	lines->func = func;
	lines->data = data;
	return lines;
}

void bp_lines_free(BpLines *lines)
{
	if (!lines)
		return;
	if (lines->freed)
		*lines->freed = TRUE;
	g_string_free(lines->partial, TRUE);
	g_free(lines);
}

/* FALSE: the splitter was freed. */
static gboolean give(BpLines *lines)
{
	g_autoptr(GString) line = lines->partial;
	gboolean freed = FALSE;

	lines->partial = g_string_new(NULL);
	lines->freed = &freed;
	lines->func(lines->data, line->str, line->len);
	if (!freed)
		lines->freed = NULL;
	return !freed;
}

void bp_lines_take(BpLines *lines, gconstpointer bytes, gsize size)
{
	const char *at = bytes;

	while (size) {
		gsize part = 0, room = lines->limit - lines->partial->len;

		if (lines->after_cr && *at == '\n') {
			at++;
			size--;
		}
		lines->after_cr = FALSE;
		while (part < size && part < room && at[part] != '\n' && at[part] != '\r')
			part++;
		g_string_append_len(lines->partial, at, (gssize)part);
		at += part;
		size -= part;
		if (!size)
			break;
		if (*at == '\n' || *at == '\r') {
			lines->after_cr = *at == '\r';
			at++;
			size--;
		}
		if (!give(lines))
			return;
	}
}

void bp_lines_end(BpLines *lines)
{
	lines->after_cr = FALSE;
	if (lines->partial->len)
		give(lines);
}

void bp_lines_reset(BpLines *lines)
{
	lines->after_cr = FALSE;
	g_string_truncate(lines->partial, 0);
}
