/* SPDX-License-Identifier: MIT */
/* bytes.c - bytes as people read and write them, in the form of Python's bytes, which the users of earlier servers know and can
 * paste into a script; secrets compared. */
#include <string.h>
#include <backplane/bytes.h>
#include <backplane/channel.h>

#define SHOWN_LIMIT 4096 /* of one message; longer ones are cut, and their size is shown */

static void append_byte(GString *line, guchar byte, char quote)
{
	static const char letters[] = "\tt\nn\rr";
	const char *letter = byte ? strchr(letters, byte) : NULL;

	if (letter && byte < 32)
		g_string_append_printf(line, "\\%c", letter[1]);
	else if (byte < 32 || byte > 126)
		g_string_append_printf(line, "\\x%02x", byte);
	else if (byte == '\\' || byte == (guchar)quote)
		g_string_append_printf(line, "\\%c", byte);
	else
		g_string_append_c(line, (char)byte);
}

char *bp_bytes_text(gconstpointer data, gsize size)
{
	const guchar *bytes = data;
	gsize shown = MIN(size, SHOWN_LIMIT);
	char quote = shown && memchr(data, '\'', shown) && !memchr(data, '"', shown) ? '"' : '\'';
	GString *line = g_string_sized_new(shown + shown / 4 + 32);

	g_string_append_printf(line, "b%c", quote);
	for (gsize i = 0; i < shown; i++)
		append_byte(line, bytes[i], quote);
	g_string_append_c(line, quote);
	if (shown < size)
		g_string_append_printf(line, "... %" G_GSIZE_FORMAT " bytes", size);
	return g_string_free(line, FALSE);
}

guint8 *bp_bytes_from_hex(const char *text, gsize *size, GError **error)
{
	g_autofree guint8 *bytes = g_malloc(strlen(text) / 2 + 1);
	gsize count = 0;

	for (const char *at = text; *at;) {
		if (g_ascii_isspace(*at) || *at == ':') {
			at++;
			continue;
		}
		if (!g_ascii_isxdigit(at[0]) || !g_ascii_isxdigit(at[1])) {
			g_set_error(error, BP_BUS_ERROR, BP_INVALID,
				    "\"%.2s\" at column %td is no hex byte: write two digits each, as in ff 0a 31", at,
				    at - text + 1);
			return NULL;
		}
		bytes[count++] = (guint8)(g_ascii_xdigit_value(at[0]) << 4 | g_ascii_xdigit_value(at[1]));
		at += 2;
	}
	*size = count;
	return g_steal_pointer(&bytes);
}

char *bp_bytes_to_hex(gconstpointer data, gsize size)
{
	const guint8 *bytes = data;
	GString *text = g_string_sized_new(2 * size);

	for (gsize i = 0; i < size; i++)
		g_string_append_printf(text, "%02x", bytes[i]);
	return g_string_free(text, FALSE);
}

void bp_channel_print_bytes(BpChannel *channel, const char *prefix, gconstpointer data, gsize size)
{
	g_autofree char *text = NULL;

	if (!bp_channel_wants(channel))
		return;
	text = bp_bytes_text(data, size);
	bp_channel_printf(channel, "%s %s", prefix, text);
}

gboolean bp_secret_equal(const char *given, const char *wanted)
{
	gsize size = given ? strlen(given) : 0, length = wanted ? strlen(wanted) : 0;
	guint differ = size != length || !given || !wanted;

	for (gsize i = 0; i < size; i++)
		differ |= (guint)given[i] ^ (guint)(length ? wanted[i % length] : 0);
	return !differ;
}
