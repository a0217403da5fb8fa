/* SPDX-License-Identifier: MIT */
/* tio.c - the profiles of tio 2 and 3. */
#include <string.h>
#include <backplane/file.h>
#include "import.h"

enum { FILE_LIMIT = 1024 * 1024, DEEPEST = 10 };

typedef struct {
	Import *import;
	gboolean is_v3;
	GHashTable *defaults; /* key -> Value */
	GPtrArray *profiles;
} Reader;

typedef struct {
	char *text;
	const char *path;
	guint line;
} Value;

typedef struct {
	char *name;
	GHashTable *values;
} Profile;

/* Keys of both, of 2 and of 3; said: why it has no counterpart. NULL: it is taken over. */
static const struct {
	const char *name;
	int version;
	gboolean is_switch;
	const char *said;
} known[] = {
	{ "device", 0, 0, NULL },
	{ "tty", 2, 0, NULL },
	{ "baudrate", 0, 0, NULL },
	{ "databits", 0, 0, NULL },
	{ "flow", 0, 0, NULL },
	{ "stopbits", 0, 0, NULL },
	{ "parity", 0, 0, NULL },
	{ "pattern", 0, 0, "a pattern is no device: open what it stands for with uart open" },
	{ "no-autoconnect", 2, 1, "a port is always opened again" },
	{ "no-reconnect", 3, 1, "a port is always opened again" },
	{ "auto-connect", 3, 0, "a port is named: uart list shows them" },
	{ "exclude-devices", 3, 0, "goes with auto-connect" },
	{ "exclude-drivers", 3, 0, "goes with auto-connect" },
	{ "exclude-tids", 3, 0, "goes with auto-connect" },
	{ "output-delay", 0, 0, "char_delay of the UART" },
	{ "output-line-delay", 0, 0, "line_delay of the UART" },
	{ "line-pulse-duration", 0, 0, "uart lines sets DTR and RTS" },
	{ "log", 0, 1, NULL },
	{ "log-file", 0, 0, NULL },
	{ "log-directory", 3, 0, NULL },
	{ "log-append", 3, 1, NULL },
	{ "log-strip", 0, 1, "uart log writes text without escape sequences" },
	{ "local-echo", 0, 1, "uart term --echo" },
	{ "timestamp", 0, 1, "uart log --time writes the time of each line" },
	{ "timestamp-format", 0, 0, "uart log --time writes the time of each line" },
	{ "timestamp-timeout", 0, 0, "goes with timestamp" },
	{ "map", 0, 0, "uart term --crlf; bytes on channels are not changed" },
	{ "hexadecimal", 2, 1, "uart log --format hex" },
	{ "input-mode", 3, 0, "lines of uart term; channel send sends whole lines" },
	{ "output-mode", 3, 0, "uart log --format hex" },
	{ "socket", 0, 0, NULL },
	{ "rs-485", 0, 1, NULL },
	{ "rs-485-config", 0, 0, NULL },
	{ "response-wait", 2, 1, "backplane wait does that" },
	{ "response-timeout", 2, 0, "backplane wait --timeout" },
	{ "script", 3, 0, "a script in Lua: module open Script" },
	{ "script-file", 3, 0, "a script in Lua: module open Script" },
	{ "script-run", 3, 0, "goes with script" },
	{ "exec", 3, 0, "uart exec runs a program on a port" },
	{ "mute", 3, 1, "what no console watches is not shown" },
	{ "alert", 0, 0, "the terminal's" },
	{ "color", 0, 0, "the terminal's" },
	{ "prefix-ctrl-key", 0, 0, "Ctrl-] in uart term" },
};

static gboolean is_switch_value(const Reader *self, const char *text)
{
	static const char *const two[] = { "true",    "enable", "on", "yes", "1", "false",
					   "disable", "off",	"no", "0",   NULL };

	return self->is_v3 ? !strcmp(text, "true") || !strcmp(text, "false") : g_strv_contains(two, text);
}

static gboolean is_on(const char *text)
{
	static const char *const on[] = { "true", "enable", "on", "yes", "1", NULL };

	return text && g_strv_contains(on, text);
}

static int index_of(const Reader *self, const char *key)
{
	for (guint i = 0; i < G_N_ELEMENTS(known); i++)
		if (!strcmp(known[i].name, key) && (!known[i].version || known[i].version == (self->is_v3 ? 3 : 2)))
			return (int)i;
	return -1;
}

