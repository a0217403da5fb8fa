/* SPDX-License-Identifier: MIT */
/* framing.c - the buffer of a frame under way, which all decoders of this plugin share. */
#include "framing.h"

#define FIRST_ROOM 512
#define LINE_END_LIMIT 8

BpDecoder *frame_decoder_new(const BpFramingOptions *options, BpFrameFunc emit, gpointer user)
{
	FrameDecoder *decoder = g_new0(FrameDecoder, 1);
	const char *line_end = options && options->line_end && *options->line_end ? options->line_end : "\n";

	decoder->base.emit = emit;
	decoder->base.user = user;
	decoder->limit = options && options->limit ? options->limit : BP_FRAME_LIMIT;
	decoder->xor = options && options->escape_xor ? options->escape_xor : 0xfa;
	decoder->line_end = line_end;
	decoder->line_end_size = strnlen(line_end, LINE_END_LIMIT);
	return &decoder->base;
}

void frame_decoder_free(BpDecoder *base)
{
	FrameDecoder *decoder = (FrameDecoder *)base;

	g_free(decoder->bytes);
	g_free(decoder);
}

void frame_decoder_reset(BpDecoder *base)
{
	FrameDecoder *decoder = (FrameDecoder *)base;

	frame_drop(decoder);
	decoder->state = 0;
	decoder->left = 0;
}

gboolean frame_make_room(FrameDecoder *decoder, gsize size)
{
	if (size > decoder->limit || decoder->used > decoder->limit - size) {
		decoder->base.counts.too_long++;
		decoder->base.counts.dropped += size;
		frame_drop(decoder);
		return FALSE;
	}
	if (decoder->room < decoder->used + size + 16) {
		/* 16 for copies in whole words */
		decoder->room = MIN(MAX(MAX(decoder->room * 2, FIRST_ROOM), decoder->used + size), decoder->limit) + 16;
		decoder->bytes = g_realloc(decoder->bytes, decoder->room);
	}
	return TRUE;
}

void frame_emit(FrameDecoder *decoder)
{
	gsize size = decoder->used;

	decoder->used = 0;
	frame_emit_bytes(decoder, size ? decoder->bytes : (const guint8 *)"", size);
}
