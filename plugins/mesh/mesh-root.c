/* SPDX-License-Identifier: MIT */
/* mesh-root.c - frames to and from the root module, on channels.
 *
 * The firmware reads at most 1024 bytes or a second long, then looks at what it has, and loses a frame that is cut by
 * the end of a read. So a frame is one message, and in any `window` no more than `window_bytes` go out; more waits, in a
 * bounded queue. The line is up when `send` is watched, and the UART has not reported that it is unplugged.
 */
#include <string.h>
#include "mesh-gateway.h"

#define BODY_LIMIT 4096 /* of the root, where we frame */
#define FOREIGN_TOLD 2	/* foreign escapes within FRAMES_JUDGED frames: escape_xor is probably wrong */
#define FRAMES_JUDGED 16

typedef struct {
	gint64 time;
	gsize size;
} SentFrame;

gboolean mesh_root_is_up(const MeshGateway *gateway)
{
	return !gateway->unplugged && bp_channel_is_watched(gateway->root_send);
}

void mesh_root_check_line(MeshGateway *gateway)
{
	gboolean line = mesh_root_is_up(gateway);

	if (line == gateway->line)
		return;
	gateway->line = line;
	mesh_gateway_log(gateway, line ? "serial line connected" : "serial line disconnected");
	mesh_gateway_look(gateway);
	if (gateway->pages)
		mesh_pages_connection(gateway->pages);
	if (!line && gateway->decoder)
		gateway->framing->reset(gateway->decoder);
	mesh_root_ask_at_open(gateway);
}

void mesh_root_ask_at_open(MeshGateway *gateway)
{
	const char *why;

	if (gateway->line && gateway->set.ask_at_open)
		mesh_root_send(gateway, "NINFO", MESH_COMMAND, &why);
}

/* --- to the root --- */

static gsize used_in_window(MeshGateway *gateway)
{
	gint64 since = bp_loop_now() - gateway->set.window;
	guint old = 0;
	gsize used = 0;

	while (old < gateway->window->len && g_array_index(gateway->window, SentFrame, old).time <= since)
		old++;
	if (old)
		g_array_remove_range(gateway->window, 0, old);
	for (guint i = 0; i < gateway->window->len; i++)
		used += g_array_index(gateway->window, SentFrame, i).size;
	return used;
}

static void transmit(MeshGateway *gateway, GBytes *body, gsize wire)
{
	SentFrame sent = { bp_loop_now(), wire };
	gsize size;
	const guint8 *data = g_bytes_get_data(body, &size);

	g_array_append_val(gateway->window, sent);
	gateway->counts.sent++;
	gateway->counts.sent_bytes += size;
	if (gateway->framing) {
		g_autoptr(GByteArray) frame = g_byte_array_sized_new((guint)wire);

		gateway->framing->encode(&gateway->framing_options, data, size, frame);
		bp_channel_send_bytes(gateway->root_send, frame->data, frame->len);
		return;
	}
	bp_channel_send_bytes(gateway->root_send, data, size);
}

static void pump(MeshGateway *gateway);

static void on_pace(BpPlugin *self, gpointer data)
{
	MeshGateway *gateway = data;

	pump(gateway);
}

static void pump(MeshGateway *gateway)
{
	while (gateway->waiting.length && !gateway->pace) {
		g_autoptr(GBytes) body = NULL;
		gsize size, wire, used = used_in_window(gateway);
		const guint8 *data = g_bytes_get_data(gateway->waiting.head->data, &size);

		wire = mesh_wire_size(data, size);
		if (used && used + wire > gateway->set.window_bytes) {
			gint64 due = g_array_index(gateway->window, SentFrame, 0).time + gateway->set.window -
				     bp_loop_now();

			bp_timer_once(&gateway->pace, gateway->self, due, on_pace, gateway);
			return;
		}
		body = g_queue_pop_head(&gateway->waiting);
		transmit(gateway, body, wire);
	}
}

gboolean mesh_root_send(MeshGateway *gateway, gconstpointer data, gsize size, const char **why)
{
	mesh_root_check_line(gateway);
	*why = NULL;
	if (!mesh_root_is_up(gateway))
		*why = "No Serial Connection";
	else if (mesh_wire_size(data, size) > gateway->set.window_bytes)
		*why = "Message Too Long";
	else if (gateway->waiting.length >= gateway->set.queue)
		*why = "Too Many Commands Waiting";
	if (*why) {
		gateway->counts.refused++;
		return FALSE;
	}
	g_queue_push_tail(&gateway->waiting, g_bytes_new(data, size));
	pump(gateway);
	return TRUE;
}

/* --- from the root --- */

static void on_frame(const guint8 *data, gsize size, gpointer user)
{
	mesh_intake(user, data, size);
}

/* Once, on NAME/log and at the console; `mesh info` shows it from then on. */
static void advise(MeshGateway *gateway, const char *text)
{
	if (gateway->advice)
		return;
	gateway->advice = g_strdup(text);
	mesh_gateway_log(gateway, "framing of the root: %s", text);
	bp_log(gateway->self, BP_LOG_WARNING, "framing of the root: %s", text);
}

