/* SPDX-License-Identifier: MIT */
/* param.h - what param.c, values.c and context.c share: a text of a parameter read into a value. */
#pragma once
#include <backplane/param.h>

#define PARAM_TEXT_MAX 65536 /* bytes of one value */
#define PARAM_MANY_MAX 65536 /* values of one parameter that may be given again */

typedef struct {
	gint64 number; /* whole numbers, bytes, microseconds of a duration, 1 and 0 of a switch */
	double real;   /* the same; of BP_DOUBLE the value itself */
	char *text;    /* as it is kept: choices and switches in their own spelling. Yours. */
} ParamValue;

/* Out of range: FALSE, but the numbers are there; `text` is set only with TRUE. Any thread. */
gboolean param_parse(const BpParam *param, const char *text, ParamValue *value, GError **error);
/* By name, '-' and '_' being the same. */
gboolean param_name_equal(const char *a, const char *b);
/* By name or alias. */
gboolean param_answers(const BpParam *param, const char *name);
/* In double quotes, made printable and cut to what fits in a sentence. Yours. */
char *param_quote(const char *text);
/* "; did you mean NAME?" or "". Yours. */
char *param_hint(const char *nearest);
