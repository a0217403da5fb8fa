/* SPDX-License-Identifier: MIT */
/* bridge.h - the library bridge: what bridges to other systems share: the table of rules, the queue with its copy on the disk, loop
 * prevention, counters, and how names are translated. Main loop where nothing else is said. Link with backplane-bridge.
 *
 * A bridge is an instance whose plugin speaks the protocol of the other system: it implements BpBridgeSystem, calls bp_bridge_take for what
 * comes in, and bp_bridge_pump and bp_bridge_published for what goes out.
 */
#pragma once
#include <backplane/message.h>
#include <backplane/param.h>

G_BEGIN_DECLS

/* FALSE for channels that never leave the host, whatever a pattern says: what users type and are shown. */
BP_API gboolean bp_bridge_may_leave(const char *channel);

/* What each * and ? of a pattern of channels stands for in `name`, in order; the shortest, but for the last. NULL: it does not match. Yours.
 * Any thread. */
BP_API char **bp_bridge_captures(const char *pattern, const char *name);
/* What each + and # of a filter of MQTT topics stands for. NULL: it does not match. Yours. Any thread. */
BP_API char **bp_bridge_topic_captures(const char *filter, const char *topic);

/* The values of a template; each may be NULL. */
typedef struct {
	const char *host;
	const char *bridge;
	const char *name; /* {channel} and {topic} */
	const char *const *captures;
} BpBridgeNames;

/* Translates one value before it is inserted. Returns a new string. */
typedef char *(*BpBridgeEscape)(const char *value);
/* "lab/{host}/{1}/recv": {host}, {bridge}, {channel} or {topic}, {1} to {9}; everything else is literal. Yours. NULL with an error: another
 * word in braces, or more captures than there are. Any thread. */
BP_API char *bp_bridge_expand(const char *text, const BpBridgeNames *names, BpBridgeEscape escape, GError **error);

/* A name as part of an MQTT topic: % + # and what no topic may contain become % and two hexadecimal digits, and so does a leading $. It is
 * reversible: bp_bridge_from_topic gives the name again, or NULL if it is no such text. Yours. Any thread. */
BP_API char *bp_bridge_to_topic(const char *name);
BP_API char *bp_bridge_from_topic(const char *topic);
/* A topic as part of the name of a channel: what no name may contain is escaped in the same way. Yours. Any thread. */
BP_API char *bp_bridge_to_channel(const char *topic);

/* The same for subjects of NATS, whose parts are separated by a dot: "a/b.c" is "a.b%2Ec". An empty part is %00. */
BP_API char *bp_bridge_to_subject(const char *name);
BP_API char *bp_bridge_from_subject(const char *subject);
/* A subject as part of the name of a channel; one that bp_bridge_to_subject has made is the name that it was. Yours. Any thread. */
BP_API char *bp_bridge_subject_channel(const char *subject);
/* What each * and > stands for. NULL: it does not match. Yours. Any thread. */
BP_API char **bp_bridge_subject_captures(const char *filter, const char *subject);
/* Whether a message can be published there: no empty part, no wildcard, no blank or control character. `wild`: with wildcards, as a
 * subscription may have. */
BP_API gboolean bp_bridge_subject_check(const char *subject, gboolean wild);

/* --- bridges --- */

typedef struct BpBridge BpBridge;

/* Options of rules that all bridges have, and parameters of their modules; to be included. */
BP_API extern const BpParam bp_bridge_rule_params[];
BP_API extern const BpParam bp_bridge_params[];

/* A row of the table of rules: PATTERN [-> TARGET] [key=value]... Read only. */
typedef struct {
	BpBridge *bridge;
	gboolean import;
	char *from; /* pattern of channels; import: filter of topics */
	char *to;   /* template */
	BpValues *options;
	gboolean keep;
	guint qos; /* of the option `qos`; without it 1 if it is kept, else 0 */
	guint64 count, lost;
} BpBridgeRule;

/* A message that goes out. */
typedef struct {
	BpBridgeRule *rule; /* NULL: by a command, or by a process before this one */
	char *name;	    /* topic */
	BpMessage *message;
	guint qos; /* 0: done when it is sent; else when bp_bridge_published is called */
	gboolean retain;
	char *path;	/* hosts that it has passed and this one, separated by commas */
	char *identity; /* of a kept one, the same when it is sent again; or NULL */
} BpBridgeItem;

