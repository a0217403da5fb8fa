/* SPDX-License-Identifier: MIT */
/* web-op.h - what a client of /ws asks for: text in, a checked request out. No socket. */
#pragma once
#include <backplane/json.h>

typedef enum { WEB_OP_WATCH, WEB_OP_UNWATCH, WEB_OP_SEND, WEB_OP_RUN, WEB_OP_LIST, WEB_OP_COMPLETE, WEB_OP_PING } WebOpKind;

#define WEB_OP_LIMIT (1024 * 1024)

typedef struct {
	WebOpKind kind;
	json_t *id;	    /* NULL: none was given; a text or a number */
	char *name;	    /* channel, glob, or what to list */
	char *match;	    /* of a list; or NULL */
	char *line;	    /* command, or line to complete */
	gsize cursor;	    /* within the line */
	guint8 *data;	    /* to be sent */
	gsize size;
	gboolean text;
} WebOp;

/* FALSE with a sentence; `op` then holds the id, if it could be read, and is to be cleared all the same. */
gboolean web_op_parse(WebOp *op, const char *text, gsize size, GError **error);
void web_op_clear(WebOp *op);
gboolean web_op_is_glob(const char *name);
