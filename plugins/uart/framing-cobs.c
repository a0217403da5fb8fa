/* SPDX-License-Identifier: MIT */
/* framing-cobs.c - consistent overhead byte stuffing: no zero inside of a frame, a zero after it.
 *
 * Each block is a code and code - 1 bytes; a zero is meant behind it unless the code is 255 or the frame ends. A zero
 * within a block breaks the frame, which is dropped and counted; the next frame begins behind that zero.
 */
#include "framing.h"

enum { AT_CODE, IN_BLOCK, BROKEN };
/* In `xor`, which no other framing but mesh uses: a zero is due before the next code. */
enum { NOTHING_DUE, ZERO_DUE, NO_ZERO_DUE };

static void break_frame(FrameDecoder *decoder, guint8 state)
{
	decoder->base.counts.broken++;
	frame_drop(decoder);
	decoder->state = state;
	decoder->xor = NOTHING_DUE;
}

static void take_code(FrameDecoder *decoder, guint8 code)
{
	if (code == 0) {
		gboolean begun = decoder->xor != NOTHING_DUE;

		decoder->xor = NOTHING_DUE;
		if (begun)
			frame_emit(decoder);
		return;
	}
	if (decoder->xor == ZERO_DUE && !frame_add_byte(decoder, 0)) {
		decoder->state = BROKEN;
		return;
	}
	decoder->xor = code == 255 ? NO_ZERO_DUE : ZERO_DUE;
	decoder->left = code - 1u;
	decoder->state = decoder->left ? IN_BLOCK : AT_CODE;
}

static gsize take_block(FrameDecoder *decoder, const guint8 *data, gsize size)
{
	gsize part = MIN(decoder->left, size);
	const guint8 *zero = memchr(data, 0, part);

	if (zero)
		part = (gsize)(zero - data);
	if (!frame_add(decoder, data, part, size)) {
		decoder->state = BROKEN;
		return part;
	}
	if (zero) {
		break_frame(decoder, AT_CODE);
		return part + 1;
	}
	decoder->left -= (guint)part;
	if (!decoder->left)
		decoder->state = AT_CODE;
	return part;
}

static gsize find_zero(FrameDecoder *decoder, const guint8 *data, gsize size)
{
	const guint8 *zero = memchr(data, 0, size);

	decoder->base.counts.dropped += zero ? (gsize)(zero - data) : size;
	decoder->xor = NOTHING_DUE;
	if (!zero)
		return size;
	decoder->state = AT_CODE;
	return (gsize)(zero - data) + 1;
}

static void feed(BpDecoder *base, const guint8 *data, gsize size)
{
	FrameDecoder *decoder = (FrameDecoder *)base;

	while (size) {
		gsize used = 1;

		if (decoder->state == AT_CODE)
			take_code(decoder, data[0]);
		else if (decoder->state == IN_BLOCK)
			used = take_block(decoder, data, size);
		else
			used = find_zero(decoder, data, size);
		data += used;
		size -= used;
	}
}

static void reset(BpDecoder *base)
{
	frame_decoder_reset(base);
	((FrameDecoder *)base)->xor = NOTHING_DUE;
}

static BpDecoder *decoder_new(const BpFramingOptions *options, BpFrameFunc emit, gpointer user)
{
	BpDecoder *base = frame_decoder_new(options, emit, user);

	((FrameDecoder *)base)->xor = NOTHING_DUE;
	return base;
}

static void encode(const BpFramingOptions *options, const guint8 *data, gsize size, GByteArray *wire)
{
	for (;;) {
		gsize most = MIN(size, 254);
		const guint8 *zero = memchr(data, 0, most);
		gsize run = zero ? (gsize)(zero - data) : most;

		g_byte_array_append(wire, (const guint8[]){ (guint8)(run + 1) }, 1);
		g_byte_array_append(wire, data, (guint)run);
		data += run;
		size -= run;
		if (!size)
			break;
		if (zero) {
			data++;
			size--;
		}
	}
	g_byte_array_append(wire, (const guint8[]){ 0 }, 1);
}

const BpFraming framing_cobs = {
	.size = sizeof(framing_cobs),
	.name = "cobs",
	.help = "consistent overhead byte stuffing, a zero after each frame",
	.decoder_new = decoder_new,
	.feed = feed,
	.reset = reset,
	.free = frame_decoder_free,
	.encode = encode,
};
