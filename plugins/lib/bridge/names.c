/* SPDX-License-Identifier: MIT */
/* names.c - names of channels and of topics: which leave, what a pattern stands for, and how one becomes the other. */
#include <backplane/backplane.h>
#include <backplane/bridge.h>
#include <string.h>

#define CAPTURES 9

/* --- what may leave --- */

/* NAME/recv, and what is below NAME, of an instance that serves sessions. */
static gboolean is_typed_input(const char *name)
{
	g_autofree char *part = g_str_has_suffix(name, "/recv") ? g_strdup(name) : NULL;

	for (char *slash; part && (slash = strrchr(part, '/'));) {
		BpInstance *instance;
		const char *handler;

		*slash = 0;
		instance = bp_instance_find(part);
		if (!instance || !bp_param_find(bp_instance_module(instance)->params, "handler"))
			continue;
		handler = bp_instance_string(instance, "handler");
		if (handler && *handler)
			return TRUE;
	}
	return FALSE;
}

gboolean bp_bridge_may_leave(const char *channel)
{
	return !g_str_has_prefix(channel, "session/") && !is_typed_input(channel);
}

/* --- what a pattern stands for --- */

static char **captured(const char *const *begins, const char *const *ends, guint count)
{
	char **list = g_new0(char *, count + 1);

	for (guint i = 0; i < count; i++)
		list[i] = g_strndup(begins[i], (gsize)(ends[i] - begins[i]));
	return list;
}

char **bp_bridge_captures(const char *pattern, const char *name)
{
	const char *begins[CAPTURES], *ends[CAPTURES], *star = NULL, *from = NULL;
	guint count = 0, star_count = 0;

	for (;;) {
		if (*pattern == '*' && count < CAPTURES) {
			star = pattern++;
			from = name;
			begins[count] = ends[count] = name;
			star_count = ++count;
		} else if (*name && *pattern == '?' && count < CAPTURES) {
			begins[count] = name;
			name = g_utf8_next_char(name);
			ends[count++] = name;
			pattern++;
		} else if (*name && *pattern == *name) {
			pattern++;
			name++;
		} else if (!*name && !*pattern) {
			return captured(begins, ends, count);
		} else if (star && *from) { /* the last star takes one more */
			name = ++from;
			pattern = star + 1;
			count = star_count;
			ends[count - 1] = from;
		} else {
			return NULL;
		}
	}
}

char **bp_bridge_topic_captures(const char *filter, const char *topic)
{
	const char *begins[CAPTURES], *ends[CAPTURES];
	guint count = 0;

	if (*topic == '$' && (*filter == '+' || *filter == '#'))
		return NULL;
	for (;; filter++, topic++) {
		gsize wanted = strcspn(filter, "/"), size = strcspn(topic, "/");
		gboolean wild = wanted == 1 && (*filter == '+' || *filter == '#');

		if (wild && *filter == '#')
			size = strlen(topic);
		if (wild && count < CAPTURES) {
			begins[count] = topic;
			ends[count++] = topic + size;
		} else if (!wild && (wanted != size || memcmp(filter, topic, size) != 0)) {
			return NULL;
		}
		filter += wanted;
		topic += size;
		if (!*filter && !*topic)
			return captured(begins, ends, count);
		if (!*topic && strcmp(filter, "/#") == 0) { /* the parent, too */
			begins[MIN(count, CAPTURES - 1)] = ends[MIN(count, CAPTURES - 1)] = topic;
			return captured(begins, ends, MIN(count + 1, CAPTURES));
		}
		if (!*filter || !*topic)
			return NULL;
	}
}

/* --- templates --- */

static const char *value_of(const char *word, gsize size, const BpBridgeNames *names)
{
	guint count = names->captures ? g_strv_length((char **)names->captures) : 0;

	if (size == 4 && memcmp(word, "host", size) == 0)
		return names->host;
	if (size == 6 && memcmp(word, "bridge", size) == 0)
		return names->bridge;
	if ((size == 7 && memcmp(word, "channel", size) == 0) || (size == 5 && memcmp(word, "topic", size) == 0))
		return names->name;
	return size == 1 && *word >= '1' && *word <= '9' && (guint)(*word - '1') < count ? names->captures[*word - '1']
											 : NULL;
}

char *bp_bridge_expand(const char *text, const BpBridgeNames *names, BpBridgeEscape escape, GError **error)
{
	g_autoptr(GString) result = g_string_new(NULL);

	for (const char *end; *text; text = end + 1) {
		const char *open = strchr(text, '{'), *value;
		g_autofree char *escaped = NULL;

		end = open ? strchr(open, '}') : NULL;
		if (!end) {
			g_string_append(result, text);
			break;
		}
		g_string_append_len(result, text, open - text);
		value = value_of(open + 1, (gsize)(end - open - 1), names);
		if (!value) {
			bp_fail(error, BP_INVALID,
				"%.*s stands for nothing here; there are {host}, {bridge}, {channel}, {topic}, and {1} for the first wildcard of the pattern",
				(int)(end - open + 1), open);
			return NULL;
		}
		escaped = escape(value);
		g_string_append(result, escaped);
	}
	return g_string_free(g_steal_pointer(&result), FALSE);
}

/* --- escapes --- */

/* What mosquitto and others refuse in a topic: control characters and what is no character at all. */
static gboolean is_refused(gunichar c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef) ||
	       c == 0xfeff;
}

static char *escape(const char *text, const char *special, gboolean dollar)
{
	GString *result = g_string_sized_new(strlen(text) + 16);

	for (const char *at = text; *at;) {
		gunichar c = g_utf8_get_char_validated(at, -1);
		gboolean valid = c != (gunichar)-1 && c != (gunichar)-2;
		gsize size = valid ? (gsize)(g_utf8_next_char(at) - at) : 1;
		gboolean plain = valid && !is_refused(c) && !(size == 1 && strchr(special, *at)) &&
				 !(dollar && at == text && *at == '$');

		for (gsize i = 0; i < size && !plain; i++)
			g_string_append_printf(result, "%%%02X", (guchar)at[i]);
		if (plain)
			g_string_append_len(result, at, (gssize)size);
		at += size;
	}
	return g_string_free(result, FALSE);
}

char *bp_bridge_to_topic(const char *name)
{
	return escape(name, "%+#", TRUE);
}

char *bp_bridge_to_channel(const char *topic)
{
	return escape(topic, "%*?[] ", FALSE);
}

char *bp_bridge_from_topic(const char *topic)
{
	g_autoptr(GString) name = g_string_sized_new(strlen(topic));
	g_autofree char *again = NULL;

	for (const char *at = topic; *at; at++) {
		int high = *at == '%' ? g_ascii_xdigit_value(at[1]) : -1,
		    low = high < 0 ? -1 : g_ascii_xdigit_value(at[2]);

		if (*at == '%' && (low < 0 || !(high || low)))
			return NULL;
		g_string_append_c(name, *at == '%' ? (char)(high << 4 | low) : *at);
		at += *at == '%' ? 2 : 0;
	}
	/* One name has one spelling. */
	again = bp_bridge_to_topic(name->str);
	return strcmp(again, topic) == 0 ? g_string_free(g_steal_pointer(&name), FALSE) : NULL;
}
