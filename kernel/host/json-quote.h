/* SPDX-License-Identifier: MIT */
/* json-quote.h - the little JSON that the kernel writes itself; who reads JSON links the library. */
#pragma once
#include <glib.h>

/* As a JSON string with its quotes; what is not UTF-8 becomes U+FFFD. Yours. */
char *json_quote(const char *text);
