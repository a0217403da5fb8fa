/* SPDX-License-Identifier: MIT */
/* http-codec.c - the head of a request: request line and fields, line by line. */
#include "http-codec.h"
#include <string.h>

#define LONGEST_METHOD 32
#define MOST_EMPTY_LINES 8 /* bytes of them before a request: some old clients send one */

#define TOKEN 1
#define VALUE 2
#define TARGET 4

static const struct {
	const char *name;
	HttpMethod method;
} methods[] = {
	{ "GET", HTTP_GET },	   { "HEAD", HTTP_HEAD },	{ "POST", HTTP_POST },	 { "PUT", HTTP_PUT },
	{ "DELETE", HTTP_DELETE }, { "OPTIONS", HTTP_OPTIONS }, { "PATCH", HTTP_PATCH },
};

#define WORD (TOKEN | VALUE | TARGET)
#define MARK (VALUE | TARGET)
static const guint8 kinds[256] = {
	['0' ... '9'] = WORD, ['A' ... 'Z'] = WORD,  ['a' ... 'z'] = WORD, ['!'] = WORD,  ['$'] = WORD,	 ['%'] = WORD,
	['&'] = WORD,	      ['\''] = WORD,	     ['*'] = WORD,	   ['+'] = WORD,  ['-'] = WORD,	 ['.'] = WORD,
	['^'] = WORD,	      ['_'] = WORD,	     ['`'] = WORD,	   ['|'] = WORD,  ['~'] = WORD,	 ['('] = MARK,
	[')'] = MARK,	      [','] = MARK,	     ['/'] = MARK,	   [':'] = MARK,  [';'] = MARK,	 ['='] = MARK,
	['?'] = MARK,	      ['@'] = MARK,	     ['['] = MARK,	   ['\\'] = MARK, [']'] = MARK,	 ['{'] = MARK,
	['}'] = MARK,	      ['#'] = TOKEN | VALUE, ['"'] = VALUE,	   ['<'] = VALUE, ['>'] = VALUE, ['\t'] = VALUE,
	[' '] = VALUE,	      [128 ... 255] = VALUE,
};

static inline guint8 kind_of(guint8 byte)
{
	return kinds[byte];
}

static gboolean is_all(const char *data, gsize size, guint8 kind)
{
	for (gsize i = 0; i < size; i++)
		if (!(kind_of((guint8)data[i]) & kind))
			return FALSE;
	return TRUE;
}

static HttpState bad(HttpHead *head, guint status, const char *why)
{
	head->status = status;
	head->why = why;
	return HTTP_BAD;
}

void http_head_init(HttpHead *head, gsize max_head, gsize max_uri)
{
	memset(head, 0, offsetof(HttpHead, fields));
	memset(&head->line, 0, sizeof(*head) - offsetof(HttpHead, line));
	head->max_head = max_head;
	head->max_uri = max_uri;
}

/* --- the request line --- */

static HttpPart part(gsize at, gsize size)
{
	return (HttpPart){ (guint32)at, (guint32)size };
}

static void part_query(HttpHead *head, const char *data, gsize at, gsize end)
{
	const char *mark = memchr(data + at, '?', end - at);
	gsize path_end = mark ? (gsize)(mark - data) : end;

	head->path = part(at, path_end - at);
	head->query = mark ? part(path_end + 1, end - path_end - 1) : part(end, 0);
}

static HttpState read_target(HttpHead *head, const char *data, gsize at, gsize end)
{
	const char *slashes;
	gsize from;

	head->target = part(at, end - at);
	if (end - at > head->max_uri)
		return bad(head, 414, "the address is too long");
	if (at == end || !is_all(data + at, end - at, TARGET))
		return bad(head, 400, "the request target has a character that must be escaped");
	if (data[at] == '/') {
		part_query(head, data, at, end);
		return HTTP_MORE;
	}
	if (end - at == 1 && data[at] == '*') {
		if (head->method != HTTP_OPTIONS)
			return bad(head, 400, "* is a target of OPTIONS only");
		head->asterisk = TRUE;
		head->path = part(at, 1);
		head->query = part(end, 0);
		return HTTP_MORE;
	}
	slashes = g_strstr_len(data + at, (gssize)(end - at), "://");
	from = slashes ? (gsize)(slashes - data) + 3 : 0;
	if (!slashes ||
	    (g_ascii_strncasecmp(data + at, "http:", 5) != 0 && g_ascii_strncasecmp(data + at, "https:", 6) != 0) ||
	    (gsize)(slashes - data) - at > 5)
		return bad(head, 400, "the request target is neither a path nor an http address");
	head->absolute = TRUE;
	at = from;
	while (at < end && data[at] != '/' && data[at] != '?')
		at++;
	head->authority = part(from, at - from);
	if (!http_authority_is_valid(data + from, at - from))
		return bad(head, 400, "the host in the request target is not valid");
	part_query(head, data, at, end);
	return HTTP_MORE;
}

