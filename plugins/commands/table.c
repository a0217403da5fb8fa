/* SPDX-License-Identifier: MIT */
/* table.c - tables on a terminal: columns as wide as their contents, cut with an ellipsis where the line is full; as JSON where --json
 * was typed: a list of objects whose keys are the columns' names. */
#include <string.h>
#include <backplane/registry.h>
#include <backplane/text.h>
#include "commands.h"

#define LEAST 10 /* columns of a cell that is cut */

/* "Rate/s" becomes rate_s; a head that is the title of the table, "Loaded Modules:", is name. Yours. */
static char *key_of(const char *head)
{
	GString *key = g_string_new(g_str_has_suffix(head, ":") ? "name" : NULL);

	for (; !g_str_has_suffix(head, ":") && *head; head++)
		if (g_ascii_isalnum(*head))
			g_string_append_c(key, g_ascii_tolower(*head));
		else if (head[1] && key->len)
			g_string_append_c(key, '_');
	return g_string_free(key, FALSE);
}

static gboolean is_number(const char *text)
{
	gsize digits = strspn(text, "0123456789");

	return digits && digits < 16 && !(digits > 1 && *text == '0') &&
	       (!text[digits] || (text[digits] == '.' && text[digits + 1] &&
				  !text[digits + 1 + strspn(text + digits + 1, "0123456789")]));
}

static void print_json(BpCall *call, const BpTable *table)
{
	for (guint row = 0; row < bp_table_rows(table); row++) {
		g_autoptr(GString) out = g_string_new("{");

		for (guint column = 0; column < bp_table_columns(table); column++) {
			gboolean right;
			BpStyle style;
			g_autofree char *key = key_of(bp_table_head(table, column, &right));
			g_autofree char *cell = g_strdup(bp_table_cell(table, row, column, &style));
			g_autofree char *quoted = bp_quote_json(g_strstrip(cell));

			g_string_append_printf(out, "%s\"%s\":%s", column ? "," : "", key,
					       right && is_number(cell) ? cell : quoted);
		}
		g_string_append_c(out, '}');
		bp_call_json(call, out->str);
	}
}

static guint *measure(const BpTable *table)
{
	guint *widths = g_new0(guint, bp_table_columns(table));
	gboolean right;
	BpStyle style;

	for (guint column = 0; column < bp_table_columns(table); column++) {
		widths[column] = bp_text_columns(bp_table_head(table, column, &right));
		for (guint row = 0; row < bp_table_rows(table); row++)
			widths[column] = MAX(widths[column],
					     bp_text_columns(bp_table_cell(table, row, column, &style)));
	}
	return widths;
}

/* The widest column of text gives way, until all fit or each has only LEAST columns. */
static void squeeze(const BpTable *table, guint *widths, guint room)
{
	guint count = bp_table_columns(table), all = 2 * (count - 1);
	gboolean right;

	for (guint i = 0; i < count; i++)
		all += widths[i];
	while (all > room) {
		guint widest = count;

		for (guint i = 0; i < count; i++) {
			(void)bp_table_head(table, i, &right);
			if (!right && widths[i] > LEAST && (widest == count || widths[i] >= widths[widest]))
				widest = i;
		}
		if (widest == count)
			return;
		widths[widest]--;
		all--;
	}
}

char *text_cut(const char *text, guint columns)
{
	gsize size, word;

	if (bp_text_columns(text) <= columns)
		return g_strdup(text);
	size = bp_text_fit(text, columns ? columns - 1 : 0);
	for (word = size; word && text[word] != ' ' && text[word] != ','; word--)
		;
	if (word > size * 2 / 3)
		size = word;
	return g_strdup_printf("%.*s\342\200\246", (int)size, text);
}

static void append_cell(GString *line, const char *text, guint width, gboolean right, BpStyle style)
{
	static const char *const codes[] = { "", "\033[1m", "\033[32m", "\033[33m", "\033[31m", "\033[2m", "\033[1m" };
	g_autofree char *cut = text_cut(text, width);
	guint columns = bp_text_columns(cut);
	int padding = (int)(width - MIN(columns, width));

	g_string_append_printf(line, "%*s%s%s%s%*s", right ? padding : 0, "", codes[style], cut, style ? "\033[0m" : "",
			       right ? 0 : padding, "");
}

/* `row` -1: the heads. */
static void print_row(BpSession *session, const BpTable *table, const guint *widths, int row)
{
	g_autoptr(GString) line = g_string_new(NULL);
	gboolean terminal = bp_session_is_terminal(session), right;

	for (guint column = 0; column < bp_table_columns(table); column++) {
		BpStyle style = BP_HEADING;
		const char *text = bp_table_head(table, column, &right);

		if (row >= 0)
			text = bp_table_cell(table, (guint)row, column, &style);
		g_string_append(line, column ? "  " : "");
		append_cell(line, text, widths[column], right, terminal ? style : BP_PLAIN);
	}
	while (line->len && line->str[line->len - 1] == ' ')
		g_string_truncate(line, line->len - 1);
	bp_session_print(session, line->str);
}

static void print_table(BpCall *call, const BpTable *table)
{
	BpSession *session = bp_call_session(call);
	g_autofree guint *widths = measure(table);
	guint columns, rows;

	if (bp_call_wants_json(call)) {
		print_json(call, table);
		return;
	}
	bp_session_size(session, &columns, &rows);
	if (bp_session_is_terminal(session))
		squeeze(table, widths, columns);
	for (int row = -1; row < (int)bp_table_rows(table); row++)
		print_row(session, table, widths, row);
}

static const BpTables tables = { .size = sizeof(tables), .print = print_table };

gboolean table_load(BpPlugin *self, GError **error)
{
	return bp_registry_add(self, BP_TABLES, &tables, error);
}
