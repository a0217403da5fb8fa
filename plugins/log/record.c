/* SPDX-License-Identifier: MIT */
/* record.c - a record as a line of text, as JSON, and as a datagram for the journal. No descriptor but that of the journal. */
#include "log.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <backplane/json.h>
#include <backplane/text.h>

#define JOURNAL "/run/systemd/journal/socket"

static const char *const words[] = { "emergency", "alert", "critical", "error", "warning",
				     "notice",	  "info",  "debug",    NULL };

const char *log_level_word(BpLogLevel level)
{
	return words[CLAMP(level, 0, 7)];
}

gboolean log_level_parse(const char *word, BpLogLevel *level)
{
	for (guint i = 0; words[i]; i++)
		if (!strcmp(words[i], word)) {
			*level = (BpLogLevel)i;
			return TRUE;
		}
	return FALSE;
}

char *log_record_text(const LogRecord *record)
{
	g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(record->time / G_USEC_PER_SEC);
	g_autoptr(GDateTime) local = utc ? g_date_time_to_local(utc) : NULL;
	g_autofree char *stamp = local ? g_date_time_format(local, "%Y-%m-%dT%H:%M:%S") : g_strdup("-");
	g_autofree char *zone = local ? g_date_time_format(local, "%z") : g_strdup("");
	g_autofree char *safe = bp_text_safe(record->text, -1);

	return g_strdup_printf("%s.%03d%s %s %s: %s\n", stamp, (int)(record->time / 1000 % 1000), zone,
			       log_level_word(record->level), record->name, safe);
}

static void set(json_t *object, const char *key, const char *value)
{
	if (value && *value)
		json_object_set_new(object, key, bp_json_string(value, -1));
}

char *log_record_json(const LogRecord *record)
{
	json_t *object = json_object();
	g_autofree char *text = NULL;

	json_object_set_new(object, "time", json_real((double)record->time / G_USEC_PER_SEC));
	set(object, "level", log_level_word(record->level));
	json_object_set_new(object, "priority", json_integer(record->level));
	set(object, "name", record->name);
	set(object, "plugin", record->plugin);
	set(object, "instance", record->instance);
	set(object, "channel", record->channel);
	set(object, "peer", record->peer);
	set(object, "session", record->session);
	json_object_set_new(object, "text", bp_json_string(record->text, -1));
	text = bp_json_text(object);
	json_decref(object);
	return g_strconcat(text, "\n", NULL);
}

/* --- the journal --- */

/* A value with a line end has its size before it: 64 bits, little endian. */
static void add_field(GString *out, const char *name, const char *value)
{
	guint64 size = value ? GUINT64_TO_LE((guint64)strlen(value)) : 0;

	if (!value || !*value)
		return;
	if (!strchr(value, '\n')) {
		g_string_append_printf(out, "%s=%s\n", name, value);
		return;
	}
	g_string_append_printf(out, "%s\n", name);
	g_string_append_len(out, (const char *)&size, sizeof(size));
	g_string_append_printf(out, "%s\n", value);
}

GString *log_record_journal(const LogRecord *record)
{
	GString *out = g_string_new(NULL);

	g_string_append_printf(out, "PRIORITY=%d\nSYSLOG_IDENTIFIER=backplane\n", CLAMP((int)record->level, 0, 7));
	g_autofree char *message = g_strdup_printf("%s: %s", record->name, record->text);

	add_field(out, "MESSAGE", message);
	add_field(out, "BACKPLANE_PLUGIN", record->plugin);
	add_field(out, "BACKPLANE_INSTANCE", record->instance);
	add_field(out, "BACKPLANE_CHANNEL", record->channel);
	add_field(out, "BACKPLANE_PEER", record->peer);
	add_field(out, "BACKPLANE_SESSION", record->session);
	return out;
}

int log_journal_open(const char *path, GError **error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	g_strlcpy(address.sun_path, path ? path : JOURNAL, sizeof(address.sun_path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	bp_fail(error, BP_FAILED, "%s: %s", address.sun_path, g_strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* What is too large for a datagram goes as a sealed file. */
static gboolean send_file(int socket, const GString *datagram)
{
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL,
	    fd = memfd_create("backplane-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr message = { .msg_control = &control, .msg_controllen = sizeof(control) };
	gboolean done = fd >= 0 && write(fd, datagram->str, datagram->len) == (gssize)datagram->len &&
			!fcntl(fd, F_ADD_SEALS, seals);

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	done = done && sendmsg(socket, &message, MSG_NOSIGNAL) >= 0;
	if (fd >= 0) {
		int reason = errno;

		close(fd);
		errno = reason;
	}
	return done;
}

LogSent log_journal_send(int fd, const GString *datagram)
{
	if (send(fd, datagram->str, datagram->len, MSG_NOSIGNAL) >= 0)
		return LOG_SENT;
	if (errno == EMSGSIZE && send_file(fd, datagram))
		return LOG_SENT;
	return errno == EAGAIN ? LOG_BUSY : LOG_LOST;
}