/* What is wrong, or NULL. Yours. */
static char *check(const Reader *self, const char *key, const char *value)
{
	static const char *const parities[] = { "none", "odd", "even", "mark", "space", NULL };
	static const char *const flows[] = { "none", "hard", "soft", NULL };
	int at = index_of(self, key);
	guint number;

	if (at < 0) {
		if (self->is_v3)
			import_note(self->import, "%s: tio ignores it.", key);
		return self->is_v3 ? NULL : g_strdup_printf("tio has no %s", key);
	}
	if (known[at].is_switch && !is_switch_value(self, value))
		return g_strdup_printf("%s: %s is not %s", key, value, self->is_v3 ? "true or false" : "a switch");
	if ((!strcmp(key, "databits") && !parse_number(value, 5, 8, &number)) ||
	    (!strcmp(key, "stopbits") && !parse_number(value, 1, 2, &number)) ||
	    (!strcmp(key, "baudrate") && !parse_number(value, 50, 20000000, &number)) ||
	    (!strcmp(key, "parity") && !g_strv_contains(parities, value)) ||
	    (!strcmp(key, "flow") && !g_strv_contains(flows, value)))
		return g_strdup_printf("%s: %s is not possible", key, value);
	return NULL;
}

static void read_file(Reader *self, const char *path, const char *text, guint depth);

static void include(Reader *self, const char *path, guint line, const char *name, guint depth)
{
	g_autofree char *folder = g_path_get_dirname(path);
	char *file = g_path_is_absolute(name) ? g_strdup(name) : g_build_filename(folder, name, NULL);
	g_autoptr(GError) error = NULL;
	g_autofree char *text = depth < DEEPEST ? bp_file_load(file, FILE_LIMIT, 0, NULL, &error) : NULL;

	if (text)
		read_file(self, file, text, depth + 1);
	else
		import_fault(self->import, path, line, "%s", error ? error->message : "files include each other");
}

static GHashTable *begin_section(Reader *self, const char *path, guint line, const char *name, guint depth)
{
	Profile *profile;

	if (self->is_v3 && !strcmp(name, "default"))
		return self->defaults;
	if (self->is_v3 && g_str_has_prefix(name, "include ")) {
		include(self, path, line, name + 8, depth);
		return NULL;
	}
	profile = g_new0(Profile, 1);
	profile->name = g_strdup(name);
	profile->values = g_hash_table_new(g_str_hash, g_str_equal);
	g_ptr_array_add(self->profiles, profile);
	return profile->values;
}

static void read_file(Reader *self, const char *path, const char *text, guint depth)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	GHashTable *section = self->is_v3 ? NULL : self->defaults;

	for (guint i = 0; lines[i]; i++) {
		char *line = g_strstrip(lines[i]), *equals = strchr(line, '='), *why;
		gsize size = strlen(line);
		Value *value;

		if (!size || *line == '#' || *line == ';')
			continue;
		if (*line == '[' && line[size - 1] == ']') {
			line[size - 1] = 0;
			section = begin_section(self, path, i + 1, line + 1, depth);
			continue;
		}
		if (!equals || equals == line) {
			import_fault(self->import, path, i + 1, "KEY = VALUE is wanted");
			continue;
		}
		*equals = 0;
		g_strchomp(line);
		value = g_new0(Value, 1);
		*value = (Value){ .text = g_strdup(g_strchug(equals + 1)), .path = path, .line = i + 1 };
		if (!section) {
			import_fault(self->import, path, i + 1, "%s stands before any section", line);
			continue;
		}
		if ((why = check(self, line, value->text)))
			import_fault(self->import, path, i + 1, "%s", why);
		else
			g_hash_table_insert(section, g_strdup(strcmp(line, "tty") ? line : "device"), value);
	}
}

/* --- a profile --- */

static const char *get(const Reader *self, const Profile *profile, const char *key)
{
	const Value *value = g_hash_table_lookup(profile->values, key);

	if (!value)
		value = g_hash_table_lookup(self->defaults, key);
	return value && *value->text ? value->text : NULL;
}

static Line line_of(const Reader *self, const Profile *profile)
{
	Line line = { .baud = 115200, .bits = 8, .stop = 1, .parity = 'n' };
	const char *parity = get(self, profile, "parity"), *flow = get(self, profile, "flow");

	parse_number(get(self, profile, "baudrate"), 50, 20000000, &line.baud);
	parse_number(get(self, profile, "databits"), 5, 8, &line.bits);
	parse_number(get(self, profile, "stopbits"), 1, 2, &line.stop);
	line.parity = parity ? *parity : 'n';
	line.rtscts = flow && !strcmp(flow, "hard");
	line.xonxoff = flow && !strcmp(flow, "soft");
	return line;
}

