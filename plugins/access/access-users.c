/* SPDX-License-Identifier: MIT */
/* access-users.c - users, tokens and cookies in memory. */
#include <string.h>
#include <sys/random.h>
#include "access.h"

#define COOKIE_LIFE (12 * G_TIME_SPAN_HOUR)
#define COOKIES_LIMIT 4096

GHashTable *access_users, *access_tokens;
gboolean access_locked;

typedef struct {
	char *sha256;
	char *name;	/* of the subject */
	gint64 expires; /* monotonic, microseconds */
} Cookie;

static GQueue cookies = G_QUEUE_INIT; /* oldest first */

static const char *const roles[] = { "observer", "operator", "admin" };

static void user_free(gpointer data)
{
	User *user = data;

	g_free(user->name);
	g_free(user->hash);
	g_free(user);
}

static void token_free(gpointer data)
{
	Token *token = data;

	g_free(token->name);
	g_free(token->sha256);
	g_free(token);
}

static void cookie_free(gpointer data)
{
	Cookie *cookie = data;

	g_free(cookie->sha256);
	g_free(cookie->name);
	g_free(cookie);
}

void users_init(void)
{
	access_users = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, user_free);
	access_tokens = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, token_free);
	access_locked = FALSE;
}

void users_clear(void)
{
	g_clear_pointer(&access_users, g_hash_table_unref);
	g_clear_pointer(&access_tokens, g_hash_table_unref);
	g_queue_clear_full(&cookies, cookie_free);
}

gboolean users_are_needed(void)
{
	return access_locked || g_hash_table_size(access_users) || g_hash_table_size(access_tokens);
}

User *user_set(const char *name, BpRole role, const char *hash)
{
	User *user = g_hash_table_lookup(access_users, name);

	if (!user) {
		user = g_new0(User, 1);
		user->name = g_strdup(name);
		g_hash_table_insert(access_users, user->name, user);
	}
	user->role = role;
	if (hash) {
		g_free(user->hash);
		user->hash = g_strdup(hash);
	}
	return user;
}

Token *token_set(const char *name, BpRole role, const char *sha256, gint64 expires)
{
	Token *token = g_new0(Token, 1);

	token->name = g_strdup(name);
	token->role = role;
	token->sha256 = g_strdup(sha256);
	token->expires = expires;
	g_hash_table_replace(access_tokens, token->name, token);
	return token;
}

static gboolean is_expired(const Token *token)
{
	return token->expires && token->expires <= g_get_real_time() / G_USEC_PER_SEC;
}

static void subject_set(BpSubject *subject, const char *prefix, const char *name, BpRole role)
{
	g_snprintf(subject->name, sizeof(subject->name), "%s%s", prefix, name);
	subject->role = role;
}

gboolean subject_find(const char *name, BpSubject *subject)
{
	const User *user = g_hash_table_lookup(access_users, name);
	const Token *token = g_str_has_prefix(name, "token ") ? g_hash_table_lookup(access_tokens, name + 6) : NULL;

	if (user)
		subject_set(subject, "", user->name, user->role);
	else if (token && !is_expired(token))
		subject_set(subject, "token ", token->name, token->role);
	else
		return FALSE;
	return TRUE;
}

gboolean name_check(const char *name, GError **error)
{
	gsize size = strlen(name);

	if (size && size <= 32 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == size && *name != '-')
		return TRUE;
	g_set_error(error, BP_HOST_ERROR, BP_INVALID,
		    "a name has 1 to 32 characters: a to z, digits, dot, underscore and dash");
	return FALSE;
}

const char *role_name(BpRole role)
{
	return roles[role];
}

gboolean role_parse(const char *text, BpRole *role)
{
	for (guint i = 0; text && i < G_N_ELEMENTS(roles); i++) {
		if (strcmp(text, roles[i]) != 0)
			continue;
		*role = i;
		return TRUE;
	}
	return FALSE;
}

/* --- tokens --- */

char *secret_new(void)
{
	guint8 bytes[32];

	if (getrandom(bytes, sizeof(bytes), GRND_NONBLOCK) != sizeof(bytes))
		return NULL;
	return bp_bytes_to_hex(bytes, sizeof(bytes));
}

char *secret_sha256(const char *secret)
{
	return g_compute_checksum_for_string(G_CHECKSUM_SHA256, secret, -1);
}

/* All are compared: the time does not tell which is near. */
gboolean token_match(const char *secret, BpSubject *subject)
{
	g_autofree char *sha256 = secret_sha256(secret);
	gint64 now = g_get_monotonic_time();
	const char *cookie_of = NULL;
	const Token *found = NULL;
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, access_tokens);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		if (bp_secret_equal(sha256, ((Token *)value)->sha256))
			found = value;
	for (GList *at = cookies.head; at; at = at->next) {
		const Cookie *cookie = at->data;

		if (bp_secret_equal(sha256, cookie->sha256) && cookie->expires > now)
			cookie_of = cookie->name;
	}
	if (found && !is_expired(found)) {
		subject_set(subject, "token ", found->name, found->role);
		return TRUE;
	}
	return cookie_of && subject_find(cookie_of, subject);
}

char *token_remember(const BpSubject *subject)
{
	char *secret = secret_new();
	Cookie *cookie;

	if (!secret)
		return NULL;
	cookie = g_new0(Cookie, 1);
	cookie->sha256 = secret_sha256(secret);
	cookie->name = g_strdup(subject->name);
	cookie->expires = g_get_monotonic_time() + COOKIE_LIFE;
	g_queue_push_tail(&cookies, cookie);
	if (cookies.length > COOKIES_LIMIT)
		cookie_free(g_queue_pop_head(&cookies));
	return secret;
}

static void forget_if(const char *sha256, const char *name)
{
	for (GList *at = cookies.head, *next; at; at = next) {
		Cookie *cookie = at->data;

		next = at->next;
		if ((sha256 && !bp_secret_equal(sha256, cookie->sha256)) || (name && strcmp(name, cookie->name) != 0))
			continue;
		cookie_free(cookie);
		g_queue_delete_link(&cookies, at);
	}
}

void token_forget(const char *secret)
{
	g_autofree char *sha256 = secret_sha256(secret);

	forget_if(sha256, NULL);
}

void subject_reduced(const char *name)
{
	BpChannel *channel = bp_channel_find("access");

	forget_if(NULL, name);
	login_end_of(name);
	if (channel) {
		bp_channel_printf(channel, "reduced %s", name);
		bp_channel_unref(channel);
	}
}
