/* SPDX-License-Identifier: MIT */
/* mdns.c - discovery by multicast DNS, where avahi runs: our servers are announced as SERVICE, those of others found.
 *
 * All of it is calls to avahi's daemon on the system bus, none of which waits; the daemon may start, end and come back.
 * Without a daemon nothing is sent, and discovery is that of discovery.c alone. What is found goes the same way as a
 * datagram: it counts only when a TCP connection to it succeeds. A server that only this machine can reach is not
 * announced. TXT: id, name, and project and hash where there are any.
 */
#include <backplane/gio.h>
#include <string.h>
#include "mdns.h"

#define SERVICE "_backplane._tcp"
#define AVAHI "org.freedesktop.Avahi"
#define MOST_SERVICES 1024
#define TTL 75 /* seconds, as of the records; then it is asked by TCP whether it is there */
enum { ANY = -1, IPV4 = 0 };

static struct {
	BpPlugin *self;
	GDBusConnection *bus; /* NULL: there is none, or not yet */
	guint items, owners;  /* what is listened to on it */
	gboolean running;     /* the daemon is there */
	GHashTable *groups;   /* id of our server -> path of the avahi object that announces it */
	GHashTable *found;    /* name of another's service -> id of its server */
} here;

/* --- calls --- */

typedef void (*Answer)(GVariant *answer, gpointer data);

typedef struct {
	Answer func; /* NULL: whatever the answer is */
	gpointer data;
} DbusCall;

static void on_answer(GObject *bus, GAsyncResult *result, gpointer data)
{
	g_autofree DbusCall *call = data;
	BpPlugin *self = here.self;
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) answer = g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, &error);

	if (error && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		bp_log(self, BP_LOG_DEBUG, "avahi: %s", error->message);
	if (call->func)
		call->func(answer, call->data);
	bp_plugin_release_for(self, "avahi");
}

/* `func` gets NULL when it failed. When the plugin goes, nothing is asked any more: who leaves the bus is forgotten by avahi. */
static void ask(const char *path, const char *interface, const char *method, GVariant *take_values, const char *type,
		Answer func, gpointer data)
{
	g_autoptr(GVariant) values = take_values ? g_variant_ref_sink(take_values) : NULL;
	DbusCall *call;

	if (g_cancellable_is_cancelled(bp_plugin_cancellable(here.self))) {
		if (func)
			func(NULL, data);
		return;
	}
	call = g_new(DbusCall, 1);
	*call = (DbusCall){ func, data };
	bp_plugin_hold_for(here.self, "avahi");
	g_dbus_connection_call(here.bus, AVAHI, path, interface, method, values, type ? G_VARIANT_TYPE(type) : NULL,
			       G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, bp_plugin_cancellable(here.self), on_answer, call);
}

/* --- ours --- */

static void add_text(GVariantBuilder *text, const char *key, const char *value)
{
	g_autofree char *pair = value && *value ? g_strdup_printf("%s=%s", key, value) : NULL;

	if (pair && strlen(pair) < 256)
		g_variant_builder_add_value(text,
					    g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, pair, strlen(pair), 1));
}

static void announce(EndpointServer *server, const char *group)
{
	g_autofree char *name = g_strdup_printf("%.40s %.8s", server->name, server->id);
	GVariantBuilder text;

	g_variant_builder_init(&text, G_VARIANT_TYPE("aay"));
	add_text(&text, "id", server->id);
	add_text(&text, "name", server->name);
	add_text(&text, "project", server->net ? server->project : NULL);
	add_text(&text, "hash", server->hash);
	ask(group, AVAHI ".EntryGroup", "AddService",
	    g_variant_new("(iiussssqaay)", ANY, ANY, 0, name, SERVICE, "", "", (guint16)bp_server_port(server->server),
			  &text),
	    NULL, NULL, NULL);
	ask(group, AVAHI ".EntryGroup", "Commit", NULL, NULL, NULL, NULL);
}

static void on_group(GVariant *answer, gpointer data)
{
	g_autofree char *id = data, *group = NULL;
	EndpointServer *server = discovery_server(id);

	if (!answer)
		return;
	g_variant_get(answer, "(o)", &group);
	if (!server || g_hash_table_contains(here.groups, id)) {
		ask(group, AVAHI ".EntryGroup", "Free", NULL, NULL, NULL, NULL);
		return;
	}
	announce(server, group);
	g_hash_table_insert(here.groups, g_steal_pointer(&id), g_steal_pointer(&group));
}

void mdns_add_server(EndpointServer *server)
{
	if (here.running && discovery_is_public(server))
		ask("/", AVAHI ".Server", "EntryGroupNew", NULL, "(o)", on_group, g_strdup(server->id));
}

void mdns_remove_server(EndpointServer *server)
{
	const char *group = here.groups ? g_hash_table_lookup(here.groups, server->id) : NULL;

	if (!group)
		return;
	ask(group, AVAHI ".EntryGroup", "Free", NULL, NULL, NULL, NULL);
	g_hash_table_remove(here.groups, server->id);
}

/* --- theirs --- */

static char *text_value(GVariant *text, const char *key)
{
	gsize size = strlen(key);

	for (gsize i = 0; i < g_variant_n_children(text); i++) {
		g_autoptr(GVariant) pair = g_variant_get_child_value(text, i);
		gsize length;
		const char *bytes = g_variant_get_fixed_array(pair, &length, 1);

		if (length > size && memcmp(bytes, key, size) == 0 && bytes[size] == '=' &&
		    g_utf8_validate(bytes + size + 1, (gssize)(length - size - 1), NULL))
			return g_strndup(bytes + size + 1, length - size - 1);
	}
	return NULL;
}

