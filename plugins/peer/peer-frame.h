/* SPDX-License-Identifier: MIT */
/* peer-frame.h - what two hosts of ours send after their handshake: counted binary frames. No kernel, no I/O.
 *
 * A frame is four bytes of length (of what follows, big-endian), one byte of kind, and its body. Numbers are
 * big-endian. Nothing in it is executable; all lengths are checked.
 */
#pragma once
#include <backplane/message.h>
#include "json-line.h"

typedef enum {
	FRAME_CONTROL = 'C', /* a JSON object between the hosts */
	FRAME_MESSAGE = 'P', /* a number, and a JSON text for the channel NAME/recv: peer send, peer broadcast */
	FRAME_CHANNEL = 'D', /* a message of an exported channel of the sender */
	FRAME_SEND = 'S',    /* to be sent on an exported channel of the receiver */
	FRAME_BEAT = 'H', /* a sign of life; 'q' asks for 'a'. A number behind it is that of the last FRAME_CHANNEL */
	FRAME_ACK = 'A',  /* the number of the last FRAME_MESSAGE or FRAME_SEND that was received */
} FrameKind;

/* Body of FRAME_CHANNEL and FRAME_SEND; all borrowed from the frame. */
typedef struct {
	guint64 sequence; /* from 1: of the messages of exported channels, or of those that are acknowledged */
	gint64 time;
	guint64 host,
		number; /* of the host that first exported the message, and of the message there; 0: not exported yet */
	guint8 flags;	/* BpMessageFlags */
	guint8 crossings;		      /* from host to host, this one included */
	const char *channel, *origin, *reply; /* not NUL-terminated; sizes 0 to 255, 0 to 1023, 0 to 255 */
	gsize channel_size, origin_size, reply_size;
	const guint8 *data;
	gsize size;
} ChannelFrame;

typedef enum { FRAME_NONE, FRAME_TAKEN, FRAME_BROKEN } FrameResult;
/* The next frame, body borrowed until json_line_skip or add; FRAME_BROKEN: longer than `limit`, or of no kind. Takes it. */
FrameResult frame_next(JsonLine *input, gsize limit, FrameKind *kind, const guint8 **body, gsize *size);
/* FALSE: it is none; `said` stays as it was. */
gboolean frame_said_read(ChannelFrame *said, const guint8 *body, gsize size);
/* Messages to be sent to a stream. */
BpMessage *frame_new(FrameKind kind, gconstpointer body, gsize size);
BpMessage *frame_said_new(FrameKind kind, const ChannelFrame *said);
/* `head` and eight bytes of the number; what frame_number reads behind a head of `skip` bytes. FALSE: there are not so many. */
BpMessage *frame_number_new(FrameKind kind, gconstpointer body, gsize size, guint64 number);
gboolean frame_number(const guint8 *body, gsize size, gsize skip, guint64 *number);
/* A FRAME_MESSAGE: number and text. */
BpMessage *frame_message_new(guint64 number, const char *text, gsize size);
