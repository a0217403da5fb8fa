/* SPDX-License-Identifier: MIT */
/* fuzz-telnet.c - whatever a telnet client sends: no crash, bounded answers, and the same however it is cut.
 *
 * The first byte chooses lines or not and where the second run cuts the rest.
 */
#include <stdint.h>
#include <string.h>
#include <backplane/telnet.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
	GString *data, *sent, *events;
} Seen;

static void on_data(BpTelnet *codec, const guint8 *data, gsize size, gpointer user)
{
	g_string_append_len(((Seen *)user)->data, (const char *)data, (gssize)size);
}

static void on_send(BpTelnet *codec, const guint8 *data, gsize size, gpointer user)
{
	g_string_append_len(((Seen *)user)->sent, (const char *)data, (gssize)size);
}

static void on_event(BpTelnet *codec, BpTelnetEvent event, gpointer user)
{
	const BpTelnetInfo *info = bp_telnet_info(codec);
	Seen *seen = user;

	/* Told once for all that comes together, so it depends on the cuts; what is known in the end does not. */
	if (event != BP_TELNET_TERMINAL)
		g_string_append_printf(seen->events, "%zu:%d %ux%u %s\n", seen->data->len, event, info->columns,
				       info->rows, info->user);
}

static const BpTelnetEvents callbacks = { .size = sizeof(callbacks), on_data, on_send, on_event };

static void run(Seen *seen, gboolean lines, const guint8 *data, gsize size, gsize step)
{
	BpTelnet *codec = bp_telnet_new(&callbacks, seen);

	*seen = (Seen){ g_string_new(NULL), g_string_new(NULL), g_string_new(NULL) };
	bp_telnet_set_lines(codec, lines);
	bp_telnet_offer(codec);
	for (gsize at = 0; at < size; at += step)
		bp_telnet_receive(codec, data + at, MIN(step, size - at));
	bp_telnet_mark(codec);
	g_string_append_printf(seen->events, "%s %s %u %d\n", bp_telnet_info(codec)->terminal,
			       bp_telnet_info(codec)->client, bp_telnet_info(codec)->mtts,
			       bp_telnet_info(codec)->cursor);
	bp_telnet_free(codec);
}

static void forget(Seen *seen)
{
	g_string_free(seen->data, TRUE);
	g_string_free(seen->sent, TRUE);
	g_string_free(seen->events, TRUE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Seen whole, cut;
	gboolean lines;
	gsize step;

	if (size < 1)
		return 0;
	lines = data[0] & 1;
	step = 1 + (data[0] >> 1);
	data++;
	size--;
	run(&whole, lines, data, size, size ? size : 1);
	run(&cut, lines, data, size, step);
	g_assert_cmpmem(whole.data->str, whole.data->len, cut.data->str, cut.data->len);
	g_assert_cmpmem(whole.sent->str, whole.sent->len, cut.sent->str, cut.sent->len);
	g_assert_cmpstr(whole.events->str, ==, cut.events->str);
	g_assert_cmpuint(whole.data->len, <=, size);
	/* Three bytes of option call for a question of 13 at most, two of AYT for 9. */
	g_assert_cmpuint(whole.sent->len, <=, 64 + 8 * size);
	forget(&whole);
	forget(&cut);
	return 0;
}
