/* SPDX-License-Identifier: MIT */
/* channel.c - names, holders, options, and sending. */
#include "bus/channel.h"
#include <string.h>

typedef struct ChannelHold ChannelHold;
struct ChannelHold {
	BpOwned owned;
	BpChannel *channel;
	ChannelHold *next; /* on the channel */
};

GMutex bus_lock;
void (*bus_warning)(const char *text);
static GHashTable *names; /* name -> BpChannel, borrowed: holders keep it */
static guint last_number;

/* --- names --- */

gboolean bp_channel_check_name(const char *name, GError **error)
{
	const char *why = NULL;
	gsize size = name ? strlen(name) : 0;

	if (!size)
		why = "it is empty";
	else if (size > 255)
		why = "it is longer than 255 bytes";
	else if (!g_utf8_validate(name, (gssize)size, NULL))
		why = "it is not UTF-8";
	for (const char *at = name; !why && *at; at = g_utf8_next_char(at)) {
		gunichar letter = g_utf8_get_char(at);

		if (!g_unichar_isgraph(letter))
			why = "it holds a blank or a control character";
		else if (letter < 128 && strchr("*?[]", (int)letter))
			why = "it holds a glob character";
	}
	if (!why)
		return TRUE;
	g_set_error(error, BP_BUS_ERROR, BP_INVALID, "a channel cannot have that name: %s", why);
	return FALSE;
}

static BpChannel *channel_make(const char *name)
{
	gsize size = strlen(name) + 1;
	BpChannel *channel = g_malloc0(sizeof(*channel) + size);

	memcpy(channel->name, name, size);
	channel->ref = 1;
	channel->number = ++last_number;
	channel->listed = TRUE;
	return channel;
}

/* Holds the channel for the caller. `*fresh`: it is new, and glob watches must be bound to it. Takes bus_lock. */
static BpChannel *channel_obtain(const char *name, gboolean *fresh)
{
	BpChannel *channel;

	g_mutex_lock(&bus_lock);
	if (!names)
		names = g_hash_table_new(g_str_hash, g_str_equal);
	channel = g_hash_table_lookup(names, name);
	*fresh = !channel;
	if (!channel) {
		channel = channel_make(name);
		g_hash_table_insert(names, channel->name, channel);
		channel_hold(channel);
		bp_channel_unref(channel);
	} else {
		channel_hold(channel);
	}
	g_mutex_unlock(&bus_lock);
	return channel;
}

void channel_hold(BpChannel *channel)
{
	channel->holders++;
	bp_channel_ref(channel);
}

void channel_unhold(BpChannel *channel)
{
	gboolean left = FALSE;

	g_mutex_lock(&bus_lock);
	if (!--channel->holders && channel->listed) {
		channel->listed = FALSE;
		left = TRUE;
		g_hash_table_remove(names, channel->name);
	}
	g_mutex_unlock(&bus_lock);
	if (left)
		watch_unbind_globs(channel);
	bp_channel_unref(channel);
}

/* Unlists `wanted`, or the first hold of `owner`, and returns it: two threads never get the same one. */
static ChannelHold *take_hold(BpChannel *channel, const ChannelHold *wanted, const BpPlugin *owner)
{
	ChannelHold *hold = NULL;

	g_mutex_lock(&bus_lock);
	for (ChannelHold **at = &channel->holds; *at; at = &(*at)->next) {
		if (*at == wanted || (*at)->owned.owner == owner) {
			hold = *at;
			*at = hold->next;
			break;
		}
	}
	g_mutex_unlock(&bus_lock);
	return hold;
}

static void hold_free(ChannelHold *hold)
{
	BpChannel *channel = hold->channel;

	owner_unlink(&hold->owned);
	g_free(hold);
	channel_unhold(channel);
}

static void drop_hold(BpOwned *owned)
{
	ChannelHold *hold = OWNED_BY(owned, ChannelHold, owned);

	take_hold(hold->channel, hold, NULL);
	hold_free(hold);
}

BpChannel *bp_channel(BpPlugin *self, const char *name)
{
	gboolean fresh;
	BpChannel *channel;
	ChannelHold *hold;

	g_return_val_if_fail(self && bp_channel_check_name(name, NULL), NULL);
	channel = channel_obtain(name, &fresh);
	hold = g_new0(ChannelHold, 1);
	hold->channel = channel;
	owner_link(self, &hold->owned, "channel", drop_hold);
	g_mutex_lock(&bus_lock);
	hold->next = channel->holds;
	channel->holds = hold;
	g_mutex_unlock(&bus_lock);
	if (fresh)
		watch_bind_globs(channel);
	return channel;
}

