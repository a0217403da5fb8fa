/* SPDX-License-Identifier: MIT */
/* http-content.c - what stays the same for a while: assets and files, with tags, dates and ranges.
 *
 * Who asks for several ranges is sent the whole, as RFC 9110 (14.2) lets a server do: what is served here is small, and
 * multipart answers that may be longer than the whole are a known way to attack.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <backplane/file.h>
#include "http-server.h"

#define PIECE 65536

guint http_precondition(BpHttpExchange *exchange, gint64 changed)
{
	g_autofree char *wanted = bp_http_header_list(exchange, "if-match");
	g_autofree char *known = bp_http_header_list(exchange, "if-none-match");
	const char *until = bp_http_header(exchange, "if-unmodified-since"),
		   *since = bp_http_header(exchange, "if-modified-since");
	gint64 date;

	if (wanted) {
		if (!http_etag_matches(wanted, exchange->etag, TRUE))
			return 412;
	} else if (until && changed >= 0) {
		date = http_date_parse(until);
		if (date >= 0 && changed > date)
			return 412;
	}
	if (known) {
		if (http_etag_matches(known, exchange->etag, FALSE))
			return 304;
	} else if (since && changed >= 0) {
		date = http_date_parse(since);
		if (date >= 0 && changed <= date)
			return 304;
	}
	return 200;
}

gboolean http_answer_unmet(BpHttpExchange *exchange, guint status)
{
	if (status != 412 && status != 416)
		return FALSE;
	bp_http_respond_problem(exchange, status,
				status == 412 ? "it is not what If-Match or If-Unmodified-Since say"
					      : "it ends before the range begins");
	return TRUE;
}

/* What of the content is sent: all of it, or the range of a 206. */
typedef struct {
	guint64 at, size, total;
} ContentRange;

/* 200, 206, 304, 412 or 416, as the conditions of the request say. */
static guint judge(BpHttpExchange *exchange, gint64 changed, guint64 total, ContentRange *part)
{
	const char *range = bp_http_header(exchange, "range"), *only = bp_http_header(exchange, "if-range");
	guint status = http_precondition(exchange, changed);
	guint64 first, last;

	*part = (ContentRange){ 0, total, total };
	if (status != 200 || !range || exchange->head.method != HTTP_GET)
		return status;
	if (only && strcmp(only, exchange->etag) != 0 && (changed < 0 || http_date_parse(only) != changed))
		return 200;
	status = http_range_parse(range, total, &first, &last);
	if (status != 206)
		return status;
	if (first > last || last >= total)
		return 416;
	*part = (ContentRange){ first, last - first + 1, total };
	return 206;
}

static gboolean is_method_good(BpHttpExchange *exchange)
{
	if (exchange->head.method == HTTP_GET || exchange->head.method == HTTP_HEAD)
		return TRUE;
	bp_http_add_header(exchange, "Allow", "GET, HEAD");
	bp_http_respond_problem(exchange, 405, "this can be got, nothing else");
	return FALSE;
}

static void add_range(BpHttpExchange *exchange, guint status, const ContentRange *part)
{
	g_autofree char *range = NULL;

	if (status == 206)
		range = g_strdup_printf("bytes %" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT,
					part->at, part->at + part->size - 1, part->total);
	else if (status == 416)
		range = g_strdup_printf("bytes */%" G_GUINT64_FORMAT, part->total);
	bp_http_add_header(exchange, "Accept-Ranges", "bytes");
	if (range)
		bp_http_add_header(exchange, "Content-Range", range);
}

void bp_http_respond_asset(BpHttpExchange *exchange, const char *type, GBytes *content, GBytes *gzip, const char *etag)
{
	const char *accepted = bp_http_header(exchange, "accept-encoding");
	gboolean packed = gzip && accepted && http_accepts_gzip(accepted) && !bp_http_header(exchange, "range");
	g_autofree char *tag = g_strdup_printf("\"%s%s\"", etag, packed ? "-gz" : "");
	const guint8 *bytes;
	GString *head;
	guint status;
	gsize size;
	ContentRange part;

	if (!is_method_good(exchange))
		return;
	bytes = g_bytes_get_data(packed ? gzip : content, &size);
	bp_http_add_header(exchange, "ETag", tag);
	status = judge(exchange, -1, size, &part);
	add_range(exchange, status, &part);
	if (http_answer_unmet(exchange, status))
		return;
	if (gzip)
		bp_http_add_header(exchange, "Vary", "Accept-Encoding");
	if (packed)
		bp_http_add_header(exchange, "Content-Encoding", "gzip");
	g_assert(part.at <= size && part.size <= size - part.at);
	head = http_answer_head(exchange, status, status == 200 || status == 206 ? type : NULL, part.size);
	http_answer_send(exchange, head, bytes + part.at, (gsize)part.size, !http_is_bodiless(exchange, status));
	http_answer_done(exchange);
}

/* --- files --- */

/* The file has become shorter than Content-Length: the connection is aborted, so that the client notices. */
static void cut(BpHttpExchange *exchange)
{
	g_autoptr(GError) why = g_error_new(BP_IO_ERROR, BP_FAILED, "a file got shorter while it was sent");

	bp_stream_abort(exchange->connection->stream, why);
}

void http_file_pump(BpHttpExchange *exchange)
{
	BpStream *stream = exchange->connection->stream;
	gboolean room = TRUE;

	while (exchange->file_left && room) {
		guint8 *buffer;
		gsize size = (gsize)MIN(exchange->file_left, PIECE);
		g_autoptr(BpMessage) piece = bp_message_alloc(size, BP_BINARY, &buffer);
		gssize got = pread(exchange->file, buffer, size, (off_t)exchange->file_at);

		if (got != (gssize)size) {
			cut(exchange);
			return;
		}
		exchange->file_at += size;
		exchange->file_left -= size;
		exchange->sent += size;
		room = bp_stream_send(stream, piece) == BP_SENT;
		if (bp_stream_is_closing(stream))
			return;
	}
	if (!exchange->file_left)
		http_answer_done(exchange);
}

void bp_http_respond_file(BpHttpExchange *exchange, const char *type, const char *path)
{
	struct stat about;
	g_autofree char *tag = NULL;
	char date[32];
	GString *head;
	guint status;
	ContentRange part;

	if (!is_method_good(exchange))
		return;
	exchange->file = bp_file_open(path, BP_FILE_READ, NULL);
	if (exchange->file < 0 || fstat(exchange->file, &about) < 0) {
		bp_http_respond_problem(exchange, 404, "the file cannot be read");
		return;
	}
	tag = g_strdup_printf("\"%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x.%lx\"", (guint64)about.st_size,
			      (guint64)about.st_mtim.tv_sec, (gulong)about.st_mtim.tv_nsec);
	http_date_format(about.st_mtim.tv_sec, date);
	bp_http_add_header(exchange, "ETag", tag);
	bp_http_add_header(exchange, "Last-Modified", date);
	status = judge(exchange, about.st_mtim.tv_sec, (guint64)about.st_size, &part);
	add_range(exchange, status, &part);
	if (http_answer_unmet(exchange, status))
		return;
	head = http_answer_head(exchange, status, status == 200 || status == 206 ? type : NULL, part.size);
	http_answer_send(exchange, head, NULL, 0, FALSE);
	if (http_is_bodiless(exchange, status) || !part.size || bp_stream_is_closing(exchange->connection->stream)) {
		http_answer_done(exchange);
		return;
	}
	exchange->stage = HTTP_FILE;
	exchange->file_at = part.at;
	exchange->file_left = part.size;
	http_file_pump(exchange);
}
