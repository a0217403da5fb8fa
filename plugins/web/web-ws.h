/* SPDX-License-Identifier: MIT */
/* web-ws.h - the route /ws: registered as "route/ws" by the plugin. */
#pragma once
#include <backplane/websocket.h>

extern const BpHttpRoute web_ws_route;
/* Goodbye to all clients; in the plugin's unload. */
void web_ws_unload(void);
