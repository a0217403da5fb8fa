/* SPDX-License-Identifier: MIT */
/* lua-commands.c - lua run, list, stop, restart, eval. */
#include "lua-main.h"
#include <string.h>
#include <backplane/host.h>

#define LONG_START (G_USEC_PER_SEC / 2) /* after which `lua run` does not wait for the main chunk any more */

/* --- lua run --- */

/* "blink" of "samples/blink.lua". */
static char *name_of(const char *file)
{
	char *name = g_path_get_basename(file);

	if (g_str_has_suffix(name, ".lua"))
		name[strlen(name) - 4] = '\0';
	return g_strcanon(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", '-');
}

static BpValues *values_of(BpCall *call, GError **error)
{
	static const char *const same[] = { "memory", "turn",	 "restart", "reload",
					    "role",   "run-for", "unsafe",  "insecure" };
	g_autoptr(BpValues) values = bp_values_new(bp_module_find("Script")->params);

	for (const char *const *arg = bp_call_list(call, "args"); *arg; arg++)
		if (!bp_values_set(values, "args", *arg, error))
			return NULL;
	for (guint i = 0; i < G_N_ELEMENTS(same); i++) {
		const BpParam *param = bp_param_find(bp_values_table(bp_call_values(call)), same[i]);
		g_autofree char *number = NULL;
		const char *text = NULL;

		if (!bp_call_has(call, same[i]) && strcmp(same[i], "restart"))
			continue;
		if (param->type == BP_BOOL)
			text = bp_call_bool(call, same[i]) ? "yes" : "no";
		else if (param->type == BP_BYTES)
			text = number = g_strdup_printf("%" G_GINT64_FORMAT, bp_call_int(call, same[i]));
		else if (param->type == BP_DURATION)
			text = number = g_strdup_printf("%" G_GINT64_FORMAT "ms",
							bp_call_duration(call, same[i]) / 1000);
		else
			text = bp_call_string(call, same[i]);
		if (!bp_values_set(values, strcmp(same[i], "run-for") ? same[i] : "run_for", text, error))
			return NULL;
	}
	if (!bp_values_set(values, "file", bp_call_string(call, "file"), error))
		return NULL;
	return g_steal_pointer(&values);
}

static void on_output(BpPlugin *self, BpMessage *message, gpointer data)
{
	bp_call_print(data, bp_message_data(message));
}

static void on_long_start(BpPlugin *self, gpointer data)
{
	pending_has_begun(data);
}

void script_open_for(PendingCall *pending)
{
	g_autofree char *name = g_steal_pointer(&pending->name);
	BpCall *call = pending->call;
	GError *error = NULL;
	Script *script;
	BpInstance *instance = call ? bp_module_open("Script", name, "/", g_steal_pointer(&pending->values), &error)
				    : NULL;

	if (!instance) {
		pending_end(pending, error);
		return;
	}
	script = bp_instance_data(instance);
	pending->begins = !pending->closes;
	script_ask(script, pending);
	if (pending->closes)
		bp_channel_watch(bp_call_scope(call), script->channel, on_output, call, NULL);
	else
		bp_timer_add(bp_call_scope(pending->call), NULL, LONG_START, 1, on_long_start, pending, NULL);
}

/* A script of that name that has ended makes room. */
static gboolean run_run(BpPlugin *self, BpCall *call, GError **error)
{
	g_autofree char *name = bp_call_has(call, "name") ? g_strdup(bp_call_string(call, "name"))
							  : name_of(bp_call_string(call, "file"));
	BpInstance *instance = bp_instance_find(name);
	Script *script = instance ? script_named(name, NULL) : NULL;
	BpValues *values;
	PendingCall *pending;

	if (instance && !script)
		return bp_fail(error, BP_EXISTS, "%s is the name of another instance; give --name", name);
	if (script && (script->run || bp_backoff_left(script->again) >= 0 || script->closing))
		return bp_fail(error, BP_BUSY, "%s runs already; lua restart %s, or give --name", name, name);
	values = values_of(call, error);
	if (!values)
		return FALSE;
	pending = pending_new(call);
	pending->closes = bp_call_bool(call, "until-idle");
	pending->name = g_steal_pointer(&name);
	pending->values = values;
	if (script)
		script_close_for(script, pending);
	else
		script_open_for(pending);
	return TRUE;
}

/* --- the others --- */

static gboolean run_list(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) list = bp_instance_list("Script");
	BpTable *table = bp_table_new("Name", "State", ">Memory", ">CPU", ">Waits", "Last error", NULL);

	for (guint i = 0; i < list->len; i++) {
		Script *script = bp_instance_data(list->pdata[i]);
		g_autofree char *text = script_error(script);
		g_autofree char *memory = g_format_size_full(__atomic_load_n(&script->memory, __ATOMIC_RELAXED),
							     G_FORMAT_SIZE_IEC_UNITS);

		text[strcspn(text, "\n")] = '\0';
		bp_table_row(table, "%s\t%s\t%s\t%.2f s\t%d\t%s", bp_plugin_name(script->self), script_state(script),
			     memory, bp_plugin_cpu(script->self), g_atomic_int_get(&script->keeps), text);
		if (*text)
			bp_table_style(table, 1, script->run ? BP_WARN : BP_BAD);
	}
	bp_call_table(call, table);
	if (!list->len)
		bp_call_styled(call, BP_DIM, "none; lua run FILE runs one");
	return TRUE;
}

