/* SPDX-License-Identifier: MIT */
/* access.c - users, tokens and login. */
#include <backplane/registry.h>
#include "access.h"

static const char manual[] =
	"Users have a name, a password and a role: observer looks, operator opens and sends, admin loads code and changes\n"
	"access. Tokens are for programs. As long as there are none, whoever reaches a server is admin; as soon as there is\n"
	"one, each server with auth=auto asks who it is. The terminal and backplane -x are admin always.\n"
	"\n"
	"  user add ann admin\n"
	"  token create ci observer --expires 30d\n"
	"  access test ann plugin load\n";

BpPlugin *access_plugin;

static const BpAccess table = {
	.size = sizeof(table),
	.is_needed = users_are_needed,
	.check = verify_password,
	.token = token_match,
	.remember = token_remember,
	.forget = token_forget,
	.find = subject_find,
	.greet = login_greet,
	.note = audit_note,
};

/* After everything that uses them has ended. */
static void clear(gpointer data)
{
	verify_clear();
	login_clear();
	users_clear();
}

static gboolean load(BpPlugin *self, GError **error)
{
	access_plugin = self;
	users_init();
	verify_init();
	login_init();
	bp_plugin_defer_undo(self, clear, NULL);
	file_load();
	return bp_registry_add(self, BP_ACCESS, &table, error) && audit_load(self, error);
}

static void unload(BpPlugin *self)
{
	verify_stop();
}

BP_PLUGIN(.name = "access", .version = "1.0", .summary = "Users, tokens and login", .manual = manual,
	  .commands = access_commands, .handlers = access_handlers, .load = load, .unload = unload);
