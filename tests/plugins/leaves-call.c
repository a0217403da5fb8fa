/* SPDX-License-Identifier: MIT */
/* leaves-call.c - begins to read, and is not held until that returns: it does so when the plugin has gone. */
#include <gio/gio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <backplane/backplane.h>

static int ends[2];
static char byte;
static GSocketConnection *kept;

static void on_read(GObject *stream, GAsyncResult *result, gpointer data)
{
	BpPlugin *self = data;

	if (g_input_stream_read_finish(G_INPUT_STREAM(stream), result, NULL) == 1)
		bp_log(self, BP_LOG_WARNING, "the call came back with %c", byte);
	g_clear_object(&kept);
}

static gboolean load(BpPlugin *self, GError **error)
{
	g_autoptr(GSocketConnection) connection = NULL;
	g_autoptr(GSocket) socket = NULL;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 || !(socket = g_socket_new_from_fd(ends[0], error)))
		return FALSE;
	connection = g_socket_connection_factory_create_connection(socket);
	g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(connection)), &byte, 1, G_PRIORITY_DEFAULT,
				  NULL, on_read, self);
	kept = g_steal_pointer(&connection);
	return TRUE;
}

static void unload(BpPlugin *self)
{
	if (write(ends[1], "x", 1) == 1)
		close(ends[1]);
}

BP_PLUGIN(.name = "leaves-call", .version = "1.0", .load = load, .unload = unload);
