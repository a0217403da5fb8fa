/* SPDX-License-Identifier: MIT */
/* bench-raw.c - handlers of the benches: one gives back the bytes it gets, which is what a server of sessions costs and
 * nothing else; one says each line on the channel bench/feed. */
#include <backplane/backplane.h>

static gboolean give_back(BpPlugin *self, BpSession *session, const char *bytes, gsize size)
{
	bp_session_send(session, bytes, size);
	return TRUE;
}

static BpChannel *feed;

static gboolean say(BpPlugin *self, BpSession *session, const char *line, gsize size)
{
	bp_channel_send_bytes(feed, line, size);
	return TRUE;
}

static gboolean load(BpPlugin *self, GError **error)
{
	feed = bp_channel(self, "bench/feed");
	bp_channel(self, "a/bench/feed"); /* so that it can be linked before host a has come */
	return TRUE;
}

static const BpHandler handlers[] = {
	{ "raw-echo", .help = "gives back the bytes it gets", .mode = BP_RAW, .character = give_back },
	{ "raw-feed", .help = "says each line on bench/feed", .mode = BP_LINES, .line = say },
	{ NULL },
};

BP_PLUGIN(.name = "bench-raw", .version = "1.0", .summary = "Handlers for the benches", .handlers = handlers,
	  .load = load);
