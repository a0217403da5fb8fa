/* SPDX-License-Identifier: MIT */
/* access.h - what the files of the plugin share. Everything is on the main loop, but for work of jobs. */
#pragma once
#include <backplane/access.h>
#include <backplane/backplane.h>
#include <backplane/net.h>

extern BpPlugin *access_plugin;
extern const BpHandler access_handlers[];
extern const BpCommand access_commands[];

/* --- access-users.c: users and tokens in memory --- */
typedef struct {
	char *name;
	BpRole role;
	char *hash; /* of the password, as crypt(5) has it */
} User;

typedef struct {
	char *name;
	BpRole role;
	char *sha256;
	gint64 expires; /* seconds since 1970; 0: never */
} Token;

extern GHashTable *access_users, *access_tokens; /* name -> User, Token */
extern gboolean access_locked; /* the file was damaged: nobody comes in but by terminal and control socket */

void users_init(void);
void users_clear(void);
gboolean users_are_needed(void);
User *user_set(const char *name, BpRole role, const char *hash); /* a new one, or changed */
Token *token_set(const char *name, BpRole role, const char *sha256, gint64 expires);
gboolean subject_find(const char *name, BpSubject *subject);
gboolean name_check(const char *name, GError **error);
const char *role_name(BpRole role);
gboolean role_parse(const char *text, BpRole *role);
/* 256 random bits as hexadecimal digits. Yours; NULL if the system has none. */
char *secret_new(void);
char *secret_sha256(const char *secret);
gboolean token_match(const char *secret, BpSubject *subject);
char *token_remember(const BpSubject *subject);
void token_forget(const char *secret);
/* Rights of `name` have become less: its cookies are forgotten and its sessions end. */
void subject_reduced(const char *name);

/* --- access-file.c --- */
void file_load(void);
/* Writes it in a job. `done` (may be NULL) is called once with NULL or an error. */
typedef void (*FileSaved)(const GError *error, gpointer data);
void file_save(FileSaved done, gpointer data);

/* --- access-verify.c --- */
void verify_init(void);
void verify_stop(void);
void verify_clear(void);
gboolean verify_password(BpPlugin *self, const char *user, const char *password, const char *address, BpAccessDone done,
			 gpointer data, GDestroyNotify destroy);
/* The hash of a new password, made in a job; NULL with an error. */
typedef void (*HashMade)(const char *hash, gpointer data);
gboolean verify_hash(const char *password, HashMade done, gpointer data);

/* --- access-audit.c --- */
gboolean audit_load(BpPlugin *self, GError **error);
/* `from`: entry and address. `refused` NULL: it was allowed. */
void audit_note(const char *user, const char *from, const char *what, const char *refused);

/* --- access-login.c --- */
void login_greet(BpSession *session, const char *handler, const char *welcome, gboolean optional);
/* The user of a session, or "". */
const char *login_name(const BpSession *session);
void login_end_of(const char *name);
void login_init(void);
void login_clear(void);
