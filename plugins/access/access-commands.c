/* SPDX-License-Identifier: MIT */
/* access-commands.c - user, token and access. */
#include <string.h>
#include "access.h"

#define PASSWORD_MIN 8
#define PASSWORD_MAX 256

/* A command that waits for a password to be typed, hashed and saved. */
typedef struct {
	BpCall *call; /* NULL: cancelled */
	char *name, *done;
	BpRole role;
	GString *typed;
	gboolean asking, echo_off, changing; /* asking: for the password; changing: the role stays */
} UserChange;

static void change_free(UserChange *change)
{
	g_free(change->name);
	g_free(change->done);
	if (change->typed) {
		explicit_bzero(change->typed->str, change->typed->len);
		g_string_free(change->typed, TRUE);
	}
	g_free(change);
}

static void end_call(UserChange *change, GError *take_error)
{
	BpCall *call = g_steal_pointer(&change->call);

	if (call && change->echo_off)
		bp_session_set_echo(bp_call_session(call), TRUE);
	change->echo_off = FALSE;
	if (!call) {
		g_clear_error(&take_error);
		return;
	}
	if (!take_error && change->done)
		bp_call_print(call, change->done);
	bp_call_done(call, take_error);
}

static void on_saved(const GError *error, gpointer data)
{
	UserChange *change = data;

	end_call(change, error ? g_error_new(BP_HOST_ERROR, BP_FAILED,
					     "it is in force, but lost at the next start, since it cannot be saved: %s",
					     error->message)
			       : NULL);
	change_free(change);
}

static void on_hash(const char *hash, gpointer data)
{
	UserChange *change = data;
	const User *user = g_hash_table_lookup(access_users, change->name);

	if (!hash || !change->call || (!user && change->changing)) {
		end_call(change, g_error_new(BP_HOST_ERROR, BP_FAILED, "the password could not be set"));
		change_free(change);
		return;
	}
	user_set(change->name, change->changing ? user->role : change->role, hash);
	if (!change->changing && change->role == BP_ADMIN)
		access_locked = FALSE;
	if (change->changing)
		subject_reduced(change->name);
	file_save(on_saved, change);
}

static gboolean is_password(const char *text, GError **error)
{
	gsize size = strlen(text);

	if (size >= PASSWORD_MIN && size <= PASSWORD_MAX && g_utf8_validate(text, -1, NULL))
		return TRUE;
	g_set_error(error, BP_HOST_ERROR, BP_INVALID, "a password has %d to %d characters", PASSWORD_MIN, PASSWORD_MAX);
	return FALSE;
}

static void set_password(UserChange *change, const char *password)
{
	GError *error = NULL;

	if (!is_password(password, &error) || !verify_hash(password, on_hash, change)) {
		end_call(change, error ? error : g_error_new(BP_HOST_ERROR, BP_FAILED, "too many jobs are queued"));
		change_free(change);
	}
}

static void on_cancel(BpPlugin *self, gpointer data)
{
	UserChange *change = data;

	end_call(change, g_error_new(BP_CONSOLE_ERROR, BP_CANCELLED, "cancelled"));
	if (change->asking)
		change_free(change);
}

/* Bytes as they are typed, until the end of the line. */
static gsize on_input(BpPlugin *self, const guint8 *data, gsize size, gpointer user)
{
	UserChange *change = user;
	g_autofree char *password = NULL;

	if (!size) {
		on_cancel(self, change);
		return 0;
	}
	for (gsize i = 0; i < size; i++) {
		if (data[i] == 3) {
			on_cancel(self, change);
			return i + 1;
		}
		if (data[i] == '\r' || data[i] == '\n') {
			gsize used = i + 1 + (data[i] == '\r' && i + 1 < size && data[i + 1] == '\n');

			change->asking = FALSE;
			bp_session_print(bp_call_session(change->call), "");
			password = g_strdup(change->typed->str);
			set_password(change, password);
			explicit_bzero(password, strlen(password));
			return used;
		}
		if ((data[i] == 127 || data[i] == 8) && change->typed->len)
			g_string_truncate(change->typed, change->typed->len - 1);
		else if (data[i] >= ' ' && data[i] != 127 && change->typed->len < 2 * PASSWORD_MAX)
			g_string_append_c(change->typed, (char)data[i]);
	}
	return size;
}