void bp_channel_release(BpPlugin *self, BpChannel *channel)
{
	ChannelHold *hold = take_hold(channel, NULL, self);

	g_return_if_fail(hold);
	hold_free(hold);
}

BpChannel *bp_channel_find(const char *name)
{
	BpChannel *channel;

	g_mutex_lock(&bus_lock);
	channel = names ? g_hash_table_lookup(names, name) : NULL;
	if (channel)
		bp_channel_ref(channel);
	g_mutex_unlock(&bus_lock);
	return channel;
}

static gint by_number(gconstpointer a, gconstpointer b)
{
	const BpChannel *first = *(BpChannel *const *)a, *second = *(BpChannel *const *)b;

	return first->number < second->number ? -1 : first->number > second->number;
}

GPtrArray *bp_channel_list(const char *glob)
{
	GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)bp_channel_unref);
	GPatternSpec *pattern = glob ? g_pattern_spec_new(glob) : NULL;
	GHashTableIter iter;
	gpointer channel;

	g_mutex_lock(&bus_lock);
	if (names) {
		g_hash_table_iter_init(&iter, names);
		while (g_hash_table_iter_next(&iter, NULL, &channel))
			if (!pattern || g_pattern_spec_match_string(pattern, ((BpChannel *)channel)->name))
				g_ptr_array_add(list, bp_channel_ref(channel));
	}
	g_mutex_unlock(&bus_lock);
	if (pattern)
		g_pattern_spec_free(pattern);
	g_ptr_array_sort(list, by_number);
	return list;
}

BpChannel *bp_channel_ref(BpChannel *channel)
{
	g_atomic_int_inc(&channel->ref);
	return channel;
}

static void state_free(ChannelState *state)
{
	bp_channel_options_clear(&state->options);
	g_queue_clear_full(&state->replay, (GDestroyNotify)bp_message_unref);
	g_mutex_clear(&state->lock);
	g_free(state);
}

void bp_channel_unref(BpChannel *channel)
{
	if (!g_atomic_int_dec_and_test(&channel->ref))
		return;
	frame_quiesce();
	while (channel->branches) {
		Branch *branch = channel->branches;

		channel->branches = branch->next;
		g_free(branch);
	}
	if (channel->state)
		state_free(channel->state);
	g_free(channel);
}

const char *bp_channel_name(const BpChannel *channel)
{
	return channel->name;
}

guint bp_channel_number(const BpChannel *channel)
{
	return channel->number;
}

/* --- options --- */

ChannelState *channel_state(BpChannel *channel, gboolean make)
{
	ChannelState *state = g_atomic_pointer_get(&channel->state);

	if (state || !make)
		return state;
	g_mutex_lock(&bus_lock);
	state = channel->state;
	if (!state) {
		state = g_new0(ChannelState, 1);
		g_queue_init(&state->replay);
		g_mutex_init(&state->lock);
		g_atomic_pointer_set(&channel->state, state);
	}
	g_mutex_unlock(&bus_lock);
	return state;
}

static void set_text(const char **place, const char *text)
{
	g_free((char *)*place);
	*place = text && *text ? g_strdup(text) : NULL;
}

void bp_channel_set_options_sized(BpChannel *channel, const BpChannelOptions *given, gsize size)
{
	BpChannelOptions wanted, *options = &wanted;
	ChannelState *state = channel_state(channel, TRUE);
	BpChannelOptions *own = &state->options;
	gboolean kept;

	bp_sized_copy(options, sizeof(*options), given, size);
	g_mutex_lock(&state->lock);
	kept = own->replay > 0;
	set_text(&own->greet, options->greet);
	set_text(&own->line_end, options->line_end);
	own->replay = MIN(options->replay, 65536);
	own->indent = MIN(options->indent, 64);
	own->timestamp = options->timestamp;
	own->pure = options->pure;
	own->log = options->log;
	while (state->replay.length > own->replay)
		bp_message_unref(g_queue_pop_head(&state->replay));
	g_atomic_int_add(&channel->active, (own->replay > 0) - kept);
	g_atomic_int_set(&channel->traits,
			 (!own->pure && (own->line_end || own->indent || own->timestamp) ? TRAIT_FORMAT : 0) |
				 (own->log ? TRAIT_LOG : 0) | (own->replay ? TRAIT_REPLAY : 0));
	g_mutex_unlock(&state->lock);
}

