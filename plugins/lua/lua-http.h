/* SPDX-License-Identifier: MIT */
/* lua-http.h - sessions of libsoup for the clients of scripts: between lua-session.c, lua-http.c and lua-websocket.c.
 *
 * The GMainContext of a session is that of the script's loop. An operation of libsoup that was cancelled ends in a later turn, so what
 * waits for it outlives the run; when the script itself is closed, its loop has stopped, and session_drain turns the context until all
 * have ended.
 */
#pragma once
#include <libsoup/soup.h>
#include "lua.h"

/* How a server is to prove who it is: requests that differ in this do not share connections. */
typedef struct {
	gboolean unchecked;
	const char *authority; /* PEM; NULL: those of the system */
} Trust;

/* A session of the run, borrowed; NULL with an error. */
SoupSession *session_of(Run *run, const Trust *trust, GError **error);
/* A message for a URL, with the certificate check of `trust`, which may cancel `cancel`; NULL with an error. `schemes` are the two
 * permitted ones. */
SoupMessage *session_message(const char *method, const char *url, const char *const *schemes, const Trust *trust,
			     GCancellable *cancel, GError **error);
/* Adds the headers of the table at `index`; raises no error. FALSE with an error. */
gboolean session_headers(lua_State *L, int index, SoupMessage *message, GError **error);
/* What is told of an error: "timeout", "Cannot connect to host ...", what is wrong with a certificate. Yours. */
char *session_error_text(SoupMessage *message, const GError *error);
/* An operation begins and ends. */
void session_begin(Script *script);
void session_end(Script *script);
