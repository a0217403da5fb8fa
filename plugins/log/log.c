/* SPDX-License-Identifier: MIT */
/* log.c - module Log: what the host reports, in a file or in systemd's journal, and which of it. */
#include "log.h"
#include <string.h>
#include <unistd.h>
#include <backplane/host.h>
#include <backplane/json.h>
#include <backplane/registry.h>
#include <backplane/session.h>
#include <backplane/writer.h>

static const char manual[] =
	"Module Log writes what the host reports, one record an event: as text, as JSON, or into systemd's journal with fields of its own.\n"
	"\n"
	"  module open Log disk file=/var/log/backplane/backplane.log rotate=10M\n"
	"  module open Log machine file=events.json format=json level=info events=server-* events=sessions\n"
	"  module open Log journal format=journal\n"
	"  log level uart debug\n"
	"  log last --level warning\n"
	"\n"
	"A file is rotated at `rotate` (FILE.1 to FILE.5) and opened again at SIGHUP. `level` is the least important level that is written; `log\n"
	"level NAME LEVEL` sets another one for a plugin or an instance, until the host ends, for all outputs and stderr alike. `events` are\n"
	"channels whose messages are records too. In the journal the fields are BACKPLANE_PLUGIN, _INSTANCE, _CHANNEL, _PEER and _SESSION; a\n"
	"service whose log goes there already writes nothing to stderr while it is open.\n";

enum { WAITING_MOST = 10000 };

typedef struct {
	BpInstance *self;
	BpWriter *writer; /* NULL: the journal */
	int journal;
	GQueue waiting; /* of GString: what the journal does not take yet */
	BpFd *source;
	gboolean as_json;
	BpLogLevel level;
	BpLogLevel stderr_before;
	gboolean quiets; /* stderr */
	guint64 lost;
	BpMetric *records;
} Log;

static GHashTable *levels; /* name -> level */

/* --- which --- */

static gboolean is_wanted(const Log *log, BpLogLevel level, const char *name, const char *plugin)
{
	gpointer given;

	if (g_hash_table_lookup_extended(levels, name, NULL, &given) ||
	    (plugin && g_hash_table_lookup_extended(levels, plugin, NULL, &given)))
		return (gint)level <= GPOINTER_TO_INT(given);
	return level <= log->level;
}

/* --- records --- */

static void on_writable(BpPlugin *self, int fd, BpEvents events, gpointer data)
{
	Log *log = data;

	while (log->waiting.length) {
		GString *datagram = log->waiting.head->data;
		LogSent sent = log_journal_send(fd, datagram);

		if (sent == LOG_BUSY)
			return;
		log->lost += sent == LOG_LOST;
		g_queue_pop_head(&log->waiting);
		g_string_free(datagram, TRUE);
	}
	bp_fd_set_events(log->source, 0);
}

static void to_journal(Log *log, GString *take_datagram)
{
	LogSent sent = log->waiting.length ? LOG_BUSY : log_journal_send(log->journal, take_datagram);

	if (sent == LOG_BUSY && log->waiting.length < WAITING_MOST) {
		g_queue_push_tail(&log->waiting, take_datagram);
		bp_fd_set_events(log->source, BP_OUT);
		return;
	}
	log->lost += sent != LOG_SENT;
	g_string_free(take_datagram, TRUE);
}

static void write_record(Log *log, const LogRecord *record)
{
	g_autofree char *line = NULL;

	bp_metric_add(log->records, 1);
	if (log->writer) {
		line = log->as_json ? log_record_json(record) : log_record_text(record);
		bp_writer_send(log->writer, line, strlen(line));
	} else if (log->journal >= 0) {
		to_journal(log, log_record_journal(record));
	}
}

/* "warning: uart: text" */
static void on_log(BpPlugin *self, BpMessage *message, gpointer data)
{
	Log *log = data;
	g_autofree char *line = g_strndup(bp_message_data(message), bp_message_size(message));
	char *name = strstr(line, ": "), *text = name ? strstr(name + 2, ": ") : NULL;
	LogRecord record = { .time = bp_message_time(message) };
	BpInstance *instance;

	if (!text)
		return;
	*name = *text = 0;
	name += 2;
	text += 2;
	if (!log_level_parse(line, &record.level))
		return;
	instance = bp_instance_find(name);
	record.name = name;
	record.text = text;
	record.instance = instance ? name : NULL;
	record.plugin = instance ? bp_plugin_name(bp_plugin_of(instance)) : name;
	if (is_wanted(log, record.level, name, record.plugin))
		write_record(log, &record);
}

/* The channel "sessions" says who, as JSON. */
static char *session_of(const char *text, char **peer)
{
	json_t *object = bp_json_parse_object(text, strlen(text), 65536, NULL);
	char *session = NULL;

	if (!object)
		return NULL;
	if (json_is_integer(json_object_get(object, "id")))
		session = g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(object, "id")));
	if (json_is_string(json_object_get(object, "peer"))) {
		g_free(*peer);
		*peer = g_strdup(json_string_value(json_object_get(object, "peer")));
	}
	json_decref(object);
	return session;
}

