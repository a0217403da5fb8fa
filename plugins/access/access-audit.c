/* SPDX-License-Identifier: MIT */
/* access-audit.c - who did what, when and from where: audit.jsonl in the state folder, a line each, and channel "audit".
 *
 * Written as long as there are users or tokens: each command, action and opening that needs more than an observer, what was refused, and
 * each login. Secrets are *** as everywhere. At 8 MiB the file becomes audit.jsonl.1, up to 5.
 */
#include <string.h>
#include <backplane/host.h>
#include <backplane/input.h>
#include <backplane/json.h>
#include <backplane/kernel.h>
#include <backplane/text.h>
#include <backplane/writer.h>
#include "access.h"

#define FILE_NAME "audit.jsonl"
#define ROTATE (8 * 1024 * 1024)
#define MOST_READ (16 * 1024 * 1024)

#define IDLE (G_USEC_PER_SEC / 2)

static BpWriter *writer; /* NULL: nothing was written for a while */
static BpTimer *idle;	 /* until it is closed */
static BpChannel *channel;
static BpMetric *lost;

static char *file_path(void)
{
	return g_build_filename(bp_kernel_state_folder(), FILE_NAME, NULL);
}

static void on_writer(BpPlugin *self, BpWriter *which, BpWriterEvent event, const GError *error, gpointer data)
{
	if (event == BP_WRITER_STALLED)
		bp_log(self, BP_LOG_ERROR, "the audit cannot be written: %s", error->message);
	if (event == BP_WRITER_CLOSED && which == writer)
		writer = NULL;
}

static void on_idle(BpPlugin *self, gpointer data)
{
	if (writer)
		bp_writer_close(g_steal_pointer(&writer));
}

static void write_line(const char *line)
{
	static const BpWriterOptions options = { .flags = BP_FILE_APPEND | BP_FILE_PRIVATE | BP_FILE_NO_LINK,
						 .rotate = ROTATE };

	if (!writer && bp_kernel_state_folder()) {
		g_autofree char *path = file_path();

		writer = bp_writer_open(access_plugin, path, &options, on_writer, NULL);
	}
	if (!writer || bp_writer_send(writer, line, strlen(line)) == BP_GONE)
		bp_metric_add(lost, 1);
	bp_timer_once(&idle, access_plugin, IDLE, on_idle, NULL);
}

void audit_note(const char *user, const char *from, const char *what, const char *refused)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *time = g_date_time_format_iso8601(now);
	g_autofree char *user_text = bp_quote_json(user), *from_text = bp_quote_json(from),
			*what_text = bp_quote_json(what);
	g_autofree char *why = refused ? bp_quote_json(refused) : NULL, *line = NULL;

	if (!users_are_needed())
		return;
	line = g_strdup_printf("{\"time\":\"%s\",\"user\":%s,\"from\":%s,\"what\":%s%s%s}\n", time, user_text,
			       from_text, what_text, why ? ",\"refused\":" : "", why ? why : "");
	write_line(line);
	line[strlen(line) - 1] = '\0';
	bp_channel_print(channel, line);
}

/* --- commands --- */

/* Sessions of the web server have the name in front of the address: ann@127.0.0.1:4711. */
static char *user_of(const BpSession *session)
{
	const char *name = login_name(session), *peer = bp_session_peer(session), *at = strchr(peer, '@');

	if (*name)
		return g_strdup(name);
	if (at)
		return g_strndup(peer, (gsize)(at - peer));
	return g_strdup(bp_session_is_own(session) || !*bp_session_server(session) ? "(local)" : "");
}

static void on_command(BpSession *session, const char *shown, const char *refused)
{
	g_autofree char *user = user_of(session);
	const char *at = strchr(bp_session_peer(session), '@');
	g_autofree char *from = g_strdup_printf("%s %s", bp_session_transport(session),
						at ? at + 1 : bp_session_peer(session));

	audit_note(user, from, shown, refused);
}

