/* SPDX-License-Identifier: MIT */
/* command.h - the table of commands, for the rest of this room. */
#pragma once
#include <backplane/command.h>
#include "bus/owner.h"
#include "command/parse.h"

/* The command that words begin with; `*words_used` of them name it, `*suffix` (borrowed from the words) is what
 * follows a prefix command's name. NULL with a sentence. */
const BpCommand *command_of_words(const ParsedWords *words, guint *words_used, const char **suffix, GError **error);
BpPlugin *command_owner(const BpCommand *command);
/* A two-word command begins with it. */
gboolean command_is_group(const char *word);
extern const BpCommand builtin_commands[];