static void on_event(BpPlugin *self, BpChannel *channel, BpMessage *message, gpointer data)
{
	Log *log = data;
	g_autofree char *text = g_strndup(bp_message_data(message), bp_message_size(message)), *session = NULL;
	g_autofree char *peer = g_strdup(bp_message_origin(message));
	const char *name = bp_channel_name(channel);
	LogRecord record = { .level = BP_LOG_INFO, .time = bp_message_time(message), .name = name, .channel = name };

	if (!strcmp(name, "log") || bp_message_flags(message) & BP_COPY || !is_wanted(log, record.level, name, NULL))
		return;
	g_strchomp(text);
	session = session_of(text, &peer);
	record.text = text;
	record.peer = peer;
	record.session = session;
	write_record(log, &record);
}

/* --- the module --- */

static const BpParam params[] = {
	{ "file", .names = BP_A_FILE, .help = "where to; relative to $LOGS_DIRECTORY, else to the folder of the host" },
	{ "format", .type = BP_CHOICE, .choices = "text|json|journal", .fallback = "text",
	  .help = "a line, an object, or systemd's journal" },
	{ "level", .type = BP_CHOICE, .choices = "error|warning|notice|info|debug", .fallback = "info",
	  .help = "the least important level" },
	{ "rotate", .type = BP_BYTES, .fallback = "10M", .min = 1024, .max = 1099511627776,
	  .help = "begin a new file at this size" },
	{ "events", .many = 1, .names = BP_A_CHANNEL, .help = "channels, as server-*, whose messages are records too" },
	{ "socket", .hidden = 1, .help = "another socket than the journal's" },
	{ NULL },
};

static void on_writer(BpPlugin *self, BpWriter *writer, BpWriterEvent event, const GError *error, gpointer data)
{
	Log *log = data;

	if (event == BP_WRITER_OPENED || event == BP_WRITER_RESUMED)
		bp_instance_set_state(log->self, BP_STATE_OK, "writes to %s", bp_instance_string(log->self, "file"));
	else if (event == BP_WRITER_STALLED)
		bp_instance_set_state(log->self, BP_STATE_WAITING, "%s; records wait, and are lost when too many do",
				      error->message);
	else if (event == BP_WRITER_CLOSED) {
		log->writer = NULL;
		if (error && error->code != BP_CLOSED)
			bp_instance_set_state(log->self, BP_STATE_FAILED, "%s", error->message);
	}
}

static gboolean open_file(Log *log, GError **error)
{
	const char *file = bp_instance_string(log->self, "file"), *folder = g_getenv("LOGS_DIRECTORY");
	BpWriterOptions options = { .flags = BP_FILE_APPEND, .rotate = bp_instance_int(log->self, "rotate") };
	g_autofree char *path = NULL;

	if (!file)
		return bp_fail(error, BP_INVALID, "file is needed, or format=journal");
	path = folder && *folder && !g_path_is_absolute(file) ? g_build_filename(folder, file, NULL) : g_strdup(file);
	log->as_json = !strcmp(bp_instance_string(log->self, "format"), "json");
	log->writer = bp_writer_open(log->self, path, &options, on_writer, log);
	return TRUE;
}

/* While stderr is the journal, each record would be there twice. */
static gboolean open_journal(Log *log, GError **error)
{
	log->journal = log_journal_open(bp_instance_string(log->self, "socket"), error);
	if (log->journal < 0)
		return FALSE;
	log->source = bp_fd_add(log->self, log->journal, 0, on_writable, log, NULL);
	log->quiets = g_getenv("JOURNAL_STREAM") != NULL;
	if (log->quiets) {
		log->stderr_before = bp_log_stderr();
		bp_log_set_stderr((BpLogLevel)0);
	}
	bp_instance_set_state(log->self, BP_STATE_OK, "writes to the journal");
	return TRUE;
}

static gboolean log_open(BpInstance *self, GError **error)
{
	Log *log = bp_instance_data(self);
	const char *const *events = bp_values_list(bp_instance_values(self), "events");

	log->self = self;
	log->journal = -1;
	log->records = bp_metric(self, "records_total", BP_COUNTER, "records written");
	log_level_parse(bp_instance_string(self, "level"), &log->level);
	if (!(strcmp(bp_instance_string(self, "format"), "journal") ? open_file(log, error) : open_journal(log, error)))
		return FALSE;
	bp_channel_watch(self, bp_channel(self, "log"), on_log, log, NULL);
	for (; events && *events; events++)
		bp_channel_watch_glob(self, *events, on_event, log, NULL);
	return TRUE;
}

static void free_datagram(gpointer data)
{
	g_string_free(data, TRUE);
}

static void log_close(BpInstance *self)
{
	Log *log = bp_instance_data(self);

	if (log->writer)
		bp_writer_close(log->writer);
	if (log->journal >= 0) {
		on_writable(self, log->journal, BP_OUT, log);
		bp_fd_remove(log->source);
		close(log->journal);
	}
	g_queue_clear_full(&log->waiting, free_datagram);
	if (log->quiets)
		bp_log_set_stderr(log->stderr_before);
}

