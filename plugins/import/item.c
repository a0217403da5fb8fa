/* SPDX-License-Identifier: MIT */
/* item.c - the result of an import: modules, commands, comments; and how it is written. */
#include "import.h"
#include <stdlib.h>
#include <string.h>

static void append(GPtrArray *to, char *text)
{
	for (guint i = 0; i < to->len; i++)
		if (!strcmp(to->pdata[i], text)) {
			g_free(text);
			return;
		}
	g_ptr_array_add(to, text);
}

#define APPEND(to) \
	do { \
		va_list arguments; \
		va_start(arguments, format); \
		append((to), g_strdup_vprintf(format, arguments)); \
		va_end(arguments); \
	} while (0)

static gboolean is_taken(const Import *import, const char *name)
{
	for (guint i = 0; i < import->items->len; i++)
		if (!strcmp(((Item *)import->items->pdata[i])->name, name))
			return TRUE;
	return FALSE;
}

Item *import_item(Import *import, const char *wanted, const char *class)
{
	Item *item = g_new0(Item, 1);
	g_autofree char *name = g_strdup(*wanted ? wanted : "unnamed");

	for (char *at = name; *at; at++)
		if (!g_ascii_isalnum(*at) && (at == name || !strchr("_.-", *at)))
			*at = '-';
	item->name = g_strdup(name);
	for (guint number = 2; is_taken(import, item->name); number++) {
		g_free(item->name);
		item->name = g_strdup_printf("%s-%u", name, number);
	}
	item->class = g_strdup(class);
	item->keys = g_ptr_array_new_with_free_func(g_free);
	item->notes = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(import->items, item);
	return item;
}

/* The value as a YAML scalar. */
static char *yaml_value(const char *given)
{
	g_autofree char *value = g_utf8_make_valid(given, -1);
	GString *out;
	gsize plain = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./+@%-");

	if (*value && !value[plain] && !strchr("-+.@%", *value) && strcmp(value, "null"))
		return g_strdup(value);
	out = g_string_new("\"");
	for (const guchar *at = (const guchar *)value; *at; at++)
		if (*at == '"' || *at == '\\')
			g_string_append_printf(out, "\\%c", *at);
		else if (*at < 32 || *at == 127)
			g_string_append_printf(out, "\\x%02x", *at);
		else
			g_string_append_c(out, (char)*at);
	return g_string_free(g_string_append_c(out, '"'), FALSE);
}

void item_set(Item *item, const char *key, const char *format, ...)
{
	g_autofree char *value = NULL, *quoted = NULL;
	va_list arguments;

	va_start(arguments, format);
	value = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	quoted = yaml_value(value);
	for (guint i = 0; i < item->keys->len; i++)
		if (g_str_has_prefix(item->keys->pdata[i], key) && ((char *)item->keys->pdata[i])[strlen(key)] == ':' &&
		    strcmp(key, "export") && strcmp(key, "import"))
			g_ptr_array_remove_index(item->keys, i--);
	g_ptr_array_add(item->keys, g_strdup_printf("%s: %s", key, quoted));
}

const char *item_get(const Item *item, const char *key)
{
	for (guint i = 0; i < item->keys->len; i++)
		if (g_str_has_prefix(item->keys->pdata[i], key) && ((char *)item->keys->pdata[i])[strlen(key)] == ':')
			return (char *)item->keys->pdata[i] + strlen(key) + 2;
	return NULL;
}

Item *import_find(Import *import, const char *class, const char *key, const char *value)
{
	g_autofree char *quoted = yaml_value(value);

	for (guint i = 0; i < import->items->len; i++) {
		Item *item = import->items->pdata[i];

		if (!strcmp(item->class, class) && !g_strcmp0(item_get(item, key), quoted))
			return item;
	}
	return NULL;
}

void item_note(Item *item, const char *format, ...)
{
	APPEND(item->notes);
}

void import_note(Import *import, const char *format, ...)
{
	APPEND(import->notes);
}

void import_command(Import *import, const char *format, ...)
{
	APPEND(import->commands);
}

