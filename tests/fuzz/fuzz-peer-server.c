/* SPDX-License-Identifier: MIT */
/* fuzz-peer-server.c - hosts that connect to a Peer and shake hands, and what they say behind it: frames, channels, requests.
 * Server 0 is a host without a secret, server 1 one with the secret "open", server 2 one that connects to us; its
 * connection is taken with a0.
 *
 *	i0 ID		the client begins the handshake as the host ID of the project, and goes on with it by itself
 *	o0 ID		the same with the secret
 *	n0 ID		it waits for the handshake as that host (on a connection that was made to us)
 *	k0 CTEXT	a frame: its kind, its body
 *	d0 5 NAME TEXT	a message of the channel NAME, of that number
 *	y0 NAME TEXT	something to be said on a channel of the server's
 *	b0 NAME TEXT	said here on that channel
 */
#include <stdlib.h>
#include <string.h>
#include "script.h"
#include "../../plugins/peer/peer-frame.h"
#include "../../plugins/peer/peer-handshake.h"

extern const BpPluginInfo bp_plugin_info;
extern const guint fuzz_most;
const guint fuzz_most = 100;

/* The handshakes of clients, until they are over. */
static struct {
	Handshake *handshake;
	JsonLine input;
	char id[64];
} hosts[SCRIPT_CLIENTS];

static void send_line(guint client, json_t *take_message)
{
	g_autofree char *text = take_message ? json_dumps(take_message, JSON_COMPACT) : NULL;

	json_decref(take_message);
	if (!text)
		return;
	script_send(client, text, strlen(text));
	script_send(client, "\n", 1);
}

static void forget(guint client)
{
	g_clear_pointer(&hosts[client].handshake, handshake_free);
	json_line_clear(&hosts[client].input);
}

/* Who was connected to waits for the offer. */
static void begin(guint client, gboolean initiator, const guint8 *id, gsize size, const char *secret)
{
	HandshakeSelf self = { hosts[client].id, hosts[client].id, "p", "h", secret };

	forget(client);
	size = MIN(size, sizeof(hosts[client].id) - 1);
	memcpy(hosts[client].id, id, size);
	hosts[client].id[size] = '\0';
	json_line_init(&hosts[client].input, 0);
	if (!g_utf8_validate(hosts[client].id, -1, NULL))
		return;
	hosts[client].handshake = handshake_new(&self, initiator);
	if (initiator)
		send_line(client, handshake_offer(hosts[client].handshake));
}

static void on_connected(guint client)
{
	forget(client);
}

static void on_heard(guint client, const guint8 *data, gsize size)
{
	char *line;
	gsize length;

	if (!hosts[client].handshake)
		return;
	json_line_add(&hosts[client].input, data, size);
	while (hosts[client].handshake && json_line_next(&hosts[client].input, &line, &length) == JSON_LINE_TAKEN) {
		json_t *message = json_loadb(line, length, 0, NULL), *answer = NULL;
		HandshakeState state = HANDSHAKE_REFUSED;

		if (message)
			state = handshake_receive(hosts[client].handshake, message, &answer, NULL);
		send_line(client, answer);
		json_decref(message);
		if (state != HANDSHAKE_GOES_ON)
			g_clear_pointer(&hosts[client].handshake, handshake_free);
	}
}

/* "NAME TEXT" */
static void split(const guint8 *text, gsize size, ChannelFrame *said)
{
	const guint8 *blank = memchr(text, ' ', size);
	gsize name_size = MIN(blank ? (gsize)(blank - text) : size, 255);

	*said = (ChannelFrame){ .time = 1,
				.flags = 1,
				.crossings = 1,
				.channel = (const char *)text,
				.channel_size = name_size,
				.origin = "far",
				.origin_size = 3,
				.reply = "far/reply",
				.reply_size = 9 };
	if (blank && name_size == (gsize)(blank - text)) {
		said->data = blank + 1;
		said->size = size - name_size - 1;
	}
}

static void send_said(guint client, FrameKind kind, guint64 sequence, const guint8 *text, gsize size)
{
	g_autoptr(BpMessage) frame = NULL;
	ChannelFrame said;

	split(text, size, &said);
	if (!said.channel_size)
		return;
	said.sequence = sequence;
	frame = frame_said_new(kind, &said);
	script_send(client, bp_message_data(frame), bp_message_size(frame));
}

static guint64 sends; /* numbers of those that are acknowledged */

static void say_here(const guint8 *text, gsize size)
{
	g_autofree char *name = NULL;
	g_autoptr(BpChannel) channel = NULL;
	ChannelFrame said;

	split(text, size, &said);
	name = g_strndup(said.channel, said.channel_size);
	channel = bp_channel_check_name(name, NULL) ? bp_channel_find(name) : NULL;
	if (channel)
		bp_channel_send_take(channel, bp_message_new(said.data, said.size, BP_TEXT));
}

static gboolean act(char letter, guint client, const guint8 *text, gsize size)
{
	g_autoptr(BpMessage) frame = NULL;
	g_autofree char *digits = g_strndup((const char *)text, size);
	char *end;
	guint64 number;

	switch (letter) {
	case 'i':
	case 'o':
		begin(client, TRUE, text, size, letter == 'o' ? "open" : NULL);
		return TRUE;
	case 'n':
		begin(client, FALSE, text, size, NULL);
		return TRUE;
	case 'k':
		if (!size)
			return FALSE;
		frame = frame_new(text[0], text + 1, size - 1);
		script_send(client, bp_message_data(frame), bp_message_size(frame));
		return TRUE;
	case 'd':
		number = g_ascii_strtoull(digits, &end, 10);
		if (*end == ' ')
			send_said(client, FRAME_CHANNEL, number, text + (end + 1 - digits),
				  size - (gsize)(end + 1 - digits));
		return TRUE;
	case 'y':
		send_said(client, FRAME_SEND, ++sends, text, size);
		return TRUE;
	case 'b':
		say_here(text, size);
		return TRUE;
	default:
		return FALSE;
	}
}

static void finish(void)
{
	for (guint i = 0; i < SCRIPT_CLIENTS; i++)
		forget(i);
}

static const ScriptTarget target = { .act = act, .heard = on_heard, .connected = on_connected, .finish = finish };

static gboolean load(BpPlugin *self, GError **error)
{
	bp_channel(self, "hall");
	bp_channel(self, "lab/recv");
	return TRUE;
}

static const BpPluginInfo test = { BP_PLUGIN_BUILT, .name = "test", .version = "1", .summary = "test", .load = load };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
#define HOST "port=0", "enable_discovery=no", "project_id=p", "hash=h", "heartbeat=1s"
	static const char *const plain[] = {
		HOST,		"server_id=plain",  "server_name=plain", "export=hall", "export=lab/*",
		"import=far/*", "link_backlog=64K", "resume_buffer=1K",	 NULL
	};
	static const char *const guarded[] = { HOST,	      "server_id=guarded", "server_name=guarded",
					       "secret=open", "export=*",	   "import=far/far*",
					       NULL };
	static const char *dials[] = { HOST,	      "server_id=dials",  "server_name=dials",
				       "export=hall", "import=far/lab/*", NULL,
				       NULL };

	script_start(&bp_plugin_info, &target);
	g_assert(bp_plugin_add(&test, NULL));
	dials[G_N_ELEMENTS(dials) - 2] = g_strdup_printf("connect=127.0.0.1:%u", script_port());
	script_serve("Peer", "plain", plain);
	script_serve("Peer", "guarded", guarded);
	script_serve("Peer", "dials", dials);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	script_run(data, size);
	return 0;
}
