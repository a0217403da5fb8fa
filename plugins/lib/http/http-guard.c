/* SPDX-License-Identifier: MIT */
/* http-guard.c - no web page of another site may use a server of ours.
 *
 * Host must be a name of ours, so that a name of an attacker's that now resolves to this machine gets nothing (DNS
 * rebinding). Origin, Referer and Sec-Fetch-Site, where a browser sends them, must be our own. A browser sends one of
 * them with whatever changes something; a program sends none, and is let in. What calls itself a browser and sends
 * none is not.
 */
#include <arpa/inet.h>
#include <string.h>
#include "http-server.h"

/* "localhost:2080" without a port that is the scheme's own; `*size` of it. */
static void cut_port(const char *text, gsize *size, const char *port)
{
	gsize length = strlen(port);

	if (*size > length && memcmp(text + *size - length, port, length) == 0)
		*size -= length;
}

static gboolean is_loopback_name(const char *name, gsize size)
{
	g_autofree char *text = NULL;
	BpAddress address;

	if ((size == 9 && g_ascii_strncasecmp(name, "localhost", 9) == 0) ||
	    (size > 10 && g_ascii_strncasecmp(name + size - 10, ".localhost", 10) == 0))
		return TRUE;
	if (size > 2 && name[0] == '[')
		text = g_strndup(name + 1, size - 2);
	else
		text = g_strndup(name, size);
	return g_ascii_isxdigit(text[0] == ':' ? '0' : text[0]) && bp_address_parse(&address, text, 1, NULL) &&
	       bp_address_is_loopback(&address);
}

/* The address that the client has reached, or the one that was asked to be bound. */
static gboolean is_own_address(const BpHttpExchange *exchange, const char *name, gsize size)
{
	const char *local = bp_stream_local(exchange->connection->stream);
	const char *colon = strrchr(local, ':');
	const char *bind = exchange->connection->server->bind;

	if (colon && (gsize)(colon - local) == size && g_ascii_strncasecmp(local, name, size) == 0)
		return TRUE;
	return bind && strlen(bind) == size && g_ascii_strncasecmp(bind, name, size) == 0;
}

static gboolean is_listed(const char *const *list, const char *name, gsize size)
{
	for (; list && *list; list++)
		if (strcmp(*list, "*") == 0 || (strlen(*list) == size && g_ascii_strncasecmp(*list, name, size) == 0))
			return TRUE;
	return FALSE;
}

static gboolean is_our_host(BpHttpExchange *exchange, const char *host, gsize size)
{
	BpHttpServer *server = exchange->connection->server;
	const char *colon = memrchr(host, ':', size);
	gsize name_size = colon && !memchr(colon, ']', size - (gsize)(colon - host)) ? (gsize)(colon - host) : size;

	if (name_size > 1 && host[name_size - 1] == '.') /* the root of all names */
		name_size--;
	if (server->known_host && size == server->known_size && memcmp(host, server->known_host, size) == 0)
		return TRUE;
	if (is_own_address(exchange, host, name_size))
		return TRUE;
	if (!is_loopback_name(host, name_size) && !is_listed(server->hosts, host, name_size) &&
	    !is_listed(server->hosts, host, size))
		return FALSE;
	g_free(server->known_host);
	server->known_host = g_strndup(host, size);
	server->known_size = size;
	return TRUE;
}

/* `text` is an origin, or an address that begins with one. */
static gboolean is_our_origin(const BpHttpExchange *exchange, const char *text, gboolean whole)
{
	const HttpHead *head = &exchange->head;
	const char *own = http_text(exchange, head->host), *at = strstr(text, "://");
	gsize own_size = head->host.size, size = at ? strcspn(at + 3, "/?#") : 0,
	      text_size = at ? (gsize)(at - text) + 3 + size : 0;
	gboolean tls = at - text == 5;
	const char *scheme = http_forwarded_scheme(exchange);

	if (strcmp(text, "null") == 0) /* a page that is a file, or has no origin on purpose */
		return is_listed(exchange->connection->server->origins, text, strlen(text));
	if (!at || (whole && text[text_size]))
		return FALSE;
	if (is_listed(exchange->connection->server->origins, text, text_size))
		return TRUE;
	if (g_ascii_strncasecmp(text, tls ? "https" : "http", tls ? 5 : 4) != 0 || (!tls && at - text != 4))
		return FALSE;
	if (scheme && strcmp(scheme, tls ? "https" : "http") != 0)
		return FALSE;
	at += 3;
	cut_port(at, &size, tls ? ":443" : ":80");
	cut_port(own, &own_size, tls ? ":443" : ":80");
	return size && size == own_size && g_ascii_strncasecmp(at, own, size) == 0;
}

