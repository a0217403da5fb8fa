/* SPDX-License-Identifier: MIT */
/* log.h - where log lines go besides channel "log". */
#pragma once
#include <backplane/plugin.h>

/* Lines up to this level go to stderr too; the default is BP_LOG_WARNING. In the journal's form when stderr is its
 * socket. */
void log_set_stderr(BpLogLevel level);
/* For lines of JSON: a string with its quotes; what is not UTF-8 becomes U+FFFD. Yours. */
char *json_quote(const char *text);
void log_start(void);
void log_stop(void);
