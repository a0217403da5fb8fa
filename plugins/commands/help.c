/* SPDX-License-Identifier: MIT */
/* help.c - help, ?, find, ??. */
#include <string.h>
#include <backplane/text.h>
#include "commands.h"
#include "usage.h"

static gint by_group(gconstpointer a, gconstpointer b)
{
	const BpCommand *first = *(BpCommand *const *)a, *second = *(BpCommand *const *)b;
	int order = strcmp(bp_command_group(first), bp_command_group(second));

	return order ? order : strcmp(first->name, second->name);
}

static gboolean is_for(const BpCall *call, const BpCommand *command)
{
	return !command->hidden && command->role <= bp_session_role(bp_call_session(call));
}

/* All that this session may type, by group; yours. */
static GPtrArray *list_allowed(const BpCall *call)
{
	GPtrArray *commands = bp_command_list();

	g_ptr_array_sort(commands, by_group);
	for (guint i = commands->len; i--;)
		if (!is_for(call, commands->pdata[i]))
			g_ptr_array_remove_index(commands, i);
	return commands;
}

/* The words behind the group's own: "info" of "channel info". */
static const char *short_name(const BpCommand *command)
{
	const char *group = bp_command_group(command);
	gsize size = strlen(group);

	return g_str_has_prefix(command->name, group) && command->name[size] == ' ' ? command->name + size + 1
										    : command->name;
}

/* "tcp         close, connect, list, listen", cut to the width; yours. */
static char *group_line(const char *group, const char *names, guint width)
{
	g_autofree char *line = g_strdup_printf("%-10s  %s", group, names);

	return text_cut(line, width);
}

/* What fits a screen: each group with the names of its commands, in two columns if one would be too long. */
static void list_groups(BpCall *call)
{
	g_autoptr(GPtrArray) commands = list_allowed(call), lines = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GString) names = g_string_new(NULL);
	guint columns, rows, count = 1, height;

	bp_session_size(bp_call_session(call), &columns, &rows);
	for (guint i = 1; i < commands->len; i++)
		count += strcmp(bp_command_group(commands->pdata[i]), bp_command_group(commands->pdata[i - 1])) != 0;
	if (count + 4 > rows && columns >= 80)
		columns = (columns - 2) / 2;
	else
		rows = G_MAXUINT;
	for (guint i = 0; i < commands->len; i++) {
		const char *group = bp_command_group(commands->pdata[i]);

		g_string_append_printf(names, "%s%s", names->len ? ", " : "", short_name(commands->pdata[i]));
		if (i + 1 < commands->len && !strcmp(group, bp_command_group(commands->pdata[i + 1])))
			continue;
		g_ptr_array_add(lines, group_line(group, names->str, columns));
		g_string_truncate(names, 0);
	}
	height = rows == G_MAXUINT ? lines->len : (lines->len + 1) / 2;
	for (guint i = 0; i < height; i++) {
		const char *left = lines->pdata[i], *right = i + height < lines->len ? lines->pdata[i + height] : "";

		bp_call_printf(call, "%s%*s%s", left, *right ? (int)(columns - bp_text_columns(left)) + 2 : 0, "",
			       right);
	}
}

static void list_all(BpCall *call)
{
	g_autoptr(GPtrArray) commands = list_allowed(call);
	const char *group = "";

	for (guint i = 0; i < commands->len; i++) {
		const BpCommand *command = commands->pdata[i];

		if (strcmp(group, bp_command_group(command))) {
			group = bp_command_group(command);
			bp_call_styled(call, BP_HEADING, "--- %s Commands ---", group);
		}
		bp_call_printf(call, "%-22s %s", command->name, command->help ? command->help : "");
	}
}

/* Its usage and its parameters: what --help behind a command shows. */
static void show_usage(BpCall *call, const BpCommand *command, const char *about)
{
	g_autofree char *usage = usage_line(command->name, command->params);
	guint columns, rows;
	g_autofree char *params = NULL;

	bp_session_size(bp_call_session(call), &columns, &rows);
	params = usage_params(command->params, columns);
	bp_call_styled(call, BP_STRONG, "%s", usage);
	if (about)
		bp_call_printf(call, "  %s", about);
	if (*params)
		bp_call_printf(call, "%s", g_strchomp(params));
}

static void explain(BpCall *call, const BpCommand *command)
{
	static const char *const roles[] = { "everybody", "operators", "admins" };

	show_usage(call, command, command->help ? command->help : "");
	if (command->manual)
		bp_call_printf(call, "%s", command->manual);
	if (command->example)
		bp_call_printf(call, "Example: %s", command->example);
	bp_call_styled(call, BP_DIM, "(from %s, for %s)", bp_command_plugin(command), roles[command->role]);
}

