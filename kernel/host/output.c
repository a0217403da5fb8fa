/* SPDX-License-Identifier: MIT */
/* output.c - stdout and stderr. Both may be pipes that nobody reads: a thread writes to each, from a bounded queue. */
#include "host/output.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <backplane/channel.h>
#include "loop/file.h"

#define OUTPUT_BACKLOG (16 * 1024 * 1024)
#define ERROR_BACKLOG (256 * 1024)
#define MOMENT (500 * G_TIME_SPAN_MILLISECOND)

static BpFile *output;
static gboolean is_gone; /* its reader, as with `| head` */
static BpFile *errors; /* made at the first start, and kept */

void output_start(void)
{
	if (!errors)
		errors = file_start_fd(NULL, STDERR_FILENO, ERROR_BACKLOG, NULL, NULL);
}

void output_error(const char *text)
{
	if (errors)
		bp_file_send(errors, text, strlen(text));
	else
		fputs(text, stderr);
}

static void on_output(BpPlugin *self, BpFile *file, BpFileEvent event, const GError *error, gpointer data)
{
	if (event == BP_FILE_DRAINED)
		bp_channel_print(bp_channel(self, BP_SIGNALS), "STDOUT");
	else if (event == BP_FILE_CLOSED)
		is_gone = TRUE;
}

gboolean bp_stdout_write(gconstpointer data, gsize size)
{
	if (!output)
		output = file_start_fd(bp_kernel(), STDOUT_FILENO, OUTPUT_BACKLOG, on_output, NULL);
	return !output || bp_file_send(output, data, size);
}

void bp_output_lost(guint64 *pieces, guint64 *lines)
{
	*pieces = output ? bp_file_stats(output).lost : 0;
	*lines = errors ? bp_file_stats(errors).lost : 0;
}

void output_flush_errors(void)
{
	if (errors)
		file_flush(errors, MOMENT);
}

void output_end(gboolean at_once)
{
	if (output && !is_gone && (!file_flush(output, at_once ? MOMENT : -1) || bp_file_stats(output).lost))
		output_error("backplane: not all output was written: nobody reads stdout\n");
	g_clear_pointer(&output, file_unref);
	output_flush_errors();
}
