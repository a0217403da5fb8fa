/* SPDX-License-Identifier: MIT */
/* bytes.h - bytes as readable text, hexadecimal digits, and a line splitter. Any thread. Link with backplane-net. */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

/* b'...\r\n\xff': a literal of Python, the form of all wire logs, which can be pasted into a script. Shows the first 4096 bytes and
 * the total size of longer data. Yours. */
BP_API char *bp_bytes_text(gconstpointer data, gsize size);
/* Prints the prefix, a blank and bp_bytes_text on a channel, if it is watched. Used by all wire logs. */
BP_API void bp_channel_print_bytes(BpChannel *channel, const char *prefix, gconstpointer data, gsize size);
/* Parses "ff 0a 31", "ff:0a:31" or "ff0a31". Returns `*size` bytes, yours; NULL with an error. */
BP_API guint8 *bp_bytes_from_hex(const char *text, gsize *size, GError **error);
/* "ff0a31". Yours. */
BP_API char *bp_bytes_to_hex(gconstpointer data, gsize size);
/* Compares secrets in constant time: the duration depends neither on where the texts differ nor on the length of `wanted`. NULL is
 * equal to nothing. */
BP_API gboolean bp_secret_equal(const char *given, const char *wanted);

/* Line splitter: takes bytes in pieces of any size. A line ends with LF, CR or CR LF (which may be split across two pieces); the
 * line end is not part of the line. */
typedef struct BpLines BpLines;
/* One line: NUL-terminated, `size` bytes without the NUL; valid during the call, in which the splitter may be freed. */
typedef void (*BpLineFunc)(gpointer data, const char *line, gsize size);
/* `limit`: maximum bytes of one line (0: 64 KiB). A longer line is delivered in pieces of `limit` bytes. */
BP_API BpLines *bp_lines_new(gsize limit, BpLineFunc func, gpointer data);
BP_API void bp_lines_free(BpLines *lines);
BP_API void bp_lines_take(BpLines *lines, gconstpointer bytes, gsize size);
/* At the end of input: delivers an unfinished line, if there is one. */
BP_API void bp_lines_end(BpLines *lines);
/* After a lost connection: drops an unfinished line. */
BP_API void bp_lines_reset(BpLines *lines);

G_END_DECLS
