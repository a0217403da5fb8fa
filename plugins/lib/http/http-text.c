/* SPDX-License-Identifier: MIT */
/* http-text.c - the small languages inside of fields: hosts, lists, ranges, tags, dates, forms. */
#include <backplane/http.h>
#include <string.h>
#include <time.h>
#include "http-codec.h"

static gboolean is_host_character(char byte)
{
	return g_ascii_isalnum(byte) || (byte && strchr("-._~!$&'()*+;=", byte));
}

gboolean http_authority_is_valid(const char *text, gsize size)
{
	gsize at = 0;

	if (size && text[0] == '[') {
		for (at = 1; at < size && (g_ascii_isxdigit(text[at]) || text[at] == ':' || text[at] == '.');)
			at++;
		if (at < 3 || at == size || text[at++] != ']')
			return FALSE;
	} else {
		while (at < size && is_host_character(text[at]))
			at++;
		if (at == 0)
			return FALSE;
	}
	if (at == size)
		return TRUE;
	if (text[at++] != ':' || size - at > 5)
		return FALSE;
	while (at < size && g_ascii_isdigit(text[at]))
		at++;
	return at == size;
}

static int decode_hex(const char *text, gsize left)
{
	int high = left > 1 ? g_ascii_xdigit_value(text[0]) : -1, low = left > 1 ? g_ascii_xdigit_value(text[1]) : -1;

	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* A "." or ".." between slashes. */
static gboolean has_dots(const char *path, gsize size)
{
	for (gsize at = 0; at < size; at++) {
		const char *segment = path + at + 1;
		const char *slash = path[at] == '/' ? memchr(segment, '/', size - at - 1) : NULL;
		gsize length = slash ? (gsize)(slash - segment) : size - at - 1;

		if (path[at] == '/' &&
		    ((length == 1 && segment[0] == '.') || (length == 2 && segment[0] == '.' && segment[1] == '.')))
			return TRUE;
	}
	return FALSE;
}

static gboolean is_good_path(const char *path, gsize size)
{
	for (gsize i = 0; i < size; i++)
		if ((guint8)path[i] < ' ' || path[i] == 127)
			return FALSE;
	return g_utf8_validate(path, (gssize)size, NULL) && !has_dots(path, size);
}

gboolean http_path_decode(const char *path, gsize size, char *out)
{
	g_autofree char *decoded = NULL;
	gsize length = 0;

	/* Most have nothing to decode. */
	if (memchr(path, '%', size)) {
		decoded = g_malloc(size);
		for (gsize i = 0; i < size; i++) {
			int byte = (guint8)path[i];

			if (byte == '%') {
				byte = decode_hex(path + i + 1, size - i - 1);
				i += 2;
			}
			if (byte < 0)
				return FALSE;
			decoded[length++] = (char)byte;
		}
		path = decoded;
		size = length;
	}
	if (!is_good_path(path, size))
		return FALSE;
	memcpy(out, path, size);
	out[size] = '\0';
	return TRUE;
}

gboolean http_list_has(const char *list, gsize size, const char *word)
{
	gsize length = strlen(word), at = 0;

	while (at < size) {
		const char *comma = memchr(list + at, ',', size - at);
		gsize end = comma ? (gsize)(comma - list) : size, from = at, to = end;

		while (from < to && (list[from] == ' ' || list[from] == '\t'))
			from++;
		while (to > from && (list[to - 1] == ' ' || list[to - 1] == '\t'))
			to--;
		if (to - from == length && g_ascii_strncasecmp(list + from, word, length) == 0)
			return TRUE;
		at = end + 1;
	}
	return FALSE;
}

/* --- ranges, tags, encodings --- */

/* At most 18 digits, so that nothing overflows; `*at` is set behind them. */
static gboolean read_number(const char **at, guint64 *number)
{
	gsize digits = strspn(*at, "0123456789");
	guint64 value = 0;

	if (digits == 0 || digits > 18)
		return FALSE;
	for (gsize i = 0; i < digits; i++)
		value = value * 10 + (guint64)((*at)[i] - '0');
	*at += digits;
	*number = value;
	return TRUE;
}

guint http_range_parse(const char *text, guint64 total, guint64 *first, guint64 *last)
{
	guint64 from, to = G_MAXUINT64;
	const char *at;

	if (g_ascii_strncasecmp(text, "bytes=", 6) != 0)
		return 200;
	at = text + 6;
	if (*at == '-') {
		at++;
		if (!read_number(&at, &to) || *at)
			return 200;
		if (!to || !total)
			return 416;
		*first = to > total ? 0 : total - to;
		*last = total - 1;
		return 206;
	}
	if (!read_number(&at, &from) || *at++ != '-')
		return 200;
	if (*at && (!read_number(&at, &to) || *at || to < from))
		return 200;
	if (from >= total)
		return 416;
	*first = from;
	*last = MIN(to, total - 1);
	return 206;
}

gboolean http_etag_matches(const char *list, const char *etag, gboolean strongly)
{
	gboolean weak = strncmp(etag, "W/", 2) == 0;
	gsize size;

	if (weak)
		etag += 2;
	size = strlen(etag);
	while (*list) {
		gboolean other;

		list += strspn(list, " \t,");
		if (*list == '*')
			return TRUE;
		other = strncmp(list, "W/", 2) == 0;
		if (other)
			list += 2;
		if (*list == '"' && strncmp(list, etag, size) == 0 && !(strongly && (weak || other)))
			return TRUE;
		list += *list == '"';
		list += strcspn(list, "\"");
		list += *list == '"';
		if (*list && *list != ',' && *list != ' ' && *list != '\t')
			return FALSE;
	}
	return FALSE;
}

/* "" or ";q=0.5"; FALSE: its quality is 0. */
static gboolean is_wanted(const char *quality)
{
	quality += strspn(quality, " \t");
	if (*quality != ';')
		return TRUE;
	quality += 1 + strspn(quality + 1, " \t");
	if (g_ascii_strncasecmp(quality, "q=0", 3) != 0)
		return TRUE;
	quality += 3;
	quality += *quality == '.';
	quality += strspn(quality, "0");
	return *quality >= '1' && *quality <= '9';
}

/* What is said of gzip by its name counts, wherever the asterisk stands. */
gboolean http_accepts_gzip(const char *list)
{
	gboolean others = FALSE;

	for (const char *at = list; *at; at += *at == ',') {
		gsize size;
		const char *name;

		name = at += strspn(at, " \t");
		size = strcspn(at, ",; \t");
		at += strcspn(at, ",");
		if (size == 4 && g_ascii_strncasecmp(name, "gzip", 4) == 0)
			return is_wanted(name + size);
		if (size == 1 && *name == '*')
			others = is_wanted(name + size);
	}
	return others;
}

/* --- dates: always in English, whatever the locale --- */

static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

void http_date_format(gint64 seconds, char out[32])
{
	time_t when = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&when, &tm)) /* a year that no int can have */
		gmtime_r(&(time_t){ 0 }, &tm);
	g_snprintf(out, 32, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days + tm.tm_wday * 3, (guint)tm.tm_mday % 100,
		   months + tm.tm_mon * 3, (guint)(tm.tm_year + 1900) % 10000, (guint)tm.tm_hour % 100,
		   (guint)tm.tm_min % 100, (guint)tm.tm_sec % 100);
}

