/* SPDX-License-Identifier: MIT */
/* text.c - widths as GLib's tables give them, and text made fit to be shown. What a terminal
 * would act on never passes: control characters of both sets, also in their two-byte form, the
 * separators that some obey, and what turns the direction of writing, so that a text looks like another. */
#include <backplane/text.h>
#include <string.h>

guint bp_text_width(gunichar character)
{
	if (character >= 0x20 && character < 0x7f)
		return 1;
	if (g_unichar_iszerowidth(character))
		return 0;
	return g_unichar_iswide(character) ? 2 : 1;
}

gboolean bp_text_is_shown(gunichar character)
{
	return character >= 0x20 && !(character >= 0x7f && character < 0xa0) && character != 0x061c &&
	       !(character >= 0x200e && character <= 0x200f) && !(character >= 0x2028 && character <= 0x202e) &&
	       !(character >= 0x2066 && character <= 0x2069);
}

gsize bp_text_sgr(const char *text, gsize size)
{
	gsize at = 2;

	if (size < 3 || text[0] != '\033' || text[1] != '[')
		return 0;
	while (at < size && (g_ascii_isdigit(text[at]) || text[at] == ';' || text[at] == ':'))
		at++;
	return at < size && text[at] == 'm' ? at + 1 : 0;
}

guint bp_text_columns(const char *text)
{
	gsize size = strlen(text);
	guint columns = 0;

	for (gsize at = 0; at < size;) {
		gsize sgr = bp_text_sgr(text + at, size - at);
		gunichar character = g_utf8_get_char_validated(text + at, (gssize)(size - at));

		if (sgr) {
			at += sgr;
		} else if (character >= (gunichar)-2) {
			columns++;
			at++;
		} else {
			columns += bp_text_is_shown(character) ? bp_text_width(character) : 0;
			at += g_utf8_skip[(guchar)text[at]];
		}
	}
	return columns;
}

static void append_hidden(GString *to, guint32 value)
{
	if (value < 0x20)
		g_string_append_printf(to, "^%c", (int)value + '@');
	else if (value == 0x7f)
		g_string_append(to, "^?");
	else if (value < 0x100)
		g_string_append_printf(to, "\\x%02x", value);
	else
		g_string_append_printf(to, "\\u%04x", value);
}

void bp_text_append_safe(GString *to, const char *text, gssize size, gboolean lines)
{
	gsize end = size < 0 ? strlen(text) : (gsize)size;
	gsize plain = 0, at = 0;

	while (at < end) {
		guchar byte = (guchar)text[at];
		gunichar character = byte;
		gsize length = 1;

		if (byte >= 0x80) {
			character = g_utf8_get_char_validated(text + at, (gssize)(end - at));
			if (character < (gunichar)-2)
				length = g_utf8_skip[byte];
		}
		if (character >= (gunichar)-2 || !bp_text_is_shown(character)) {
			if (!(lines && (byte == '\n' || byte == '\t'))) {
				g_string_append_len(to, text + plain, (gssize)(at - plain));
				append_hidden(to, character >= (gunichar)-2 ? byte : character);
				plain = at + length;
			}
		}
		at += length;
	}
	g_string_append_len(to, text + plain, (gssize)(end - plain));
}

char *bp_text_safe(const char *text, gssize size)
{
	GString *safe = g_string_new(NULL);

	bp_text_append_safe(safe, text, size, FALSE);
	return g_string_free(safe, FALSE);
}

gsize bp_text_fit(const char *text, guint columns)
{
	const char *at = text;
	guint used = 0;

	while (*at) {
		gunichar character = g_utf8_get_char_validated(at, -1);
		gboolean valid = character < (gunichar)-2;
		guint width = valid ? bp_text_width(character) : 1;

		if (used + width > columns)
			break;
		used += width;
		at += valid ? g_utf8_skip[(guchar)*at] : 1;
	}
	return (gsize)(at - text);
}

char *bp_duration_text(gint64 time)
{
	int seconds = (int)MIN(time / G_USEC_PER_SEC, G_MAXINT);

	if (seconds < 60)
		return g_strdup_printf("%.1f s", (double)time / G_USEC_PER_SEC);
	return seconds < 3600	 ? g_strdup_printf("%d min %d s", seconds / 60, seconds % 60)
	       : seconds < 86400 ? g_strdup_printf("%d h %d min", seconds / 3600, seconds % 3600 / 60)
				 : g_strdup_printf("%d d %d h", seconds / 86400, seconds % 86400 / 3600);
}
