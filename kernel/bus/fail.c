/* SPDX-License-Identifier: MIT */
/* fail.c - errors with a sentence, in one line. */
#include <backplane/types.h>
#include "bus/port.h"

gboolean bus_fail(GError **error, GQuark domain, gint code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (error)
		*error = g_error_new_valist(domain, code, format, args);
	va_end(args);
	return FALSE;
}

gboolean bp_fail(GError **error, BpErrorCode code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (error)
		*error = g_error_new_valist(BP_PLUGIN_ERROR, code, format, args);
	va_end(args);
	return FALSE;
}
