/* SPDX-License-Identifier: MIT */
/* watch.c - tool watch, wait, send. All that a command makes belongs to its call. */
#include <string.h>
#include <backplane/bytes.h>
#include <backplane/loop.h>
#include <backplane/scope.h>
#include <backplane/text.h>
#include "tool.h"

enum { TAIL = 1024 }; /* bytes before a message that a match may begin in */

typedef struct {
	BpCall *call;
	BpTimer *timer;
	GRegex *regex; /* wait */
	GString *tail; /* wait: text in which nothing has matched */
	gint64 left;   /* watch: messages; 0: no end */
	gboolean json, named, with_time;
	gboolean ended;
} Watcher;

const BpParam tool_watch_params[] = {
	{ "glob", .kind = BP_ARGUMENT, .required = 1, .many = 1, .names = BP_A_CHANNEL,
	  .help = "channels, as uart*/recv; also those to come" },
	{ "count", 'n', BP_INT, .fallback = "0", .min = 0, .max = 1000000000,
	  .help = "end after so many messages; 0: at Ctrl-C" },
	{ "timeout", 't', BP_DURATION, .fallback = "0", .min = 0, .max = 31536000,
	  .help = "end after so long; a failure if there were fewer than count; 0: never" },
	{ "json", .type = BP_BOOL, .help = "an object for each message" },
	{ "time", 'T', BP_BOOL, .help = "with the time" },
	{ NULL },
};

const BpParam tool_wait_params[] = {
	{ "channel", .kind = BP_ARGUMENT, .required = 1, .names = BP_A_CHANNEL, .help = "channel, or a glob" },
	{ "regex", .kind = BP_ARGUMENT, .required = 1,
	  .help = "regular expression (PCRE), looked for in each message" },
	{ "timeout", 't', BP_DURATION, .fallback = "0", .min = 0, .max = 31536000,
	  .help = "fail after so long; 0: never" },
	{ "send", 's', .help = "\"CHANNEL TEXT\", sent as soon as it waits" },
	{ "json", .type = BP_BOOL, .help = "an object for the message" },
	{ NULL },
};

const BpParam tool_send_params[] = {
	{ "channel", .kind = BP_ARGUMENT, .required = 1, .names = BP_A_CHANNEL, .help = "name or number" },
	{ "text", .kind = BP_ARGUMENT, .type = BP_REST, .help = "message" },
	{ "base64", .type = BP_BOOL, .help = "the text is base64 of the bytes" },
	{ NULL },
};

static void watcher_free(gpointer data)
{
	Watcher *watcher = data;

	if (watcher->regex)
		g_regex_unref(watcher->regex);
	if (watcher->tail)
		g_string_free(watcher->tail, TRUE);
	g_free(watcher);
}

/* Its watches and its timer end with the call. */
static void finish(Watcher *watcher, GError *take_error)
{
	if (watcher->ended)
		return;
	watcher->ended = TRUE;
	if (take_error)
		tool_mark_error(watcher->call);
	bp_call_done(watcher->call, take_error);
}

/* A script is not to take an end of the host for what it has waited for. */
static void on_cancel(BpPlugin *self, gpointer data)
{
	Watcher *watcher = data;
	GError *error = NULL;

	if (!bp_session_is_terminal(bp_call_session(watcher->call)) && (watcher->regex || watcher->left))
		bp_fail(&error, BP_CANCELLED, "the host has ended, or the plugin tool");
	finish(watcher, error);
}

static gboolean is_text(const char *data, gsize size)
{
	return !memchr(data, 0, size) && g_utf8_validate(data, (gssize)size, NULL);
}

