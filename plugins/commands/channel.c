/* SPDX-License-Identifier: MIT */
/* channel.c - channel list, open, close, watch, unwatch, send, print, link, unlink, info. What a session watches
 * is shown to it alone and ends with it; links stay until somebody takes them away. */
#include <string.h>
#include <backplane/bytes.h>
#include <backplane/text.h>
#include "commands.h"

#define SHOWN_BYTES 64

typedef struct {
	BpSession *session; /* a reference */
	char *name;	    /* of the channel, or a glob */
	BpWatch *watch;	    /* NULL: it is given what was kept */
} SessionWatch;

static BpPlugin *plugin;
static BpWatch *ends;  /* of channel "sessions", while a session watches something */
static GQueue watches; /* SessionWatch */
#define LINKS_MOST 20000
static GHashTable *links; /* "FROM TO" -> BpWatch; those that print on channel console too */

static gboolean is_text(const char *data, gsize size)
{
	if (!g_utf8_validate(data, (gssize)size, NULL))
		return FALSE;
	for (gsize i = 0; i < size; i++)
		if ((guchar)data[i] < 32 && !strchr("\t\r\n\033", data[i]))
			return FALSE;
	return TRUE;
}

/* What of a message can be shown on one line: its text, or its bytes in hex. Yours. */
static char *message_text(BpMessage *message)
{
	const char *data = bp_message_data(message);
	gsize size = bp_message_size(message);
	GString *text;

	if (is_text(data, size)) {
		while (size && (data[size - 1] == '\n' || data[size - 1] == '\r'))
			size--;
		return g_strndup(data, size);
	}
	text = g_string_new(NULL);
	for (gsize i = 0; i < MIN(size, SHOWN_BYTES); i++)
		g_string_append_printf(text, "%s%02x", i ? " " : "", (guchar)data[i]);
	g_string_append_printf(text, "%s  (%zu bytes)", size > SHOWN_BYTES ? " ..." : "", size);
	return g_string_free(text, FALSE);
}

/* --- list and info --- */

static gboolean is_watched_by(BpSession *session, const char *name)
{
	for (GList *at = watches.head; at; at = at->next) {
		SessionWatch *watch = at->data;

		if (watch->session == session &&
		    (!strcmp(watch->name, name) || g_pattern_match_simple(watch->name, name)))
			return TRUE;
	}
	return FALSE;
}

/* How long ago the last message was sent; yours, as the next. */
static char *last_text(const BpChannelStats *stats)
{
	return stats->last ? bp_duration_text(MAX(g_get_real_time() - stats->last, 0)) : g_strdup("");
}

/* The first line of its beginning, or bytes in hex. */
static char *head_text(const BpChannelStats *stats)
{
	gsize all = strnlen(stats->head, sizeof(stats->head)), size = all;
	g_autofree char *text = NULL;
	const char *end;

	if (!g_utf8_validate(stats->head, (gssize)size, &end) && all == sizeof(stats->head) &&
	    stats->head + size - end < 4)
		size = (gsize)(end - stats->head); /* it ends within a character */
	if (!is_text(stats->head, size))
		return bp_bytes_to_hex(stats->head, MIN(size, 8));
	for (gsize at = 0; at < size; at++)
		if (stats->head[at] == '\r' || stats->head[at] == '\n')
			size = at;
	text = bp_text_safe(stats->head, (gssize)size);
	return g_strconcat(text, all == sizeof(stats->head) ? "\342\200\246" : NULL, NULL);
}

