/* SPDX-License-Identifier: MIT */
/* mqtt.c - a client of libmosquitto on our loop.
 *
 * libmosquitto works on a descriptor that it opens and closes itself; after every call it is asked for it again. Its
 * connect would block in the name server and gives up at the first address that does not answer, so it gets numeric
 * addresses, one by one. Until a TCP connection is there only writability is watched, and the reason for which there is
 * none is asked of the socket: the library would not say. A TLS handshake moves in its read function alone.
 *
 * Its callbacks run inside its own calls, in which it must not be connected or destroyed: the client is busy then, and
 * what is to happen waits for the end of the call.
 */
#include <errno.h>
#include <mqtt_protocol.h>
#include <openssl/err.h>
#include <string.h>
#include <backplane/owner.h>
#include <backplane/plugin.h>
#include <backplane/scope.h>
#include "mqtt-client.h"

#define WEEK (7 * 24 * 3600)
#define IN_FLIGHT 20
#define BACKLOG (1024 * 1024)
#define MOST_IN (16 * 1024 * 1024)
#define PATIENCE (10 * G_USEC_PER_SEC)

/* --- within the library --- */

/* Clients live on several threads, and the library counts its users without a lock. */
static void use_library(gboolean on)
{
	static GMutex lock;

	g_mutex_lock(&lock);
	if (on)
		mosquitto_lib_init();
	else
		mosquitto_lib_cleanup();
	g_mutex_unlock(&lock);
}

static void destroy(BpMqtt *mqtt)
{
	mosquitto_destroy(mqtt->client);
	bp_scope_close(mqtt->scope);
	if (mqtt->tls)
		SSL_CTX_free(mqtt->tls);
	g_queue_clear_full(&mqtt->packets, g_free);
	if (mqtt->addresses)
		g_array_unref(mqtt->addresses);
	g_free(mqtt->host);
	g_free(mqtt->address);
	g_free(mqtt);
	use_library(FALSE);
}

void mqtt_enter(BpMqtt *mqtt)
{
	ERR_clear_error(); /* an error that another user of OpenSSL has left would be taken for one of this call */
	mqtt->busy++;
}

/* FALSE: the client is gone. */
gboolean mqtt_leave(BpMqtt *mqtt)
{
	mqtt->busy--;
	if (mqtt->busy || !mqtt->dead)
		return !mqtt->dead;
	destroy(mqtt);
	return FALSE;
}

static void on_connect(struct mosquitto *client, void *data, int code, int flags, const mosquitto_property *properties)
{
	BpMqtt *mqtt = data;

	mqtt->accepted = code == 0;
	mqtt->session = flags & 1;
	mqtt->refused = (guint)code;
}

static void on_disconnect(struct mosquitto *client, void *data, int code, const mosquitto_property *properties)
{
	if (code >= 128)
		((BpMqtt *)data)->refused = (guint)code;
}

static char **user_properties(const mosquitto_property *properties)
{
	const mosquitto_property *at = properties;
	GPtrArray *pairs = NULL;
	gboolean again = FALSE;
	char *name, *value;

	while ((at = mosquitto_property_read_string_pair(at, MQTT_PROP_USER_PROPERTY, &name, &value, again))) {
		again = TRUE;
		if (!pairs)
			pairs = g_ptr_array_new();
		g_ptr_array_add(pairs, g_strdup(name));
		g_ptr_array_add(pairs, g_strdup(value));
		free(name);
		free(value);
	}
	if (!pairs)
		return NULL;
	g_ptr_array_add(pairs, NULL);
	return (char **)g_ptr_array_free(pairs, FALSE);
}

static void on_message(struct mosquitto *client, void *data, const struct mosquitto_message *got,
		       const mosquitto_property *properties)
{
	BpMqtt *mqtt = data;
	g_auto(GStrv) user = user_properties(properties);
	BpMqttMessage message = { .size = sizeof(message),
				  .topic = got->topic,
				  .data = got->payloadlen ? got->payload : "",
				  .data_size = (gsize)got->payloadlen,
				  .qos = (guint)got->qos,
				  .id = (guint)got->mid,
				  .retain = got->retain,
				  .user = (const char *const *)user };
	char *response = NULL;
	void *correlation = NULL;
	uint16_t size = 0;

	mosquitto_property_read_string(properties, MQTT_PROP_RESPONSE_TOPIC, &response, false);
	mosquitto_property_read_binary(properties, MQTT_PROP_CORRELATION_DATA, &correlation, &size, false);
	mosquitto_property_read_int32(properties, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, &message.expiry, false);
	message.response_topic = response;
	message.correlation = correlation;
	message.correlation_size = size;
	if (!mqtt->dead && mqtt->events.message)
		mqtt->events.message(mqtt->scope, mqtt, &message, mqtt->user);
	free(response);
	free(correlation);
}

static void on_publish(struct mosquitto *client, void *data, int id, int code, const mosquitto_property *properties)
{
	BpMqtt *mqtt = data;

	mqtt_note_left(mqtt, id);
	if (!mqtt->dead && mqtt->events.published)
		mqtt->events.published(mqtt->scope, mqtt, (guint)id, (guint)code, mqtt->user);
}

static void on_subscribe(struct mosquitto *client, void *data, int id, int count, const int *codes,
			 const mosquitto_property *properties)
{
	BpMqtt *mqtt = data;

	if (!mqtt->dead && mqtt->events.subscribed)
		mqtt->events.subscribed(mqtt->scope, mqtt, (guint)id, codes, (guint)count, mqtt->user);
}

