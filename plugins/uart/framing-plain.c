/* SPDX-License-Identifier: MIT */
/* framing-plain.c - framings that leave the bytes as they are: raw (whatever came at once), lines, gap (a pause ends a
 * frame, as Modbus RTU has it). */
#include "framing.h"

enum { PLAIN, TOO_LONG };

static void encode_same(const BpFramingOptions *options, const guint8 *data, gsize size, GByteArray *wire)
{
	g_byte_array_append(wire, data, (guint)size);
}

/* --- raw --- */

static void feed_raw(BpDecoder *base, const guint8 *data, gsize size)
{
	if (size)
		frame_emit_bytes((FrameDecoder *)base, data, size);
}

const BpFraming framing_raw = {
	.size = sizeof(framing_raw),
	.name = "raw",
	.help = "bytes as they come",
	.decoder_new = frame_decoder_new,
	.feed = feed_raw,
	.reset = frame_decoder_reset,
	.free = frame_decoder_free,
	.encode = encode_same,
};

/* --- lines --- */

/* The buffer has a whole line, its end included, or the end of one that is too long. */
static void end_line(FrameDecoder *decoder)
{
	decoder->used -= decoder->line_end_size;
	/* LF alone takes CR LF too. */
	if (decoder->line_end_size == 1 && decoder->line_end[0] == '\n' && decoder->used &&
	    decoder->bytes[decoder->used - 1] == '\r')
		decoder->used--;
	if (decoder->state == PLAIN && decoder->used > decoder->limit) {
		decoder->base.counts.too_long++;
		decoder->state = TOO_LONG;
	}
	if (decoder->state == TOO_LONG)
		frame_drop(decoder);
	else
		frame_emit(decoder);
	decoder->state = PLAIN;
}

static gboolean ends_line(const FrameDecoder *decoder)
{
	gsize size = decoder->line_end_size;

	return decoder->used >= size && memcmp(decoder->bytes + decoder->used - size, decoder->line_end, size) == 0;
}

/* What is dropped of a line that is too long leaves the last bytes, which may begin its end. */
static void shorten(FrameDecoder *decoder)
{
	gsize keep = MIN(decoder->line_end_size - 1, decoder->used);

	decoder->base.counts.dropped += decoder->used - keep;
	memmove(decoder->bytes, decoder->bytes + decoder->used - keep, keep);
	decoder->used = keep;
}

static void add_to_line(FrameDecoder *decoder, const guint8 *data, gsize size)
{
	gsize most = decoder->limit + decoder->line_end_size + 1; /* CR may go */

	while (size) {
		gsize part = MIN(size, most - decoder->used);

		if (decoder->room < decoder->used + part) {
			decoder->room = MIN(MAX(decoder->room * 2, decoder->used + part), most);
			decoder->bytes = g_realloc(decoder->bytes, decoder->room);
		}
		memcpy(decoder->bytes + decoder->used, data, part);
		decoder->used += part;
		data += part;
		size -= part;
		if (decoder->used < most || (!size && ends_line(decoder)))
			continue;
		decoder->base.counts.too_long += decoder->state != TOO_LONG;
		decoder->state = TOO_LONG;
		shorten(decoder);
	}
}

static void feed_lines(BpDecoder *base, const guint8 *data, gsize size)
{
	FrameDecoder *decoder = (FrameDecoder *)base;
	guint8 last = (guint8)decoder->line_end[decoder->line_end_size - 1];

	while (size) {
		const guint8 *end = memchr(data, last, size);
		gsize part = end ? (gsize)(end - data) + 1 : size;

		add_to_line(decoder, data, part);
		if (end && ends_line(decoder))
			end_line(decoder);
		data += part;
		size -= part;
	}
}

static void encode_line(const BpFramingOptions *options, const guint8 *data, gsize size, GByteArray *wire)
{
	const char *end = options && options->line_end && *options->line_end ? options->line_end : "\n";
	gsize end_size = strnlen(end, 8);

	g_byte_array_append(wire, data, (guint)size);
	if (size < end_size || memcmp(data + size - end_size, end, end_size) != 0)
		g_byte_array_append(wire, (const guint8 *)end, (guint)end_size);
}

const BpFraming framing_lines = {
	.size = sizeof(framing_lines),
	.name = "lines",
	.help = "lines of text, without their ends",
	.decoder_new = frame_decoder_new,
	.feed = feed_lines,
	.reset = frame_decoder_reset,
	.free = frame_decoder_free,
	.encode = encode_line,
};

/* --- gap --- */

static void feed_gap(BpDecoder *base, const guint8 *data, gsize size)
{
	FrameDecoder *decoder = (FrameDecoder *)base;

	if (decoder->state == TOO_LONG)
		decoder->base.counts.dropped += size;
	else if (!frame_add(decoder, data, size, 0))
		decoder->state = TOO_LONG;
}

static void pause_gap(BpDecoder *base)
{
	FrameDecoder *decoder = (FrameDecoder *)base;

	if (decoder->state == PLAIN && decoder->used)
		frame_emit(decoder);
	decoder->state = PLAIN;
}

const BpFraming framing_gap = {
	.size = sizeof(framing_gap),
	.name = "gap",
	.help = "a pause on the line ends a frame (Modbus RTU)",
	.timed = TRUE,
	.decoder_new = frame_decoder_new,
	.feed = feed_gap,
	.pause = pause_gap,
	.reset = frame_decoder_reset,
	.free = frame_decoder_free,
	.encode = encode_same,
};