static gboolean run_list(BpPlugin *self, BpCall *call, GError **error)
{
	const char *glob = bp_param_find(bp_values_table(bp_call_values(call)), "glob") ? bp_call_string(call, "glob")
											: NULL;
	g_autoptr(GPtrArray) list = bp_channel_list(glob);
	gboolean json = bp_call_wants_json(call);
	BpTable *table = bp_table_new("Channels Active:", ">Watchers", ">Messages", ">Rate/s", ">Drops", ">Last",
				      "Begins with", json ? ">Number" : NULL, "Shown", NULL);

	for (guint i = 0; i < list->len; i++) {
		BpChannel *channel = list->pdata[i];
		BpChannelStats stats = bp_channel_stats(channel);
		guint number = bp_channel_number(channel);
		gboolean shown = is_watched_by(bp_call_session(call), bp_channel_name(channel));
		g_autofree char *last = last_text(&stats), *head = head_text(&stats);
		g_autofree char *before = json ? NULL : g_strdup_printf("%c %2u: ", shown ? '*' : ' ', number);
		g_autofree char *after = json ? g_strdup_printf("\t%u\t%s", number, shown ? "yes" : "no") : NULL;

		bp_table_row(table, "%s%s\t%u\t%" G_GUINT64_FORMAT "\t%.1f\t%" G_GUINT64_FORMAT "\t%s\t%s%s",
			     before ? before : "", bp_channel_name(channel), stats.watchers, stats.messages, stats.rate,
			     stats.drops, last, head, after ? after : "");
		if (stats.drops)
			bp_table_style(table, 4, BP_WARN);
	}
	bp_call_table(call, table);
	if (glob && !list->len)
		bp_call_styled(call, BP_DIM, "no channel matches %s", glob);
	return TRUE;
}

static void print_links(BpCall *call, BpChannel *channel);

static gboolean run_info(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(BpChannel) channel = bp_channel_named(bp_call_string(call, "name"), error);
	g_auto(BpChannelOptions) options = { 0 };
	g_autofree char *last = NULL;
	g_autofree char *head = NULL;
	BpChannelStats stats;

	if (!channel)
		return FALSE;
	stats = bp_channel_stats(channel);
	last = last_text(&stats);
	head = head_text(&stats);
	options = bp_channel_options(channel);
	bp_call_styled(call, BP_STRONG, "%s (number %u)", bp_channel_name(channel), bp_channel_number(channel));
	bp_call_printf(call, "  watchers   %u", stats.watchers);
	bp_call_printf(call, "  messages   %" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT " bytes, %.1f a second",
		       stats.messages, stats.bytes, stats.rate);
	if (*last)
		bp_call_printf(call, "  last       %s ago%s%s", last, *head ? ": " : "", head);
	bp_call_printf(call, "  drops      %" G_GUINT64_FORMAT, stats.drops);
	bp_call_printf(call, "  replay     %u", options.replay);
	bp_call_printf(call, "  greet      %s", options.greet ? options.greet : "none");
	bp_call_printf(call, "  format     %s%s%s%s%s%s",
		       options.timestamp || options.indent || options.line_end || options.pure || options.log ? ""
													      : "none",
		       options.timestamp ? "timestamp " : "", options.indent ? "indent " : "",
		       options.line_end ? "line_end " : "", options.pure ? "pure " : "", options.log ? "log " : "");
	print_links(call, channel);
	return TRUE;
}

/* --- watching --- */

static void show(SessionWatch *watch, const char *name, BpMessage *message)
{
	g_autofree char *text = message_text(message);
	g_autoptr(GString) line = g_string_new(NULL);
	gboolean styled = bp_session_is_terminal(watch->session);

	g_string_append_printf(line, styled ? "\033[2m%s:\033[0m " : "%s: ", name);
	bp_text_append_safe(line, text, -1, TRUE);
	bp_session_notify_copy(watch->session, line->str);
}

/* What sessions are shown of the channels that they watch is not shown to those that watch them. */
static void on_message(BpPlugin *self, BpMessage *message, gpointer data)
{
	if (!(bp_message_flags(message) & BP_COPY))
		show(data, ((SessionWatch *)data)->name, message);
}

/* What a session is shown is not shown to it again. */
static void on_glob(BpPlugin *self, BpChannel *channel, BpMessage *message, gpointer data)
{
	SessionWatch *watch = data;

	if (channel != bp_session_channel(watch->session, TRUE) && !(bp_message_flags(message) & BP_COPY))
		show(watch, bp_channel_name(channel), message);
}

static void forget(gpointer data)
{
	SessionWatch *watch = data;

	g_queue_remove(&watches, watch);
	if (!watches.length && ends)
		bp_watch_remove(ends);
	bp_session_unref(watch->session);
	g_free(watch->name);
	g_free(watch);
}

static SessionWatch *find_watch(BpSession *session, const char *name)
{
	for (GList *at = watches.head; at; at = at->next) {
		SessionWatch *watch = at->data;

		if (watch->session == session && !strcmp(watch->name, name))
			return watch;
	}
	return NULL;
}