static void print_json(Watcher *watcher, BpChannel *channel, BpMessage *message)
{
	const char *data = bp_message_data(message), *origin = bp_message_origin(message);
	gsize size = bp_message_size(message);
	json_t *object = json_object();

	json_object_set_new(object, "channel", json_string(bp_channel_name(channel)));
	json_object_set_new(object, "time", json_real((double)bp_message_time(message) / G_USEC_PER_SEC));
	if (origin && *origin)
		json_object_set_new(object, "origin", bp_json_string(origin, -1));
	if (is_text(data, size)) {
		json_object_set_new(object, "text", bp_json_string(data, (gssize)size));
	} else {
		g_autofree char *coded = g_base64_encode((const guchar *)data, size);

		json_object_set_new(object, "base64", json_string(coded));
	}
	g_autofree char *text = bp_json_text(object);

	json_decref(object);
	bp_session_notify_copy(bp_call_session(watcher->call), text);
}

static void print_message(Watcher *watcher, BpChannel *channel, BpMessage *message)
{
	const char *data = bp_message_data(message);
	gsize size = bp_message_size(message);
	g_autoptr(GDateTime) time = NULL;
	g_autofree char *text = NULL, *stamp = NULL;
	g_autoptr(GString) line = g_string_new(NULL);

	if (watcher->json) {
		print_json(watcher, channel, message);
		return;
	}
	while (size && (data[size - 1] == '\n' || data[size - 1] == '\r'))
		size--;
	text = is_text(data, size) ? bp_text_safe(data, (gssize)size) : bp_bytes_text(data, size);
	if (watcher->with_time) {
		g_autoptr(GDateTime) utc = g_date_time_new_from_unix_local(bp_message_time(message) / G_USEC_PER_SEC);

		stamp = g_date_time_format(utc, "%Y-%m-%dT%H:%M:%S%z ");
		g_string_append(line, stamp);
	}
	if (watcher->named)
		g_string_append_printf(line, "%s ", bp_channel_name(channel));
	g_string_append(line, text);
	bp_session_notify_copy(bp_call_session(watcher->call), line->str);
}

/* What sessions are shown of what they watch, and what this one is shown. */
static gboolean is_shown(const Watcher *watcher, const BpChannel *channel, const BpMessage *message)
{
	return !watcher->ended && channel != bp_session_channel(bp_call_session(watcher->call), TRUE) &&
	       !(bp_message_flags(message) & BP_COPY);
}

static void on_watched(BpPlugin *self, BpChannel *channel, BpMessage *message, gpointer data)
{
	Watcher *watcher = data;

	if (!is_shown(watcher, channel, message))
		return;
	print_message(watcher, channel, message);
	if (watcher->left && !--watcher->left)
		finish(watcher, NULL);
}

static void on_timeout(BpPlugin *self, gpointer data)
{
	Watcher *watcher = data;
	GError *error = NULL;

	if (watcher->regex)
		bp_fail(&error, BP_TIMEOUT, "nothing came that matches %s",
			g_regex_get_pattern(watcher->regex) + strlen("(*LIMIT_MATCH=20000)"));
	else if (watcher->left)
		bp_fail(&error, BP_TIMEOUT, "%" G_GINT64_FORMAT " messages did not come in time", watcher->left);
	finish(watcher, error);
}

static Watcher *watcher_new(BpCall *call)
{
	Watcher *watcher = g_new0(Watcher, 1);

	watcher->call = call;
	watcher->json = bp_call_bool(call, "json");
	return watcher;
}

/* `names`: globs, all of them watched by the call's own scope. */
static void watcher_start(Watcher *watcher, const char *const *names, BpGlobFunc func)
{
	BpCall *call = watcher->call;
	BpScope *scope = bp_call_scope(call);
	gint64 timeout = bp_call_duration(call, "timeout");

	bp_call_hold(call, on_cancel, watcher);
	bp_plugin_defer_undo(scope, watcher_free, watcher);
	for (; *names; names++)
		bp_channel_watch_glob(scope, *names, func, watcher, NULL);
	if (timeout)
		bp_timer_once(&watcher->timer, bp_call_scope(watcher->call), timeout, on_timeout, watcher);
}

