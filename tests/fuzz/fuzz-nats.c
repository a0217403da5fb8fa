/* SPDX-License-Identifier: MIT */
/* fuzz-nats.c - whatever a server of NATS sends: no crash, nothing beyond what has come, and the same however it is cut.
 *
 * The first byte says where the second run cuts the rest.
 */
#include <stdint.h>
#include <string.h>
#include "../../plugins/nats/nats-codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static gboolean on_operation(const NatsOperation *operation, gsize rest, gpointer user)
{
	g_autofree char *value = nats_header(operation->headers, operation->headers_size, "bp-path");

	g_string_append_printf(user, "%d %s %s %s %" G_GUINT64_FORMAT " %u %s\n", operation->kind, operation->text,
			       operation->subject ? operation->subject : "-", operation->reply ? operation->reply : "-",
			       operation->sid, nats_status(operation->headers, operation->headers_size),
			       value ? value : "-");
	if (operation->size)
		g_string_append_len(user, operation->data, (gssize)operation->size);
	return operation->kind != NATS_OK;
}

static GString *run(const uint8_t *data, size_t size, size_t step)
{
	GString *seen = g_string_new(NULL);
	NatsCodec *codec = nats_codec_new(1000, on_operation, seen);

	for (size_t at = 0; at < size; at += step)
		if (!nats_codec_take(codec, data + at, MIN(step, size - at), NULL))
			break;
	nats_codec_free(codec);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GString *whole, *cut;

	if (size < 1)
		return 0;
	whole = run(data + 1, size - 1, size);
	cut = run(data + 1, size - 1, 1 + (size_t)data[0]);
	g_assert_cmpmem(whole->str, whole->len, cut->str, cut->len);
	g_string_free(whole, TRUE);
	g_string_free(cut, TRUE);
	return 0;
}
