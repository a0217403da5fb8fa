/* SPDX-License-Identifier: MIT */
/* resource-channel.c - resource channels: list, last messages, send. */
#include <string.h>
#include "resources.h"

static json_t *channel_json(BpChannel *channel)
{
	BpChannelStats stats = bp_channel_stats(channel);
	g_auto(BpChannelOptions) options = bp_channel_options(channel);

	return json_pack("{s:o,s:i,s:i,s:I,s:I,s:f,s:I,s:i}", "id", bp_json_string(bp_channel_name(channel), -1),
			 "number", (int)bp_channel_number(channel), "watchers", (int)stats.watchers, "messages",
			 (json_int_t)stats.messages, "bytes", (json_int_t)stats.bytes, "rate", stats.rate, "drops",
			 (json_int_t)stats.drops, "replay", (int)options.replay);
}

static json_t *list_channels(BpPlugin *self, const char *query, GError **error)
{
	g_autoptr(GPtrArray) channels = bp_channel_list(query && *query ? query : NULL);
	json_t *list = json_array();

	for (guint i = 0; i < channels->len; i++)
		json_array_append_new(list, channel_json(channels->pdata[i]));
	return list;
}

static BpChannel *find(const char *id, GError **error)
{
	BpChannel *channel = bp_channel_find(id);

	if (!channel)
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no channel %s", id);
	return channel;
}

static json_t *get_channel(BpPlugin *self, const char *id, GError **error)
{
	g_autoptr(BpChannel) channel = find(id, error);
	g_auto(BpChannelOptions) options = { 0 };
	json_t *object;

	if (!channel)
		return NULL;
	options = bp_channel_options(channel);
	object = channel_json(channel);
	json_object_set_new(object, "greet", bp_json_string(options.greet, -1));
	json_object_set_new(object, "line_end", bp_json_string(options.line_end, -1));
	json_object_set_new(object, "indent", json_integer(options.indent));
	json_object_set_new(object, "timestamp", json_boolean(options.timestamp));
	json_object_set_new(object, "pure", json_boolean(options.pure));
	json_object_set_new(object, "log", json_boolean(options.log));
	return object;
}

/* --- send --- */

static BpMessage *message_of(const BpValues *values, GError **error)
{
	const char *text = bp_values_string(values, "text"), *base64 = bp_values_string(values, "base64");
	const char *hex = bp_values_string(values, "hex");
	g_autofree guint8 *bytes = NULL;
	gsize size = 0;

	if (!!text + !!base64 + !!hex != 1) {
		g_set_error(error, BP_HOST_ERROR, BP_INVALID, "what to send: give one of text, base64 and hex");
		return NULL;
	}
	if (text)
		return bp_message_new(text, strlen(text), BP_TEXT);
	if (hex) {
		bytes = bp_bytes_from_hex(hex, &size, error);
		return bytes ? bp_message_new(bytes, size, BP_BINARY) : NULL;
	}
	if (strlen(base64) % 4 ||
	    strspn(base64, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") != strlen(base64)) {
		g_set_error(error, BP_HOST_ERROR, BP_INVALID, "base64: this is none");
		return NULL;
	}
	bytes = g_base64_decode(base64, &size);
	return bp_message_new(bytes, size, BP_BINARY);
}

static json_t *send_message(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	g_autoptr(BpChannel) channel = find(id, error);
	BpMessage *message = channel ? message_of(values, error) : NULL;
	json_t *answer;

	if (!message)
		return NULL;
	answer = json_pack("{s:I,s:i}", "size", (json_int_t)bp_message_size(message), "watchers",
			   (int)bp_channel_stats(channel).watchers);
	bp_channel_send_take(channel, message);
	return answer;
}

static const BpParam send_params[] = {
	{ "text", .help = "text to send" },
	{ "base64", .help = "bytes to send, in base64" },
	{ "hex", .help = "bytes to send, as hexadecimal digits" },
	{ NULL },
};

static const BpAction actions[] = {
	{ "send", .help = "say something on a channel", .params = send_params, .role = BP_OPERATOR,
	  .run = send_message },
	{ NULL },
};

const BpResource channels_resource = {
	.size = sizeof(channels_resource),
	.name = "channels",
	.help = "named one-to-many pipes of messages",
	.members =
		"id:string number:integer watchers:integer messages:integer bytes:integer rate:number drops:integer replay:integer",
	.list = list_channels,
	.get = get_channel,
	.actions = actions,
};
