/* SPDX-License-Identifier: MIT */
/* endpoint-media.c - single pieces of media, and streams of chunks. */
#include "endpoint-media.h"
#include <string.h>

#define MOST_NAME 128

typedef struct {
	char *type;
	gint64 begun;
	guint64 chunks, bytes;
} MediaStream;

static void stream_free(gpointer data)
{
	MediaStream *stream = data;

	g_free(stream->type);
	g_free(stream);
}

void endpoint_media_clear(EndpointMedia *media)
{
	g_clear_pointer(&media->streams, g_hash_table_unref);
}

gboolean endpoint_media_is(const json_t *message)
{
	const char *action = json_string_value(json_object_get(message, "action"));

	if (json_object_get(message, "stream_id"))
		return TRUE;
	if (json_object_get(message, "media_type") && json_object_get(message, "content"))
		return TRUE;
	return action && (g_str_has_prefix(action, "stream_") || strcmp(action, "start_stream") == 0);
}

/* --- base64, as the originals' library takes it: what is not of its letters is passed over --- */

static json_t *failed(const char *format, ...) G_GNUC_PRINTF(1, 2);

static json_t *failed(const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	return json_pack("{s:s,s:s}", "status", "error", "message", text);
}

static guint8 *decode(const char *text, gsize *size, json_t **error)
{
	gsize letters = 0, padding = 0;

	for (const char *at = text; *at; at++) {
		if (g_ascii_isalnum(*at) || *at == '+' || *at == '/')
			letters++;
		else if (*at == '=')
			padding++;
	}
	if (letters % 4 == 1) {
		*error = failed("Error during media message processing: Invalid base64-encoded string: number of data "
				"characters (%zu) cannot be 1 more than a multiple of 4",
				letters);
		return NULL;
	}
	if (letters % 4 && padding < 4 - letters % 4) {
		*error = failed("Error during media message processing: Incorrect padding");
		return NULL;
	}
	return g_base64_decode(text, size);
}

/* The bytes of "content"; of another encoding than base64 there are none, as ever. NULL with the error's reply. */
static guint8 *content_of(const json_t *message, gsize *size, json_t **error)
{
	const json_t *content = json_object_get(message, "content");
	const char *encoding = json_string_value(json_object_get(message, "encoding"));

	if (!json_is_string(content)) {
		*error = failed("Unknown media message format");
		return NULL;
	}
	if (encoding && strcmp(encoding, "base64") != 0) {
		*size = 0;
		return g_malloc0(1);
	}
	return decode(json_string_value(content), size, error);
}

static const char *name_of(const json_t *message, const char *key)
{
	const char *text = json_string_value(json_object_get(message, key));

	return text && *text && strlen(text) <= MOST_NAME ? text : NULL;
}

/* --- the forms --- */

static json_t *receive_single(const json_t *message, EndpointMediaFunc func, gpointer user)
{
	const char *type = name_of(message, "media_type");
	g_autofree guint8 *data = NULL;
	g_autofree char *text = NULL;
	json_t *reply = NULL;
	gsize size;

	if (!type)
		return failed("Unknown media message format");
	data = content_of(message, &size, &reply);
	if (!data)
		return reply;
	reply = func(type, data, size, message, user);
	if (reply)
		return reply;
	text = g_strdup_printf("Received %zu bytes of media data (%s)", size, type);
	return json_pack("{s:s,s:s,s:I,s:s}", "status", "success", "message", text, "size", (json_int_t)size,
			 "media_type", type);
}

static json_t *start_stream(EndpointMedia *media, const char *id, const json_t *message)
{
	const char *type = name_of(message, "media_type");
	MediaStream *stream;

	if (!media->streams)
		media->streams = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, stream_free);
	if (g_hash_table_size(media->streams) >= MEDIA_MOST_STREAMS && !g_hash_table_contains(media->streams, id))
		return failed("A connection may have %d media streams at a time", MEDIA_MOST_STREAMS);
	stream = g_new0(MediaStream, 1);
	stream->type = g_strdup(type ? type : "unknown");
	stream->begun = g_get_monotonic_time();
	g_hash_table_replace(media->streams, g_strdup(id), stream);
	return json_pack("{s:s,s:{s:s,s:s}}", "status", "success", "data", "status", "stream_started", "stream_id", id);
}

static json_t *receive_chunk(EndpointMedia *media, const char *id, const json_t *message, EndpointMediaFunc func,
			     gpointer user)
{
	MediaStream *stream = media->streams ? g_hash_table_lookup(media->streams, id) : NULL;
	const json_t *index = json_object_get(message, "chunk_index");
	g_autofree guint8 *data = NULL;
	json_t *reply = NULL;
	double duration;
	gsize size;

	if (!stream) {
		g_autofree char *text = g_strdup_printf("Stream %s is not registered", id);

		return json_pack("{s:s,s:s,s:s}", "status", "error", "error", "unknown_stream", "message", text);
	}
	data = content_of(message, &size, &reply);
	if (!data)
		return reply;
	if (stream->bytes + size > MEDIA_MOST_BYTES) {
		g_hash_table_remove(media->streams, id);
		return failed("Stream %s has ended: it was longer than %d bytes", id, MEDIA_MOST_BYTES);
	}
	stream->chunks++;
	stream->bytes += size;
	reply = func(stream->type, data, size, message, user);
	json_decref(reply);
	if (!json_is_true(json_object_get(message, "is_last")))
		return json_pack("{s:s,s:{s:s,s:s,s:O?,s:I}}", "status", "success", "data", "status", "chunk_received",
				 "stream_id", id, "chunk_index", index, "received_chunks", (json_int_t)stream->chunks);
	duration = (double)(g_get_monotonic_time() - stream->begun) / G_USEC_PER_SEC;
	reply = json_pack("{s:s,s:{s:s,s:s,s:I,s:I,s:f}}", "status", "success", "data", "status", "stream_completed",
			  "stream_id", id, "total_chunks", (json_int_t)stream->chunks, "total_bytes",
			  (json_int_t)stream->bytes, "duration", duration);
	g_hash_table_remove(media->streams, id);
	return reply;
}

json_t *endpoint_media_receive(EndpointMedia *media, const json_t *message, EndpointMediaFunc func, gpointer user)
{
	const char *id = name_of(message, "stream_id");
	const char *action = json_string_value(json_object_get(message, "action"));

	if (id && action && strcmp(action, "start_stream") == 0)
		return start_stream(media, id, message);
	if (id && json_object_get(message, "content"))
		return receive_chunk(media, id, message, func, user);
	if (!json_object_get(message, "stream_id") && json_object_get(message, "media_type"))
		return receive_single(message, func, user);
	return failed("Unknown media message format");
}
