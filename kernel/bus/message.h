/* SPDX-License-Identifier: MIT */
/* message.h - what a message is made of, for the bus and the streams. */
#pragma once
#include <backplane/message.h>

/* Bit of `hops`: the message was caused, directly or indirectly, by delivering a message of a log channel. Log channels drop it, so that
 * watching a log does not create log messages. */
#define HOP_OF_LOG 0x8000
#define HOP_OF_COPY 0x4000 /* the same of a message with BP_COPY */

struct BpMessage {
	gint ref; /* atomic */
	guint16 hops;
	guint16 flags;
	gsize size;
	gint64 time;
	char *origin; /* GRefString */
	BpChannel *reply;
	guint8 data[];
};