void bp_channel_options_sized(BpChannel *channel, BpChannelOptions *result, gsize size)
{
	ChannelState *state = channel_state(channel, FALSE);
	BpChannelOptions options = { 0 };

	if (state) {
		g_mutex_lock(&state->lock);
		options = state->options;
		options.greet = g_strdup(options.greet);
		options.line_end = g_strdup(options.line_end);
		g_mutex_unlock(&state->lock);
	}
	bp_sized_copy(result, size, &options, sizeof(options));
}

void bp_channel_options_clear(BpChannelOptions *options)
{
	g_free((char *)options->greet);
	g_free((char *)options->line_end);
	options->greet = options->line_end = NULL;
}

GPtrArray *bp_channel_replay(BpChannel *channel)
{
	GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)bp_message_unref);
	ChannelState *state = channel_state(channel, FALSE);

	if (state) {
		g_mutex_lock(&state->lock);
		for (GList *at = state->replay.head; at; at = at->next)
			g_ptr_array_add(list, bp_message_ref(at->data));
		g_mutex_unlock(&state->lock);
	}
	return list;
}

/* Time and indent are put before each line; after the last line end there is no further line. */
BpMessage *channel_format(BpChannel *channel, BpMessage *message)
{
	g_autoptr(GString) text = NULL;
	g_autofree char *line_end = NULL;
	const char *at = (const char *)message->data, *end = at + message->size;
	char before[64 + 16] = "";
	gsize stamp = 0;
	BpChannelOptions options;
	BpMessage *formatted;

	if (!(message->flags & BP_TEXT) || !(g_atomic_int_get(&channel->traits) & TRAIT_FORMAT))
		return bp_message_ref(message);
	g_mutex_lock(&channel->state->lock);
	options = channel->state->options;
	line_end = g_strdup(options.line_end);
	g_mutex_unlock(&channel->state->lock);
	if (options.timestamp) {
		g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(message->time / G_USEC_PER_SEC);
		g_autoptr(GDateTime) local = g_date_time_to_local(utc);

		stamp = (gsize)g_snprintf(before, sizeof(before), "[%02d:%02d:%02d] ", g_date_time_get_hour(local),
					  g_date_time_get_minute(local), g_date_time_get_second(local));
	}
	if (!(message->flags & BP_FLUSH_LEFT))
		memset(before + stamp, ' ', options.indent);
	text = g_string_sized_new(message->size + sizeof(before));
	do {
		const char *next = memchr(at, '\n', (gsize)(end - at));

		next = next ? next + 1 : end;
		g_string_append(text, before);
		g_string_append_len(text, at, next - at);
		at = next;
	} while (at < end);
	if (line_end)
		g_string_append(text, line_end);
	formatted = bp_message_new(text->str, text->len, message->flags);
	formatted->hops = message->hops;
	formatted->time = message->time;
	bp_message_set_origin(formatted, message->origin);
	bp_message_set_reply_channel(formatted, message->reply);
	return formatted;
}

/* --- sending --- */

gboolean bp_channel_is_watched(const BpChannel *channel)
{
	return __atomic_load_n(&channel->active, __ATOMIC_RELAXED) > 0;
}

void bp_channel_dropped(BpChannel *channel, const char *why)
{
	if (__atomic_fetch_add(&channel->drops, 1, __ATOMIC_RELAXED) || !bus_warning || !why)
		return;
	g_autofree char *text = g_strdup_printf("channel %s loses messages: %s; see channel info %s", channel->name,
						why, channel->name);
	bus_warning(text);
}

/* Only one thread is the main loop's, so its counts need no locked instruction. */
static void count(BpChannel *channel, gconstpointer data, gsize size)
{
	guint64 head[CHANNEL_HEAD / 8] = { 0 };

	memcpy(head, data, MIN(size, sizeof(head)));
	for (guint i = 0; i < G_N_ELEMENTS(head); i++)
		__atomic_store_n(&channel->head[i], head[i], __ATOMIC_RELAXED);
	__atomic_store_n(&channel->last_time, bus_port ? bus_port->real_time : 0, __ATOMIC_RELAXED);
	if (bus_on_main()) {
		__atomic_store_n(&channel->messages, channel->messages + 1, __ATOMIC_RELAXED);
		__atomic_store_n(&channel->bytes, channel->bytes + size, __ATOMIC_RELAXED);
	} else {
		__atomic_fetch_add(&channel->other_messages, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&channel->other_bytes, size, __ATOMIC_RELAXED);
	}
}

