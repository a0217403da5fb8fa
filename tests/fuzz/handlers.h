/* SPDX-License-Identifier: MIT */
/* handlers.h - what the servers of fuzz targets serve: "lines" does what a line tells it, "bytes" says bytes again. */
#pragma once
#include <string.h>
#include "script.h"

static gboolean take_line(BpPlugin *self, BpSession *session, const char *line, gsize size)
{
	if (strcmp(line, "hide") == 0)
		bp_session_set_echo(session, FALSE);
	else if (strcmp(line, "show") == 0)
		bp_session_set_echo(session, TRUE);
	else if (strcmp(line, "characters") == 0)
		bp_session_set_mode(session, BP_CHARACTERS);
	else if (strcmp(line, "raw") == 0)
		bp_session_set_mode(session, BP_RAW);
	else if (strcmp(line, "all") == 0)
		bp_session_broadcast(session, "to all", TRUE);
	else if (strcmp(line, "others end") == 0)
		bp_session_broadcast(session, "others", FALSE);
	else if (strcmp(line, "end") == 0)
		bp_session_end(session, BP_END_HANDLER, "it ends");
	else if (strcmp(line, "leave") == 0)
		return FALSE;
	else
		bp_session_printf(session, "%zu: %s", size, line);
	return TRUE;
}

static gboolean take_bytes(BpPlugin *self, BpSession *session, const char *bytes, gsize size)
{
	if (memchr(bytes, 'L', size))
		bp_session_set_mode(session, BP_LINES);
	bp_session_send(session, bytes, size);
	return !memchr(bytes, 'Q', size);
}

static char **complete(BpPlugin *self, BpSession *session, const char *line, gsize cursor, gsize *start)
{
	*start = cursor > 3 ? cursor - 3 : 0;
	return g_strsplit("raw;characters;hide;leave;l\xc3\xa4ser", ";", -1);
}

/* Whoever calls itself so is turned away, and that in the middle of its opening. */
static void welcome(BpPlugin *self, BpSession *session)
{
	if (strcmp(bp_session_terminal(session), "unwelcome") == 0)
		bp_session_end(session, BP_END_HANDLER, "not you");
	else
		bp_session_print(session, "welcome");
}

static void resize(BpPlugin *self, BpSession *session, guint columns, guint rows)
{
	if (columns == 666)
		bp_session_end(session, BP_END_HANDLER, "not so wide");
}

static const BpHandler handlers[] = {
	{ "lines", .help = "test", .prompt = "> ", .line_limit = 2000, .welcome = welcome, .line = take_line,
	  .character = take_bytes, .complete = complete, .resize = resize },
	{ "bytes", .help = "test", .mode = BP_RAW, .line = take_line, .character = take_bytes },
	{ NULL },
};
