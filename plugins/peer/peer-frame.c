/* SPDX-License-Identifier: MIT */
/* peer-frame.c - binary frames between hosts of ours. */
#include "peer-frame.h"
#include <string.h>

#define HEAD 5
#define SAID_HEAD (8 + 8 + 1 + 1 + 1 + 2 + 1)
#define MOST_ORIGIN 1023

static void put(guint8 **at, guint64 number, guint bytes)
{
	while (bytes--)
		*(*at)++ = (guint8)(number >> (8 * bytes));
}

static guint64 take(const guint8 **at, guint bytes)
{
	guint64 number = 0;

	while (bytes--)
		number = number << 8 | *(*at)++;
	return number;
}

static gboolean is_kind(guint8 letter)
{
	return letter == FRAME_CONTROL || letter == FRAME_MESSAGE || letter == FRAME_CHANNEL || letter == FRAME_SEND ||
	       letter == FRAME_BEAT;
}

FrameResult frame_next(JsonLine *input, gsize limit, FrameKind *kind, const guint8 **body, gsize *size)
{
	gsize waiting;
	const guint8 *at = json_line_peek(input, &waiting);
	gsize length;

	if (waiting < HEAD)
		return FRAME_NONE;
	length = (gsize)take(&at, 4);
	if (!length || length > limit || !is_kind(*at))
		return FRAME_BROKEN;
	if (waiting - 4 < length)
		return FRAME_NONE;
	*kind = (FrameKind)*at;
	*body = at + 1;
	*size = length - 1;
	json_line_skip(input, 4 + length);
	return FRAME_TAKEN;
}

gboolean frame_said_read(FrameSaid *said, const guint8 *body, gsize size)
{
	const guint8 *at = body;

	memset(said, 0, sizeof(*said));
	if (size < SAID_HEAD)
		return FALSE;
	said->sequence = take(&at, 8);
	said->time = (gint64)take(&at, 8);
	said->flags = (guint8)take(&at, 1);
	said->crossings = (guint8)take(&at, 1);
	said->channel_size = (gsize)take(&at, 1);
	said->origin_size = (gsize)take(&at, 2);
	said->reply_size = (gsize)take(&at, 1);
	size -= SAID_HEAD;
	if (!said->channel_size || said->origin_size > MOST_ORIGIN ||
	    said->channel_size + said->origin_size + said->reply_size > size)
		return FALSE;
	said->channel = (const char *)at;
	said->origin = said->channel + said->channel_size;
	said->reply = said->origin + said->origin_size;
	said->data = (const guint8 *)said->reply + said->reply_size;
	said->size = size - said->channel_size - said->origin_size - said->reply_size;
	return !memchr(at, 0, said->channel_size + said->origin_size + said->reply_size);
}

BpMessage *frame_new(FrameKind kind, gconstpointer body, gsize size)
{
	guint8 *at;
	BpMessage *message = bp_message_alloc(HEAD + size, BP_BINARY, &at);

	put(&at, size + 1, 4);
	put(&at, kind, 1);
	if (size)
		memcpy(at, body, size);
	return message;
}

BpMessage *frame_said_new(FrameKind kind, const FrameSaid *said)
{
	gsize origin_size = MIN(said->origin_size, MOST_ORIGIN);
	gsize names = said->channel_size + origin_size + said->reply_size;
	guint8 *at;
	BpMessage *message = bp_message_alloc(HEAD + SAID_HEAD + names + said->size, BP_BINARY, &at);

	g_assert(said->channel_size && said->channel_size < 256 && said->reply_size < 256);
	put(&at, 1 + SAID_HEAD + names + said->size, 4);
	put(&at, kind, 1);
	put(&at, said->sequence, 8);
	put(&at, (guint64)said->time, 8);
	put(&at, said->flags, 1);
	put(&at, said->crossings, 1);
	put(&at, said->channel_size, 1);
	put(&at, origin_size, 2);
	put(&at, said->reply_size, 1);
	memcpy(at, said->channel, said->channel_size);
	at += said->channel_size;
	if (origin_size)
		memcpy(at, said->origin, origin_size);
	at += origin_size;
	if (said->reply_size)
		memcpy(at, said->reply, said->reply_size);
	at += said->reply_size;
	if (said->size)
		memcpy(at, said->data, said->size);
	return message;
}
