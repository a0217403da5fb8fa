/* SPDX-License-Identifier: MIT */
/* peer-frame.c - binary frames between hosts of ours. */
#include "peer-frame.h"
#include <string.h>

#define HEAD 5
#define NUMBER 8
#define SAID_HEAD (8 + 8 + 8 + 8 + 1 + 1 + 1 + 2 + 1)
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
	       letter == FRAME_BEAT || letter == FRAME_ACK;
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

gboolean frame_said_read(ChannelFrame *said, const guint8 *body, gsize size)
{
	const guint8 *at = body;
	ChannelFrame read;
	gsize names;

	if (size < SAID_HEAD)
		return FALSE;
	read.sequence = take(&at, 8);
	read.time = (gint64)take(&at, 8);
	read.host = take(&at, 8);
	read.number = take(&at, 8);
	read.flags = (guint8)take(&at, 1);
	read.crossings = (guint8)take(&at, 1);
	read.channel_size = (gsize)take(&at, 1);
	read.origin_size = (gsize)take(&at, 2);
	read.reply_size = (gsize)take(&at, 1);
	size -= SAID_HEAD;
	names = read.channel_size + read.origin_size + read.reply_size;
	if (!read.channel_size || read.origin_size > MOST_ORIGIN || names > size || memchr(at, 0, names))
		return FALSE;
	read.channel = (const char *)at;
	read.origin = read.channel + read.channel_size;
	read.reply = read.origin + read.origin_size;
	read.data = (const guint8 *)read.reply + read.reply_size;
	read.size = size - names;
	*said = read;
	return TRUE;
}

BpMessage *frame_new(FrameKind kind, gconstpointer body, gsize size)
{
	guint8 *at;
	BpMessage *message = bp_message_alloc(HEAD + size, BP_BINARY, &at);

	g_assert(size < G_MAXUINT32);
	put(&at, size + 1, 4);
	put(&at, kind, 1);
	if (size)
		memcpy(at, body, size);
	return message;
}

BpMessage *frame_number_new(FrameKind kind, gconstpointer body, gsize size, guint64 number)
{
	guint8 *at;
	BpMessage *message = bp_message_alloc(HEAD + size + NUMBER, BP_BINARY, &at);

	put(&at, size + NUMBER + 1, 4);
	put(&at, kind, 1);
	if (size)
		memcpy(at, body, size);
	at += size;
	put(&at, number, NUMBER);
	return message;
}

gboolean frame_number(const guint8 *body, gsize size, gsize skip, guint64 *number)
{
	const guint8 *at = body + skip;

	if (size < skip + NUMBER)
		return FALSE;
	*number = take(&at, NUMBER);
	return TRUE;
}

BpMessage *frame_message_new(guint64 number, const char *text, gsize size)
{
	guint8 *at;
	BpMessage *message = bp_message_alloc(HEAD + NUMBER + size, BP_BINARY, &at);

	g_assert(size < G_MAXUINT32 - NUMBER);
	put(&at, NUMBER + size + 1, 4);
	put(&at, FRAME_MESSAGE, 1);
	put(&at, number, NUMBER);
	if (size)
		memcpy(at, text, size);
	return message;
}

BpMessage *frame_said_new(FrameKind kind, const ChannelFrame *said)
{
	gsize origin_size = MIN(said->origin_size, MOST_ORIGIN);
	gsize names = said->channel_size + origin_size + said->reply_size;
	guint8 *at;
	BpMessage *message = bp_message_alloc(HEAD + SAID_HEAD + names + said->size, BP_BINARY, &at);

	g_assert(said->channel_size && said->channel_size < 256 && said->reply_size < 256 && said->size < G_MAXINT32);
	put(&at, 1 + SAID_HEAD + names + said->size, 4);
	put(&at, kind, 1);
	put(&at, said->sequence, 8);
	put(&at, (guint64)said->time, 8);
	put(&at, said->host, 8);
	put(&at, said->number, 8);
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
