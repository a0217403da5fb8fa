/* SPDX-License-Identifier: MIT */
/* websocket-codec.c - a layer on wslay's frame parser: messages from fragments, UTF-8, control frames, close codes.
 *
 * wslay's event layer would do the most of it, but its context takes 8 KiB a connection, and it copies each message
 * twice. Its frame parser checks the lengths and takes off the mask; what concerns whole messages is here.
 */
#include "websocket-codec.h"
#include <string.h>
#include <wslay/wslay.h>

#define MASK_SIZE 4

typedef struct {
	wslay_frame_context_ptr context;
	const guint8 *data; /* of the receive that runs */
	gsize size;
	guint64 held;	    /* bytes read of a frame that is not whole yet */
	guint control_size; /* of the control frame that is coming */
	guint8 control[WEBSOCKET_CONTROL_LIMIT];
} FrameParser;

struct WebSocketCodec {
	const WebSocketCallbacks *callbacks;
	gpointer user;
	gsize limit;
	FrameParser *parser; /* a frame is incomplete */
	GByteArray *gather;  /* of a message that is incomplete; NULL: nothing yet */
	guint64 left;	     /* payload of this frame that is still to come */
	guint32 utf8;
	guint8 opcode; /* of the message that is coming; 0: none is */
	guint in_frame : 1;
	guint deflated : 1; /* the message that is coming is */
	guint may_deflate : 1;
	guint stopped : 1;
};

/* Without the mask. wslay refuses a length that could have been shorter. */
static gsize head_size(guint64 size)
{
	return size <= 125 ? 2 : size <= G_MAXUINT16 ? 4 : 10;
}

/* --- parsers are lent --- */

static ssize_t on_read(uint8_t *buffer, size_t size, int flags, void *user)
{
	FrameParser *parser = user;
	gsize part = MIN(size, parser->size);

	memcpy(buffer, parser->data, part);
	parser->data += part;
	parser->size -= part;
	parser->held += part;
	return (ssize_t)part;
}

static void parser_free(gpointer data)
{
	FrameParser *parser = data;

	wslay_frame_context_free(parser->context);
	g_free(parser);
}

static GPrivate spare = G_PRIVATE_INIT(parser_free); /* at rest */

static FrameParser *parser_take(void)
{
	static const struct wslay_frame_callbacks callbacks = { .recv_callback = on_read };
	FrameParser *parser = g_private_get(&spare);

	if (parser) {
		g_private_set(&spare, NULL);
		return parser;
	}
	parser = g_new0(FrameParser, 1);
	g_assert(wslay_frame_context_init(&parser->context, &callbacks, parser) == 0);
	return parser;
}

static void parser_give_back(FrameParser *parser)
{
	if (g_private_get(&spare)) {
		parser_free(parser);
		return;
	}
	g_private_set(&spare, parser);
}

/* --- a codec --- */

WebSocketCodec *websocket_codec_new(const WebSocketCallbacks *callbacks, gpointer user, gsize message_limit,
				    gboolean deflate)
{
	WebSocketCodec *codec = g_new0(WebSocketCodec, 1);

	codec->callbacks = callbacks;
	codec->user = user;
	codec->limit = message_limit;
	codec->may_deflate = !!deflate;
	return codec;
}

void websocket_codec_stop(WebSocketCodec *codec)
{
	codec->stopped = TRUE;
}

void websocket_codec_free(WebSocketCodec *codec)
{
	g_clear_pointer(&codec->parser, parser_free);
	g_clear_pointer(&codec->gather, g_byte_array_unref);
	g_free(codec);
}

static gboolean broken(WebSocketCodec *codec, guint code, const char *reason)
{
	if (!codec->stopped) {
		codec->stopped = TRUE;
		codec->callbacks->broken(codec, code, reason, codec->user);
	}
	return FALSE;
}

/* --- messages --- */

