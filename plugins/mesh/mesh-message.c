/* SPDX-License-Identifier: MIT */
/* mesh-message.c - messages of the root module: frame bodies are parsed. Pure. */
#include <math.h>
#include <string.h>
#include <backplane/json.h>
#include "mesh-message.h"

#define ENTRY (2 + MESH_UUID)
#define PATH 4
#define JSON_LIMIT 4096
#define JSON_SCALE 1e7
#define LEAST_TEXT 4 /* shorter ones could as well be data */

/* How the firmware's own lines begin. */
static const char *const texts[] = {
	" -----------", " - Reseting", "Node not exists in network", "Failed to send to Node",
	"Error: ",	"Error, ",     "Persistent Memory",	     "[Warning]",
	"[Root]",	"[Test]",
};

static const char *const failures[] = { "Node not exists in network", "Failed to send to Node", "Error: " };

static guint16 read16(const guint8 *at)
{
	return (guint16)(at[0] << 8 | at[1]);
}

static gboolean has_prefix(const guint8 *data, gsize size, const char *prefix)
{
	gsize length = strlen(prefix);

	return size >= length && memcmp(data, prefix, length) == 0;
}

static gboolean has_one_of(const guint8 *data, gsize size, const char *const *prefixes, gsize count)
{
	for (gsize i = 0; i < count; i++)
		if (has_prefix(data, size, prefixes[i]))
			return TRUE;
	return FALSE;
}

/* All that can be shown, and a line end or none. */
static gboolean is_printable(const guint8 *data, gsize size)
{
	for (gsize i = 0; i < size; i++)
		if ((data[i] < 0x20 && data[i] != '\t' && data[i] != '\n' && data[i] != '\r' && data[i] != 0x1b) ||
		    data[i] == 0x7f)
			return FALSE;
	return g_utf8_validate((const char *)data, (gssize)size, NULL);
}

/* The root's own lines are known by their beginning. Another line of address 0 is one too, if it ends as lines do:
 * nothing else that the root says of itself is printable. */
static gboolean is_text(guint16 address, const guint8 *data, gsize size)
{
	if (has_one_of(data, size, texts, G_N_ELEMENTS(texts)))
		return TRUE;
	return address == 0 && size >= LEAST_TEXT && data[size - 1] == '\n' && is_printable(data, size);
}

static MeshKind fail(MeshMessage *message, const char *why)
{
	message->why = why;
	return MESH_MALFORMED;
}

static MeshKind parse_entries(MeshMessage *message, MeshKind kind, gsize each)
{
	if (message->size < 1)
		return fail(message, "there is no count");
	if (message->size - 1 < message->payload[0] * each)
		return fail(message, "fewer entries than counted");
	message->count = message->payload[0];
	return kind;
}

/* --- positions --- */

static guint64 double_bits(double value)
{
	guint64 bits;

	memcpy(&bits, &value, sizeof(bits));
	return GUINT64_TO_LE(bits);
}

static double bits_double(const guint8 *at)
{
	guint64 bits;
	double value;

	memcpy(&bits, at, sizeof(bits));
	bits = GUINT64_FROM_LE(bits);
	memcpy(&value, &bits, sizeof(value));
	return value;
}

void mesh_position_pack(guint8 out[16], double latitude, double longitude)
{
	guint64 bits[2] = { double_bits(latitude), double_bits(longitude) };

	memcpy(out, bits, sizeof(bits));
}

gboolean mesh_position_unpack(const guint8 *data, gsize size, double *latitude, double *longitude)
{
	double north, east;

	if (size != 16)
		return FALSE;
	north = bits_double(data);
	east = bits_double(data + 8);
	/* (Also for what is no number, which JSON could not say.) */
	if (!(fabs(north) <= 90 && fabs(east) <= 180))
		return FALSE;
	*latitude = north;
	*longitude = east;
	return TRUE;
}

static MeshKind parse_gps(MeshMessage *message)
{
	if (message->size != 16)
		return fail(message, "a position has 16 bytes");
	if (!mesh_position_unpack(message->payload, message->size, &message->latitude, &message->longitude))
		return fail(message, "this position is nowhere on earth");
	return MESH_GPS;
}

/* The second generation's firmware turns a node's packed position into JSON. What is none is a text. */
static MeshKind parse_json(MeshMessage *message, const guint8 *body, gsize size)
{
	json_auto_t *object = bp_json_parse_object((const char *)body + 2, size - 2, JSON_LIMIT, NULL);
	json_t *latitude = json_object_get(object, "lat"), *longitude = json_object_get(object, "lon");
	json_t *node = json_object_get(object, "node");
	double north = (double)json_integer_value(latitude) / JSON_SCALE,
	       east = (double)json_integer_value(longitude) / JSON_SCALE;

	if (!json_is_integer(latitude) || !json_is_integer(longitude) || fabs(north) > 90 || fabs(east) > 180)
		return MESH_OTHER;
	message->latitude = north;
	message->longitude = east;
	if (!message->address && json_is_integer(node) && json_integer_value(node) > 0 &&
	    json_integer_value(node) <= G_MAXUINT16)
		message->address = (guint16)json_integer_value(node);
	return MESH_GPS_JSON;
}

/* --- bodies --- */

