/* SPDX-License-Identifier: MIT */
/* watch.h - watches, links and the bindings of glob watches, shared by the files of this room. */
#pragma once
#include "bus/channel.h"

typedef enum { WATCH_FUNC, WATCH_LINK, WATCH_GLOB } WatchKind;

struct BpWatch {
	BpOwned owned;
	ListNode node; /* in the branch; of a glob watch: the ring of its bindings */
	WatchKind kind;
	Branch *branch; /* NULL for a glob watch */
	union {
		BpWatchFunc func;
		BpGlobFunc glob_func;
		BpChannel *target;
	};
	gpointer data;
	GDestroyNotify destroy;
	guint64 since; /* sequence of the channel when the watch was made: the replay buffer had all messages up to it */
	gboolean *gone; /* set by the removal of the watch while its history is delivered */
};

/* A watch of kind WATCH_LINK. Links between the same two channels, made by several owners, are one: the first of
 * them forwards messages, the others are in standby until it is removed. */
struct Link {
	BpWatch watch;
	gint standby; /* atomic */
	/* all under bus_lock */
	Link *next_out, **at_out; /* in the links of the source channel; unset in standby */
	Link *next_in, **at_in;	  /* in the links to the target; unset in standby */
	Link *next_same;	  /* the next standby link between the same channels */
};

/* Binding of a glob watch to one channel. It has a reference to the channel, but does not keep it in the table. */
typedef struct {
	ListNode node, of_watch;
	Branch *branch;
	BpWatch *watch;
} GlobBinding;

static inline void node_insert_before(ListNode *place, ListNode *node)
{
	node->prev = place->prev;
	node->next = place;
	node->prev->next = node;
	node->next->prev = node;
}

static inline void node_unlink(ListNode *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
}

/* The branch of that loop; NULL if it has none. */
Branch *branch_find(BpChannel *channel, const BusPort *port);
/* The branch of the running loop; made if there is none. */
Branch *branch_obtain(BpChannel *channel);
void branch_add(Branch *branch, ListNode *node, ListNodeKind kind);
void branch_remove(Branch *branch, ListNode *node);
/* Any thread. */
void branch_count(Branch *branch, int change);
/* Delivers the greeting, then the replay buffer, which includes messages that were posted before the watch was made and are not
 * delivered yet. FALSE: the watch was removed by its own callback. */
gboolean watch_give_history(BpWatch *watch);
