/* SPDX-License-Identifier: MIT */
/* access-verify.c - passwords: yescrypt of libcrypt, in a job, and delays for who guesses.
 *
 * An address and a user have a count of failures each. Each try is given the time when it may begin: behind the tries of the same address
 * and the same user before it, at a distance that doubles with each failure from the third on, up to 8 s. So a guesser gets about 8
 * answers a minute however many connections he uses, and others wait for nothing. A name that does not exist has a count and costs a
 * hash like any other. (crypt_rn: AddressSanitizer has a crypt_r of its own, which does not find that of a library loaded later.)
 */
#include <crypt.h>
#include <string.h>
#include <backplane/owner.h>
#include "access.h"

#define FREE_FAILURES 2
#define FIRST_DELAY (250 * G_TIME_SPAN_MILLISECOND)
#define LAST_DELAY (8 * G_TIME_SPAN_SECOND)
#define FORGET (10 * G_TIME_SPAN_MINUTE)
#define WAITING_LIMIT 16
#define COUNTS_LIMIT 8192

typedef struct {
	guint failures, waiting;
	gint64 next; /* when another try may begin */
} Count;

typedef struct {
	BpPlugin *self; /* the plugin access: a try goes on when its asker has ended, so that it counts */
	BpOwned asker;	/* owner NULL: it has ended */
	BpAccessDone done;
	gpointer data;
	GDestroyNotify destroy;
	char *address_key, *user_key, *user;
	BpTimer *timer;
	char *password, *hash; /* `hash` is copied: the user may be removed meanwhile */
	gboolean known, good, in_job;
} Try;

typedef struct {
	char *password, *hash;
	HashMade done;
	gpointer data;
} NewHash;

static GHashTable *counts; /* key -> Count */
static GQueue tries = G_QUEUE_INIT;
static char *dummy; /* what an unknown user's password is compared with */

static void wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	g_free(secret);
}

static void free_crypt(struct crypt_data *data)
{
	explicit_bzero(data, sizeof(*data));
	g_free(data);
}

static gboolean is_over(gpointer key, gpointer value, gpointer now)
{
	const Count *count = value;

	return !count->waiting && count->next + FORGET < *(gint64 *)now;
}

/* When there are too many, those that were not noticed share one. */
static Count *count_of(char **key)
{
	Count *count = g_hash_table_lookup(counts, *key);
	gint64 now = g_get_monotonic_time();

	if (count && is_over(NULL, count, &now))
		count->failures = 0;
	if (count)
		return count;
	if (g_hash_table_size(counts) >= COUNTS_LIMIT)
		g_hash_table_foreach_remove(counts, is_over, &now);
	if (g_hash_table_size(counts) >= COUNTS_LIMIT) {
		(*key)[0] = '*';
		(*key)[1] = '\0';
		count = g_hash_table_lookup(counts, *key);
		if (count)
			return count;
	}
	count = g_new0(Count, 1);
	g_hash_table_insert(counts, g_strdup(*key), count);
	return count;
}

static gint64 delay_of(const Count *count)
{
	guint failures = count->failures + count->waiting;

	if (failures <= FREE_FAILURES)
		return 0;
	return failures > FREE_FAILURES + 6 ? LAST_DELAY
					    : MIN(LAST_DELAY, FIRST_DELAY << (failures - FREE_FAILURES - 1));
}

static void try_free(Try *try)
{
	g_queue_remove(&tries, try);
	g_free(try->address_key);
	g_free(try->user_key);
	g_free(try->user);
	wipe(try->password);
	wipe(try->hash);
	g_free(try);
}

static void count_result(Try *try, gboolean good)
{
	char *keys[] = { try->address_key, try->user_key };

	for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
		Count *count = counts ? g_hash_table_lookup(counts, keys[i]) : NULL;

		if (!count)
			continue;
		count->waiting--;
		if (!good) {
			count->failures++;
			count->next = MAX(count->next, g_get_monotonic_time() + delay_of(count));
		} else if (i) {
			count->failures = 0;
			count->next = g_get_monotonic_time();
		}
	}
}

/* What was asked without waiting for the answer counts as a failure. */
static void drop_asker(BpOwned *owned)
{
	Try *try = BP_OWNED_BY(owned, Try, asker);

	bp_owner_unlink(&try->asker);
	try->asker.owner = NULL;
	if (try->destroy)
		try->destroy(try->data);
	if (try->in_job)
		return;
	bp_timer_remove(try->timer);
	count_result(try, FALSE);
	try_free(try);
}

