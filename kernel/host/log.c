/* SPDX-License-Identifier: MIT */
/* log.c - log lines: on channel "log", from notices up on "console", on stderr, in the journal. */
#include "host/log.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bus/frame.h"
#include "bus/message.h"
#include "bus/owner.h"
#include "bus/port.h"
#include <backplane/program.h>
#include <backplane/host.h>

static gint stderr_level = BP_LOG_WARNING, terminal; /* atomic */
static gboolean journal;
static BpChannel *log_channel, *console;

static const char *const words[] = { "emergency", "alert", "critical", "error", "warning", "notice", "info", "debug" };

/* systemd says which device and inode its stream is; stderr may have been sent elsewhere since. */
static gboolean stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat info;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && !fstat(STDERR_FILENO, &info) &&
	       info.st_dev == device && info.st_ino == inode;
}

BpLogLevel bp_log_stderr(void)
{
	return (BpLogLevel)g_atomic_int_get(&stderr_level);
}

void bp_log_set_stderr(BpLogLevel level)
{
	g_atomic_int_set(&stderr_level, (gint)level);
}

void bp_log_set_terminal(gboolean on)
{
	g_atomic_int_set(&terminal, on);
}

static void on_bus_warning(const char *text)
{
	bp_log(bp_kernel(), BP_LOG_WARNING, "%s", text);
}

void log_start(void)
{
	static const BpChannelOptions options = { .replay = 200, .log = TRUE };

	output_set_up(TRUE);
	journal = stderr_is_journal();
	console = bp_channel(bp_kernel(), "console");
	log_channel = bp_channel(bp_kernel(), "log");
	bp_channel_set_options(bp_channel(bp_kernel(), "problems"), &(BpChannelOptions){ .replay = 50, .log = TRUE });
	bp_channel_set_options(log_channel, &options);
	bp_channel_set_options(console, &(BpChannelOptions){ .log = TRUE });
	bus_warning = on_bus_warning;
}

void log_stop(void)
{
	bus_warning = NULL;
	log_channel = console = NULL;
	output_set_up(FALSE);
}

static void to_stderr(BpLogLevel level, const char *name, const char *text)
{
	g_autofree char *line = journal ? g_strdup_printf("<%d>%s: %s\n", level, name, text)
					: g_strdup_printf("backplane: %s: %s%s%s\n", name,
							  level <= BP_LOG_WARNING ? words[level] : "",
							  level <= BP_LOG_WARNING ? ": " : "", text);

	output_error(line);
}

void bp_crash_log(BpLogLevel level, const char *text)
{
	struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[2048] = "";

	if (journal) {
		frame_append(line, sizeof(line), "<");
		frame_append_number(line, sizeof(line), level, 10);
		frame_append(line, sizeof(line), ">kernel: ");
	} else {
		frame_append(line, sizeof(line), "backplane: kernel: ");
		frame_append(line, sizeof(line), words[level]);
		frame_append(line, sizeof(line), ": ");
	}
	frame_append(line, sizeof(line) - 1, text);
	line[strlen(line)] = '\n';
	if (poll(&fd, 1, 0) == 1 && write(STDERR_FILENO, line, strnlen(line, sizeof(line))) < 0)
		return; /* nothing else can report it */
}

/* The warning about a loop of messages must not be dropped by the hop limit; since both channels are logs, it cannot cause a loop itself. */
static void say(BpChannel *channel, BpMessage *take_message)
{
	take_message->hops = 0;
	bp_channel_send_take(channel, take_message);
}

void bp_log(BpPlugin *self, BpLogLevel level, const char *format, ...)
{
	const char *name = self ? bp_plugin_name(self) : "kernel";
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	if (!log_channel) {
		to_stderr(level, name, text);
		return;
	}
	say(log_channel, bp_message_printf("%s: %s: %s", words[CLAMP(level, 0, 7)], name, text));
	if (level <= BP_LOG_NOTICE)
		say(console, bp_message_printf("%s: %s", name, text));
	if ((gint)level <= g_atomic_int_get(&stderr_level) && !g_atomic_int_get(&terminal))
		to_stderr(level, name, text);
}
