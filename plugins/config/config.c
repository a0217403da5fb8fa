/* SPDX-License-Identifier: MIT */
/* config.c - the configuration file at work: read at the start, read again by `config reload` or SIGHUP. What reads, checks and
 * compares it is the library config. */
#include <string.h>
#include <backplane/backplane.h>
#include <backplane/config.h>
#include <backplane/kernel.h>
#include <backplane/net.h>
#include "config-plugin.h"

static const char manual[] =
	"`backplane -c FILE` opens what a configuration file says; data/backplane.yaml explains the file. While the\n"
	"program runs, `config diff` shows what a reload would change, `config reload` (or SIGHUP) does it, all or\n"
	"nothing. `serve` does for one handler what the section `servers:` does; `settings export` and `settings\n"
	"import` copy the settings to a file and back.\n";

static void print_lines(BpCall *call, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (guint i = 0; lines[i]; i++)
		if (*lines[i] || lines[i + 1])
			bp_call_print(call, lines[i]);
}

static BpStyle style_of(char sign)
{
	return sign == '+' ? BP_GOOD : sign == '-' ? BP_BAD : sign == '!' ? BP_WARN : BP_PLAIN;
}

static void print_changes(BpCall *call, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (guint i = 0; lines[i]; i++)
		if (*lines[i])
			bp_call_styled(call, style_of(*lines[i]), "%s", lines[i]);
}

static gboolean find_running(const BpConfig **config, GError **error)
{
	const BpConfig *running = bp_config_running();

	if (!running) {
		g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_FOUND,
			    "no configuration file is in use; start with -c FILE");
		return FALSE;
	}
	*config = running;
	return TRUE;
}

static gboolean run_show(BpPlugin *self, BpCall *call, GError **error)
{
	const BpConfig *config;
	g_autoptr(GString) text = NULL;

	if (!find_running(&config, error))
		return FALSE;
	text = bp_config_describe(config);
	print_lines(call, text->str);
	return TRUE;
}

/* --- check and diff: a job reads the file --- */

static void on_check(BpPlugin *self, const char *text, gsize size, const GError *error, gpointer data)
{
	BpCall *call = data;
	const char *file = bp_call_string(call, "file");
	g_autofree char *name = g_strdup(file ? file : bp_config_file(bp_config_running()));
	GError *why = NULL;
	g_autoptr(BpConfig) config = bp_config_read_result(name, text, size, error, &why);
	g_autofree char *warnings = config && !bp_kernel_is_quitting() ? bp_config_check_only(config, &why) : NULL;

	if (warnings) {
		print_lines(call, warnings);
		bp_call_styled(call, BP_GOOD, "%s is good.", name);
	}
	bp_call_done(call, why);
}

static gboolean run_check(BpPlugin *self, BpCall *call, GError **error)
{
	const char *file = bp_call_string(call, "file");
	const BpConfig *running;

	if ((!file && !find_running(&running, error)) ||
	    !bp_file_read(self, file ? file : bp_config_file(running), CONFIG_READ_MAX, on_check, call, error))
		return FALSE;
	bp_call_hold(call, NULL, NULL);
	return TRUE;
}

static void on_diff(BpPlugin *self, const char *text, gsize size, const GError *error, gpointer data)
{
	g_autoptr(GPtrArray) fresh = g_ptr_array_new_with_free_func(g_free);
	const BpConfig *running = bp_config_running();
	BpCall *call = data;
	GError *why = NULL;
	g_autoptr(BpConfig) file = bp_config_read_result(bp_config_file(running), text, size, error, &why);

	if (file && !bp_kernel_is_quitting() && bp_config_load_plugins(file, fresh, &why) &&
	    bp_config_check(file, &why)) {
		g_autoptr(GString) changes = bp_config_diff(running, file);

		if (changes->len)
			print_changes(call, changes->str);
		else
			bp_call_printf(call, "%s is what is running.", bp_config_file(running));
	}
	bp_config_unload_plugins(fresh);
	bp_call_done(call, why);
}

static gboolean run_diff(BpPlugin *self, BpCall *call, GError **error)
{
	const BpConfig *running;

	if (!find_running(&running, error) ||
	    !bp_file_read(self, bp_config_file(running), CONFIG_READ_MAX, on_diff, call, error))
		return FALSE;
	bp_call_hold(call, NULL, NULL);
	return TRUE;
}

/* --- reload --- */

static BpCall *reloading; /* the call that requested the reload; NULL when it has ended */

static void on_cancel(BpPlugin *self, gpointer data)
{
	BpCall *call = g_steal_pointer(&reloading);

	bp_call_done(call, g_error_new(BP_CONSOLE_ERROR, BP_CANCELLED, "not waited for any more; the reload goes on"));
}

static void on_reloaded(const char *changes, const GError *error, gpointer data)
{
	BpCall *call = g_steal_pointer(&reloading);

	if (!call) {
		if (error)
			bp_log(bp_kernel(), BP_LOG_ERROR, "%s", error->message);
		return;
	}
	if (!error && *changes)
		print_changes(call, changes);
	else if (!error)
		bp_call_print(call, "Nothing has changed.");
	bp_call_done(call, error ? g_error_copy(error) : NULL);
}

static gboolean run_reload(BpPlugin *self, BpCall *call, GError **error)
{
	if (!bp_config_reload(on_reloaded, NULL, error))
		return FALSE;
	reloading = call;
	bp_call_hold(call, on_cancel, NULL);
	return TRUE;
}

