/* SPDX-License-Identifier: MIT */
/* web-ws.h - the routes /ws (a client and what it asks, and what it watches) and /terminal. */
#pragma once
#include <backplane/websocket.h>

/* --- web-ws.c --- */
/* Registered as "route/ws" by the plugin. */
extern const BpHttpRoute web_ws_route;
/* Goodbye to all clients; in the plugin's unload. */
void web_ws_unload(void);

/* --- web-terminal.c --- */
/* Registered as "route/terminal" by the plugin. */
extern const BpHttpRoute web_terminal_route;
void web_terminal_unload(void);

/* --- web-watch.c --- */
/* What a client watches. */
typedef struct {
	BpPlugin *self;
	BpWebSocket *socket;
	GHashTable *named; /* name or glob: Watch */
	guint64 last;	   /* number of the last message it got */
	guint64 dropped;
	gboolean full; /* it does not read: messages are dropped */
} WebWatches;

void web_watches_init(WebWatches *watches, BpPlugin *self, BpWebSocket *socket);
void web_watches_clear(WebWatches *watches);
gboolean web_watches_have_room(const WebWatches *watches, const char *name);
/* A name or a glob. `frames`: what was not sent as text comes as binary messages; watching again changes it. `every` (ms) 0: each
 * message; else the last message of each channel, so often at most, with "sampled". */
void web_watches_add(WebWatches *watches, const char *name, gboolean frames, guint every);
gboolean web_watches_remove(WebWatches *watches, const char *name);
void web_watches_unload(void);
