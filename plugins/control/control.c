/* SPDX-License-Identifier: MIT */
/* control.c - module ControlServer: the Unix socket by which `backplane -x` reaches a running instance. */
#include <backplane/control.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <backplane/backplane.h>
#include <backplane/net.h>
#include <backplane/sessions.h>

#define HEADER_LIMIT 256

static const char manual[] =
	"Module ControlServer listens at the Unix socket by which `backplane -x COMMAND` reaches a running instance;\n"
	"`backplane -x` alone attaches a console to it. Only the user that runs it, and root, are served: the socket has mode 0600, and the peer is\n"
	"asked for.\n";

typedef struct {
	BpInstance *server;
	BpStream *stream;
	BpSession *session;
	GString *pending; /* header, or part of a frame */
	gboolean attached;
} ControlClient;

static const BpSessionLink control_link;

static void client_free(ControlClient *client)
{
	g_string_free(client->pending, TRUE);
	g_free(client);
}

static void link_send(BpPlugin *self, BpSession *session, gconstpointer data, gsize size, gboolean text, gpointer user)
{
	ControlClient *client = user;

	if (bp_stream_write(client->stream, data, size) != BP_SENT)
		bp_session_set_writable(session, FALSE);
}

static void link_end(BpPlugin *self, BpSession *session, BpEnd why, gpointer user)
{
	ControlClient *client = user;
	char status[16];

	client->session = NULL;
	if (!client->attached) {
		int size = g_snprintf(status, sizeof(status), "%c%d", 0, bp_session_failed(session) ? 1 : 0);

		bp_stream_write(client->stream, status, (gsize)size);
	}
	bp_stream_close(client->stream);
}

static void link_input(BpPlugin *self, BpSession *session, gboolean on, gpointer user)
{
	bp_stream_set_reading(((ControlClient *)user)->stream, on);
}

static const BpSessionLink control_link = {
	.size = sizeof(control_link), .name = "control", .send = link_send, .end = link_end, .input = link_input
};

static gboolean is_allowed(BpStream *stream)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return !getsockopt(bp_stream_fd(stream), SOL_SOCKET, SO_PEERCRED, &peer, &size) &&
	       (!peer.uid || peer.uid == geteuid());
}

static void begin(ControlClient *client, const char *header)
{
	BpSessionOptions options = { .handler = bp_handler_find("console"),
				     .link = &control_link,
				     .data = client,
				     .peer = "control",
				     .input = &bp_session_input,
				     .role = BP_ADMIN,
				     .quiet = TRUE };
	guint columns = 0, rows = 0;
	char type[64] = "";
	gboolean attach = sscanf(header, CONTROL_ATTACH, &columns, &rows, type) == 3;

	if (!attach && sscanf(header, CONTROL_RUN, &columns) != 1) {
		bp_stream_close(client->stream);
		return;
	}
	client->attached = options.terminal = attach;
	options.quiet = !attach;
	options.type = type;
	options.columns = columns;
	options.rows = rows;
	client->session = bp_session_open(client->server, &options, NULL);
}

/* A whole frame is taken; gives how many bytes of `at` it had, 0 if its end has not come. */
static gsize take_frame(ControlClient *client, const guint8 *at, gsize size)
{
	gsize length;

	if (size < 3 || size - 3 < (length = (gsize)at[1] << 8 | at[2]))
		return 0;
	if (*at == 'd')
		bp_session_receive(client->session, at + 3, length);
	else if (*at == 'r' && length == 4)
		bp_session_set_size(client->session, (guint)at[3] << 8 | at[4], (guint)at[5] << 8 | at[6]);
	return length + 3;
}

static void take_frames(ControlClient *client)
{
	gsize used = 0, part;

	while (client->session &&
	       (part = take_frame(client, (guint8 *)client->pending->str + used, client->pending->len - used)))
		used += part;
	g_string_erase(client->pending, 0, (gssize)used);
}

static void on_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	ControlClient *client = user;
	const char *end;

	if (client->session && !client->attached) {
		bp_session_receive(client->session, data, size);
		return;
	}
	g_string_append_len(client->pending, (const char *)data, (gssize)size);
	if (!client->session) {
		end = memchr(client->pending->str, '\n', client->pending->len);
		if (!end && client->pending->len > HEADER_LIMIT)
			bp_stream_close(stream);
		if (!end)
			return;
		begin(client, client->pending->str);
		g_string_erase(client->pending, 0, end + 1 - client->pending->str);
	}
	if (!client->session || !client->pending->len)
		return;
	if (client->attached) {
		take_frames(client);
	} else {
		bp_session_receive(client->session, client->pending->str, client->pending->len);
		g_string_truncate(client->pending, 0);
	}
}

static void on_end(BpPlugin *self, BpStream *stream, gpointer user)
{
	ControlClient *client = user;

	if (client->session)
		bp_session_receive_end(client->session);
	else
		bp_stream_close(stream);
}

static void on_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	ControlClient *client = user;
	BpSession *session = g_steal_pointer(&client->session);

	if (session)
		bp_session_end(session, BP_END_PEER, NULL);
	client_free(client);
}

static void on_drained(BpPlugin *self, BpStream *stream, gpointer user)
{
	ControlClient *client = user;

	if (client->session)
		bp_session_set_writable(client->session, TRUE);
}

static void on_accept(BpPlugin *self, BpServer *server, BpStream *stream, gpointer user)
{
	static const BpStreamEvents events = {
		.size = sizeof(events), .data = on_data, .end = on_end, .closed = on_closed, .drained = on_drained
	};
	ControlClient *client;

	if (!is_allowed(stream)) {
		bp_stream_abort(stream, NULL);
		return;
	}
	client = g_new0(ControlClient, 1);
	client->server = user;
	client->stream = stream;
	client->pending = g_string_new(NULL);
	bp_stream_set_user(stream, &events, client);
}

static gboolean open_control(BpInstance *self, GError **error)
{
	static const BpServerEvents events = { .size = sizeof(events), .accept = on_accept };

	return !!bp_server_open(self, NULL, "server-control", &events, self, error);
}

static const BpParam params[] = {
	{ "port", .type = BP_INT, .fallback = "0", .hidden = TRUE },
	{ .include = bp_server_params },
	{ NULL },
};

static const BpModule modules[] = {
	{ "ControlServer", .help = "the Unix socket of backplane -x", .params = params, .open = open_control },
	{ NULL },
};

BP_PLUGIN(.name = "control", .version = "1.0", .summary = "The socket of backplane -x", .manual = manual,
	  .modules = modules);
