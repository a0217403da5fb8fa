/* SPDX-License-Identifier: MIT */
/* fuzz-web-op.c - what clients of /ws say: either it is refused with a sentence, or it keeps to the bounds. */
#include <stdint.h>
#include <string.h>
#include "../../plugins/web/web-op.h"

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
	return 0;
}
