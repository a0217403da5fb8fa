/* SPDX-License-Identifier: MIT */
/* access.h - who may come in: for libraries and plugins that let users in. Link with backplane-net.
 *
 * The plugin access keeps users and tokens, and registers a BpAccess as "access". Without users, login is not needed and everything is as
 * if this header did not exist. While the plugin is not loaded but its file is in the state folder, login is needed and nobody can
 * log in: what was closed stays closed.
 *
 * All of it is called on the main loop.
 */
#pragma once
#include <backplane/param.h>

G_BEGIN_DECLS

#define BP_ACCESS "access"
#define BP_ACCESS_FILE "access.ini" /* in the state folder */

typedef struct {
	char name[48]; /* of a user, or "token NAME" */
	BpRole role;
} BpSubject;

/* `subject` NULL: the password is wrong, or there is no such user; which of both is not told. Borrowed. */
typedef void (*BpAccessDone)(BpPlugin *self, const BpSubject *subject, gpointer data);
/* What a subject was allowed has become less, or it has been removed: end what belongs to it. */
typedef void (*BpAccessChanged)(BpPlugin *self, const char *name, gpointer data);

typedef struct {
	gsize size; /* sizeof(BpAccess), so that it can grow */
	/* There is a user or a token, or the file was damaged. */
	gboolean (*is_needed)(void);
	/* Checks a password in a job, later when `address` or the user had failures before. `done` is called once; if `self` (which may be a
	 * scope) ends before, it is not called, and `destroy` (may be NULL) is called in any case. FALSE: too many tries wait; nothing is
	 * called. */
	gboolean (*check)(BpPlugin *self, const char *user, const char *password, const char *address,
			  BpAccessDone done, gpointer data, GDestroyNotify destroy);
	/* At once. A token as `token create` showed it, or one of `remember`. FALSE: it is unknown or has expired. */
	gboolean (*token)(const char *token, BpSubject *subject);
	/* A token for the cookie of a browser, for 12 hours or until the subject loses rights. Yours. */
	char *(*remember)(const BpSubject *subject);
	void (*forget)(const char *token);
	/* The subject as it is now. FALSE: it has been removed. */
	gboolean (*find)(const char *name, BpSubject *subject);
	/* The session, opened with the handler "login", asks for user and password; then it gets `handler` and `welcome`. With `optional` an
	 * empty user name goes on as an observer. */
	void (*greet)(BpSession *session, const char *handler, const char *welcome, gboolean optional);
	/* For the audit: what a user did or was refused (NULL: he was not). `from`: entry and address. Commands are noted already. */
	void (*note)(const char *user, const char *from, const char *what, const char *refused);
} BpAccess;

/* --- the library --- */
/* NULL: the plugin access is not loaded, or is being unloaded. */
BP_API const BpAccess *bp_access(void);
BP_API gboolean bp_access_is_needed(void);
/* A server with these parameters asks everybody who comes to log in, and encrypts that: it may be reached from elsewhere. */
BP_API gboolean bp_access_covers(const BpValues *values);
/* Whether `role` may open `module` with `values` (NULL: with none). Only an admin may open what a plugin has registered so
 * (bp_module_role), name a file that the process then reads or writes, or open a server where nobody is asked who it is. */
BP_API gboolean bp_access_may_open(const char *module, const BpValues *values, BpRole role, GError **error);

G_END_DECLS
