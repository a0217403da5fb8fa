/* SPDX-License-Identifier: MIT */
/* mqtt.h - what the files of this plugin share. Everything is on the main loop.
 *
 * mqtt.c: module MqttBridge; mqtt-rule.c: rules as text, and what they match; mqtt-export.c: channels to topics; mqtt-import.c: topics
 * to channels; mqtt-queue.c: what waits for the broker, and the copy of it on the disk; mqtt-commands.c: the commands.
 */
#pragma once
#include <backplane/backplane.h>
#include <backplane/bridge.h>
#include <backplane/host.h>
#include <backplane/json.h>
#include <backplane/kernel.h>
#include <backplane/metric.h>
#include <backplane/mqtt.h>
#include <backplane/store.h>

typedef struct MqttBridge MqttBridge;

/* A row of the table of rules: PATTERN -> TARGET, and options. */
typedef struct {
	MqttBridge *bridge;
	gboolean import;
	char *from; /* pattern of channels; filter of topics */
	char *to;   /* template of the topic; of the channel */
	guint qos;
	gboolean retain, json, keep;
	gint64 interval;  /* rate: the latest message of each channel, so often */
	guint every;	  /* or every so many messages */
	gsize payload;	  /* a larger message is not sent */
	GHashTable *held; /* channel -> HeldMessage: of `interval` and `every` */
	guint64 count, lost, refused;
	BpWatch *watch;
} MqttRule;

/* What waits for the broker, with QoS 1 or 2. */
typedef struct {
	MqttRule *rule;	    /* NULL: by a command, or of a run before this one */
	char *key;	    /* in the store, and its identity for who imports it; NULL: not kept */
	char *topic, *path; /* path: the hosts it has passed, or NULL */
	BpMessage *message;
	guint qos, id; /* id: once the library has it */
	gboolean retain;
} MqttOutgoing;

struct MqttBridge {
	BpInstance *self;
	BpMqtt *mqtt;
	BpChannel *events;
	char *prefix;
	char *origin; /* GRefString: of what it has imported */
	char *id;     /* of this host, in the path of a message */
	char *host, *status;
	guint version;
	GPtrArray *rules;
	gboolean told; /* the reason why it is not connected */
	char *why;

	GQueue waiting, sent; /* MqttOutgoing: not yet, and already given to the library */
	gsize waiting_bytes, limit;
	BpStore *store;
	gsize kept_bytes, keep_limit;
	gint64 keep_time, last_key;
	gboolean opened; /* what the file has is in `waiting` */

	GHashTable *channels; /* name -> BpChannel, of imports */
	guint max_channels;
	GHashTable *seen; /* identity of a bridge -> the last number that came of it */
	GQueue echoes;	  /* 3.1.1: hashes of what was published and may come back */
	GList *watchers;  /* of mqtt watch */
	guint64 in, out, lost, echoed, repeated;
	BpMetric *in_metric, *out_metric, *lost_metric;
};

extern const BpParam mqtt_params[];
extern const BpCommand mqtt_commands[];
MqttBridge *mqtt_find(const char *name, GError **error); /* NULL name: the only one */
void mqtt_describe(BpInstance *self, GString *text);
/* Counted, and reported when it begins. */
void mqtt_lost(MqttBridge *bridge, MqttRule *rule, guint count, const char *why);

/* --- mqtt-rule.c --- */
MqttRule *mqtt_rule_parse(MqttBridge *bridge, const char *text, gboolean import, GError **error);
void mqtt_rule_free(MqttRule *rule);
/* The topic, or the channel, for a name. NULL: it does not match. Yours. */
char *mqtt_rule_target(const MqttRule *rule, const char *name);

/* --- mqtt-export.c --- */
void mqtt_export_start(MqttRule *rule);
/* The text before the hosts in the origin of an imported message. */
#define MQTT_VIA " via "

/* --- mqtt-import.c --- */
void mqtt_import_subscribe(MqttBridge *bridge, gboolean session);
void mqtt_import_take(MqttBridge *bridge, const BpMqttMessage *message);
/* A message that is about to be published with MQTT 3.1.1: if it comes back, it is no news. */
void mqtt_import_expect_echo(MqttBridge *bridge, const char *topic, gconstpointer data, gsize size);

/* --- mqtt-commands.c --- */
void mqtt_watchers_show(MqttBridge *bridge, const BpMqttMessage *message);
void mqtt_watchers_end(MqttBridge *bridge);

/* --- mqtt-queue.c --- */
gboolean mqtt_queue_open(MqttBridge *bridge, GError **error);
void mqtt_queue_close(MqttBridge *bridge);
/* Sends it, or queues it. */
void mqtt_queue_add(MqttBridge *bridge, MqttRule *rule, const char *topic, BpMessage *message, guint qos,
		    gboolean retain, gboolean keep, const char *path);
void mqtt_queue_pump(MqttBridge *bridge);
void mqtt_queue_published(MqttBridge *bridge, guint id, guint code);