typedef struct {
	gsize size;	  /* sizeof(BpBridgeSystem), so that it can grow */
	const char *kind; /* "mqtt": of the origin, the channel of events and the file */
	const char *peer; /* "broker", for sentences */
	const char *noun; /* "topic" */
	char separator;	  /* of the parts of a topic */
	const char *wild; /* the wildcards, each a whole part */
	const BpParam *rule_params;
	BpBridgeEscape to_name, to_channel;
	char **(*captures)(const char *filter, const char *name);
	gboolean (*check_name)(const char *name);
	/* Of filter and options. May be NULL. */
	gboolean (*check_rule)(const BpBridgeRule *rule, GError **error);
	gboolean (*is_connected)(gpointer user);
	/* Whether a message with a qos above 0 would be taken. */
	gboolean (*has_room)(gpointer user);
	/* BP_FULL: not taken, bp_bridge_pump follows. BP_GONE: it cannot be sent at all. */
	BpSent (*publish)(const BpBridgeItem *item, guint *id, GError **error, gpointer user);
	/* For bp_bridge_watch, once for each filter; a rule may have the same one. */
	gboolean (*subscribe)(const char *filter, GError **error, gpointer user);
	void (*unsubscribe)(const char *filter, gpointer user);
} BpBridgeSystem;

/* Reads the parameters `export`, `import`, `prefix` and bp_bridge_params of the instance; makes the channel of events KIND-NAME. `system` is
 * kept. NULL with an error. */
BP_API BpBridge *bp_bridge_new(BpInstance *self, const BpBridgeSystem *system, gpointer user, GError **error);
/* In the close function of the instance. NULL is allowed. */
BP_API void bp_bridge_free(BpBridge *bridge);
/* Once `user` can publish: watches what is exported, and opens the file of what is kept. */
BP_API gboolean bp_bridge_start(BpBridge *bridge, GError **error);

/* Sends it, or queues it if qos is above 0. `path`: the hosts that it has passed, or NULL. */
BP_API void bp_bridge_add(BpBridge *bridge, BpBridgeRule *rule, const char *name, BpMessage *message, guint qos,
			  gboolean retain, const char *path);
/* It is connected, or there is room again. */
BP_API void bp_bridge_pump(BpBridge *bridge);
/* The other side has acknowledged the message with that id; `refused`: it will not take it. */
BP_API void bp_bridge_published(BpBridge *bridge, guint id, const char *refused);
/* Whether a message with that id was sent and is not acknowledged. */
BP_API gboolean bp_bridge_is_sent(const BpBridge *bridge, guint id);
/* What was sent and is not acknowledged goes again, first. */
BP_API void bp_bridge_again(BpBridge *bridge);
/* Something has come in. `path` and `identity`: those of the item that was sent, or NULL. FALSE: it was delivered to no channel, because it
 * came back, came twice, or matches no rule. */
BP_API gboolean bp_bridge_take(BpBridge *bridge, const char *name, gconstpointer data, gsize size, const char *path,
			       const char *identity);
/* The import rule that a topic belongs to: the first that it matches. NULL: none. */
BP_API BpBridgeRule *bp_bridge_rule_of(BpBridge *bridge, const char *name);
/* A message of ours that has come back: it is counted. */
BP_API void bp_bridge_echoed(BpBridge *bridge);
/* Counted, and reported when it begins. `rule` may be NULL. */
BP_API void bp_bridge_lost(BpBridge *bridge, BpBridgeRule *rule, guint count, const char *why);
/* The connection is open (`why` NULL) or not: state of the instance, events, counters. */
BP_API void bp_bridge_set_open(BpBridge *bridge, const char *address);
BP_API void bp_bridge_set_closed(BpBridge *bridge, gboolean fatal, const char *why);

/* Shows messages that match on a call, `count` of them or (0) until it is cancelled. */
BP_API gboolean bp_bridge_watch(BpBridge *bridge, BpCall *call, const char *filter, gint64 count, GError **error);
BP_API gboolean bp_bridge_is_watched(const BpBridge *bridge, const char *filter);
/* To be called for each message, before bp_bridge_take. `filter`: it has come for this one; NULL: once for all that match. */
BP_API void bp_bridge_show(BpBridge *bridge, const char *filter, const char *name, gconstpointer data, gsize size);

BP_API const GPtrArray *bp_bridge_rules(const BpBridge *bridge); /* of BpBridgeRule */
BP_API BpChannel *bp_bridge_events(const BpBridge *bridge);
BP_API const char *bp_bridge_host(const BpBridge *bridge);
BP_API const char *bp_bridge_id(const BpBridge *bridge);
BP_API const char *bp_bridge_why(const BpBridge *bridge); /* it is not connected; or NULL */
/* A row "Name Server State Out In Waiting Kept Lost" of a table of bridges, and its head. */
BP_API BpTable *bp_bridge_table(const char *peer);
BP_API void bp_bridge_row(BpBridge *bridge, BpTable *table, const char *address);
/* Counters and rules, for `describe`. */
BP_API void bp_bridge_describe(BpBridge *bridge, GString *text);
/* {host}, {bridge} and {prefix} in a parameter. Yours. */
BP_API char *bp_bridge_parameter(BpBridge *bridge, const char *parameter, GError **error);
/* What the parameters `password_file` or `password` say, in `*password`: NULL if nothing. FALSE: the file cannot be used. */
BP_API gboolean bp_bridge_password(BpInstance *self, char **password, GError **error);
/* The only bridge of a module, or that of a name. */
BP_API BpInstance *bp_bridge_find(const char *module, const char *name, GError **error);

G_END_DECLS
