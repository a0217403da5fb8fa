/* SPDX-License-Identifier: MIT */
/* channel.h - a channel's parts, shared by the files of this room.
 *
 * The watches of a channel are kept in branches, one for each loop that has any. A branch is walked and
 * changed by its own loop only, so sending to watches of one's own loop takes no lock. Branches are only
 * added, and live as long as the channel: another thread may look through their list at any time.
 *
 * Holders keep a channel in the table of names; references keep its memory.
 */
#pragma once
#include "bus/message.h"
#include "bus/owner.h"
#include "bus/port.h"

/* A node in the list of a branch: a watch, the binding of a glob watch, the marker of a delivery, or the head. */
typedef enum { NODE_MARKER, NODE_WATCH, NODE_BINDING } ListNodeKind;
typedef struct ListNode ListNode;
struct ListNode {
	ListNode *prev, *next;
	ListNodeKind kind;
};

/* The options that bp_channel_send reads, as bits that need no lock. */
enum { TRAIT_FORMAT = 1, TRAIT_LOG = 2, TRAIT_REPLAY = 4 };

#define CHANNEL_HEAD sizeof(((BpChannelStats *)NULL)->head)
typedef struct Branch Branch;
typedef struct Link Link;
struct Branch {
	Branch *next;
	BpChannel *channel;
	BusPort *port;
	ListNode head;
	guint walking; /* nested walks of this branch: 0 or 1 */
	guint queued;  /* posted by its own loop, not yet delivered */
	gint count;    /* atomic: watches */
};

/* Options and replay buffer, which most channels do not have; allocated when first needed, under bus_lock. */
typedef struct {
	BpChannelOptions options; /* strings owned */
	GQueue replay;		  /* BpMessage, oldest first */
	guint64 sequence;
	GMutex lock; /* replay, sequence and options' strings */
} ChannelState;

struct BpChannel {
	gint ref;    /* atomic */
	gint active; /* atomic: watches, and one if it keeps a replay buffer */
	gint traits; /* atomic: TRAIT_* */
	guint number;
	guint holders;			     /* bus_lock */
	gboolean listed;		     /* bus_lock: in the table */
	Branch *branches;		     /* atomic */
	ChannelState *state;		     /* atomic; set once */
	struct ChannelHold *holds;	     /* bus_lock */
	Link *links_out, *links_in;	     /* bus_lock: links from it, and to it */
	guint64 visit;			     /* bus_lock: number of the last cycle search that found it */
	guint64 messages, bytes;	     /* by the main loop */
	guint64 other_messages, other_bytes; /* atomic: by other threads */
	guint64 drops;			     /* atomic */
	gint64 last_time;		     /* atomic */
	guint64 head[CHANNEL_HEAD / 8];	     /* atomic, each word: two senders may mix theirs */
	gint64 rate_time;
	guint64 rate_messages;
	double rate;
	char name[];
};

/* Table of names, holders, links, glob watches. Never held while calling out. */
extern GMutex bus_lock;

void channel_hold(BpChannel *channel);	 /* bus_lock held */
void channel_unhold(BpChannel *channel); /* takes bus_lock */
ChannelState *channel_state(BpChannel *channel, gboolean make);
BpMessage *channel_format(BpChannel *channel, BpMessage *message); /* a new message, or a reference to this one */
/* Delivers to all branches; `sequence` 0 when there is no replay buffer. */
void channel_deliver(BpChannel *channel, BpMessage *message, guint64 sequence);
/* Bind the matching glob watches to a channel that was just listed; unbind them from one that was removed from the table. */
void watch_bind_globs(BpChannel *channel);
void watch_unbind_globs(BpChannel *channel);
