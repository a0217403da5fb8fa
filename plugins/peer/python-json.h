/* SPDX-License-Identifier: MIT */
/* python-json.h - JSON and other text as Python writes it, byte for byte: the originals' side of the wire. */
#pragma once
#include <backplane/json.h>
#include <backplane/message.h>

/* As json.dumps: ", " and ": ", \u00e9 in small letters, numbers in their shortest form. Yours. */
char *python_json_text(const json_t *value);
/* The same with a newline at its end, in one message: clients of the originals look only at the end of what one read
 * brought. */
BpMessage *python_json_line(const json_t *value);
/* A text that Python takes and JSON does not have: NaN, Infinity, integers beyond 64 bits, halves of surrogate pairs, NUL in
 * keys; they are strings with private characters in the value (python-parse.c). A new reference; NULL: Python refuses it, too. */
json_t *python_json_parse(const char *text, gsize size);
/* Puts them back into what python_json_text has made of such a value. Yours. */
char *python_json_unmark(const char *text);
/* As repr: 'text', True, None, ['ping']; for errors that name a value. Yours. */
char *python_repr(const json_t *value);
/* As str: like repr, but a string is itself. */
char *python_str(const json_t *value);
/* datetime.now().isoformat(): local time, six digits (none when they are all 0). `time` in microseconds. Yours. */
char *python_time(gint64 time);
/* The message of Python's error for bytes that are not UTF-8. Yours; NULL if they are. */
char *python_utf8_error(const char *data, gsize size);
