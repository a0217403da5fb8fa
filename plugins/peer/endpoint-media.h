/* SPDX-License-Identifier: MIT */
/* endpoint-media.h - the JSON forms of media: single pieces and streams, of one connection. No I/O.
 *
 * Only base64 in "content"; streams belong to the connection that began them, end with their last chunk, and are
 * bounded in number and in bytes. Nothing is kept but counts: who wants the bytes gets each piece as it comes.
 */
#pragma once
#include <backplane/json.h>

#define MEDIA_MOST_STREAMS 16
#define MEDIA_MOST_BYTES (1024 * 1024 * 1024) /* of one stream */

typedef struct {
	GHashTable *streams; /* NULL: none yet */
} EndpointMedia;

/* A piece that came: decoded. The reply to give instead of ours, or NULL. */
typedef json_t *(*EndpointMediaFunc)(const char *type, const guint8 *data, gsize size, const json_t *message,
				     gpointer user);

gboolean endpoint_media_is(const json_t *message);
/* The reply without "timestamp". */
json_t *endpoint_media_receive(EndpointMedia *media, const json_t *message, EndpointMediaFunc func, gpointer user);
void endpoint_media_clear(EndpointMedia *media);