static void finish(Try *try, gboolean good)
{
	BpPlugin *asker = try->asker.owner;
	BpSubject subject;

	count_result(try, good);
	good = good && access_users && subject_find(try->user, &subject); /* he may have been removed meanwhile */
	if (access_users)
		audit_note(try->user, try->address_key + 2, "log in", good ? NULL : "name or password is wrong");
	if (asker) {
		bp_owner_unlink(&try->asker);
		try->asker.owner = NULL;
		if (bp_owner_enter(asker)) {
			try->done(asker, good ? &subject : NULL, try->data);
			bp_owner_leave(asker);
		}
		if (try->destroy)
			try->destroy(try->data);
	}
	try_free(try);
}

/* --- jobs --- */

static void work_check(BpJob *job, gpointer data)
{
	Try *try = data;
	struct crypt_data *memory = g_new0(struct crypt_data, 1);
	const char *made = crypt_rn(try->password, try->hash, memory, sizeof(*memory));

	try->good = made && *made == '$' && bp_secret_equal(made, try->hash) && try->known;
	free_crypt(memory);
}

static void on_checked(BpPlugin *self, gboolean cancelled, gpointer data)
{
	Try *try = data;

	finish(try, try->good && !cancelled);
}

static void on_turn(BpPlugin *self, gpointer data)
{
	Try *try = data;

	try->in_job = TRUE;
	if (!bp_job_add(try->self, "check password", work_check, on_checked, try, NULL))
		finish(try, FALSE);
}

gboolean verify_password(BpPlugin *self, const char *user, const char *password, const char *address, BpAccessDone done,
			 gpointer data, GDestroyNotify destroy)
{
	const User *known = g_hash_table_lookup(access_users, user);
	Try *try = g_new0(Try, 1);
	gint64 now = g_get_monotonic_time(), start;
	Count *by_address, *by_user;

	try->address_key = g_strdup_printf("a:%.64s", address);
	try->user_key = g_strdup_printf("u:%.64s", user);
	by_address = count_of(&try->address_key);
	by_user = count_of(&try->user_key);
	start = MAX(now, MAX(by_address->next, by_user->next));
	if (by_address->waiting >= WAITING_LIMIT || by_user->waiting >= WAITING_LIMIT ||
	    start - now > WAITING_LIMIT * LAST_DELAY) {
		try_free(try);
		return FALSE;
	}
	by_address->waiting++;
	by_user->waiting++;
	try->self = access_plugin;
	try->done = done;
	try->data = data;
	try->destroy = destroy;
	try->user = g_strdup(user);
	try->password = g_strdup(password);
	try->known = known != NULL;
	try->hash = g_strdup(known ? known->hash : dummy);
	g_queue_push_tail(&tries, try);
	bp_owner_link(self, &try->asker, "login", drop_asker);
	by_address->next = start + delay_of(by_address);
	by_user->next = start + delay_of(by_user);
	bp_timer_once(&try->timer, try->self, start - now, on_turn, try);
	return TRUE;
}

static void work_hash(BpJob *job, gpointer data)
{
	NewHash *new = data;
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	struct crypt_data *memory = g_new0(struct crypt_data, 1);
	const char *made = NULL;

	if (crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof(setting)))
		made = crypt_rn(new->password, setting, memory, sizeof(*memory));
	if (made && *made == '$')
		new->hash = g_strdup(made);
	free_crypt(memory);
}

static void hash_free(gpointer data)
{
	NewHash *new = data;

	wipe(new->password);
	wipe(new->hash);
	g_free(new);
}

static void on_hashed(BpPlugin *self, gboolean cancelled, gpointer data)
{
	NewHash *new = data;

	new->done(cancelled ? NULL : new->hash, new->data);
}

gboolean verify_hash(const char *password, HashMade done, gpointer data)
{
	NewHash *new = g_new0(NewHash, 1);

	new->password = g_strdup(password);
	new->done = done;
	new->data = data;
	return bp_job_add(access_plugin, "hash password", work_hash, on_hashed, new, hash_free) != NULL;
}

/* --- the plugin's --- */

void verify_init(void)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE] = "";

	counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	/* A salt of the same cost with a hash that no password has. */
	crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof(setting));
	dummy = g_strconcat(setting, "$...........................................", NULL);
}

void verify_stop(void)
{
	for (GList *at = tries.head, *next; at; at = next) {
		Try *try = at->data;

		next = at->next;
		if (!try->in_job) {
			bp_timer_remove(try->timer);
			finish(try, FALSE);
		}
	}
}

void verify_clear(void)
{
	g_clear_pointer(&counts, g_hash_table_unref);
	g_clear_pointer(&dummy, g_free);
}
