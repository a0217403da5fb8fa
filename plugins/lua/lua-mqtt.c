/* SPDX-License-Identifier: MIT */
/* lua-mqtt.c - MQTT clients of scripts, on the library mqtt: the functions _PY.broker_... on numbered clients. */
#include <backplane/mqtt.h>
#include <string.h>
#include "lua-event.h"
#include "lua.h"

#define MOST_CLIENTS 64
#define IN_FLIGHT 100
#define BACKLOG (4 * 1024 * 1024)

typedef struct {
	Run *run;
	gint64 id, callback;
	BpMqtt *mqtt;
	gboolean reconnect, was_connected;
} Client;

static gpointer key(gint64 id)
{
	return (gpointer)(gintptr)id;
}

void mqtt_leave(gpointer data)
{
	Client *client = data;

	bp_mqtt_free(client->mqtt);
	g_free(client);
}

static json_t *event_new(const Client *client, const char *name)
{
	return json_pack("{s:s,s:I}", "event", name, "client", (json_int_t)client->id);
}

static void post(const Client *client, json_t *take_table)
{
	event_post(client->run, client->callback, FALSE, take_table);
}

/* --- events --- */

static void on_connected(BpPlugin *self, BpMqtt *mqtt, gboolean session, gpointer user)
{
	Client *client = user;
	json_t *table = event_new(client, "connected");

	client->was_connected = TRUE;
	json_object_set_new(table, "sessionPresent", json_boolean(session));
	json_object_set_new(table, "returnCode", json_integer(0));
	post(client, table);
}

/* The end of the client, unless it connects again by itself. */
static void on_closed(BpPlugin *self, BpMqtt *mqtt, guint code, gboolean fatal, const char *why, gpointer user)
{
	Client *client = user;
	json_t *table = event_new(client, client->was_connected ? "closed" : "error");
	gboolean goes_on = client->reconnect && !(fatal && !client->was_connected);

	json_object_set_new(table, "code", json_integer(code ? (json_int_t)code : client->was_connected ? 0 : -1));
	json_object_set_new(table, "message", event_text(why));
	json_object_set_new(table, "last", json_boolean(!goes_on));
	event_post(client->run, client->callback, !goes_on, table);
	client->was_connected = FALSE;
	if (!goes_on)
		g_hash_table_remove(client->run->brokers, key(client->id));
}

static void on_message(BpPlugin *self, BpMqtt *mqtt, const BpMqttMessage *message, gpointer user)
{
	json_t *table = event_new(user, "message");

	json_object_set_new(table, "topic", event_text(message->topic));
	json_object_set_new(table, "payload", json_stringn_nocheck(message->data, message->data_size));
	json_object_set_new(table, "qos", json_integer(message->qos));
	json_object_set_new(table, "retain", json_boolean(message->retain));
	json_object_set_new(table, "dup", json_false());
	if (message->id)
		json_object_set_new(table, "packetId", json_integer(message->id));
	post(user, table);
}

static json_t *packet_event(const Client *client, const char *name, guint id)
{
	json_t *table = event_new(client, name);

	json_object_set_new(table, "packetId", json_integer(id));
	return table;
}

static void on_published(BpPlugin *self, BpMqtt *mqtt, guint id, guint code, gpointer user)
{
	json_t *table = packet_event(user, "published", id);

	json_object_set_new(table, "code", json_integer(code));
	post(user, table);
}

static void on_subscribed(BpPlugin *self, BpMqtt *mqtt, guint id, const int *codes, guint count, gpointer user)
{
	json_t *table = packet_event(user, "subscribed", id), *list = json_array();

	for (guint i = 0; i < count; i++)
		json_array_append_new(list, json_integer(codes[i] >= 128 ? -1 : codes[i]));
	json_object_set_new(table, "results", list);
	post(user, table);
}

static void on_unsubscribed(BpPlugin *self, BpMqtt *mqtt, guint id, gpointer user)
{
	post(user, packet_event(user, "unsubscribed", id));
}

