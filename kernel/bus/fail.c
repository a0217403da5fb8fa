/* SPDX-License-Identifier: MIT */
/* fail.c - the sentence of a function that fails. */
#include <backplane/types.h>

gboolean bp_fail(GError **error, BpErrorCode code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (error)
		*error = g_error_new_valist(BP_PLUGIN_ERROR, code, format, args);
	va_end(args);
	return FALSE;
}
