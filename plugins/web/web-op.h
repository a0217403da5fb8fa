/* SPDX-License-Identifier: MIT */
/* web-op.h - what a client of /ws asks for: text in, a checked request out. No socket. */
#pragma once
#include <backplane/json.h>
#include <backplane/message.h>

typedef enum {
	WEB_OP_WATCH,
	WEB_OP_UNWATCH,
	WEB_OP_SEND,
	WEB_OP_RUN,
	WEB_OP_LIST,
	WEB_OP_COMPLETE,
	WEB_OP_PING,
	WEB_OP_INTERRUPT
} WebOpKind;

typedef struct {
	WebOpKind kind;
	json_t *id;   /* NULL: none was given; a text or a number */
	char *name;   /* channel, glob, or what to list */
	char *match;  /* of a list; or NULL */
	char *line;   /* command, or line to complete */
	gsize cursor; /* within the line */
	guint every;  /* ms between the messages of a sampled watch; 0: all of them */
	guint8 *data; /* to be sent */
	gsize size;
	gboolean text;
	gboolean frames; /* a watch wants bytes as binary messages */
	gboolean silent; /* it is not answered when it succeeds */
} WebOp;

/* FALSE with a sentence; `op` then holds nothing but the id, if it could be read, and is to be cleared all the same. */
gboolean web_op_parse(WebOp *op, const char *text, gsize size, GError **error);
/* A binary message, which is a send: the size of a channel's name in one byte, the name, the bytes. As web_op_parse. */
gboolean web_op_parse_frame(WebOp *op, const guint8 *data, gsize size, GError **error);
/* The same the other way. */
GByteArray *web_op_frame(const char *channel, const BpMessage *message);
void web_op_clear(WebOp *op);
gboolean web_op_is_glob(const char *name);
