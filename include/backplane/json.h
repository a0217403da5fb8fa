/* SPDX-License-Identifier: MIT */
/* json.h - JSON with jansson, within limits. No plugin may use another JSON library: their symbols clash.
 *
 * Values are jansson's: json_t, references, json_pack and the rest; json_auto_t frees at the end of a block.
 */
#pragma once
#include <jansson.h>
#include <backplane/param.h>

G_BEGIN_DECLS

#define BP_JSON_DEPTH 64 /* arrays and objects within each other */

/* Parses a complete text in UTF-8 with any kind of value (RFC 8259). A text that is nested deeper than BP_JSON_DEPTH, or longer than
 * `limit` bytes (0: no limit), is refused before it is parsed. The error names line and column. A new reference. */
BP_API json_t *bp_json_parse(const char *text, gsize size, gsize limit, GError **error);
/* The same, but it must be an object. */
BP_API json_t *bp_json_parse_object(const char *text, gsize size, gsize limit, GError **error);
/* Compact, or with ", " and ": " as Python's json.dumps writes; `ascii` escapes the rest. Yours. */
BP_API char *bp_json_text(const json_t *value);
BP_API char *bp_json_text_spaced(const json_t *value, gboolean ascii);
/* Text that may not be UTF-8: bad bytes become U+FFFD. A new reference; `text` NULL gives null. */
BP_API json_t *bp_json_string(const char *text, gssize size);

/* The number in a message. JSON: at `field`, a path of members and indexes such as "rooms.0.celsius"; without one (NULL or "") the value
 * itself, or the first number or boolean in it. Other text: the number behind the word `field` ("T" in "T:21.5 B:60"), or the first one.
 * FALSE: there is none, and `*value` is unchanged. At most the first 64 KiB are looked at. */
BP_API gboolean bp_json_number(const char *text, gsize size, const char *field, double *value);

/* [{"name","letter","type","kind","default","min","max","choices","help","required","many","secret"}, ...] of a table, the
 * included rows in place, hidden ones left out; for forms and descriptions. */
BP_API json_t *bp_param_json(const BpParam *table);
/* The values as an object; secrets are "***". */
BP_API json_t *bp_values_json(const BpValues *values);
/* Sets values by name from strings, numbers, booleans, arrays of them and null (not given). FALSE at the first invalid one; those
 * before it are set. */
BP_API gboolean bp_values_set_json(BpValues *values, json_t *object, GError **error);

G_END_DECLS
