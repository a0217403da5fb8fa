/* SPDX-License-Identifier: MIT */
/* ser2net-yaml.c - ser2net.yaml: version 1 (keys repeat, anchors are names) and version 2 of the format. */
#include <string.h>
#include "gensio.h"
#include "import.h"
#include "yaml-tree.h"

typedef struct {
	Import *import;
	GHashTable *texts;    /* of define */
	GHashTable *defaults; /* "CLASS/NAME" -> value; no class: "/NAME" */
	GHashTable *names;    /* of connections -> (gpointer)line */
	GHashTable *anchors;  /* of everything */
	gboolean is_v2;
} Reader;

/* Options of a connection, and of a rotator. said: why it has no counterpart. */
typedef struct {
	const char *name, *said;
} Option;

static const Option known[] = {
	{ "max-connections", NULL },
	{ "kickolduser", NULL },
	{ "banner", NULL },
	{ "openstr", NULL },
	{ "closestr", NULL },
	{ "trace-read", NULL },
	{ "trace-write", NULL },
	{ "trace-both", NULL },
	{ "tr", NULL },
	{ "tw", NULL },
	{ "tb", NULL },
	{ "remaddr", NULL },
	{ "allowed-users", NULL },
	{ "authdir", "users and their keys are not taken over" },
	{ "pamauth", "users are not taken over" },
	{ "signature", "the signature of RFC 2217 is Backplane's" },
	{ "closeon", "a rule may close: module open Rule" },
	{ "sendon", "framing=lines of the UART sends whole lines" },
	{ "chardelay", "framing=gap of the UART collects bytes" },
	{ "chardelay-scale", "framing=gap of the UART collects bytes" },
	{ "chardelay-min", "framing=gap of the UART collects bytes" },
	{ "chardelay-max", "framing=gap of the UART collects bytes" },
	{ "dev-to-net-bufsize", "backlog_limit of the server bounds what waits" },
	{ "net-to-dev-bufsize", "backlog_limit of the UART bounds what waits" },
	{ "trace-timestamp", "uart record keeps times; uart log --time writes them" },
	{ "trace-hexdump", "uart log --format hex writes one" },
	{ "trace-read-timestamp", "uart log --time writes times" },
	{ "trace-write-timestamp", "uart record keeps times" },
	{ "trace-both-timestamp", "uart record keeps times" },
	{ "trace-read-hexdump", "uart log --format hex writes one" },
	{ "trace-write-hexdump", "uart record keeps all bytes" },
	{ "trace-both-hexdump", "uart record keeps all bytes" },
	{ "telnet-brk-on-sync", "telnet's BREAK sends one, its Synch does not" },
	{ "connback",
	  "it called out when the device sent something: a TCPClient and channel link do, always connected" },
	{ "connback-timeout", "goes with connback" },
	{ "connector-retry-time", "reopen_min and reopen_max of the UART are the pauses" },
	{ "accepter-retry-time", "a server that cannot listen is tried again" },
	{ "no-con-to-acc", "one direction alone: see channel link" },
	{ "no-acc-to-con", "one direction alone: see channel link" },
	{ "timeout-on-os-queue", "idle_timeout does not look at the queue of the system" },
	{ "mdns", "serial ports are not announced" },
	{ "mdns-interface", "serial ports are not announced" },
	{ "mdns-nettype", "serial ports are not announced" },
	{ "mdns-name", "serial ports are not announced" },
	{ "mdns-type", "serial ports are not announced" },
	{ "mdns-domain", "serial ports are not announced" },
	{ "mdns-host", "serial ports are not announced" },
	{ "mdns-txt", "serial ports are not announced" },
	{ "mdns-sysattrs", "serial ports are not announced" },
	{ "led-tx", "a rule can run a command that switches it" },
	{ "led-rx", "a rule can run a command that switches it" },
	{ "led-conn", "a rule can run a command that switches it" },
	{ "rs485", "it belongs to the device: rs485 of the UART" },
	{ NULL, NULL },
};

