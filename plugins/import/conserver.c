/* SPDX-License-Identifier: MIT */
/* conserver.c - conserver.cf: consoles with their defaults; who may do what, as comments. */
#include <string.h>
#include <unistd.h>
#include "conserver-words.h"
#include "import.h"

typedef struct {
	Import *import;
	GHashTable *defaults; /* name -> values */
	GPtrArray *consoles;
} Reader;

/* What a console or default has. Values are "" where they were unset. */
typedef struct {
	const char *name, *path;
	guint line;
	GHashTable *values;
} Console;

static const char *const console_keys[] = { "access",	   "aliases",	    "baud",	      "break",
					    "breaklist",   "device",	    "devicesubst",    "exec",
					    "execrunas",   "execsubst",	    "host",	      "idlestring",
					    "idletimeout", "include",	    "initcmd",	      "initrunas",
					    "initspinmax", "initspintimer", "initsubst",      "ipmiciphersuite",
					    "ipmikg",	   "ipmiprivlevel", "ipmiworkaround", "logfile",
					    "logfilemax",  "master",	    "motd",	      "options",
					    "parity",	   "password",	    "port",	      "portbase",
					    "portinc",	   "protocol",	    "replstring",     "ro",
					    "rw",	   "tasklist",	    "timestamp",      "type",
					    "uds",	   "udssubst",	    "username",	      NULL };
static const char *const config_keys[] = {
	"autocomplete",	  "defaultaccess",	  "daemonmode",	 "initdelay",	     "logfile",	      "loghostnames",
	"passwdfile",	  "primaryport",	  "redirect",	 "reinitcheck",	     "secondaryport", "setproctitle",
	"sslcredentials", "sslcacertificatefile", "sslrequired", "sslreqclientcert", "unifiedlog",    NULL
};
static const char *const access_keys[] = { "admin", "limited", "allowed", "trusted", "rejected", "include", NULL };
static const char *const break_keys[] = { "string", "delay", "confirm", NULL };
static const char *const task_keys[] = { "cmd", "subst", "runas", "description", "confirm", NULL };
static const char *const group_keys[] = { "users", NULL };

static const struct {
	const char *type;
	const char *const *keys;
} types[] = {
	{ "console", console_keys }, { "default", console_keys }, { "config", config_keys }, { "access", access_keys },
	{ "break", break_keys },     { "task", task_keys },	  { "group", group_keys },
};

static void on_fault(gpointer data, const char *path, guint line, const char *text)
{
	import_fault(data, path, line, "%s", text);
}

static const char *get(const Console *console, const char *key)
{
	const char *value = g_hash_table_lookup(console->values, key);

	return value && *value ? value : NULL;
}

static void copy_values(GHashTable *to, GHashTable *from)
{
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, from);
	while (g_hash_table_iter_next(&iter, &key, &value))
		g_hash_table_insert(to, key, value);
}

static void take_values(Reader *self, const Block *block, GHashTable *values)
{
	for (guint i = 0; i < block->entries->len; i++) {
		Entry *entry = block->entries->pdata[i];
		const char *before = g_hash_table_lookup(values, entry->key);
		guint number;

		if (!strcmp(entry->key, "include")) {
			GHashTable *from = g_hash_table_lookup(self->defaults, entry->value);

			if (from)
				copy_values(values, from);
			else
				import_fault(self->import, block->path, entry->line,
					     "there is no default \"%s\" before this line", entry->value);
			continue;
		}
		if (!strcmp(entry->key, "baud") &&
		    (!parse_number(entry->value, 300, 4000000, &number) || !is_usual_baud(number)))
			import_fault(self->import, block->path, entry->line, "%s is no baud rate", entry->value);
		if (!strcmp(entry->key, "parity") &&
		    !strchr("enmos", g_ascii_tolower(*entry->value ? *entry->value : '?')))
			import_fault(self->import, block->path, entry->line, "%s is no parity", entry->value);
		if (!strcmp(entry->key, "logfilemax") && g_ascii_isdigit(*entry->value) &&
		    parse_number(entry->value, 0, 2047, &number))
			import_fault(self->import, block->path, entry->line, "logfilemax is at least 2048");
		if (before && *before &&
		    (!strcmp(entry->key, "ro") || !strcmp(entry->key, "rw") || !strcmp(entry->key, "options")))
			entry->value = g_strconcat(before, ",", entry->value, NULL); /* later ones add */
		g_hash_table_insert(values, entry->key, entry->value);
	}
}