void import_fault(Import *import, const char *path, guint line, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	append(import->faults, g_strdup_printf("%s:%u: %s", path, line, text));
}

void item_bind(Import *import, Item *item, const char *host, gboolean is_limited)
{
	if (host && *host) {
		gboolean is_loopback = !strcmp(host, "localhost") || !strcmp(host, "::1") ||
				       g_str_has_prefix(host, "127.") || *host == '/';

		item_set(item, "bind", "%s", host);
		if (is_loopback)
			return;
	} else {
		item_set(item, "bind", "*");
	}
	if (import->insecure && !is_limited) {
		item_set(item, "insecure", "yes");
		return;
	}
	item_note(item,
		  "It listens beyond this machine and nobody has to log in. If that is wanted, add insecure: yes;");
	item_note(item, "else write bind: localhost. It does not open before one of them is there.");
}

void import_save(Import *import, const Item *uart, const char *direction, const char *file, const char *limit)
{
	g_autofree char *shell = strpbrk(file, " \t\"'\\") ? g_shell_quote(file) : g_strdup(file);

	if (uart->is_off)
		return;
	import_command(import, "channel save %s/raw/%s -f %s --raw%s%s", uart->name, direction, shell,
		       limit ? " --rotate " : "", limit ? limit : "");
}

/* --- serial lines --- */

gboolean parse_number(const char *text, guint min, guint max, guint *number)
{
	char *end;
	guint64 value;

	if (!text || !g_ascii_isdigit(*text))
		return FALSE;
	value = g_ascii_strtoull(text, &end, 10);
	if (*end || value < min || value > max)
		return FALSE;
	*number = (guint)value;
	return TRUE;
}

gboolean is_usual_baud(guint baud)
{
	static const guint usual[] = { 50,	75,	 110,	  134,	   150,	    200,     300,    600,    1200,
				       1800,	2400,	 4800,	  7200,	   9600,    14400,   19200,  28800,  38400,
				       57600,	76800,	 115200,  230400,  460800,  500000,  576000, 921600, 1000000,
				       1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000 };

	for (gsize i = 0; i < G_N_ELEMENTS(usual); i++)
		if (usual[i] == baud)
			return TRUE;
	return FALSE;
}

gboolean line_parse(Line *line, const char *text)
{
	Line read = *line;
	char *end;
	guint64 baud = g_ascii_strtoull(text, &end, 10);

	if (end == text || baud < 50 || baud > 20000000)
		return FALSE;
	read.baud = (guint)baud;
	if (*end) {
		read.parity = g_ascii_tolower(*end++);
		if (!strchr("noems", read.parity))
			return FALSE;
	}
	if (*end) {
		if (*end < '5' || *end > '8')
			return FALSE;
		read.bits = (guint)(*end++ - '0');
	}
	if (*end) {
		if (*end < '1' || *end > '2')
			return FALSE;
		read.stop = (guint)(*end++ - '0');
	}
	if (*end)
		return FALSE;
	*line = read;
	return TRUE;
}

char *line_text(const Line *line)
{
	return g_strdup_printf("%u%c%u%u", line->baud, g_ascii_toupper(line->parity), line->bits, line->stop);
}

static const char *parity_name(char letter)
{
	return letter == 'o'   ? "odd"
	       : letter == 'e' ? "even"
	       : letter == 'm' ? "mark"
	       : letter == 's' ? "space"
			       : "none";
}

Item *import_uart(Import *import, const char *name, const char *device, const Line *line)
{
	Item *item = import_find(import, "UART", "port", device);

	if (item && !item->is_off) {
		g_autofree char *baud = g_strdup_printf("%u", line->baud);

		item_note(item, "Also used as %s%s.", name,
			  g_strcmp0(item_get(item, "baud"), baud)
				  ? " there, with other settings of the line: it has these now"
				  : "");
		return item;
	}
	item = import_item(import, name, "UART");
	item_set(item, "port", "%s", device);
	item_set(item, "baud", "%u", line->baud);
	if (line->bits != 8)
		item_set(item, "bits", "%u", line->bits);
	if (line->parity != 'n')
		item_set(item, "parity", "%s", parity_name(line->parity));
	if (line->stop != 1)
		item_set(item, "stop", "%u", line->stop);
	if (line->rtscts || line->xonxoff)
		item_set(item, "flow", line->rtscts ? "rtscts" : "xonxoff");
	if (line->rtscts && line->xonxoff)
		item_note(item, "It had XON/XOFF too; here it is one of them.");
	return item;
}

