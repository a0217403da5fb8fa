/* SPDX-License-Identifier: MIT */
/* fuzz-endpoint-server.c - clients of EndpointServer (server 0): requests that are answered at once, later, by a command or
 * never, media, lines cut anywhere; and an EndpointClient that asks a script, which takes its connection with a0.
 *
 *	m0 TEXT		the oldest request of the endpoint "later" is answered
 *	n0 TEXT		the EndpointClient asks it
 */
#include <stdlib.h>
#include <string.h>
#include <backplane/endpoint.h>
#include "script.h"

extern const BpPluginInfo bp_plugin_info;
extern const guint fuzz_most;
const guint fuzz_most = 100;

static GQueue asked; /* of BpMessage: requests of "later" */
static BpPlugin *tester;

static json_t *call_now(BpPlugin *self, const json_t *message, const char *client, GError **error)
{
	json_t *wanted = json_object_get(message, "fail");

	if (wanted) {
		g_set_error(error, BP_HOST_ERROR, BP_FAILED, "it fails");
		return NULL;
	}
	return json_incref(json_object_get(message, "data")) ? json_object_get(message, "data") : json_null();
}

static const BpEndpoint now = { .size = sizeof(now), .name = "now", .help = "test", .call = call_now };

static void on_later(BpPlugin *self, BpMessage *message, gpointer data)
{
	g_queue_push_tail(&asked, bp_message_ref(message));
}

static gboolean load(BpPlugin *self, GError **error)
{
	tester = self;
	bp_channel_watch(self, bp_channel(self, "ends/endpoint/later"), on_later, NULL, NULL);
	return bp_registry_add(self, "endpoint/now", &now, error);
}

static const BpPluginInfo test = { BP_PLUGIN_BUILT, .name = "test", .version = "1", .summary = "test", .load = load };

static void answer_oldest(const guint8 *text, gsize size)
{
	g_autoptr(BpMessage) message = g_queue_pop_head(&asked);

	if (message)
		bp_message_reply(message, text, size);
}

static gboolean act(char letter, guint client, const guint8 *text, gsize size)
{
	g_autoptr(BpChannel) send = NULL;

	switch (letter) {
	case 'm':
		answer_oldest(text, size);
		return TRUE;
	case 'n':
		send = bp_channel_find("asker/send");
		if (send)
			bp_channel_send_take(send, bp_message_new(text, size, BP_TEXT));
		return TRUE;
	default:
		return FALSE;
	}
}

static void finish(void)
{
	g_queue_clear_full(&asked, (GDestroyNotify)bp_message_unref);
}

static const ScriptTarget target = { .act = act, .finish = finish };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const ends[] = {
		"port=0",	  "max_clients=3",   "max_message=4K",	  "endpoint_timeout=2s",
		"server_id=ends", "idle_timeout=8s", "backlog_limit=16K", NULL
	};
	g_autoptr(GError) error = NULL;

	script_start(&bp_plugin_info, &target);
	if (!bp_plugin_add(&test, &error))
		g_error("%s", error->message);
	script_serve("EndpointServer", "ends", ends);
	return 0;
}

static void open_asker(void)
{
	g_autofree char *port = g_strdup_printf("port=%u", script_port());
	const char *const pairs[] = { port, "timeout=2s", "reconnect_delay=500ms", "max_reconnect_attempts=4", NULL };
	BpValues *values = bp_values_new(bp_module_find("EndpointClient")->params);

	g_assert(bp_values_set_pairs(values, pairs, NULL) &&
		 bp_module_open("EndpointClient", "asker", "/", values, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	open_asker();
	script_run(data, size);
	bp_instance_close(bp_instance_find("asker"), NULL);
	script_turn();
	return 0;
}
