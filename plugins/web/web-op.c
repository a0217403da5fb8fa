/* SPDX-License-Identifier: MIT */
/* web-op.c - {"op":"watch","id":1,"channel":"uart/..."} and the others. Members that are not known are let be. A binary
 * message is a send: size of the channel's name, name, bytes.
 */
#include "web-op.h"
#include <backplane/channel.h>
#include <string.h>

#define ID_LIMIT 100
#define COMMAND_LIMIT 65536

static const char *const names[] = {
	[WEB_OP_WATCH] = "watch", [WEB_OP_UNWATCH] = "unwatch",	    [WEB_OP_SEND] = "send",
	[WEB_OP_RUN] = "run",	  [WEB_OP_LIST] = "list",	    [WEB_OP_COMPLETE] = "complete",
	[WEB_OP_PING] = "ping",	  [WEB_OP_INTERRUPT] = "interrupt", NULL,
};

static gboolean fail(GError **error, const char *text)
{
	g_set_error_literal(error, BP_HOST_ERROR, BP_INVALID, text);
	return FALSE;
}

/* A text without NUL; yours, or NULL. */
static char *get_text(json_t *object, const char *name, gsize limit)
{
	json_t *value = json_object_get(object, name);
	const char *text = json_string_value(value);

	if (!text || json_string_length(value) > limit || strlen(text) != json_string_length(value))
		return NULL;
	return g_strdup(text);
}

gboolean web_op_is_glob(const char *name)
{
	return strpbrk(name, "*?") != NULL;
}

static gboolean take_channel(WebOp *op, json_t *object, GError **error)
{
	op->name = get_text(object, "channel", 255);
	if (!op->name || !*op->name)
		return fail(error, "channel: the name of a channel is expected, or a glob to watch");
	if (op->kind != WEB_OP_SEND && web_op_is_glob(op->name))
		return TRUE;
	return bp_channel_check_name(op->name, error);
}

static gboolean take_form(WebOp *op, json_t *object, GError **error)
{
	json_t *form = json_object_get(object, "binary");
	const char *text = json_string_value(form);

	op->frames = g_strcmp0(text, "frames") == 0;
	if (!form || op->frames || g_strcmp0(text, "base64") == 0)
		return TRUE;
	return fail(error, "binary: base64 or frames is expected");
}

static gboolean take_every(WebOp *op, json_t *object, GError **error)
{
	json_t *every = json_object_get(object, "every");
	json_int_t value = json_integer_value(every);

	if (every && (!json_is_integer(every) || (value && (value < 50 || value > 60000))))
		return fail(error, "every: 50 to 60000 milliseconds are expected, or 0");
	op->every = (guint)value;
	return TRUE;
}