/* What `session` watches, or (NULL) what sessions do that have ended. One that is being made is seen to by add_watch. */
static void unwatch_all(BpSession *session)
{
	for (GList *at = watches.head, *next; at; at = next) {
		SessionWatch *watch = at->data;

		next = at->next;
		if (watch->watch && (session ? watch->session == session : bp_session_is_ended(watch->session)))
			bp_watch_remove(watch->watch);
	}
}

static void on_sessions(BpPlugin *self, BpMessage *message, gpointer data)
{
	unwatch_all(NULL);
}

static void on_ends_removed(gpointer data)
{
	ends = NULL;
}

/* What is shown to a session would be said on its own output again, so that is refused at once. */
static gboolean is_own_output(BpCall *call, const char *name, GError **error)
{
	g_autofree char *own = g_strdup_printf("session/%u/send", bp_session_id(bp_call_session(call)));

	if (strcmp(name, own) && strcmp(name, "console"))
		return FALSE;
	g_set_error(error, BP_CONSOLE_ERROR, BP_INVALID,
		    strcmp(name, own) ? "Infinite Loop Error. You see what is said on console already."
				      : "Infinite Loop Error. That is what you are shown.");
	return TRUE;
}

/* `*made` is given when it did not exist: kept until release_made, when a watch or a link keeps it. */
static BpChannel *find_or_make(BpCall *call, const char *word, BpChannel **made, GError **error)
{
	BpChannel *channel = bp_channel_named(word, bp_call_bool(call, "force") ? NULL : error);

	if (channel || !bp_call_bool(call, "force") || !bp_channel_check_name(word, error))
		return channel;
	*made = bp_channel(plugin, word);
	return bp_channel_ref(*made);
}

static void release_made(BpChannel *made)
{
	if (made)
		bp_channel_release(plugin, made);
}

static void add_watch(BpSession *session, BpChannel *channel, const char *name)
{
	SessionWatch *watch = g_new0(SessionWatch, 1);
	g_autoptr(BpChannel) sessions = bp_channel_find("sessions");

	if (!ends)
		ends = bp_channel_watch(plugin, sessions, on_sessions, NULL, on_ends_removed);
	watch->session = bp_session_ref(session);
	watch->name = g_strdup(name);
	g_queue_push_tail(&watches, watch);
	watch->watch = channel ? bp_channel_watch(plugin, channel, on_message, watch, forget)
			       : bp_channel_watch_glob(plugin, name, on_glob, watch, forget);
	if (bp_session_is_ended(session)) /* by what it was shown */
		bp_watch_remove(watch->watch);
}

static gboolean watch_one(BpCall *call, const char *word, GError **error)
{
	BpSession *session = bp_call_session(call);
	gboolean glob = strpbrk(word, "*?") != NULL, good;
	BpChannel *made = NULL;
	g_autoptr(BpChannel) channel = glob ? NULL : find_or_make(call, word, &made, error);
	const char *name = channel ? bp_channel_name(channel) : word;

	good = (glob || channel) && !is_own_output(call, name, error);
	if (good)
		bp_call_printf(call, "Watching Channel: %s", name);
	if (good && !find_watch(session, name))
		add_watch(session, channel, name);
	release_made(made);
	return good;
}

static gboolean run_watch(BpPlugin *self, BpCall *call, GError **error)
{
	for (const char *const *word = bp_call_list(call, "name"); *word; word++)
		if (!watch_one(call, *word, error))
			return FALSE;
	return TRUE;
}

static gboolean unwatch_one(BpCall *call, const char *word, GError **error)
{
	g_autoptr(BpChannel) channel = bp_channel_named(word, NULL);
	const char *name = channel ? bp_channel_name(channel) : word;
	SessionWatch *watch = find_watch(bp_call_session(call), name);

	if (!watch || !watch->watch) {
		g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_FOUND, "Channel %s is not opened.", name);
		return FALSE;
	}
	bp_call_printf(call, "No Longer Watching Channel: %s", name);
	bp_watch_remove(watch->watch);
	return TRUE;
}

static gboolean run_unwatch(BpPlugin *self, BpCall *call, GError **error)
{
	const char *const *words = bp_call_list(call, "name");

	if (!*words)
		unwatch_all(bp_call_session(call));
	for (; *words; words++)
		if (!unwatch_one(call, *words, error))
			return FALSE;
	return TRUE;
}