/* The commands of a group, and those that begin with the name, a line each. */
static gboolean list_group(BpCall *call, const char *name)
{
	g_autoptr(GPtrArray) commands = list_allowed(call);
	g_autofree char *prefix = g_strconcat(name, " ", NULL);
	BpTable *table = NULL;

	for (guint i = 0; i < commands->len; i++) {
		const BpCommand *command = commands->pdata[i];
		gboolean exact = !strcmp(command->name, name);

		if (exact || (!g_str_has_prefix(command->name, prefix) && strcmp(bp_command_group(command), name)))
			continue;
		if (!table)
			table = bp_table_new("Command", "What it does", NULL);
		bp_table_row(table, "%s\t%s", command->name, command->help ? command->help : "");
	}
	if (table)
		bp_call_table(call, table);
	return table != NULL;
}

static gboolean run_help(BpPlugin *self, BpCall *call, GError **error)
{
	gboolean terminal = bp_session_is_terminal(bp_call_session(call));
	const BpCommand *command;
	g_autofree char *name = NULL;
	g_auto(GStrv) words = NULL;
	const char *nearest;

	if (!bp_call_has(call, "name")) {
		(terminal ? list_groups : list_all)(call);
		bp_call_styled(call, BP_DIM, "help NAME explains one%s; find WORD searches; Tab completes",
			       terminal ? " or a group" : "");
		return TRUE;
	}
	name = g_strjoinv(" ", (char **)bp_call_list(call, "name"));
	command = bp_command_find(name);
	if (command && *bp_call_suffix(call)) {
		show_usage(call, command, NULL);
		return TRUE;
	}
	if (command) {
		explain(call, command);
		if (!strchr(name, ' '))
			(void)list_group(call, name);
		return TRUE;
	}
	if (list_group(call, name))
		return TRUE;
	words = bp_command_words(NULL);
	nearest = bp_nearest(name, (const char *const *)words);
	g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_FOUND, "No extended help for: %s%s%s%s", name,
		    nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
	return FALSE;
}

static gboolean mentions(const char *text, const char *word)
{
	g_autofree char *lower = text ? g_utf8_strdown(text, -1) : NULL;

	return lower && strstr(lower, word);
}

static gboolean params_mention(const BpParam *table, const char *word)
{
	guint count;
	g_autofree const BpParam **rows = bp_param_rows(table, &count);

	for (guint i = 0; i < count; i++)
		if (mentions(rows[i]->name, word) || mentions(rows[i]->help, word))
			return TRUE;
	return FALSE;
}

static gboolean run_find(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) commands = bp_command_list();
	g_autofree char *word = NULL;
	guint found = 0;

	if (!bp_call_has(call, "word")) {
		bp_call_print(call, "If you want to have a list of all available commands, just type 'help'");
		return TRUE;
	}
	word = g_utf8_strdown(bp_call_string(call, "word"), -1);
	for (guint i = 0; i < commands->len; i++) {
		const BpCommand *command = commands->pdata[i];

		if (command->hidden || (!mentions(command->name, word) && !mentions(command->help, word) &&
					!(command->params && params_mention(command->params, word))))
			continue;
		if (!found++)
			bp_call_styled(call, BP_HEADING, "Commands:");
		bp_call_printf(call, "%-22s %s", command->name, command->help ? command->help : "");
	}
	if (!found)
		g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_FOUND, "No commands found that contained: %s", word);
	return found > 0;
}

static const BpParam help_params[] = {
	{ "name", .kind = BP_ARGUMENT, .many = TRUE, .names = BP_A_COMMAND, .help = "a command, or a group of them" },
	{ NULL },
};

static const BpParam find_params[] = {
	{ "word", .kind = BP_ARGUMENT, .help = "part of a name, of a help line or of a parameter" },
	{ NULL },
};

const BpCommand help_commands[] = {
	{ "help", .help = "list the commands, or explain one", .params = help_params, .run = run_help, .group = "base",
	  .example = "help channel" },
	{ "?", .help = "the same as help", .params = help_params, .run = run_help, .hidden = TRUE, .group = "base" },
	{ "find", .help = "search the commands", .params = find_params, .run = run_find, .group = "base",
	  .example = "find port" },
	{ "??", .help = "the same as find", .params = find_params, .run = run_find, .hidden = TRUE, .group = "base" },
	{ NULL },
};
