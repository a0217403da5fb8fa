/* SPDX-License-Identifier: MIT */
/* table.c - aligned columns. */
#include "command/session.h"
#include <string.h>
#include <backplane/text.h>

typedef struct {
	char **cells;
	BpStyle *styles;
} TableRow;

struct BpTable {
	GPtrArray *heads; /* names without their '>' */
	GArray *right;	  /* gboolean */
	GArray *rows;	  /* TableRow */
};

BpTable *bp_table_new(const char *first_column, ...)
{
	BpTable *table = g_new0(BpTable, 1);
	va_list names;

	table->heads = g_ptr_array_new_with_free_func(g_free);
	table->right = g_array_new(FALSE, FALSE, sizeof(gboolean));
	table->rows = g_array_new(FALSE, FALSE, sizeof(TableRow));
	va_start(names, first_column);
	for (const char *name = first_column; name; name = va_arg(names, const char *)) {
		gboolean right = *name == '>';

		g_ptr_array_add(table->heads, g_strdup(name + right));
		g_array_append_val(table->right, right);
	}
	va_end(names);
	return table;
}

void bp_table_row(BpTable *table, const char *format, ...)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) parts = NULL;
	guint columns = table->heads->len, count;
	TableRow row = { g_new0(char *, columns + 1), g_new0(BpStyle, columns) };
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	parts = g_strsplit(text, "\t", (gint)columns);
	count = g_strv_length(parts);
	for (guint i = 0; i < columns; i++)
		row.cells[i] = i < count ? bp_text_safe(parts[i], -1) : g_strdup("");
	g_array_append_val(table->rows, row);
}

void bp_table_style(BpTable *table, guint column, BpStyle style)
{
	g_return_if_fail(table->rows->len && column < table->heads->len);
	g_array_index(table->rows, TableRow, table->rows->len - 1).styles[column] = style;
}

guint bp_table_rows(const BpTable *table)
{
	return table->rows->len;
}

static void table_free(BpTable *table)
{
	for (guint i = 0; i < table->rows->len; i++) {
		g_strfreev(g_array_index(table->rows, TableRow, i).cells);
		g_free(g_array_index(table->rows, TableRow, i).styles);
	}
	g_array_unref(table->rows);
	g_array_unref(table->right);
	g_ptr_array_unref(table->heads);
	g_free(table);
}

static guint *measure(const BpTable *table)
{
	guint *widths = g_new0(guint, table->heads->len);

	for (guint column = 0; column < table->heads->len; column++) {
		widths[column] = bp_text_columns(table->heads->pdata[column]);
		for (guint i = 0; i < table->rows->len; i++)
			widths[column] = MAX(widths[column],
					     bp_text_columns(g_array_index(table->rows, TableRow, i).cells[column]));
	}
	return widths;
}

/* One line, cut where the terminal ends; a style is put around its cell's text only. */
static void say_row(BpSession *session, const BpTable *table, const guint *widths, char *const *cells,
		    const BpStyle *styles, BpStyle all)
{
	static const char *const codes[] = { "", "\033[1m", "\033[32m", "\033[33m", "\033[31m", "\033[2m", "\033[1m" };
	guint left = session->terminal ? session->columns : G_MAXUINT;
	g_autoptr(GString) line = g_string_new(NULL);

	for (guint column = 0; column < table->heads->len && left > 0; column++) {
		BpStyle style = session->terminal ? (styles ? styles[column] : all) : BP_PLAIN;
		gsize size = bp_text_fit(cells[column], left);
		g_autofree char *text = g_strndup(cells[column], size);
		guint width = bp_text_columns(text), padding = MIN(widths[column], left) - MIN(width, widths[column]);
		gboolean right = g_array_index(table->right, gboolean, column), last = column + 1 == table->heads->len;

		if (right)
			g_string_append_printf(line, "%*s", (int)padding, "");
		g_string_append_printf(line, "%s%s%s", codes[style], text, style ? "\033[0m" : "");
		if (!right && !last)
			g_string_append_printf(line, "%*s", (int)padding, "");
		left -= MIN(left, width + (right || !last ? padding : 0));
		if (!last && left >= 2) {
			g_string_append(line, "  ");
			left -= 2;
		} else {
			left = 0;
		}
	}
	while (line->len && line->str[line->len - 1] == ' ')
		g_string_truncate(line, line->len - 1);
	g_string_append_c(line, '\n');
	session_show(session, line->str, line->len, TRUE);
}

void bp_call_table(BpCall *call, BpTable *take_table)
{
	BpSession *session = bp_call_session(call);
	g_autofree guint *widths = measure(take_table);

	session_progress(session, NULL);
	say_row(session, take_table, widths, (char **)take_table->heads->pdata, NULL, BP_HEADING);
	for (guint i = 0; i < take_table->rows->len; i++) {
		const TableRow *row = &g_array_index(take_table->rows, TableRow, i);

		say_row(session, take_table, widths, row->cells, row->styles, BP_PLAIN);
	}
	table_free(take_table);
}
