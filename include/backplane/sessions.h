/* SPDX-License-Identifier: MIT */
/* sessions.h - the library session: the line editor, the telnet codec, handlers served over streams. Link with
 * backplane-session.
 */
#pragma once
#include <backplane/serve.h>
#include <backplane/session.h>
#include <backplane/telnet.h>

G_BEGIN_DECLS

/* For the options of a session: on a terminal a line editor (emacs keys, history with search, completion, paste), elsewhere lines split
 * at LF. */
BP_API extern const BpInputClass bp_session_input;
/* Completions at the cursor of a line of commands; free with g_strfreev. `*start`: where the word to be completed begins in the line. */
BP_API char **bp_complete_commands(const char *line, gsize cursor, gsize *start);
/* What a word that was offered there is, in a few words; NULL: nothing is known of it. Yours. */
BP_API char *bp_complete_about(const char *line, gsize cursor, const char *word);

G_END_DECLS
