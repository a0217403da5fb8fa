/* SPDX-License-Identifier: MIT */
/* peer-channels.c - channels across hosts: sessions, which outlive their links, and what people ask for. */
#include <string.h>
#include "peer-session.h"

#define LINGER (10 * 60 * G_USEC_PER_SEC)
#define MOST_SESSIONS 256

/* --- sessions --- */

static void ring_clear(PeerSession *session)
{
	g_queue_clear_full(&session->ring, (GDestroyNotify)bp_message_unref);
	session->ring_bytes = 0;
}

static PeerSession *session_new(PeerLink *link)
{
	PeerSession *session = g_new0(PeerSession, 1);

	session->net = link->net;
	session->id = g_strdup(link->id);
	session->name = g_strdup(link->name);
	session->epoch = 1 + ((guint64)g_random_int() << 16 ^ g_random_int());
	session->subscriptions = g_ptr_array_new_with_free_func(peer_subscription_free);
	session->verdicts = g_hash_table_new(g_direct_hash, g_direct_equal);
	session->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	session->replies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	session->channels = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, peer_imported_free);
	g_hash_table_insert(link->net->sessions, session->id, session);
	return session;
}

static void session_free(PeerSession *session)
{
	if (session->link)
		session->link->session = NULL;
	peer_delivery_clear(session);
	g_hash_table_remove(session->net->sessions, session->id);
	g_ptr_array_unref(session->subscriptions);
	ring_clear(session);
	g_hash_table_unref(session->verdicts);
	g_hash_table_unref(session->told);
	g_hash_table_unref(session->replies);
	g_queue_clear(&session->reply_order);
	g_hash_table_unref(session->channels);
	peer_foreign_forget(session->net, session);
	g_free(session->id);
	g_free(session->name);
	g_free(session);
}

void peer_channels_free(PeerNet *net)
{
	GHashTableIter iter;
	gpointer session;

	for (;;) {
		g_hash_table_iter_init(&iter, net->sessions);
		if (!g_hash_table_iter_next(&iter, NULL, &session))
			break;
		session_free(session);
	}
	for (guint i = 0; i < net->imports->len; i++) {
		PeerImport *import = net->imports->pdata[i];

		g_free(import->host);
		g_free(import->glob);
		g_free(import);
	}
	g_ptr_array_set_size(net->imports, 0);
}

void peer_channels_json(const PeerSession *session, json_t *object)
{
	json_object_set_new(object, "channels", json_integer((json_int_t)g_hash_table_size(session->channels)));
	json_object_set_new(object, "messages_in", json_integer((json_int_t)session->in));
	json_object_set_new(object, "messages_out", json_integer((json_int_t)session->out));
	json_object_set_new(object, "drops", json_integer((json_int_t)session->drops));
	json_object_set_new(object, "missed", json_integer((json_int_t)session->missed));
}

/* --- control --- */

void peer_channels_control(PeerLink *link, const json_t *message)
{
	const char *type = json_string_value(json_object_get(message, "type"));
	PeerSession *session = link->session;

	if (!type || !session)
		return;
	if (strcmp(type, "subscribe") == 0) {
		peer_on_subscribe(session, message);
	} else if (strcmp(type, "subscribed") == 0) {
		peer_on_subscribed(session, message);
	} else if (strcmp(type, "channels") == 0) {
		peer_read_names(session, json_object_get(message, "gone"), TRUE);
		peer_read_names(session, json_object_get(message, "add"), FALSE);
	}
}

/* --- links come and go --- */

static void make_room(PeerNet *net)
{
	PeerSession *oldest = NULL;
	GHashTableIter iter;
	gpointer session;

	g_hash_table_iter_init(&iter, net->sessions);
	while (g_hash_table_iter_next(&iter, NULL, &session))
		if (!((PeerSession *)session)->link && (!oldest || ((PeerSession *)session)->cut < oldest->cut))
			oldest = session;
	if (oldest && g_hash_table_size(net->sessions) >= MOST_SESSIONS)
		session_free(oldest);
}

/* A host that comes back under another id: the session of the old one holds the channels with its name, which are for the new one. */
static void end_superseded(PeerLink *link)
{
	PeerSession *old = NULL;
	GHashTableIter iter;
	gpointer at;

	g_hash_table_iter_init(&iter, link->net->sessions);
	while (!old && g_hash_table_iter_next(&iter, NULL, &at)) {
		PeerSession *session = at;

		if (!session->link && strcmp(session->name, link->name) == 0 && strcmp(session->id, link->id) != 0)
			old = session;
	}
	if (old)
		session_free(old);
}

void peer_channels_up(PeerLink *link)
{
	PeerSession *session = g_hash_table_lookup(link->net->sessions, link->id);

	/* Its channels have its name: under another name it needs others. */
	if (session && strcmp(session->name, link->name) != 0) {
		session_free(session);
		session = NULL;
	}
	end_superseded(link);
	if (!session) {
		make_room(link->net);
		session = session_new(link);
	}
	session->link = link;
	session->live = session->level = session->told_lost = FALSE;
	link->session = session;
	peer_delivery_up(session);
	peer_subscribe(session);
}

