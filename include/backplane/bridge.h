/* SPDX-License-Identifier: MIT */
/* bridge.h - the library bridge: what bridges to other systems share: which channels may leave, and how names are translated. Main loop
 * where nothing else is said. Link with backplane-bridge.
 */
#pragma once
#include <backplane/types.h>

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

G_END_DECLS