/* --- sending and printing --- */

static gboolean run_send(BpPlugin *self, BpCall *call, GError **error)
{
	const char *text = bp_call_string(call, "text");
	g_autoptr(BpChannel) channel = bp_channel_named(bp_call_string(call, "name"), error);
	g_autofree char *line = NULL;
	g_autofree guint8 *bytes = NULL;
	gsize size;

	if (!channel)
		return FALSE;
	if (!bp_channel_is_watched(channel))
		bp_call_styled(call, BP_WARN, "nobody watches %s, so nobody gets it", bp_channel_name(channel));
	if (bp_call_bool(call, "hex")) {
		bytes = bp_bytes_from_hex(text ? text : "", &size, error);
		if (bytes)
			bp_channel_send_bytes(channel, bytes, size);
		return !!bytes;
	}
	line = g_strconcat(text ? text : "", bp_call_bool(call, "newline") ? "\n" : NULL, NULL);
	bp_channel_print(channel, line);
	return TRUE;
}

/* --- links, and printing, which is a link to console --- */

static char *link_key(BpChannel *from, const char *to)
{
	return g_strconcat(bp_channel_name(from), " ", to, NULL);
}

static gboolean add_link(BpChannel *from, BpChannel *to, GError **error)
{
	g_autofree char *key = link_key(from, bp_channel_name(to));
	BpWatch *watch;

	if (g_hash_table_contains(links, key))
		return TRUE;
	if (g_hash_table_size(links) >= LINKS_MOST)
		return bp_fail(error, BP_LIMIT, "there are %u links, which is the most; channel unlink removes one",
			       LINKS_MOST);
	watch = bp_channel_link(plugin, from, to, error);
	if (watch)
		g_hash_table_insert(links, g_steal_pointer(&key), watch);
	return watch != NULL;
}

static gboolean remove_link(BpChannel *from, const char *to)
{
	g_autofree char *key = link_key(from, to);
	BpWatch *watch = g_hash_table_lookup(links, key);

	if (!watch)
		return FALSE;
	g_hash_table_remove(links, key);
	bp_watch_remove(watch);
	return TRUE;
}

static gboolean run_print(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(BpChannel) channel = bp_channel_named(bp_call_string(call, "name"), error);
	g_autoptr(BpChannel) console = bp_channel_find("console");
	const char *name = channel ? bp_channel_name(channel) : NULL;

	if (!channel)
		return FALSE;
	if (bp_call_bool(call, "close")) {
		if (!remove_link(channel, "console")) {
			g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_FOUND, "Channel %s is not printed.", name);
			return FALSE;
		}
		bp_call_printf(call, "No longer printing Channel: %s", name);
		return TRUE;
	}
	if (!add_link(channel, console, error))
		return FALSE;
	bp_call_printf(call, "Printing Channel: %s", name);
	return TRUE;
}

static gboolean run_link(BpPlugin *self, BpCall *call, GError **error)
{
	BpChannel *made_from = NULL, *made_to = NULL;
	g_autoptr(BpChannel) from = find_or_make(call, bp_call_string(call, "from"), &made_from, error);
	g_autoptr(BpChannel) to = from ? find_or_make(call, bp_call_string(call, "to"), &made_to, error) : NULL;
	gboolean good = to && add_link(from, to, error);

	release_made(made_from);
	release_made(made_to);
	if (good)
		bp_call_printf(call, "What is said on %s goes to %s too.", bp_channel_name(from), bp_channel_name(to));
	return good;
}

static gboolean run_unlink(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(BpChannel) from = bp_channel_named(bp_call_string(call, "from"), error);
	g_autoptr(BpChannel) to = from ? bp_channel_named(bp_call_string(call, "to"), error) : NULL;

	if (!to)
		return FALSE;
	if (!remove_link(from, bp_channel_name(to))) {
		g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_FOUND, "%s is not linked to %s: channel info shows what is",
			    bp_channel_name(from), bp_channel_name(to));
		return FALSE;
	}
	bp_call_printf(call, "What is said on %s goes to %s no longer.", bp_channel_name(from), bp_channel_name(to));
	return TRUE;
}