static gboolean give_message(WebSocketCodec *codec, const guint8 *data, gsize size)
{
	g_autoptr(GByteArray) gather = g_steal_pointer(&codec->gather);
	g_autoptr(GByteArray) plain = NULL;
	guint opcode = codec->opcode;
	gboolean too_long;

	codec->opcode = 0;
	if (codec->deflated) {
		plain = websocket_inflate(data, size, codec->limit, &too_long);
		if (!plain)
			return too_long ? broken(codec, 1009, "message too big")
					: broken(codec, 1007, "not deflated data");
		data = plain->data;
		size = plain->len;
		if (opcode == WEBSOCKET_TEXT && !websocket_utf8_check(&codec->utf8, data, size))
			return broken(codec, 1007, "text is not UTF-8");
	}
	if (opcode == WEBSOCKET_TEXT && codec->utf8)
		return broken(codec, 1007, "text ends inside a character");
	codec->callbacks->message(codec, opcode, data ? data : (const guint8 *)"", size, codec->user);
	return !codec->stopped;
}

static gboolean take_data(WebSocketCodec *codec, const struct wslay_frame_iocb *frame)
{
	gboolean is_last = frame->fin && codec->left == 0;

	if (codec->opcode == WEBSOCKET_TEXT && !codec->deflated &&
	    !websocket_utf8_check(&codec->utf8, frame->data, frame->data_length))
		return broken(codec, 1007, "text is not UTF-8");
	/* The usual case: a message of one frame that has come in one piece is passed where it lies. */
	if (is_last && !codec->gather)
		return give_message(codec, frame->data, frame->data_length);
	if (!codec->gather)
		codec->gather = g_byte_array_new();
	if (frame->data_length > codec->limit - codec->gather->len)
		return broken(codec, 1009, "message too big");
	g_byte_array_append(codec->gather, frame->data, (guint)frame->data_length);
	return is_last ? give_message(codec, codec->gather->data, codec->gather->len) : TRUE;
}

/* --- control frames --- */

gboolean websocket_code_is_valid(guint code)
{
	return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
	       (code >= 3000 && code <= 4999);
}

static gboolean take_close(WebSocketCodec *codec, const guint8 *data, gsize size)
{
	char reason[WEBSOCKET_CONTROL_LIMIT] = "";
	guint code = 1005;
	guint32 utf8 = 0;

	if (size == 1)
		return broken(codec, 1002, "a close code has two bytes");
	if (size >= 2) {
		code = (guint)data[0] << 8 | data[1];
		if (!websocket_code_is_valid(code))
			return broken(codec, 1002, "no such close code");
		if (!websocket_utf8_check(&utf8, data + 2, size - 2) || utf8)
			return broken(codec, 1007, "reason is not UTF-8");
		memcpy(reason, data + 2, size - 2);
	}
	codec->stopped = TRUE;
	codec->callbacks->close(codec, code, reason, codec->user);
	return FALSE;
}

static gboolean take_control(WebSocketCodec *codec, FrameParser *parser, const struct wslay_frame_iocb *frame)
{
	gsize size;

	if (frame->data_length > WEBSOCKET_CONTROL_LIMIT - parser->control_size)
		return broken(codec, 1002, "a control frame is too long");
	memcpy(parser->control + parser->control_size, frame->data, frame->data_length);
	parser->control_size += (guint)frame->data_length;
	if (codec->left)
		return TRUE;
	size = parser->control_size;
	parser->control_size = 0;
	if (frame->opcode == WEBSOCKET_CLOSE)
		return take_close(codec, parser->control, size);
	if (frame->opcode == WEBSOCKET_PING)
		codec->callbacks->ping(codec, parser->control, size, codec->user);
	else
		codec->callbacks->pong(codec, parser->control, size, codec->user);
	return !codec->stopped;
}

/* --- frames --- */