static gboolean take_data(WebOp *op, json_t *object, GError **error)
{
	json_t *text = json_object_get(object, "text"), *coded = json_object_get(object, "base64");

	if (json_is_string(text) == json_is_string(coded))
		return fail(error, "what is to be sent is expected, as text or as base64");
	op->text = json_is_string(text);
	if (op->text) {
		op->size = json_string_length(text);
		op->data = g_memdup2(json_string_value(text), op->size + 1);
		return TRUE;
	}
	/* What is not of the alphabet is skipped by GLib, which would send something else. */
	if (strspn(json_string_value(coded), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") !=
		    json_string_length(coded) ||
	    json_string_length(coded) % 4)
		return fail(error, "base64: characters that do not belong there, or too few");
	op->data = g_base64_decode(json_string_value(coded), &op->size);
	return TRUE;
}

static gboolean take_line(WebOp *op, json_t *object, const char *name, GError **error)
{
	json_t *cursor = json_object_get(object, "cursor");
	json_int_t at;

	op->line = get_text(object, name, COMMAND_LIMIT);
	if (!op->line)
		return fail(error, "a line of text without NUL, of at most 64 KiB, is expected");
	at = json_is_integer(cursor) ? json_integer_value(cursor) : (json_int_t)strlen(op->line);
	op->cursor = (gsize)CLAMP(at, 0, (json_int_t)strlen(op->line));
	/* Not inside a character. */
	while (op->cursor && ((guint8)op->line[op->cursor] & 0xc0) == 0x80)
		op->cursor--;
	return TRUE;
}

static gboolean take_members(WebOp *op, json_t *object, GError **error)
{
	switch (op->kind) {
	case WEB_OP_WATCH:
		return take_channel(op, object, error) && take_form(op, object, error) && take_every(op, object, error);
	case WEB_OP_UNWATCH:
		return take_channel(op, object, error);
	case WEB_OP_SEND:
		return take_channel(op, object, error) && take_data(op, object, error);
	case WEB_OP_RUN:
		return take_line(op, object, "command", error);
	case WEB_OP_COMPLETE:
		return take_line(op, object, "line", error);
	case WEB_OP_LIST:
		op->name = get_text(object, "what", 255);
		op->match = get_text(object, "match", 255);
		return op->name ? TRUE
				: fail(error, "what: the name of what to list is expected: channels, sessions, ...");
	default:
		return TRUE;
	}
}

static gboolean read_op(WebOp *op, json_t *object, GError **error)
{
	json_t *id = json_object_get(object, "id");
	const char *name = json_string_value(json_object_get(object, "op"));
	guint kind;

	if (json_is_number(id) || (json_is_string(id) && json_string_length(id) <= ID_LIMIT))
		op->id = json_incref(id);
	else if (id && !json_is_null(id))
		return fail(error, "id: a number, or a text of at most 100 bytes, is expected");
	for (kind = 0; names[kind] && g_strcmp0(name, names[kind]) != 0; kind++)
		;
	if (!names[kind])
		return fail(error, "op: one of watch, unwatch, send, run, list, complete, ping, interrupt is expected");
	op->kind = (WebOpKind)kind;
	return take_members(op, object, error);
}

/* Nothing of what could not be read whole stays but the id, by which the answer is known. */
static gboolean keep_id(WebOp *op)
{
	json_t *id = g_steal_pointer(&op->id);

	web_op_clear(op);
	op->id = id;
	return FALSE;
}

gboolean web_op_parse(WebOp *op, const char *text, gsize size, GError **error)
{
	json_auto_t *object = bp_json_parse_object(text, size, 0, error);

	memset(op, 0, sizeof(*op));
	return object && (read_op(op, object, error) || keep_id(op));
}

gboolean web_op_parse_frame(WebOp *op, const guint8 *data, gsize size, GError **error)
{
	gsize length = size ? data[0] : 0;
	g_autofree char *name = NULL;

	memset(op, 0, sizeof(*op));
	if (!length || length > size - 1 || memchr(data + 1, '\0', length))
		return fail(error,
			    "a binary message begins with the size of a channel's name in one byte, and the name");
	name = g_strndup((const char *)data + 1, length);
	if (!bp_channel_check_name(name, error))
		return FALSE;
	op->kind = WEB_OP_SEND;
	op->silent = TRUE;
	op->name = g_steal_pointer(&name);
	op->size = size - 1 - length;
	op->data = g_memdup2(data + 1 + length, op->size);
	return TRUE;
}

GByteArray *web_op_frame(const char *channel, const BpMessage *message)
{
	guint8 length = (guint8)strlen(channel); /* names have 255 bytes at most */
	GByteArray *frame = g_byte_array_sized_new((guint)(1 + length + bp_message_size(message)));

	g_byte_array_append(frame, &length, 1);
	g_byte_array_append(frame, (const guint8 *)channel, length);
	g_byte_array_append(frame, bp_message_data(message), (guint)bp_message_size(message));
	return frame;
}

void web_op_clear(WebOp *op)
{
	json_decref(op->id);
	g_free(op->name);
	g_free(op->match);
	g_free(op->line);
	g_free(op->data);
	memset(op, 0, sizeof(*op));
}
