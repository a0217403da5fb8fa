/* SPDX-License-Identifier: MIT */
/* test-framing.c - encode then decode is the identity, however the bytes are cut; decode of anything comes back. */
#include <string.h>
#include "suite.h"
#include "../plugins/uart/framing.h"

static const BpFraming *const framings[] = { &framing_mesh, &framing_slip, &framing_cobs, &framing_lines };

/* Frames as they came, each behind its length. */
static void on_frame(const guint8 *data, gsize size, gpointer user)
{
	guint32 length = (guint32)size;

	g_byte_array_append(user, (const guint8 *)&length, sizeof(length));
	g_byte_array_append(user, data, length);
}

typedef struct {
	GByteArray *frames;
	BpFramingCounts counts;
} Result;

static Result decode(const BpFraming *framing, const BpFramingOptions *options, const guint8 *data, gsize size,
		     gsize step)
{
	Result result = { .frames = g_byte_array_new() };
	BpDecoder *decoder = framing->decoder_new(options, on_frame, result.frames);

	for (gsize at = 0; at < size; at += step)
		framing->feed(decoder, data + at, MIN(step, size - at));
	result.counts = decoder->counts;
	framing->free(decoder);
	return result;
}

static gboolean same_bytes(const GByteArray *a, const GByteArray *b)
{
	return a->len == b->len && (!a->len || memcmp(a->data, b->data, a->len) == 0);
}

static gboolean same(const Result *a, const Result *b)
{
	return same_bytes(a->frames, b->frames) && memcmp(&a->counts, &b->counts, sizeof(a->counts)) == 0;
}

static gsize random_message(GRand *rand, guint8 *message, gsize most)
{
	static const guint8 special[] = { 0x00, 0xc0, 0xdb, 0xdc, 0xdd, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff, 0x0a };
	gsize size = 1 + (gsize)g_rand_int_range(rand, 0, (gint32)most - 1);
	gint32 kind = g_rand_int_range(rand, 0, 3);

	for (gsize i = 0; i < size; i++)
		message[i] = kind == 0	 ? special[g_rand_int_range(rand, 0, sizeof(special))]
			     : kind == 1 ? (guint8)g_rand_int_range(rand, 1, 256)
					 : (guint8)g_rand_int_range(rand, 0, 256);
	return size;
}

static void test_identity(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(7);
	guint8 message[700];

	for (guint i = 0; i < 4 * 2000; i++) {
		const BpFraming *framing = framings[i % 4];
		g_autoptr(GByteArray) wire = g_byte_array_new();
		g_autoptr(GByteArray) expected = g_byte_array_new();
		Result got;

		for (guint n = 0; n < 3; n++) {
			gsize size = random_message(rand, message, sizeof(message));

			for (gsize at = 0; framing == &framing_lines && at < size; at++)
				if (message[at] == '\n' || message[at] == '\r')
					message[at] = ' ';
			on_frame(message, size, expected);
			framing->encode(NULL, message, size, wire);
		}
		got = decode(framing, NULL, wire->data, wire->len, i < 40 ? 1 : 1 + i % 97);
		CU_ASSERT_TRUE(same_bytes(got.frames, expected));
		CU_ASSERT_EQUAL(got.counts.frames, 3);
		CU_ASSERT_EQUAL(got.counts.dropped + got.counts.broken + got.counts.cut + got.counts.too_long, 0);
		g_byte_array_unref(got.frames);
	}
}

static void test_every_byte(void)
{
	for (guint i = 0; i < 3; i++) {
		for (guint byte = 0; byte < 256; byte++) {
			guint8 message[3] = { (guint8)byte, 'x', (guint8)byte };
			g_autoptr(GByteArray) wire = g_byte_array_new();
			g_autoptr(GByteArray) expected = g_byte_array_new();
			Result got;

			framings[i]->encode(NULL, message, 3, wire);
			on_frame(message, 3, expected);
			got = decode(framings[i], NULL, wire->data, wire->len, 1);
			CU_ASSERT_TRUE(same_bytes(got.frames, expected));
			g_byte_array_unref(got.frames);
		}
	}
}

/* Noise between and in frames: the same result however it is cut, and a frame after all of it is heard. */
static void test_noise_and_cuts(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(11);
	static const BpFramingOptions options = { .limit = 64 };
	guint8 noise[300];

	for (guint i = 0; i < 400; i++) {
		const BpFraming *framing = framings[i % 4];
		g_autoptr(GByteArray) wire = g_byte_array_new();
		g_autoptr(GByteArray) last = g_byte_array_new();
		Result whole;

		g_byte_array_append(wire, noise, (guint)random_message(rand, noise, sizeof(noise)));
		framing->encode(NULL, (const guint8 *)"", 0, wire); /* its end ends whatever the noise began */
		framing->encode(NULL, (const guint8 *)"after", 5, wire);
		whole = decode(framing, &options, wire->data, wire->len, wire->len);
		on_frame((const guint8 *)"after", 5, last);
		CU_ASSERT_TRUE_FATAL(whole.frames->len >= last->len);
		CU_ASSERT_EQUAL(memcmp(whole.frames->data + whole.frames->len - last->len, last->data, last->len), 0);
		for (gsize step = 1; step < 40; step++) {
			Result cut = decode(framing, &options, wire->data, wire->len, step);

			CU_ASSERT_TRUE(same(&whole, &cut));
			g_byte_array_unref(cut.frames);
		}
		g_byte_array_unref(whole.frames);
	}
}

