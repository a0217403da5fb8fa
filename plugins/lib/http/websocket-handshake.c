/* SPDX-License-Identifier: MIT */
/* websocket-handshake.c - key, extensions and subprotocols of the opening handshake.
 *
 * Of several offers of permessage-deflate the first that we can keep is answered, once. Nothing is carried over between messages
 * on either side. An offer that wants a smaller window of ours is passed over: the deflater is shared by all.
 */
#include "websocket-handshake.h"
#include <string.h>

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_TEXT 24
#define KEY_SIZE 16

char *websocket_accept_key(const char *key)
{
	g_autoptr(GChecksum) sha = NULL;
	g_autofree guchar *bytes = NULL;
	guint8 digest[20];
	gsize size = sizeof(digest);

	/* GLib skips what is not of the alphabet, so that is looked at first. */
	if (!key || strlen(key) != KEY_TEXT || strcmp(key + KEY_TEXT - 2, "==") != 0 ||
	    strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") != KEY_TEXT - 2)
		return NULL;
	bytes = g_base64_decode(key, &size);
	if (size != KEY_SIZE)
		return NULL;
	sha = g_checksum_new(G_CHECKSUM_SHA1);
	g_checksum_update(sha, (const guchar *)key, KEY_TEXT);
	g_checksum_update(sha, (const guchar *)GUID, strlen(GUID));
	size = sizeof(digest);
	g_checksum_get_digest(sha, digest, &size);
	return g_base64_encode(digest, size);
}

/* "10" or "\"10\"", no sign, no leading zero; 0: not within 8 to 15. */
static guint window_bits(const char *text)
{
	gsize size = strlen(text);
	g_autofree char *digits = NULL;
	guint64 bits;

	if (size >= 2 && text[0] == '"' && text[size - 1] == '"')
		digits = g_strndup(text + 1, size - 2);
	else
		digits = g_strdup(text);
	if (digits[0] == '0' || !g_ascii_string_to_unsigned(digits, 10, 8, 15, &bits, NULL))
		return 0;
	return (guint)bits;
}

/* One parameter of an offer; each may be there once. FALSE: the offer cannot be kept. */
static gboolean take_parameter(const char *text, guint *seen, gboolean *says_bits)
{
	static const char *const names[] = { "server_no_context_takeover", "client_no_context_takeover",
					     "server_max_window_bits", "client_max_window_bits" };
	g_auto(GStrv) parts = g_strsplit(text, "=", 2);
	const char *name, *value;
	guint which;

	if (!parts[0])
		return FALSE; /* nothing between two semicolons */
	name = g_strstrip(parts[0]);
	value = parts[1] ? g_strstrip(parts[1]) : NULL;
	for (which = 0; which < G_N_ELEMENTS(names) && g_ascii_strcasecmp(name, names[which]) != 0; which++)
		;
	if (which == G_N_ELEMENTS(names) || *seen & 1u << which)
		return FALSE;
	*seen |= 1u << which;
	switch (which) {
	case 2:
		if (!value || window_bits(value) != 15)
			return FALSE;
		*says_bits = TRUE;
		return TRUE;
	case 3:
		return !value || window_bits(value);
	default:
		return !value;
	}
}

char *websocket_choose_extension(const char *offers)
{
	g_auto(GStrv) list = g_strsplit(offers ? offers : "", ",", 32);

	for (guint i = 0; list[i]; i++) {
		g_auto(GStrv) parts = g_strsplit(list[i], ";", 16);
		gboolean says_bits = FALSE, good = TRUE;
		guint seen = 0;

		if (!parts[0] || g_ascii_strcasecmp(g_strstrip(parts[0]), "permessage-deflate") != 0)
			continue;
		for (guint k = 1; good && parts[k]; k++)
			good = take_parameter(parts[k], &seen, &says_bits);
		if (good)
			return g_strconcat("permessage-deflate; server_no_context_takeover; client_no_context_takeover",
					   says_bits ? "; server_max_window_bits=15" : "", NULL);
	}
	return NULL;
}

const char *websocket_choose_protocol(const char *names, const char *const *ours)
{
	g_auto(GStrv) list = g_strsplit(names ? names : "", ",", 64);

	for (guint i = 0; ours && list[i]; i++)
		for (guint k = 0; ours[k]; k++)
			if (strcmp(g_strstrip(list[i]), ours[k]) == 0)
				return ours[k];
	return NULL;
}
