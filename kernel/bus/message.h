/* SPDX-License-Identifier: MIT */
/* message.h - what a message is made of, for the bus and the streams. */
#pragma once
#include <backplane/message.h>

/* In `hops`: the delivery of a message of a log channel has caused it. Log channels do not take it, so that none tells
 * of its own being watched, however far the consequence has come. */
#define HOP_OF_LOG 0x8000

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