gboolean tool_run_watch(BpPlugin *self, BpCall *call, GError **error)
{
	Watcher *watcher = watcher_new(call);
	const char *const *names = bp_call_list(call, "glob");

	watcher->left = bp_call_int(call, "count");
	watcher->with_time = bp_call_bool(call, "time");
	watcher->named = names[1] || strpbrk(names[0], "*?");
	watcher_start(watcher, names, on_watched);
	return TRUE;
}

/* --- wait --- */

static gboolean matches(Watcher *watcher, const char *data, gsize size)
{
	return g_regex_match_full(watcher->regex, data, (gssize)size, 0, 0, NULL, NULL);
}

/* The message alone, or what has come piece by piece. */
static gboolean is_awaited(Watcher *watcher, const char *data, gsize size)
{
	if (!is_text(data, size))
		return FALSE;
	if (matches(watcher, data, size))
		return TRUE;
	g_string_append_len(watcher->tail, data, (gssize)size);
	if (watcher->tail->len > size && watcher->tail->len <= TAIL + size &&
	    matches(watcher, watcher->tail->str, watcher->tail->len))
		return TRUE;
	if (watcher->tail->len > TAIL) {
		const char *cut = watcher->tail->str + watcher->tail->len - TAIL;

		while (*cut && (*cut & 0xc0) == 0x80)
			cut++;
		g_string_erase(watcher->tail, 0, cut - watcher->tail->str);
	}
	return FALSE;
}

static void on_awaited(BpPlugin *self, BpChannel *channel, BpMessage *message, gpointer data)
{
	Watcher *watcher = data;

	if (!is_shown(watcher, channel, message) ||
	    !is_awaited(watcher, bp_message_data(message), bp_message_size(message)))
		return;
	print_message(watcher, channel, message);
	finish(watcher, NULL);
}

/* "CHANNEL TEXT" */
static gboolean send_first(const char *text, GError **error)
{
	g_auto(GStrv) words = g_strsplit(text, " ", 2);
	g_autoptr(BpChannel) channel = words[0] && words[1] ? bp_channel_named(words[0], error) : NULL;

	if (!channel)
		return words[0] && words[1] ? FALSE : bp_fail(error, BP_INVALID, "--send wants \"CHANNEL TEXT\"");
	bp_channel_print(channel, words[1]);
	return TRUE;
}

gboolean tool_run_wait(BpPlugin *self, BpCall *call, GError **error)
{
	const char *names[] = { bp_call_string(call, "channel"), NULL };
	/* Bounded: no expression keeps the loop busy. */
	g_autofree char *pattern = g_strconcat("(*LIMIT_MATCH=20000)", bp_call_string(call, "regex"), NULL);
	g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_MULTILINE, 0, NULL);
	Watcher *watcher;

	if (!regex) {
		tool_mark_error(call);
		return bp_fail(error, BP_INVALID, "%s is no regular expression", bp_call_string(call, "regex"));
	}
	watcher = watcher_new(call);
	watcher->regex = g_steal_pointer(&regex);
	watcher->tail = g_string_new(NULL);
	watcher->named = strpbrk(names[0], "*?") != NULL;
	watcher_start(watcher, names, on_awaited);
	if (bp_call_has(call, "send")) {
		GError *reason = NULL;

		if (!send_first(bp_call_string(call, "send"), &reason))
			finish(watcher, reason);
	}
	return TRUE;
}

/* --- send --- */

gboolean tool_run_send(BpPlugin *self, BpCall *call, GError **error)
{
	const char *text = bp_call_string(call, "text") ? bp_call_string(call, "text") : "";
	g_autoptr(BpChannel) channel = bp_channel_named(bp_call_string(call, "channel"), error);

	if (!channel) {
		tool_mark_error(call);
		return FALSE;
	}
	if (bp_call_bool(call, "base64")) {
		gsize size;
		g_autofree guchar *bytes = g_base64_decode(text, &size);

		if (is_text((const char *)bytes, size))
			bp_channel_send_take(channel, bp_message_new(bytes, size, BP_TEXT));
		else
			bp_channel_send_bytes(channel, bytes, size);
	} else {
		bp_channel_print(channel, text);
	}
	return TRUE;
}
