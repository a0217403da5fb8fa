/* SPDX-License-Identifier: MIT */
/* mesh-command.c - what client programs ask, and how they are answered. Pure. */
#include <string.h>
#include "mesh-command.h"

#define FIRST_ESCAPED 0xfa
#define TYPE_LIMIT MESH_TYPE_NAME

typedef struct {
	const char *name;
	MeshCommandKind kind;
	gboolean needs_address, needs_payload;
	gboolean fixed; /* seven bytes are all of it: every known client adds an address */
} CommandRow;

static const CommandRow rows[] = {
	{ "SEND-", MESH_CMD_SEND, TRUE, TRUE, FALSE },	   { "SENDI", MESH_CMD_SENDI, TRUE, TRUE, FALSE },
	{ "BCAST", MESH_CMD_BCAST, TRUE, TRUE, FALSE },	   { "RST-R", MESH_CMD_RESET, FALSE, FALSE, TRUE },
	{ "CLEAN", MESH_CMD_CLEAN, FALSE, FALSE, TRUE },   { "NINFO", MESH_CMD_NINFO, FALSE, FALSE, TRUE },
	{ "GETDF", MESH_CMD_GETDF, FALSE, FALSE, TRUE },   { "STATE", MESH_CMD_STATE, FALSE, FALSE, FALSE },
	{ "NSTAT", MESH_CMD_STATUS, FALSE, FALSE, TRUE },  { "[GET]", MESH_CMD_GET, TRUE, TRUE, FALSE },
	{ "ACT-C", MESH_CMD_COUNT, FALSE, FALSE, TRUE },   { "W-LOG", MESH_CMD_LOG, FALSE, FALSE, FALSE },
	{ "W-RBT", MESH_CMD_ROBOTS, FALSE, FALSE, FALSE }, { "NETIF", MESH_CMD_LIST, FALSE, FALSE, FALSE },
};

static const CommandRow *find(const guint8 *data, gsize size)
{
	for (gsize i = 0; size >= MESH_COMMAND && i < G_N_ELEMENTS(rows); i++)
		if (memcmp(data, rows[i].name, MESH_COMMAND) == 0)
			return &rows[i];
	return NULL;
}

/* A constant that tells why it cannot be, or NULL. */
static const char *read_command(MeshCommand *command, const guint8 *data, gsize size)
{
	const CommandRow *row = find(data, size);

	for (gsize i = 0; i < MIN(size, MESH_COMMAND); i++)
		command->name[i] = g_ascii_isprint(data[i]) ? (char)data[i] : '?';
	if (size < MESH_COMMAND)
		return "Command Too Short";
	command->kind = row ? row->kind : MESH_CMD_UNKNOWN;
	command->payload = data + MESH_COMMAND;
	command->size = size - MESH_COMMAND;
	/* Texts for pages need none, but some clients add one to everything. */
	if (row && command->size >= 2 && (row->kind == MESH_CMD_LOG || row->kind == MESH_CMD_ROBOTS) &&
	    (command->payload[0] || command->payload[1]))
		return NULL;
	/* A state alone is one byte, with an address three. */
	if (command->size >= 2) {
		command->has_address = TRUE;
		command->address = (guint16)(command->payload[0] << 8 | command->payload[1]);
		command->payload += 2;
		command->size -= 2;
	}
	if (row && row->needs_address && !command->has_address)
		return "Missing target address";
	if (row && row->needs_payload && !command->size)
		return row->kind == MESH_CMD_GET ? "Missing data type" : "Missing message";
	if (row && row->kind == MESH_CMD_GET && command->size > TYPE_LIMIT)
		return "Data Type Not Found";
	return NULL;
}

gboolean mesh_command_parse(MeshCommand *command, const guint8 *data, gsize size, const char **why)
{
	MeshCommand read = { 0 };
	const char *wrong = read_command(&read, data, size);

	if (wrong)
		*why = wrong;
	else
		*command = read;
	return !wrong;
}

/* [GET]: whole if this is a type and no longer name begins so. */
static MeshPart get_part(const guint8 *type, gsize size, const MeshTypes *types)
{
	char name[TYPE_LIMIT + 1] = "";

	if (!size || size > TYPE_LIMIT || mesh_types_has_longer(types, (const char *)type, size))
		return MESH_MAYBE;
	if (size == 1 && mesh_types_find(types, type[0]))
		return MESH_WHOLE;
	memcpy(name, type, size);
	return strlen(name) == size && mesh_types_has_name(types, name) ? MESH_WHOLE : MESH_MAYBE;
}

MeshPart mesh_command_part(const guint8 *data, gsize size, const MeshTypes *types)
{
	const CommandRow *row = find(data, size);
	gsize begin = strlen(MESH_HANDSHAKE);

	if (size >= MESH_HANDSHAKE_SIZE && memcmp(data, MESH_HANDSHAKE, begin) == 0 && data[begin] <= 1)
		return data[begin] ? MESH_LISTEN_FRAMED : MESH_LISTEN;
	if (size <= begin && memcmp(data, MESH_HANDSHAKE, size) == 0)
		return MESH_MORE;
	if (!row || size < MESH_COMMAND + 2)
		return MESH_MAYBE;
	if (row->fixed)
		return MESH_WHOLE;
	if (row->kind == MESH_CMD_GET)
		return get_part(data + MESH_COMMAND + 2, size - MESH_COMMAND - 2, types);
	return MESH_MAYBE;
}

/* --- replies --- */

static void append_byte(GByteArray *array, guint8 byte)
{
	g_byte_array_append(array, &byte, 1);
}

void mesh_reply_failure(GByteArray *reply, const char *text)
{
	gsize size = strlen(text);

	if (size > 255) {
		const char *end = g_utf8_find_prev_char(text, text + 256);

		size = end ? (gsize)(end - text) : 255;
	}
	append_byte(reply, 'F');
	append_byte(reply, (guint8)size);
	g_byte_array_append(reply, (const guint8 *)text, (guint)size);
}

void mesh_reply_begin(GByteArray *reply)
{
	append_byte(reply, 'S');
}

void mesh_reply_get(GByteArray *reply, const guint8 *type, gsize type_size, guint length, guint count)
{
	append_byte(reply, 'S');
	g_byte_array_append(reply, type, (guint)type_size);
	append_byte(reply, (guint8)length);
	append_byte(reply, (guint8)count);
}

void mesh_reply_address(GByteArray *reply, guint16 address)
{
	append_byte(reply, (guint8)(address >> 8));
	append_byte(reply, (guint8)address);
}

/* --- to the root --- */

gsize mesh_command_relayed(const MeshCommand *command, gsize size, MeshOpcodes opcodes)
{
	switch (command->kind) {
	case MESH_CMD_RESET:
	case MESH_CMD_CLEAN:
	case MESH_CMD_NINFO:
	case MESH_CMD_GETDF:
		return opcodes == MESH_OPCODES_V2 ? MIN(size, MESH_COMMAND) : size;
	default:
		return size;
	}
}

gsize mesh_wire_size(const guint8 *data, gsize size)
{
	gsize wire = size + 2;

	for (gsize i = 0; i < size; i++)
		wire += data[i] >= FIRST_ESCAPED;
	return wire;
}

GByteArray *mesh_command_build(const char *name, gboolean has_address, guint16 address, gconstpointer data, gsize size)
{
	GByteArray *body = g_byte_array_new();

	g_byte_array_append(body, (const guint8 *)name, (guint)strlen(name));
	if (has_address)
		mesh_reply_address(body, address);
	if (size)
		g_byte_array_append(body, data, (guint)size);
	return body;
}
