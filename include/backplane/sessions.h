/* SPDX-License-Identifier: MIT */
/* sessions.h - the library session: the line editor, the telnet codec, handlers served over streams. Link with
 * backplane-session.
 */
#pragma once
#include <backplane/serve.h>
#include <backplane/session.h>
#include <backplane/telnet.h>

G_BEGIN_DECLS

/* For the options of a session in which somebody types: on a terminal a line editor (emacs keys, history with search, completion,
 * paste), elsewhere lines parted at LF. */
BP_API extern const BpInputClass bp_session_input;
/* Words for what stands before the cursor of a line of commands, NULL-terminated, g_strfreev'd; `*start` is where in the line the
 * word to be completed begins. */
BP_API char **bp_complete_commands(const char *line, gsize cursor, gsize *start);

G_END_DECLS