char *escape_bytes(const char *bytes, gsize size)
{
	GString *out = g_string_new(NULL);

	for (gsize i = 0; i < size; i++) {
		guchar byte = (guchar)bytes[i];

		if (byte == '\r' || byte == '\n' || byte == '\t')
			g_string_append(out, byte == '\r' ? "\\r" : byte == '\n' ? "\\n" : "\\t");
		else if (byte == '\\')
			g_string_append(out, "\\\\");
		else if (byte < 32 || byte > 126)
			g_string_append_printf(out, "\\x%02x", byte);
		else
			g_string_append_c(out, (char)byte);
	}
	return g_string_free(out, FALSE);
}

/* --- the result --- */

/* A comment stays one, whatever bytes the original had in it. */
static void comment(GString *out, const char *indent, const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);

	g_strdelimit(valid, "\r\n\t", ' ');
	g_string_append_printf(out, "%s# %s\n", indent, valid);
}

static void write_item(GString *out, const Item *item)
{
	const char *mark = item->is_off ? "#" : "";
	gboolean in_list = FALSE;

	for (guint i = 0; i < item->notes->len; i++)
		comment(out, "  ", item->notes->pdata[i]);
	g_string_append_printf(out, "  %s%s:\n  %s  class: %s\n", mark, item->name, mark, item->class);
	for (guint i = 0; i < item->keys->len; i++) {
		const char *key = item->keys->pdata[i];
		gsize size = strcspn(key, ":");
		gboolean is_list = !strncmp(key, "export:", 7) || !strncmp(key, "import:", 7);

		if (is_list) { /* one behind the other */
			if (!in_list || strncmp(key, item->keys->pdata[i - 1], size))
				g_string_append_printf(out, "  %s  %.*s:\n", mark, (int)size, key);
			g_string_append_printf(out, "  %s    - %s\n", mark, key + size + 2);
		} else {
			g_string_append_printf(out, "  %s  %s\n", mark, key);
		}
		in_list = is_list;
	}
}

static int compare_keys(gconstpointer a, gconstpointer b)
{
	const char *one = *(char *const *)a, *two = *(char *const *)b;
	int left = !strncmp(one, "export:", 7) ? 1 : !strncmp(one, "import:", 7) ? 2 : 0;
	int right = !strncmp(two, "export:", 7) ? 1 : !strncmp(two, "import:", 7) ? 2 : 0;

	return left - right;
}

char *import_text(const Import *import, const char *format)
{
	GString *out = g_string_new(NULL);
	g_autofree char *name = g_path_get_basename(import->path);
	g_autofree char *head = g_strdup_printf(
		"Made of %s (%s) by backplane import. Comments tell what has no counterpart here.", name, format);
	gboolean is_empty = TRUE;

	comment(out, "", head);
	for (guint i = 0; i < import->notes->len; i++)
		comment(out, "", import->notes->pdata[i]);
	for (guint i = 0; i < import->items->len; i++)
		is_empty = is_empty && ((Item *)import->items->pdata[i])->is_off;
	g_string_append(out, is_empty ? "modules: {}\n" : "modules:\n");
	for (guint i = 0; i < import->items->len; i++) {
		Item *item = import->items->pdata[i];

		g_ptr_array_sort(item->keys, compare_keys);
		write_item(out, item);
	}
	if (import->commands->len)
		g_string_append(out, "commands:\n");
	for (guint i = 0; i < import->commands->len; i++) {
		g_autofree char *quoted = yaml_value(import->commands->pdata[i]);

		g_string_append_printf(out, "  - %s\n", quoted);
	}
	return g_string_free(out, FALSE);
}
