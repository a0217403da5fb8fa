/* SPDX-License-Identifier: MIT */
/* mqtt.h - the library mqtt: a client of an MQTT broker (3.1.1 or 5), by libmosquitto on the loop of its owner. Link with backplane-mqtt.
 *
 * No thread, nothing blocks: names are resolved by a job, each address is tried in turn, and a connection that fails or is lost is tried
 * again with back-off (backoff.h) until bp_mqtt_free. Callbacks come on the loop on which the client was made; bp_mqtt_free may be
 * called in them.
 *
 * The library keeps what it has been given with QoS 1 or 2 until the broker has acknowledged it, across reconnects, and sends it again; it
 * has no limit of its own, so bp_mqtt_publish takes no more than `in_flight` of them: a longer queue is the user's. QoS 0 is taken while the
 * client is connected, up to `backlog`. Received messages of QoS 1 and 2 are acknowledged by libmosquitto before `message` is called.
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

typedef struct BpMqtt BpMqtt;

typedef struct {
	gsize size; /* sizeof(BpMqttMessage), so that it can grow */
	const char *topic;
	gconstpointer data;
	gsize data_size;
	guint qos;
	gboolean retain; /* received: a kept copy, not a live message (unless retain_as_published) */
	/* --- MQTT 5 alone; NULL and 0 otherwise --- */
	const char *const *user; /* name, value, name, value, NULL */
	const char *response_topic;
	gconstpointer correlation;
	gsize correlation_size;
	guint32 expiry; /* seconds; 0: none */
	/* --- received --- */
	guint id; /* of its packet; 0: QoS 0 */
} BpMqttMessage;

typedef struct {
	gsize size; /* sizeof(BpMqttEvents), so that it can grow */
	/* The broker has accepted the client. `session`: it knows the subscriptions of before; else subscribe now. */
	void (*connected)(BpPlugin *self, BpMqtt *mqtt, gboolean session, gpointer user);
	/* A connection has ended, or an attempt has failed; `code` is the CONNACK or DISCONNECT code of the broker, or 0. `why`: a sentence.
	 * `fatal`: a user must act (password, certificate, client id); it is tried again all the same, after the longest pause. */
	void (*closed)(BpPlugin *self, BpMqtt *mqtt, guint code, gboolean fatal, const char *why, gpointer user);
	/* Valid during the call. */
	void (*message)(BpPlugin *self, BpMqtt *mqtt, const BpMqttMessage *message, gpointer user);
	/* QoS 0: given to the system. QoS 1, 2: acknowledged; `code` 128 and above: the broker has refused it, and it is not sent again. */
	void (*published)(BpPlugin *self, BpMqtt *mqtt, guint id, guint code, gpointer user);
	/* One code for each filter: the QoS granted, or 128 and above: refused. */
	void (*subscribed)(BpPlugin *self, BpMqtt *mqtt, guint id, const int *codes, guint count, gpointer user);
	void (*unsubscribed)(BpPlugin *self, BpMqtt *mqtt, guint id, gpointer user);
} BpMqttEvents;

#define BP_MQTT_NEVER G_MAXUINT

typedef struct {
	const char *host;      /* name or address */
	guint port;	       /* 0: 1883, or 8883 with TLS */
	guint version;	       /* 3: MQTT 3.1.1; 5 */
	const char *client_id; /* NULL: the library makes one up; then `clean` must be set */
	const char *user, *password;
	guint keepalive; /* seconds, 5 or more; 0: 60; BP_MQTT_NEVER: a dead connection is not noticed */
	gboolean clean;	 /* the broker forgets subscriptions and messages when the connection ends */
	guint32 expiry;	 /* MQTT 5, not clean: seconds for which it remembers them; 0: a week */
	gboolean tls;
	const char *ca;		/* file with authorities, or their PEM itself; NULL: those of the system */
	const char *cert, *key; /* of the client, files or PEM; NULL: none */
	const char *tls_name;	/* name in the broker's certificate; NULL: `host`; "*": any certificate is taken */
	const BpMqttMessage *will;
	guint in_flight;	     /* 0: 20 */
	gsize backlog;		     /* bytes of QoS 0 that wait for a slow broker; 0: 1 MiB */
	guint32 most_in;	     /* MQTT 5: largest packet that the broker may send; 0: 16 MiB */
	gint64 timeout;		     /* of an attempt, microseconds; 0: 10 s */
	gint64 pause_min, pause_max; /* between attempts; 0: 1 s, 60 s */
} BpMqttOptions;

/* Begins to connect. All is copied. NULL with an error: a certificate cannot be read, an invalid option. */
BP_API BpMqtt *bp_mqtt_new_sized(BpPlugin *self, const BpMqttOptions *options, gsize size, const BpMqttEvents *events,
				 gpointer user, GError **error);
static inline BpMqtt *bp_mqtt_new(BpPlugin *self, const BpMqttOptions *options, const BpMqttEvents *events,
				  gpointer user, GError **error)
{
	return bp_mqtt_new_sized(self, options, sizeof(*options), events, user, error);
}
/* Says goodbye if it is connected: the will is not sent. At the latest in the close function of `self`. NULL is allowed. */
BP_API void bp_mqtt_free(BpMqtt *mqtt);

/* BP_SENT: `*id` is that of `published`. BP_FULL: not taken; try again after a `published` or `connected`. BP_GONE: QoS 0 without a connection,
 * or a message that cannot be sent at all; `error` says which. */
BP_API BpSent bp_mqtt_publish(BpMqtt *mqtt, const BpMqttMessage *message, guint *id, GError **error);
/* Options of MQTT 5; ignored by 3.1.1. */
enum { BP_MQTT_NO_LOCAL = 4, BP_MQTT_RETAIN_AS_PUBLISHED = 8, BP_MQTT_NO_RETAINED = 0x20 };
/* FALSE with an error: the filter is invalid, or there is no connection. */
BP_API gboolean bp_mqtt_subscribe(BpMqtt *mqtt, const char *filter, guint qos, guint options, guint *id,
				  GError **error);
BP_API gboolean bp_mqtt_unsubscribe(BpMqtt *mqtt, const char *filter, guint *id, GError **error);

BP_API gboolean bp_mqtt_is_connected(const BpMqtt *mqtt);
/* TRUE if a message with a QoS above 0 would be taken. */
BP_API gboolean bp_mqtt_has_room(const BpMqtt *mqtt);
/* "192.0.2.7:1883", while it is connected or tried; else "". */
BP_API const char *bp_mqtt_address(const BpMqtt *mqtt);
BP_API gboolean bp_mqtt_topic_check(const char *topic);
BP_API gboolean bp_mqtt_filter_check(const char *filter);
/* Whether a topic matches a filter, as the broker decides. */
BP_API gboolean bp_mqtt_matches(const char *filter, const char *topic);

G_END_DECLS