static void expect(const BpFraming *framing, const BpFramingOptions *options, const char *wire, gsize size,
		   const char *frames, guint64 count, guint64 dropped, guint64 broken)
{
	Result got = decode(framing, options, (const guint8 *)wire, size, size);
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint at = 0; at < got.frames->len;) {
		guint32 length;

		memcpy(&length, got.frames->data + at, sizeof(length));
		at += (guint)sizeof(length);
		for (guint i = 0; i < length; i++)
			g_string_append_printf(text, "%02x", got.frames->data[at + i]);
		g_string_append_c(text, '.');
		at += length;
	}
	CU_ASSERT_STRING_EQUAL(text->str, frames);
	CU_ASSERT_EQUAL(got.counts.frames, count);
	CU_ASSERT_EQUAL(got.counts.dropped, dropped);
	CU_ASSERT_EQUAL(got.counts.broken, broken);
	g_byte_array_unref(got.frames);
}
#define EXPECT(framing, options, wire, ...) expect(framing, options, wire, sizeof(wire) - 1, __VA_ARGS__)

static void test_mesh_facts(void)
{
	static const BpFramingOptions other = { .escape_xor = 0xff }, small = { .limit = 4 };

	EXPECT(&framing_mesh, NULL, "\xff\xf9\xfa\x00\xfa\x01\xfa\x06\xfa\x07\xfa\x04\xfa\x05\xfe", "f9fafbfcfdfeff.",
	       1, 0, 0);
	EXPECT(&framing_mesh, &other, "\xff\xf9\xfa\x05\xfa\x04\xfa\x03\xfa\x02\xfa\x01\xfa\x00\xfe", "f9fafbfcfdfeff.",
	       1, 0, 0);
	EXPECT(&framing_mesh, NULL, "\xff\xfa\x05\xfa\x04\x41\xfe", "fffe41.", 1, 0, 0);
	EXPECT(&framing_mesh, NULL, "noise\xff\x01\xfe", "01.", 1, 5, 0);
	EXPECT(&framing_mesh, NULL, "\xff\x01\x02\xff\x03\xfe", "03.", 1, 2, 0);
	EXPECT(&framing_mesh, NULL, "ab\xfe\xff\x03\xfe", "03.", 1, 3, 0);
	EXPECT(&framing_mesh, NULL, "\xff\xfe", ".", 1, 0, 0);
	EXPECT(&framing_mesh, NULL, "\xff\xfb\xfc\xfd\xfe", "fbfcfd.", 1, 0, 0);
	EXPECT(&framing_mesh, NULL, "\xff\x01\xfa\x41\x02\xfe\xff\x03\xfe", "03.", 1, 5, 1);
	EXPECT(&framing_mesh, NULL, "\xff\x01\xfa\xfe\xff\x03\xfe", "03.", 1, 3, 1);
	EXPECT(&framing_mesh, NULL, "\xff\x01\xfa\xff\x03\xfe", "03.", 1, 2, 1);
	EXPECT(&framing_mesh, &small, "\xff\x01\x02\x03\x04\xfe\xff\x01\x02\x03\x04\x05\xfe\xff\x06\xfe",
	       "01020304.06.", 2, 6, 0);
}

/* What only the other setting makes is counted, and told when it is no rare noise. */
static void test_mesh_foreign(void)
{
	static const struct {
		guint8 xor ;
		const char *wire;
		guint foreign;
		const char *advice; /* a part of it */
	} cases[] = {
		{ 0, "\xff\xfa\x02\xfe", 1, NULL },
		{ 0, "\xff\xfa\x02\xfe\xff\xfa\x03\xfe", 2, "escape_xor=0xff" },
		{ 0, "\xff\xfa\x41\xfe\xff\xfa\x08\xfe\xff\xfa\xfe\xff\xfa\xff\x01\xfe", 0, NULL },
		{ 0, "\xff\xfa\x06\xfa\x07\xfa\x01\xfa\x04\xfa\x05\xfe", 0, NULL },
		{ 0xff, "\xff\xfa\x06\xfe\xff\xfa\x07\xfe", 2, "escape_xor=0xfa" },
		{ 0xff, "\xff\xfa\x02\xfa\x03\xfe", 0, NULL },
		{ 0x20, "\xff\xfa\x01\xfe\xff\xfa\x04\xfe", 2, "0xfa is usual" },
		{ 0,
		  "\xff\xfa\x02\xfe\xff\x01\xfe\xff\x01\xfe\xff\x01\xfe\xff\x01\xfe\xff\x01\xfe\xff\x01\xfe\xff\x01\xfe\xff\x01\xfe"
		  "\xff\x01\xfe\xff\x01\xfe\xff\x01\xfe\xff\x01\xfe\xff\x01\xfe\xff\x01\xfe\xff\x01\xfe\xff\x01\xfe\xff\x01\xfe\xff\xfa\x02\xfe",
		  2, NULL },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		BpFramingOptions options = { .escape_xor = cases[i].xor };
		g_autoptr(GByteArray) frames = g_byte_array_new();
		BpDecoder *decoder = framing_mesh.decoder_new(&options, on_frame, frames);

		for (const char *at = cases[i].wire; *at; at++)
			framing_mesh.feed(decoder, (const guint8 *)at, 1);
		CU_ASSERT_EQUAL(decoder->counts.foreign, cases[i].foreign);
		CU_ASSERT_EQUAL(decoder->advice != NULL, cases[i].advice != NULL);
		CU_ASSERT_TRUE(!cases[i].advice || (decoder->advice && strstr(decoder->advice, cases[i].advice)));
		framing_mesh.free(decoder);
	}
}

