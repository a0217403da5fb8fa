/* SPDX-License-Identifier: MIT */
/* bytes.h - bytes as people read and write them, and cut into lines. Any thread. Link with backplane-net. */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

/* b'...\r\n\xff': the form of Python's bytes, which the logs of wires have and can be pasted into a script. Of more than
 * 4096 bytes the first ones, and how many there are. Yours. */
BP_API char *bp_bytes_text(gconstpointer data, gsize size);
/* Such a text on a channel, if it is watched: the prefix, a blank, b'...\r\n\xff'. Logs of wires are made of it. */
BP_API void bp_channel_print_bytes(BpChannel *channel, const char *prefix, gconstpointer data, gsize size);
/* "ff 0a 31", with blanks and colons between or without. NULL with a sentence; else yours, of `*size` bytes. */
BP_API guint8 *bp_bytes_from_hex(const char *text, gsize *size, GError **error);
/* For secrets: the time it takes tells nothing of where two texts differ, nor of the length of `wanted`. NULL equals nothing. */
BP_API gboolean bp_secret_equal(const char *given, const char *wanted);

/* Bytes as they come, in pieces of any size, cut into lines. An end is LF, CR, or CR LF, also where those two come apart; it is
 * not part of the line. */
typedef struct BpLines BpLines;
/* One line: NUL-terminated, `size` bytes without the NUL; valid during the call, in which the splitter may be freed. */
typedef void (*BpLineFunc)(gpointer data, const char *line, gsize size);
/* `limit`: bytes of one line; of a longer one the first `limit` are given as a line, the rest as the next (0: 64 KiB). */
BP_API BpLines *bp_lines_new(gsize limit, BpLineFunc func, gpointer data);
BP_API void bp_lines_free(BpLines *lines);
BP_API void bp_lines_take(BpLines *lines, gconstpointer bytes, gsize size);
/* What stands behind the last end, if anything, is a line too: for the end of input. */
BP_API void bp_lines_end(BpLines *lines);
/* What stands behind the last end is forgotten: for a line that broke. */
BP_API void bp_lines_reset(BpLines *lines);

G_END_DECLS