static gboolean run_stop(BpPlugin *self, BpCall *call, GError **error)
{
	Script *script = script_named(bp_call_string(call, "name"), error);

	if (script)
		script_stop(script, FALSE);
	return !!script;
}

static gboolean run_restart(BpPlugin *self, BpCall *call, GError **error)
{
	Script *script = script_named(bp_call_string(call, "name"), error);

	return script && script_restart(script, error);
}

static gboolean run_eval(BpPlugin *self, BpCall *call, GError **error)
{
	Script *script = script_named(bp_call_string(call, "name"), error);

	return script && eval_start(script, call, bp_call_string(call, "code"), error);
}

static const BpParam run_params[] = {
	{ "file", .kind = BP_ARGUMENT, .required = 1, .names = BP_A_FILE, .help = "the script" },
	{ "args", .kind = BP_ARGUMENT, .many = 1, .help = "its arguments: arg[1], arg[2], ..." },
	{ "name", 'n', .help = "of the instance; that of the file if left out" },
	{ "until-idle", 'u', BP_BOOL, .fallback = "no",
	  .help = "print its output here, wait for its end, and fail if it fails" },
	{ "memory", 'm', BP_BYTES, .min = 262144, .max = 17179869184, .help = "at most; 64M if left out" },
	{ "turn", 't', BP_DURATION, .min = 0.01, .max = 86400, .help = "longest turn; 10s if left out" },
	{ "restart", 'r', BP_CHOICE, .choices = "always|on-failure|never", .fallback = "never",
	  .help = "when it has ended" },
	{ "reload", .type = BP_CHOICE, .choices = "no|on-change", .fallback = "no",
	  .help = "start it again when its file was saved" },
	{ "role", .type = BP_CHOICE, .choices = "observer|operator|admin", .fallback = "observer",
	  .help = "of the commands that it runs" },
	{ "run-for", .type = BP_DURATION, .min = 0, .max = 31536000,
	  .help = "end it after this time, which is no failure" },
	{ "unsafe", .type = BP_BOOL, .fallback = "no", .help = "with io and os.execute" },
	{ "insecure", .type = BP_BOOL, .fallback = "no", .help = "its servers may listen beyond this machine" },
	{ NULL },
};

static const BpParam name_params[] = {
	{ "name", .kind = BP_ARGUMENT, .required = 1, .names = BP_AN_INSTANCE, .help = "the script" },
	{ NULL },
};

static const BpParam eval_params[] = {
	{ .include = name_params },
	{ "code", .kind = BP_ARGUMENT, .type = BP_REST, .required = 1, .help = "an expression or statements" },
	{ NULL },
};

const BpCommand lua_commands[] = {
	{ "lua eval", .example = "lua eval blink count + 1", .help = "run code in a script and show its results",
	  .manual =
		  "The code runs in the script's loop, between its callbacks, as a coroutine that may wait. An expression is\n"
		  "evaluated; several results are parted by blanks. Ctrl-C leaves it running and forgets its result.\n",
	  .params = eval_params, .run = run_eval, .role = BP_ADMIN },
	{ "lua list", .help = "scripts: state, memory, processor time, what they wait for, last error",
	  .run = run_list },
	{ "lua restart", .help = "end a script and start it again", .params = name_params, .run = run_restart,
	  .role = BP_OPERATOR },
	{ "lua run", .example = "lua run blink.lua", .help = "run a script",
	  .manual =
		  "The script becomes an instance of the module Script, named after its file. A script of that name that has ended\n"
		  "makes room for it. The command ends when the script waits for something or has ended, or after half a second;\n"
		  "with --until-idle when the script has ended, and then the instance is closed.\n"
		  "\n"
		  "  lua run blink.lua 3               what it prints is on the channel script-blink\n"
		  "  lua run test.lua --until-idle     prints here, and fails if the script fails: for backplane -e\n"
		  "  lua run test.lua -u --run-for 10  the same, for at most ten seconds\n"
		  "  lua run driver.lua --restart on-failure --reload on-change\n",
	  .params = run_params, .run = run_run, .role = BP_ADMIN },
	{ "lua stop", .help = "end a script", .params = name_params, .run = run_stop, .role = BP_OPERATOR },
	{ NULL },
};
