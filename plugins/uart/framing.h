/* SPDX-License-Identifier: MIT */
/* framing.h - the framings of this plugin, and what their decoders share: a bounded buffer and fast searches. Pure. */
#pragma once
#include <backplane/framing.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

extern const BpFraming framing_raw, framing_lines, framing_slip, framing_cobs, framing_mesh, framing_gap;

/* A decoder with a buffer for the frame under way. It grows to the limit as needed and shrinks never. */
typedef struct {
	BpDecoder base;
	guint8 *bytes;
	gsize used, room, limit;
	guint8 state; /* each framing's own; 0 at the beginning */
	guint8 xor ;
	const char *line_end;
	gsize line_end_size;
	guint left; /* cobs: bytes of the block under way */
} FrameDecoder;

BpDecoder *frame_decoder_new(const BpFramingOptions *options, BpFrameFunc emit, gpointer user);
void frame_decoder_free(BpDecoder *decoder);
void frame_decoder_reset(BpDecoder *decoder);
/* FALSE: the frame is over its limit; what it had is dropped. */
gboolean frame_make_room(FrameDecoder *decoder, gsize size);
/* What the frame has, to the owner; then it is empty. */
void frame_emit(FrameDecoder *decoder);
/* Straight from the input. */
static inline void frame_emit_bytes(FrameDecoder *decoder, const guint8 *data, gsize size)
{
	decoder->base.counts.frames++;
	decoder->base.counts.bytes += size;
	decoder->base.emit(data, size, decoder->base.user);
}
/* What it has is dropped and counted. */
static inline void frame_drop(FrameDecoder *decoder)
{
	decoder->base.counts.dropped += decoder->used;
	decoder->used = 0;
}

/* Adds `size` bytes. Short runs between escapes are the rule on random bytes, so they are copied in words of 16, which
 * needs room behind. */
static inline gboolean frame_add(FrameDecoder *decoder, const guint8 *data, gsize size, gsize readable)
{
	if (G_UNLIKELY(decoder->room < decoder->used + size + 16) && !frame_make_room(decoder, size))
		return FALSE;
	if (size <= 64 && readable >= size + 16) {
		for (gsize at = 0; at < size; at += 16)
			memcpy(decoder->bytes + decoder->used + at, data + at, 16);
	} else {
		memcpy(decoder->bytes + decoder->used, data, size);
	}
	decoder->used += size;
	return TRUE;
}

static inline gboolean frame_add_byte(FrameDecoder *decoder, guint8 byte)
{
	if (G_UNLIKELY(decoder->room < decoder->used + 17) && !frame_make_room(decoder, 1))
		return FALSE;
	decoder->bytes[decoder->used++] = byte;
	return TRUE;
}

/* How many bytes stand before the first that is `low` or more. */
static inline gsize scan_below(const guint8 *data, gsize size, guint8 low)
{
	gsize at = 0;

#ifdef __SSE2__
	const __m128i least = _mm_set1_epi8((char)low);

#define AT_LEAST(offset) \
	({ \
		__m128i word_ = _mm_loadu_si128((const __m128i *)(data + at + (offset))); \
		_mm_cmpeq_epi8(_mm_max_epu8(word_, least), word_); \
	})
	for (; at + 16 <= size; at += 16) {
		int found = _mm_movemask_epi8(AT_LEAST(0));

		if (found)
			return at + (gsize)__builtin_ctz((unsigned)found);
		/* A long run: four at once. */
		for (; at + 80 <= size; at += 64) {
			__m128i a = _mm_or_si128(AT_LEAST(16), AT_LEAST(32)),
				b = _mm_or_si128(AT_LEAST(48), AT_LEAST(64));

			if (_mm_movemask_epi8(_mm_or_si128(a, b)))
				break;
		}
	}
#undef AT_LEAST
#endif
	while (at < size && data[at] < low)
		at++;
	return at;
}

/* How many bytes stand before the first that is `a` or `b`. */
static inline gsize scan_either(const guint8 *data, gsize size, guint8 a, guint8 b)
{
	gsize at = 0;

#ifdef __SSE2__
	const __m128i first = _mm_set1_epi8((char)a), second = _mm_set1_epi8((char)b);

	for (; at + 16 <= size; at += 16) {
		__m128i word = _mm_loadu_si128((const __m128i *)(data + at));
		int found = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(word, first), _mm_cmpeq_epi8(word, second)));

		if (found)
			return at + (gsize)__builtin_ctz((unsigned)found);
	}
#endif
	while (at < size && data[at] != a && data[at] != b)
		at++;
	return at;
}
