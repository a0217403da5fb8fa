/* SPDX-License-Identifier: MIT */
/* http-chunks.c - a body that comes in chunks, byte by byte where it is not the body itself. */
#include "http-codec.h"
#include <string.h>

#define MOST_OVERHEAD 8192 /* extensions and trailers of a whole body */
#define MOST_DIGITS 15

enum {
	SIZE,
	EXTENSION, /* white space, before the first or the next semicolon */
	NAME_START,
	NAME,
	NAME_END,
	VALUE_START,
	VALUE,
	QUOTED,
	QUOTED_PAIR,
	VALUE_END,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER_START,
	TRAILER,
	TRAILER_LF,
	LAST_LF,
	OVER
};

static HttpState bad(HttpChunks *chunks, const char *why)
{
	chunks->why = why;
	return HTTP_BAD;
}

static HttpState on_size(HttpChunks *chunks, char byte)
{
	int digit = g_ascii_xdigit_value(byte);

	if (digit >= 0) {
		if (++chunks->digits > MOST_DIGITS)
			return bad(chunks, "a chunk is too large");
		chunks->left = chunks->left << 4 | (guint64)digit;
		return HTTP_MORE;
	}
	if (!chunks->digits || !byte || !strchr("; \t\r", byte))
		return bad(chunks, "a chunk has no size in hexadecimal digits");
	chunks->stage = byte == ';' ? NAME_START : byte == '\r' ? SIZE_LF : EXTENSION;
	return HTTP_MORE;
}

static gboolean is_text(char byte)
{
	return byte == '\t' || ((guint8)byte >= ' ' && byte != 127);
}

static gboolean is_token(char byte)
{
	return g_ascii_isalnum(byte) || (byte && strchr("!#$%&'*+-.^_`|~", byte));
}

/* What may follow a name or a value: an equals sign after a name, the next extension, the end of the line. -1: nothing else. */
static int after_word(char byte, gboolean is_name)
{
	switch (byte) {
	case ' ':
	case '\t':
		return is_name ? NAME_END : EXTENSION;
	case ';':
		return NAME_START;
	case '\r':
		return SIZE_LF;
	default:
		return is_name && byte == '=' ? VALUE_START : -1;
	}
}

/* *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ), RFC 9112, 7.1.1; the stage that follows, or -1. */
static int extension_stage(const HttpChunks *chunks, char byte)
{
	gboolean space = byte == ' ' || byte == '\t';

	switch (chunks->stage) {
	case EXTENSION: /* behind white space a line does not end */
		return space ? EXTENSION : byte == ';' ? NAME_START : -1;
	case NAME_START:
		return space ? NAME_START : is_token(byte) ? NAME : -1;
	case NAME:
		return is_token(byte) ? NAME : after_word(byte, TRUE);
	case NAME_END:
		return byte == '\r' ? -1 : after_word(byte, TRUE);
	case VALUE_START:
		return space ? VALUE_START : byte == '"' ? QUOTED : is_token(byte) ? VALUE : -1;
	case VALUE:
		return is_token(byte) ? VALUE : after_word(byte, FALSE);
	case QUOTED:
		return byte == '"' ? VALUE_END : byte == '\\' ? QUOTED_PAIR : is_text(byte) ? QUOTED : -1;
	case QUOTED_PAIR:
		return is_text(byte) ? QUOTED : -1;
	default: /* VALUE_END */
		return after_word(byte, FALSE);
	}
}

static HttpState on_extension(HttpChunks *chunks, char byte)
{
	int stage = extension_stage(chunks, byte);

	if (stage < 0)
		return bad(chunks, "a chunk extension is not ;NAME=VALUE");
	chunks->stage = (guint8)stage;
	return HTTP_MORE;
}

static HttpState on_trailer(HttpChunks *chunks, char byte)
{
	if (chunks->stage == TRAILER_START) {
		if (byte == '\r') {
			chunks->stage = LAST_LF;
			return HTTP_MORE;
		}
		if (byte == ' ' || byte == '\t' || byte == ':')
			return bad(chunks, "a trailer is not NAME: VALUE");
		chunks->stage = TRAILER;
		chunks->in_name = TRUE;
	}
	if (chunks->in_name) {
		if (byte == ':')
			chunks->in_name = FALSE;
		else if (!is_token(byte))
			return bad(chunks, "the name of a trailer is not a token");
		return HTTP_MORE;
	}
	if (byte == '\r')
		chunks->stage = TRAILER_LF;
	else if (!is_text(byte))
		return bad(chunks, "there is a control character in a trailer");
	return HTTP_MORE;
}

static HttpState on_line_end(HttpChunks *chunks, char byte)
{
	if (byte != '\n')
		return bad(chunks, "a line of the chunks does not end with CR LF");
	switch (chunks->stage) {
	case SIZE_LF:
		chunks->stage = chunks->left ? DATA : TRAILER_START;
		break;
	case DATA_LF:
		chunks->stage = SIZE;
		chunks->digits = 0;
		chunks->left = 0;
		break;
	case TRAILER_LF:
		chunks->stage = TRAILER_START;
		break;
	default:
		chunks->stage = OVER;
		return HTTP_DONE;
	}
	return HTTP_MORE;
}

static HttpState on_byte(HttpChunks *chunks, char byte)
{
	switch (chunks->stage) {
	case SIZE:
		return on_size(chunks, byte);
	case EXTENSION ... VALUE_END:
		chunks->overhead++;
		if (on_extension(chunks, byte) == HTTP_BAD)
			return HTTP_BAD;
		break;
	case DATA_CR:
		if (byte != '\r')
			return bad(chunks, "a chunk is longer than its size");
		chunks->stage = DATA_LF;
		return HTTP_MORE;
	case TRAILER_START:
	case TRAILER:
		chunks->overhead++;
		if (on_trailer(chunks, byte) == HTTP_BAD)
			return HTTP_BAD;
		break;
	default:
		return on_line_end(chunks, byte);
	}
	return chunks->overhead > MOST_OVERHEAD ? bad(chunks, "the chunks have too many extensions and trailers")
						: HTTP_MORE;
}

HttpState http_chunks_parse(HttpChunks *chunks, const char *data, gsize size, gsize *used, const char **piece,
			    gsize *piece_size)
{
	gsize at = 0, part = 0;
	HttpState state = HTTP_MORE;

	while (at < size && state == HTTP_MORE && chunks->stage != DATA)
		state = on_byte(chunks, data[at++]);
	if (state == HTTP_BAD)
		return HTTP_BAD;
	if (at < size && state == HTTP_MORE) {
		part = (gsize)MIN((guint64)(size - at), chunks->left);
		chunks->left -= part;
		if (!chunks->left)
			chunks->stage = DATA_CR;
	}
	*piece = part ? data + at : NULL;
	*piece_size = part;
	*used = at + part;
	return state;
}
