/* SPDX-License-Identifier: MIT */
/* mqtt.h - what the files of this plugin share. Everything is on the main loop.
 *
 * mqtt.c: module MqttBridge; mqtt-import.c: what comes in; mqtt-commands.c: the commands. Rules, queue and counters are the library bridge.
 */
#pragma once
#include <backplane/backplane.h>
#include <backplane/bridge.h>
#include <backplane/host.h>
#include <backplane/mqtt.h>

typedef struct {
	BpInstance *self;
	BpMqtt *mqtt;
	BpBridge *bridge;
	char *status; /* topic, or NULL */
	guint version;
	GQueue echoes; /* 3.1.1: hashes of what was published and may come back */
} MqttBridge;

extern const BpParam mqtt_params[];
extern const BpCommand mqtt_commands[];
void mqtt_describe(BpInstance *self, GString *text);

/* --- mqtt-import.c --- */
void mqtt_import_subscribe(MqttBridge *bridge);
void mqtt_import_take(MqttBridge *bridge, const BpMqttMessage *message);
/* A message that is about to be published with MQTT 3.1.1: if it comes back, it is no news. */
void mqtt_import_expect_echo(MqttBridge *bridge, const char *topic, gconstpointer data, gsize size);
