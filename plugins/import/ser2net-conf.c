/* SPDX-License-Identifier: MIT */
/* ser2net-conf.c - ser2net.conf of the releases before 4. */
#include <string.h>
#include "import.h"

typedef struct {
	Import *import;
	GHashTable *texts;   /* "BANNER/NAME" -> text */
	GHashTable *devices; /* NAME -> path */
	Line line;	     /* of DEFAULT */
	gboolean is_local, kicks, remote;
} Reader;

/* One PORT line. */
typedef struct {
	char *host, *port;
	gboolean udp, v4, limited;
	const char *state, *device;
	guint timeout, most;
	gboolean is_local, kicks, remote;
	Line line;
	const char *banner, *open, *close;
	GPtrArray *traces, *notes;
} Port;

static const char *const texts[] = { "BANNER", "SIGNATURE", "OPENSTR", "CLOSESTR", "CLOSEON", "TRACEFILE", NULL };

/* "speed", "databits" and so on, of DEFAULT; FALSE: not known. */
static gboolean take_default(Reader *self, const char *name, const char *value)
{
	gboolean is_true = !g_ascii_strcasecmp(value, "true") || !strcmp(value, "1");

	if (!strcmp(name, "speed"))
		return parse_number(value, 50, 20000000, &self->line.baud);
	if (!strcmp(name, "databits"))
		return parse_number(value, 5, 8, &self->line.bits);
	if (!strcmp(name, "stopbits"))
		return parse_number(value, 1, 2, &self->line.stop);
	if (!strcmp(name, "parity"))
		self->line.parity = g_ascii_tolower(*value ? *value : 'n');
	else if (!strcmp(name, "xonxoff"))
		self->line.xonxoff = is_true;
	else if (!strcmp(name, "rtscts"))
		self->line.rtscts = is_true;
	else if (!strcmp(name, "local"))
		self->is_local = is_true;
	else if (!strcmp(name, "kickolduser"))
		self->kicks = is_true;
	else if (!strcmp(name, "remctl"))
		self->remote = is_true;
	else
		import_note(self->import, "DEFAULT %s=%s has no counterpart.", name, value);
	return strchr("noems", self->line.parity) != NULL;
}

static const char *const said[] = {
	"timestamp",  "hexdump",    "hangup_when_done", "nobreak",	"telnet_brk_on_sync", "disable-chardelay",
	"tr-hexdump", "tw-hexdump", "tb-hexdump",	"tr-timestamp", "tw-timestamp",	      "tb-timestamp",
	NULL
};
static const char *const said_with_value[] = {
	"chardelay-scale",    "chardelay-min",	    "chardelay-max", "led-tx", "led-rx",
	"dev-to-net-bufsize", "net-to-dev-bufsize", "rs485",	     NULL
};

static gboolean take_flag(Port *port, const char *word, gboolean is_on)
{
	static const char *const parity[] = { "none", "odd", "even", "mark", "space", NULL };

	for (gsize i = 0; parity[i]; i++)
		if (!g_ascii_strcasecmp(word, parity[i])) {
			port->line.parity = parity[i][0];
			return TRUE;
		}
	if (g_ascii_isdigit(*word) && (!g_ascii_strcasecmp(word + 1, "DATABITS"))) {
		port->line.bits = (guint)(*word - '0');
		return port->line.bits >= 5 && port->line.bits <= 8;
	}
	if (!g_ascii_strcasecmp(word, "1STOPBIT") || !g_ascii_strcasecmp(word, "2STOPBITS"))
		port->line.stop = (guint)(*word - '0');
	else if (!g_ascii_strcasecmp(word, "XONXOFF"))
		port->line.xonxoff = is_on;
	else if (!g_ascii_strcasecmp(word, "RTSCTS"))
		port->line.rtscts = is_on;
	else if (!g_ascii_strcasecmp(word, "LOCAL"))
		port->is_local = is_on;
	else if (!g_ascii_strcasecmp(word, "kickolduser"))
		port->kicks = is_on;
	else if (!g_ascii_strcasecmp(word, "remctl"))
		port->remote = is_on;
	else {
		for (gsize i = 0; said[i]; i++)
			if (!g_ascii_strcasecmp(word, said[i])) {
				if (is_on)
					g_ptr_array_add(
						port->notes,
						g_strdup_printf(
							"%s has no counterpart here; uart log and uart record write such files.",
							word));
				return TRUE;
			}
		return FALSE;
	}
	return TRUE;
}

static const char *named(const Reader *self, const char *kind, const char *name)
{
	g_autofree char *key = g_strdup_printf("%s/%s", kind, name);

	return g_hash_table_lookup(self->texts, key);
}

