/* SPDX-License-Identifier: MIT */
/* lua-http.c - _PY.http_start: requests of scripts to HTTP servers.
 *
 * A request belongs to its run until that ends, and then to libsoup, which gives it back in a later turn. What it has received is bounded
 * twice: the body of one answer, and all that the requests of the run have received and not delivered, which is at most what the script
 * may use as memory.
 */
#include "lua-http.h"
#include <string.h>

#define MOST_REQUESTS 256
#define MOST_BODY (16 * 1024 * 1024)
#define PIECE (64 * 1024)

typedef struct {
	Run *run; /* NULL: it has ended */
	Script *script;
	BpInstance *self;
	gint64 callback;
	SoupSession *session;
	SoupMessage *message;
	GCancellable *cancel;
	GInputStream *body;
	GByteArray *received;
	guint8 *piece;
	BpScope *scope; /* of its timer */
	BpTimer *timer;
	char *error; /* why it was cancelled; NULL: by the end of the run, or not */
} Request;

static void request_free(Request *request)
{
	g_clear_object(&request->body);
	g_object_unref(request->cancel);
	g_object_unref(request->message);
	g_object_unref(request->session);
	g_byte_array_unref(request->received);
	g_free(request->piece);
	g_free(request->error);
	g_free(request);
}

/* The run ends: libsoup gives the request back later. */
void request_leave(gpointer data)
{
	Request *request = data;

	request->run = NULL;
	request->timer = NULL;
	bp_scope_close(g_steal_pointer(&request->scope));
	g_cancellable_cancel(request->cancel);
}

/* --- the answer --- */

static void set_text(lua_State *L, const char *key, const char *text)
{
	lua_pushstring(L, text);
	lua_setfield(L, -2, key);
}

/* As pairs of name and value, in their order. */
static void push_headers(lua_State *L, SoupMessageHeaders *headers)
{
	SoupMessageHeadersIter iter;
	const char *name, *value;
	lua_Integer count = 0;

	lua_newtable(L);
	soup_message_headers_iter_init(&iter, headers);
	while (soup_message_headers_iter_next(&iter, &name, &value)) {
		lua_pushstring(L, name);
		lua_rawseti(L, -2, ++count);
		lua_pushstring(L, value);
		lua_rawseti(L, -2, ++count);
	}
}

/* What it allocates is kept by the request, should Lua raise an error. */
static void push_answer(lua_State *L, const Request *request)
{
	SoupMessage *message = request->message;
	const char *reason = soup_message_get_reason_phrase(message);
	char *url = g_uri_to_string_partial(soup_message_get_uri(message), G_URI_HIDE_PASSWORD);

	g_object_set_data_full(G_OBJECT(message), "url", url, g_free);
	lua_pushlstring(L, (const char *)request->received->data, request->received->len);
	lua_setfield(L, -2, "data");
	lua_pushinteger(L, soup_message_get_status(message));
	lua_setfield(L, -2, "status");
	set_text(L, "reason", reason ? reason : "");
	set_text(L, "url", url);
	push_headers(L, soup_message_get_response_headers(message));
	lua_setfield(L, -2, "headers");
}

static int deliver(lua_State *L)
{
	const Request *request = lua_touserdata(L, 1);

	lua_newtable(L);
	lua_pushboolean(L, !request->error);
	lua_setfield(L, -2, "success");
	if (request->error)
		set_text(L, "error", request->error);
	else
		push_answer(L, request);
	callback_call(run_of(L), L, request->callback, 1, "network callback");
	return 0;
}

static int deliver_no_memory(lua_State *L)
{
	const Request *request = lua_touserdata(L, 1);

	callback_remove(run_of(L), request->callback);
	return 0;
}

/* In a callback of GIO: nothing of libsoup knows it any more. */
static void finish(Request *request, const GError *error)
{
	Run *run = request->run;

	session_end(request->script);
	if (run && bp_owner_enter(request->self)) {
		if (error && !request->error)
			request->error = session_error_text(request->message, error);
		g_hash_table_steal(run->requests, request);
		run->fetched -= request->received->len;
		request->timer = NULL;
		bp_scope_close(request->scope);
		run_enter(run, "an answer", deliver, request);
		/* It is there still if there was not enough memory for the answer. */
		run_enter(run, "an answer", deliver_no_memory, request);
		bp_owner_leave(request->self);
	} else if (run) {
		g_hash_table_steal(run->requests, request);
		bp_scope_close(request->scope);
	}
	request_free(request);
}

static void give_up(Request *request, const char *why)
{
	if (!request->error)
		request->error = g_strdup(why);
	g_cancellable_cancel(request->cancel);
}

static void on_late(BpPlugin *self, gpointer data)
{
	give_up(data, "timeout");
}