static void on_unsubscribe(struct mosquitto *client, void *data, int id, const mosquitto_property *properties)
{
	BpMqtt *mqtt = data;

	if (!mqtt->dead && mqtt->events.unsubscribed)
		mqtt->events.unsubscribed(mqtt->scope, mqtt, (guint)id, mqtt->user);
}

/* --- making one --- */

static gboolean set_will(BpMqtt *mqtt, const BpMqttMessage *will, GError **error)
{
	int code;

	if (!will)
		return TRUE;
	code = mosquitto_will_set(mqtt->client, will->topic, (int)will->data_size, will->data, (int)will->qos,
				  will->retain);
	return code == MOSQ_ERR_SUCCESS || bp_fail(error, BP_INVALID, "the last will on topic %s cannot be sent: %s",
						   will->topic, mosquitto_strerror(code));
}

static void set_callbacks(struct mosquitto *client)
{
	mosquitto_connect_v5_callback_set(client, on_connect);
	mosquitto_disconnect_v5_callback_set(client, on_disconnect);
	mosquitto_message_v5_callback_set(client, on_message);
	mosquitto_publish_v5_callback_set(client, on_publish);
	mosquitto_subscribe_v5_callback_set(client, on_subscribe);
	mosquitto_unsubscribe_v5_callback_set(client, on_unsubscribe);
}

static gboolean set_options(BpMqtt *mqtt, const BpMqttOptions *options, GError **error)
{
	struct mosquitto *client = mqtt->client;

	mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION,
			     options->version == 5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
	mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
	mosquitto_int_option(client, MOSQ_OPT_SEND_MAXIMUM, (int)mqtt->in_flight);
	if (options->user && mosquitto_username_pw_set(client, options->user, options->password) != MOSQ_ERR_SUCCESS)
		return bp_fail(error, BP_INVALID, "the user name is no UTF-8");
	if (options->tls && !(mqtt->tls = mqtt_tls_new(options, error)))
		return FALSE;
	if (mqtt->tls) {
		SSL_CTX_set_app_data(mqtt->tls, mqtt);
		mosquitto_void_option(client, MOSQ_OPT_SSL_CTX, mqtt->tls);
		mosquitto_int_option(client, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
	}
	return set_will(mqtt, options->will, error);
}

BpMqtt *bp_mqtt_new_sized(BpPlugin *self, const BpMqttOptions *given, gsize size, const BpMqttEvents *events,
			  gpointer user, GError **error)
{
	BpMqttOptions all;
	const BpMqttOptions *options = bp_sized_copy(&all, sizeof(all), given, size);
	const char *id = options->client_id && *options->client_id ? options->client_id : NULL;
	struct mosquitto *client;
	BpMqtt *mqtt;

	if (!id && !options->clean) {
		bp_fail(error, BP_INVALID, "a client without an id must be clean");
		return NULL;
	}
	/* With such an id mosquitto_new fails, and closes descriptor 0. */
	if (id && (strlen(id) > 65535 || mosquitto_validate_utf8(id, (int)strlen(id)) != MOSQ_ERR_SUCCESS)) {
		bp_fail(error, BP_INVALID, "the client id is no UTF-8, or too long");
		return NULL;
	}
	use_library(TRUE);
	client = mosquitto_new(id, options->clean, NULL);
	if (!client) {
		use_library(FALSE);
		bp_fail(error, BP_INVALID, "the client id cannot be used: %s", g_strerror(errno));
		return NULL;
	}
	mqtt = g_new0(BpMqtt, 1);
	mosquitto_user_data_set(client, mqtt);
	mqtt->client = client;
	mqtt->scope = bp_scope_open(self);
	bp_struct_copy(&mqtt->events, sizeof(mqtt->events), events);
	mqtt->user = user;
	mqtt->host = g_strdup(options->host);
	mqtt->port = options->port ? options->port : options->tls ? 8883 : 1883;
	mqtt->version = options->version;
	mqtt->keepalive = options->keepalive == BP_MQTT_NEVER ? 0
			  : options->keepalive		      ? MAX(options->keepalive, 5)
							      : 60;
	mqtt->clean = options->clean;
	mqtt->expiry = options->expiry ? options->expiry : WEEK;
	mqtt->most_in = options->most_in ? options->most_in : MOST_IN;
	mqtt->in_flight = options->in_flight ? options->in_flight : IN_FLIGHT;
	mqtt->backlog = options->backlog ? options->backlog : BACKLOG;
	mqtt->timeout = options->timeout ? options->timeout : PATIENCE;
	mqtt->pause_max = options->pause_max ? options->pause_max : 60 * G_USEC_PER_SEC;
	mqtt->fd = -1;
	g_queue_init(&mqtt->packets);
	if (!set_options(mqtt, options, error)) {
		destroy(mqtt);
		return NULL;
	}
	set_callbacks(client);
	mqtt->again = bp_backoff_new(mqtt->scope, options->pause_min ? options->pause_min : G_USEC_PER_SEC,
				     mqtt->pause_max, mqtt_connect, mqtt);
	bp_backoff_wait_for(mqtt->again, 0);
	return mqtt;
}

/* DISCONNECT is queued behind what else waits; what the system does not take now is lost, and the will is sent. */
void bp_mqtt_free(BpMqtt *mqtt)
{
	if (!mqtt || mqtt->dead)
		return;
	mqtt->events = (BpMqttEvents){ 0 };
	if (mqtt->state == MQTT_CONNECTED) {
		mosquitto_disconnect(mqtt->client);
		if (!mqtt->busy)
			mosquitto_loop_write(mqtt->client, 1);
	}
	mqtt_unwatch(mqtt);
	mqtt->state = MQTT_IDLE;
	mqtt->dead = TRUE;
	if (!mqtt->busy)
		destroy(mqtt);
}