static gboolean begin_change(BpCall *call, UserChange *change, GError **error)
{
	const char *given = bp_call_string(call, "password");
	BpSession *session = bp_call_session(call);

	change->call = call;
	bp_call_hold(call, on_cancel, change);
	if (given) {
		set_password(change, given);
		return TRUE;
	}
	change->typed = g_string_new(NULL);
	change->asking = TRUE;
	if (!bp_call_take_input(call, on_input, change)) {
		end_call(change, g_error_new(BP_CONSOLE_ERROR, BP_FAILED, "another command reads what is typed"));
		change_free(change);
		return TRUE;
	}
	change->echo_off = TRUE;
	bp_session_set_echo(session, FALSE);
	bp_session_send(session, "Password: ", 10);
	return TRUE;
}

/* --- user --- */

static User *find_user(BpCall *call, GError **error)
{
	User *user = g_hash_table_lookup(access_users, bp_call_string(call, "name"));

	if (!user)
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no user %s; user list shows those there are",
			    bp_call_string(call, "name"));
	return user;
}

static gboolean run_user_add(BpPlugin *self, BpCall *call, GError **error)
{
	const char *name = bp_call_string(call, "name");
	UserChange *change;

	if (!name_check(name, error))
		return FALSE;
	if (g_hash_table_contains(access_users, name)) {
		g_set_error(error, BP_HOST_ERROR, BP_INVALID, "there is a user %s: user passwd and user role change it",
			    name);
		return FALSE;
	}
	change = g_new0(UserChange, 1);
	change->name = g_strdup(name);
	role_parse(bp_call_string(call, "role"), &change->role);
	if (change->role != BP_ADMIN && access_locked && bp_session_role(bp_call_session(call)) == BP_ADMIN)
		change->done = g_strdup("The host stays locked until a user with the role admin is added.");
	else
		change->done = g_strdup_printf(
			"%s is %s.%s", name, role_name(change->role),
			users_are_needed() ? "" : " From now on consoles and the web server ask who it is.");
	return begin_change(call, change, error);
}

static gboolean run_user_passwd(BpPlugin *self, BpCall *call, GError **error)
{
	const User *user = find_user(call, error);
	UserChange *change;

	if (!user)
		return FALSE;
	change = g_new0(UserChange, 1);
	change->name = g_strdup(user->name);
	change->changing = TRUE;
	change->done = g_strdup_printf("%s has a new password; sessions with the old one have ended.", user->name);
	return begin_change(call, change, error);
}

/* Saves, and ends the call after that. */
static gboolean save_for(BpCall *call, char *take_done)
{
	UserChange *change = g_new0(UserChange, 1);

	change->call = call;
	change->done = take_done;
	bp_call_hold(call, on_cancel, change);
	file_save(on_saved, change);
	return TRUE;
}

static gboolean run_user_role(BpPlugin *self, BpCall *call, GError **error)
{
	User *user = find_user(call, error);
	BpRole role = BP_OBSERVER;
	char *done;

	if (!user)
		return FALSE;
	role_parse(bp_call_string(call, "role"), &role);
	user->role = role;
	done = g_strdup_printf("%s is %s; sessions with the role before have ended.", user->name, role_name(role));
	save_for(call, done);
	subject_reduced(bp_call_string(call, "name"));
	return TRUE;
}

static gboolean is_last(BpCall *call, GError **error)
{
	if (g_hash_table_size(access_users) + g_hash_table_size(access_tokens) > 1 || access_locked ||
	    bp_call_bool(call, "last"))
		return FALSE;
	g_set_error(
		error, BP_HOST_ERROR, BP_NOT_PERMITTED,
		"nobody would be left, and then everybody who reaches a server is admin without login; say --last if "
		"that is wanted");
	return TRUE;
}