static gboolean begin_data(WebSocketCodec *codec, const struct wslay_frame_iocb *frame)
{
	gsize gathered = codec->gather ? codec->gather->len : 0;

	if (frame->opcode == WEBSOCKET_CONTINUATION) {
		if (!codec->opcode)
			return broken(codec, 1002, "nothing to continue");
		if (frame->rsv)
			return broken(codec, 1002, "reserved bits are set");
	} else {
		if (codec->opcode)
			return broken(codec, 1002, "a message inside a message");
		codec->opcode = frame->opcode;
		codec->deflated = frame->rsv == WSLAY_RSV1_BIT;
		codec->utf8 = 0;
	}
	if (frame->payload_length > codec->limit - gathered)
		return broken(codec, 1009, "message too big");
	return TRUE;
}

static gboolean begin_frame(WebSocketCodec *codec, const struct wslay_frame_iocb *frame)
{
	guint8 allowed = codec->may_deflate && !wslay_is_ctrl_frame(frame->opcode) ? WSLAY_RSV1_BIT : 0;

	codec->in_frame = TRUE;
	codec->left = frame->payload_length;
	if (frame->rsv & ~allowed)
		return broken(codec, 1002, "reserved bits are set");
	if (!frame->mask)
		return broken(codec, 1002, "a client's frames are masked");
	switch (frame->opcode) {
	case WEBSOCKET_CONTINUATION:
	case WEBSOCKET_TEXT:
	case WEBSOCKET_BINARY:
		return begin_data(codec, frame);
	case WEBSOCKET_CLOSE:
	case WEBSOCKET_PING:
	case WEBSOCKET_PONG:
		return TRUE;
	default:
		return broken(codec, 1002, "unknown opcode");
	}
}

static gboolean take_frame(WebSocketCodec *codec, FrameParser *parser, const struct wslay_frame_iocb *frame)
{
	if (!codec->in_frame && !begin_frame(codec, frame))
		return FALSE;
	codec->left -= frame->data_length;
	if (codec->left == 0) {
		codec->in_frame = FALSE;
		parser->held -= head_size(frame->payload_length) + MASK_SIZE + frame->payload_length;
	}
	return wslay_is_ctrl_frame(frame->opcode) ? take_control(codec, parser, frame) : take_data(codec, frame);
}

void websocket_codec_receive(WebSocketCodec *codec, const guint8 *data, gsize size)
{
	FrameParser *parser;
	struct wslay_frame_iocb frame;

	if (codec->stopped || !size)
		return;
	parser = codec->parser ? g_steal_pointer(&codec->parser) : parser_take();
	parser->data = data;
	parser->size = size;
	while (!codec->stopped) {
		ssize_t result;

		memset(&frame, 0, sizeof(frame));
		result = wslay_frame_recv(parser->context, &frame);
		if (result == WSLAY_ERR_WANT_READ)
			break;
		if (result < 0)
			broken(codec, 1002, "not a frame");
		else
			take_frame(codec, parser, &frame);
	}
	/* With nothing held it knows nothing of this connection. */
	if (parser->held == 0)
		parser_give_back(parser);
	else if (codec->stopped)
		parser_free(parser);
	else
		codec->parser = parser;
}

/* --- out --- */

BpMessage *websocket_frame_new(guint opcode, gconstpointer data, gsize size, gboolean deflate)
{
	g_autoptr(GByteArray) shorter = deflate ? websocket_deflate(data, size) : NULL;
	BpMessage *message;
	guint8 *at;
	gsize head;

	if (shorter) {
		data = shorter->data;
		size = shorter->len;
	}
	head = head_size(size);
	message = bp_message_alloc(head + size, BP_BINARY, &at);
	at[0] = (guint8)(0x80 | (shorter ? 0x40 : 0) | opcode);
	if (head == 2) {
		at[1] = (guint8)size;
	} else if (head == 4) {
		at[1] = 126;
		at[2] = (guint8)(size >> 8);
		at[3] = (guint8)size;
	} else {
		at[1] = 127;
		for (int i = 0; i < 8; i++)
			at[2 + i] = (guint8)((guint64)size >> (56 - 8 * i));
	}
	if (size)
		memcpy(at + head, data, size);
	return message;
}