static void test_slip_facts(void)
{
	EXPECT(&framing_slip, NULL, "\xc0\x01\xdb\xdc\x02\xdb\xdd\xc0\xc0\xc0\x03\xc0", "01c002db.03.", 2, 0, 0);
	EXPECT(&framing_slip, NULL, "\x01\xdb\x05\x02\xc0\x03\xc0", "03.", 1, 4, 1);
	EXPECT(&framing_slip, NULL, "\x01\xdb\xc0\x03\xc0", "03.", 1, 2, 1);
}

static void test_cobs_facts(void)
{
	EXPECT(&framing_cobs, NULL, "\x01\x01\x00", "00.", 1, 0, 0);
	EXPECT(&framing_cobs, NULL, "\x03\x11\x22\x02\x33\x00", "11220033.", 1, 0, 0);
	EXPECT(&framing_cobs, NULL, "\x00\x00\x01\x00", ".", 1, 0, 0);
	EXPECT(&framing_cobs, NULL, "\x05\x11\x00\x02\x33\x00", "33.", 1, 1, 1);
}

static void test_line_facts(void)
{
	static const BpFramingOptions crlf = { .line_end = "\r\n", .limit = 4 };

	EXPECT(&framing_lines, NULL, "a\r\n\nb\rc\n", "61..620d63.", 3, 0, 0);
	EXPECT(&framing_lines, &crlf, "a\nb\r\nabcd\r\nabcde\r\nabcdefghijkl\r\nz\r\n", "610a62.61626364.7a.", 3, 17,
	       0);
}

static void test_gap(void)
{
	static const BpFramingOptions small = { .limit = 4 };
	g_autoptr(GByteArray) frames = g_byte_array_new();
	g_autoptr(GByteArray) expected = g_byte_array_new();
	BpDecoder *decoder = framing_gap.decoder_new(&small, on_frame, frames);

	framing_gap.feed(decoder, (const guint8 *)"ab", 2);
	framing_gap.feed(decoder, (const guint8 *)"c", 1);
	framing_gap.pause(decoder);
	framing_gap.pause(decoder);
	framing_gap.feed(decoder, (const guint8 *)"12345", 5);
	framing_gap.feed(decoder, (const guint8 *)"6", 1);
	framing_gap.pause(decoder);
	framing_gap.feed(decoder, (const guint8 *)"z", 1);
	framing_gap.pause(decoder);
	on_frame((const guint8 *)"abc", 3, expected);
	on_frame((const guint8 *)"z", 1, expected);
	CU_ASSERT_TRUE(same_bytes(frames, expected));
	CU_ASSERT_EQUAL(decoder->counts.too_long, 1);
	CU_ASSERT_EQUAL(decoder->counts.dropped, 6);
	framing_gap.free(decoder);
}

static void test_reset(void)
{
	g_autoptr(GByteArray) frames = g_byte_array_new();
	BpDecoder *decoder = framing_mesh.decoder_new(NULL, on_frame, frames);

	framing_mesh.feed(decoder,
			  (const guint8 *)"\xff"
					  "ab\xfa",
			  4);
	framing_mesh.reset(decoder);
	framing_mesh.feed(decoder, (const guint8 *)"cd\xfe", 3);
	CU_ASSERT_EQUAL(frames->len, 0);
	CU_ASSERT_EQUAL(decoder->counts.dropped, 2 + 3);
	framing_mesh.free(decoder);
}

static const SuiteTest tests[] = {
	{ "identity", test_identity },
	{ "every byte", test_every_byte },
	{ "noise and cuts", test_noise_and_cuts },
	{ "mesh facts", test_mesh_facts },
	{ "mesh foreign", test_mesh_foreign },
	{ "slip facts", test_slip_facts },
	{ "cobs facts", test_cobs_facts },
	{ "line facts", test_line_facts },
	{ "gap", test_gap },
	{ "reset", test_reset },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("framing", tests, argc, argv);
}