/* "tr=NAME" and such. FALSE with what is wrong. */
static gboolean take_value(const Reader *self, Port *port, const char *name, const char *value, char **why)
{
	const char *file;

	if (!strcmp(name, "tr") || !strcmp(name, "tw") || !strcmp(name, "tb")) {
		file = named(self, "TRACEFILE", value);
		if (!file) {
			*why = g_strdup_printf("there is no TRACEFILE %s", value);
			return FALSE;
		}
		g_ptr_array_add(port->traces, g_strdup(name[1] == 'r' ? "read" : name[1] == 'w' ? "write" : "both"));
		g_ptr_array_add(port->traces, g_strdup(file));
	} else if (!strcmp(name, "max-connections")) {
		if (!parse_number(value, 1, 65536, &port->most)) {
			*why = g_strdup_printf("max-connections is a number, not %s", value);
			return FALSE;
		}
	} else if (!strcmp(name, "remaddr")) {
		port->limited = TRUE;
		g_ptr_array_add(port->notes,
				g_strdup_printf("remaddr: %s - whoever reaches the port may use it here.", value));
	} else if (g_strv_contains(said_with_value, name)) {
		g_ptr_array_add(port->notes, g_strdup_printf("%s=%s has no counterpart.", name, value));
	} else {
		*why = g_strdup_printf("ser2net has no option %s", name);
		return FALSE;
	}
	return TRUE;
}

/* The name of a banner or another text. */
static gboolean take_name(const Reader *self, Port *port, const char *word)
{
	const char *text;

	if ((text = named(self, "BANNER", word)))
		port->banner = text;
	else if ((text = named(self, "OPENSTR", word)))
		port->open = text;
	else if ((text = named(self, "CLOSESTR", word)))
		port->close = text;
	else if ((text = named(self, "CLOSEON", word)))
		g_ptr_array_add(port->notes,
				g_strdup_printf("closeon: %s - a rule may close: module open Rule.", text));
	else if ((text = named(self, "SIGNATURE", word)))
		g_ptr_array_add(port->notes,
				g_strdup_printf("signature: %s - the signature of RFC 2217 is Backplane's.", text));
	return text != NULL;
}

static char *take_options(const Reader *self, Port *port, const char *text)
{
	g_auto(GStrv) words = g_strsplit_set(text, " \t", -1);
	char *why = NULL;

	for (char **word = words; *word && !why; word++) {
		const char *equals = strchr(*word, '=');
		g_autofree char *name = equals ? g_strndup(*word, (gsize)(equals - *word)) : NULL;
		gboolean is_on = **word != '-';

		if (!**word)
			continue;
		if (equals)
			take_value(self, port, name, equals + 1, &why);
		else if (parse_number(*word, 0, G_MAXUINT, &port->line.baud))
			why = is_usual_baud(port->line.baud) ? NULL
							     : g_strdup_printf("%s is no speed of ser2net", *word);
		else if (!take_flag(port, *word + !is_on, is_on) && !take_name(self, port, *word))
			why = g_strdup_printf("nothing is called %s: no option, banner or string", *word);
	}
	return why;
}

/* [ipv4,|ipv6,][tcp,|udp,][HOST,]NUMBER */
static void take_address(Port *port, const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, ",", -1);
	guint count = g_strv_length(parts);

	for (guint i = 0; i + 1 < count; i++)
		if (!strcmp(parts[i], "udp"))
			port->udp = TRUE;
		else if (!strcmp(parts[i], "ipv4"))
			port->v4 = TRUE;
		else if (strcmp(parts[i], "tcp") && strcmp(parts[i], "ipv6"))
			port->host = g_strdup(parts[i]);
	port->port = g_strdup(parts[count - 1]);
	if (!port->host && port->v4)
		port->host = g_strdup("0.0.0.0");
}

static void serve(Import *import, const Port *port, const Item *uart, const Ser2netNames *names, gboolean is_off)
{
	g_autofree char *name = g_strdup_printf("%s-server", uart->name);
	Item *server = import_item(import, name, "UARTServer");
	gboolean is_telnet = !strcmp(port->state, "telnet");

	server->is_off = is_off;
	item_set(server, "uart", "%s", uart->name);
	item_set(server, "mode", is_telnet ? "rfc2217" : "raw");
	if (is_telnet && !port->remote)
		item_note(server, "Telnet without remctl there; here a client may also set the line.");
	item_set(server, "port", "%s", port->port);
	item_bind(import, server, port->host, port->limited);
	item_set(server, "max_connections", "%u", port->most);
	if (port->most > 1)
		item_set(server, "writers", "many");
	if (port->kicks)
		item_set(server, "kick_old", "yes");
	if (port->timeout) {
		item_set(server, "idle_timeout", "%u", port->timeout);
		item_set(server, "idle_counts", "both");
	}
	if (port->banner)
		ser2net_string(server, "banner", port->banner, names);
	if (port->open)
		ser2net_string(server, "open_string", port->open, names);
	if (port->close)
		ser2net_string(server, "close_string", port->close, names);
	for (guint i = 0; i < port->notes->len; i++)
		item_note(server, "%s", (const char *)port->notes->pdata[i]);
}

