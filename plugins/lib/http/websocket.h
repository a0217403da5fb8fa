/* SPDX-License-Identifier: MIT */
/* websocket.h - what the files of this room know of a WebSocket. */
#pragma once
#include <backplane/websocket.h>

/* It was given events. */
gboolean websocket_has_user(const BpWebSocket *socket);
