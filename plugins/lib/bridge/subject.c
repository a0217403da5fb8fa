/* SPDX-License-Identifier: MIT */
/* subject.c - names of channels as subjects of NATS, and back. Parts of a subject are separated by dots and not empty; a part that is * or >
 * is a wildcard; blanks and control characters separate the words of the protocol.
 */
#include <backplane/backplane.h>
#include <backplane/bridge.h>
#include <string.h>

#define CAPTURES 9
#define MOST_SUBJECT 1024 /* a line of the protocol has at most 4096 bytes */

/* `first`: first byte of the subject; those that begin with $ or _ belong to the server. */
static gboolean is_plain(char c, gboolean first)
{
	return c > 0x20 && c < 0x7f && !strchr("%.*>", c) && !(first && (c == '$' || c == '_'));
}

char *bp_bridge_to_subject(const char *name)
{
	GString *result = g_string_sized_new(strlen(name) + 16);
	gboolean begins = TRUE;

	for (const char *at = name;; at++) {
		if (begins && (!*at || *at == '/'))
			g_string_append(result, "%00");
		if (!*at)
			break;
		begins = *at == '/';
		if (begins)
			g_string_append_c(result, '.');
		else if (is_plain(*at, at == name))
			g_string_append_c(result, *at);
		else
			g_string_append_printf(result, "%%%02X", (guchar)*at);
	}
	return g_string_free(result, FALSE);
}

char *bp_bridge_from_subject(const char *subject)
{
	g_autoptr(GString) name = g_string_sized_new(strlen(subject));
	g_autofree char *again = NULL;

	for (const char *at = subject; *at; at++) {
		int high = *at == '%' ? g_ascii_xdigit_value(at[1]) : -1,
		    low = high < 0 ? -1 : g_ascii_xdigit_value(at[2]);

		if (*at == '%' && low < 0)
			return NULL;
		if (*at == '.')
			g_string_append_c(name, '/');
		else if (*at != '%' || high || low)
			g_string_append_c(name, *at == '%' ? (char)(high << 4 | low) : *at);
		at += *at == '%' ? 2 : 0;
	}
	/* One name has one spelling. */
	again = bp_bridge_to_subject(name->str);
	return strcmp(again, subject) == 0 ? g_string_free(g_steal_pointer(&name), FALSE) : NULL;
}

char *bp_bridge_subject_channel(const char *subject)
{
	g_autofree char *name = bp_bridge_from_subject(subject);
	g_autofree char *literal = NULL;

	if (name && bp_channel_check_name(name, NULL))
		return g_steal_pointer(&name);
	literal = g_strdelimit(g_strdup(subject), ".", '/');
	return bp_bridge_to_channel(literal);
}

char **bp_bridge_subject_captures(const char *filter, const char *subject)
{
	g_autoptr(GPtrArray) captures = g_ptr_array_new_with_free_func(g_free);

	for (;; filter++, subject++) {
		gsize wanted = strcspn(filter, "."), size = strcspn(subject, ".");
		gboolean rest = wanted == 1 && *filter == '>' && !filter[1];
		gboolean wild = rest || (wanted == 1 && *filter == '*');

		if (rest)
			size = strlen(subject);
		if (!size || (!wild && (wanted != size || memcmp(filter, subject, size) != 0)))
			return NULL;
		if (wild && captures->len < CAPTURES)
			g_ptr_array_add(captures, g_strndup(subject, size));
		filter += wanted;
		subject += size;
		if (!*filter && !*subject)
			break;
		if (!*filter || !*subject)
			return NULL;
	}
	g_ptr_array_add(captures, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&captures), FALSE);
}

gboolean bp_bridge_subject_check(const char *subject, gboolean wild)
{
	gsize all = strlen(subject);

	if (!all || all > MOST_SUBJECT)
		return FALSE;
	for (const char *at = subject; *at; at++)
		if ((guchar)*at <= 0x20 || *at == 0x7f)
			return FALSE;
	for (const char *at = subject;; at++) {
		gsize size = strcspn(at, ".");

		if (!size || (size == 1 && (*at == '*' || *at == '>') && (!wild || (*at == '>' && at[1]))))
			return FALSE;
		at += size;
		if (!*at)
			return TRUE;
	}
}
