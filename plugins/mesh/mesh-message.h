/* SPDX-License-Identifier: MIT */
/* mesh-message.h - messages of the root module: frame bodies are parsed. Pure.
 *
 * A body is the address of a node (two bytes, the high one first; 0 is the root itself), an opcode and a payload.
 * The oldest root modules have opcodes of three letters, the others of one byte. Text lines share the channel: an
 * address, then the text, whose first letter only looks like an opcode.
 */
#pragma once
#include <glib.h>
#include "mesh-types.h"

#define MESH_UUID 16

typedef enum { MESH_OPCODES_V0, MESH_OPCODES_V1, MESH_OPCODES_V2 } MeshOpcodes;

typedef enum {
	MESH_MALFORMED, /* too short for an address and an opcode, or a payload that its own counts contradict */
	MESH_CUSTOM,
	MESH_NET_INFO,
	MESH_NODE_INFO,
	MESH_ROOT_RESET,
	MESH_PATHS,
	MESH_GPS,
	MESH_DATA,
	MESH_REQUEST,
	MESH_ECHO,
	MESH_ACK,
	MESH_TEST,
	MESH_RESET_EDGE,
	MESH_TEXT,
	MESH_GPS_JSON,
	MESH_OTHER,
} MeshKind;

typedef struct {
	MeshKind kind;
	guint16 address;
	const guint8 *payload; /* behind the opcode; of texts all behind the address. In the body. */
	gsize size;
	guint count;		    /* entries of MESH_NET_INFO, MESH_PATHS, MESH_DATA */
	double latitude, longitude; /* of MESH_GPS, MESH_GPS_JSON */
	const char *why;	    /* MESH_MALFORMED: a constant */
} MeshMessage;

typedef struct {
	guint16 address;
	const guint8 *uuid;
} MeshEntry;

typedef struct {
	guint16 origin, target;
} MeshPath;

typedef struct {
	char name[64]; /* of the type: from the table, or the three letters of the oldest form */
	const guint8 *data;
	guint size;
} MeshDatum;

typedef struct {
	guint given;
	gsize at;
} MeshCursor;

void mesh_message_parse(MeshMessage *message, const guint8 *body, gsize size, MeshOpcodes opcodes);
const char *mesh_kind_name(MeshKind kind);
/* `index` is below `count`. */
MeshEntry mesh_message_entry(const MeshMessage *message, guint index);
MeshPath mesh_message_path(const MeshMessage *message, guint index);
/* The values of MESH_DATA one after another, from a zeroed cursor. FALSE: at the end, or nothing can be read from here
 * on; then *why tells (NULL: the end). */
gboolean mesh_message_datum(const MeshMessage *message, MeshOpcodes opcodes, const MeshTypes *types, MeshCursor *cursor,
			    MeshDatum *datum, const char **why);
/* The 16 bytes of a position as the second table of types has them: two doubles, the low byte first. */
void mesh_position_pack(guint8 out[16], double latitude, double longitude);
gboolean mesh_position_unpack(const guint8 *data, gsize size, double *latitude, double *longitude);
/* Texts by which the root tells that a message did not reach its node. */
gboolean mesh_message_is_failure(const MeshMessage *message);
