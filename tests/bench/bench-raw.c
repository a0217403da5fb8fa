/* SPDX-License-Identifier: MIT */
/* bench-raw.c - a handler that gives back the bytes it gets: what a server of sessions costs, and nothing else. */
#include <backplane/backplane.h>

static gboolean give_back(BpSession *session, const char *bytes, gsize size)
{
	bp_session_send(session, bytes, size);
	return TRUE;
}

static const BpHandler handlers[] = {
	{ "raw-echo", .help = "gives back the bytes it gets", .mode = BP_RAW, .character = give_back },
	{ NULL },
};

BP_PLUGIN(.name = "bench-raw", .version = "1.0", .summary = "A handler for the benches", .handlers = handlers);
