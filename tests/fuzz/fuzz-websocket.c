/* SPDX-License-Identifier: MIT */
/* fuzz-websocket.c - frames of a client: whatever they are and wherever they are cut, the same is told.
 *
 * The first byte: bit 0 allows compression, the rest is where the bytes are cut. The second half of the work is the
 * handshake's texts.
 */
#include <stdint.h>
#include <string.h>
#include "http/websocket-codec.h"
#include "http/websocket-handshake.h"

#define LIMIT 5000

typedef struct {
	GString *told;
	gboolean over;
} Ear;

static void tell(Ear *ear, char what, guint number, gconstpointer data, gsize size)
{
	g_assert(!ear->over);
	g_string_append_printf(ear->told, "%c%u:", what, number);
	g_string_append_len(ear->told, data, (gssize)size);
}

static void on_message(WebSocketCodec *codec, guint opcode, const guint8 *data, gsize size, gpointer user)
{
	guint32 state = 0;

	g_assert(opcode == WEBSOCKET_TEXT || opcode == WEBSOCKET_BINARY);
	g_assert(size <= LIMIT);
	if (opcode == WEBSOCKET_TEXT)
		g_assert(websocket_utf8_check(&state, data, size) && !state);
	tell(user, 'm', opcode, data, size);
}

static void on_ping(WebSocketCodec *codec, const guint8 *data, gsize size, gpointer user)
{
	g_assert(size <= WEBSOCKET_CONTROL_LIMIT);
	tell(user, 'p', 0, data, size);
}

static void on_pong(WebSocketCodec *codec, const guint8 *data, gsize size, gpointer user)
{
	g_assert(size <= WEBSOCKET_CONTROL_LIMIT);
	tell(user, 'q', 0, data, size);
}

static void on_close(WebSocketCodec *codec, guint code, const char *reason, gpointer user)
{
	g_assert(code == 1005 || websocket_code_is_valid(code));
	g_assert(g_utf8_validate(reason, -1, NULL));
	tell(user, 'c', code, reason, strlen(reason));
	((Ear *)user)->over = TRUE;
}

static void on_broken(WebSocketCodec *codec, guint code, const char *reason, gpointer user)
{
	g_assert(websocket_code_is_valid(code));
	tell(user, 'b', code, "", 0);
	((Ear *)user)->over = TRUE;
}

static const WebSocketCallbacks callbacks = {
	.message = on_message,
	.ping = on_ping,
	.pong = on_pong,
	.close = on_close,
	.broken = on_broken,
};

static GString *hear(const uint8_t *data, size_t size, gsize part, gboolean deflate)
{
	Ear ear = { g_string_new(NULL), FALSE };
	WebSocketCodec *codec = websocket_codec_new(&callbacks, &ear, LIMIT, deflate);

	for (gsize at = 0; at < size; at += part)
		websocket_codec_receive(codec, data + at, MIN(part, size - at));
	websocket_codec_free(codec);
	return ear.told;
}

static void check_texts(const uint8_t *data, size_t size)
{
	static const char *const ours[] = { "backplane.v1", NULL };
	g_autofree char *text = g_strndup((const char *)data, size);
	g_autofree char *extension = websocket_choose_extension(text);
	g_autofree char *accept = websocket_accept_key(text);

	g_assert(!accept || strlen(accept) == 28);
	g_assert(!extension || g_str_has_prefix(extension, "permessage-deflate; "));
	websocket_choose_protocol(text, ours);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GString *whole, *cut;
	gsize part;

	if (size < 2)
		return 0;
	part = (data[0] >> 1) + 1;
	whole = hear(data + 1, size - 1, size, data[0] & 1);
	cut = hear(data + 1, size - 1, part, data[0] & 1);
	g_assert(g_string_equal(whole, cut));
	g_string_free(whole, TRUE);
	g_string_free(cut, TRUE);
	check_texts(data + 1, size - 1);
	return 0;
}
