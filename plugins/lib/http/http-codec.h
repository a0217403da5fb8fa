/* SPDX-License-Identifier: MIT */
/* http-codec.h - requests of HTTP/1.1 (RFC 9112), bytes in and structs out; no descriptor, no allocation.
 *
 * The room kernel/http comes after io and host: it serves on their streams. This codec knows none of them.
 *
 * Strict: what two readers might understand differently is refused, not guessed.
 */
#pragma once
#include <glib.h>

typedef enum { HTTP_MORE, HTTP_DONE, HTTP_BAD } HttpState;
typedef enum { HTTP_OTHER, HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_OPTIONS, HTTP_PATCH } HttpMethod;

#define HTTP_MOST_FIELDS 100

/* Places in the bytes given. The byte behind a name and behind a value is not part of anything. */
typedef struct {
	guint32 name, value, value_size;
	guint16 name_size;
} HttpField;

typedef struct {
	guint32 at, size;
} HttpPart;

typedef struct {
	gsize max_head, max_uri;

	/* --- when HTTP_BAD: what to answer --- */
	guint status;
	const char *why;

	/* --- when HTTP_DONE --- */
	gsize size; /* of the head with its last empty line */
	HttpMethod method;
	guint8 major, minor;
	HttpPart method_text, target;
	HttpPart authority;   /* of an absolute target; size 0: the Host field decides */
	HttpPart path, query; /* in the target as sent; the query without its '?' */
	HttpPart host;	      /* value of the Host field */
	gboolean absolute, asterisk;
	gboolean keep_alive;
	gboolean has_length, chunked;
	guint64 length;
	gboolean expects_continue, expects_other;
	guint count;
	HttpField fields[HTTP_MOST_FIELDS];

	/* --- between calls --- */
	gsize line, scanned; /* where the present line begins; up to where no end of it was found */
	gboolean has_line, has_host, close_said, keep_said;
	HttpPart coding; /* the last Transfer-Encoding */
	gboolean has_coding, coded_badly, coded_otherwise;
} HttpHead;

void http_head_init(HttpHead *head, gsize max_head, gsize max_uri);
/* `data` is all of the head that has come: each call gives the same bytes again and more behind them. */
HttpState http_head_parse(HttpHead *head, const char *data, gsize size);
/* The field with that name, from `*at` on, which is set behind it; NULL: none. */
const HttpField *http_head_find(const HttpHead *head, const char *data, const char *name, guint *at);

/* --- a body in chunks --- */
typedef struct {
	guint8 stage;
	guint8 digits;
	guint64 left;
	gsize overhead; /* extensions and trailers: bounded */
	gboolean in_name;
	const char *why;
} HttpChunks;

/* Takes from `data` on; `*used` bytes are done with, of which `*piece` (NULL: none) of `*piece_size` bytes are body. Call
 * again with what is left until it says HTTP_MORE with all used. HTTP_BAD: `why`, and nothing else is written. */
HttpState http_chunks_parse(HttpChunks *chunks, const char *data, gsize size, gsize *used, const char **piece,
			    gsize *piece_size);

/* --- texts (http-text.c) --- */
/* "localhost", "[::1]:80", "example.org:8080". */
gboolean http_authority_is_valid(const char *text, gsize size);
/* Decodes into `out`, which has room for size + 1. FALSE: a bad %XX, a control character, not UTF-8, or a "." or ".."
 * segment; `out` is as it was then. */
gboolean http_path_decode(const char *path, gsize size, char *out);
/* Is `word` in the comma list, whatever its case. */
gboolean http_list_has(const char *list, gsize size, const char *word);
/* "bytes=0-9", for content of `total` bytes: 206 and the range, which is inside of it; 416; or 200 when it is none that we
 * serve (several). `first` and `last` are written for 206 only. */
guint http_range_parse(const char *text, guint64 total, guint64 *first, guint64 *last);
/* Is the entity tag (quoted) in the list; strongly: no weak tag is the same as any (If-Match, not If-None-Match). */
gboolean http_etag_matches(const char *list, const char *etag, gboolean strongly);
/* May the Accept-Encoding list be answered with gzip. */
gboolean http_accepts_gzip(const char *list);
/* "Sun, 06 Nov 1994 08:49:37 GMT", or one of the two older forms; -1: none of them. */
gint64 http_date_parse(const char *text);
void http_date_format(gint64 seconds, char out[32]);
const char *http_status_text(guint status);
