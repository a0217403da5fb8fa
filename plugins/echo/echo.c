/* SPDX-License-Identifier: MIT */
/* echo.c - says again what it hears: a handler for people, a module for bytes. */
#include <backplane/backplane.h>

static const char manual[] =
	"Handler `echo` answers each line with \"Echo: LINE\"; it knows help, info and quit. Module Echo watches the\n"
	"channel recv of another instance (`on`) and sends each message back to whoever sent it.\n"
	"\n"
	"  serve echo --transport telnet --port 8000\n"
	"\n"
	"  tcp listen 7000 bench\n"
	"  module open Echo e on=bench\n";

/* --- the handler --- */

typedef struct {
	guint lines;
} EchoSession;

static void echo_welcome(BpPlugin *self, BpSession *session)
{
	bp_session_print(session, "Welcome to the Echo Server!");
	bp_session_print(session, "-------------------------");
	bp_session_print(session, "Type 'help' for available commands.");
	bp_session_print(session, "Type 'quit' to disconnect.");
}

static void print_help(BpSession *session)
{
	bp_session_print(session, "Available commands:");
	bp_session_print(session, "  help          this list");
	bp_session_print(session, "  info          what is known of this connection");
	bp_session_print(session, "  quit          ends it; exit and q too");
	bp_session_print(session, "Anything else is said again.");
}

static void print_info(BpSession *session)
{
	EchoSession *echo = bp_session_data(session);
	const char *terminal = bp_session_terminal(session);
	guint columns, rows;

	bp_session_size(session, &columns, &rows);
	bp_session_printf(session, "Connection: %s over %s", bp_session_peer(session), bp_session_transport(session));
	bp_session_printf(session, "Terminal: %s, Size: %ux%u", *terminal ? terminal : "unknown", columns, rows);
	bp_session_printf(session, "Lines: %u", echo->lines);
}

static gboolean is_word(const char *line, const char *word)
{
	return g_ascii_strcasecmp(line, word) == 0;
}

static gboolean echo_line(BpPlugin *self, BpSession *session, const char *line, gsize size)
{
	EchoSession *echo = bp_session_data(session);

	echo->lines++;
	if (is_word(line, "quit") || is_word(line, "exit") || is_word(line, "q"))
		bp_session_end(session, BP_END_HANDLER, "Goodbye!");
	else if (is_word(line, "help"))
		print_help(session);
	else if (is_word(line, "info"))
		print_info(session);
	else
		bp_session_printf(session, "Echo: %s", line);
	return TRUE;
}

static const BpHandler handlers[] = {
	{ "echo", .help = "says every line again", .prompt = "> ", .size = sizeof(EchoSession), .welcome = echo_welcome,
	  .line = echo_line },
	{ NULL },
};

/* --- the module --- */

typedef struct {
	gboolean heard;
} Echo;

static void set_state(BpInstance *self)
{
	const char *on = bp_instance_string(self, "on");
	gboolean there = bp_instance_find(on) != NULL;

	bp_instance_set_state(self, there ? BP_STATE_OK : BP_STATE_WAITING,
			      there ? "answers %s" : "there is no instance %s yet", on);
}

static void on_message(BpPlugin *self, BpMessage *message, gpointer data)
{
	Echo *echo = bp_instance_data(self);

	if (G_UNLIKELY(!echo->heard))
		set_state(self);
	echo->heard = TRUE;
	bp_message_reply(message, bp_message_data(message), bp_message_size(message));
}

static gboolean open_echo(BpInstance *self, GError **error)
{
	g_autofree char *name = g_strconcat(bp_instance_string(self, "on"), "/recv", NULL);

	if (!bp_channel_check_name(name, error))
		return FALSE;
	bp_channel_watch(self, bp_channel(self, name), on_message, NULL, NULL);
	set_state(self);
	return TRUE;
}

static const BpParam params[] = {
	{ "on", .type = BP_STRING, .names = BP_AN_INSTANCE, .required = 1,
	  .help = "the instance whose recv is answered" },
	{ NULL },
};

static const BpModule modules[] = {
	{ "Echo", .help = "sends each message of another instance's recv back to its sender", .params = params,
	  .size = sizeof(Echo), .open = open_echo },
	{ NULL },
};

BP_PLUGIN(.name = "echo", .version = "1.0", .summary = "Says again what it hears", .manual = manual, .modules = modules,
	  .handlers = handlers);
