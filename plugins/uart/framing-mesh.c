/* SPDX-License-Identifier: MIT */
/* framing-mesh.c - frames of the mesh root: FF, contents, FE; each byte of them from FA on is FA, byte XOR a setting.
 *
 * Strict: what stands outside FF..FE is dropped and counted, and so is a frame with an escape that no encoder makes
 * (alone before FE or FF, or of a byte that needs none). FB, FC and FD as they are inside of a frame are kept, as other
 * receivers do. FF always begins a frame, whatever was before.
 *
 * Two settings are in use, and FA 02 and FA 03 come from one only (0xff), FA 06 and FA 07 from the other (0xfa). Those that
 * cannot be ours are counted as foreign, and told when they are no rare noise. The other escapes could be anybody's.
 */
#include "framing.h"

enum { START = 0xff, END = 0xfe, ESCAPE = 0xfa };
enum { OUTSIDE, INSIDE, ESCAPED };
enum { FOREIGN_TOLD = 2, FOREIGN_RARE = 8 }; /* so many, and more than one for so many whole frames */

static void drop_broken(FrameDecoder *decoder, gsize also)
{
	decoder->base.counts.broken++;
	decoder->base.counts.dropped += also;
	frame_drop(decoder);
	decoder->state = OUTSIDE;
}

/* Gives how many bytes it has used. */
static gsize find_start(FrameDecoder *decoder, const guint8 *data, gsize size)
{
	const guint8 *start = memchr(data, START, size);

	decoder->base.counts.dropped += start ? (gsize)(start - data) : size;
	if (!start)
		return size;
	decoder->state = INSIDE;
	return (gsize)(start - data) + 1;
}

/* An encoder with that setting could have put it behind FA. */
static inline gboolean is_made(guint8 byte, guint8 xor)
{
	guint8 meant = byte ^ xor;

	return byte < ESCAPE && meant >= ESCAPE;
}

static void note_foreign(FrameDecoder *decoder, guint8 byte)
{
	const BpFramingCounts *counts = &decoder->base.counts;

	if (!is_made(byte, 0xfa) && !is_made(byte, 0xff))
		return;
	decoder->base.counts.foreign++;
	if (counts->foreign < FOREIGN_TOLD || counts->foreign * FOREIGN_RARE < counts->frames)
		return;
	if (!is_made(byte, 0xfa))
		decoder->base.advice =
			"escapes FA 02 or FA 03 come, as senders with escape_xor=0xff make them: open it so";
	else if (!is_made(byte, 0xff))
		decoder->base.advice =
			"escapes FA 06 or FA 07 come, as senders with escape_xor=0xfa make them: open it so";
	else
		decoder->base.advice =
			"escapes come as no sender with this escape_xor makes them: 0xfa is usual, 0xff is in use";
}

static void end_escape(FrameDecoder *decoder, guint8 byte)
{
	decoder->state = INSIDE;
	if (G_LIKELY(is_made(byte, decoder->xor))) {
		if (!frame_add_byte(decoder, byte ^ decoder->xor))
			decoder->state = OUTSIDE;
		return;
	}
	note_foreign(decoder, byte);
	drop_broken(decoder, byte == START ? 1 : 2);
	if (byte == START)
		decoder->state = INSIDE;
}

static void take_special(FrameDecoder *decoder, guint8 byte)
{
	switch (byte) {
	case START:
		if (decoder->used)
			decoder->base.counts.cut++;
		frame_drop(decoder);
		break;
	case END:
		decoder->state = OUTSIDE;
		frame_emit(decoder);
		break;
	case ESCAPE:
		decoder->state = ESCAPED;
		break;
	default:
		if (!frame_add_byte(decoder, byte))
			decoder->state = OUTSIDE;
	}
}

/* Inside of a frame: a run of plain bytes and what ends it. A frame that the input has whole is not copied. */
static gsize take_run(FrameDecoder *decoder, const guint8 *data, gsize size)
{
	gsize run = scan_below(data, size, ESCAPE);

	if (run < size && data[run] == END && !decoder->used && run <= decoder->limit) {
		decoder->state = OUTSIDE;
		frame_emit_bytes(decoder, data, run);
		return run + 1;
	}
	if (run && !frame_add(decoder, data, run, size)) {
		decoder->state = OUTSIDE;
		return run;
	}
	if (run == size)
		return run;
	/* The usual escape at once; the states are for those that the input cuts in two. */
	if (data[run] == ESCAPE && run + 1 < size && is_made(data[run + 1], decoder->xor)) {
		if (!frame_add_byte(decoder, data[run + 1] ^ decoder->xor))
			decoder->state = OUTSIDE;
		return run + 2;
	}
	take_special(decoder, data[run]);
	return run + 1;
}

static void feed(BpDecoder *base, const guint8 *data, gsize size)
{
	FrameDecoder *decoder = (FrameDecoder *)base;

	while (size) {
		gsize used;

		if (decoder->state == INSIDE) {
			used = take_run(decoder, data, size);
		} else if (decoder->state == OUTSIDE) {
			used = find_start(decoder, data, size);
		} else {
			end_escape(decoder, data[0]);
			used = 1;
		}
		data += used;
		size -= used;
	}
}

static void encode(const BpFramingOptions *options, const guint8 *data, gsize size, GByteArray *wire)
{
	guint8 xor = options && options->escape_xor ? options->escape_xor : 0xfa;

	g_byte_array_append(wire, (const guint8[]){ START }, 1);
	while (size) {
		gsize run = scan_below(data, size, ESCAPE);

		g_byte_array_append(wire, data, (guint)run);
		if (run < size) {
			g_byte_array_append(wire, (const guint8[]){ ESCAPE, data[run] ^ xor}, 2);
			run++;
		}
		data += run;
		size -= run;
	}
	g_byte_array_append(wire, (const guint8[]){ END }, 1);
}

const BpFraming framing_mesh = {
	.size = sizeof(framing_mesh),
	.name = "mesh",
	.help = "FF, contents, FE; FA escapes (mesh root modules)",
	.decoder_new = frame_decoder_new,
	.feed = feed,
	.reset = frame_decoder_reset,
	.free = frame_decoder_free,
	.encode = encode,
};
