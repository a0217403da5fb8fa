/* SPDX-License-Identifier: MIT */
/* web-channels.c - messages of channels: the last ones, and the form that all have in JSON. */
#include <string.h>
#include "web.h"

json_t *web_message_json(BpMessage *message)
{
	const char *data = bp_message_data(message), *origin = bp_message_origin(message);
	gsize size = bp_message_size(message);
	json_t *object = json_pack("{s:f,s:I}", "time", (double)bp_message_time(message) / 1000, "size",
				   (json_int_t)size);

	if (origin)
		json_object_set_new(object, "origin", bp_json_string(origin, -1));
	if (g_utf8_validate(data, (gssize)size, NULL)) {
		json_object_set_new(object, "text", bp_json_string(data, (gssize)size));
	} else {
		g_autofree char *text = g_base64_encode((const guchar *)data, size);

		json_object_set_new(object, "base64", json_string(text));
	}
	return object;
}

static void serve_messages(BpHttpExchange *exchange, const char *name)
{
	g_autoptr(BpChannel) channel = bp_channel_find(name);
	g_autoptr(GPtrArray) messages = NULL;
	json_t *list;

	if (!channel) {
		bp_http_respond_problem(exchange, 404, "there is no such channel");
		return;
	}
	messages = bp_channel_replay(channel);
	list = json_array();
	for (guint i = 0; i < messages->len; i++)
		json_array_append_new(list, web_message_json(messages->pdata[i]));
	bp_http_respond_json(exchange, 200, list);
}

gboolean web_serve_channel(WebServer *server, BpHttpExchange *exchange, const char *rest)
{
	const char *slash = strrchr(rest, '/');
	g_autofree char *name = slash ? g_strndup(rest, (gsize)(slash - rest)) : NULL;
	g_autoptr(BpChannel) channel = bp_channel_find(rest);

	/* A channel may be called so: then it is meant. */
	if (channel || !name)
		return FALSE;
	if (strcmp(slash, "/messages") == 0) {
		serve_messages(exchange, name);
		return TRUE;
	}
	if (strcmp(slash, "/events") != 0)
		return FALSE;
	web_serve_channel_events(server, exchange, name);
	return TRUE;
}
