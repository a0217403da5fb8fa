/* SPDX-License-Identifier: MIT */
/* commands.h - the files of this plugin to each other. */
#pragma once
#include <backplane/backplane.h>
#include <backplane/host.h>

extern const BpCommand help_commands[], plugin_commands[], module_commands[], context_commands[], script_commands[],
	session_commands[], status_commands[], leave_commands[];
gboolean alias_load(BpPlugin *self, GError **error);
gboolean channel_load(BpPlugin *self, GError **error);

/* "ok", or "failed: cannot connect (3 min 2 s)"; yours. And its colour. */
char *state_text(const BpInstance *instance);
BpStyle state_style(const BpInstance *instance);
/* "1 problem: plotter cannot connect (3 min)"; NULL if there is none. Yours. */
char *problems_text(void);
/* Cut with an ellipsis, at a word if one ends near, to so many columns. Yours. */
char *text_cut(const char *text, guint columns);
gboolean leave_load(BpPlugin *self, GError **error);
gboolean table_load(BpPlugin *self, GError **error);
