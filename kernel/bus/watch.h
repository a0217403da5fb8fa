/* SPDX-License-Identifier: MIT */
/* watch.h - watches, links and the bindings of glob watches, shared by the files of this room. */
#pragma once
#include "bus/channel.h"

typedef enum { WATCH_FUNC, WATCH_LINK, WATCH_GLOB } WatchKind;

struct BpWatch {
	BpOwned owned;
	Place node; /* in the branch; of a glob watch: the ring of its bindings */
	WatchKind kind;
	Branch *branch; /* NULL for a glob watch */
	union {
		BpWatchFunc func;
		BpGlobFunc glob_func;
		BpChannel *target;
	};
	gpointer data;
	GDestroyNotify destroy;
	guint64 since;	/* sequence of the channel when it came; its replay held all up to it */
	gboolean *gone; /* set when it goes, while it is given its history */
};

/* A watch of kind WATCH_LINK. Links between the same two channels, made by several owners, are one: the first of
 * them passes messages on, the others stand by until it goes. */
struct Link {
	BpWatch watch;
	gint standby; /* atomic */
	/* all under bus_lock */
	Link *next_out, **at_out; /* the links of the channel it comes from; not while it stands by */
	Link *next_in, **at_in;	  /* the links that lead to its target; not while it stands by */
	Link *next_same;	  /* stands by for this one, or for the same one as this */
};

/* A glob watch's place in one channel. It does not hold the channel in the table. */
typedef struct {
	Place node, of_watch;
	Branch *branch;
	BpWatch *watch;
} Binding;

static inline void place_insert_before(Place *place, Place *node)
{
	node->prev = place->prev;
	node->next = place;
	node->prev->next = node;
	node->next->prev = node;
}

static inline void place_unlink(Place *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
}

/* NULL: that loop has none. */
Branch *branch_find(BpChannel *channel, const BusPort *port);
/* That of the running loop. */
Branch *branch_obtain(BpChannel *channel);
void branch_add(Branch *branch, Place *node, PlaceKind kind);
void branch_remove(Branch *branch, Place *node);
/* Any thread. */
void branch_count(Branch *branch, int change);
/* The greeting, then what is kept. What was posted before the watch came is in the replay already. FALSE: the watch was
 * removed by what it was given. */
gboolean watch_give_history(BpWatch *watch);
