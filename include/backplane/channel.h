/* SPDX-License-Identifier: MIT */
/* channel.h - named one-to-many pipes of messages: how modules meet.
 *
 * A channel exists while somebody holds it (bp_channel) or watches it. Sending is possible on any
 * thread. Each watch runs on the loop it was made on: at once when that is the sender's loop and the
 * channel is at rest, otherwise through that loop's bounded inbox. Order holds per sender and watcher.
 *
 * Inside a watch everything is allowed: to remove this watch or any other, to add some (they see the
 * next message), to send on this channel (delivered after the present message), to unload a plugin.
 *
 * A message made while another one is being delivered is its consequence, one hop further; after
 * BP_MAX_HOPS hops it is dropped, counted and said once on "console". So no feedback runs for ever.
 *
 * What nobody watches costs a branch: ask bp_channel_is_watched before building something costly.
 */
#pragma once
#include <backplane/message.h>

G_BEGIN_DECLS

#define BP_MAX_HOPS 16

typedef void (*BpWatchFunc)(BpPlugin *self, BpMessage *message, gpointer data);
/* For glob watches, which need to know where the message was said. */
typedef void (*BpGlobFunc)(BpPlugin *self, BpChannel *channel, BpMessage *message, gpointer data);

/* Opens or finds; held until bp_channel_release or until `self` goes. `name`: 1 to 255 bytes of
 * printable UTF-8 without blanks and without the glob characters * ? [ ]; see bp_channel_check_name. */
BP_API BpChannel *bp_channel(BpPlugin *self, const char *name);
BP_API void bp_channel_release(BpPlugin *self, BpChannel *channel);
/* Finds only; NULL if there is none. A reference of yours. Any thread. */
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
/* Formats only when somebody will see it. */
BP_API void bp_channel_printf(BpChannel *channel, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Sends to the message's reply channel; BP_GONE if it has none. */
BP_API BpSent bp_message_reply(const BpMessage *message, gconstpointer data, gsize size);

/* --- watching --- */
/* Watching twice with the same function and data gives the first watch again. `destroy` is called
 * once, when the watch has gone. A new watch gets the greeting, then the replay buffer; NULL if it was removed by them. */
BP_API BpWatch *bp_channel_watch(BpPlugin *self, BpChannel *channel, BpWatchFunc func, gpointer data,
				 GDestroyNotify destroy);
/* Every message of `from` goes to `to` too, which formats for itself. Two channels have one link at
 * most: it passes each message on once, and lasts as long as one of the owners that made it. Refused
 * (NULL, error) if it would close a cycle: messages would go round for ever. */
BP_API BpWatch *bp_channel_link(BpPlugin *self, BpChannel *from, BpChannel *to, GError **error);
/* Binds to each channel that matches, now and when one appears; "*" and "?" as in GPatternSpec. */
BP_API BpWatch *bp_channel_watch_glob(BpPlugin *self, const char *glob, BpGlobFunc func, gpointer data,
				      GDestroyNotify destroy);
/* On the loop it was made on. When it returns, the function will not be called again. */
BP_API void bp_watch_remove(BpWatch *watch);

/* --- how a channel behaves; any thread, takes effect with the next message --- */
typedef struct {
	const char *greet;    /* sent, unformatted, to each new watch first; NULL: nothing */
	const char *line_end; /* added to each text message; NULL: nothing */
	guint replay;	      /* the last N messages are kept and given to each new watch; at most 65536 */
	guint indent;	      /* blanks before each line of text */
	gboolean timestamp;   /* "[HH:MM:SS] " before each line of text, local time */
	gboolean pure;	      /* text passes untouched too */
	gboolean log;	      /* tells what happens elsewhere; what its own watching causes is not said on it */
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
	guint64 messages; /* sent on it while watched or kept */
	guint64 bytes;
	guint64 drops; /* not delivered: a full inbox, or too many hops */
	guint watchers;
	double rate; /* messages a second, since the last look at least a second ago */
} BpChannelStats;
BP_API void bp_channel_stats_sized(BpChannel *channel, BpChannelStats *result, gsize size);
static inline BpChannelStats bp_channel_stats(BpChannel *channel)
{
	BpChannelStats result;

	bp_channel_stats_sized(channel, &result, sizeof(result));
	return result;
}
/* The replay buffer, oldest first; free with g_ptr_array_unref. */
BP_API GPtrArray *bp_channel_replay(BpChannel *channel);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BpChannel, bp_channel_unref)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(BpChannelOptions, bp_channel_options_clear)

G_END_DECLS
