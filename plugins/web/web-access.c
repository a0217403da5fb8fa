/* SPDX-License-Identifier: MIT */
/* web-access.c - who asks, and what he may do: by the server's token, a token of his own, a cookie or a password; the form to log in. */
#include <string.h>
#include <backplane/serve.h>
#include "web.h"

static GHashTable *passed; /* BpHttpExchange -> BpSubject: the password of this request was right */

/* --- what was shown --- */

static const char *text_of(BpInstance *self, const char *param)
{
	return bp_param_find(bp_values_table(bp_instance_values(self)), param) ? bp_instance_string(self, param) : NULL;
}

/* Of this port: hosts on one machine have the same cookies. */
static char *cookie_name(BpHttpExchange *exchange)
{
	return g_strdup_printf("backplane-%u", bp_server_port(bp_http_listener(bp_http_server(exchange))));
}

static char *cookie_of(BpHttpExchange *exchange)
{
	const char *header = bp_http_header(exchange, "cookie");
	g_autofree char *name = cookie_name(exchange);
	g_auto(GStrv) parts = g_strsplit(header ? header : "", ";", 64);

	for (char **part = parts; *part; part++)
		if (g_str_has_prefix(g_strstrip(*part), name) && (*part)[strlen(name)] == '=')
			return g_strdup(*part + strlen(name) + 1);
	return NULL;
}

/* "Basic": NAME:PASSWORD; the name is yours, the password is behind it. */
static char *basic_of(BpHttpExchange *exchange, const char **password)
{
	const char *field = bp_http_header(exchange, "authorization");
	char *pair, *colon;
	gsize size;

	if (!field || g_ascii_strncasecmp(field, "Basic ", 6) != 0)
		return NULL;
	pair = g_strstrip(g_strdup(field + 6));
	if (*pair && strlen(pair) % 4 == 0) {
		g_base64_decode_inplace(pair, &size);
		pair = g_realloc(pair, size + 1);
		pair[size] = '\0';
		colon = strchr(pair, ':');
		if (colon) {
			*colon = '\0';
			*password = colon + 1;
			return pair;
		}
	}
	g_free(pair);
	return NULL;
}

static gboolean is_secret(const char *shown, const char *secret)
{
	return shown && secret && *secret && bp_secret_equal(shown, secret);
}

gboolean web_subject(BpHttpExchange *exchange, BpSubject *subject)
{
	BpInstance *self = bp_server_instance(bp_http_listener(bp_http_server(exchange)));
	const BpSubject *known = passed ? g_hash_table_lookup(passed, exchange) : NULL;
	const char *own = text_of(self, "token"), *password = NULL;
	g_autofree char *token = bp_http_token(exchange, TRUE), *cookie = cookie_of(exchange);
	g_autofree char *name = basic_of(exchange, &password);
	const BpAccess *access = bp_access();
	BpAuth auth = bp_auth_of(self);

	*subject = (BpSubject){ "", BP_ADMIN };
	if (known)
		return !access || access->find(known->name, subject);
	if (is_secret(token, own) || is_secret(password, own))
		return TRUE;
	if (access && ((token && access->token(token, subject)) || (cookie && access->token(cookie, subject)) ||
		       (password && access->token(password, subject))))
		return TRUE;
	*subject = (BpSubject){ "", auth == BP_AUTH_OPTIONAL ? BP_OBSERVER : BP_ADMIN };
	return auth != BP_AUTH_REQUIRED && !(own && *own);
}

BpRole web_role(BpHttpExchange *exchange)
{
	BpSubject subject;

	return web_subject(exchange, &subject) ? subject.role : BP_OBSERVER;
}

char *web_who(const BpSubject *subject, const char *peer)
{
	return *subject->name ? g_strdup_printf("%s@%s", subject->name, peer) : g_strdup(peer);
}

void web_note(BpHttpExchange *exchange, const char *what, const char *refused)
{
	const BpAccess *access = bp_access();
	g_autofree char *from = g_strconcat("web ", bp_http_peer(exchange), NULL);
	BpSubject subject;

	if (access && web_subject(exchange, &subject))
		access->note(subject.name, from, what, refused);
}

/* --- those who may not --- */

