/* SPDX-License-Identifier: MIT */
/* batch.c - batch: commands that run at every start. Kept in the root setting "batch": a line each, "+" or "-" (disabled),
 * origin, tab, command. */
#include <string.h>
#include "automation.h"

#define KEY "batch"
#define LINES_MOST 1000
#define BYTES_MOST (60 * 1024) /* it is one setting */

static GPtrArray *read_batch(void)
{
	g_autofree char *text = bp_setting_stored("/", KEY);
	GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
	g_auto(GStrv) parts = g_strsplit(text ? text : "", "\n", -1);

	for (char **part = parts; *part; part++)
		if (strchr("+-", **part) && strchr(*part, '\t'))
			g_ptr_array_add(lines, g_strdup(*part));
	return lines;
}

static void write_batch(GPtrArray *lines)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < lines->len; i++)
		g_string_append_printf(text, "%s\n", (char *)lines->pdata[i]);
	bp_setting_store(bp_context("/"), KEY, lines->len ? text->str : NULL);
}

static gboolean run_list(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) lines = read_batch();

	bp_call_styled(call, BP_HEADING, "Batch Commands:");
	for (guint i = 0; i < lines->len; i++) {
		const char *line = lines->pdata[i], *tab = strchr(line, '\t');
		g_autofree char *shown = bp_command_shown(tab + 1);

		bp_call_printf(call, "%u - %.*s: %s%s", i + 1, (int)(tab - line - 1), line + 1, shown,
			       *line == '-' ? " (disabled)" : "");
	}
	if (!lines->len)
		bp_call_styled(call, BP_DIM, "none; batch add consoleserver -p 2323 runs that at every start");
	return TRUE;
}

/* Before the line of that number, from 0. */
static gboolean insert(gint64 index, const char *origin, const char *command, GError **error)
{
	g_autoptr(GPtrArray) lines = read_batch();
	gsize size = strlen(command) + strlen(origin);
	g_autofree char *line = NULL;

	for (guint i = 0; i < lines->len; i++)
		size += strlen(lines->pdata[i]) + 1;
	if (lines->len >= LINES_MOST || size > BYTES_MOST)
		return bp_fail(
			error, BP_LIMIT,
			"no more fits in the batch: %u commands or %u KiB; execute FILE runs the commands in a file",
			LINES_MOST, BYTES_MOST / 1024);
	if (index > lines->len) {
		g_set_error(error, BP_CONSOLE_ERROR, BP_INVALID, "Syntax Error (add): Index out of bounds (1-%u)",
			    lines->len + 1);
		return FALSE;
	}
	line = g_strdup_printf("+%s\t%s", origin, command);
	g_strdelimit(line, "\n", '|');
	g_ptr_array_insert(lines, (gint)index, g_steal_pointer(&line));
	write_batch(lines);
	return TRUE;
}

static gboolean run_add(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) lines = read_batch();

	return insert(bp_call_has(call, "index") ? bp_call_int(call, "index") - 1 : lines->len,
		      bp_call_string(call, "origin"), bp_call_string(call, "command"), error);
}

gboolean batch_keep(const char *origin, const char *command, GError **error)
{
	g_autoptr(GPtrArray) lines = read_batch();

	return insert(lines->len, origin, command, error);
}

gboolean batch_forget(const char *origin)
{
	g_autoptr(GPtrArray) lines = read_batch();
	gsize size = strlen(origin);
	guint before = lines->len;

	for (guint i = lines->len; i--;) {
		const char *line = lines->pdata[i];

		if (strncmp(line + 1, origin, size) == 0 && line[size + 1] == '\t')
			g_ptr_array_remove_index(lines, i);
	}
	if (lines->len == before)
		return FALSE;
	write_batch(lines);
	return TRUE;
}

/* The line meant by the argument of `what`, or NULL. */
static char *pick(BpCall *call, GPtrArray *lines, const char *what, GError **error)
{
	gint64 index = bp_call_int(call, "index");

	if (index >= 1 && index <= lines->len)
		return lines->pdata[index - 1];
	if (lines->len)
		g_set_error(error, BP_CONSOLE_ERROR, BP_INVALID, "Syntax Error (%s): Index out of bounds (1-%u)", what,
			    lines->len);
	else
		g_set_error(error, BP_CONSOLE_ERROR, BP_INVALID, "Syntax Error (%s): there are no batch commands",
			    what);
	return NULL;
}

static gboolean run_remove(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) lines = read_batch();

	if (!pick(call, lines, "remove", error))
		return FALSE;
	g_ptr_array_remove_index(lines, (guint)bp_call_int(call, "index") - 1);
	write_batch(lines);
	return TRUE;
}

static gboolean run_one(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) lines = read_batch();
	const char *line = pick(call, lines, "run", error);

	if (line)
		bp_call_run(call, strchr(line, '\t') + 1);
	return !!line;
}

static gboolean mark(BpCall *call, const char *what, char sign, GError **error)
{
	g_autoptr(GPtrArray) lines = read_batch();
	char *line = pick(call, lines, what, error);

	if (!line)
		return FALSE;
	*line = sign;
	write_batch(lines);
	return TRUE;
}

static gboolean run_disable(BpPlugin *self, BpCall *call, GError **error)
{
	return mark(call, "disable", '-', error);
}

static gboolean run_enable(BpPlugin *self, BpCall *call, GError **error)
{
	return mark(call, "enable", '+', error);
}

void batch_run_all(BpPlugin *self)
{
	g_autoptr(GPtrArray) lines = read_batch();

	for (guint i = 0; i < lines->len; i++) {
		const char *line = lines->pdata[i];

		if (*line == '+')
			bp_session_run_script(self, bp_session_system(), strchr(line, '\t') + 1, NULL, NULL);
	}
}

static const BpParam add_params[] = {
	{ "command", .kind = BP_ARGUMENT, .type = BP_REST, .required = TRUE, .help = "what to run at every start" },
	{ "origin", 'o', .fallback = "cmd", .help = "who added it" },
	{ "index", 'i', BP_INT, .min = 1, .max = 10000, .help = "where in the list; at its end if not given" },
	{ NULL },
};

static const BpParam index_params[] = {
	{ "index", .kind = BP_ARGUMENT, .type = BP_INT, .required = TRUE, .help = "its number in the list" },
	{ NULL },
};

const BpCommand batch_commands[] = {
	{ "batch", .help = "list what runs at every start", .run = run_list, .group = "batch" },
	{ "batch add", .help = "run a command at every start", .params = add_params, .run = run_add, .role = BP_ADMIN },
	{ "batch remove", .help = "take one off the list", .params = index_params, .run = run_remove,
	  .role = BP_ADMIN },
	{ "batch run", .help = "run one now", .params = index_params, .run = run_one, .role = BP_ADMIN },
	{ "batch disable", .help = "keep one, but do not run it", .params = index_params, .run = run_disable,
	  .role = BP_ADMIN },
	{ "batch enable", .help = "run it again at every start", .params = index_params, .run = run_enable,
	  .role = BP_ADMIN },
	{ NULL },
};
