/* SPDX-License-Identifier: MIT */
/* websocket-utf8.c - UTF-8 that comes in parts: fails at the first byte that no text can have there.
 *
 * The state: how many bytes the character still needs, and what the next of them may be (overlong forms, surrogates
 * and what is beyond U+10FFFF are told from the second byte).
 */
#include "websocket-codec.h"
#include <string.h>

#define STATE(left, low, high) ((guint32)(left) | (guint32)(low) << 8 | (guint32)(high) << 16)
#define HIGH_BITS G_GUINT64_CONSTANT(0x8080808080808080)

static gboolean begin_character(guint32 *state, guint8 byte)
{
	if (byte >= 0xc2 && byte <= 0xdf)
		*state = STATE(1, 0x80, 0xbf);
	else if (byte == 0xe0)
		*state = STATE(2, 0xa0, 0xbf);
	else if (byte == 0xed)
		*state = STATE(2, 0x80, 0x9f);
	else if (byte >= 0xe1 && byte <= 0xef)
		*state = STATE(2, 0x80, 0xbf);
	else if (byte == 0xf0)
		*state = STATE(3, 0x90, 0xbf);
	else if (byte >= 0xf1 && byte <= 0xf3)
		*state = STATE(3, 0x80, 0xbf);
	else if (byte == 0xf4)
		*state = STATE(3, 0x80, 0x8f);
	else
		return FALSE;
	return TRUE;
}

gboolean websocket_utf8_check(guint32 *state, const guint8 *data, gsize size)
{
	guint32 now = *state;
	gsize i = 0;

	while (i < size) {
		guint64 eight;
		guint left;

		if (now == 0 && size - i >= sizeof(eight)) {
			memcpy(&eight, data + i, sizeof(eight));
			if (!(eight & HIGH_BITS)) {
				i += sizeof(eight);
				continue;
			}
		}
		if (now == 0) {
			if (data[i] >= 0x80 && !begin_character(&now, data[i]))
				return FALSE;
			i++;
			continue;
		}
		if (data[i] < (now >> 8 & 0xff) || data[i] > now >> 16)
			return FALSE;
		left = (now & 0xff) - 1;
		now = left ? STATE(left, 0x80, 0xbf) : 0;
		i++;
	}
	*state = now;
	return TRUE;
}
