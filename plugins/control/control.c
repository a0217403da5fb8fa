/* SPDX-License-Identifier: MIT */
/* control.c - module ControlServer: the Unix socket by which `backplane -x` reaches a running instance. */
#include <backplane/control.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <backplane/backplane.h>
#include <backplane/kernel.h>
#include <backplane/net.h>
#include <backplane/sessions.h>
#include "place.h"

#define HEADER_LIMIT 256
#define RESERVE 8				  /* descriptors that are kept free for clients */
#define LOOK_SOON (200 * G_TIME_SPAN_MILLISECOND) /* whoever deletes the socket may be deleting its folder too */
#define LOOK_AGAIN (5 * G_TIME_SPAN_SECOND)

static const char manual[] =
	"Module ControlServer listens at the Unix socket by which `backplane -x COMMAND` reaches a running instance;\n"
	"`backplane -x` alone attaches a console to it. Only the user that runs it, and root, are served: the socket has mode 0600, the\n"
	"peer is asked for, and no folder on the way to it may be changed by another user. `bind` is its path; where that begins with\n"
	"no /, it is control in $RUNTIME_DIRECTORY, or backplane/control in $XDG_RUNTIME_DIR or /tmp/backplane-UID. A socket that is\n"
	"deleted is made again, with a warning. Eight descriptors are kept for its clients, so that they are served when the others\n"
	"are used up.\n";

typedef struct {
	BpInstance *self;
	BpServer *server; /* NULL: it does not listen now */
	char *path;
	struct stat file; /* of the socket that is ours */
	int notify;	  /* inotify */
	BpFd *source;
	BpTimer *look;
	gboolean missed; /* a warning that it is not there has been logged */
} ControlServer;

typedef struct {
	BpInstance *server;
	BpStream *stream;
	BpSession *session;
	GString *pending; /* header, or part of a frame */
	gboolean attached;
	gboolean ending; /* the session has ended, and the queue is being sent */
	gboolean script; /* what is said at the end of the host is no output */
	gboolean parted; /* and that has been marked */
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

	if (client->script && bp_kernel_is_quitting() && !client->parted) {
		client->parted = TRUE;
		bp_stream_write(client->stream, "", 1);
	}
	if (bp_stream_write(client->stream, data, size) != BP_SENT)
		bp_session_set_writable(session, FALSE);
}

/* A line that is too long ends a session too. Who has typed `quit` has succeeded, but not a script that waited for something. */
static gboolean has_failed(const ControlClient *client, const BpSession *session, BpEnd why)
{
	return bp_session_failed(session) || why == BP_END_TIMEOUT || why == BP_END_LIMIT || why == BP_END_KILLED ||
	       why == BP_END_ERROR || (why == BP_END_SHUTDOWN && client->script);
}

