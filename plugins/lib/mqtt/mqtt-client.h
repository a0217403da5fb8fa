/* SPDX-License-Identifier: MIT */
/* mqtt-client.h - a client as its files share it: mqtt.c makes it, and has the callbacks of libmosquitto; mqtt-connect.c: connections, and
 * turns of the loop; mqtt-send.c: what is sent.
 */
#pragma once
#include <mosquitto.h>
#include <openssl/ssl.h>
#include <backplane/backoff.h>
#include <backplane/loop.h>
#include <backplane/mqtt.h>

typedef enum { MQTT_IDLE, MQTT_RESOLVING, MQTT_CONNECTING, MQTT_SHAKING, MQTT_ASKING, MQTT_CONNECTED } MqttState;

/* Bytes of QoS 0 that the library has and the system does not. */
typedef struct {
	int id;
	gsize size;
} WaitingPacket;

struct BpMqtt {
	BpScope *scope;
	BpMqttEvents events;
	gpointer user;
	struct mosquitto *client;
	SSL_CTX *tls;
	char *host;
	guint port, version, keepalive, in_flight, in_use; /* in_use: QoS 1 and 2, not acknowledged */
	gsize backlog, queued;
	GQueue packets; /* WaitingPacket */
	guint32 expiry, most_in;
	gboolean clean;
	gint64 timeout;
	GArray *addresses;
	guint next;
	char *address;
	MqttState state;
	int fd;
	BpFd *watch;
	BpTimer *misc, *patience;
	BpBackoff *again;
	gint64 pause_max;
	guint busy;		    /* within the library */
	gboolean dead;		    /* freed meanwhile */
	gboolean accepted, session; /* CONNACK came */
	guint refused;		    /* CONNACK or DISCONNECT code */
	const char *untrusted;	    /* why the certificate of the broker is refused, static */
};

/* Around each call of libmosquitto: what the user frees meanwhile is freed by mqtt_leave, which is FALSE then. */
void mqtt_enter(BpMqtt *mqtt);
gboolean mqtt_leave(BpMqtt *mqtt);
/* A packet of QoS 0 has left, or one of QoS 1 or 2 is acknowledged. */
void mqtt_note_left(BpMqtt *mqtt, int id);
/* NULL with an error. */
SSL_CTX *mqtt_tls_new(const BpMqttOptions *options, GError **error);
void mqtt_connect(BpPlugin *self, gpointer data);
void mqtt_unwatch(BpMqtt *mqtt);
/* After a call from outside: what the library waits for now. */
void mqtt_watch_again(BpMqtt *mqtt);
