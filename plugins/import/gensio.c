/* SPDX-License-Identifier: MIT */
/* gensio.c - "telnet(rfc2217),tcp,localhost,4000" and "serialdev,/dev/ttyS0,9600n81,local". */
#include "gensio.h"
#include <string.h>

GPtrArray *gensio_split(const char *text)
{
	GPtrArray *parts = g_ptr_array_new_with_free_func(g_free);
	GString *part = g_string_new(NULL);
	guint depth = 0;
	char quote = 0;

	for (const char *at = text;; at++) {
		gboolean ends = !*at || (!quote && !depth && strchr(", \t\r\n", *at));

		if (ends) {
			if (part->len)
				g_ptr_array_add(parts, g_strdup(part->str));
			g_string_truncate(part, 0);
			if (!*at)
				break;
			continue;
		}
		if (*at == '\\' && at[1]) {
			g_string_append_c(part, *++at);
			continue;
		}
		if (quote ? *at == quote : *at == '"' || *at == '\'') {
			quote = quote ? 0 : *at;
			continue;
		}
		if (*at == '(')
			depth++;
		else if (*at == ')' && depth)
			depth--;
		g_string_append_c(part, *at);
	}
	g_string_free(part, TRUE);
	return parts;
}

/* "ssl(key=a,cert=b)": its name and its options. */
static char *take_options(const char *part, GPtrArray **options)
{
	const char *open = strchr(part, '('), *close = strrchr(part, ')');
	g_autofree char *inside = open && close ? g_strndup(open + 1, (gsize)(close - open - 1)) : NULL;

	*options = gensio_split(inside ? inside : "");
	return open ? g_strndup(part, (gsize)(open - part)) : g_strdup(part);
}

/* NULL: it is not among them; "true" if it stands there alone. */
static const char *option(const GPtrArray *options, const char *name)
{
	gsize size = strlen(name);

	for (guint i = 0; i < options->len; i++) {
		const char *text = options->pdata[i];

		if (!strcmp(text, name))
			return "true";
		if (!strncmp(text, name, size) && text[size] == '=')
			return text + size + 1;
	}
	return NULL;
}

static gboolean is_true(const char *value)
{
	return value && (!g_ascii_strcasecmp(value, "true") || !strcmp(value, "1") ||
			 !g_ascii_strcasecmp(value, "on") || !g_ascii_strcasecmp(value, "yes"));
}

/* [ipv4,][HOST,]PORT */
static char *take_address(const GPtrArray *parts, guint at, char **host, char **port)
{
	gboolean v4 = at < parts->len && !strcmp(parts->pdata[at], "ipv4");
	gboolean v6 = at < parts->len && g_str_has_prefix(parts->pdata[at], "ipv6");
	guint number;

	at += v4 || v6;
	if (at + 2 == parts->len)
		*host = g_strdup(parts->pdata[at++]);
	else if (v4)
		*host = g_strdup("0.0.0.0");
	if (at + 1 != parts->len || !parse_number(parts->pdata[at], 0, 65535, &number))
		return g_strdup("an address is [HOST,]PORT");
	*port = g_strdup(parts->pdata[at]);
	return NULL;
}

char *gensio_accepter(const char *text, Accepter *accepter)
{
	g_autoptr(GPtrArray) parts = gensio_split(text);

	for (guint at = 0; at < parts->len; at++) {
		g_autoptr(GPtrArray) options = NULL;
		g_autofree char *name = take_options(parts->pdata[at], &options);

		if (!strcmp(name, "telnet")) {
			accepter->telnet = TRUE;
			accepter->rfc2217 = is_true(option(options, "rfc2217"));
		} else if (!strcmp(name, "ssl")) {
			accepter->tls = TRUE;
			accepter->key = g_strdup(option(options, "key"));
			accepter->cert = g_strdup(option(options, "cert"));
			accepter->ca = g_strdup(option(options, "CA"));
			accepter->client_auth = is_true(option(options, "clientauth"));
		} else if (!strcmp(name, "tcp") || !strcmp(name, "udp")) {
			accepter->kind = !strcmp(name, "tcp") ? "tcp" : "udp";
			return take_address(parts, at + 1, &accepter->host, &accepter->port);
		} else if (!strcmp(name, "unix")) {
			accepter->kind = "unix";
			if (at + 2 != parts->len)
				return g_strdup("unix wants a path");
			accepter->path = g_strdup(parts->pdata[at + 1]);
			return NULL;
		} else {
			accepter->kind = g_intern_string(name);
			return NULL;
		}
	}
	return g_strdup("it does not say where it listens");
}