/* --- receiving --- */

static void read_on(Request *request);

static gboolean has_room(const Request *request, gsize size)
{
	const Run *run = request->run;

	return request->received->len + size <= MOST_BODY && run->fetched + size <= run->limit;
}

static void on_read(GObject *source, GAsyncResult *result, gpointer data)
{
	Request *request = data;
	g_autoptr(GError) error = NULL;
	gssize size = g_input_stream_read_finish(G_INPUT_STREAM(source), result, &error);

	if (size <= 0 || !request->run) {
		finish(request, error);
		return;
	}
	if (has_room(request, (gsize)size)) {
		g_byte_array_append(request->received, request->piece, (guint)size);
		request->run->fetched += (gsize)size;
	} else {
		give_up(request, "the answer is too large: at most 16 MiB, and in all what the script may use as "
				 "memory");
	}
	read_on(request);
}

static void read_on(Request *request)
{
	g_input_stream_read_async(request->body, request->piece, PIECE, G_PRIORITY_DEFAULT, request->cancel, on_read,
				  request);
}

static void on_sent(GObject *source, GAsyncResult *result, gpointer data)
{
	Request *request = data;
	g_autoptr(GError) error = NULL;

	request->body = soup_session_send_finish(SOUP_SESSION(source), result, &error);
	if (!request->body || !request->run) {
		finish(request, error);
		return;
	}
	request->piece = g_malloc(PIECE);
	read_on(request);
}

/* --- sending --- */

typedef struct {
	const char *method, *url, *body;
	size_t body_size;
	gint64 callback;
	double timeout; /* milliseconds */
	Trust trust;
} Order;

static Request *request_new(lua_State *L, const Order *order, GError **error)
{
	static const char *const schemes[] = { "http", "https", NULL };
	Run *run = run_of(L);
	SoupSession *session = session_of(run, &order->trust, error);
	g_autoptr(GCancellable) cancel = g_cancellable_new();
	SoupMessage *message = session ? session_message(order->method, order->url, schemes, &order->trust, cancel,
							 error)
				       : NULL;
	Request *request;

	if (!message)
		return NULL;
	if (!session_headers(L, 3, message, error)) {
		g_object_unref(message);
		return NULL;
	}
	request = g_new0(Request, 1);
	request->run = run;
	request->script = run->script;
	request->self = run->self;
	request->callback = order->callback;
	request->session = g_object_ref(session);
	request->message = message;
	request->cancel = g_steal_pointer(&cancel);
	request->received = g_byte_array_new();
	request->scope = bp_scope_open(run->scope);
	return request;
}

static void set_body(Request *request, const Order *order)
{
	SoupMessageHeaders *headers = soup_message_get_request_headers(request->message);
	g_autofree char *type = g_strdup(soup_message_headers_get_one(headers, "Content-Type"));
	g_autoptr(GBytes) bytes = g_bytes_new(order->body, order->body_size);

	soup_message_set_request_body_from_bytes(request->message, type, bytes);
}

static void set_trust(lua_State *L, Trust *trust)
{
	if (lua_isboolean(L, 7))
		trust->unchecked = !lua_toboolean(L, 7);
	trust->authority = trust->unchecked ? NULL : luaL_optstring(L, 8, NULL);
}

/* http_start(method, url, headers or nil, body or nil, callback, timeout in ms, check certificates, authority): nil, or what is wrong */
static int http_start(lua_State *L)
{
	Run *run = run_of(L);
	Order order = { .method = luaL_checkstring(L, 1),
			.url = luaL_checkstring(L, 2),
			.body = luaL_optlstring(L, 4, NULL, &order.body_size),
			.callback = luaL_checkinteger(L, 5),
			.timeout = luaL_checknumber(L, 6) };
	GError *error = NULL;
	Request *request = NULL;

	set_trust(L, &order.trust);
	luaL_checkstack(L, 8, NULL);
	if (g_hash_table_size(run->requests) >= MOST_REQUESTS)
		bp_fail(&error, BP_LIMIT, "%d requests wait already", MOST_REQUESTS);
	else
		request = request_new(L, &order, &error);
	if (!request) {
		error_push(L, error);
		return 1;
	}
	if (order.body)
		set_body(request, &order);
	g_hash_table_add(run->requests, request);
	session_begin(run->script);
	bp_timer_once(&request->timer, request->scope, (gint64)(CLAMP(order.timeout, 1, 1e9) * 1000), on_late, request);
	soup_session_send_async(request->session, request->message, G_PRIORITY_DEFAULT, request->cancel, on_sent,
				request);
	return 0;
}

void http_open(lua_State *L)
{
	static const luaL_Reg functions[] = { { "http_start", http_start }, { NULL, NULL } };

	luaL_setfuncs(L, functions, 0);
}
