/* SPDX-License-Identifier: MIT */
/* raw-echo.c - a handler of bytes that gives them back. */
#include <backplane/backplane.h>

static gboolean give_back(BpPlugin *self, BpSession *session, const char *bytes, gsize size)
{
	bp_session_send(session, bytes, size);
	return TRUE;
}

static const BpHandler handlers[] = {
	{ "raw-echo", .help = "gives back the bytes it gets", .mode = BP_RAW, .character = give_back },
	{ NULL },
};

BP_PLUGIN(.name = "raw-echo", .version = "1.0", .handlers = handlers);
