/* SPDX-License-Identifier: MIT */
/* mqtt-send.c - publishing and subscribing: no more at a time than the library may have. */
#include <mqtt_protocol.h>
#include <string.h>
#include <backplane/owner.h>
#include "mqtt-client.h"

/* Packets of QoS 0 leave in order, and have no other way to be counted. One that leaves at once has no id yet. */
void mqtt_note_left(BpMqtt *mqtt, int id)
{
	WaitingPacket *packet = g_queue_peek_head(&mqtt->packets);

	if (packet && (!packet->id || packet->id == id)) {
		mqtt->queued -= packet->size;
		g_free(g_queue_pop_head(&mqtt->packets));
	} else if (mqtt->in_use) {
		mqtt->in_use--;
	}
}

static mosquitto_property *properties_of(const BpMqttMessage *message)
{
	mosquitto_property *list = NULL;

	for (const char *const *at = message->user; at && at[0] && at[1]; at += 2)
		mosquitto_property_add_string_pair(&list, MQTT_PROP_USER_PROPERTY, at[0], at[1]);
	if (message->response_topic)
		mosquitto_property_add_string(&list, MQTT_PROP_RESPONSE_TOPIC, message->response_topic);
	if (message->correlation_size && message->correlation_size <= 65535)
		mosquitto_property_add_binary(&list, MQTT_PROP_CORRELATION_DATA, message->correlation,
					      (uint16_t)message->correlation_size);
	if (message->expiry)
		mosquitto_property_add_int32(&list, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, message->expiry);
	return list;
}

/* --- using it --- */

gboolean bp_mqtt_is_connected(const BpMqtt *mqtt)
{
	return mqtt->state == MQTT_CONNECTED;
}

gboolean bp_mqtt_has_room(const BpMqtt *mqtt)
{
	return mqtt->in_use < mqtt->in_flight;
}

const char *bp_mqtt_address(const BpMqtt *mqtt)
{
	return mqtt->address && mqtt->state >= MQTT_CONNECTING ? mqtt->address : "";
}

gboolean bp_mqtt_topic_check(const char *topic)
{
	return *topic && mosquitto_pub_topic_check(topic) == MOSQ_ERR_SUCCESS;
}

gboolean bp_mqtt_filter_check(const char *filter)
{
	return *filter && mosquitto_sub_topic_check(filter) == MOSQ_ERR_SUCCESS;
}

gboolean bp_mqtt_matches(const char *filter, const char *topic)
{
	bool result = false;

	return mosquitto_topic_matches_sub(filter, topic, &result) == MOSQ_ERR_SUCCESS && result;
}

/* A call of ours from outside of the library may have written, or found the connection dead: that is told by the next turn. */
static void after_call(BpMqtt *mqtt)
{
	if (!mqtt->busy)
		mqtt_watch_again(mqtt);
}

static void note_packet(BpMqtt *mqtt, gsize size)
{
	WaitingPacket *packet = g_new(WaitingPacket, 1);

	packet->id = 0;
	packet->size = size;
	mqtt->queued += size;
	g_queue_push_tail(&mqtt->packets, packet);
}

/* `id` 0: it is not sent. */
static void number_packet(BpMqtt *mqtt, int id)
{
	WaitingPacket *packet = g_queue_peek_tail(&mqtt->packets);

	if (!packet || packet->id)
		return; /* it has left already */
	packet->id = id;
	if (id)
		return;
	mqtt->queued -= packet->size;
	g_free(g_queue_pop_tail(&mqtt->packets));
}

BpSent bp_mqtt_publish(BpMqtt *mqtt, const BpMqttMessage *given, guint *id, GError **error)
{
	BpMqttMessage message;
	mosquitto_property *list;
	gboolean sent;
	int number = 0, code;

	bp_struct_copy(&message, sizeof(message), given);
	if (mqtt->state != MQTT_CONNECTED && !message.qos) {
		bp_fail(error, BP_CLOSED, "there is no connection to %s:%u", mqtt->host, mqtt->port);
		return BP_GONE;
	}
	/* What is published before CONNACK would go out before it. */
	if (mqtt->state != MQTT_CONNECTED ||
	    (message.qos ? mqtt->in_use >= mqtt->in_flight : mqtt->queued >= mqtt->backlog))
		return BP_FULL;
	list = mqtt->version == 5 ? properties_of(&message) : NULL;
	if (!message.qos)
		note_packet(mqtt, message.data_size + strlen(message.topic) + 64);
	mqtt_enter(mqtt);
	code = mosquitto_publish_v5(mqtt->client, &number, message.topic, (int)message.data_size, message.data,
				    (int)message.qos, message.retain, list);
	mosquitto_property_free_all(&list);
	/* With an error of the connection the library keeps QoS 1 and 2 all the same, and sends them later. */
	sent = code == MOSQ_ERR_SUCCESS || (message.qos && (code == MOSQ_ERR_NO_CONN || code == MOSQ_ERR_ERRNO));
	*id = (guint)number;
	mqtt->in_use += sent && message.qos;
	if (!message.qos)
		number_packet(mqtt, sent ? number : 0);
	if (!sent)
		bp_fail(error, BP_INVALID, "a message on topic %s cannot be sent: %s", message.topic,
			mosquitto_strerror(code));
	if (mqtt_leave(mqtt))
		after_call(mqtt);
	return sent ? BP_SENT : BP_GONE;
}

gboolean bp_mqtt_subscribe(BpMqtt *mqtt, const char *filter, guint qos, guint options, guint *id, GError **error)
{
	int number = 0, code;

	if (mqtt->state != MQTT_CONNECTED)
		return bp_fail(error, BP_CLOSED, "there is no connection to %s:%u", mqtt->host, mqtt->port);
	code = bp_mqtt_filter_check(filter) ? MOSQ_ERR_SUCCESS : MOSQ_ERR_INVAL;
	mqtt_enter(mqtt);
	if (code == MOSQ_ERR_SUCCESS)
		code = mosquitto_subscribe_v5(mqtt->client, &number, filter, (int)qos,
					      mqtt->version == 5 ? (int)options : 0, NULL);
	mqtt_leave(mqtt);
	if (code != MOSQ_ERR_SUCCESS)
		return bp_fail(error, BP_INVALID, "%s cannot be subscribed to: %s", filter, mosquitto_strerror(code));
	*id = (guint)number;
	after_call(mqtt);
	return TRUE;
}

gboolean bp_mqtt_unsubscribe(BpMqtt *mqtt, const char *filter, guint *id, GError **error)
{
	int number = 0, code;

	if (mqtt->state != MQTT_CONNECTED)
		return bp_fail(error, BP_CLOSED, "there is no connection to %s:%u", mqtt->host, mqtt->port);
	mqtt_enter(mqtt);
	code = mosquitto_unsubscribe(mqtt->client, &number, filter);
	mqtt_leave(mqtt);
	if (code != MOSQ_ERR_SUCCESS)
		return bp_fail(error, BP_INVALID, "%s cannot be unsubscribed: %s", filter, mosquitto_strerror(code));
	*id = (guint)number;
	after_call(mqtt);
	return TRUE;
}