static void log_describe(BpInstance *self, GString *text)
{
	const Log *log = bp_instance_data(self);

	if (log->writer) {
		BpWriterStats stats = bp_writer_stats(log->writer);

		g_string_append_printf(text,
				       "%s, %" G_GUINT64_FORMAT " bytes, %" G_GSIZE_FORMAT
				       " waiting, %" G_GUINT64_FORMAT " records lost\n",
				       bp_instance_string(self, "file"), stats.size, stats.waiting, stats.lost);
	} else {
		g_string_append_printf(text, "the journal, %u waiting, %" G_GUINT64_FORMAT " records lost\n",
				       log->waiting.length, log->lost);
	}
}

/* --- commands --- */

static const BpParam level_params[] = {
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE,
	  .help = "plugin, instance or event channel; all levels are listed without it" },
	{ "level", .kind = BP_ARGUMENT, .type = BP_CHOICE, .choices = "default|error|warning|notice|info|debug",
	  .help = "what of it is written; default: as the others" },
	{ NULL },
};

static gboolean run_level(BpPlugin *self, BpCall *call, GError **error)
{
	const char *name = bp_call_string(call, "name"), *word = bp_call_string(call, "level");
	BpTable *table;
	GHashTableIter iter;
	gpointer key, value;
	BpLogLevel level = BP_LOG_INFO;

	if (name && word) {
		if (!strcmp(word, "default"))
			g_hash_table_remove(levels, name);
		else if (log_level_parse(word, &level) && g_hash_table_size(levels) < 1000)
			g_hash_table_insert(levels, g_strdup(name), GINT_TO_POINTER((gint)level));
		return TRUE;
	}
	table = bp_table_new("Name", "Level", NULL);
	g_hash_table_iter_init(&iter, levels);
	while (g_hash_table_iter_next(&iter, &key, &value))
		if (!name || !strcmp(name, key))
			bp_table_row(table, "%s\t%s", (const char *)key,
				     log_level_word((BpLogLevel)GPOINTER_TO_INT(value)));
	bp_table_row(table, "stderr\t%s", log_level_word(bp_log_stderr()));
	bp_call_table(call, table);
	return TRUE;
}

static const BpParam last_params[] = {
	{ "count", 'n', BP_INT, .fallback = "20", .min = 1, .max = 200, .help = "so many at most" },
	{ "level", 'l', BP_CHOICE, .choices = "error|warning|notice|info|debug", .fallback = "debug",
	  .help = "the least important level" },
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .help = "of this plugin or instance alone" },
	{ NULL },
};

static gboolean run_last(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(BpChannel) channel = bp_channel_find("log");
	g_autoptr(GPtrArray) list = bp_channel_replay(channel), shown = g_ptr_array_new_with_free_func(g_free);
	const char *name = bp_call_string(call, "name");
	BpLogLevel least = BP_LOG_DEBUG;
	guint count = (guint)bp_call_int(call, "count");

	log_level_parse(bp_call_string(call, "level"), &least);
	for (guint i = list->len; i-- && shown->len < count;) {
		BpMessage *message = list->pdata[i];
		g_autofree char *line = g_strndup(bp_message_data(message), bp_message_size(message));
		g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(bp_message_time(message) / G_USEC_PER_SEC);
		g_autofree char *stamp = g_date_time_format(time, "%m-%d %H:%M:%S"),
				*word = g_strndup(line, strcspn(line, ":"));
		const char *rest = line + strlen(word);
		BpLogLevel level = BP_LOG_DEBUG;

		rest += strspn(rest, ": ");
		if (log_level_parse(word, &level) && level <= least &&
		    (!name || (g_str_has_prefix(rest, name) && rest[strlen(name)] == ':')))
			g_ptr_array_add(shown, g_strdup_printf("%s %s", stamp, g_strchomp(line)));
	}
	for (guint i = shown->len; i--;)
		bp_call_print(call, shown->pdata[i]);
	return TRUE;
}

static gboolean load(BpPlugin *self, GError **error)
{
	static const BpRole role = BP_ADMIN;

	levels = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return bp_registry_add(self, BP_MODULE_ROLE "Log", &role, error);
}

static void unload(BpPlugin *self)
{
	g_hash_table_unref(levels);
}

static const BpModule modules[] = {
	{ "Log", .help = "what the host reports, in a file or in the journal", .params = params, .size = sizeof(Log),
	  .open = log_open, .close = log_close, .describe = log_describe },
	{ NULL },
};

static const BpCommand commands[] = {
	{ "log last", .params = last_params, .run = run_last, .role = BP_OBSERVER, .help = "the last lines of the log",
	  .example = "log last --level warning" },
	{ "log level", .params = level_params, .run = run_level, .role = BP_ADMIN,
	  .help = "how much of a plugin is logged", .example = "log level uart debug" },
	{ NULL },
};

BP_PLUGIN(.name = "log", .version = "0.1", .summary = "The log in files and in the journal", .manual = manual,
	  .modules = modules, .commands = commands, .load = load, .unload = unload);
