/* SPDX-License-Identifier: MIT */
/* websocket-codec.h - frames of WebSocket (RFC 6455, RFC 7692) in, messages out, and back. No socket, no kernel.
 *
 * A codec of a connection at rest is a few dozen bytes: the parser, which keeps what of a frame has come, is lent by
 * the thread and kept only while a frame is incomplete; the inflater and the deflater are the thread's, since
 * nothing is carried over from message to message.
 */
#pragma once
#include <backplane/message.h>

enum {
	WEBSOCKET_CONTINUATION = 0,
	WEBSOCKET_TEXT = 1,
	WEBSOCKET_BINARY = 2,
	WEBSOCKET_CLOSE = 8,
	WEBSOCKET_PING = 9,
	WEBSOCKET_PONG = 10,
};
#define WEBSOCKET_CONTROL_LIMIT 125

typedef struct WebSocketCodec WebSocketCodec;

typedef struct {
	/* A whole message: text is UTF-8. Valid during the call, no NUL behind it. */
	void (*message)(WebSocketCodec *codec, guint opcode, const guint8 *data, gsize size, gpointer user);
	void (*ping)(WebSocketCodec *codec, const guint8 *data, gsize size, gpointer user);
	void (*pong)(WebSocketCodec *codec, const guint8 *data, gsize size, gpointer user);
	/* The peer says that it ends; 1005: without a code. Nothing comes after it. `reason` ends with NUL. */
	void (*close)(WebSocketCodec *codec, guint code, const char *reason, gpointer user);
	/* What came is against the rules: the code to close with, and why. Nothing comes after it. */
	void (*broken)(WebSocketCodec *codec, guint code, const char *reason, gpointer user);
} WebSocketCallbacks;

WebSocketCodec *websocket_codec_new(const WebSocketCallbacks *callbacks, gpointer user, gsize message_limit,
				    gboolean deflate);
/* Not inside its callbacks. */
void websocket_codec_free(WebSocketCodec *codec);
/* Any part of the stream. */
void websocket_codec_receive(WebSocketCodec *codec, const guint8 *data, gsize size);
/* Nothing more is delivered. Inside a callback too. */
void websocket_codec_stop(WebSocketCodec *codec);

/* An unmasked frame, as servers send it; `deflate`: compressed, if it becomes shorter. */
BpMessage *websocket_frame_new(guint opcode, gconstpointer data, gsize size, gboolean deflate);
/* May an endpoint say it in a Close frame? */
gboolean websocket_code_is_valid(guint code);

/* --- websocket-utf8.c --- */
/* Checks UTF-8 that comes in parts. `state` begins as 0 and is 0 again between characters; FALSE: it stays as it was. */
gboolean websocket_utf8_check(guint32 *state, const guint8 *data, gsize size);

/* --- websocket-deflate.c --- */
/* A message's payload without the four bytes that end it; NULL if it gets longer than `limit` bytes (*too_long) or is
 * no deflated data. */
GByteArray *websocket_inflate(const guint8 *data, gsize size, gsize limit, gboolean *too_long);
/* NULL when that does not make it shorter. */
GByteArray *websocket_deflate(const guint8 *data, gsize size);
