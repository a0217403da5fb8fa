/* SPDX-License-Identifier: MIT */
/* fuzz-http.c - whatever a client sends: no crash, nothing outside of the bytes, and the same however it is cut.
 *
 * The first byte says where the second run cuts.
 */
#include <stdint.h>
#include <string.h>
#include <backplane/http.h>
#include "http/http-codec.h"
#include "../marked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_HEAD 1024
#define MAX_URI 256

static HttpState parse_head(HttpHead *head, const char *data, gsize size, gsize step)
{
	HttpState state = HTTP_MORE;
	gsize at = 0;

	http_head_init(head, MAX_HEAD, MAX_URI);
	while (at < size && state == HTTP_MORE) {
		at += MIN(step, size - at);
		state = http_head_parse(head, data, at);
	}
	return state;
}

static void look_at(const HttpHead *head, const char *data, gsize size)
{
	g_autofree char *path = g_malloc(head->path.size + 1);
	guint64 first, last;

	g_assert_cmpuint(head->size, <=, size);
	g_assert_cmpuint(head->method, !=, HTTP_OTHER);
	g_assert(!(head->has_length && head->chunked));
	g_assert_cmpuint((gsize)head->target.at + head->target.size, <, head->size);
	g_assert_cmpuint((gsize)head->query.at + head->query.size, <=, (gsize)head->target.at + head->target.size);
	if (http_path_decode(data + head->path.at, head->path.size, path))
		g_assert(g_utf8_validate(path, -1, NULL) && !strstr(path, "/../"));
	for (guint i = 0; i < head->count; i++) {
		g_autofree char *value = g_strndup(data + head->fields[i].value, head->fields[i].value_size);

		g_assert_cmpuint((gsize)head->fields[i].value + head->fields[i].value_size + 2, <=, head->size);
		g_assert(!memchr(value, '\n', head->fields[i].value_size));
		http_list_has(value, head->fields[i].value_size, "close");
		http_etag_matches(value, "\"a\"", TRUE);
		http_accepts_gzip(value);
		http_date_parse(value);
		MARK(first);
		MARK(last);
		if (http_range_parse(value, 100, &first, &last) == 206)
			g_assert(first <= last && last < 100);
		else
			g_assert(IS_MARKED(first) && IS_MARKED(last));
	}
}

static HttpState parse_chunks(const char *data, gsize size, gsize step, GString *body, gsize *used_in_all)
{
	HttpChunks chunks = { 0 };
	HttpState state = HTTP_MORE;
	gsize at = 0;

	while (at < size && state == HTTP_MORE) {
		const char *piece;
		gsize used, piece_size;

		MARK(piece);
		MARK(used);
		MARK(piece_size);
		state = http_chunks_parse(&chunks, data + at, MIN(step, size - at), &used, &piece, &piece_size);
		if (state == HTTP_BAD) {
			g_assert(IS_MARKED(used) && IS_MARKED(piece) && IS_MARKED(piece_size));
			break;
		}
		g_assert_cmpuint(used, >, 0);
		g_assert(!piece_size || (piece >= data + at && piece + piece_size <= data + at + used));
		g_string_append_len(body, piece, (gssize)piece_size);
		at += used;
	}
	*used_in_all = state == HTTP_BAD ? 0 : at; /* where it is bad is told by `why` alone */
	return state;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	g_autoptr(GString) one = g_string_new(NULL), two = g_string_new(NULL);
	g_autofree HttpHead *whole = g_new(HttpHead, 1), *cut = g_new(HttpHead, 1);
	g_autofree char *value = NULL;
	gsize used_one, used_two;
	HttpState state;

	if (size < 2)
		return 0;
	size--;
	state = parse_head(whole, text, size, size);
	g_assert_cmpint(parse_head(cut, text, size, 1 + data[0]), ==, state);
	g_assert_cmpuint(whole->status, ==, cut->status);
	g_assert_cmpuint(whole->size, ==, cut->size);
	g_assert_cmpuint(whole->count, ==, cut->count);
	if (state == HTTP_DONE)
		look_at(whole, text, size);
	if (state == HTTP_DONE && whole->chunked) {
		text += whole->size;
		size -= whole->size;
	}
	state = parse_chunks(text, size, size ? size : 1, one, &used_one);
	g_assert_cmpint(parse_chunks(text, size, 1 + data[0], two, &used_two), ==, state);
	g_assert_cmpuint(used_one, ==, used_two);
	g_assert_cmpstr(one->str, ==, two->str);
	value = bp_http_form_value(text, size, "cmd");
	g_assert(!value || g_utf8_validate(value, -1, NULL));
	return 0;
}