static HttpState read_version(HttpHead *head, const char *text, gsize size)
{
	if (size != 8 || memcmp(text, "HTTP/", 5) != 0 || !g_ascii_isdigit(text[5]) || text[6] != '.' ||
	    !g_ascii_isdigit(text[7]))
		return bad(head, 400, "the request line does not end with HTTP/1.1");
	head->major = (guint8)(text[5] - '0');
	head->minor = (guint8)(text[7] - '0');
	return HTTP_MORE;
}

static HttpState read_request_line(HttpHead *head, const char *data, gsize at, gsize end)
{
	const char *first = memchr(data + at, ' ', end - at);
	const char *last = memrchr(data + at, ' ', end - at);
	gsize method_end = first ? (gsize)(first - data) : end;

	if (!first || first == last)
		return bad(head, 400, "the request line is not METHOD TARGET HTTP/1.1");
	head->method_text = part(at, method_end - at);
	if (method_end == at || !is_all(data + at, method_end - at, TOKEN))
		return bad(head, 400, "the method is not a token");
	for (gsize i = 0; i < G_N_ELEMENTS(methods); i++)
		if (strlen(methods[i].name) == method_end - at &&
		    memcmp(methods[i].name, data + at, method_end - at) == 0)
			head->method = methods[i].method;
	if (read_version(head, last + 1, end - (gsize)(last + 1 - data)) == HTTP_BAD)
		return HTTP_BAD;
	if (head->major != 1)
		return bad(head, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	if (head->method == HTTP_OTHER)
		return bad(head, 501, "the method is not known here");
	head->has_line = TRUE;
	return read_target(head, data, method_end + 1, (gsize)(last - data));
}

/* --- fields that say how to read on --- */

static HttpState read_length(HttpHead *head, const char *text, gsize size)
{
	if (head->has_length)
		return bad(head, 400, "there are two Content-Length fields");
	if (size == 0 || size > 19)
		return bad(head, 400, "Content-Length is not a number of at most 19 digits");
	head->has_length = TRUE;
	for (gsize i = 0; i < size; i++) {
		if (!g_ascii_isdigit(text[i]))
			return bad(head, 400, "Content-Length is not a number");
		head->length = head->length * 10 + (guint64)(text[i] - '0');
	}
	return HTTP_MORE;
}

/* Only "chunked", once and last, says where the body ends. */
static HttpState read_coding(HttpHead *head, const char *text, gsize size)
{
	gsize at = 0;

	head->has_coding = TRUE;
	while (at <= size) {
		const char *comma = memchr(text + at, ',', size - at);
		gsize end = comma ? (gsize)(comma - text) : size, from = at, to = end;

		while (from < to && (text[from] == ' ' || text[from] == '\t'))
			from++;
		while (to > from && (text[to - 1] == ' ' || text[to - 1] == '\t'))
			to--;
		if (from == to || head->chunked || !is_all(text + from, to - from, TOKEN))
			return bad(head, 400, "Transfer-Encoding does not end with one chunked");
		if (to - from == 7 && g_ascii_strncasecmp(text + from, "chunked", 7) == 0)
			head->chunked = TRUE;
		else
			head->coded_otherwise = TRUE;
		at = end + 1;
	}
	return HTTP_MORE;
}

static gboolean is_named(const char *name, gsize size, const char *wanted)
{
	return strlen(wanted) == size && g_ascii_strncasecmp(name, wanted, size) == 0;
}

static HttpState read_known(HttpHead *head, const char *data, const HttpField *field)
{
	const char *name = data + field->name, *value = data + field->value;
	gsize size = field->value_size;

	switch (g_ascii_tolower(name[0])) {
	case 'h':
		if (!is_named(name, field->name_size, "host"))
			break;
		if (head->has_host)
			return bad(head, 400, "there are two Host fields");
		head->has_host = TRUE;
		head->host = part(field->value, size);
		if (!http_authority_is_valid(value, size))
			return bad(head, 400, "the Host field is not a host");
		break;
	case 'c':
		if (is_named(name, field->name_size, "content-length"))
			return read_length(head, value, size);
		if (is_named(name, field->name_size, "connection")) {
			head->close_said |= http_list_has(value, size, "close");
			head->keep_said |= http_list_has(value, size, "keep-alive");
		}
		break;
	case 't':
		if (is_named(name, field->name_size, "transfer-encoding"))
			return read_coding(head, value, size);
		break;
	case 'e':
		if (is_named(name, field->name_size, "expect")) {
			if (size == 12 && g_ascii_strncasecmp(value, "100-continue", 12) == 0)
				head->expects_continue = TRUE;
			else
				head->expects_other = TRUE;
		}
		break;
	default:
		break;
	}
	return HTTP_MORE;
}

static HttpState read_field(HttpHead *head, const char *data, gsize at, gsize end)
{
	gsize colon = at, value, last = end;
	HttpField *field;

	if (data[at] == ' ' || data[at] == '\t')
		return bad(head, 400, "a field is folded over two lines");
	while (colon < end && kind_of((guint8)data[colon]) & TOKEN)
		colon++;
	if (colon == at || colon == end || data[colon] != ':')
		return bad(head, 400, "a field name is not a token right before its colon");
	for (value = colon + 1; value < end && (data[value] == ' ' || data[value] == '\t');)
		value++;
	while (last > value && (data[last - 1] == ' ' || data[last - 1] == '\t'))
		last--;
	if (head->count == HTTP_MOST_FIELDS || colon - at > G_MAXUINT16)
		return bad(head, 431, "there are too many fields");
	field = &head->fields[head->count++];
	*field = (HttpField){ (guint32)at, (guint32)value, (guint32)(last - value), (guint16)(colon - at) };
	return read_known(head, data, field);
}

/* --- the whole --- */

static HttpState finish(HttpHead *head)
{
	head->keep_alive = head->minor ? !head->close_said : head->keep_said && !head->close_said;
	if (!head->has_host && head->minor)
		return bad(head, 400, "there is no Host field");
	if (head->has_coding) {
		if (!head->minor)
			return bad(head, 400, "HTTP/1.0 has no Transfer-Encoding");
		if (head->has_length)
			return bad(head, 400, "there are Content-Length and Transfer-Encoding both");
		if (!head->chunked)
			return bad(head, 400, "Transfer-Encoding does not end with one chunked");
		if (head->coded_otherwise)
			return bad(head, 501, "only chunked is understood as Transfer-Encoding");
	}
	return HTTP_DONE;
}

/* Up to where a line may end: the same wherever what came was cut. */
static gsize limit_of(const HttpHead *head)
{
	return head->has_line ? head->max_head : MIN(head->max_head, head->line + head->max_uri + LONGEST_METHOD + 10);
}

static HttpState too_long(HttpHead *head, const char *data)
{
	if (head->has_line)
		return bad(head, 431, "the fields are too long");
	if (memchr(data + head->line, ' ', LONGEST_METHOD + 1))
		return bad(head, 414, "the address is too long");
	return bad(head, 400, "the request line does not begin with a method");
}

static HttpState read_line(HttpHead *head, const char *data, gsize end)
{
	gsize at = head->line;

	if (!head->has_line) {
		if (at != end)
			return read_request_line(head, data, at, end);
		return end > MOST_EMPTY_LINES ? bad(head, 400, "there are empty lines before the request") : HTTP_MORE;
	}
	if (at != end)
		return read_field(head, data, at, end);
	head->size = end + 2;
	return finish(head);
}

HttpState http_head_parse(HttpHead *head, const char *data, gsize size)
{
	gsize at = head->scanned, limit = limit_of(head);

	while (at < size) {
		HttpState state;

		if (at >= limit)
			return too_long(head, data);
		if (G_LIKELY(kind_of((guint8)data[at]) & VALUE)) {
			at++;
			continue;
		}
		if (data[at] != '\r')
			return bad(head, 400,
				   data[at] == '\n' ? "a line ends with a bare LF" : "there is a control character");
		if (at + 1 == size)
			break;
		if (data[at + 1] != '\n')
			return bad(head, 400, "a line ends with a bare CR");
		state = read_line(head, data, at);
		if (state != HTTP_MORE)
			return state;
		at += 2;
		head->line = at;
		limit = limit_of(head);
	}
	head->scanned = at;
	return HTTP_MORE;
}

const HttpField *http_head_find(const HttpHead *head, const char *data, const char *name, guint *at)
{
	gsize size = strlen(name);

	for (; *at < head->count; ++*at) {
		const HttpField *field = &head->fields[*at];

		if (field->name_size == size && g_ascii_strncasecmp(data + field->name, name, size) == 0) {
			++*at;
			return field;
		}
	}
	return NULL;
}