/* Of two digits: not more than 50 years from now. */
static int whole_year(int two)
{
	GDateTime *now = g_date_time_new_now_utc();
	int present = g_date_time_get_year(now), year = present - present % 100 + two;

	g_date_time_unref(now);
	return year > present + 50 ? year - 100 : year;
}

gint64 http_date_parse(const char *text)
{
	struct tm tm = { 0 };
	char month[4] = "";
	const char *found;
	int used = 0, size = (int)MIN(strlen(text), 64);

	/* As it is written today, by RFC 850, by asctime(3): all three must be understood. */
	if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &tm.tm_mday, month, &tm.tm_year,
		   &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) == 6 &&
	    used == size)
		tm.tm_year -= 1900;
	else if (sscanf(text, "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT%n", &tm.tm_mday, month, &tm.tm_year,
			&tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) == 6 &&
		 used == size)
		tm.tm_year = whole_year(tm.tm_year) - 1900;
	else if (sscanf(text, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", month, &tm.tm_mday, &tm.tm_hour,
			&tm.tm_min, &tm.tm_sec, &tm.tm_year, &used) == 6 &&
		 used == size)
		tm.tm_year -= 1900;
	else
		return -1;
	found = strlen(month) == 3 ? strstr(months, month) : NULL;
	if (!found || (found - months) % 3 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_hour > 23 ||
	    tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
		return -1;
	tm.tm_mon = (int)((found - months) / 3);
	return (gint64)timegm(&tm);
}

/* --- forms --- */

static char *decode_value(const char *text, gsize size)
{
	g_autofree char *out = g_malloc(size + 1);
	gsize length = 0;

	for (gsize i = 0; i < size; i++) {
		int byte = text[i] == '+' ? ' ' : (guint8)text[i];

		/* A stray percent sign is one, as in browsers. */
		if (byte == '%' && (byte = decode_hex(text + i + 1, size - i - 1)) >= 0)
			i += 2;
		else if (byte < 0)
			byte = '%';
		if (!byte)
			return NULL;
		out[length++] = (char)byte;
	}
	out[length] = '\0';
	return g_utf8_validate(out, (gssize)length, NULL) ? g_steal_pointer(&out) : NULL;
}

char *bp_http_form_value(const char *form, gsize size, const char *name)
{
	gsize at = 0;

	while (form && at < size) {
		const char *end = memchr(form + at, '&', size - at);
		gsize length = end ? (gsize)(end - form) - at : size - at;
		const char *equals = memchr(form + at, '=', length);
		gsize name_size = equals ? (gsize)(equals - form) - at : length;
		g_autofree char *key = decode_value(form + at, name_size);

		if (key && strcmp(key, name) == 0)
			return equals ? decode_value(equals + 1, length - name_size - 1) : g_strdup("");
		at += length + 1;
	}
	return NULL;
}

char *bp_http_escape(const char *text)
{
	return g_uri_escape_string(text, NULL, FALSE);
}

const char *http_status_text(guint status)
{
	static const struct {
		guint status;
		const char *text;
	} texts[] = {
		{ 100, "Continue" },
		{ 101, "Switching Protocols" },
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 206, "Partial Content" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 411, "Length Required" },
		{ 412, "Precondition Failed" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 416, "Range Not Satisfiable" },
		{ 417, "Expectation Failed" },
		{ 421, "Misdirected Request" },
		{ 422, "Unprocessable Content" },
		{ 426, "Upgrade Required" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
		if (texts[i].status == status)
			return texts[i].text;
	return "Unknown";
}
