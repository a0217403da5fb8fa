/* SPDX-License-Identifier: MIT */
/* nats-jetstream.c - what a rule keeps is published with an address for the answer, and is done when a stream has stored it.
 *
 * A message that is sent again has the same Nats-Msg-Id, so a stream stores it once. If the connection ends, if nothing is acknowledged for
 * a while, or if no stream takes the subject at present (its leader is being elected), all that is not acknowledged goes again, in order.
 */
#include <stdlib.h>
#include <string.h>
#include <backplane/json.h>
#include "nats.h"

#define ANSWER_TIME (5 * G_USEC_PER_SEC)
#define AGAIN_TIME G_USEC_PER_SEC
#define TOO_LARGE 10054

static void on_timer(BpPlugin *self, gpointer data);

static void look_later(NatsBridge *bridge, gint64 pause)
{
	bp_timer_once(&bridge->timer, bridge->self, pause, on_timer, bridge);
}

static void send_again(NatsBridge *bridge)
{
	bridge->in_flight = 0;
	bp_bridge_again(bridge->bridge);
}

static void on_timer(BpPlugin *self, gpointer data)
{
	NatsBridge *bridge = data;
	gboolean silent = bridge->acknowledged == 0 && bridge->in_flight;

	if (bridge->pausing || silent)
		send_again(bridge);
	bridge->pausing = FALSE;
	bridge->acknowledged = 0;
	bp_bridge_pump(bridge->bridge);
	if (bridge->in_flight && !bridge->timer)
		look_later(bridge, ANSWER_TIME);
}

void nats_jetstream_open(NatsBridge *bridge)
{
	bridge->inbox = g_strdup_printf("_INBOX.bp%08x%08x", g_random_int(), g_random_int());
	bridge->most_in_flight = (guint)bp_instance_int(bridge->self, "in_flight");
}

void nats_jetstream_close(NatsBridge *bridge)
{
	g_free(bridge->inbox);
}

void nats_jetstream_up(NatsBridge *bridge)
{
	g_autofree char *answers = g_strconcat(bridge->inbox, ".*", NULL);

	nats_connection_subscribe(bridge->connection, answers, NULL);
}

void nats_jetstream_down(NatsBridge *bridge)
{
	bridge->pausing = FALSE;
	send_again(bridge);
}

gboolean nats_jetstream_has_room(const NatsBridge *bridge)
{
	return !bridge->pausing && bridge->in_flight < bridge->most_in_flight;
}

BpSent nats_jetstream_publish(NatsBridge *bridge, const BpBridgeItem *item, guint *id, GError **error)
{
	g_autofree char *reply = g_strdup_printf("%s.%u", bridge->inbox, bridge->last_id + 1);
	BpSent sent = nats_publish(bridge, item, reply, error);

	if (sent != BP_SENT)
		return sent;
	*id = ++bridge->last_id;
	bridge->in_flight++;
	if (!bridge->timer)
		look_later(bridge, ANSWER_TIME);
	return sent;
}

/* The stream is not there, or full, or has no leader: that may change. */
static void wait_for_stream(NatsBridge *bridge, const char *why)
{
	if (!bridge->pausing)
		bp_channel_printf(bp_bridge_events(bridge->bridge), "Kept messages wait: %s", why);
	bridge->pausing = TRUE;
	look_later(bridge, AGAIN_TIME);
}

gboolean nats_jetstream_take(NatsBridge *bridge, const NatsOperation *operation)
{
	gsize size = strlen(bridge->inbox);
	const char *refused = NULL;
	json_t *answer, *error;
	json_int_t number;
	guint id;

	if (strncmp(operation->subject, bridge->inbox, size) != 0 || operation->subject[size] != '.')
		return FALSE;
	if (nats_streams_take(bridge, operation->subject + size + 1, operation))
		return TRUE;
	id = (guint)strtoul(operation->subject + size + 1, NULL, 10);
	if (nats_status(operation->headers, operation->headers_size) == 503) {
		wait_for_stream(bridge, "no stream takes this subject; stream=NAME makes one");
		return TRUE;
	}
	answer = bp_json_parse_object(operation->data, operation->size, 65536, NULL);
	error = json_object_get(answer, "error");
	number = json_integer_value(json_object_get(error, "err_code"));
	if (error && number != TOO_LARGE) {
		const char *why = json_string_value(json_object_get(error, "description"));

		wait_for_stream(bridge, why ? why : "the stream refuses them");
	} else if (answer) {
		if (error)
			refused = "larger than the stream allows";
		bridge->acknowledged++;
		/* Before it, since that sends what waits. */
		bridge->in_flight -= bp_bridge_is_sent(bridge->bridge, id);
		bp_bridge_published(bridge->bridge, id, refused);
	}
	json_decref(answer);
	return TRUE;
}
