/* SPDX-License-Identifier: MIT */
/* lua.c - scripts in Lua that drive the host, each with a loop and limits of its own. */
#include "lua-main.h"
#include <string.h>
#include <backplane/context.h>

static const char manual[] =
	"Module Script runs a file in Lua 5.4. It has a thread of its own, so that it stalls nobody, and limits: a turn\n"
	"that takes longer than `turn` is interrupted; beyond `memory` it gets an error, and ends at the second one.\n"
	"What it prints, and its errors with their tracebacks, are on the channel script-NAME.\n"
	"\n"
	"  lua run blink.lua 3          runs it as `blink`, with arg[1] == \"3\"\n"
	"  lua run test.lua -u          prints its output here and waits for its end\n"
	"  lua list                     state, memory, processor time, what they wait for, last error\n"
	"  lua eval blink count + 1     an expression or statements inside it\n"
	"  lua stop blink; lua restart blink\n"
	"  module open Script blink file=/etc/backplane/blink.lua restart=on-failure\n"
	"\n"
	"Handler lua is a prompt inside a running script, with completion of its globals: serve lua --transport telnet\n"
	"\n"
	"A script ends when nothing is left for which it waits: no timer, watch, command or socket. require finds files\n"
	"beside the script and in the setting lua_path. io, os.execute and files elsewhere need unsafe=yes.\n"
	"It stays in memory when it is unloaded, since it links libsoup, whose types GLib cannot forget.\n"
	"The functions are described in plugins/lua/README.md.\n";

static void close_script(BpInstance *self)
{
	script_close(bp_instance_data(self));
}

static void describe_script(BpInstance *self, GString *text)
{
	Script *script = bp_instance_data(self);
	g_autofree char *error = script_error(script);

	g_string_append_printf(text, "%s, %.1f of %.1f MiB, waits for %d", bp_instance_string(self, "file"),
			       (double)__atomic_load_n(&script->memory, __ATOMIC_RELAXED) / 1048576.,
			       (double)bp_instance_int(self, "memory") / 1048576., g_atomic_int_get(&script->keeps));
	if (*error)
		g_string_append_printf(text, "\nlast error: %s", error);
}

static const BpParam settings[] = {
	{ "lua_path", .help = "folders in which scripts find modules, separated by :", .fallback = "" },
	{ NULL },
};

static const BpParam params[] = {
	{ "file", .required = 1, .names = BP_A_FILE, .help = "the script" },
	{ "args", .many = 1, .help = "its arguments: arg[1], arg[2], ..." },
	{ "memory", .type = BP_BYTES, .fallback = "64M", .min = 262144, .max = 17179869184, .help = "at most" },
	{ "turn", .type = BP_DURATION, .fallback = "10s", .min = 0.01, .max = 86400, .help = "longest turn" },
	{ "restart", .type = BP_CHOICE, .choices = "always|on-failure|never", .fallback = "on-failure",
	  .help = "when it has ended" },
	{ "restart_after", .type = BP_DURATION, .fallback = "1s", .min = 0.01, .max = 3600,
	  .help = "first pause; doubled each time, up to a minute" },
	{ "reload", .type = BP_CHOICE, .choices = "no|on-change", .fallback = "no",
	  .help = "start it again when its file was saved, if that compiles" },
	{ "path", .fallback = "", .setting = "lua_path", .help = "folders for require beside its own, separated by :" },
	{ "role", .type = BP_CHOICE, .choices = "observer|operator|admin", .fallback = "observer",
	  .help = "of the commands that it runs by bp.run; an operator can open an Exec, and so run programs" },
	{ "run_for", .type = BP_DURATION, .fallback = "0", .max = 31536000,
	  .help = "end it after this time, which is no failure; 0: never" },
	{ "unsafe", .type = BP_BOOL, .fallback = "no", .help = "with io, os.execute and files anywhere" },
	{ "insecure", .type = BP_BOOL, .fallback = "no", .help = "its servers may listen beyond this machine" },
	{ NULL },
};

static const BpModule modules[] = {
	{ "Script", .help = "a file in Lua, with a thread and limits of its own", .params = params,
	  .size = sizeof(Script), .open = script_open, .close = close_script, .describe = describe_script },
	{ NULL },
};

static gboolean load(BpPlugin *self, GError **error)
{
	static const BpRole role = BP_ADMIN;

	bp_setting_declare(self, bp_context("/"), settings);
	return bp_registry_add(self, BP_MODULE_ROLE "Script", &role, error) && script_resources_add(self, error);
}

BP_PLUGIN(.name = "lua", .version = "1.0", .summary = "Scripts in Lua that drive the host", .manual = manual,
	  .commands = lua_commands, .modules = modules, .handlers = lua_handlers, .load = load, .resident = TRUE);
