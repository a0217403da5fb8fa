/* SPDX-License-Identifier: MIT */
/* json-quote.c - text as a JSON string (RFC 8259, 7). */
#include "host/log.h"

char *json_quote(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	GString *out = g_string_new("\"");

	for (const char *at = valid; *at; at++) {
		guchar byte = (guchar)*at;

		if (byte == '"' || byte == '\\')
			g_string_append_printf(out, "\\%c", byte);
		else if (byte < 0x20)
			g_string_append_printf(out, "\\u%04x", byte);
		else
			g_string_append_c(out, (char)byte);
	}
	g_string_append_c(out, '"');
	return g_string_free(out, FALSE);
}
