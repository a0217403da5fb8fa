/* SPDX-License-Identifier: MIT */
/* bridge-state.h - what the files of this library share.
 *
 * names.c, subject.c: names; rule.c: rules as text; export.c: channels to topics; import.c: topics to channels; queue.c: what waits for the
 * other side, and the copy of it on the disk; watch.c: what commands show; bridge.c: the rest.
 */
#pragma once
#include <backplane/backplane.h>
#include <backplane/bridge.h>
#include <backplane/host.h>
#include <backplane/json.h>
#include <backplane/metric.h>
#include <backplane/owner.h>
#include <backplane/store.h>

typedef struct {
	BpBridgeRule rule;
	gboolean json;
	gint64 interval; /* rate: the latest message of each channel, so often */
	guint every;	 /* or every so many messages */
	gsize payload;	 /* a larger message is not sent */
	gboolean retain;
	GHashTable *held; /* channel -> HeldMessage: of `interval` and `every` */
} BridgeRule;

/* What waits, with a qos above 0. */
typedef struct {
	BpBridgeItem item; /* its path and identity are made when it is sent */
	char *key;	   /* in the store; NULL: not kept */
	char *passed;	   /* hosts before this one, or NULL */
	guint id;	   /* once it was given to the plugin */
} BridgeItem;

struct BpBridge {
	BpInstance *self;
	BpBridgeSystem system;
	gpointer user;
	BpChannel *events;
	char *prefix;
	char *origin; /* GRefString: of what it has imported */
	char *id;     /* of this host, in the path of a message */
	char *host;
	GPtrArray *rules;
	gboolean told; /* that messages are lost */
	char *why;     /* it is not connected */

	GQueue waiting, sent; /* BridgeItem: not yet, and already given to the plugin */
	gsize waiting_bytes, limit;
	BpStore *store;
	gsize kept_bytes, keep_limit;
	gint64 keep_time, last_key;
	gboolean opened; /* what the file has is in `waiting` */
	gboolean ended;	 /* by bp_bridge_free */

	GHashTable *channels; /* name -> BpChannel, of imports */
	guint max_channels;
	GHashTable *seen; /* identity of a bridge -> the last number that came of it */
	GList *watchers;
	guint64 in, out, lost, echoed, repeated;
	BpMetric *in_metric, *out_metric, *lost_metric;
};

/* The text before the hosts in the origin of an imported message. */
#define BRIDGE_VIA " via "

/* --- rule.c --- */
BridgeRule *bridge_rule_parse(BpBridge *bridge, const char *text, gboolean import, GError **error);
void bridge_rule_free(BridgeRule *rule);
/* The topic, or the channel, for a name. NULL: it does not match. Yours. */
char *bridge_rule_target(const BridgeRule *rule, const char *name);

/* --- export.c --- */
void bridge_export_start(BridgeRule *rule);

/* --- watch.c --- */
void bridge_watchers_end(BpBridge *bridge);

/* --- queue.c --- */
gboolean bridge_queue_open(BpBridge *bridge, GError **error);
void bridge_queue_close(BpBridge *bridge);
