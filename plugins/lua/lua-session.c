/* SPDX-License-Identifier: MIT */
/* lua-session.c - sessions of libsoup, one for each way in which servers prove who they are. */
#include "lua-http.h"
#include <string.h>

#define MOST_SESSIONS 16
#define MOST_CONNECTIONS 64
#define IDLE_SECONDS 30
#define DRAIN_MS 5000

void session_begin(Script *script)
{
	script->operations++;
}

void session_end(Script *script)
{
	script->operations--;
}

static SoupSession *session_new(void)
{
	SoupSession *session = soup_session_new_with_options("max-conns", MOST_CONNECTIONS, "max-conns-per-host",
							     MOST_CONNECTIONS / 4, "idle-timeout", IDLE_SECONDS,
							     "user-agent", "backplane", NULL);

	soup_session_set_proxy_resolver(session, NULL);
	return session;
}

SoupSession *session_of(Run *run, const Trust *trust, GError **error)
{
	const char *name = trust->unchecked ? "unchecked" : trust->authority ? trust->authority : "system";
	SoupSession *session;

	if (!run->sessions)
		run->sessions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_object_unref);
	session = g_hash_table_lookup(run->sessions, name);
	if (session)
		return session;
	if (g_hash_table_size(run->sessions) >= MOST_SESSIONS) {
		bp_fail(error, BP_LIMIT, "%d different certificate authorities are in use already", MOST_SESSIONS - 2);
		return NULL;
	}
	session = session_new();
	g_hash_table_insert(run->sessions, g_strdup(name), session);
	return session;
}

/* --- certificates --- */

static const char *certificate_fault(GTlsCertificateFlags errors)
{
	return errors & G_TLS_CERTIFICATE_BAD_IDENTITY	  ? "it is for another name"
	       : errors & G_TLS_CERTIFICATE_EXPIRED	  ? "it has expired"
	       : errors & G_TLS_CERTIFICATE_NOT_ACTIVATED ? "it is not valid yet"
	       : errors & G_TLS_CERTIFICATE_REVOKED	  ? "it was revoked"
	       : errors & G_TLS_CERTIFICATE_INSECURE	  ? "its algorithm is not secure"
	       : errors & G_TLS_CERTIFICATE_UNKNOWN_CA	  ? "its authority is not trusted"
							  : "it cannot be checked";
}

/* By the authority of the message, or those of the system. */
static GTlsCertificateFlags faults_of(SoupMessage *message, GTlsCertificate *certificate)
{
	GTlsCertificate *authority = g_object_get_data(G_OBJECT(message), "authority");
	GUri *uri = soup_message_get_uri(message);
	int port = g_uri_get_port(uri);
	g_autoptr(GSocketConnectable)
		name = g_network_address_new(g_uri_get_host(uri), (guint16)(port > 0 ? port : 443));
	g_autoptr(GTlsDatabase) system = NULL;

	if (!certificate)
		return G_TLS_CERTIFICATE_GENERIC_ERROR;
	if (authority)
		return g_tls_certificate_verify(certificate, name, authority);
	system = g_tls_backend_get_default_database(g_tls_backend_get_default());
	return system ? g_tls_database_verify_chain(system, certificate, G_TLS_DATABASE_PURPOSE_AUTHENTICATE_SERVER,
						    name, NULL, G_TLS_DATABASE_VERIFY_NONE, NULL, NULL)
		      : G_TLS_CERTIFICATE_UNKNOWN_CA;
}

static gboolean is_trusted(SoupMessage *message, GTlsCertificate *certificate)
{
	GTlsCertificateFlags faults = faults_of(message, certificate);

	if (faults)
		g_object_set_data(G_OBJECT(message), "fault", (gpointer)certificate_fault(faults));
	return !faults;
}

static gboolean accept_any(SoupMessage *message, GTlsCertificate *certificate, GTlsCertificateFlags errors)
{
	return TRUE;
}

static gboolean on_certificate(SoupMessage *message, GTlsCertificate *certificate, GTlsCertificateFlags errors)
{
	return is_trusted(message, certificate);
}

/* Before a request is sent, once more: GnuTLS resumes the TLS session of an earlier connection of this process without looking at the
 * certificate, and that one may have been made without a check, or with another authority. */
static void on_starting(SoupMessage *message, gpointer cancel)
{
	if (!strcmp(g_uri_get_scheme(soup_message_get_uri(message)), "https") ||
	    !strcmp(g_uri_get_scheme(soup_message_get_uri(message)), "wss"))
		if (!is_trusted(message, soup_message_get_tls_peer_certificate(message)))
			g_cancellable_cancel(cancel);
}

static gboolean set_trust(SoupMessage *message, const Trust *trust, GCancellable *cancel, GError **error)
{
	GTlsCertificate *authority;

	if (trust->unchecked) {
		g_signal_connect(message, "accept-certificate", G_CALLBACK(accept_any), NULL);
		return TRUE;
	}
	g_signal_connect_object(message, "starting", G_CALLBACK(on_starting), cancel, 0);
	if (!trust->authority)
		return TRUE;
	authority = g_tls_certificate_new_from_pem(trust->authority, -1, NULL);
	if (!authority)
		return bp_fail(error, BP_INVALID, "certificateAuthority is no certificate in PEM");
	g_object_set_data_full(G_OBJECT(message), "authority", authority, g_object_unref);
	g_signal_connect(message, "accept-certificate", G_CALLBACK(on_certificate), NULL);
	return TRUE;
}