/* --- what a console becomes --- */

static gboolean has_option(const Console *console, const char *name, gboolean fallback)
{
	g_auto(GStrv) words = g_strsplit_set(get(console, "options") ? get(console, "options") : "", ", \t", -1);
	gboolean is_on = fallback;

	for (char **word = words; *word; word++)
		if (!g_ascii_strcasecmp(*word + (**word == '!'), name))
			is_on = **word != '!';
	return is_on;
}

static gint64 port_number(const Console *console)
{
	const char *base = get(console, "portbase"), *inc = get(console, "portinc"), *port = get(console, "port");

	return (base ? g_ascii_strtoll(base, NULL, 10) : 0) +
	       (inc ? g_ascii_strtoll(inc, NULL, 10) : 1) * (port ? g_ascii_strtoll(port, NULL, 10) : 0);
}

/* With what `key` says, as P=p1d: letter, what stands there, width, form. Yours. */
static char *substituted(const Console *console, const char *text, const char *key)
{
	g_auto(GStrv) rules = g_strsplit(get(console, key) ? get(console, key) : "", ",", -1);
	g_autofree char *port = g_strdup_printf("%" G_GINT64_FORMAT, port_number(console));
	GString *out = g_string_new(NULL);

	for (const char *at = text; *at; at++) {
		char **rule = rules;

		while (*rule && !((*rule)[0] == *at && (*rule)[1] == '=' && (*rule)[2]))
			rule++;
		if (*rule) {
			char kind = (*rule)[2];
			const char *value = kind == 'c'	  ? console->name
					    : kind == 'h' ? get(console, "host")
					    : kind == 'r' ? get(console, "replstring")
					    : kind == 'b' ? get(console, "baud")
					    : kind == 'p' ? get(console, "port")
					    : kind == 'P' ? port
							  : NULL;
			gsize width = (gsize)CLAMP(g_ascii_strtoll(*rule + 3, NULL, 10), 0, 32),
			      size = value ? strlen(value) : 0;

			for (; size < width; size++)
				g_string_append_c(out, g_str_has_suffix(*rule, "s") ? ' ' : '0');
			g_string_append(out, value ? value : "");
		} else {
			g_string_append_c(out, *at);
		}
	}
	return g_string_free(out, FALSE);
}

