/* SPDX-License-Identifier: MIT */
/* nats-codec.c - the protocol of NATS: see nats-codec.h. */
#include <string.h>
#include <backplane/plugin.h>
#include "nats-codec.h"

#define MOST_WORDS 5

struct NatsCodec {
	GString *buffer; /* what has come and is not used */
	gsize scanned;	 /* of it, without the end of a line */
	gsize limit;
	NatsFunc func;
	gpointer user;
	gboolean ended;

	/* A message whose bytes are still to come. */
	gboolean in_message;
	char *subject, *reply;
	guint64 sid;
	gsize headers_size, size; /* size: with the headers */
};

NatsCodec *nats_codec_new(gsize limit, NatsFunc func, gpointer user)
{
	NatsCodec *codec = g_new0(NatsCodec, 1);

	codec->buffer = g_string_sized_new(4096);
	codec->limit = limit;
	codec->func = func;
	codec->user = user;
	return codec;
}

static void end_message(NatsCodec *codec)
{
	codec->in_message = FALSE;
	g_clear_pointer(&codec->subject, g_free);
	g_clear_pointer(&codec->reply, g_free);
}

void nats_codec_free(NatsCodec *codec)
{
	if (!codec)
		return;
	end_message(codec);
	g_string_free(codec->buffer, TRUE);
	g_free(codec);
}

static gboolean refuse(GError **error, const char *why)
{
	return bp_fail(error, BP_INVALID, "it does not speak NATS: %s", why);
}

static gboolean parse_number(const char *word, guint64 most, guint64 *number)
{
	return g_ascii_string_to_unsigned(word, 10, 0, most, number, NULL);
}

