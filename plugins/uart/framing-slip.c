/* SPDX-License-Identifier: MIT */
/* framing-slip.c - SLIP (RFC 1055). Frames without contents, which senders put between others to flush noise, are not
 * given out. An escape that the RFC does not know breaks its frame, which is dropped and counted. */
#include "framing.h"

enum { END = 0xc0, ESCAPE = 0xdb, ESCAPED_END = 0xdc, ESCAPED_ESCAPE = 0xdd };
enum { PLAIN, ESCAPED, BROKEN };

static void end_frame(FrameDecoder *decoder)
{
	if (decoder->used)
		frame_emit(decoder);
	decoder->state = PLAIN;
}

static void break_frame(FrameDecoder *decoder, gsize also)
{
	decoder->base.counts.broken++;
	decoder->base.counts.dropped += also;
	frame_drop(decoder);
	decoder->state = BROKEN;
}

static gsize take_run(FrameDecoder *decoder, const guint8 *data, gsize size)
{
	gsize run = scan_either(data, size, END, ESCAPE);

	if (run && run < size && data[run] == END && !decoder->used && run <= decoder->limit) {
		frame_emit_bytes(decoder, data, run);
		return run + 1;
	}
	if (run && !frame_add(decoder, data, run, size)) {
		decoder->state = BROKEN;
		return run;
	}
	if (run == size)
		return run;
	if (data[run] == ESCAPE)
		decoder->state = ESCAPED;
	else
		end_frame(decoder);
	return run + 1;
}

static gsize find_end(FrameDecoder *decoder, const guint8 *data, gsize size)
{
	const guint8 *end = memchr(data, END, size);

	decoder->base.counts.dropped += end ? (gsize)(end - data) : size;
	if (!end)
		return size;
	decoder->state = PLAIN;
	return (gsize)(end - data) + 1;
}

static void end_escape(FrameDecoder *decoder, guint8 byte)
{
	decoder->state = PLAIN;
	if (byte == ESCAPED_END || byte == ESCAPED_ESCAPE) {
		if (!frame_add_byte(decoder, byte == ESCAPED_END ? END : ESCAPE))
			decoder->state = BROKEN;
		return;
	}
	break_frame(decoder, byte == END ? 1 : 2);
	if (byte == END)
		decoder->state = PLAIN;
}

static void feed(BpDecoder *base, const guint8 *data, gsize size)
{
	FrameDecoder *decoder = (FrameDecoder *)base;

	while (size) {
		gsize used = 1;

		if (decoder->state == PLAIN)
			used = take_run(decoder, data, size);
		else if (decoder->state == BROKEN)
			used = find_end(decoder, data, size);
		else
			end_escape(decoder, data[0]);
		data += used;
		size -= used;
	}
}

static void encode(const BpFramingOptions *options, const guint8 *data, gsize size, GByteArray *wire)
{
	g_byte_array_append(wire, (const guint8[]){ END }, 1);
	while (size) {
		gsize run = scan_either(data, size, END, ESCAPE);

		g_byte_array_append(wire, data, (guint)run);
		if (run < size) {
			g_byte_array_append(
				wire, (const guint8[]){ ESCAPE, data[run] == END ? ESCAPED_END : ESCAPED_ESCAPE }, 2);
			run++;
		}
		data += run;
		size -= run;
	}
	g_byte_array_append(wire, (const guint8[]){ END }, 1);
}

const BpFraming framing_slip = {
	.size = sizeof(framing_slip),
	.name = "slip",
	.help = "SLIP, RFC 1055",
	.decoder_new = frame_decoder_new,
	.feed = feed,
	.reset = frame_decoder_reset,
	.free = frame_decoder_free,
	.encode = encode,
};