static gboolean run_user_remove(BpPlugin *self, BpCall *call, GError **error)
{
	const User *user = find_user(call, error);
	g_autofree char *name = NULL;

	if (!user || is_last(call, error))
		return FALSE;
	name = g_strdup(user->name);
	g_hash_table_remove(access_users, name);
	save_for(call, g_strdup_printf("%s is removed; its sessions have ended.", name));
	subject_reduced(name);
	return TRUE;
}

static gint by_text(gconstpointer a, gconstpointer b)
{
	return strcmp(a, b);
}

static gboolean run_user_list(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GList) list = g_list_sort(g_hash_table_get_keys(access_users), by_text);
	g_autoptr(GPtrArray) sessions = bp_session_list();
	BpTable *table = bp_table_new("User", "Role", ">Sessions", NULL);

	for (GList *at = list; at; at = at->next) {
		const User *user = g_hash_table_lookup(access_users, at->data);
		guint count = 0;

		for (guint i = 0; i < sessions->len; i++)
			count += strcmp(login_name(sessions->pdata[i]), user->name) == 0;
		bp_table_row(table, "%s\t%s\t%u", user->name, role_name(user->role), count);
	}
	bp_call_table(call, table);
	return TRUE;
}

/* --- token --- */

static gboolean run_token_create(BpPlugin *self, BpCall *call, GError **error)
{
	const char *name = bp_call_string(call, "name");
	gint64 life = bp_call_duration(call, "expires") / G_USEC_PER_SEC;
	g_autofree char *secret = NULL, *sha256 = NULL;
	BpRole role = BP_OBSERVER;

	if (!name_check(name, error))
		return FALSE;
	if (g_hash_table_contains(access_tokens, name)) {
		g_set_error(error, BP_HOST_ERROR, BP_INVALID, "there is a token %s; token revoke %s removes it", name,
			    name);
		return FALSE;
	}
	secret = secret_new();
	if (!secret) {
		g_set_error_literal(error, BP_HOST_ERROR, BP_FAILED, "the system has no random numbers");
		return FALSE;
	}
	sha256 = secret_sha256(secret);
	role_parse(bp_call_string(call, "role"), &role);
	token_set(name, role, sha256, life ? g_get_real_time() / G_USEC_PER_SEC + life : 0);
	/* To the user alone: what is printed is on a channel. */
	return save_for(call,
			g_strdup_printf("%s\nThis is shown once. Whoever shows it is %s.", secret, role_name(role)));
}

static gboolean run_token_revoke(BpPlugin *self, BpCall *call, GError **error)
{
	const char *name = bp_call_string(call, "name");
	g_autofree char *subject = g_strconcat("token ", name, NULL);

	if (!g_hash_table_contains(access_tokens, name)) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND,
			    "there is no token %s; token list shows those there are", name);
		return FALSE;
	}
	if (is_last(call, error))
		return FALSE;
	g_hash_table_remove(access_tokens, name);
	save_for(call, g_strdup_printf("Token %s is revoked.", name));
	subject_reduced(subject);
	return TRUE;
}

static gboolean run_token_list(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GList) list = g_list_sort(g_hash_table_get_keys(access_tokens), by_text);
	BpTable *table = bp_table_new("Token", "Role", "Expires", NULL);

	for (GList *at = list; at; at = at->next) {
		const Token *token = g_hash_table_lookup(access_tokens, at->data);
		g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(token->expires);
		g_autofree char *text = token->expires && time ? g_date_time_format(time, "%F %T") : g_strdup("never");

		bp_table_row(table, "%s\t%s\t%s", token->name, role_name(token->role), text);
	}
	bp_call_table(call, table);
	return TRUE;
}

/* --- access --- */

static gboolean run_access_show(BpPlugin *self, BpCall *call, GError **error)
{
	const char *own = login_name(bp_call_session(call));

	if (access_locked)
		bp_call_styled(
			call, BP_BAD,
			"locked: the file of users was damaged; add an admin at the terminal or with backplane -x");
	else if (users_are_needed())
		bp_call_print(call, "login is needed, but on servers with auth=none");
	else
		bp_call_styled(call, BP_WARN,
			       "no users: whoever reaches a server is admin; user add NAME admin adds the first");
	if (bp_tls_own_fingerprint())
		bp_call_printf(call, "certificate of this host, SHA256 %s", bp_tls_own_fingerprint());
	bp_call_printf(call, "%u users, %u tokens", g_hash_table_size(access_users), g_hash_table_size(access_tokens));
	bp_call_printf(call, "you are %s%s%s", role_name(bp_session_role(bp_call_session(call))), *own ? ": " : "",
		       own);
	return TRUE;
}