/* MSG subject sid [reply] size; HMSG subject sid [reply] headers size. */
static gboolean begin_message(NatsCodec *codec, char *line, gboolean headers, GError **error)
{
	char *words[MOST_WORDS + 1], *rest = NULL;
	guint count = 0, least = headers ? 4 : 3;
	guint64 sid, header = 0, size;

	for (char *word = strtok_r(line, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
		if (count > MOST_WORDS)
			break;
		words[MIN(count, MOST_WORDS)] = word;
		count++;
	}
	if (count < least || count > least + 1)
		return refuse(error, "a message with a wrong number of words");
	if (!parse_number(words[1], G_MAXUINT64, &sid) || !parse_number(words[count - 1], codec->limit, &size) ||
	    (headers && (!parse_number(words[count - 2], size, &header))))
		return refuse(error, "a message with a wrong size, or larger than message_limit");
	codec->in_message = TRUE;
	codec->subject = g_strdup(words[0]);
	codec->reply = count > least ? g_strdup(words[2]) : NULL;
	codec->sid = sid;
	codec->headers_size = (gsize)header;
	codec->size = (gsize)size;
	return TRUE;
}

static gboolean give(NatsCodec *codec, const NatsOperation *operation, gsize rest)
{
	codec->ended = !codec->func(operation, rest, codec->user);
	return !codec->ended;
}

/* What stands behind the first word. */
static char *arguments(char *line)
{
	line += strcspn(line, " \t");
	return line + strspn(line, " \t");
}

static gboolean is_word(const char *line, const char *word)
{
	gsize size = strlen(word);

	return g_ascii_strncasecmp(line, word, size) == 0 && (!line[size] || line[size] == ' ' || line[size] == '\t');
}

static gboolean take_line(NatsCodec *codec, char *line, gsize rest, GError **error)
{
	NatsOperation operation = { .text = "" };

	if (is_word(line, "MSG"))
		return begin_message(codec, arguments(line), FALSE, error);
	if (is_word(line, "HMSG"))
		return begin_message(codec, arguments(line), TRUE, error);
	if (is_word(line, "PING")) {
		operation.kind = NATS_PING;
	} else if (is_word(line, "PONG")) {
		operation.kind = NATS_PONG;
	} else if (is_word(line, "+OK")) {
		operation.kind = NATS_OK;
	} else if (is_word(line, "INFO")) {
		operation.kind = NATS_INFO;
		operation.text = arguments(line);
	} else if (is_word(line, "-ERR")) {
		char *text = g_strstrip(arguments(line));
		gsize size = strlen(text);

		if (size > 1 && *text == '\'' && text[size - 1] == '\'') {
			text[size - 1] = 0;
			text++;
		}
		operation.kind = NATS_ERROR;
		operation.text = text;
	} else {
		return refuse(error, "an unknown operation");
	}
	return give(codec, &operation, rest);
}

static gboolean give_message(NatsCodec *codec, char *at, gsize rest)
{
	NatsOperation operation = { .kind = NATS_MESSAGE,
				    .text = "",
				    .subject = codec->subject,
				    .reply = codec->reply,
				    .sid = codec->sid,
				    .headers = at,
				    .headers_size = codec->headers_size,
				    .data = at + codec->headers_size,
				    .size = codec->size - codec->headers_size };
	gboolean more = give(codec, &operation, rest);

	end_message(codec);
	return more;
}

/* One operation, from `*used` on. `*more`: there may be another one. */
static gboolean take_one(NatsCodec *codec, gsize *used, gboolean *more, GError **error)
{
	char *at = codec->buffer->str + *used, *end;
	gsize left = codec->buffer->len - *used;

	*more = FALSE;
	if (codec->in_message) {
		if (left < codec->size + 2)
			return TRUE;
		if (at[codec->size] != '\r' || at[codec->size + 1] != '\n')
			return refuse(error, "a message without its end");
		*used += codec->size + 2;
		*more = TRUE;
		return give_message(codec, at, left - codec->size - 2);
	}
	end = left > codec->scanned ? memchr(at + codec->scanned, '\n', left - codec->scanned) : NULL;
	codec->scanned = end ? 0 : left;
	if ((end ? (gsize)(end - at) : left) > NATS_LINE_LIMIT)
		return refuse(error, "a line without an end");
	if (!end)
		return TRUE;
	*end = 0;
	if (end > at && end[-1] == '\r')
		end[-1] = 0;
	if (strlen(at) + 1 < (gsize)(end - at))
		return refuse(error, "a line with a NUL");
	*used += (gsize)(end - at) + 1;
	*more = TRUE;
	return take_line(codec, at, left - (gsize)(end - at) - 1, error);
}

gboolean nats_codec_take(NatsCodec *codec, gconstpointer data, gsize size, GError **error)
{
	gboolean good = !codec->ended, more = TRUE;
	gsize used = 0;

	if (!good)
		return FALSE;
	g_string_append_len(codec->buffer, data, (gssize)size);
	while (good && more)
		good = take_one(codec, &used, &more, error);
	codec->ended = !good;
	g_string_erase(codec->buffer, 0, (gssize)used);
	return good;
}

/* --- headers --- */

char *nats_header(const char *headers, gsize size, const char *name)
{
	const char *end = headers + size, *next;
	gsize length = strlen(name);

	for (const char *at = headers; at < end; at = next) {
		const char *stop = memchr(at, '\n', (gsize)(end - at));

		next = stop ? stop + 1 : end;
		if (!stop)
			stop = end;
		if (at == headers || (gsize)(stop - at) <= length || at[length] != ':' ||
		    g_ascii_strncasecmp(at, name, length) != 0)
			continue;
		return g_strstrip(g_strndup(at + length + 1, (gsize)(stop - at) - length - 1));
	}
	return NULL;
}

guint nats_status(const char *headers, gsize size)
{
	guint status = 0;

	if (size < 12 || memcmp(headers, "NATS/1.0 ", 9) != 0)
		return 0;
	for (guint i = 9; i < 12; i++) {
		if (!g_ascii_isdigit(headers[i]))
			return 0;
		status = status * 10 + (guint)(headers[i] - '0');
	}
	return status;
}

void nats_write_publish(GString *out, const char *subject, const char *reply, const char *const *headers, gsize size)
{
	g_autoptr(GString) lines = g_string_new(NULL);

	for (; headers && headers[0]; headers += 2) {
		g_autofree char *value = headers[1] ? g_strdelimit(g_strdup(headers[1]), "\r\n", ' ') : NULL;

		if (value)
			g_string_append_printf(lines, "%s%s: %s\r\n", lines->len ? "" : "NATS/1.0\r\n", headers[0],
					       value);
	}
	if (lines->len)
		g_string_append(lines, "\r\n");
	g_string_append_printf(out, "%s %s %s%s", lines->len ? "HPUB" : "PUB", subject, reply ? reply : "",
			       reply ? " " : "");
	if (lines->len)
		g_string_append_printf(out, "%" G_GSIZE_FORMAT " ", lines->len);
	g_string_append_printf(out, "%" G_GSIZE_FORMAT "\r\n", lines->len + size);
	g_string_append_len(out, lines->str, (gssize)lines->len);
}