static const BpMqttEvents mqtt_events = {
	.size = sizeof(mqtt_events),
	.connected = on_connected,
	.closed = on_closed,
	.message = on_message,
	.published = on_published,
	.subscribed = on_subscribed,
	.unsubscribed = on_unsubscribed,
};

/* --- opening: the options are a table at index 1, whose strings it keeps meanwhile --- */

static const char *text_of(lua_State *L, int index, const char *name)
{
	const char *text = lua_getfield(L, index, name) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;

	lua_pop(L, 1);
	return text;
}

static lua_Integer number_of(lua_State *L, int index, const char *name, lua_Integer fallback)
{
	lua_Integer number = lua_getfield(L, index, name) == LUA_TNUMBER ? (lua_Integer)lua_tonumber(L, -1) : fallback;

	lua_pop(L, 1);
	return number;
}

static gboolean flag_of(lua_State *L, int index, const char *name)
{
	gboolean flag;

	lua_getfield(L, index, name);
	flag = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return flag;
}

/* Scripts open no files: only PEM itself. */
static const char *pem_of(lua_State *L, const char *name)
{
	const char *text = text_of(L, 1, name);

	if (text && !strstr(text, "-----BEGIN "))
		luaL_error(L, "%s must be PEM, not the name of a file", name);
	return text;
}

static void read_options(lua_State *L, BpMqttOptions *options, BpMqttMessage *will)
{
	lua_Integer keepalive = number_of(L, 1, "keepalive", 60);

	options->host = text_of(L, 1, "host");
	options->port = (guint)CLAMP(number_of(L, 1, "port", 0), 0, 65535);
	options->version = number_of(L, 1, "version", 3) == 5 ? 5 : 3;
	options->client_id = text_of(L, 1, "clientId");
	options->user = text_of(L, 1, "username");
	options->password = text_of(L, 1, "password");
	options->keepalive = keepalive <= 0 ? BP_MQTT_NEVER : (guint)CLAMP(keepalive, 5, 65535);
	options->clean = flag_of(L, 1, "clean");
	options->tls = flag_of(L, 1, "tls");
	options->tls_name = flag_of(L, 1, "unchecked") ? "*" : NULL;
	options->ca = pem_of(L, "certificateAuthority");
	options->cert = pem_of(L, "clientCertificate");
	options->key = pem_of(L, "clientKey");
	if (options->cert && !options->key)
		options->key = options->cert;
	options->in_flight = IN_FLIGHT;
	options->backlog = BACKLOG;
	if (lua_getfield(L, 1, "will") == LUA_TTABLE) {
		int index = lua_gettop(L);

		will->topic = text_of(L, index, "topic");
		if (lua_getfield(L, index, "payload") == LUA_TSTRING)
			will->data = lua_tolstring(L, -1, &will->data_size);
		else
			will->data = "";
		lua_pop(L, 1);
		will->qos = (guint)CLAMP(number_of(L, index, "qos", 0), 0, 2);
		will->retain = flag_of(L, index, "retain");
		options->will = will->topic ? will : NULL;
	}
	lua_pop(L, 1);
}

/* broker_open(options, callback): a number; nil and what is wrong */
static int broker_open(lua_State *L)
{
	Run *run = run_of(L);
	gint64 callback = luaL_checkinteger(L, 2);
	BpMqttOptions options = { 0 };
	BpMqttMessage will = { .size = sizeof(will) };
	gboolean reconnect;
	GError *error = NULL;
	Client *client;

	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_checkstack(L, 8, NULL);
	read_options(L, &options, &will);
	reconnect = flag_of(L, 1, "reconnect");
	client = g_new0(Client, 1);
	*client = (Client){ .run = run, .callback = callback, .reconnect = reconnect };
	if (!options.host || !*options.host)
		bp_fail(&error, BP_INVALID, "the broker has no name");
	else if (g_hash_table_size(run->brokers) >= MOST_CLIENTS)
		bp_fail(&error, BP_LIMIT, "%d MQTT clients are open already", MOST_CLIENTS);
	else
		client->mqtt = bp_mqtt_new(run->scope, &options, &mqtt_events, client, &error);
	if (!client->mqtt) {
		g_free(client);
		lua_pushnil(L);
		error_push(L, error);
		return 2;
	}
	client->id = ++run->next_broker;
	g_hash_table_insert(run->brokers, key(client->id), client);
	lua_pushinteger(L, client->id);
	return 1;
}