/* The sequence number tells a watch that is made meanwhile which messages it got from the replay buffer already. */
static guint64 keep_for_replay(BpChannel *channel, ChannelState *state, BpMessage *message)
{
	g_autoptr(BpMessage) formatted = channel_format(channel, message);
	guint64 sequence;

	g_mutex_lock(&state->lock);
	sequence = ++state->sequence;
	g_queue_push_tail(&state->replay, bp_message_ref(formatted));
	while (state->replay.length > state->options.replay)
		bp_message_unref(g_queue_pop_head(&state->replay));
	g_mutex_unlock(&state->lock);
	return sequence;
}

void bp_channel_send(BpChannel *channel, BpMessage *message)
{
	guint traits = (guint)g_atomic_int_get(&channel->traits);
	guint64 sequence = 0;

	if (traits & TRAIT_LOG && message->hops & HOP_OF_LOG)
		return;
	if (!bp_channel_is_watched(channel)) {
		count(channel, message->data, message->size);
		return;
	}
	if (G_UNLIKELY((message->hops & ~(HOP_OF_LOG | HOP_OF_COPY)) > BP_MAX_HOPS)) {
		bp_channel_dropped(channel, "messages trigger each other in a loop");
		return;
	}
	count(channel, message->data, message->size);
	if (traits & TRAIT_REPLAY)
		sequence = keep_for_replay(channel, channel_state(channel, FALSE), message);
	channel_deliver(channel, message, sequence);
}

void bp_channel_send_take(BpChannel *channel, BpMessage *message)
{
	bp_channel_send(channel, message);
	bp_message_unref(message);
}

void bp_channel_note(BpChannel *channel, gconstpointer data, gsize size)
{
	count(channel, data ? data : "", size);
}

void bp_channel_send_bytes(BpChannel *channel, gconstpointer data, gsize size)
{
	if (bp_channel_is_watched(channel))
		bp_channel_send_take(channel, bp_message_new(data, size, BP_BINARY));
	else
		count(channel, data, size);
}

void bp_channel_print(BpChannel *channel, const char *text)
{
	if (bp_channel_is_watched(channel))
		bp_channel_send_take(channel, bp_message_new(text, strlen(text), BP_TEXT));
	else
		count(channel, text, strlen(text));
}

void bp_channel_printf(BpChannel *channel, const char *format, ...)
{
	va_list args;

	if (!bp_channel_is_watched(channel)) {
		count(channel, "", 0);
		return;
	}
	va_start(args, format);
	bp_channel_send_take(channel, bp_message_vprintf(format, args));
	va_end(args);
}

void bp_channel_stats_sized(BpChannel *channel, BpChannelStats *result, gsize size)
{
	BpChannelStats stats = {
		.messages = __atomic_load_n(&channel->messages, __ATOMIC_RELAXED) +
			    __atomic_load_n(&channel->other_messages, __ATOMIC_RELAXED),
		.bytes = __atomic_load_n(&channel->bytes, __ATOMIC_RELAXED) +
			 __atomic_load_n(&channel->other_bytes, __ATOMIC_RELAXED),
		.drops = __atomic_load_n(&channel->drops, __ATOMIC_RELAXED),
		.last = __atomic_load_n(&channel->last_time, __ATOMIC_RELAXED),
	};
	gint64 now = g_get_monotonic_time();

	for (Branch *branch = g_atomic_pointer_get(&channel->branches); branch; branch = branch->next)
		stats.watchers += (guint)g_atomic_int_get(&branch->count);
	for (guint i = 0; i < CHANNEL_HEAD / 8; i++)
		((guint64 *)stats.head)[i] = __atomic_load_n(&channel->head[i], __ATOMIC_RELAXED);
	g_mutex_lock(&bus_lock);
	if (now - channel->rate_time >= G_USEC_PER_SEC) {
		channel->rate = channel->rate_time ? (double)(stats.messages - channel->rate_messages) *
							     G_USEC_PER_SEC / (double)(now - channel->rate_time)
						   : 0;
		channel->rate_time = now;
		channel->rate_messages = stats.messages;
	}
	stats.rate = channel->rate;
	g_mutex_unlock(&bus_lock);
	bp_sized_copy(result, size, &stats, sizeof(stats));
}