static void on_resolved(GVariant *answer, gpointer data)
{
	DiscoveryNode node = { .ttl = TTL, .ours = TRUE };
	g_autofree char *service = NULL, *ip = NULL;
	g_autoptr(GVariant) text = NULL;
	BpAddress address;
	guint16 port;

	if (!answer || !here.running)
		return;
	g_variant_get(answer, "(iissssisq@aayu)", NULL, NULL, &service, NULL, NULL, NULL, NULL, &ip, &port, &text,
		      NULL);
	node.id = text_value(text, "id");
	node.name = text_value(text, "name");
	node.project = text_value(text, "project");
	node.hash = text_value(text, "hash");
	node.port = port;
	if (node.id && port && bp_address_parse(&address, ip, port, NULL) && address.storage.ss_family == AF_INET &&
	    g_hash_table_size(here.found) < MOST_SERVICES) {
		if (!node.name)
			node.name = g_strdup(service);
		g_hash_table_insert(here.found, g_steal_pointer(&service), g_strdup(node.id));
		discovery_heard(&node, &address);
	}
	discovery_node_clear(&node);
}

/* Signals of the browser come to all who are on the bus; a name that is not ours is resolved in vain at worst. */
static void on_item(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
		    const char *signal, GVariant *values, gpointer data)
{
	int network, protocol;
	const char *name, *type, *domain;

	if (!here.running || !g_variant_is_of_type(values, G_VARIANT_TYPE("(iisssu)")))
		return;
	g_variant_get(values, "(ii&s&s&su)", &network, &protocol, &name, &type, &domain, NULL);
	if (strcmp(type, SERVICE) != 0 || protocol != IPV4)
		return;
	if (strcmp(signal, "ItemNew") == 0) {
		ask("/", AVAHI ".Server", "ResolveService",
		    g_variant_new("(iisssiu)", network, protocol, name, type, domain, IPV4, 0), "(iissssisqaayu)",
		    on_resolved, NULL);
	} else if (strcmp(signal, "ItemRemove") == 0 && g_hash_table_contains(here.found, name)) {
		discovery_gone(g_hash_table_lookup(here.found, name));
		g_hash_table_remove(here.found, name);
	}
}

/* --- the daemon --- */

static void set_running(gboolean running)
{
	const GQueue *servers = discovery_servers();

	if (running == here.running)
		return;
	here.running = running;
	g_hash_table_remove_all(here.groups);
	g_hash_table_remove_all(here.found);
	if (!running)
		return;
	for (GList *at = servers->head; at; at = at->next)
		mdns_add_server(at->data);
	ask("/", AVAHI ".Server", "ServiceBrowserNew", g_variant_new("(iissu)", ANY, IPV4, SERVICE, "", 0), "(o)", NULL,
	    NULL);
}

static void on_version(GVariant *answer, gpointer data)
{
	if (answer)
		set_running(TRUE);
}

static void look_for_daemon(void)
{
	ask("/", AVAHI ".Server", "GetVersionString", NULL, "(s)", on_version, NULL);
}

static void on_owner(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
		     const char *signal, GVariant *values, gpointer data)
{
	set_running(FALSE);
	look_for_daemon();
}

static void on_bus(GObject *source, GAsyncResult *result, gpointer data)
{
	BpPlugin *self = here.self;
	g_autoptr(GError) error = NULL;
	GDBusConnection *bus = g_dbus_connection_new_for_address_finish(result, &error);

	if (bus && g_cancellable_is_cancelled(bp_plugin_cancellable(self)))
		g_clear_object(&bus);
	if (!bus) {
		bp_log(self, BP_LOG_DEBUG, "discovery does without mDNS: %s", error ? error->message : "it is going");
	} else {
		here.bus = bus;
		here.items = g_dbus_connection_signal_subscribe(bus, AVAHI, AVAHI ".ServiceBrowser", NULL, NULL, NULL,
								G_DBUS_SIGNAL_FLAGS_NONE, on_item, NULL, NULL);
		here.owners = g_dbus_connection_signal_subscribe(bus, "org.freedesktop.DBus", "org.freedesktop.DBus",
								 "NameOwnerChanged", NULL, AVAHI,
								 G_DBUS_SIGNAL_FLAGS_NONE, on_owner, NULL, NULL);
		look_for_daemon();
	}
	bp_plugin_release_for(self, "system bus");
}

void mdns_start(BpPlugin *self)
{
	g_autofree char *address = g_dbus_address_get_for_bus_sync(G_BUS_TYPE_SYSTEM, NULL, NULL);

	if (!address || here.groups)
		return;
	here.self = self;
	here.groups = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	here.found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	bp_plugin_hold_for(self, "system bus");
	/* A connection of our own: the one that GIO shares ends the process when the bus ends. */
	g_dbus_connection_new_for_address(
		address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
		NULL, bp_plugin_cancellable(self), on_bus, NULL);
}

void mdns_stop(void)
{
	here.running = FALSE;
	if (here.bus) {
		g_dbus_connection_signal_unsubscribe(here.bus, here.items);
		g_dbus_connection_signal_unsubscribe(here.bus, here.owners);
		g_dbus_connection_close(here.bus, NULL, NULL, NULL);
		g_clear_object(&here.bus);
	}
	g_clear_pointer(&here.groups, g_hash_table_unref);
	g_clear_pointer(&here.found, g_hash_table_unref);
}
