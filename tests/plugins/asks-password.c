/* SPDX-License-Identifier: MIT */
/* asks-password.c - handler "door": a name, a password that nobody may see, then every line again; a setting that is secret. */
#include <string.h>
#include <backplane/backplane.h>

typedef struct {
	gboolean named, inside;
} Door;

static gboolean line(BpPlugin *self, BpSession *session, const char *text, gsize size)
{
	Door *door = bp_session_data(session);

	if (door->inside) {
		bp_session_printf(session, "heard %s", text);
	} else if (door->named) {
		bp_session_set_echo(session, TRUE);
		bp_session_set_prompt(session, "> ");
		bp_session_print(session, strcmp(text, "open sesame") == 0 ? "welcome" : "wrong");
		door->inside = TRUE;
	} else {
		bp_session_set_echo(session, FALSE);
		bp_session_set_prompt(session, "password: ");
		door->named = TRUE;
	}
	return TRUE;
}

static const BpHandler handlers[] = {
	{ "door", .help = "asks for a password", .prompt = "name: ", .size = sizeof(Door), .line = line },
	{ NULL },
};

static const BpParam settings[] = {
	{ "api_key", .secret = TRUE, .help = "of a service" },
	{ NULL },
};

static gboolean load(BpPlugin *self, GError **error)
{
	bp_setting_declare(self, bp_context("/"), settings);
	return TRUE;
}

BP_PLUGIN(.name = "asks-password", .version = "1.0", .summary = "A handler that hides what is typed",
	  .handlers = handlers, .load = load);
