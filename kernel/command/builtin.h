/* SPDX-License-Identifier: MIT */
/* builtin.h - the built-in commands to each other. */
#pragma once
#include "command/command.h"
#include "command/console.h"

extern const BpCommand help_commands[], channel_commands[], module_commands[], plugin_commands[], context_commands[],
	script_commands[], alias_commands[], session_commands[], program_commands[];

/* What of a message can be shown on one line: its text, or its bytes in hex. Yours. */
char *builtin_message_text(BpMessage *message);
/* The kernel stops: links made by the command are no longer known by name. */
void builtin_forget_links(void);
/* The session goes: what it watches is unwatched. */
void builtin_forget_watches(BpSession *session);
/* "ok", or "failed: cannot connect (3 min 2 s)"; yours. And its colour. */
char *builtin_state_text(const BpInstance *instance);
BpStyle builtin_state_style(const BpInstance *instance);
