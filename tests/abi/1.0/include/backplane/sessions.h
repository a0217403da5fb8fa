/* SPDX-License-Identifier: MIT */
/* sessions.h - the library session: the line editor, the telnet codec, handlers served over streams. Link with
 * backplane-session.
 */
#pragma once
#include <backplane/serve.h>
#include <backplane/session.h>
#include <backplane/telnet.h>

G_BEGIN_DECLS

/* The line editor, for the options of sessions that have a terminal: emacs keys, history with search, completion, paste. */
BP_API extern const BpEditorClass bp_line_editor;

G_END_DECLS
