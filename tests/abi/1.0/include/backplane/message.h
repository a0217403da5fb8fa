/* SPDX-License-Identifier: MIT */
/* message.h - immutable, reference-counted bytes with time, origin and a way to answer.
 *
 * Header and bytes are one allocation, shared by everybody who watches. A message is built on one
 * thread, then sent; after that nothing of it changes and any thread may read and unref it.
 * The bytes are always followed by a NUL that is not counted, so that text can be used as a string.
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

typedef enum {
	BP_BINARY = 0,
	BP_TEXT = 1 << 0,	/* UTF-8 by intent; channels may format it. Not verified. */
	BP_FLUSH_LEFT = 1 << 1, /* text that no channel indents */
} BpMessageFlags;

/* Copies `size` bytes. `data` may be NULL when `size` is 0. */
BP_API BpMessage *bp_message_new(gconstpointer data, gsize size, BpMessageFlags flags);
/* The same, with `*buffer` to be filled before the message is sent. */
BP_API BpMessage *bp_message_alloc(gsize size, BpMessageFlags flags, guint8 **buffer);
BP_API BpMessage *bp_message_printf(const char *format, ...) G_GNUC_PRINTF(1, 2);
BP_API BpMessage *bp_message_vprintf(const char *format, va_list args) G_GNUC_PRINTF(1, 0);
/* Any thread. */
BP_API BpMessage *bp_message_ref(BpMessage *message);
BP_API void bp_message_unref(BpMessage *message);

BP_API gconstpointer bp_message_data(const BpMessage *message);
BP_API gsize bp_message_size(const BpMessage *message);
BP_API BpMessageFlags bp_message_flags(const BpMessage *message);
/* Wall-clock time of making, microseconds since 1970 (UTC). */
BP_API gint64 bp_message_time(const BpMessage *message);
/* Who said it: "127.0.0.1:4711", an instance's name, ... or NULL. */
BP_API const char *bp_message_origin(const BpMessage *message);
/* Where an answer goes that only the sender gets, or NULL. Borrowed from the message. */
BP_API BpChannel *bp_message_reply_channel(const BpMessage *message);

/* Before sending only. `origin` is a GRefString; a reference is taken. */
BP_API void bp_message_set_origin(BpMessage *message, char *origin);
BP_API void bp_message_set_reply_channel(BpMessage *message, BpChannel *channel);
/* For replays: keeps the time at which it was first said. */
BP_API void bp_message_set_time(BpMessage *message, gint64 time);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BpMessage, bp_message_unref)

G_END_DECLS