static gboolean is_page(BpHttpExchange *exchange)
{
	const char *accept = bp_http_header(exchange, "accept");

	return web_is_method(exchange, "GET") && accept && strstr(accept, "text/html") &&
	       strcmp(bp_http_path(exchange), "/") == 0;
}

void web_refuse(BpHttpExchange *exchange)
{
	if (bp_access() && is_page(exchange)) {
		bp_http_add_header(exchange, "Location", "login");
		bp_http_respond(exchange, 303, NULL, NULL, 0);
		return;
	}
	/* A browser would ask in a window of its own, where the page has a form. */
	if (!bp_access() || !bp_http_header(exchange, "sec-fetch-mode"))
		bp_http_add_header(exchange, "WWW-Authenticate", "Basic realm=\"Backplane\", charset=\"UTF-8\"");
	bp_http_respond_problem(exchange, 401,
				bp_access_is_needed()
					? "log in at /login, or show a token as Bearer, or a name and a password"
					: "show the token of this server: as Bearer, or as a password with any name");
}

/* What is there before anybody has logged in; none of it tells anything of this host. */
static gboolean is_public(const char *path)
{
	return strcmp(path, "/healthz") == 0 || strcmp(path, "/login") == 0 || g_str_has_prefix(path, "/assets/");
}

/* It shows metrics_token where that is of use. */
static gboolean is_scraper(BpHttpExchange *exchange)
{
	const char *scraper = text_of(bp_server_instance(bp_http_listener(bp_http_server(exchange))), "metrics_token");
	g_autofree char *token = bp_http_token(exchange, FALSE);
	const char *password = NULL;
	g_autofree char *name = basic_of(exchange, &password);

	return strcmp(bp_http_path(exchange), "/metrics") == 0 &&
	       (is_secret(token, scraper) || is_secret(password, scraper));
}

/* Without asking for a password. */
static gboolean is_in(BpHttpExchange *exchange)
{
	BpSubject subject;

	return is_public(bp_http_path(exchange)) || is_scraper(exchange) || web_subject(exchange, &subject);
}

gboolean web_may_enter(BpHttpExchange *exchange)
{
	const char *password = NULL;
	g_autofree char *name = basic_of(exchange, &password);

	return is_in(exchange) || (name && *name && bp_access()); /* it is checked when the request is there */
}

/* --- passwords --- */

typedef struct {
	BpHttpExchange *exchange;
	void (*go_on)(BpHttpExchange *exchange, const BpSubject *subject);
} PasswordCheck;

static void on_checked(BpPlugin *self, const BpSubject *subject, gpointer data)
{
	PasswordCheck *check = data;

	check->go_on(check->exchange, subject);
}

/* The exchange's scope ends with it, and then nothing is called. */
static void check_password(BpHttpExchange *exchange, const char *user, const char *password,
			   void (*go_on)(BpHttpExchange *exchange, const BpSubject *subject))
{
	const BpAccess *access = bp_access();
	const char *peer = bp_http_peer(exchange), *colon = strrchr(peer, ':');
	g_autofree char *address = g_strndup(peer, colon ? (gsize)(colon - peer) : strlen(peer));
	PasswordCheck *check = g_new(PasswordCheck, 1);

	*check = (PasswordCheck){ exchange, go_on };
	if (access && access->check(bp_http_scope(exchange), user, password, address, on_checked, check, g_free))
		return;
	g_free(check);
	bp_http_add_header(exchange, "Retry-After", "10");
	bp_http_respond_problem(exchange, access ? 429 : 503,
				access ? "too many tries are waiting; try again later"
				       : "nobody can log in: the plugin access is not loaded");
}

static void forget(gpointer exchange)
{
	if (passed)
		g_hash_table_remove(passed, exchange);
}

/* It is forgotten with the scope, however the exchange ends: its memory is used for the next one. */
static void go_on_with(BpHttpExchange *exchange, const BpSubject *subject)
{
	if (!subject) {
		web_refuse(exchange);
		return;
	}
	if (!passed)
		passed = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	g_hash_table_insert(passed, exchange, g_memdup2(subject, sizeof(*subject)));
	bp_plugin_defer_undo(bp_http_scope(exchange), forget, exchange);
	web_serve(exchange);
}