static MeshKind parse_v0(MeshMessage *message, const guint8 *body, gsize size)
{
	const guint8 *name = body + 2;

	if (size < 5)
		return MESH_OTHER;
	message->payload = body + 5;
	message->size = size - 5;
	if (memcmp(name, "[D]", 3) == 0) {
		if (message->size < 1)
			return fail(message, "there is no count");
		message->count = message->payload[0];
		return MESH_DATA;
	}
	if (memcmp(name, "NOD", 3) == 0)
		return message->size < MESH_UUID ? fail(message, "there is no uuid") : MESH_NODE_INFO;
	if (memcmp(name, "NET", 3) == 0)
		return parse_entries(message, MESH_NET_INFO, ENTRY);
	if (memcmp(name, "RST", 3) == 0)
		return MESH_ROOT_RESET;
	if (memcmp(name, "ECH", 3) == 0)
		return MESH_ECHO;
	if (memcmp(name, "CPY", 3) == 0)
		return MESH_ACK;
	if (memcmp(name, "TST", 3) == 0)
		return MESH_TEST;
	return memcmp(name, "REQ", 3) == 0 ? MESH_REQUEST : MESH_OTHER;
}

static MeshKind parse_byte(MeshMessage *message, MeshOpcodes opcodes, const guint8 *body, gsize size)
{
	message->payload = body + 3;
	message->size = size - 3;
	switch (body[2]) {
	case 0x00:
		return MESH_CUSTOM;
	case 0x01:
		return parse_entries(message, MESH_NET_INFO, ENTRY);
	case 0x02:
		return message->size < MESH_UUID ? fail(message, "there is no uuid") : MESH_NODE_INFO;
	case 0x03:
		return MESH_ROOT_RESET;
	case 0x04:
		return opcodes == MESH_OPCODES_V2 ? parse_entries(message, MESH_PATHS, PATH) : MESH_OTHER;
	case 0x05:
		return opcodes == MESH_OPCODES_V2 ? parse_gps(message) : MESH_OTHER;
	case 'D':
		if (message->size < 1)
			return fail(message, "there is no count");
		message->count = message->payload[0];
		return MESH_DATA;
	case 'R':
		return MESH_REQUEST;
	case 'E':
		return MESH_ECHO;
	case 'A':
		return MESH_ACK;
	case 'T':
		return MESH_TEST;
	case 'S':
		return MESH_RESET_EDGE;
	}
	return MESH_OTHER;
}

void mesh_message_parse(MeshMessage *message, const guint8 *body, gsize size, MeshOpcodes opcodes)
{
	memset(message, 0, sizeof(*message));
	if (size < 3) {
		message->kind = fail(message, "it is too short for an address and an opcode");
		return;
	}
	message->address = read16(body);
	message->payload = body + 2;
	message->size = size - 2;
	message->kind = MESH_OTHER;
	/* Both could be taken for texts of the root. */
	if (opcodes == MESH_OPCODES_V0)
		message->kind = parse_v0(message, body, size);
	else if (body[2] == '{')
		message->kind = parse_json(message, body, size);
	if (message->kind != MESH_OTHER)
		return;
	message->payload = body + 2;
	message->size = size - 2;
	if (is_text(message->address, message->payload, message->size))
		message->kind = MESH_TEXT;
	else if (opcodes != MESH_OPCODES_V0)
		message->kind = parse_byte(message, opcodes, body, size);
}

const char *mesh_kind_name(MeshKind kind)
{
	static const char *const names[] = {
		"malformed", "custom", "net info", "node info", "root reset", "paths", "position", "data",
		"request",   "echo",   "ack",	   "test",	"reset",      "text",  "position", "other",
	};

	return names[kind];
}

MeshEntry mesh_message_entry(const MeshMessage *message, guint index)
{
	const guint8 *at = message->payload + 1 + (gsize)index * ENTRY;

	g_assert(index < message->count && 1 + (index + 1) * (gsize)ENTRY <= message->size);
	return (MeshEntry){ .address = read16(at), .uuid = at + 2 };
}

MeshPath mesh_message_path(const MeshMessage *message, guint index)
{
	const guint8 *at = message->payload + 1 + (gsize)index * PATH;

	g_assert(index < message->count && 1 + (index + 1) * (gsize)PATH <= message->size);
	return (MeshPath){ .origin = read16(at), .target = read16(at + 2) };
}

static gboolean datum_v0(const guint8 *at, gsize left, MeshDatum *datum)
{
	if (left < 4 || left - 4 < at[3])
		return FALSE;
	for (guint i = 0; i < 3; i++)
		datum->name[i] = g_ascii_isgraph(at[i]) && at[i] != '/' ? (char)at[i] : '_';
	datum->name[3] = 0;
	datum->size = at[3];
	datum->data = at + 4;
	return TRUE;
}

gboolean mesh_message_datum(const MeshMessage *message, MeshOpcodes opcodes, const MeshTypes *types, MeshCursor *cursor,
			    MeshDatum *datum, const char **why)
{
	gsize at = cursor->at ? cursor->at : 1;
	const MeshType *type;

	*why = NULL;
	if (cursor->given >= message->count)
		return FALSE;
	*why = "fewer values than counted";
	if (at >= message->size)
		return FALSE;
	if (opcodes == MESH_OPCODES_V0) {
		if (!datum_v0(message->payload + at, message->size - at, datum))
			return FALSE;
		at += 4 + datum->size;
	} else {
		type = mesh_types_find(types, message->payload[at]);
		if (!type) {
			*why = "a type of data that no table has";
			return FALSE;
		}
		if (message->size - at - 1 < type->length)
			return FALSE;
		g_strlcpy(datum->name, type->name, sizeof(datum->name));
		datum->size = type->length;
		datum->data = message->payload + at + 1;
		at += 1 + type->length;
	}
	*why = NULL;
	cursor->given++;
	cursor->at = at;
	return TRUE;
}

gboolean mesh_message_is_failure(const MeshMessage *message)
{
	return message->kind == MESH_TEXT &&
	       has_one_of(message->payload, message->size, failures, G_N_ELEMENTS(failures));
}
