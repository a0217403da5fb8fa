/* SPDX-License-Identifier: MIT */
/* message.h - immutable, reference-counted bytes with time, origin and reply channel.
 *
 * Header and bytes are one allocation, shared by all watches. A message is built on one thread, then sent; after that it does not
 * change, and any thread may read and unref it. The bytes are always followed by a NUL that is not counted, so that text can be used as
 * a string.
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

typedef enum {
	BP_BINARY = 0,
	BP_TEXT = 1 << 0,	/* meant to be UTF-8, which is not verified; channels may format it */
	BP_FLUSH_LEFT = 1 << 1, /* text that no channel indents */
	/* Shows a user what was sent on another channel (bp_session_notify_copy), or was caused by a message that does. `channel watch`
	 * leaves it out: users who watch each other would be shown it for ever. */
	BP_COPY = 1 << 2,
} BpMessageFlags;

/* Copies `size` bytes. `data` may be NULL when `size` is 0. */
BP_API BpMessage *bp_message_new(gconstpointer data, gsize size, BpMessageFlags flags);
/* A message of `size` bytes, which the caller writes to `*buffer` before it sends the message. */
BP_API BpMessage *bp_message_alloc(gsize size, BpMessageFlags flags, guint8 **buffer);
BP_API BpMessage *bp_message_printf(const char *format, ...) G_GNUC_PRINTF(1, 2);
BP_API BpMessage *bp_message_vprintf(const char *format, va_list args) G_GNUC_PRINTF(1, 0);
/* Any thread. */
BP_API BpMessage *bp_message_ref(BpMessage *message);
BP_API void bp_message_unref(BpMessage *message);

BP_API gconstpointer bp_message_data(const BpMessage *message);
BP_API gsize bp_message_size(const BpMessage *message);
BP_API BpMessageFlags bp_message_flags(const BpMessage *message);
/* Wall-clock time of creation, microseconds since 1970 (UTC). */
BP_API gint64 bp_message_time(const BpMessage *message);
/* The sender: "127.0.0.1:4711", the name of an instance, ... or NULL. */
BP_API const char *bp_message_origin(const BpMessage *message);
/* The channel for answers to the sender alone, or NULL. Borrowed from the message. */
BP_API BpChannel *bp_message_reply_channel(const BpMessage *message);

/* Before sending only. `origin` is a GRefString; a reference is taken. */
BP_API void bp_message_set_origin(BpMessage *message, char *origin);
BP_API void bp_message_set_reply_channel(BpMessage *message, BpChannel *channel);
/* Before sending only, for replays: sets the time at which it was first sent. */
BP_API void bp_message_set_time(BpMessage *message, gint64 time);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BpMessage, bp_message_unref)

G_END_DECLS
