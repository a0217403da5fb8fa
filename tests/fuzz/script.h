/* SPDX-License-Identifier: MIT */
/* script.h - servers under a clock that moves only when it is told to, and clients that a script drives: for fuzz targets
 * that try whole connections.
 *
 * A script is lines: a letter, mostly the digit of a client (0 to 3), a text. In texts \r \n \t \0 \\ \xNN stand for bytes.
 *
 *	c0 1		client 0 connects to the server of that number (0, if it is left out)
 *	s0 TEXT		it sends
 *	f0 5000 TEXT	it sends TEXT again and again until it has sent so many bytes
 *	h0		it sends no more, and goes on reading
 *	e0		it closes
 *	r0		it resets the connection
 *	p0, g0		it stops reading; it reads again
 *	a0		it takes a connection that the program under test has made to us
 *	t		the loop turns until nothing is left to do
 *	w500		so many milliseconds go by, in steps; the loop turns at each
 *	j500		they go by at once: what is due and what has come meanwhile are one turn
 *	x1		that server is closed in this turn; the next script finds it open again
 *
 * Other letters are the target's own. Any other line is what the client that was named last sends. The loop turns only where
 * the script says so, so that several things are one turn of it.
 *
 * When a script has ended all clients reset their connections and ten minutes go by: then every server must be without
 * connections and sessions.
 */
#pragma once
#include <backplane/backplane.h>
#include <backplane/kernel.h>
#include <backplane/net.h>
#include <stdint.h>

#define SCRIPT_CLIENTS 4

typedef struct {
	/* A line with a letter of the target's own; FALSE: it has none such. */
	gboolean (*act)(char letter, guint client, const guint8 *text, gsize size);
	/* What a client was sent. */
	void (*heard)(guint client, const guint8 *data, gsize size);
	/* A connection of that client begins. */
	void (*connected)(guint client);
} ScriptTarget;

/* The kernel, with one plugin (NULL: none). Output of the log is thrown away. */
void script_start(const BpPluginInfo *plugin, const ScriptTarget *target);
/* A server that scripts know by its number; `pairs` as on the command line of `module open`. The strings must last. */
void script_serve(const char *module, const char *name, const char *const *pairs);
void script_run(const uint8_t *data, size_t size);
void script_send(guint client, gconstpointer data, gsize size);
void script_turn(void);
/* A port of ours on loopback: what connects to it is taken by a script's line a0. */
guint script_port(void);
/* A folder that is removed at the end. */
const char *script_folder(void);
