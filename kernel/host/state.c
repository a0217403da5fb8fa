/* SPDX-License-Identifier: MIT */
/* state.c - states of instances, and the reports of their changes. */
#include <string.h>
#include <backplane/channel.h>
#include "host/log.h"
#include "host/module.h"

const char *bp_state_text(BpState state)
{
	static const char *const words[] = { "ok", "waiting", "failed" };

	return words[MIN((guint)state, G_N_ELEMENTS(words) - 1)];
}

char *bp_quote_json(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	GString *out = g_string_new("\"");

	for (const char *at = valid; *at; at++) {
		guchar byte = (guchar)*at;

		if (byte == '"' || byte == '\\')
			g_string_append_printf(out, "\\%c", byte);
		else if (byte < 0x20)
			g_string_append_printf(out, "\\u%04x", byte);
		else
			g_string_append_c(out, (char)byte);
	}
	g_string_append_c(out, '"');
	return g_string_free(out, FALSE);
}

static void tell(BpInstance *self)
{
	const Instance *about = self->instance;
	g_autofree char *name = NULL;
	g_autofree char *reason = NULL;
	BpChannel *problems = bp_channel_find("problems");

	if (!problems)
		return;
	if (bp_channel_is_watched(problems)) {
		name = bp_quote_json(self->name);
		reason = bp_quote_json(about->state_reason ? about->state_reason : "");
		bp_channel_printf(problems,
				  "{\"instance\":%s,\"module\":\"%s\",\"state\":\"%s\",\"reason\":%s,\"since\":%.3f}",
				  name, about->module->name, bp_state_text(about->state), reason,
				  (double)g_get_real_time() / 1e6);
	}
	bp_channel_unref(problems);
}

void bp_instance_set_state(BpInstance *self, BpState state, const char *format, ...)
{
	Instance *about = self->instance;
	g_autofree char *reason = NULL;
	gboolean changed;
	va_list args;

	g_return_if_fail(about);
	va_start(args, format);
	reason = format ? g_strdup_vprintf(format, args) : NULL;
	va_end(args);
	changed = about->state != state;
	if (!changed && !g_strcmp0(about->state_reason, reason))
		return;
	g_free(about->state_reason);
	about->state_reason = g_steal_pointer(&reason);
	about->state = state;
	if (changed)
		about->state_since = g_get_monotonic_time();
	if (changed || state != BP_STATE_OK)
		tell(self);
}

void bp_instance_state_sized(const BpInstance *self, BpInstanceState *result, gsize size)
{
	const Instance *about = self->instance;
	BpInstanceState now = { about->state, about->state_reason ? about->state_reason : "", about->state_since };

	bp_sized_copy(result, size, &now, sizeof(now));
}