static gboolean is_any_origin(const BpHttpExchange *exchange)
{
	return is_listed(exchange->connection->server->origins, "", 0);
}

/* All fields of that name must be ours; `*seen` when there is one. */
static gboolean is_field_ours(const BpHttpExchange *exchange, const char *name, gboolean whole, gboolean *seen)
{
	const char *bytes = (const char *)exchange->bytes->data;
	const HttpField *field;
	guint at = 0;

	while ((field = http_head_find(&exchange->head, bytes, name, &at))) {
		*seen = TRUE;
		if (!is_our_origin(exchange, bytes + field->value, whole))
			return FALSE;
	}
	return TRUE;
}

#define OTHER_SITE(why) why "; the parameter origins lets pages of other sites in"

static const char *find_foreign(const BpHttpExchange *exchange, gboolean *proof)
{
	const char *site = bp_http_header(exchange, "sec-fetch-site");
	gboolean origin = FALSE, referer = FALSE;

	if (is_any_origin(exchange))
		return NULL;
	if (!is_field_ours(exchange, "origin", TRUE, &origin))
		return OTHER_SITE("the Origin of the request is another site");
	/* An Origin of the list comes with a site of "cross-site". */
	if (site && !origin && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
		return OTHER_SITE("the request comes from a page of another site (Sec-Fetch-Site)");
	if (site && origin && strcmp(site, "cross-site") == 0 && !exchange->connection->server->origins[0])
		return OTHER_SITE("the request comes from a page of another site (Sec-Fetch-Site)");
	if (!is_field_ours(exchange, "referer", FALSE, &referer))
		return OTHER_SITE("the Referer of the request is another site");
	*proof = origin || referer || site;
	return NULL;
}

gboolean bp_http_is_own_origin(const BpHttpExchange *exchange)
{
	gboolean proof = FALSE;

	return !find_foreign(exchange, &proof);
}

/* Programs name themselves otherwise, and no page of another site can make them send a request. */
static gboolean is_no_unknown_page(const BpHttpExchange *exchange, gboolean proof)
{
	const char *agent = bp_http_header(exchange, "user-agent");

	return proof || bp_http_header(exchange, "x-backplane") || bp_http_header(exchange, "authorization") ||
	       !agent || strncmp(agent, "Mozilla/", 8) != 0;
}

gboolean bp_http_is_proven(const BpHttpExchange *exchange)
{
	gboolean proof = FALSE;

	return !find_foreign(exchange, &proof) && is_no_unknown_page(exchange, proof);
}

static gboolean changes_something(HttpMethod method)
{
	return method != HTTP_GET && method != HTTP_HEAD && method != HTTP_OPTIONS;
}

guint http_guard(BpHttpExchange *exchange, const char **why)
{
	HttpHead *head = &exchange->head;
	const BpHttpRoute *route = NULL;
	gboolean proof = FALSE;
	const char *foreign;
	BpPlugin *owner;

	if (head->host.size && !is_our_host(exchange, http_text(exchange, head->host), head->host.size)) {
		*why = "this server is not called by the name in Host; the parameter hosts adds names";
		return 421;
	}
	if (head->authority.size &&
	    !is_our_host(exchange, http_text(exchange, head->authority), head->authority.size)) {
		*why = "this server is not called by the name in the request target; the parameter hosts adds names";
		return 421;
	}
	foreign = find_foreign(exchange, &proof);
	if (foreign) {
		if (exchange->connection->server->listener)
			route = http_route_find(exchange->path, &owner);
		if (route && route->any_origin)
			return 0;
		*why = foreign;
		return 403;
	}
	if (!changes_something(head->method) || is_no_unknown_page(exchange, proof))
		return 0;
	*why = "a browser must say where a change comes from: Origin, Sec-Fetch-Site, or the field X-Backplane";
	return 403;
}