static const BpAudit commands = { .size = sizeof(commands), .command = on_command };

/* --- audit list --- */

static void add_row(BpTable *table, const json_t *line)
{
	const char *refused = json_string_value(json_object_get(line, "refused"));

	bp_table_row(table, "%s\t%s\t%s\t%s\t%s", json_string_value(json_object_get(line, "time")),
		     json_string_value(json_object_get(line, "user")), json_string_value(json_object_get(line, "from")),
		     json_string_value(json_object_get(line, "what")), refused ? refused : "");
	if (refused)
		bp_table_style(table, 4, BP_BAD);
}

static gboolean is_asked(BpCall *call, const json_t *line)
{
	const char *user = json_string_value(json_object_get(line, "user"));
	const char *time = json_string_value(json_object_get(line, "time"));
	g_autoptr(GDateTime) when = time ? g_date_time_new_from_iso8601(time, NULL) : NULL;
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();

	if (!user || !when || !json_is_string(json_object_get(line, "from")) ||
	    !json_is_string(json_object_get(line, "what")))
		return FALSE;
	return (!bp_call_has(call, "user") || strcmp(user, bp_call_string(call, "user")) == 0) &&
	       (!bp_call_has(call, "since") ||
		g_date_time_difference(now, when) <= bp_values_duration(bp_call_values(call), "since"));
}

static void on_read(BpPlugin *self, const char *text, gsize size, const GError *error, gpointer data)
{
	BpCall *call = data;
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
	g_autoptr(GPtrArray) asked = g_ptr_array_new_with_free_func((GDestroyNotify)json_decref);
	BpTable *table;
	guint first;

	if (error && !g_error_matches(error, BP_IO_ERROR, BP_NOT_FOUND)) {
		bp_call_done(call, g_error_copy(error));
		return;
	}
	for (char **line = lines; *line; line++) {
		json_t *object = bp_json_parse_object(*line, strlen(*line), 0, NULL);

		if (object && is_asked(call, object))
			g_ptr_array_add(asked, object);
		else
			json_decref(object);
	}
	first = asked->len - MIN(asked->len, (guint)bp_call_int(call, "number"));
	table = bp_table_new("Time", "User", "From", "What", "Refused", NULL);
	for (guint i = first; i < asked->len; i++)
		add_row(table, asked->pdata[i]);
	bp_call_table(call, table);
	if (!asked->len)
		bp_call_styled(call, BP_DIM, "nothing: it is written as soon as there are users");
	bp_call_done(call, NULL);
}

static gboolean run_list(BpPlugin *self, BpCall *call, GError **error)
{
	g_autofree char *path = bp_kernel_state_folder() ? file_path() : NULL;

	if (!path)
		return bp_fail(error, BP_NOT_FOUND, "there is no state folder, so that nothing is kept");
	if (!bp_file_read(self, path, MOST_READ, on_read, call, error))
		return FALSE;
	bp_call_hold(call, NULL, NULL);
	return TRUE;
}

static const BpParam list_params[] = {
	{ "user", 'u', .help = "of that user only" },
	{ "since", 's', BP_DURATION, .min = 0, .max = 1e9, .help = "of so long ago at most, as 2h or 7d" },
	{ "number", 'n', BP_INT, .fallback = "50", .min = 1, .max = 100000, .help = "the last so many" },
	{ NULL },
};

static const BpCommand audit_commands[] = {
	{ "audit list", .help = "list who did what, from where, and what was refused", .params = list_params,
	  .run = run_list, .role = BP_ADMIN, .group = "access", .example = "audit list --user ann --since 7d" },
	{ NULL },
};

gboolean audit_load(BpPlugin *self, GError **error)
{
	channel = bp_channel(self, "audit");
	lost = bp_metric(self, "lost_audit_total", BP_COUNTER, "lines of the audit that could not be written");
	return bp_command_add(self, audit_commands, error) && bp_registry_add(self, BP_AUDIT, &commands, error);
}
