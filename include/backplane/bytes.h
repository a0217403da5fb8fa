/* SPDX-License-Identifier: MIT */
/* bytes.h - bytes as people read and write them. Any thread. */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

/* b'...\r\n\xff': the form of Python's bytes, which the logs of wires have and can be pasted into a script. Of more than
 * 4096 bytes the first ones, and how many there are. Yours. */
BP_API char *bp_bytes_text(gconstpointer data, gsize size);
/* "ff 0a 31", with blanks and colons between or without. NULL with a sentence; else yours, of `*size` bytes. */
BP_API guint8 *bp_bytes_from_hex(const char *text, gsize *size, GError **error);

G_END_DECLS
