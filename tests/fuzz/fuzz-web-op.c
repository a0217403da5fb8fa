/* SPDX-License-Identifier: MIT */
/* fuzz-web-op.c - what clients of /ws say, as text and as binary messages: either it is refused with a sentence, or it
 * keeps to the bounds; and a binary message that is taken is what we would send.
 */
#include <stdint.h>
#include <string.h>
#include "../../plugins/web/web-op.h"

static void check_frame(const uint8_t *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	WebOp op;

	if (!web_op_parse_frame(&op, data, size, &error)) {
		g_assert(error && *error->message);
	} else {
		g_autoptr(BpMessage) message = bp_message_new(op.data, op.size, BP_BINARY);
		g_autoptr(GByteArray) frame = web_op_frame(op.name, message);

		g_assert(!error && op.kind == WEB_OP_SEND);
		g_assert(frame->len == size && memcmp(frame->data, data, size) == 0);
	}
	web_op_clear(&op);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	WebOp op;

	if (!web_op_parse(&op, (const char *)data, size, &error)) {
		g_assert(error && *error->message);
	} else {
		g_assert(!error);
		g_assert(!op.line || op.cursor <= strlen(op.line));
		g_assert(!op.name || strlen(op.name) <= 255);
		g_assert(op.kind != WEB_OP_SEND || op.data || !op.size);
		g_assert(op.size <= size);
	}
	web_op_clear(&op);
	check_frame(data, size);
	return 0;
}
