/* SPDX-License-Identifier: MIT */
/* chat.c - a chat room over telnet, TCP and WebSocket: serve chat --port 7000 */
#include <string.h>
#include <backplane/backplane.h>

typedef struct {
	char name[32]; /* "" until it is given */
} Guest;

static void tell(BpSession *session, const char *format, const char *name, const char *text)
{
	g_autofree char *line = g_strdup_printf(format, name, text);

	bp_session_broadcast(session, line, FALSE);
}

static void welcome(BpPlugin *self, BpSession *session)
{
	bp_session_print(session, "Who are you?");
}

static gboolean is_taken(const char *name)
{
	g_autoptr(GPtrArray) list = bp_session_list();

	for (guint i = 0; i < list->len; i++)
		if (!strcmp(bp_session_handler(list->pdata[i])->name, "chat") &&
		    !strcmp(((Guest *)bp_session_data(list->pdata[i]))->name, name))
			return TRUE;
	return FALSE;
}

static gboolean line(BpPlugin *self, BpSession *session, const char *text, gsize size)
{
	Guest *guest = bp_session_data(session);

	if (*guest->name && !strcmp(text, "/quit"))
		return FALSE;
	if (*guest->name) {
		tell(session, "%s: %s", guest->name, text);
	} else if (!*text || size >= sizeof(guest->name) || is_taken(text)) {
		bp_session_print(session, "That name cannot be had; another one?");
	} else {
		g_strlcpy(guest->name, text, sizeof(guest->name));
		bp_session_printf(session, "Hello, %s. /quit leaves.", guest->name);
		tell(session, "%s has come.%s", guest->name, "");
	}
	return TRUE;
}

static void leave(BpPlugin *self, BpSession *session, BpEnd why)
{
	Guest *guest = bp_session_data(session);

	if (*guest->name)
		tell(session, "%s has left.%s", guest->name, "");
}

static const BpHandler handlers[] = {
	{ "chat", .help = "a chat room", .prompt = "> ", .size = sizeof(Guest), .welcome = welcome, .line = line,
	  .close = leave },
	{ NULL },
};

BP_PLUGIN(.name = "chat", .version = "1.0", .summary = "A chat room", .handlers = handlers);
