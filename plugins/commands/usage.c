/* SPDX-License-Identifier: MIT */
/* usage.c - the usage line groups the flags that have a letter, then the options, then the
 * arguments. The lines of help stand in two columns; a name too long for the first has its
 * text on the next line. */
#include "usage.h"
#include <string.h>
#include <backplane/text.h>

#define NAME_COLUMNS 28

static char *placeholder(const BpParam *param)
{
	return g_ascii_strup(param->name, -1);
}

static gboolean is_flag(const BpParam *param)
{
	return param->kind == BP_OPTION && param->type == BP_BOOL;
}

static void append_option(GString *line, const BpParam *param)
{
	g_autofree char *value = placeholder(param);
	const char *open = param->required ? "" : "[", *close = param->required ? "" : "]";

	g_string_append_printf(line, " %s", open);
	if (param->letter)
		g_string_append_printf(line, "-%c", param->letter);
	else
		g_string_append_printf(line, "--%s", param->name);
	if (!is_flag(param))
		g_string_append_printf(line, " %s", value);
	g_string_append_printf(line, "%s%s", close, param->many ? "..." : "");
}

static void append_argument(GString *line, const BpParam *param)
{
	g_autofree char *value = placeholder(param);

	g_string_append_printf(line, param->required ? " %s%s" : " [%s%s]", value,
			       param->many || param->type == BP_REST ? "..." : "");
}

char *usage_line(const char *name, const BpParam *table)
{
	GString *line = g_string_new(name);
	g_autoptr(GString) flags = g_string_new(NULL);
	guint count = 0;
	g_autofree const BpParam **rows = table ? bp_param_rows(table, &count) : NULL;

	for (guint i = 0; i < count; i++)
		if (is_flag(rows[i]) && rows[i]->letter && !rows[i]->hidden && !rows[i]->required)
			g_string_append_c(flags, rows[i]->letter);
	if (flags->len)
		g_string_append_printf(line, " [-%s]", flags->str);
	for (guint i = 0; i < count; i++)
		if (rows[i]->kind == BP_OPTION && !rows[i]->hidden &&
		    !(is_flag(rows[i]) && rows[i]->letter && !rows[i]->required))
			append_option(line, rows[i]);
	for (guint i = 0; i < count; i++)
		if (rows[i]->kind == BP_ARGUMENT && !rows[i]->hidden)
			append_argument(line, rows[i]);
	return g_string_free(line, FALSE);
}

/* --- the lines of help --- */

static char *left_column(const BpParam *param)
{
	g_autofree char *value = placeholder(param);

	if (param->kind == BP_ARGUMENT)
		return g_strconcat(value, param->many || param->type == BP_REST ? "..." : NULL, NULL);
	if (param->letter)
		return g_strdup_printf("-%c, --%s%s%s", param->letter, param->name, is_flag(param) ? "" : " ",
				       is_flag(param) ? "" : value);
	return g_strdup_printf("    --%s%s%s", param->name, is_flag(param) ? "" : " ", is_flag(param) ? "" : value);
}

/* What may stand there, said only if it tells more than the name: "int 1..65535; 2323 if not
 * given". */
static char *right_column(const BpParam *param)
{
	GString *text = g_string_new(param->help);
	g_autoptr(GString) more = g_string_new(NULL);

	if (!is_flag(param) && (param->type != BP_STRING || param->choices) && param->type != BP_REST) {
		g_autofree char *described = bp_param_describe(param);
		g_string_append(more, described);
	}
	if (param->required)
		g_string_append_printf(more, "%srequired", more->len ? "; " : "");
	else if (param->setting)
		g_string_append_printf(more, "%ssetting %s%s%s", more->len ? "; " : "", param->setting,
				       param->fallback && *param->fallback ? ", else " : "",
				       param->fallback ? param->fallback : "");
	else if (param->fallback && *param->fallback && !(is_flag(param) && strcmp(param->fallback, "false") == 0))
		g_string_append_printf(more, "%s%s if not given", more->len ? "; " : "", param->fallback);
	if (param->many)
		g_string_append_printf(more, "%smay be given again", more->len ? "; " : "");
	if (more->len)
		g_string_append_printf(text, "%s(%s)", text->len ? " " : "", more->str);
	return g_string_free(text, FALSE);
}

static void append_wrapped(GString *to, const char *text, guint indent, guint columns)
{
	g_auto(GStrv) words = g_strsplit(text, " ", -1);
	guint column = indent;
	gboolean begun = FALSE;

	for (guint i = 0; words[i]; i++) {
		guint width = bp_text_columns(words[i]);

		if (begun && column + 1 + width > columns) {
			g_string_append_printf(to, "\n%*s", (int)indent, "");
			column = indent;
			begun = FALSE;
		}
		if (begun)
			g_string_append_c(to, ' ');
		g_string_append(to, words[i]);
		column += width + (begun ? 1 : 0);
		begun = TRUE;
	}
	g_string_append_c(to, '\n');
}

static void append_param(GString *to, const BpParam *param, guint width, guint columns)
{
	g_autofree char *left = left_column(param);
	g_autofree char *right = right_column(param);
	guint used = bp_text_columns(left);

	g_string_append_printf(to, "  %s", left);
	if (!*right) {
		g_string_append_c(to, '\n');
		return;
	}
	if (used > width)
		g_string_append_printf(to, "\n%*s", (int)width + 4, "");
	else
		g_string_append_printf(to, "%*s", (int)(width - used) + 2, "");
	append_wrapped(to, right, width + 4, columns);
}

char *usage_params(const BpParam *table, guint columns)
{
	GString *text = g_string_new(NULL);
	guint count = 0, width = 0;
	g_autofree const BpParam **rows = table ? bp_param_rows(table, &count) : NULL;

	columns = MAX(columns ? columns : 80, 40);
	for (guint i = 0; i < count; i++) {
		g_autofree char *left = left_column(rows[i]);
		guint used = bp_text_columns(left);

		if (!rows[i]->hidden && used <= MIN(NAME_COLUMNS, columns / 2))
			width = MAX(width, used);
	}
	for (guint kind = 0; kind < 2; kind++)
		for (guint i = 0; i < count; i++)
			if (!rows[i]->hidden && rows[i]->kind == (kind ? BP_OPTION : BP_ARGUMENT))
				append_param(text, rows[i], width, columns);
	return g_string_free(text, FALSE);
}
