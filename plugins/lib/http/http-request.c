/* SPDX-License-Identifier: MIT */
/* http-request.c - what a request tells to those who answer it. */
#include <string.h>
#include "http-server.h"

gboolean http_request_settle(BpHttpExchange *exchange)
{
	HttpHead *head = &exchange->head;
	char *bytes = (char *)exchange->bytes->data;
	gsize size = head->path.size;
	char *path;

	for (guint i = 0; i < head->count; i++) {
		bytes[head->fields[i].name + head->fields[i].name_size] = '\0';
		bytes[head->fields[i].value + head->fields[i].value_size] = '\0';
	}
	bytes[head->method_text.at + head->method_text.size] = '\0';
	bytes[head->target.at + head->target.size] = '\0';
	path = size < sizeof(exchange->path_few) ? exchange->path_few : g_malloc(size + 1);
	if (size == 0) { /* http://host?query */
		memcpy(path, "/", 2);
	} else if (!http_path_decode(bytes + head->path.at, size, path)) {
		if (path != exchange->path_few)
			g_free(path);
		return FALSE;
	}
	exchange->path = path;
	if (exchange->connection->server->proxies)
		exchange->peer = http_forwarded_peer(exchange);
	return TRUE;
}

const char *bp_http_method(const BpHttpExchange *exchange)
{
	return exchange->path ? http_text(exchange, exchange->head.method_text) : "-";
}

const char *bp_http_path(const BpHttpExchange *exchange)
{
	return exchange->path ? exchange->path : "";
}

const char *bp_http_target(const BpHttpExchange *exchange)
{
	return exchange->path ? http_text(exchange, exchange->head.target) : "";
}

const char *bp_http_query(const BpHttpExchange *exchange)
{
	return exchange->path ? http_text(exchange, exchange->head.query) : "";
}

const char *bp_http_version(const BpHttpExchange *exchange)
{
	return exchange->head.minor ? "1.1" : "1.0";
}

const char *bp_http_header(const BpHttpExchange *exchange, const char *name)
{
	guint at = 0;
	const HttpField *field;

	if (!exchange->path)
		return NULL;
	field = http_head_find(&exchange->head, (const char *)exchange->bytes->data, name, &at);
	return field ? (const char *)exchange->bytes->data + field->value : NULL;
}

const char *bp_http_field(const BpHttpExchange *exchange, guint index, const char **name)
{
	const HttpField *field = &exchange->head.fields[index];

	if (!exchange->path || index >= exchange->head.count)
		return NULL;
	*name = (const char *)exchange->bytes->data + field->name;
	return (const char *)exchange->bytes->data + field->value;
}

char *bp_http_header_list(const BpHttpExchange *exchange, const char *name)
{
	const char *bytes = (const char *)exchange->bytes->data;
	const HttpField *field;
	GString *list = NULL;
	guint at = 0;

	while (exchange->path && (field = http_head_find(&exchange->head, bytes, name, &at))) {
		if (list)
			g_string_append(list, ", ");
		else
			list = g_string_new(NULL);
		g_string_append_len(list, bytes + field->value, field->value_size);
	}
	return list ? g_string_free(list, FALSE) : NULL;
}

gboolean bp_http_header_has(const BpHttpExchange *exchange, const char *name, const char *word)
{
	const char *bytes = (const char *)exchange->bytes->data;
	const HttpField *field;
	guint at = 0;

	while (exchange->path && (field = http_head_find(&exchange->head, bytes, name, &at)))
		if (http_list_has(bytes + field->value, field->value_size, word))
			return TRUE;
	return FALSE;
}

char *bp_http_token(const BpHttpExchange *exchange, gboolean in_query)
{
	const char *field = bp_http_header(exchange, "Authorization"), *query = bp_http_query(exchange);

	if (field && g_ascii_strncasecmp(field, "Bearer ", 7) == 0)
		return g_strstrip(g_strdup(field + 7));
	return in_query ? bp_http_form_value(query, strlen(query), "token") : NULL;
}

gboolean bp_http_has_body(const BpHttpExchange *exchange)
{
	return exchange->head.has_length || exchange->head.chunked;
}

const char *bp_http_body(const BpHttpExchange *exchange, gsize *size)
{
	const GByteArray *body = exchange->body;

	if (size)
		*size = body && body->len ? body->len - 1 : 0;
	return body && body->len ? (const char *)body->data : "";
}

const char *bp_http_peer(const BpHttpExchange *exchange)
{
	if (exchange->peer)
		return exchange->peer;
	return exchange->connection->stream ? bp_stream_peer(exchange->connection->stream) : "";
}

void bp_http_on_gone(BpHttpExchange *exchange, BpHttpGone gone, gpointer data)
{
	exchange->gone = gone;
	exchange->gone_data = data;
}