/* --- serve --- */

static char *addresses_of(BpInstance *instance)
{
	g_autoptr(GPtrArray) servers = bp_server_list();

	for (guint i = 0; i < servers->len; i++)
		if (bp_server_instance(servers->pdata[i]) == instance)
			return g_strconcat(" on ", bp_server_addresses(servers->pdata[i]), NULL);
	return g_strdup("");
}

static gboolean run_serve(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) pairs = g_ptr_array_new_with_free_func(g_free);
	const char *transport = bp_call_string(call, "transport");
	g_autofree char *where = NULL;
	BpInstance *instance;

	for (const char *const *pair = bp_call_list(call, "params"); *pair; pair++)
		g_ptr_array_add(pairs, g_strdup(*pair));
	if (bp_call_has(call, "port"))
		g_ptr_array_add(pairs, g_strdup_printf("port=%" G_GINT64_FORMAT, bp_call_int(call, "port")));
	g_ptr_array_add(pairs, NULL);
	instance = bp_config_serve(transport, bp_call_string(call, "handler"), bp_call_string(call, "name"),
				   (const char *const *)pairs->pdata, error);
	if (!instance)
		return FALSE;
	where = addresses_of(instance);
	bp_call_styled(call, BP_GOOD, "%s serves %s over %s%s.", bp_plugin_name(instance),
		       bp_instance_string(instance, "handler"), transport, where);
	return TRUE;
}

/* --- tables --- */

static const BpParam check_params[] = {
	{ "file", .kind = BP_ARGUMENT, .names = BP_A_FILE, .help = "the one in use if left out" },
	{ NULL },
};

static const BpParam serve_params[] = {
	{ "handler", .kind = BP_ARGUMENT, .required = 1, .names = BP_A_HANDLER,
	  .help = "what answers: console, echo, ..." },
	{ "params", .kind = BP_ARGUMENT, .many = 1, .help = "key=value, as the transport's module takes them" },
	{ "transport", 't', .fallback = "telnet", .names = BP_A_TRANSPORT, .help = "how it is reached" },
	{ "port", 'p', BP_INT, .min = 0, .max = 65535,
	  .help = "port to listen on; 0 takes a free one; the transport's own if left out" },
	{ "name", 'n', .help = "of the instance; HANDLER-TRANSPORT if left out" },
	{ NULL },
};

static const BpCommand commands[] = {
	{ "config show", .help = "the configuration in use", .run = run_show },
	{ "config check", .help = "check a configuration file, open nothing", .params = check_params, .run = run_check,
	  .role = BP_ADMIN },
	{ "config diff", .help = "what a reload of the configuration would change", .run = run_diff, .role = BP_ADMIN },
	{ "config reload", .help = "read the configuration again, all or nothing", .run = run_reload, .role = BP_ADMIN,
	  .manual =
		  "What has not changed is kept with its connections. If the file is wrong, or something in it does not open,\n"
		  "all stays as it was. SIGHUP does the same.\n" },
	{ "serve", .help = "serve a handler without a configuration file", .params = serve_params, .run = run_serve,
	  .role = BP_ADMIN, .group = "server",
	  .manual = "  serve echo --transport telnet --port 8000\n"
		    "  serve console -t tcp -p 5000 -n lab max_connections=3\n" },
	{ NULL },
};

/* --- what the program asks for, and its signals --- */

static gboolean start(BpPlugin *self, const char *file, gboolean only_check, BpConfigRun run, GError **error)
{
	return bp_config_start(file, only_check, run, error);
}

static const BpConfigLoader loader = { .size = sizeof(loader), .start = start };

#define LOOK (50 * G_TIME_SPAN_MILLISECOND)

static BpTimer *looking; /* until the configuration has been read */
static gboolean wanted;	 /* SIGHUP came: it is to be read, once more if it is being read */

static void look(BpPlugin *self, gpointer data)
{
	g_autoptr(GError) error = NULL;

	if (!bp_config_is_reloading() && !wanted) {
		bp_kernel_notify("READY=1");
		return;
	}
	if (!bp_config_is_reloading()) {
		wanted = FALSE;
		if (!bp_config_reload(NULL, NULL, &error))
			bp_log(self, BP_LOG_ERROR, "%s", error->message);
	}
	bp_timer_once(&looking, self, LOOK, look, NULL);
}

static void on_signal(BpPlugin *self, BpMessage *message, gpointer data)
{
	g_autofree char *state = NULL;

	if (strcmp(bp_message_data(message), "SIGHUP"))
		return;
	state = g_strdup_printf("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time());
	bp_kernel_notify(state);
	wanted = bp_config_running() != NULL;
	if (!wanted)
		bp_log(self, BP_LOG_NOTICE,
		       "SIGHUP: files are opened again; there is no configuration to reload, as none was given with -c");
	if (!looking)
		look(self, NULL);
}

static gboolean load(BpPlugin *self, GError **error)
{
	bp_channel_watch(self, bp_channel(self, BP_SIGNALS), on_signal, NULL, NULL);
	return bp_command_add(self, config_settings_commands, error) &&
	       bp_registry_add(self, "startup/config", &loader, error);
}

BP_PLUGIN(.name = "config", .version = "1.0", .summary = "The configuration file: check, compare, reload",
	  .manual = manual, .commands = commands, .load = load);