static void take_port(Reader *self, guint number, const char *address, const char *state, const char *timeout,
		      const char *rest)
{
	static const char *const states[] = { "raw", "rawlp", "telnet", "off", NULL };
	g_auto(GStrv) parts = g_strsplit(rest, ":", 2);
	Port port = { .state = state,
		      .most = 1,
		      .line = self->line,
		      .is_local = self->is_local,
		      .kicks = self->kicks,
		      .remote = self->remote };
	g_autofree char *base = NULL, *why = NULL;
	const char *path;
	Item *uart;

	if (!g_strv_contains(states, state)) {
		import_fault(self->import, self->import->path, number, "%s is no state: raw, rawlp, telnet or off",
			     state);
		return;
	}
	if (!parse_number(timeout, 0, G_MAXUINT, &port.timeout)) {
		import_fault(self->import, self->import->path, number, "the timeout is a number of seconds, not %s",
			     timeout);
		return;
	}
	port.traces = g_ptr_array_new();
	port.notes = g_ptr_array_new();
	take_address(&port, address);
	port.device = parts[0] ? parts[0] : "";
	why = take_options(self, &port, parts[0] && parts[1] ? parts[1] : "");
	if (why || !*port.device) {
		import_fault(self->import, self->import->path, number, "%s", why ? why : "a device is wanted");
		return;
	}
	path = g_hash_table_lookup(self->devices, port.device);
	if (!strcmp(state, "rawlp") || g_str_has_prefix(port.device, "sol.")) {
		import_note(self->import, "Port %s is not taken over: %s (%s) is no serial port.", address, port.device,
			    state);
		return;
	}
	base = path ? g_strdup(port.device) : g_path_get_basename(port.device);
	uart = import_uart(self->import, base, path ? path : port.device, &port.line);
	uart->is_off = !strcmp(state, "off");
	if (!port.is_local)
		item_note(uart, "It waited for the carrier of a modem (no LOCAL); here the port is always open.");
	Ser2netNames names = {
		.name = uart->name, .device = path ? path : port.device, .port = port.port, .line = port.line
	};
	if (port.udp)
		item_note(uart, "It was served on UDP %s%s%s. A UDPServer and channel link do the same.",
			  port.host ? port.host : "", port.host ? "," : "", port.port);
	else
		serve(self->import, &port, uart, &names, uart->is_off);
	for (guint i = 0; i + 1 < port.traces->len; i += 2)
		ser2net_trace(self->import, uart, port.traces->pdata[i], port.traces->pdata[i + 1], &names);
}

static void take_line(Reader *self, GRegex *regex, const char *line, guint number)
{
	g_autoptr(GMatchInfo) match = NULL;
	g_auto(GStrv) parts = g_strsplit(line, ":", 3);

	if (g_regex_match(regex, line, 0, &match)) {
		g_auto(GStrv) found = g_match_info_fetch_all(match);

		take_port(self, number, found[1], found[2], found[3], found[4]);
	} else if (!strcmp(parts[0], "CONTROLPORT")) {
		import_note(self->import,
			    "The control port %s is not taken over. The console is: backplane -x, or serve console.",
			    parts[1]);
	} else if (!strcmp(parts[0], "ROTATOR") || !strcmp(parts[0], "LED")) {
		import_note(self->import, "%s is not taken over.", line);
	} else if (!parts[0] || !parts[1] || !parts[2]) {
		import_fault(self->import, self->import->path, number, "this line is not understood");
	} else if (g_strv_contains(texts, parts[0])) {
		g_hash_table_insert(self->texts, g_strdup_printf("%s/%s", parts[0], parts[1]), g_strdup(parts[2]));
	} else if (!strcmp(parts[0], "DEVICE")) {
		g_hash_table_insert(self->devices, g_strdup(parts[1]), g_strdup(g_strstrip(parts[2])));
	} else if (!strcmp(parts[0], "DEFAULT")) {
		if (!take_default(self, parts[1], g_strstrip(parts[2])))
			import_fault(self->import, self->import->path, number, "DEFAULT %s cannot be %s", parts[1],
				     parts[2]);
	} else {
		import_fault(self->import, self->import->path, number, "this line is not understood");
	}
}

void import_ser2net_conf(Import *import, char *text)
{
	Reader self = { .import = import,
			.texts = g_hash_table_new(g_str_hash, g_str_equal),
			.devices = g_hash_table_new(g_str_hash, g_str_equal),
			.line = LINE_9600 };
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autoptr(GRegex) regex = g_regex_new("^((?:(?:ipv4|ipv6|tcp|udp),)*(?:[^,\\s]*,)?\\d+):([^:]*):([^:]*):(.*)$",
					      0, 0, NULL);
	g_autoptr(GString) line = g_string_new(NULL);

	for (guint i = 0, first = 0; lines[i]; i++) {
		gsize size = strlen(g_strchomp(lines[i]));
		gboolean goes_on = size && lines[i][size - 1] == '\\' && lines[i + 1];

		if (!line->len)
			first = i + 1;
		g_string_append_len(line, lines[i], (gssize)(size - goes_on));
		if (goes_on) {
			g_string_append_c(line, ' ');
			continue;
		}
		if (line->len && *line->str != '#')
			take_line(&self, regex, line->str, first);
		g_string_truncate(line, 0);
	}
}
