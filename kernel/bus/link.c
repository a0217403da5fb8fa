/* SPDX-License-Identifier: MIT */
/* link.c - links: channels that watch channels. No cycle of them can be made, and two channels have one link at most. */
#include "bus/watch.h"

static GHashTable *index_of_links; /* bus_lock: by both channels; those that do not stand by */
static guint64 last_visit;	   /* bus_lock */

static BpChannel *source_of(const Link *link)
{
	return link->watch.branch->channel;
}

static guint link_hash(gconstpointer key)
{
	const Link *link = key;

	return g_direct_hash(source_of(link)) * 31 ^ g_direct_hash(link->watch.target);
}

static gboolean link_equal(gconstpointer a, gconstpointer b)
{
	const Link *first = a, *second = b;

	return source_of(first) == source_of(second) && first->watch.target == second->watch.target;
}

/* --- cycles --- */

/* One of the two sides of a search. */
typedef struct {
	GPtrArray *found; /* channels, each once */
	guint at;
	const Link *next; /* of found[at - 1] */
	guint64 visit;	  /* marks what this side has found */
} CycleSearch;

static void search_start(CycleSearch *search, BpChannel *channel)
{
	*search = (CycleSearch){ .found = g_ptr_array_new(), .visit = ++last_visit };
	channel->visit = search->visit;
	g_ptr_array_add(search->found, channel);
}

/* The channel at the other end of the next link; NULL: there are no more. */
static BpChannel *search_step(CycleSearch *search, gboolean backwards)
{
	const Link *link;

	while (!search->next) {
		BpChannel *channel;

		if (search->at == search->found->len)
			return NULL;
		channel = search->found->pdata[search->at++];
		search->next = backwards ? channel->links_in : channel->links_out;
	}
	link = search->next;
	search->next = backwards ? link->next_in : link->next_out;
	return backwards ? source_of(link) : link->watch.target;
}

/* Bidirectional search, one link of each side in turn: the cost is that of the smaller side.
 * bus_lock held. */
static gboolean leads_to(BpChannel *from, BpChannel *to)
{
	CycleSearch sides[2];
	gboolean met = FALSE, ended = FALSE;

	if (from == to)
		return TRUE;
	if (!from->links_out || !to->links_in)
		return FALSE;
	search_start(&sides[0], from);
	search_start(&sides[1], to);
	for (guint side = 0; !met && !ended; side = !side) {
		BpChannel *channel = search_step(&sides[side], side == 1);

		if (!channel) {
			ended = TRUE;
		} else if (channel->visit == sides[!side].visit) {
			met = TRUE;
		} else if (channel->visit != sides[side].visit) {
			channel->visit = sides[side].visit;
			g_ptr_array_add(sides[side].found, channel);
		}
	}
	g_ptr_array_unref(sides[0].found);
	g_ptr_array_unref(sides[1].found);
	return met;
}

/* --- linked channels; bus_lock held --- */

static void link_connect(Link *link)
{
	Branch *branch = link->watch.branch;
	Link **out = &branch->channel->links_out, **in = &link->watch.target->links_in;

	link->next_out = *out;
	link->at_out = out;
	if (*out)
		(*out)->at_out = &link->next_out;
	*out = link;
	link->next_in = *in;
	link->at_in = in;
	if (*in)
		(*in)->at_in = &link->next_in;
	*in = link;
	g_hash_table_add(index_of_links, link);
	g_atomic_int_set(&link->standby, FALSE);
	branch_count(branch, 1);
}

static void link_disconnect(Link *link)
{
	branch_count(link->watch.branch, -1);
	g_hash_table_remove(index_of_links, link);
	*link->at_out = link->next_out;
	if (link->next_out)
		link->next_out->at_out = link->at_out;
	*link->at_in = link->next_in;
	if (link->next_in)
		link->next_in->at_in = link->at_in;
}

/* When the forwarding link is removed, the next standby link replaces it, on whichever loop that is. */
static void link_leave(Link *link)
{
	Link *first = g_hash_table_lookup(index_of_links, link);

	if (first == link) {
		link_disconnect(link);
		if (link->next_same)
			link_connect(link->next_same);
		return;
	}
	while (first->next_same != link)
		first = first->next_same;
	first->next_same = link->next_same;
}

/* Returns the link that this owner has made on this loop already, or enters the new one. */
static Link *link_enter(Link *link, BpPlugin *owner)
{
	Link *last = NULL;

	if (!index_of_links)
		index_of_links = g_hash_table_new(link_hash, link_equal);
	for (Link *at = g_hash_table_lookup(index_of_links, link); at; at = at->next_same) {
		if (at->watch.owned.owner == owner && at->watch.branch == link->watch.branch)
			return at;
		last = at;
	}
	link->standby = last != NULL;
	if (last)
		last->next_same = link;
	else
		link_connect(link);
	channel_hold(source_of(link));
	channel_hold(link->watch.target);
	return link;
}

/* --- making and removing --- */

static void drop_link(BpOwned *owned)
{
	Link *link = OWNED_BY(owned, Link, watch.owned);
	BpChannel *from = source_of(link), *to = link->watch.target;

	owner_unlink(owned);
	if (link->watch.gone)
		*link->watch.gone = TRUE;
	g_mutex_lock(&bus_lock);
	link_leave(link);
	g_mutex_unlock(&bus_lock);
	node_unlink(&link->watch.node);
	g_free(link);
	channel_unhold(to);
	channel_unhold(from);
}

BpWatch *bp_channel_link(BpPlugin *self, BpChannel *from, BpChannel *to, GError **error)
{
	Link *link, *entered = NULL;

	g_return_val_if_fail(self && from && to && bus_port, NULL);
	link = g_new0(Link, 1);
	link->watch.kind = WATCH_LINK;
	link->watch.branch = branch_obtain(from);
	link->watch.target = to;
	link->watch.owned.owner = self;
	g_mutex_lock(&bus_lock);
	if (!leads_to(to, from))
		entered = link_enter(link, self);
	g_mutex_unlock(&bus_lock);
	if (!entered)
		g_set_error(error, BP_BUS_ERROR, BP_INVALID,
			    "%s cannot watch %s: messages of %s reach %s already, and the link would close a loop",
			    to->name, from->name, to->name, from->name);
	if (entered != link) {
		g_free(link);
		return entered ? &entered->watch : NULL;
	}
	owner_link(self, &link->watch.owned, "watch", drop_link);
	link->watch.node.kind = NODE_WATCH;
	node_insert_before(&link->watch.branch->head, &link->watch.node);
	if (!g_atomic_int_get(&link->standby) && !watch_give_history(&link->watch))
		return NULL;
	return &link->watch;
}
