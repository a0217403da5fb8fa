/* SPDX-License-Identifier: MIT */
/* fuzz-rfc2217.c - whatever a client of a serial port sends: no crash, bounded answers, the same however it is cut.
 *
 * The first byte says where the second run cuts the rest.
 */
#include <stdint.h>
#include "../../plugins/uart/rfc2217.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
	GString *data, *sent, *commands;
} Seen;

static void on_data(const guint8 *data, gsize size, gpointer user)
{
	g_string_append_len(((Seen *)user)->data, (const char *)data, (gssize)size);
}

static void on_send(const guint8 *data, gsize size, gpointer user)
{
	g_string_append_len(((Seen *)user)->sent, (const char *)data, (gssize)size);
}

static guint32 on_command(guint8 command, guint32 value, gpointer user)
{
	Seen *seen = user;

	g_string_append_printf(seen->commands, "%zu:%u=%u ", seen->data->len, command, value);
	return value;
}

static void on_agreed(gpointer user)
{
	g_string_append(((Seen *)user)->commands, "agreed ");
}

static void on_break(gpointer user)
{
	g_string_append(((Seen *)user)->commands, "break ");
}

static const Rfc2217Callbacks callbacks = { on_data, on_send, on_command, on_agreed, on_break };

static void run(Seen *seen, const guint8 *data, gsize size, gsize step)
{
	Rfc2217 *codec = rfc2217_new(&callbacks, "Backplane", seen);

	*seen = (Seen){ g_string_new(NULL), g_string_new(NULL), g_string_new(NULL) };
	rfc2217_offer(codec);
	for (gsize at = 0; at < size; at += step)
		rfc2217_receive(codec, data + at, MIN(step, size - at));
	rfc2217_send(codec, (const guint8 *)"\r\xff\r\n", 4);
	rfc2217_free(codec);
}

static void forget(Seen *seen)
{
	g_string_free(seen->data, TRUE);
	g_string_free(seen->sent, TRUE);
	g_string_free(seen->commands, TRUE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Seen whole, cut;
	gsize step;

	if (size < 1)
		return 0;
	step = 1 + data[0];
	data++;
	size--;
	run(&whole, data, size, size ? size : 1);
	run(&cut, data, size, step);
	g_assert_cmpmem(whole.data->str, whole.data->len, cut.data->str, cut.data->len);
	g_assert_cmpmem(whole.sent->str, whole.sent->len, cut.sent->str, cut.sent->len);
	g_assert_cmpstr(whole.commands->str, ==, cut.commands->str);
	g_assert_cmpuint(whole.data->len, <=, size);
	g_assert_cmpuint(whole.sent->len, <=, 64 + 4 * size);
	forget(&whole);
	forget(&cut);
	return 0;
}