void peer_channels_down(PeerLink *link)
{
	PeerSession *session = link->session;

	link->session = NULL;
	session->link = NULL;
	session->live = session->level = session->open = FALSE;
	session->cut = g_get_monotonic_time();
}

gboolean peer_channels_send(PeerLink *link, const char *text, gsize size)
{
	g_autoptr(BpMessage) frame = frame_message_new(link->session->sent + 1, text, size);

	return peer_delivery_send(link->session, frame);
}

void peer_channels_number(PeerLink *link, FrameKind kind, guint64 number)
{
	if (!link->session)
		return;
	if (kind == FRAME_ACK)
		peer_delivery_acked(link->session, number);
	else
		peer_on_level(link->session, number);
}

gboolean peer_channels_take(PeerLink *link, guint64 number)
{
	return link->session && peer_delivery_take(link->session, number);
}

void peer_channels_batch(PeerLink *link)
{
	if (link->session)
		peer_delivery_acknowledge(link->session);
}

gboolean peer_channels_level(const PeerLink *link, guint64 *sequence)
{
	if (!link->session || !link->session->live)
		return FALSE;
	*sequence = link->session->sequence;
	return TRUE;
}

void peer_channels_tick(PeerNet *net)
{
	gint64 now = g_get_monotonic_time();
	GHashTableIter iter;
	gpointer at;
	PeerSession *old = NULL;

	g_hash_table_iter_init(&iter, net->sessions);
	while (g_hash_table_iter_next(&iter, NULL, &at)) {
		PeerSession *session = at;
		json_t *add;

		if (!session->link && now - session->cut > LINGER)
			old = session;
		if (!session->live)
			continue;
		add = json_array();
		peer_announce(session, add);
		if (json_array_size(add))
			peer_link_control(session->link, json_pack("{s:s,s:O}", "type", "channels", "add", add));
		json_decref(add);
	}
	if (old)
		session_free(old);
}

/* --- what people ask for --- */

static gboolean check_glob(const char *glob, GError **error)
{
	g_autofree char *plain = g_strdup(glob);

	g_strdelimit(plain, "*?", 'x');
	if (bp_channel_check_name(plain, NULL))
		return TRUE;
	g_set_error(error, BP_HOST_ERROR, BP_INVALID, "%.80s is no glob of channels: write uart0/* or console", glob);
	return FALSE;
}

gboolean peer_channels_export(PeerNet *net, const char *glob, gboolean remove, GError **error)
{
	guint at;
	gboolean there = g_ptr_array_find_with_equal_func(net->exports, glob, g_str_equal, &at);

	if (!remove && !check_glob(glob, error))
		return FALSE;
	if (remove && !there) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "%s is not exported: `peer info` shows what is", glob);
		return FALSE;
	}
	if (remove)
		g_ptr_array_remove_index(net->exports, at);
	else if (!there)
		g_ptr_array_add(net->exports, g_strdup(glob));
	peer_forget_verdicts(net);
	peer_channels_tick(net);
	return TRUE;
}

static void subscribe_all(PeerNet *net, const char *host)
{
	GHashTableIter iter;
	gpointer at;

	g_hash_table_iter_init(&iter, net->sessions);
	while (g_hash_table_iter_next(&iter, NULL, &at)) {
		PeerSession *session = at;

		if (session->link && (strcmp(host, session->name) == 0 || strcmp(host, session->id) == 0))
			peer_subscribe(session);
	}
}

static void drop_unwanted(PeerNet *net)
{
	GHashTableIter sessions, channels;
	gpointer session, imported;

	g_hash_table_iter_init(&sessions, net->sessions);
	while (g_hash_table_iter_next(&sessions, NULL, &session)) {
		g_hash_table_iter_init(&channels, ((PeerSession *)session)->channels);
		while (g_hash_table_iter_next(&channels, NULL, &imported))
			if (!((PeerImported *)imported)->is_reply &&
			    !peer_is_wanted(session, ((PeerImported *)imported)->theirs))
				g_hash_table_iter_remove(&channels);
	}
}

gboolean peer_channels_import(PeerNet *net, const char *host, const char *glob, gboolean remove, GError **error)
{
	PeerImport *import = NULL;

	if (!remove && !check_glob(glob, error))
		return FALSE;
	for (guint i = 0; i < net->imports->len && !import; i++) {
		PeerImport *at = net->imports->pdata[i];

		if (strcmp(at->host, host) == 0 && strcmp(at->glob, glob) == 0)
			import = at;
	}
	if (remove && !import) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "%s of %s is not imported: `peer info` shows what is",
			    glob, host);
		return FALSE;
	}
	if (remove) {
		g_ptr_array_remove(net->imports, import);
		g_free(import->host);
		g_free(import->glob);
		g_free(import);
		drop_unwanted(net);
	} else if (!import) {
		if (net->imports->len >= PEER_MOST_GLOBS) {
			g_set_error(error, BP_HOST_ERROR, BP_LIMIT, "there are %d imports already", PEER_MOST_GLOBS);
			return FALSE;
		}
		import = g_new0(PeerImport, 1);
		import->host = g_strdup(host);
		import->glob = g_strdup(glob);
		g_ptr_array_add(net->imports, import);
	}
	subscribe_all(net, host);
	return TRUE;
}
