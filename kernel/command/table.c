/* SPDX-License-Identifier: MIT */
/* table.c - what tables consist of. The plugin commands prints them. */
#include <backplane/command.h>
#include <backplane/text.h>
#include "host/plugin.h"

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

guint bp_table_columns(const BpTable *table)
{
	return table->heads->len;
}

const char *bp_table_head(const BpTable *table, guint column, gboolean *right)
{
	*right = g_array_index(table->right, gboolean, column);
	return table->heads->pdata[column];
}

const char *bp_table_cell(const BpTable *table, guint row, guint column, BpStyle *style)
{
	*style = g_array_index(table->rows, TableRow, row).styles[column];
	return g_array_index(table->rows, TableRow, row).cells[column];
}

void bp_call_table(BpCall *call, BpTable *take_table)
{
	BpPlugin *owner;
	const BpTables *tables = registry_find(BP_TABLES, &owner);

	if (owner && owner_enter_as(owner, "table", NULL)) {
		tables->print(call, take_table);
		owner_leave(owner);
	}
	table_free(take_table);
}
