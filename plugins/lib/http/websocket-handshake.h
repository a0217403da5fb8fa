/* SPDX-License-Identifier: MIT */
/* websocket-handshake.h - the texts of the opening handshake. No socket, no kernel. */
#pragma once
#include <glib.h>

/* Sec-WebSocket-Accept for a key; NULL: it is none (16 bytes in base64). */
char *websocket_accept_key(const char *key);
/* What to answer to Sec-WebSocket-Extensions: one of its offers of permessage-deflate that we can keep, or NULL. */
char *websocket_choose_extension(const char *offers);
/* The first of the client's names that is in `ours`, or NULL; of `ours`. */
const char *websocket_choose_protocol(const char *names, const char *const *ours);
