/* SPDX-License-Identifier: MIT */
/* marked.h - a function that fails does not write its outputs: MARK(output) before the call, and after a failure
 * IS_MARKED(output) is true. */
#pragma once
#include <glib.h>
#include <string.h>

#define MARK(output) memset(&(output), 0xa5, sizeof(output))
#define IS_MARKED(output) is_marked(&(output), sizeof(output))

static inline gboolean is_marked(gconstpointer output, gsize size)
{
	const guint8 *bytes = output;

	for (gsize i = 0; i < size; i++)
		if (bytes[i] != 0xa5)
			return FALSE;
	return TRUE;
}