gboolean web_check_first(BpHttpExchange *exchange)
{
	const char *password = NULL;
	g_autofree char *user = NULL;

	if (is_in(exchange))
		return FALSE;
	user = basic_of(exchange, &password);
	if (user)
		check_password(exchange, user, password, go_on_with);
	else
		web_refuse(exchange);
	return TRUE;
}

/* --- the form --- */

static const char form[] =
	"<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
	"<title>Log in to Backplane</title><link rel=\"icon\" href=\"assets/icon.svg\"><link rel=\"stylesheet\" "
	"href=\"assets/style.css\"><script src=\"assets/theme.js\"></script>"
	"<body class=\"login\"><main><form method=\"post\" action=\"login\"><h1>Backplane</h1>%s"
	"<label>Name <input name=\"user\" autocomplete=\"username\" required autofocus></label>"
	"<label>Password <input name=\"password\" type=\"password\" autocomplete=\"current-password\" required></label>"
	"<button class=\"primary\">Log in</button></form></main></body></html>";

static void show_form(BpHttpExchange *exchange, guint status, const char *said)
{
	g_autofree char *note = said ? g_strdup_printf("<p role=\"alert\">%s</p>", said) : g_strdup("");
	g_autofree char *page = g_strdup_printf(form, note);

	bp_http_add_header(exchange, "Cache-Control", "no-store");
	bp_http_respond(exchange, status, "text/html; charset=utf-8", page, strlen(page));
}

static void set_cookie(BpHttpExchange *exchange, const char *value, const char *age)
{
	g_autofree char *name = cookie_name(exchange);
	gboolean tls = bp_instance_bool(bp_server_instance(bp_http_listener(bp_http_server(exchange))), "tls");
	g_autofree char *cookie = g_strdup_printf("%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%s%s", name, value,
						  age, tls ? "; Secure" : "");

	bp_http_add_header(exchange, "Set-Cookie", cookie);
	bp_http_add_header(exchange, "Location", "./");
	bp_http_respond(exchange, 303, NULL, NULL, 0);
}

static void on_login(BpHttpExchange *exchange, const BpSubject *subject)
{
	g_autofree char *token = subject && bp_access() ? bp_access()->remember(subject) : NULL;

	if (token)
		set_cookie(exchange, token, "43200");
	else
		show_form(exchange, 403, "Name or password is wrong.");
}

void web_serve_login(WebServer *server, BpHttpExchange *exchange)
{
	gsize size;
	const char *body = bp_http_body(exchange, &size);
	g_autofree char *user = NULL, *password = NULL;

	if (!web_is_method(exchange, "POST")) {
		show_form(exchange, 200,
			  bp_access_is_needed() ? NULL : "There are no users yet: nobody needs to log in.");
		return;
	}
	user = bp_http_form_value(body, size, "user");
	password = bp_http_form_value(body, size, "password");
	if (user && password)
		check_password(exchange, user, password, on_login);
	else
		show_form(exchange, 400, "Name and password are expected.");
}

void web_serve_logout(WebServer *server, BpHttpExchange *exchange)
{
	g_autofree char *token = cookie_of(exchange);

	if (token && bp_access())
		bp_access()->forget(token);
	set_cookie(exchange, "", "0");
}

/* Who asks: for the page. */
void web_serve_me(WebServer *server, BpHttpExchange *exchange)
{
	static const char *const roles[] = { "observer", "operator", "admin" };
	BpSubject subject;

	(void)web_subject(exchange, &subject);
	bp_http_respond_json(exchange, 200,
			     json_pack("{s:s, s:s, s:b}", "name", subject.name, "role", roles[subject.role], "login",
				       bp_access_is_needed()));
}

/* --- those who may no longer --- */

static void on_reduced(BpPlugin *self, BpMessage *message, gpointer data)
{
	const char *text = bp_message_data(message);

	if (!g_str_has_prefix(text, "reduced "))
		return;
	web_ws_put_out(text + 8);
	web_terminal_put_out(text + 8);
	web_events_put_out(text + 8);
}

void web_access_load(BpPlugin *self)
{
	bp_channel_watch(self, bp_channel(self, "access"), on_reduced, NULL, NULL);
}

void web_access_unload(void)
{
	g_clear_pointer(&passed, g_hash_table_unref);
}