static void print_links(BpCall *call, BpChannel *channel)
{
	g_autofree char *start = link_key(channel, "");
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, links);
	while (g_hash_table_iter_next(&iter, &key, NULL))
		if (g_str_has_prefix(key, start))
			bp_call_printf(call, "  linked to  %s", (const char *)key + strlen(start));
}

static const BpParam name_params[] = {
	{ "name", .kind = BP_ARGUMENT, .required = TRUE, .names = BP_A_CHANNEL, .help = "name or number" },
	{ NULL },
};

static const BpParam list_params[] = {
	{ "glob", .kind = BP_ARGUMENT, .names = BP_A_CHANNEL, .help = "only those that match, as in uart/*" },
	{ NULL },
};

static const BpParam watch_params[] = {
	{ "name", .kind = BP_ARGUMENT, .required = TRUE, .many = TRUE, .names = BP_A_CHANNEL,
	  .help = "names, numbers or globs" },
	{ "force", 'f', BP_BOOL, .help = "also one that does not exist yet" },
	{ NULL },
};

static const BpParam unwatch_params[] = {
	{ "name", .kind = BP_ARGUMENT, .many = TRUE, .names = BP_A_CHANNEL,
	  .help = "names, numbers or globs; all if none is given" },
	{ NULL },
};

static const BpParam send_params[] = {
	{ "name", .kind = BP_ARGUMENT, .required = TRUE, .names = BP_A_CHANNEL, .help = "name or number" },
	{ "text", .kind = BP_ARGUMENT, .type = BP_REST, .help = "what to say, as it stands" },
	{ "hex", 'x', BP_BOOL, .help = "the text is bytes in hex: ff 0a 31" },
	{ "newline", 'n', BP_BOOL, .help = "add a newline" },
	{ NULL },
};

static const BpParam print_params[] = {
	{ "name", .kind = BP_ARGUMENT, .required = TRUE, .names = BP_A_CHANNEL, .help = "name or number" },
	{ "close", 'c', BP_BOOL, .help = "no longer" },
	{ NULL },
};

static const BpParam link_params[] = {
	{ "from", .kind = BP_ARGUMENT, .required = TRUE, .names = BP_A_CHANNEL, .help = "name or number" },
	{ "to", .kind = BP_ARGUMENT, .required = TRUE, .names = BP_A_CHANNEL, .help = "name or number" },
	{ "force", 'f', BP_BOOL, .help = "also those that do not exist yet" },
	{ NULL },
};

static const BpParam unlink_params[] = {
	{ "from", .kind = BP_ARGUMENT, .required = TRUE, .names = BP_A_CHANNEL, .help = "name or number" },
	{ "to", .kind = BP_ARGUMENT, .required = TRUE, .names = BP_A_CHANNEL, .help = "name or number" },
	{ NULL },
};

static const BpCommand commands[] = {
	{ "channel", .help = "list the channels", .run = run_list, .group = "channel" },
	{ "channel list", .help = "list the channels", .params = list_params, .run = run_list },
	{ "channel info", .help = "all about one channel", .params = name_params, .run = run_info },
	{ "channel watch", .example = "channel watch uart*", .help = "show messages of channels",
	  .params = watch_params, .run = run_watch },
	{ "channel unwatch", .help = "show it no longer", .params = unwatch_params, .run = run_unwatch },
	{ "channel open", .help = "the same as channel watch", .params = watch_params, .run = run_watch },
	{ "channel close", .help = "the same as channel unwatch", .params = unwatch_params, .run = run_unwatch },
	{ "channel send", .example = "channel send plotter/send G28", .help = "say something on a channel",
	  .params = send_params, .run = run_send, .role = BP_OPERATOR },
	{ "channel print", .help = "show a channel on everybody's console", .params = print_params, .run = run_print,
	  .role = BP_OPERATOR },
	{ "channel link", .help = "forward messages of a channel to another", .params = link_params, .run = run_link,
	  .role = BP_OPERATOR },
	{ "channel unlink", .help = "let it go there no longer", .params = unlink_params, .run = run_unlink,
	  .role = BP_OPERATOR },
	{ NULL },
};

static void forget_links(gpointer data)
{
	g_clear_pointer(&links, g_hash_table_unref);
}

gboolean channel_load(BpPlugin *self, GError **error)
{
	plugin = self;
	links = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	bp_plugin_defer_undo(self, forget_links, NULL);
	return bp_command_add(self, commands, error);
}
