/* SPDX-License-Identifier: MIT */
/* udp-text.c - addresses as people write them. */
#include <string.h>
#include "udp.h"

gboolean udp_part_address(const char *text, gboolean bare, char **host, guint *port, GError **error)
{
	const char *colon = strrchr(text, ':');
	gsize size = colon ? (gsize)(colon - text) : 0;
	guint64 number;

	if (size > 2 && text[0] == '[' && text[size - 1] == ']') {
		text++;
		size -= 2;
	} else if (!bare && size && memchr(text, ':', size)) {
		size = 0;
	}
	if (!size || !g_ascii_string_to_unsigned(colon + 1, 10, 1, 65535, &number, NULL)) {
		g_set_error(error, BP_HOST_ERROR, BP_INVALID,
			    "%.80s is not HOST:PORT: write localhost:5000 or [::1]:5000", text);
		return FALSE;
	}
	*host = g_strndup(text, size);
	*port = (guint)number;
	return TRUE;
}

const BpAddress *udp_choose_address(GArray *addresses, gboolean may_v4, gboolean may_v6)
{
	const BpAddress *second = NULL;

	for (guint i = 0; addresses && i < addresses->len; i++) {
		const BpAddress *at = &g_array_index(addresses, BpAddress, i);

		if (at->storage.ss_family == AF_INET && may_v4)
			return at;
		if (at->storage.ss_family == AF_INET6 && may_v6 && !second)
			second = at;
	}
	return second;
}
