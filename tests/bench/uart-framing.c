/* SPDX-License-Identifier: MIT */
/* uart-framing.c - decoding mesh frames against memcpy of the same bytes and against a loop over single bytes.
 *
 * Bytes on the wire a second of CPU time, best of several runs; random contents, plain text, and both with every read
 * cut at 4096 bytes, as a tty gives them.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "../../plugins/uart/framing.h"

#define CONTENTS (8 * 1024 * 1024)
#define FRAME 1000
#define RUNS 9

static guint64 seen;

static void on_frame(const guint8 *data, gsize size, gpointer user)
{
	seen += size + data[0];
}

static double cpu(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void decode(const guint8 *wire, gsize size, gsize step)
{
	BpDecoder *decoder = framing_mesh.decoder_new(NULL, on_frame, NULL);

	for (gsize at = 0; at < size; at += step)
		framing_mesh.feed(decoder, wire + at, MIN(step, size - at));
	framing_mesh.free(decoder);
}

static void decode_whole(const guint8 *wire, gsize size, guint8 *scratch)
{
	decode(wire, size, size);
}

static void decode_reads(const guint8 *wire, gsize size, guint8 *scratch)
{
	decode(wire, size, 4096);
}

static void copy(const guint8 *wire, gsize size, guint8 *scratch)
{
	memcpy(scratch, wire, size);
	seen += scratch[size / 2];
}

/* As one writes it first: a state, a switch and a byte at a time. */
static void loop(const guint8 *wire, gsize size, guint8 *scratch)
{
	gboolean inside = FALSE, escaped = FALSE;
	gsize used = 0;

	for (gsize i = 0; i < size; i++) {
		guint8 byte = wire[i];

		if (byte == 0xff) {
			inside = TRUE;
			used = 0;
		} else if (inside && byte == 0xfe) {
			on_frame(scratch, used, NULL);
			inside = FALSE;
		} else if (inside && byte == 0xfa) {
			escaped = TRUE;
		} else if (inside && used < BP_FRAME_LIMIT) {
			scratch[used++] = escaped ? byte ^ 0xfa : byte;
			escaped = FALSE;
		}
	}
}

static double rate(void (*func)(const guint8 *, gsize, guint8 *), const GByteArray *wire, guint8 *scratch)
{
	double best = 0;

	for (guint i = 0; i < RUNS; i++) {
		double begin = cpu();

		func(wire->data, wire->len, scratch);
		best = MAX(best, (double)wire->len / (cpu() - begin));
	}
	return best / 1e6;
}

static void measure(const char *name, const GByteArray *wire)
{
	guint8 *scratch = g_malloc(wire->len);
	double whole, reads, copied, looped;

	memset(scratch, 1, wire->len);
	whole = rate(decode_whole, wire, scratch);
	reads = rate(decode_reads, wire, scratch);
	copied = rate(copy, wire, scratch);
	looped = rate(loop, wire, scratch);
	printf("%-16s decode %6.0f MB/s, in reads of 4096 %6.0f MB/s, memcpy %6.0f MB/s (%.2f of it), byte loop %6.0f MB/s\n",
	       name, whole, reads, copied, reads / copied, looped);
	g_free(scratch);
}

int main(void)
{
	g_autoptr(GByteArray) random = g_byte_array_new(), text = g_byte_array_new();
	g_autoptr(GRand) rand = g_rand_new_with_seed(1);
	guint8 contents[FRAME];

	for (gsize made = 0; made < CONTENTS; made += FRAME) {
		for (gsize i = 0; i < FRAME; i++)
			contents[i] = (guint8)g_rand_int(rand);
		framing_mesh.encode(NULL, contents, FRAME, random);
		for (gsize i = 0; i < FRAME; i++)
			contents[i] = (guint8)(' ' + contents[i] % 95);
		framing_mesh.encode(NULL, contents, FRAME, text);
	}
	measure("random bytes", random);
	measure("plain text", text);
	return seen == 0;
}
