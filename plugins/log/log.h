/* SPDX-License-Identifier: MIT */
/* log.h - what the files of this plugin share: a record, its forms, and the journal. */
#pragma once
#include <backplane/backplane.h>

/* One event. Borrowed texts; NULL: none. */
typedef struct {
	BpLogLevel level;
	gint64 time;	      /* wall clock, microseconds */
	const char *name;     /* of the plugin or the instance */
	const char *instance; /* if it is one */
	const char *plugin;
	const char *channel; /* of an event that is no line of the log */
	const char *peer;
	const char *session;
	const char *text;
} LogRecord;

const char *log_level_word(BpLogLevel level);
/* FALSE: no level. */
gboolean log_level_parse(const char *word, BpLogLevel *level);
/* "2026-12-01T12:00:00.000+0100 warning uart: text\n", or an object with a line end. Yours. */
char *log_record_text(const LogRecord *record);
char *log_record_json(const LogRecord *record);

/* The datagram of systemd's journal, in its native form. */
GString *log_record_journal(const LogRecord *record);
/* A socket that never blocks; -1 with an error. `path` NULL: the journal's. */
int log_journal_open(const char *path, GError **error);
typedef enum { LOG_SENT, LOG_BUSY, LOG_LOST } LogSent;
LogSent log_journal_send(int fd, const GString *datagram);