/* The decoder judges by all frames since it was opened; a root that is exchanged after a thousand good ones is judged by the last few. */
static void check_escapes(MeshGateway *gateway)
{
	const BpFramingCounts *counts = &gateway->decoder->counts;

	if (gateway->decoder->advice)
		advise(gateway, gateway->decoder->advice);
	else if (counts->foreign - gateway->mark_foreign >= FOREIGN_TOLD)
		advise(gateway,
		       "escapes come as no sender with this escape_xor makes them: 0xfa is usual, 0xff is in use");
	if (counts->frames - gateway->mark_frames < FRAMES_JUDGED)
		return;
	gateway->mark_frames = counts->frames;
	gateway->mark_foreign = counts->foreign;
}

static void on_recv(BpPlugin *self, BpMessage *message, gpointer data)
{
	MeshGateway *gateway = data;
	const guint8 *bytes = bp_message_data(message);

	if (!gateway->framing && gateway->framing_path)
		return;
	if (!gateway->framing) {
		mesh_intake(gateway, bytes, bp_message_size(message));
		return;
	}
	gateway->framing->feed(gateway->decoder, bytes, bp_message_size(message));
	check_escapes(gateway);
}

static void on_framing_gone(BpPlugin *self, gpointer data)
{
	MeshGateway *gateway = data;

	if (gateway->decoder)
		gateway->framing->free(gateway->decoder);
	gateway->decoder = NULL;
	gateway->framing = NULL;
	gateway->unplugged = TRUE; /* its frames cannot be delimited any more */
	mesh_root_check_line(gateway);
	mesh_gateway_look(gateway);
}

/* The reports of the UART, a sentence each; the last ones are replayed to this watch when the UART was opened before. */
static void on_event(BpPlugin *self, BpMessage *message, gpointer data)
{
	MeshGateway *gateway = data;
	const char *text = bp_message_data(message);

	if (strstr(text, ", framing ") && strstr(text, ": escapes "))
		advise(gateway, strstr(text, ": escapes ") + 2);
	if (strstr(text, " is open: "))
		gateway->unplugged = FALSE;
	else if (strstr(text, " is gone: ") || g_str_has_suffix(text, "; trying again") ||
		 g_str_has_suffix(text, "; waiting for it"))
		gateway->unplugged = TRUE;
	mesh_root_check_line(gateway);
}

static void watch_events(MeshGateway *gateway)
{
	const char *uart = bp_instance_string(gateway->self, "uart");
	g_autofree char *name = g_strconcat("uart-", uart, NULL);

	if (!uart || !*uart || !bp_channel_check_name(name, NULL))
		return;
	gateway->root_events = bp_channel(gateway->self, name);
	bp_channel_watch(gateway->self, gateway->root_events, on_event, gateway, NULL);
}

static gboolean open_framing(MeshGateway *gateway, GError **error)
{
	const char *name = bp_instance_string(gateway->self, "framing");

	gateway->framing_options.limit = BODY_LIMIT;
	gateway->framing_options.escape_xor = (guint8)bp_instance_int(gateway->self, "escape_xor");
	if (!name || !*name || strcmp(name, "none") == 0)
		return TRUE;
	gateway->framing_path = g_strconcat("framing/", name, NULL);
	gateway->framing = bp_registry_hold(gateway->self, gateway->framing_path, on_framing_gone, gateway, NULL);
	if (!gateway->framing) {
		g_set_error(
			error, BP_HOST_ERROR, BP_NOT_FOUND,
			"there is no framing %s: load the plugin that has it (plugin load uart), or say framing=none",
			name);
		return FALSE;
	}
	gateway->decoder = gateway->framing->decoder_new(&gateway->framing_options, on_frame, gateway);
	return TRUE;
}

static char *channel_name(BpInstance *self, const char *param, const char *suffix)
{
	const char *uart = bp_instance_string(self, "uart"), *given = bp_instance_string(self, param);

	if (given && *given)
		return g_strdup(given);
	return uart && *uart ? g_strdup_printf("%s/%s", uart, suffix) : NULL;
}

static gboolean open_channel(MeshGateway *gateway, const char *param, BpChannel **channel, GError **error)
{
	g_autofree char *name = channel_name(gateway->self, param, param);

	if (!name) {
		g_set_error_literal(
			error, BP_HOST_ERROR, BP_INVALID,
			"where is the root? name its UART (uart=NAME), or two channels (recv=NAME send=NAME)");
		return FALSE;
	}
	if (!bp_channel_check_name(name, error))
		return FALSE;
	*channel = bp_channel(gateway->self, name);
	return TRUE;
}

gboolean mesh_root_open(MeshGateway *gateway, GError **error)
{
	gateway->window = g_array_new(FALSE, FALSE, sizeof(SentFrame));
	if (!open_channel(gateway, "recv", &gateway->root_recv, error) ||
	    !open_channel(gateway, "send", &gateway->root_send, error) || !open_framing(gateway, error))
		return FALSE;
	bp_channel_watch(gateway->self, gateway->root_recv, on_recv, gateway, NULL);
	watch_events(gateway);
	return TRUE;
}

void mesh_root_close(MeshGateway *gateway)
{
	g_queue_clear_full(&gateway->waiting, (GDestroyNotify)g_bytes_unref);
	g_clear_pointer(&gateway->window, g_array_unref);
	if (gateway->decoder)
		gateway->framing->free(gateway->decoder);
	gateway->decoder = NULL;
	g_clear_pointer(&gateway->framing_path, g_free);
	g_clear_pointer(&gateway->advice, g_free);
}
