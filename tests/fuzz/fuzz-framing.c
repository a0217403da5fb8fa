/* SPDX-License-Identifier: MIT */
/* fuzz-framing.c - whatever comes on a line: no crash, nothing out that did not come in, the same however it is cut, and
 * contents that come out pass through the encoder again.
 *
 * The first byte chooses the framing, its limit and where the second run cuts the rest.
 */
#include <stdint.h>
#include <string.h>
#include "../../plugins/uart/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const BpFraming *const framings[] = { &framing_mesh, &framing_slip, &framing_cobs, &framing_lines };

static void on_frame(const guint8 *data, gsize size, gpointer user)
{
	guint32 length = (guint32)size;

	g_byte_array_append(user, (const guint8 *)&length, sizeof(length));
	g_byte_array_append(user, data, length);
}

static GByteArray *run(const BpFraming *framing, const BpFramingOptions *options, const guint8 *data, gsize size,
		       gsize step, BpFramingCounts *counts)
{
	GByteArray *frames = g_byte_array_new();
	BpDecoder *decoder = framing->decoder_new(options, on_frame, frames);

	for (gsize at = 0; at < size; at += step)
		framing->feed(decoder, data + at, MIN(step, size - at));
	*counts = decoder->counts;
	framing->free(decoder);
	return frames;
}

/* Each frame, encoded and decoded again, is itself; one without contents may be lost, and lines lose their ends. */
static void check_again(const BpFraming *framing, const GByteArray *frames)
{
	for (guint at = 0; at < frames->len;) {
		guint32 length;
		BpFramingCounts counts;
		g_autoptr(GByteArray) wire = g_byte_array_new();
		g_autoptr(GByteArray) again = NULL;

		memcpy(&length, frames->data + at, sizeof(length));
		if (length && framing != &framing_lines) {
			framing->encode(NULL, frames->data + at + sizeof(length), length, wire);
			again = run(framing, NULL, wire->data, wire->len, wire->len, &counts);
			g_assert_cmpmem(again->data, again->len, frames->data + at, sizeof(length) + length);
		}
		at += (guint)sizeof(length) + length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BpFramingOptions options = { 0 };
	BpFramingCounts whole_counts, cut_counts;
	g_autoptr(GByteArray) whole = NULL;
	g_autoptr(GByteArray) cut = NULL;
	const BpFraming *framing;
	gsize step;

	if (size < 1)
		return 0;
	framing = framings[data[0] & 3];
	options.limit = data[0] & 4 ? 20 : 0;
	options.line_end = data[0] & 8 ? "\r\n" : NULL;
	step = 1 + (data[0] >> 4);
	data++;
	size--;
	whole = run(framing, &options, data, size, size ? size : 1, &whole_counts);
	cut = run(framing, &options, data, size, step, &cut_counts);
	g_assert_cmpmem(whole->data, whole->len, cut->data, cut->len);
	g_assert_cmpmem(&whole_counts, sizeof(whole_counts), &cut_counts, sizeof(cut_counts));
	g_assert_cmpuint(whole_counts.bytes + whole_counts.dropped, <=, size);
	check_again(framing, whole);
	return 0;
}