static void fault(const Reader *self, guint line, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void fault(const Reader *self, guint line, const char *format, ...)
{
	va_list arguments;
	g_autofree char *text = NULL;

	va_start(arguments, format);
	text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	import_fault(self->import, self->import->path, line, "%s", text);
}

/* With *(NAME) or =(NAME) replaced; "*(*" and "=(=" are the sign itself. Yours. */
static char *substitute(const Reader *self, const char *text, guint line)
{
	char sign = self->is_v2 ? '=' : '*';
	GString *out = g_string_new(NULL);
	const char *whole = self->is_v2 && *text == '=' ? g_hash_table_lookup(self->texts, text + 1) : NULL;

	if (whole)
		return g_string_free(g_string_assign(out, whole), FALSE);
	for (const char *at = text; *at; at++) {
		const char *end = *at == sign && at[1] == '(' ? strchr(at, ')') : NULL;
		g_autofree char *name = end ? g_strndup(at + 2, (gsize)(end - at - 2)) : NULL;
		const char *value = name ? g_hash_table_lookup(self->texts, name) : NULL;

		if (*at == sign && at[1] == '(' && at[2] == sign) {
			g_string_append_c(g_string_append_c(out, sign), '(');
			at += 2;
		} else if (end) {
			if (!value)
				fault(self, line, "nothing is defined as %s", name);
			g_string_append(out, value ? value : "");
			at = end;
		} else {
			if (*at == sign && at[1] == '{')
				import_note(self->import, "The content of a file was inserted in line %u: %s", line,
					    at);
			g_string_append_c(out, *at);
		}
	}
	return g_string_free(out, FALSE);
}

/* NULL: no text. Yours. */
static char *text_of(const Reader *self, const Node *node)
{
	if (!node)
		return NULL;
	if (node->kind == NODE_ALIAS) {
		const char *text = g_hash_table_lookup(self->texts, node->text);

		if (!text && !g_hash_table_contains(self->anchors, node->text))
			fault(self, node->line, "nothing is defined as %s", node->text);
		return g_strdup(text ? text : node->text);
	}
	if (node->kind == NODE_TEXT)
		return substitute(self, node->text, node->line);
	fault(self, node->line, "a text is wanted here");
	return NULL;
}

static char *text_at(const Reader *self, const Node *map, const char *key)
{
	return text_of(self, yaml_find(map, key));
}

static gboolean is_true(const char *value)
{
	return value && (!g_ascii_strcasecmp(value, "true") || !g_ascii_strcasecmp(value, "on") ||
			 !g_ascii_strcasecmp(value, "yes") || !strcmp(value, "1"));
}

static const char *fallback(const char *class, const char *name, gpointer data)
{
	const Reader *self = data;
	g_autofree char *own = g_strdup_printf("%s/%s", class, name), *base = g_strdup_printf("/%s", name);
	const char *value = g_hash_table_lookup(self->defaults, own);

	return value ? value : g_hash_table_lookup(self->defaults, base);
}

/* --- a connection --- */

typedef struct {
	char *timeout, *limited;
	const Node *options;
	Ser2netNames names;
} Connection;

/* Of the connection, else of the defaults. Yours. */
static char *option_of(Reader *self, const Connection *connection, const char *name)
{
	char *value = text_at(self, connection->options, name);

	return value ? value : g_strdup(fallback("ser2net", name, self));
}

static void take_strings(Reader *self, const Connection *connection, Item *server)
{
	static const char *const strings[][2] = { { "banner", "banner" },
						  { "openstr", "open_string" },
						  { "closestr", "close_string" } };

	for (gsize i = 0; i < G_N_ELEMENTS(strings); i++) {
		g_autofree char *text = option_of(self, connection, strings[i][0]);

		if (text)
			ser2net_string(server, strings[i][1], text, &connection->names);
	}
}

static void take_counts(Reader *self, const Connection *connection, Item *server, gboolean is_uart)
{
	g_autofree char *most = option_of(self, connection, "max-connections"),
			*kick = option_of(self, connection, "kickolduser");
	guint number = 1;

	if (most && !parse_number(most, 1, 65536, &number))
		fault(self, connection->options ? connection->options->line : 1, "max-connections is a number, not %s",
		      most);
	item_set(server, "max_connections", "%u", number);
	if (is_uart && number > 1)
		item_set(server, "writers", "many");
	if (is_uart && is_true(kick))
		item_set(server, "kick_old", "yes");
	else if (is_true(kick))
		item_note(server, "kickolduser: a new client closed the one that was there.");
	if (connection->timeout && parse_number(connection->timeout, 1, G_MAXUINT, &number)) {
		item_set(server, "idle_timeout", "%u", number);
		if (is_uart)
			item_set(server, "idle_counts", "both");
	}
}

static void take_traces(Reader *self, const Connection *connection, const Item *uart)
{
	static const char *const traces[][2] = { { "trace-read", "read" }, { "trace-write", "write" },
						 { "trace-both", "both" }, { "tr", "read" },
						 { "tw", "write" },	   { "tb", "both" } };

	for (gsize i = 0; i < G_N_ELEMENTS(traces); i++) {
		g_autofree char *file = option_of(self, connection, traces[i][0]);

		if (file)
			ser2net_trace(self->import, uart, traces[i][1], file, &connection->names);
	}
}

/* What has no counterpart, and what ser2net does not know. */
static void say_options(Reader *self, const Connection *connection, Item *item)
{
	const Node *options = connection->options;

	for (guint i = 0; options && options->kind == NODE_MAP && i + 1 < options->nodes->len; i += 2) {
		const Node *key = options->nodes->pdata[i];
		g_autofree char *value = text_of(self, options->nodes->pdata[i + 1]);
		const Option *option = known;

		while (option->name && g_strcmp0(option->name, key->text))
			option++;
		if (!option->name)
			fault(self, key->line, "ser2net has no option %s", key->text);
		else if (option->said)
			item_note(item, "%s: %s - %s.", key->text, value, option->said);
		else if (!strcmp(key->text, "remaddr") || !strcmp(key->text, "allowed-users"))
			item_note(item, "%s: %s - whoever reaches the port may use it here.", key->text, value);
	}
}

static void add_notes(Item *item, const GPtrArray *notes)
{
	for (guint i = 0; i < notes->len; i++)
		item_note(item, "%s", (const char *)notes->pdata[i]);
}

static Item *make_uart(Reader *self, const char *name, const Connector *connector)
{
	Item *uart = import_uart(self->import, name, connector->device, &connector->line);

	add_notes(uart, connector->notes);
	if (connector->dtr)
		item_set(uart, "dtr", "%s", connector->dtr);
	if (connector->rts)
		item_set(uart, "rts", "%s", connector->rts);
	if (connector->rs485) {
		item_set(uart, "rs485", strstr(connector->rs485, "rts_after_send") ? "low" : "high");
		item_note(uart, "rs485=%s: the delays are the driver's.", connector->rs485);
	}
	return uart;
}

/* A device on TCP. */
static void serve_uart(Reader *self, const char *name, const Accepter *accepter, const Connector *connector,
		       Connection *connection, gboolean is_off)
{
	Item *uart, *server;
	g_autofree char *server_name = NULL;

	uart = make_uart(self, name, connector);
	uart->is_off = is_off;
	if (strcmp(accepter->kind, "tcp") && strcmp(accepter->kind, "unix")) {
		item_note(uart, "It was served by %s%s%s%s%s.%s", accepter->kind, accepter->host ? " on " : "",
			  accepter->host ? accepter->host : "", accepter->port ? ", port " : "",
			  accepter->port ? accepter->port : "",
			  strcmp(accepter->kind, "udp") ? "" : " A UDPServer and channel link do the same.");
		say_options(self, connection, uart);
		take_traces(self, connection, uart);
		return;
	}
	server_name = g_strdup_printf("%s-server", uart->name);
	server = import_item(self->import, server_name, "UARTServer");
	server->is_off = is_off;
	item_set(server, "uart", "%s", uart->name);
	item_set(server, "mode", accepter->telnet ? "rfc2217" : "raw");
	if (accepter->telnet && !accepter->rfc2217)
		item_note(server, "Telnet without RFC 2217 there; here a client may also set the line.");
	gensio_serve(self->import, server, accepter, connection->limited != NULL);
	take_counts(self, connection, server, TRUE);
	take_strings(self, connection, server);
	say_options(self, connection, server);
	take_traces(self, connection, uart);
}

/* TCP to TCP: what comes in goes on. */
static void relay(Reader *self, const char *name, const Accepter *accepter, const Connector *connector,
		  Connection *connection)
{
	g_autofree char *server_name = g_strdup_printf("%s-server", name);
	Item *client = import_item(self->import, name, "TCPClient"), *server;

	item_set(client, "host", "%s", connector->host ? connector->host : "localhost");
	item_set(client, "port", "%s", connector->port);
	add_notes(client, connector->notes);
	server = import_item(self->import, server_name, "TCPServer");
	if (accepter->telnet)
		item_note(server, "Telnet there; here bytes as they are.");
	gensio_serve(self->import, server, accepter, connection->limited != NULL);
	take_counts(self, connection, server, FALSE);
	say_options(self, connection, server);
	import_command(self->import, "channel link -f %s/recv %s/send", server->name, client->name);
	import_command(self->import, "channel link -f %s/recv %s/send", client->name, server->name);
}

static void take_connection(Reader *self, const char *name, const Node *node, guint line)
{
	g_autofree char *accept_text = text_at(self, node, "accepter"),
			*connect_text = text_at(self, node, "connector");
	g_autofree char *enable = text_at(self, node, "enable"), *why = NULL;
	Connection connection = { .timeout = text_at(self, node, "timeout"), .options = yaml_find(node, "options") };
	gboolean is_off = enable && !is_true(enable);
	Accepter accepter = { 0 };
	Connector connector = { 0 };

	if (!name || !*name) {
		fault(self, line, "a connection needs a name (&NAME)");
		return;
	}
	if (g_hash_table_contains(self->names, name))
		fault(self, line, "there is a connection %s already", name);
	g_hash_table_insert(self->names, g_strdup(name), GUINT_TO_POINTER(line));
	if (!accept_text || !connect_text) {
		fault(self, line, "connection %s wants an accepter and a connector", name);
		return;
	}
	if ((why = gensio_accepter(accept_text, &accepter)))
		fault(self, yaml_find(node, "accepter")->line, "accepter %s: %s", accept_text, why);
	else if ((why = gensio_connector(connect_text, fallback, self, &connector)))
		fault(self, yaml_find(node, "connector")->line, "connector %s: %s", connect_text, why);
	connection.limited = option_of(self, &connection, "remaddr");
	if (!connection.limited)
		connection.limited = option_of(self, &connection, "allowed-users");
	connection.names = (Ser2netNames){ .name = name,
					   .device = connector.device ? connector.device : connect_text,
					   .port = accept_text,
					   .line = connector.line };
	if (why) {
		Item nothing = { .notes = g_ptr_array_new(), .keys = g_ptr_array_new() };

		say_options(self, &connection, &nothing);
	} else if (!strcmp(connector.kind, "serialdev")) {
		serve_uart(self, name, &accepter, &connector, &connection, is_off);
	} else if (!strcmp(connector.kind, "tcp") && !is_off) {
		relay(self, name, &accepter, &connector, &connection);
	} else {
		import_note(
			self->import, "Connection %s is not taken over: %s on %s.%s", name, connect_text, accept_text,
			connector.program && !strcmp(connector.kind, "pty") ? " A program on channels is a module Exec."
			: !strcmp(connector.kind, "echo") ? " serve echo --transport tcp answers the same."
							  : "");
	}
}

/* --- the rest --- */

static void take_default(Reader *self, const char *name, const Node *node, gboolean is_deleted)
{
	g_autofree char *class = text_at(self, node, "class"), *value = text_at(self, node, "value");
	char *key = g_strdup_printf("%s/%s", class ? class : "", name);

	if (is_deleted)
		g_hash_table_remove(self->defaults, key);
	else
		g_hash_table_insert(self->defaults, key, g_strdup(value ? value : ""));
}

static void take_deleted(Reader *self, const char *name, const Node *classes)
{
	for (guint i = 0; classes->kind == NODE_LIST && i < classes->nodes->len; i++) {
		const char *class = ((Node *)classes->nodes->pdata[i])->text;

		g_hash_table_remove(self->defaults,
				    g_strdup_printf("%s/%s", g_strcmp0(class, "ser2net") ? class : "", name));
	}
}

static void say(Reader *self, const char *what, const char *name, const Node *node, const char *instead)
{
	g_autofree char *accepter = text_at(self, node, "accepter");

	import_note(self->import, "%s%s%s is not taken over%s%s.%s", what, name ? " " : "", name ? name : "",
		    accepter ? ": " : "", accepter ? accepter : "", instead);
}

static void take_one(Reader *self, const char *key, const char *name, const Node *node, guint line)
{
	if (name)
		g_hash_table_add(self->anchors, g_strdup(name));
	if (g_str_has_prefix(key, "connection"))
		take_connection(self, name, node, line);
	else if (g_str_has_prefix(key, "define"))
		g_hash_table_insert(self->texts, g_strdup(name ? name : ""), text_of(self, node));
	else if (g_str_has_prefix(key, "rotator"))
		say(self, "Rotator", name, node, " The first free port of several: its clients choose one now.");
	else if (g_str_has_prefix(key, "admin"))
		say(self, "The admin port", NULL, node, " The console is: backplane -x, or serve console.");
	else if (g_str_has_prefix(key, "led"))
		say(self, "LED", name, node, " A rule can run a command that switches it.");
	else if (g_str_has_prefix(key, "include"))
		import_note(self->import, "Included files are imported one by one: %s", node->text ? node->text : "");
	else
		fault(self, line, "ser2net knows no %s", key);
}

static void take_document(Reader *self, const Node *document)
{
	static const char *const plural[] = { "connections", "defines", "rotators", "admins", "leds", NULL };

	for (guint i = 0; document->kind == NODE_MAP && i + 1 < document->nodes->len; i += 2) {
		const Node *key = document->nodes->pdata[i], *value = document->nodes->pdata[i + 1];
		const char *word = key->text ? key->text : "";

		if (!strcmp(word, "default") || !strcmp(word, "delete_default")) {
			g_autofree char *name = text_at(self, value, "name");

			take_default(self, name ? name : "", value, *word == 'd' && word[2] == 'l');
		} else if (g_strv_contains(plural, word) || !strcmp(word, "defaults") ||
			   !strcmp(word, "delete_defaults")) {
			for (guint j = 0; value->kind == NODE_MAP && j + 1 < value->nodes->len; j += 2) {
				const Node *name = value->nodes->pdata[j], *one = value->nodes->pdata[j + 1];

				if (!strcmp(word, "defaults"))
					take_default(self, name->text ? name->text : "", one, FALSE);
				else if (!strcmp(word, "delete_defaults"))
					take_deleted(self, name->text ? name->text : "", one);
				else
					take_one(self, word, name->text, one, name->line);
			}
		} else {
			take_one(self, word, value->anchor, value, key->line);
		}
	}
}

static gboolean has_v2_keys(const Node *document)
{
	return yaml_find(document, "connections") || yaml_find(document, "defines") || yaml_find(document, "defaults");
}

void import_ser2net_yaml(Import *import, char *text)
{
	Reader self = { .import = import,
			.texts = g_hash_table_new(g_str_hash, g_str_equal),
			.defaults = g_hash_table_new(g_str_hash, g_str_equal),
			.names = g_hash_table_new(g_str_hash, g_str_equal),
			.anchors = g_hash_table_new(g_str_hash, g_str_equal) };
	char *why = NULL;
	guint line = 1;
	GPtrArray *documents = yaml_read(text, &why, &line);

	if (!documents) {
		import_fault(import, import->path, line, "%s", why);
		return;
	}
	for (guint i = 0; i < documents->len; i++)
		self.is_v2 = self.is_v2 || has_v2_keys(documents->pdata[i]);
	for (guint i = 0; i < documents->len; i++)
		take_document(&self, documents->pdata[i]);
}
