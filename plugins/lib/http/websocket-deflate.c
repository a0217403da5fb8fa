/* SPDX-License-Identifier: MIT */
/* websocket-deflate.c - permessage-deflate without context takeover, so that a thread's one inflater and deflater serve
 * all connections, and a message is compressed once for all of them.
 */
#include "websocket-codec.h"
#include <zlib.h>

#define LEVEL 3 /* messages are short: higher levels cost time and save little */
#define STEP 4096

static const guint8 tail[4] = { 0x00, 0x00, 0xff, 0xff };

static void inflater_free(gpointer data)
{
	inflateEnd(data);
	g_free(data);
}

static void deflater_free(gpointer data)
{
	deflateEnd(data);
	g_free(data);
}

static GPrivate inflaters = G_PRIVATE_INIT(inflater_free);
static GPrivate deflaters = G_PRIVATE_INIT(deflater_free);

static z_stream *get_inflater(void)
{
	z_stream *stream = g_private_get(&inflaters);

	if (stream) {
		inflateReset(stream);
		return stream;
	}
	stream = g_new0(z_stream, 1);
	g_assert(inflateInit2(stream, -MAX_WBITS) == Z_OK); /* out of memory, as g_new would say it */
	g_private_set(&inflaters, stream);
	return stream;
}

static z_stream *get_deflater(void)
{
	z_stream *stream = g_private_get(&deflaters);

	if (stream) {
		deflateReset(stream);
		return stream;
	}
	stream = g_new0(z_stream, 1);
	g_assert(deflateInit2(stream, LEVEL, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	g_private_set(&deflaters, stream);
	return stream;
}

/* FALSE: it is no deflated data, or gets too long. A block may say that it is the last one; another may follow. */
static gboolean inflate_part(z_stream *stream, GByteArray *out, gsize limit, const guint8 *data, gsize size,
			     gboolean *too_long)
{
	stream->next_in = (Bytef *)data;
	stream->avail_in = (uInt)size;
	for (;;) {
		guint used = out->len;
		guint room = (guint)MIN(MAX(STEP, used), limit + 1 - used);
		int result;

		g_byte_array_set_size(out, used + room);
		stream->next_out = out->data + used;
		stream->avail_out = room;
		result = inflate(stream, Z_SYNC_FLUSH);
		g_byte_array_set_size(out, used + room - stream->avail_out);
		if (out->len > limit) {
			*too_long = TRUE;
			return FALSE;
		}
		if (result == Z_STREAM_END)
			inflateReset(stream);
		else if (result != Z_OK && result != Z_BUF_ERROR)
			return FALSE;
		if (result == Z_BUF_ERROR && stream->avail_in && stream->avail_out)
			return FALSE;
		if (stream->avail_in == 0 && (stream->avail_out || result == Z_STREAM_END))
			return TRUE;
	}
}

GByteArray *websocket_inflate(const guint8 *data, gsize size, gsize limit, gboolean *too_long)
{
	z_stream *stream = get_inflater();
	g_autoptr(GByteArray) out = g_byte_array_new();

	*too_long = FALSE;
	if (!inflate_part(stream, out, limit, data, size, too_long))
		return NULL;
	/* Not after a last block: there the tail would begin another one. */
	if (stream->total_in && !inflate_part(stream, out, limit, tail, sizeof(tail), too_long))
		return NULL;
	return g_steal_pointer(&out);
}

GByteArray *websocket_deflate(const guint8 *data, gsize size)
{
	z_stream *stream = get_deflater();
	g_autoptr(GByteArray) out = g_byte_array_new();

	if (size < 16)
		return NULL;
	g_byte_array_set_size(out, (guint)size);
	stream->next_in = (Bytef *)data;
	stream->avail_in = (uInt)size;
	stream->next_out = out->data;
	stream->avail_out = out->len;
	/* Room left over means that all of it was flushed. */
	if (deflate(stream, Z_SYNC_FLUSH) != Z_OK || stream->avail_in || stream->avail_out == 0)
		return NULL;
	g_byte_array_set_size(out, out->len - stream->avail_out - sizeof(tail));
	return g_steal_pointer(&out);
}
