/* SPDX-License-Identifier: MIT */
/* mesh-command.h - what client programs ask, and how they are answered. Pure.
 *
 * A request is five characters, mostly two bytes of an address, and a rest. It has no end mark and no length: a
 * connection sends one, and a pause or the end of its half ends it. A reply is S and data, or F, the length of a text
 * and the text.
 */
#pragma once
#include <glib.h>
#include "mesh-message.h"
#include "mesh-types.h"

#define MESH_HANDSHAKE "[syn]" /* and a byte 0; 1 asks for pushes with a length before them */
#define MESH_HANDSHAKE_SIZE 6
#define MESH_NO_LISTENER "[err]-listen_socket_disconnected"
#define MESH_COMMAND 5 /* characters of its name */

typedef enum {
	MESH_CMD_UNKNOWN,
	MESH_CMD_SEND,	 /* SEND- address message */
	MESH_CMD_SENDI,	 /* the same, known to no root */
	MESH_CMD_BCAST,	 /* BCAST 00 00 message */
	MESH_CMD_RESET,	 /* RST-R */
	MESH_CMD_CLEAN,	 /* CLEAN */
	MESH_CMD_NINFO,	 /* NINFO */
	MESH_CMD_GETDF,	 /* GETDF */
	MESH_CMD_STATE,	 /* STATE */
	MESH_CMD_STATUS, /* NSTAT: JSON of all nodes */
	MESH_CMD_GET,	 /* [GET] address type: the last value of a node, of all active ones for 0 */
	MESH_CMD_COUNT,	 /* ACT-C: how many are active */
	MESH_CMD_LOG,	 /* W-LOG text: to the pages */
	MESH_CMD_ROBOTS, /* W-RBT JSON: to the pages */
	MESH_CMD_LIST,	 /* NETIF [state]: addresses and uuids */
} MeshCommandKind;

typedef struct {
	MeshCommandKind kind;
	char name[MESH_COMMAND + 1]; /* printable, for people */
	gboolean has_address;
	guint16 address;
	const guint8 *payload; /* behind name and address */
	gsize size;
} MeshCommand;

/* FALSE: it cannot be this request; *why is a constant for the answer, and `command` stays as it was. */
gboolean mesh_command_parse(MeshCommand *command, const guint8 *data, gsize size, const char **why);

/* The parsing state of a request of which more may be received. */
typedef enum {
	MESH_MORE,   /* the beginning of a handshake, or nothing: wait long */
	MESH_MAYBE,  /* whole if nothing follows */
	MESH_WHOLE,  /* nothing can follow */
	MESH_LISTEN, /* a handshake; what follows is not looked at */
	MESH_LISTEN_FRAMED,
} MeshPart;
MeshPart mesh_command_part(const guint8 *data, gsize size, const MeshTypes *types);

/* --- replies; appended --- */
void mesh_reply_failure(GByteArray *reply, const char *text); /* at most 255 bytes of it, whole characters */
void mesh_reply_begin(GByteArray *reply);		      /* S */
void mesh_reply_get(GByteArray *reply, const guint8 *type, gsize type_size, guint length, guint count);
void mesh_reply_address(GByteArray *reply, guint16 address);

/* --- to the root --- */
/* How a request goes on to a root of that generation: the whole of it, or the five characters alone. */
gsize mesh_command_relayed(const MeshCommand *command, gsize size, MeshOpcodes opcodes);
/* Bytes on the wire: two marks and two for each byte that must be escaped. */
gsize mesh_wire_size(const guint8 *data, gsize size);
GByteArray *mesh_command_build(const char *name, gboolean has_address, guint16 address, gconstpointer data, gsize size);
