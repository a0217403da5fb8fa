/* SPDX-License-Identifier: MIT */
/* give-back.c - bytes that were read from a stream and are delivered again, to its present events. */
#include "stream.h"

typedef struct {
	BpStream *stream;
	GByteArray *bytes;
	gboolean ended;
} ReturnedBytes;

static void unused_free(gpointer data)
{
	ReturnedBytes *unused = data;

	stream_unref(unused->stream);
	g_byte_array_unref(unused->bytes);
	g_free(unused);
}

static void on_unused(BpPlugin *self, gpointer data)
{
	ReturnedBytes *unused = data;
	BpStream *stream = unused->stream;

	if (bp_stream_is_closing(stream))
		return;
	bp_stream_set_reading(stream, TRUE);
	if (unused->bytes->len && stream->events.data)
		stream->events.data(stream->owned.owner, stream, unused->bytes->data, unused->bytes->len, stream->user);
	if (unused->ended && !bp_stream_is_closing(stream) && stream->events.end)
		stream->events.end(stream->owned.owner, stream, stream->user);
}

void bp_stream_give_back(BpStream *stream, gconstpointer data, gsize size, gboolean ended)
{
	ReturnedBytes *unused = g_new0(ReturnedBytes, 1);

	unused->stream = bp_stream_ref(stream);
	unused->bytes = g_byte_array_new();
	unused->ended = ended;
	g_byte_array_append(unused->bytes, data, (guint)size);
	bp_stream_set_reading(stream, FALSE);
	bp_defer(stream->owned.owner, on_unused, unused, unused_free);
}