void gensio_serve(Import *import, Item *server, const Accepter *accepter, gboolean is_limited)
{
	if (accepter->port)
		item_set(server, "port", "%s", accepter->port);
	if (accepter->path)
		item_set(server, "bind", "%s", accepter->path);
	else
		item_bind(import, server, accepter->host, is_limited);
	if (!accepter->tls)
		return;
	item_set(server, "tls", "yes");
	if (accepter->cert)
		item_set(server, "tls_cert", "%s", accepter->cert);
	if (accepter->key)
		item_set(server, "tls_key", "%s", accepter->key);
	if (accepter->ca && g_str_has_suffix(accepter->ca, "/")) {
		g_autofree char *file = g_strdup_printf("%.*s.pem", (int)strlen(accepter->ca) - 1, accepter->ca);

		item_set(server, "tls_client_ca", "%s", file);
		item_note(server, "The authorities of clients are one file here; make it: cat %s*.pem >%s",
			  accepter->ca, file);
	} else if (accepter->ca) {
		item_set(server, "tls_client_ca", "%s", accepter->ca);
	}
	if (accepter->client_auth && !accepter->ca) {
		server->is_off = TRUE;
		item_note(
			server,
			"Clients had to show a certificate (clientauth) of an authority of the system: name it in tls_client_ca.");
	}
}

/* --- what is connected --- */

static const char *const silent[] = { "custspeed", "uucplock", "flock", "drain_time", "char_drain_wait", NULL };
static const char *const noted[] = { "nobreak", "hangup-when-done", "hangup_when_done", NULL };

static char *take_line_option(Connector *connector, const char *text, gboolean *is_local)
{
	const char *equals = strchr(text, '=');
	g_autofree char *name = equals ? g_strndup(text, (gsize)(equals - text)) : g_strdup(text);
	const char *value = equals ? equals + 1 : "true";

	if (g_ascii_isdigit(*text))
		return line_parse(&connector->line, text) ? NULL
							  : g_strdup_printf("%s is no speed, as in 9600N81", text);
	if (!strcmp(name, "xonxoff"))
		connector->line.xonxoff = is_true(value);
	else if (!strcmp(name, "rtscts"))
		connector->line.rtscts = is_true(value);
	else if (!strcmp(name, "local"))
		*is_local = is_true(value);
	else if (!strcmp(name, "dtr"))
		connector->dtr = g_strdup(is_true(value) ? "on" : "off");
	else if (!strcmp(name, "rts"))
		connector->rts = g_strdup(is_true(value) ? "on" : "off");
	else if (!strcmp(name, "rs485"))
		connector->rs485 = g_strdup(value);
	else if (!strcmp(name, "speed"))
		return take_line_option(connector, value, is_local);
	else if (g_strv_contains(noted, name))
		g_ptr_array_add(connector->notes,
				g_strdup_printf("Option of the line without a counterpart: %s", text));
	else if (!g_strv_contains(silent, name))
		return g_strdup_printf("serialdev has no option %s", text);
	return NULL;
}

static char *take_serial(const GPtrArray *parts, guint at, GensioDefault fallback, gpointer data, Connector *connector)
{
	static const char *const defaults[] = { "speed", "xonxoff", "rtscts", "local", "rs485", "dtr", "rts", NULL };
	gboolean is_local = FALSE;
	char *why = NULL;

	connector->kind = "serialdev";
	connector->line = LINE_9600;
	if (at == parts->len)
		return g_strdup("serialdev wants a device");
	connector->device = g_strdup(parts->pdata[at]);
	for (const char *const *name = defaults; *name && !why; name++) {
		const char *value = fallback("serialdev", *name, data);
		g_autofree char *text = value ? g_strdup_printf("%s=%s", *name, value) : NULL;

		if (text)
			why = take_line_option(connector, text, &is_local);
	}
	for (at++; at < parts->len && !why; at++)
		why = take_line_option(connector, parts->pdata[at], &is_local);
	if (!is_local)
		g_ptr_array_add(
			connector->notes,
			g_strdup("It waited for the carrier of a modem (no `local`); here the port is always open."));
	return why;
}

char *gensio_connector(const char *text, GensioDefault fallback, gpointer data, Connector *connector)
{
	g_autoptr(GPtrArray) parts = gensio_split(text);

	connector->notes = g_ptr_array_new_with_free_func(g_free);
	for (guint at = 0; at < parts->len; at++) {
		g_autoptr(GPtrArray) options = NULL;
		g_autofree char *name = take_options(parts->pdata[at], &options);

		if (!strcmp(name, "keepopen")) {
			if (option(options, "discard-badwrites"))
				g_ptr_array_add(
					connector->notes,
					g_strdup(
						"What is sent while the device is not there is dropped (on_unplug=fail), as it was."));
			continue;
		}
		if (!strcmp(name, "serialdev") || !strcmp(name, "sdev"))
			return take_serial(parts, at + 1, fallback, data, connector);
		if (!strcmp(name, "tcp")) {
			connector->kind = "tcp";
			return take_address(parts, at + 1, &connector->host, &connector->port);
		}
		connector->kind = g_intern_string(name);
		connector->program = at + 1 < parts->len ? g_strdup(parts->pdata[at + 1]) : NULL;
		return NULL;
	}
	return g_strdup("it does not name what is connected");
}