static void say_rest(const Console *console, Item *item)
{
	static const char *const said[][2] = {
		{ "aliases", "other names of it; alias of the console gives a command one" },
		{ "motd", "shown to who attached; banner of a UARTServer is" },
		{ "timestamp", "marks in the log; uart log --time writes the time of each line" },
		{ "idletimeout", "sent something to the device after that; a timer does: timer" },
		{ "idlestring", "goes with idletimeout" },
		{ "initcmd", "ran at the opening; uart exec runs a program on a port" },
		{ "breaklist", "breaks that may be sent; uart break sends a serial one" },
		{ "break", "the usual break; uart break sends a serial one" },
		{ "tasklist", "commands by a key; endpoint add and alias have such" },
		{ "rw", "who may write; roles of sessions are given at the server" },
		{ "ro", "who may look; roles of sessions are given at the server" },
		{ "username", "of the device behind it" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(said); i++)
		if (get(console, said[i][0]))
			item_note(item, "%s: %s - %s.", said[i][0], get(console, said[i][0]), said[i][1]);
	if (get(console, "options"))
		item_note(item, "options: %s - ixon, ixoff, crtscts and cstopb are taken over.",
			  get(console, "options"));
}

static void take_log(Reader *self, const Console *console, const Item *item)
{
	const char *file = get(console, "logfile"), *most = get(console, "logfilemax");
	g_autoptr(GString) path = g_string_new(file);
	g_autofree char *limit = most ? g_ascii_strup(most, -1) : NULL;

	if (!file)
		return;
	g_string_replace(path, "&", console->name, 0);
	if (!strcmp(item->class, "UART"))
		import_save(self->import, item, "recv", path->str, limit);
	else
		import_command(self->import, "channel save %s/recv -f %s --raw%s%s", item->name, path->str,
			       limit ? " --rotate " : "", limit ? limit : "");
}

static void take_device(Reader *self, const Console *console)
{
	g_autofree char *device = substituted(console, get(console, "device"), "devicesubst");
	Line line = LINE_9600;
	Item *item;

	parse_number(get(console, "baud"), 1, G_MAXUINT, &line.baud);
	line.parity = g_ascii_tolower(*get(console, "parity"));
	line.stop = has_option(console, "cstopb", FALSE) ? 2 : 1;
	line.rtscts = has_option(console, "crtscts", FALSE);
	line.xonxoff = has_option(console, "ixon", TRUE) || has_option(console, "ixoff", TRUE);
	item = import_uart(self->import, console->name, device, &line);
	item_note(item, "Attach to it with: uart term %s. The port is always open, one writes, all may look.",
		  item->name);
	say_rest(console, item);
	take_log(self, console, item);
}

static void take_host(Reader *self, const Console *console)
{
	Item *item = import_item(self->import, console->name, "TCPClient");
	const char *protocol = get(console, "protocol");

	item_set(item, "host", "%s", get(console, "host"));
	item_set(item, "port", "%" G_GINT64_FORMAT, port_number(console));
	if (!protocol || g_ascii_strcasecmp(protocol, "raw"))
		item_note(
			item,
			"protocol: telnet - here bytes as they are. If it speaks RFC 2217, open it as a port: uart open rfc2217://%s:%" G_GINT64_FORMAT
			" %s.",
			get(console, "host"), port_number(console), console->name);
	say_rest(console, item);
	take_log(self, console, item);
}

static gboolean is_here(const char *master)
{
	const char *host = g_get_host_name();

	return !strcmp(master, "localhost") || !strcmp(master, "127.0.0.1") || !strcmp(master, "::1") ||
	       !strcmp(master, host);
}

/* FALSE: something is missing, which is reported. */
static gboolean wants(Reader *self, const Console *console, const char *key)
{
	if (!get(console, key))
		import_fault(self->import, console->path, console->line, "console %s has no %s", console->name, key);
	return get(console, key) != NULL;
}

static void take_console(Reader *self, const Console *console)
{
	const char *type = get(console, "type");
	g_autofree char *exec = NULL;
	gboolean has_all = wants(self, console, "master");

	if (!wants(self, console, "type") || !has_all)
		return;
	if (!is_here(get(console, "master"))) {
		import_note(self->import, "Console %s is not taken over: its master is %s.", console->name,
			    get(console, "master"));
	} else if (!g_ascii_strcasecmp(type, "device")) {
		gboolean has_baud = wants(self, console, "baud"), has_parity = wants(self, console, "parity");

		if (wants(self, console, "device") && has_baud && has_parity)
			take_device(self, console);
	} else if (!g_ascii_strcasecmp(type, "host")) {
		gboolean has_port = wants(self, console, "port");

		if (wants(self, console, "host") && has_port)
			take_host(self, console);
	} else if (!g_ascii_strcasecmp(type, "exec")) {
		exec = substituted(console, get(console, "exec") ? get(console, "exec") : "/bin/sh -i", "execsubst");
		import_note(
			self->import,
			"Console %s is not taken over: it is a program on a terminal, %s. A module Exec keeps a program on channels.",
			console->name, exec);
	} else if (!g_ascii_strcasecmp(type, "uds")) {
		exec = substituted(console, get(console, "uds") ? get(console, "uds") : "", "udssubst");
		import_note(self->import, "Console %s is not taken over: it is the Unix socket %s.", console->name,
			    exec);
	} else if (!g_ascii_strcasecmp(type, "noop") || !g_ascii_strcasecmp(type, "ipmi")) {
		import_note(self->import, "Console %s (%s) is not taken over%s%s.", console->name, type,
			    get(console, "motd") ? ": " : "", get(console, "motd") ? get(console, "motd") : "");
	} else {
		import_fault(self->import, console->path, console->line, "console %s: %s is no type", console->name,
			     type);
	}
}

static void check_keys(Reader *self, const Block *block)
{
	const char *const *keys = NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
		if (!strcmp(types[i].type, block->type))
			keys = types[i].keys;
	if (!keys)
		import_fault(self->import, block->path, block->line, "conserver knows no block %s", block->type);
	for (guint i = 0; keys && i < block->entries->len; i++) {
		const Entry *entry = block->entries->pdata[i];

		if (!g_strv_contains(keys, entry->key))
			import_fault(self->import, block->path, entry->line, "%s has no %s", block->type, entry->key);
	}
}

static void say_block(Reader *self, const Block *block)
{
	g_autoptr(GString) out = g_string_new(NULL);

	for (guint i = 0; i < block->entries->len; i++) {
		const Entry *entry = block->entries->pdata[i];

		g_string_append_printf(out, "%s%s %s", i ? "; " : "", entry->key, entry->value);
	}
	import_note(self->import, "%s %s { %s }", block->type, block->name, out->str);
}

static void take_block(Reader *self, const Block *block)
{
	check_keys(self, block);
	if (!strcmp(block->type, "default") || !strcmp(block->type, "console")) {
		GHashTable *values = g_hash_table_new(g_str_hash, g_str_equal);
		GHashTable *all = g_hash_table_lookup(self->defaults, "*");
		gboolean is_console = *block->type == 'c';

		if (is_console && all)
			copy_values(values, all);
		take_values(self, block, values);
		if (is_console) {
			Console *console = g_new0(Console, 1);

			*console = (Console){
				.name = block->name, .path = block->path, .line = block->line, .values = values
			};
			g_ptr_array_add(self->consoles, console);
		} else {
			g_hash_table_insert(self->defaults, block->name, values);
		}
		return;
	}
	import_note(
		self->import,
		"Who may do what, breaks, tasks and the server's own settings are not taken over; nothing listens on the network:");
	say_block(self, block);
}

void import_conserver(Import *import, char *text)
{
	Reader self = { .import = import,
			.defaults = g_hash_table_new(g_str_hash, g_str_equal),
			.consoles = g_ptr_array_new() };
	g_autoptr(GPtrArray) blocks = g_ptr_array_new();

	conserver_read(import->path, text, 1, blocks, on_fault, import);
	for (guint i = 0; i < blocks->len; i++)
		take_block(&self, blocks->pdata[i]);
	for (guint i = 0; i < self.consoles->len; i++)
		take_console(&self, self.consoles->pdata[i]);
}

/* --- users --- */

void import_conserver_passwd(Import *import, char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	import_note(import, "Passwords are not taken over. These users could log in:");
	for (guint i = 0; lines[i]; i++) {
		char *colon = strchr(lines[i], ':');

		if (g_ascii_isspace(*lines[i]) || *lines[i] == '#' || !*lines[i])
			continue; /* (a continued line says nothing about the user's password that counts here) */
		if (!colon) {
			import_fault(import, import->path, i + 1, "USER:PASSWORD is wanted");
			continue;
		}
		*colon++ = 0;
		g_strchomp(colon);
		if (!*colon)
			import_note(import, "%s: had an empty password and is refused", lines[i]);
		else if (!strcmp(colon, "*"))
			import_note(import, "%s: could never log in", lines[i]);
		else if (!strcmp(colon, "*passwd*"))
			import_note(import, "%s: the password of the system", lines[i]);
		else
			import_note(import, "%s: a password of its own", lines[i]);
	}
}