static void link_end(BpPlugin *self, BpSession *session, BpEnd why, gpointer user)
{
	ControlClient *client = user;
	char status[16];

	client->session = NULL;
	if (!client->attached) {
		int size = g_snprintf(status, sizeof(status), "%c%d", 0, has_failed(client, session, why) ? 1 : 0);

		bp_stream_write(client->stream, status, (gsize)size);
	}
	/* A reader that pauses (`backplane -x ... | less`) may take as long as it likes: the time limit of a close begins when all is
	 * sent. With this limit, `drained` is called when the queue is empty. */
	bp_stream_set_backlog(client->stream, 2, BP_BACKLOG_CLOSE);
	client->ending = !bp_stream_has_room(client->stream) && why != BP_END_SHUTDOWN;
	if (!client->ending)
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
	client->script = g_strrstr_len(header, (gssize)strcspn(header, "\n"), CONTROL_SCRIPT) != NULL;
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
	else if (!client->ending)
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
	else if (client->ending)
		bp_stream_close(stream);
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

/* --- the socket --- */

static gboolean listen_at(ControlServer *control, GError **error)
{
	static const BpServerEvents events = { .size = sizeof(events), .accept = on_accept };
	g_autofree char *folder = g_path_get_dirname(control->path), *doubt = NULL;
	BpServerOptions options = bp_server_options(control->self);

	options.bind = control->path;
	options.reserve = RESERVE;
	if (g_mkdir_with_parents(folder, 0700) < 0)
		doubt = g_strdup_printf("the folder %s cannot be made: %s", folder, g_strerror(errno));
	else
		doubt = control_doubt(control->path, geteuid());
	if (doubt) {
		g_set_error(error, BP_IO_ERROR, BP_NOT_PERMITTED, "%s is not used: %s", control->path, doubt);
		return FALSE;
	}
	control->server = bp_server_open(control->self, &options, "server-control", &events, control->self, error);
	if (!control->server)
		return FALSE;
	if (lstat(control->path, &control->file) < 0)
		memset(&control->file, 0, sizeof(control->file));
	inotify_add_watch(control->notify, control->path, IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF);
	return TRUE;
}

static gboolean is_there(const ControlServer *control)
{
	struct stat info;

	return control->server && !lstat(control->path, &info) && info.st_dev == control->file.st_dev &&
	       info.st_ino == control->file.st_ino;
}

static void look(BpPlugin *self, gpointer data);

static void look_in(ControlServer *control, gint64 interval)
{
	bp_timer_once(&control->look, control->self, interval, look, control);
}

static void look(BpPlugin *self, gpointer data)
{
	ControlServer *control = data;
	g_autoptr(GError) error = NULL;

	if (is_there(control))
		return;
	if (control->server)
		bp_server_close(g_steal_pointer(&control->server));
	if (listen_at(control, &error)) {
		bp_log(self, BP_LOG_WARNING, "the control socket %s was deleted; it has been made again",
		       control->path);
		control->missed = FALSE;
		return;
	}
	bp_instance_set_state(control->self, BP_STATE_FAILED, "backplane -x does not reach this instance: %s",
			      error->message);
	if (!control->missed)
		bp_log(self, BP_LOG_WARNING,
		       "the control socket %s was deleted; backplane -x does not reach this instance: %s",
		       control->path, error->message);
	control->missed = TRUE;
	look_in(control, LOOK_AGAIN);
}

static void on_notify(BpPlugin *self, int fd, BpEvents events, gpointer data)
{
	ControlServer *control = data;
	char buffer[4096];

	while (read(fd, buffer, sizeof(buffer)) > 0)
		;
	if (!control->look)
		look_in(control, LOOK_SOON);
}

static gboolean open_control(BpInstance *self, GError **error)
{
	ControlServer *control = bp_instance_data(self);
	const char *bind = bp_instance_string(self, "bind");

	control->self = self;
	control->path = *bind == '/' ? g_strdup(bind) : control_place();
	control->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (listen_at(control, error)) {
		if (control->notify >= 0)
			control->source = bp_fd_add(self, control->notify, BP_IN, on_notify, control, NULL);
		return TRUE;
	}
	if (control->notify >= 0)
		close(control->notify);
	g_free(control->path);
	return FALSE;
}

static void close_control(BpInstance *self)
{
	ControlServer *control = bp_instance_data(self);

	if (control->source)
		bp_fd_remove(control->source);
	if (control->notify >= 0)
		close(control->notify);
	g_free(control->path);
}

static const BpParam params[] = {
	{ "port", .type = BP_INT, .fallback = "0", .hidden = TRUE },
	{ .include = bp_server_params },
	{ NULL },
};

static const BpModule modules[] = {
	{ "ControlServer", .help = "the Unix socket of backplane -x", .params = params, .size = sizeof(ControlServer),
	  .open = open_control, .close = close_control },
	{ NULL },
};

BP_PLUGIN(.name = "control", .version = "1.0", .summary = "The socket of backplane -x", .manual = manual,
	  .modules = modules);