static gboolean run_access_test(BpPlugin *self, BpCall *call, GError **error)
{
	const char *action = bp_call_string(call, "action");
	const BpCommand *command = bp_command_find(action);
	BpSubject subject;
	gboolean allowed;

	if (!subject_find(bp_call_string(call, "name"), &subject)) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no user %s", bp_call_string(call, "name"));
		return FALSE;
	}
	if (!command) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no command \"%s\"", action);
		return FALSE;
	}
	allowed = subject.role >= command->role;
	bp_call_styled(call, allowed ? BP_GOOD : BP_BAD, "%s: %s needs %s, and %s is %s", allowed ? "yes" : "no",
		       command->name, role_name(command->role), subject.name, role_name(subject.role));
	return TRUE;
}

/* --- the table --- */

#define NAME_ROW \
	{ \
		"name", .kind = BP_ARGUMENT, .required = 1, .help = "its name" \
	}
#define ROLE_ROW \
	{ \
		"role", .type = BP_CHOICE, .kind = BP_ARGUMENT, .required = 1, .choices = "observer|operator|admin", \
			.help = "observer looks, operator opens and sends, admin loads code and changes access" \
	}
#define PASSWORD_ROW \
	{ \
		"password", .kind = BP_ARGUMENT, .secret = 1, \
			    .help = "its password; none: it is asked for, and not shown" \
	}
#define LAST_ROW \
	{ \
		"last", .type = BP_BOOL, .help = "also when nobody is left, so that login is not needed any more" \
	}

static const BpParam add_params[] = { NAME_ROW, ROLE_ROW, PASSWORD_ROW, { NULL } };
static const BpParam passwd_params[] = { NAME_ROW, PASSWORD_ROW, { NULL } };
static const BpParam role_params[] = { NAME_ROW, ROLE_ROW, { NULL } };
static const BpParam remove_params[] = { NAME_ROW, LAST_ROW, { NULL } };
static const BpParam create_params[] = {
	NAME_ROW,
	ROLE_ROW,
	{ "expires", .type = BP_DURATION, .fallback = "0", .min = 0, .max = 3.2e9,
	  .help = "for how long it is valid (0: for ever)" },
	{ NULL },
};
static const BpParam test_params[] = {
	NAME_ROW,
	{ "action", .type = BP_REST, .kind = BP_ARGUMENT, .required = 1, .help = "a command: \"plugin load\"" },
	{ NULL },
};

const BpCommand access_commands[] = {
	{ "user add", .help = "add a user", .params = add_params, .run = run_user_add, .role = BP_ADMIN,
	  .example = "user add ann operator" },
	{ "user list", .help = "list users", .run = run_user_list, .role = BP_ADMIN },
	{ "user passwd", .help = "change the password of a user", .params = passwd_params, .run = run_user_passwd,
	  .role = BP_ADMIN },
	{ "user role", .help = "change the role of a user", .params = role_params, .run = run_user_role,
	  .role = BP_ADMIN },
	{ "user remove", .help = "remove a user, and end its sessions", .params = remove_params, .run = run_user_remove,
	  .role = BP_ADMIN },
	{ "token create", .help = "create a token for a program", .params = create_params, .run = run_token_create,
	  .role = BP_ADMIN, .example = "token create ci observer --expires 30d" },
	{ "token list", .help = "list tokens", .run = run_token_list, .role = BP_ADMIN },
	{ "token revoke", .help = "revoke a token", .params = remove_params, .run = run_token_revoke,
	  .role = BP_ADMIN },
	{ "access show", .help = "show whether login is needed, and who you are", .run = run_access_show,
	  .role = BP_OBSERVER },
	{ "access test", .help = "show whether a user may run a command", .params = test_params, .run = run_access_test,
	  .role = BP_ADMIN },
	{ NULL },
};
