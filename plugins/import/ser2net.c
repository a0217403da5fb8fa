/* SPDX-License-Identifier: MIT */
/* ser2net.c - what both formats of ser2net share: its strings, and what it traces. */
#include "import.h"
#include <string.h>

static void append_name(GString *out, const char *name, gboolean is_file)
{
	const char *slash = is_file ? strrchr(name, '/') : NULL;

	g_string_append(out, slash ? slash + 1 : name);
}

static const char *append_number(GString *out, const char *at)
{
	guint byte = 0;

	if (*at == 'x') {
		for (at++; g_ascii_isxdigit(*at) && byte < 16; at++)
			byte = byte * 16 + (guint)g_ascii_xdigit_value(*at);
	} else {
		for (guint i = 0; i < 3 && *at >= '0' && *at <= '7'; i++, at++)
			byte = byte * 8 + (guint)(*at - '0');
	}
	g_string_append_c(out, (char)byte);
	return at;
}

char *ser2net_text(const char *text, const Ser2netNames *names, gboolean is_file, gsize *size, gboolean *is_dated)
{
	static const char letters[] = "abfnrtv", bytes[] = "\a\b\f\n\r\t\v";
	GString *out = g_string_new(NULL);

	for (const char *at = text; *at;) {
		g_autofree char *speed = NULL;
		const char *letter;

		if (*at != '\\' || !at[1]) {
			g_string_append_c(out, *at++);
			continue;
		}
		letter = strchr(letters, *++at);
		if (letter)
			g_string_append_c(out, bytes[letter - letters]);
		else if (*at == 'd' || *at == 'o')
			append_name(out, names->device, is_file);
		else if (*at == 'N')
			append_name(out, names->name, is_file);
		else if (*at == 'p')
			append_name(out, names->port, is_file);
		else if (*at == 'B')
			g_string_append(out, speed = line_text(&names->line));
		else if (strchr("YyMmADHhiSsqPTeUI", *at))
			*is_dated = TRUE;
		else if (*at == 'x' || (*at >= '0' && *at <= '7')) {
			at = append_number(out, at);
			continue;
		} else
			g_string_append_c(out, *at);
		at++;
	}
	*size = out->len;
	return g_string_free(out, FALSE);
}

void ser2net_string(Item *item, const char *key, const char *text, const Ser2netNames *names)
{
	gboolean is_dated = FALSE;
	gsize size;
	g_autofree char *bytes = ser2net_text(text, names, FALSE, &size, &is_dated);
	g_autofree char *escaped = escape_bytes(bytes, size);

	item_set(item, key, "%s", escaped);
	if (is_dated)
		item_note(item, "%s had date, time or the client's address in it: %s", key, text);
}

/* The date in its words: \Y-\m-\D is %Y-%m-%d. */
static char *dated_name(const char *file, const Ser2netNames *names)
{
	g_autoptr(GString) given = g_string_new(file);
	gboolean is_dated = FALSE;
	gsize size;

	g_string_replace(given, "\\Y", "%Y", 0);
	g_string_replace(given, "\\m", "%m", 0);
	g_string_replace(given, "\\M", "%m", 0);
	g_string_replace(given, "\\D", "%d", 0);
	g_string_replace(given, "\\H", "%H", 0);
	return ser2net_text(given->str, names, TRUE, &size, &is_dated);
}

void ser2net_trace(Import *import, const Item *uart, const char *direction, const char *file, const Ser2netNames *names)
{
	gboolean is_dated = FALSE;
	gsize size;
	g_autofree char *path = ser2net_text(file, names, TRUE, &size, &is_dated), *daily = dated_name(file, names);
	gboolean is_both = !strcmp(direction, "both");

	if (is_dated) {
		g_autoptr(GString) tidy = g_string_new(path);

		while (g_string_replace(tidy, "--", "-", 0))
			;
		g_string_replace(tidy, "-.", ".", 0);
		g_free(path);
		path = g_strdup(tidy->str);
		import_note(import,
			    "A trace file had the date in its name: %s. For a new file each day: uart log %s %s --time",
			    file, uart->name, daily);
	}
	if (is_both || !strcmp(direction, "read"))
		import_save(import, uart, "recv", path, "10M");
	if (is_both || !strcmp(direction, "write")) {
		g_autofree char *sent = is_both ? g_strconcat(path, ".sent", NULL) : g_strdup(path);

		import_save(import, uart, "send", sent, "10M");
	}
}
