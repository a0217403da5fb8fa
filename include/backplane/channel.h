/* SPDX-License-Identifier: MIT */
/* channel.h - named one-to-many channels of messages, by which plugins and modules communicate.
 *
 * A channel exists while it is held (bp_channel) or watched. Any thread may send. Each watch is called on the loop on which it was
 * made: immediately if that is the sender's loop and no message of the channel is being delivered there, otherwise through that
 * loop's bounded inbox. Messages of one sender reach each watch in the order in which they were sent.
 *
 * A watch may do everything: remove this watch or any other, add watches (they get the next message), send on this channel
 * (delivered after the current message), unload a plugin.
 *
 * A message that is created while another one is delivered counts one hop more than that one. Beyond BP_MAX_HOPS hops it is
 * dropped and counted, with one warning on "console", so that messages cannot trigger each other in an endless loop.
 *
 * Sending on a channel that nobody watches only counts the message. Call bp_channel_wants before building a costly message, or
 * bp_channel_is_watched and, if it is not built, bp_channel_note.
 */
#pragma once
#include <backplane/message.h>

G_BEGIN_DECLS

#define BP_MAX_HOPS 16

typedef void (*BpWatchFunc)(BpPlugin *self, BpMessage *message, gpointer data);
/* For glob watches, which also get the channel of the message. */
typedef void (*BpGlobFunc)(BpPlugin *self, BpChannel *channel, BpMessage *message, gpointer data);

/* Finds or creates a channel and holds it until bp_channel_release or the end of `self`. `name`: 1 to 255 bytes of
 * printable UTF-8 without blanks and without the glob characters * ? [ ]; see bp_channel_check_name. */
BP_API BpChannel *bp_channel(BpPlugin *self, const char *name);
BP_API void bp_channel_release(BpPlugin *self, BpChannel *channel);
/* Finds a channel and returns a reference of yours; NULL if there is none. Any thread. */
BP_API BpChannel *bp_channel_find(const char *name);
BP_API gboolean bp_channel_check_name(const char *name, GError **error);
/* Any thread. */
BP_API BpChannel *bp_channel_ref(BpChannel *channel);
BP_API void bp_channel_unref(BpChannel *channel);

BP_API const char *bp_channel_name(const BpChannel *channel);
/* Its number in order of creation, never used again. */
BP_API guint bp_channel_number(const BpChannel *channel);
/* All channels whose name matches the glob (NULL: all), in order of creation; free with
 * g_ptr_array_unref, which drops the references too. Any thread. */
BP_API GPtrArray *bp_channel_list(const char *glob);

/* --- sending: any thread --- */
BP_API gboolean bp_channel_is_watched(const BpChannel *channel);
BP_API void bp_channel_send(BpChannel *channel, BpMessage *message);
BP_API void bp_channel_send_take(BpChannel *channel, BpMessage *message);
BP_API void bp_channel_send_bytes(BpChannel *channel, gconstpointer data, gsize size);
BP_API void bp_channel_print(BpChannel *channel, const char *text);
/* Formats only if the channel is watched; else it counts as a message without bytes. */
BP_API void bp_channel_printf(BpChannel *channel, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Counts a message that nobody would get and that was not built; `data` NULL: its bytes are unknown. */
BP_API void bp_channel_note(BpChannel *channel, gconstpointer data, gsize size);
/* TRUE if it is watched; else the message that need not be built is counted. */
static inline gboolean bp_channel_wants(BpChannel *channel)
{
	gboolean watched = bp_channel_is_watched(channel);

	if (!watched)
		bp_channel_note(channel, NULL, 0);
	return watched;
}
/* Sends to the message's reply channel; BP_GONE if it has none. */
BP_API BpSent bp_message_reply(const BpMessage *message, gconstpointer data, gsize size);

/* --- watching --- */
/* Watching again with the same function and data returns the existing watch. `destroy` is called once, when the watch has been
 * removed. A new watch (not that of a pattern) first gets the greeting and the replay buffer; NULL if it was removed during that. */
BP_API BpWatch *bp_channel_watch(BpPlugin *self, BpChannel *channel, BpWatchFunc func, gpointer data,
				 GDestroyNotify destroy);
/* Forwards every message of `from` to `to`, which applies its own formatting. Two channels have at most one link: it forwards each
 * message once, and lasts until the last owner that requested it removes it or ends. NULL with an error if it would close a cycle. */
BP_API BpWatch *bp_channel_link(BpPlugin *self, BpChannel *from, BpChannel *to, GError **error);
/* Watches every channel whose name matches, existing and future ones; "*" and "?" as in GPatternSpec. */
BP_API BpWatch *bp_channel_watch_glob(BpPlugin *self, const char *glob, BpGlobFunc func, gpointer data,
				      GDestroyNotify destroy);
/* On the loop on which the watch was made. After it returns, the function is not called again. */
BP_API void bp_watch_remove(BpWatch *watch);

/* --- how a channel behaves; any thread, takes effect with the next message --- */
typedef struct {
	const char *greet;    /* sent, unformatted, to each new watch first; NULL: nothing */
	const char *line_end; /* added to each text message; NULL: nothing */
	guint replay; /* size of the replay buffer: the last N messages, delivered to each new watch; at most 65536 */
	guint indent; /* blanks before each line of text */
	gboolean timestamp; /* "[HH:MM:SS] " before each line of text, local time */
	gboolean pure;	    /* text is not formatted either */
	gboolean log;	    /* log channel: messages caused by delivering it are not sent on it */
} BpChannelOptions;
BP_API void bp_channel_set_options_sized(BpChannel *channel, const BpChannelOptions *options, gsize size);
static inline void bp_channel_set_options(BpChannel *channel, const BpChannelOptions *options)
{
	bp_channel_set_options_sized(channel, options, sizeof(*options));
}
/* The strings are copies, yours to free with bp_channel_options_clear. */
BP_API void bp_channel_options_sized(BpChannel *channel, BpChannelOptions *result, gsize size);
static inline BpChannelOptions bp_channel_options(BpChannel *channel)
{
	BpChannelOptions result;

	bp_channel_options_sized(channel, &result, sizeof(result));
	return result;
}
BP_API void bp_channel_options_clear(BpChannelOptions *options);

typedef struct {
	guint64 messages; /* sent, also while nobody watched */
	guint64 bytes;
	guint64 drops; /* not delivered: a full inbox, too many hops, bp_channel_dropped */
	guint watchers;
	double rate; /* messages per second, averaged since the last call that was at least a second earlier */
	gint64 last; /* when the last message was sent, wall clock, by the turn of its loop; 0: none, or sent outside a loop */
	/* How it begins, followed by zero bytes; all zero if it was not built. */
	char head[32] __attribute__((aligned(8)));
} BpChannelStats;
BP_API void bp_channel_stats_sized(BpChannel *channel, BpChannelStats *result, gsize size);
static inline BpChannelStats bp_channel_stats(BpChannel *channel)
{
	BpChannelStats result;

	bp_channel_stats_sized(channel, &result, sizeof(result));
	return result;
}
/* For a watcher that could not pass a message on: counts it among the drops of the channel. The first one is a warning in the log, with
 * `why` (NULL: none). Any thread. */
BP_API void bp_channel_dropped(BpChannel *channel, const char *why);
/* The replay buffer, oldest first; free with g_ptr_array_unref. */
BP_API GPtrArray *bp_channel_replay(BpChannel *channel);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BpChannel, bp_channel_unref)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(BpChannelOptions, bp_channel_options_clear)

G_END_DECLS
