/* SPDX-License-Identifier: MIT */
/* place.h - where the control socket is, for both of its ends. */
#pragma once
#include <sys/types.h>
#include <glib.h>

#define CONTROL_UNIT_PLACE "/run/backplane/control" /* RuntimeDirectory=backplane of the unit */

/* The default path of this user's control socket: in $RUNTIME_DIRECTORY (systemd), else in $XDG_RUNTIME_DIR, else under /tmp. Yours. */
char *control_place(void);
/* Returns why `path` is not used: another user could rename or replace what is there, and so decide who answers. NULL: it can be used.
 * Trusted are the own user, root, the owner of "/", and `keeper`. Yours. */
char *control_doubt(const char *path, uid_t keeper);
