/* SPDX-License-Identifier: MIT */
/* mqtt-connect.c - connections of a client: addresses one by one, the handshake, turns of the loop, the end and the next attempt. */
#include <errno.h>
#include <mqtt_protocol.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <backplane/address.h>
#include "mqtt-client.h"

static void try_next(BpMqtt *mqtt);

/* --- the end of a connection --- */

void mqtt_unwatch(BpMqtt *mqtt)
{
	g_clear_pointer(&mqtt->watch, bp_fd_remove);
	g_clear_pointer(&mqtt->misc, bp_timer_remove);
	if (mqtt->patience)
		bp_timer_remove(g_steal_pointer(&mqtt->patience));
	mqtt->fd = -1;
	g_queue_clear_full(&mqtt->packets, g_free);
	mqtt->queued = 0;
}

static const char *code_text(guint code)
{
	switch (code) {
	case 1:
	case 0x84:
		return "the broker does not speak this version of MQTT; try version=3 or version=5";
	case 2:
	case 0x85:
		return "the broker refuses the client id";
	case 4:
	case 0x86:
		return "the broker refuses the user or the password";
	case 5:
	case 0x87:
		return "the broker does not allow this client";
	case 0x8a:
		return "the broker has banned this client";
	case 0x8e:
		return "another client with the same client id has taken over; give one of them another client_id";
	case 0x95:
		return "a packet is too large for the broker";
	default:
		return code >= 128 ? mosquitto_reason_string((int)code) : mosquitto_connack_string((int)code);
	}
}

static gboolean is_fatal(guint code)
{
	return (code >= 1 && code <= 5 && code != 3) || (code >= 0x84 && code <= 0x87) || code == 0x8a ||
	       code == 0x8c || code == 0x8e;
}

/* The user may free the client here. */
static void lost(BpMqtt *mqtt, gboolean fatal, const char *why)
{
	guint code = mqtt->refused;
	g_autofree char *text = NULL;

	fatal |= is_fatal(code);
	text = g_strdup_printf("%s:%u: %s", mqtt->host, mqtt->port, code ? code_text(code) : why);
	mqtt_unwatch(mqtt);
	mqtt->state = MQTT_IDLE;
	mqtt->accepted = FALSE;
	mqtt->refused = 0;
	if (fatal)
		bp_backoff_wait_for(mqtt->again, mqtt->pause_max);
	else
		bp_backoff_wait(mqtt->again);
	if (mqtt->events.closed)
		mqtt->events.closed(mqtt->scope, mqtt, code, fatal, text, mqtt->user);
}

/* An attempt at one address has failed: the next one, if there is one. */
static void failed(BpMqtt *mqtt, gboolean fatal, const char *why)
{
	g_autofree char *text = g_strdup(why); /* may be of the connection that ends */

	if (!mqtt->refused && !fatal && mqtt->state < MQTT_ASKING && mqtt->addresses &&
	    mqtt->next < mqtt->addresses->len) {
		mqtt_unwatch(mqtt);
		try_next(mqtt);
	} else {
		lost(mqtt, fatal, text);
	}
}

static void ended(BpMqtt *mqtt, int code)
{
	g_autofree char *refused = NULL;
	gboolean certificate = FALSE;
	const char *why;

	if (code == MOSQ_ERR_TLS) {
		certificate = mqtt->untrusted != NULL;
		refused = g_strdup_printf("the certificate of the broker is refused: %s", mqtt->untrusted);
		why = certificate
			      ? refused
			      : "the TLS handshake has failed: the broker may want a certificate, or speak no TLS there";
	} else {
		why = code == MOSQ_ERR_ERRNO	   ? g_strerror(errno)
		      : code == MOSQ_ERR_KEEPALIVE ? "it does not answer"
		      : code == MOSQ_ERR_SUCCESS || code == MOSQ_ERR_CONN_LOST || code == MOSQ_ERR_NO_CONN
			      ? "the broker has closed the connection"
			      : mosquitto_strerror(code);
	}
	failed(mqtt, certificate, why);
}

/* --- turns --- */

static void on_misc(BpPlugin *self, gpointer data);

static void set_connected(BpMqtt *mqtt)
{
	mqtt->state = MQTT_CONNECTED;
	if (mqtt->patience)
		bp_timer_remove(g_steal_pointer(&mqtt->patience));
	bp_backoff_works(mqtt->again);
	if (mqtt->events.connected)
		mqtt->events.connected(mqtt->scope, mqtt, mqtt->session, mqtt->user);
}

static gboolean is_shaking(const BpMqtt *mqtt)
{
	SSL *ssl = mosquitto_ssl_get(mqtt->client);

	return ssl && SSL_in_init(ssl);
}

/* What the library waits for. */
void mqtt_watch_again(BpMqtt *mqtt)
{
	BpEvents events = BP_IN;

	if (!mqtt->watch)
		return;
	if (mqtt->state == MQTT_CONNECTING)
		events = BP_OUT;
	else if (is_shaking(mqtt))
		events |= SSL_want_write(mosquitto_ssl_get(mqtt->client)) ? BP_OUT : 0;
	else if (mosquitto_want_write(mqtt->client))
		events |= BP_OUT;
	bp_fd_set_events(mqtt->watch, events);
}

/* After every call of the library; `code` is its result. */
static void settle(BpMqtt *mqtt, int code)
{
	if (mqtt->busy)
		return;
	if (code != MOSQ_ERR_SUCCESS || mosquitto_socket(mqtt->client) != mqtt->fd ||
	    (mqtt->refused && !mqtt->accepted && mqtt->state != MQTT_CONNECTED)) {
		if (mqtt->state != MQTT_IDLE && mqtt->state != MQTT_RESOLVING)
			ended(mqtt, code);
		return;
	}
	if (mqtt->accepted && mqtt->state != MQTT_CONNECTED && mqtt->state != MQTT_IDLE) {
		mqtt->busy++; /* the user may free it */
		set_connected(mqtt);
		if (!mqtt_leave(mqtt))
			return;
	}
	mqtt_watch_again(mqtt);
}