static void serve(Reader *self, const Item *uart, const char *socket)
{
	g_autofree char *name = g_strdup_printf("%s-server", uart->name);
	const char *rest = strchr(socket, ':');
	Item *server = import_item(self->import, name, "UARTServer");

	item_set(server, "uart", "%s", uart->name);
	item_set(server, "mode", "raw");
	item_set(server, "writers", "many");
	if (g_str_has_prefix(socket, "unix:")) {
		item_set(server, "bind", "%s", rest + 1);
	} else {
		item_set(server, "port", "%s", rest && rest[1] ? rest + 1 : "3333");
		item_bind(self->import, server, NULL, FALSE);
	}
}

static void take_log(Reader *self, const Profile *profile, const Item *uart)
{
	const char *file = get(self, profile, "log-file"), *folder = get(self, profile, "log-directory");
	g_autofree char *name = file ? g_strdup(file) : g_strdup_printf("tio-%s.log", uart->name);
	g_autofree char *path = folder ? g_build_filename(folder, name, NULL) : g_strdup(name);

	if (is_on(get(self, profile, "log")))
		import_save(self->import, uart, "recv", path, "10M");
}

/* What the profile itself says without a counterpart. */
static void say(const Reader *self, GHashTable *values, Item *item)
{
	for (guint i = 0; i < G_N_ELEMENTS(known); i++) {
		const Value *value = g_hash_table_lookup(values, known[i].name);

		if (value && known[i].said && index_of(self, known[i].name) == (int)i)
			item_note(item, "%s = %s - %s.", known[i].name, value->text, known[i].said);
	}
}

static void take_profile(Reader *self, const Profile *profile)
{
	const char *device = get(self, profile, "device"), *socket = get(self, profile, "socket");
	const char *rs485 = get(self, profile, "rs-485-config");
	Line line = line_of(self, profile);
	Item *uart;

	if (!device || *device != '/' || get(self, profile, "pattern")) {
		uart = import_item(self->import, profile->name, "UART");
		uart->is_off = TRUE;
		item_set(uart, "port", "%s", device ? device : "/dev/...");
		item_set(uart, "baud", "%u", line.baud);
		item_note(uart,
			  "%s: no path of a device stands there; write one, as /dev/serial/by-id/... (uart list).",
			  profile->name);
		if (socket)
			item_note(uart, "socket = %s - a UARTServer.", socket);
		say(self, profile->values, uart);
		return;
	}
	uart = import_uart(self->import, profile->name, device, &line);
	if (is_on(get(self, profile, "rs-485"))) {
		item_set(uart, "rs485", rs485 && strstr(rs485, "RTS_ON_SEND=0") ? "low" : "high");
		if (rs485)
			item_note(uart, "rs-485-config = %s - the delays are the driver's.", rs485);
	}
	say(self, profile->values, uart);
	take_log(self, profile, uart);
	if (socket)
		serve(self, uart, socket);
}

static void take(Import *import, char *text, gboolean is_v3)
{
	Reader self = { .import = import,
			.is_v3 = is_v3,
			.defaults = g_hash_table_new(g_str_hash, g_str_equal),
			.profiles = g_ptr_array_new() };
	Item *all;

	read_file(&self, import->path, text, 1);
	for (guint i = 0; i < self.profiles->len; i++)
		take_profile(&self, self.profiles->pdata[i]);
	if (!self.profiles->len) {
		Profile none = { .values = g_hash_table_new(g_str_hash, g_str_equal) };
		Line line = line_of(&self, &none);
		g_autofree char *line_shown = line_text(&line);

		import_note(
			import,
			"Defaults of all profiles, but no profile: %s%s. uart open DEVICE NAME baud=%u opens a port so.",
			line_shown,
			line.rtscts    ? " flow=rtscts"
			: line.xonxoff ? " flow=xonxoff"
				       : "",
			line.baud);
	}
	all = g_new0(Item, 1);
	all->notes = import->notes;
	say(&self, self.defaults, all);
}

void import_tio2(Import *import, char *text)
{
	take(import, text, FALSE);
}

void import_tio3(Import *import, char *text)
{
	take(import, text, TRUE);
}
