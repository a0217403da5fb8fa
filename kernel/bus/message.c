/* SPDX-License-Identifier: MIT */
/* message.c - immutable bytes in one allocation. */
#include "bus/message.h"
#include <stdio.h>
#include <string.h>
#include "bus/port.h"

__thread BusPort *bus_port;
BusPort *bus_main;

BpMessage *bp_message_alloc(gsize size, BpMessageFlags flags, guint8 **buffer)
{
	BpMessage *message = g_malloc(sizeof(*message) + size + 1);
	const BusPort *port = bus_port;

	message->ref = 1;
	message->hops = port ? port->turn_hops : 0;
	message->flags = (guint16)(flags | (message->hops & HOP_OF_COPY ? BP_COPY : 0));
	message->size = size;
	message->time = port && port->real_time ? port->real_time : g_get_real_time();
	message->origin = NULL;
	message->reply = NULL;
	message->data[size] = 0;
	if (buffer)
		*buffer = message->data;
	return message;
}

BpMessage *bp_message_new(gconstpointer data, gsize size, BpMessageFlags flags)
{
	BpMessage *message = bp_message_alloc(size, flags, NULL);

	if (size)
		memcpy(message->data, data, size);
	return message;
}

BpMessage *bp_message_vprintf(const char *format, va_list args)
{
	char small[256];
	BpMessage *message;
	va_list again;
	int size;

	va_copy(again, args);
	size = vsnprintf(small, sizeof(small), format, args);
	g_assert(size >= 0);
	message = bp_message_alloc((gsize)size, BP_TEXT, NULL);
	if ((gsize)size < sizeof(small))
		memcpy(message->data, small, (gsize)size);
	else
		vsnprintf((char *)message->data, (gsize)size + 1, format, again);
	va_end(again);
	return message;
}

BpMessage *bp_message_printf(const char *format, ...)
{
	BpMessage *message;
	va_list args;

	va_start(args, format);
	message = bp_message_vprintf(format, args);
	va_end(args);
	return message;
}

BpMessage *bp_message_ref(BpMessage *message)
{
	g_atomic_int_inc(&message->ref);
	return message;
}

void bp_message_unref(BpMessage *message)
{
	if (!message || !g_atomic_int_dec_and_test(&message->ref))
		return;
	if (message->origin)
		g_ref_string_release(message->origin);
	if (message->reply)
		bp_channel_unref(message->reply);
	g_free(message);
}

gconstpointer bp_message_data(const BpMessage *message)
{
	return message->data;
}

gsize bp_message_size(const BpMessage *message)
{
	return message->size;
}

BpMessageFlags bp_message_flags(const BpMessage *message)
{
	return message->flags;
}

gint64 bp_message_time(const BpMessage *message)
{
	return message->time;
}

const char *bp_message_origin(const BpMessage *message)
{
	return message->origin;
}

BpChannel *bp_message_reply_channel(const BpMessage *message)
{
	return message->reply;
}

void bp_message_set_origin(BpMessage *message, char *origin)
{
	if (message->origin)
		g_ref_string_release(message->origin);
	message->origin = origin ? g_ref_string_acquire(origin) : NULL;
}

void bp_message_set_reply_channel(BpMessage *message, BpChannel *channel)
{
	if (message->reply)
		bp_channel_unref(message->reply);
	message->reply = channel ? bp_channel_ref(channel) : NULL;
}

void bp_message_set_time(BpMessage *message, gint64 time)
{
	message->time = time;
}

BpSent bp_message_reply(const BpMessage *message, gconstpointer data, gsize size)
{
	if (!message->reply)
		return BP_GONE;
	bp_channel_send_bytes(message->reply, data, size);
	return BP_SENT;
}