static void run(BpMqtt *mqtt, int (*call)(struct mosquitto *, int))
{
	int code;

	mqtt_enter(mqtt);
	code = call(mqtt->client, 1);
	if (mqtt_leave(mqtt))
		settle(mqtt, code);
}

static int write_and_read(struct mosquitto *client, int most)
{
	int code = mosquitto_loop_write(client, most);

	return code == MOSQ_ERR_SUCCESS ? mosquitto_loop_read(client, most) : code;
}

static void on_ready(BpPlugin *self, int fd, BpEvents events, gpointer data)
{
	BpMqtt *mqtt = data;

	if (mqtt->state == MQTT_CONNECTING) {
		int error = 0;
		socklen_t size = sizeof(error);

		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error) {
			failed(mqtt, FALSE, g_strerror(error));
			return;
		}
		mqtt->state = mqtt->tls ? MQTT_SHAKING : MQTT_ASKING;
		run(mqtt, mqtt->tls ? mosquitto_loop_read : mosquitto_loop_write);
		return;
	}
	if (mqtt->state == MQTT_SHAKING && !is_shaking(mqtt))
		mqtt->state = MQTT_ASKING;
	if (mqtt->state == MQTT_SHAKING)
		run(mqtt, mosquitto_loop_read);
	else if ((events & BP_OUT) && (events & (BP_IN | BP_HANGUP | BP_FAULT)))
		run(mqtt, write_and_read);
	else
		run(mqtt, events & BP_OUT ? mosquitto_loop_write : mosquitto_loop_read);
}

static int misc(struct mosquitto *client, int most)
{
	return mosquitto_loop_misc(client);
}

static void on_misc(BpPlugin *self, gpointer data)
{
	run(data, misc);
}

static void on_late(BpPlugin *self, gpointer data)
{
	failed(data, FALSE, "it does not answer");
}

/* --- connecting --- */

/* What CONNECT of MQTT 5 has besides is kept by a call that fails: the one that does not block takes no properties. */
static void set_connect_properties(BpMqtt *mqtt)
{
	mosquitto_property *list = NULL;

	if (mqtt->version != 5)
		return;
	if (!mqtt->clean)
		mosquitto_property_add_int32(&list, MQTT_PROP_SESSION_EXPIRY_INTERVAL, mqtt->expiry);
	mosquitto_property_add_int32(&list, MQTT_PROP_MAXIMUM_PACKET_SIZE, mqtt->most_in);
	mosquitto_connect_bind_v5(mqtt->client, "/nowhere/backplane", 0, (int)mqtt->keepalive, NULL, list);
	mosquitto_property_free_all(&list);
}

static void try_next(BpMqtt *mqtt)
{
	const BpAddress *address = &g_array_index(mqtt->addresses, BpAddress, mqtt->next);
	char host[NI_MAXHOST] = "";
	int code;

	mqtt->next++;
	mqtt->accepted = FALSE;
	mqtt->refused = 0;
	mqtt->untrusted = NULL;
	mqtt->state = MQTT_CONNECTING;
	g_free(mqtt->address);
	mqtt->address = bp_address_format(address);
	if (getnameinfo((const struct sockaddr *)&address->storage, address->size, host, sizeof(host), NULL, 0,
			NI_NUMERICHOST)) {
		failed(mqtt, FALSE, "the address has no numeric form");
		return;
	}
	mqtt_enter(mqtt);
	set_connect_properties(mqtt);
	code = mosquitto_connect_async(mqtt->client, host, (int)mqtt->port, (int)mqtt->keepalive);
	if (!mqtt_leave(mqtt))
		return;
	mqtt->fd = mosquitto_socket(mqtt->client);
	if (code != MOSQ_ERR_SUCCESS || mqtt->fd < 0) {
		ended(mqtt, code);
		return;
	}
	mqtt->watch = bp_fd_add(mqtt->scope, mqtt->fd, BP_OUT, on_ready, mqtt, NULL);
	mqtt->misc = bp_timer_add(mqtt->scope, NULL, G_USEC_PER_SEC, 0, on_misc, mqtt, NULL);
	bp_timer_once(&mqtt->patience, mqtt->scope, mqtt->timeout, on_late, mqtt);
}

static void on_resolved(BpPlugin *self, GArray *addresses, const GError *error, gpointer data)
{
	BpMqtt *mqtt = data;

	if (error || !addresses->len) {
		lost(mqtt, FALSE, error ? error->message : "the name has no address");
		return;
	}
	g_clear_pointer(&mqtt->addresses, g_array_unref);
	mqtt->addresses = g_array_ref(addresses);
	mqtt->next = 0;
	try_next(mqtt);
}

void mqtt_connect(BpPlugin *self, gpointer data)
{
	BpMqtt *mqtt = data;
	BpAddress address;

	mqtt->state = MQTT_RESOLVING;
	if (bp_address_parse(&address, mqtt->host, mqtt->port, NULL)) {
		g_autoptr(GArray) one = g_array_new(FALSE, FALSE, sizeof(BpAddress));

		g_array_append_val(one, address);
		on_resolved(self, one, NULL, mqtt);
		return;
	}
	bp_address_resolve(mqtt->scope, mqtt->host, mqtt->port, on_resolved, mqtt);
}