char *session_error_text(SoupMessage *message, const GError *error)
{
	GUri *uri = soup_message_get_uri(message);
	const char *host = g_uri_get_host(uri), *fault = g_object_get_data(G_OBJECT(message), "fault");
	int port = g_uri_get_port(uri);

	if (g_error_matches(error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE) && !fault)
		fault = certificate_fault(soup_message_get_tls_peer_certificate_errors(message));
	if (fault)
		return g_strdup_printf("the certificate of %s was refused: %s", host, fault);
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
		return g_strdup("timeout");
	if (error->domain == G_RESOLVER_ERROR || g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED) ||
	    g_error_matches(error, G_IO_ERROR, G_IO_ERROR_HOST_UNREACHABLE) ||
	    g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NETWORK_UNREACHABLE))
		return g_strdup_printf("Cannot connect to host %s:%d [%s]", host, port, error->message);
	if (g_error_matches(error, SOUP_SESSION_ERROR, SOUP_SESSION_ERROR_TOO_MANY_REDIRECTS))
		return g_strdup("too many redirects");
	return g_strdup(error->message);
}

/* --- messages --- */

/* libsoup interns the names of methods and never frees them. */
static const char *method_named(const char *name)
{
	static const char *const known[] = { "GET",	 "HEAD",      "POST",	     "PUT",    "PATCH",	    "DELETE",
					     "OPTIONS",	 "TRACE",     "PROPFIND",    "MKCOL",  "PROPPATCH", "COPY",
					     "MOVE",	 "LOCK",      "UNLOCK",	     "REPORT", "SEARCH",    "NOTIFY",
					     "M-SEARCH", "SUBSCRIBE", "UNSUBSCRIBE", NULL };

	for (guint i = 0; known[i]; i++)
		if (!g_ascii_strcasecmp(known[i], name))
			return known[i];
	return NULL;
}

SoupMessage *session_message(const char *method, const char *url, const char *const *schemes, const Trust *trust,
			     GCancellable *cancel, GError **error)
{
	const char *known = method_named(method);
	g_autoptr(GError) why = NULL;
	g_autoptr(GUri) uri = NULL;
	SoupMessage *message;

	if (!known) {
		bp_fail(error, BP_INVALID, "%.40s is not a known method", method);
		return NULL;
	}
	uri = g_uri_parse(url, SOUP_HTTP_URI_FLAGS, &why);
	if (!uri || !g_uri_get_host(uri) || !*g_uri_get_host(uri)) {
		bp_fail(error, BP_INVALID, "%.200s is not a URL%s%s", url, why ? ": " : "", why ? why->message : "");
		return NULL;
	}
	if (!g_strv_contains(schemes, g_uri_get_scheme(uri))) {
		bp_fail(error, BP_INVALID, "%.200s: only %s:// and %s:// are possible here", url, schemes[0],
			schemes[1]);
		return NULL;
	}
	message = soup_message_new_from_uri(known, uri);
	if (set_trust(message, trust, cancel, error))
		return message;
	g_object_unref(message);
	return NULL;
}

static gboolean is_token(const char *name, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!g_ascii_isalnum(name[i]) && (!name[i] || !strchr("!#$%&'*+-.^_`|~", name[i])))
			return FALSE;
	return size > 0;
}

static gboolean is_value(const char *value, size_t size)
{
	return !memchr(value, '\r', size) && !memchr(value, '\n', size) && !memchr(value, '\0', size);
}

static gboolean add_header(lua_State *L, SoupMessageHeaders *headers, GError **error)
{
	size_t name_size, size;
	const char *name, *value;

	if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
		return bp_fail(error, BP_INVALID, "headers are a table of names with texts");
	name = lua_tolstring(L, -2, &name_size);
	value = lua_tolstring(L, -1, &size);
	if (!is_token(name, name_size) || !is_value(value, size))
		return bp_fail(error, BP_INVALID, "the header %.40s is not possible", name);
	/* The length is that of the body, whatever the script has counted. */
	if (g_ascii_strcasecmp(name, "Content-Length") != 0 && g_ascii_strcasecmp(name, "Transfer-Encoding") != 0)
		soup_message_headers_replace(headers, name, value);
	return TRUE;
}

gboolean session_headers(lua_State *L, int index, SoupMessage *message, GError **error)
{
	gboolean good = TRUE;

	if (!lua_istable(L, index))
		return TRUE;
	for (lua_pushnil(L); good && lua_next(L, index); lua_pop(L, 1)) {
		good = add_header(L, soup_message_get_request_headers(message), error);
		if (!good)
			lua_pop(L, 1);
	}
	return good;
}

/* --- the end of the script --- */

/* Returns in time for session_drain to look at the clock. */
static int poll_briefly(GPollFD *fds, guint count, int timeout)
{
	return g_poll(fds, count, timeout < 0 ? 100 : MIN(timeout, 100));
}

void session_drain(Script *script)
{
	GMainContext *context = bp_loop_context(script->loop);
	gint64 end = g_get_monotonic_time() + DRAIN_MS * 1000;

	if (!script->operations)
		return;
	g_main_context_set_poll_func(context, poll_briefly);
	g_main_context_push_thread_default(context);
	while (script->operations && g_get_monotonic_time() < end)
		g_main_context_iteration(context, TRUE);
	g_main_context_pop_thread_default(context);
}