/* --- using it: each returns the number of its packet; or nil and what is wrong --- */

/* NULL: nil and the reason are pushed. */
static Client *client_at(lua_State *L)
{
	Client *client = g_hash_table_lookup(run_of(L)->brokers, key(luaL_checkinteger(L, 1)));

	if (client && bp_mqtt_is_connected(client->mqtt))
		return client;
	lua_pushnil(L);
	lua_pushstring(L, client ? "Client not connected" : "Client not found");
	return NULL;
}

static int push_packet(lua_State *L, gboolean good, guint id, GError *take_error)
{
	if (good) {
		lua_pushinteger(L, id);
		return 1;
	}
	lua_pushnil(L);
	if (take_error)
		error_push(L, take_error);
	else
		lua_pushliteral(L, "the broker does not acknowledge: wait for published");
	return 2;
}

/* broker_publish(number, topic, payload, qos, retain) */
static int broker_publish(lua_State *L)
{
	BpMqttMessage message = { .size = sizeof(message), .topic = luaL_checkstring(L, 2) };
	Client *client = client_at(L);
	GError *error = NULL;
	gboolean good;
	guint id = 0;

	if (!client)
		return 2;
	message.data = luaL_checklstring(L, 3, &message.data_size);
	message.qos = (guint)CLAMP(luaL_optinteger(L, 4, 0), 0, 2);
	message.retain = lua_toboolean(L, 5);
	if (!bp_mqtt_topic_check(message.topic)) {
		bp_fail(&error, BP_INVALID, "%s is not a topic", message.topic);
		return push_packet(L, FALSE, 0, error);
	}
	good = bp_mqtt_publish(client->mqtt, &message, &id, &error) == BP_SENT;
	return push_packet(L, good, id, error);
}

/* broker_subscribe(number, filter, qos) */
static int broker_subscribe(lua_State *L)
{
	const char *filter = luaL_checkstring(L, 2);
	guint qos = (guint)CLAMP(luaL_optinteger(L, 3, 0), 0, 2), id = 0;
	Client *client = client_at(L);
	GError *error = NULL;
	gboolean good;

	if (!client)
		return 2;
	good = bp_mqtt_subscribe(client->mqtt, filter, qos, 0, &id, &error);
	return push_packet(L, good, id, error);
}

/* broker_unsubscribe(number, filter) */
static int broker_unsubscribe(lua_State *L)
{
	const char *filter = luaL_checkstring(L, 2);
	Client *client = client_at(L);
	GError *error = NULL;
	gboolean good;
	guint id = 0;

	if (!client)
		return 2;
	good = bp_mqtt_unsubscribe(client->mqtt, filter, &id, &error);
	return push_packet(L, good, id, error);
}

/* broker_close(number): whether it was there; its callback is not called any more */
static int broker_close(lua_State *L)
{
	lua_pushboolean(L, g_hash_table_remove(run_of(L)->brokers, key(luaL_checkinteger(L, 1))));
	return 1;
}

static int broker_is_connected(lua_State *L)
{
	const Client *client = g_hash_table_lookup(run_of(L)->brokers, key(luaL_checkinteger(L, 1)));

	lua_pushboolean(L, client && bp_mqtt_is_connected(client->mqtt));
	return 1;
}

void mqtt_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "broker_close", broker_close },
		{ "broker_is_connected", broker_is_connected },
		{ "broker_open", broker_open },
		{ "broker_publish", broker_publish },
		{ "broker_subscribe", broker_subscribe },
		{ "broker_unsubscribe", broker_unsubscribe },
		{ NULL, NULL },
	};

	luaL_setfuncs(L, functions, 0);
}
