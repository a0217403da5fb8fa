/* SPDX-License-Identifier: MIT */
/* settings-codec.c - the text of settings.ini, without a file.
 *
 * A key file with one group a context. Comments, groups and keys that nobody declared stay as they are.
 * Values are escaped so that every text comes back: \n \r \t, \s for a blank at either end, \\, and \xHH for
 * other control characters and for what is not UTF-8. The first and the last line are comments of ours; a
 * file that has the first but not the last was cut. A file without either was made by hand and is welcome.
 */
#include <string.h>
#include "host/param.h"
#include "host/settings.h"

#define FIRST_LINE "# Backplane settings. The last line says that the file is whole."
#define LAST_LINE "# end of settings"

char *settings_escape(const char *text)
{
	GString *out = g_string_new(NULL);
	const char *start = text, *valid;

	g_utf8_validate(text, -1, &valid);
	for (; *text; text++) {
		guchar c = (guchar)*text;

		if (text > valid)
			g_utf8_validate(text, -1, &valid);
		if (c == '\\')
			g_string_append(out, "\\\\");
		else if (c == '\n')
			g_string_append(out, "\\n");
		else if (c == '\r')
			g_string_append(out, "\\r");
		else if (c == '\t')
			g_string_append(out, "\\t");
		else if (c == ' ' && (text == start || !text[1]))
			g_string_append(out, "\\s");
		else if (c < 0x20 || c == 0x7f || text == valid)
			g_string_append_printf(out, "\\x%02x", c);
		else
			g_string_append_c(out, *text);
	}
	return g_string_free(out, FALSE);
}

/* What is no escape of ours stays as it is: C:\dir, written by hand. */
char *settings_unescape(const char *text)
{
	static const char letters[] = "nrts\\", meant[] = "\n\r\t \\";
	GString *out = g_string_new(NULL);

	for (; *text; text++) {
		const char *letter = *text == '\\' && text[1] ? strchr(letters, text[1]) : NULL;

		if (letter) {
			g_string_append_c(out, meant[letter - letters]);
			text++;
		} else if (*text == '\\' && text[1] == 'x' && g_ascii_isxdigit(text[2]) && g_ascii_isxdigit(text[3]) &&
			   (text[2] != '0' || text[3] != '0')) {
			g_string_append_c(out,
					  (char)(g_ascii_xdigit_value(text[2]) * 16 + g_ascii_xdigit_value(text[3])));
			text += 3;
		} else {
			g_string_append_c(out, *text);
		}
	}
	return g_string_free(out, FALSE);
}

gboolean bp_setting_check_key(const char *key, GError **error)
{
	gsize length = strlen(key);
	g_autofree char *shown = NULL;

	if (g_ascii_isalpha(*key) && length <= 255 &&
	    strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == length)
		return TRUE;
	shown = bp_param_quote(key);
	g_set_error(error, BP_HOST_ERROR, BP_INVALID,
		    "%s cannot be a key: letters, digits, _ . and -, at most 255, the first a letter", shown);
	return FALSE;
}

static gboolean line_is(const char *line, gsize length, const char *wanted)
{
	return length == strlen(wanted) && !memcmp(line, wanted, length);
}

/* Our first and last lines are taken out. */
GKeyFile *settings_parse(const char *text, gsize size, GError **error)
{
	g_autoptr(GKeyFile) parsed = g_key_file_new();
	g_autoptr(GString) rest = g_string_sized_new(size);
	gboolean first = FALSE, last = FALSE;
	const char *wrong = NULL;

	for (const char *at = text, *end = text + size; at < end;) {
		const char *stop = memchr(at, '\n', (gsize)(end - at));
		gsize whole = (gsize)((stop ? stop : end) - at), length = whole;

		/* Blanks at the end mean nothing; a line of them alone would not be written as it was read. */
		while (length && g_ascii_isspace(at[length - 1]))
			length--;
		if (line_is(at, length, FIRST_LINE)) {
			first = TRUE;
		} else if (line_is(at, length, LAST_LINE)) {
			last = TRUE;
		} else {
			g_string_append_len(rest, at, (gssize)length);
			g_string_append_c(rest, '\n');
		}
		at += whole + 1;
	}
	if (size > SETTINGS_FILE_MAX)
		wrong = "it has more than 16 MiB";
	else if (memchr(text, 0, size))
		wrong = "it has zero bytes in it";
	else if (!g_utf8_validate(text, (gssize)size, NULL))
		wrong = "it is not valid UTF-8";
	else if ((first && !last) || (size && size < strlen(FIRST_LINE) && !memcmp(text, FIRST_LINE, size)))
		wrong = "its end is missing";
	if (wrong) {
		g_set_error_literal(error, BP_HOST_ERROR, BP_INVALID, wrong);
		return NULL;
	}
	if (rest->len && !g_key_file_load_from_data(parsed, rest->str, rest->len,
						    G_KEY_FILE_KEEP_COMMENTS | G_KEY_FILE_KEEP_TRANSLATIONS, error))
		return NULL;
	return g_steal_pointer(&parsed);
}

char *settings_render(GKeyFile *keys, gsize *size)
{
	g_autofree char *data = g_key_file_to_data(keys, NULL, NULL);
	gsize length = strlen(data);
	char *text = g_strconcat(FIRST_LINE "\n", data, length && data[length - 1] != '\n' ? "\n" : "", LAST_LINE "\n",
				 NULL);

	*size = strlen(text);
	return text;
}
