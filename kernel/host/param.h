/* SPDX-License-Identifier: MIT */
/* param.h - what param.c, values.c and context.c share: a text of a parameter read into a value. */
#pragma once
#include <backplane/param.h>
#include "bus/port.h"

#define PARAM_TEXT_MAX 65536 /* bytes of one value */
#define PARAM_MANY_MAX 65536 /* values of one parameter that may be given again */

typedef struct {
	gint64 number; /* whole numbers, bytes, microseconds of a duration, 1 and 0 of a switch */
	double real;   /* the same; of BP_DOUBLE the value itself */
	char *text;    /* as it is kept: choices and switches in their own spelling. Yours. */
} ParamValue;

/* FALSE: `value` stays as it was. Any thread. */
gboolean param_parse(const BpParam *param, const char *text, ParamValue *value, GError **error);
/* The author's own value, which may lie outside of the limits: that is the word for "none". */
void param_parse_fallback(const BpParam *param, ParamValue *value);
