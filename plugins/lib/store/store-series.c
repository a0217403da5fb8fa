/* SPDX-License-Identifier: MIT */
/* store-series.c - values that are added, and questions for them. */
#include <math.h>
#include <string.h>
#include <backplane/plugin.h>
#include <backplane/scope.h>
#include "store-state.h"

#define MOST_SERIES 65536
#define LONGEST_NAME 255
#define MOST_QUESTIONS 1024

/* --- values --- */

void store_values_init(StoreValues *values)
{
	values->values = g_array_new(FALSE, FALSE, sizeof(StoreValue));
	values->bytes = g_byte_array_new();
}

void store_values_clear(StoreValues *values)
{
	g_array_unref(values->values);
	g_byte_array_unref(values->bytes);
}

gsize store_values_size(const StoreValues *values)
{
	return values->values->len * sizeof(StoreValue) + values->bytes->len;
}

void store_values_move(StoreValues *to, StoreValues *from)
{
	gsize before = to->bytes->len;

	if (!to->values->len) {
		StoreValues empty = *to;

		*to = *from;
		*from = empty;
		return;
	}
	g_byte_array_append(to->bytes, from->bytes->data, from->bytes->len);
	for (guint i = 0; i < from->values->len; i++) {
		StoreValue value = g_array_index(from->values, StoreValue, i);

		if (value.kind != STORE_NUMBER)
			value.at += before;
		g_array_append_val(to->values, value);
	}
	g_array_set_size(from->values, 0);
	g_byte_array_set_size(from->bytes, 0);
}

void store_series_free(gpointer series)
{
	g_free(((StoreSeries *)series)->name);
	g_free(series);
}

StoreSeries *store_series_obtain(BpStore *store, const char *name)
{
	StoreSeries *series = g_hash_table_lookup(store->series, name);

	if (series)
		return series;
	if (!*name || strlen(name) > LONGEST_NAME || !g_utf8_validate(name, -1, NULL) ||
	    g_hash_table_size(store->series) >= MOST_SERIES)
		return NULL;
	series = g_new0(StoreSeries, 1);
	series->name = g_strdup(name);
	g_hash_table_insert(store->series, series->name, series);
	return series;
}

static gboolean add(BpStore *store, const char *name, StoreValue *value, gconstpointer bytes, gsize size)
{
	gsize used = store_values_size(&store->values) + store->backed + sizeof(*value) + size;

	value->series = used <= store->options.backlog && !store->closing ? store_series_obtain(store, name) : NULL;
	if (!value->series) {
		store->dropped++;
		return FALSE;
	}
	if (!value->time)
		value->time = g_get_real_time();
	if (value->kind != STORE_NUMBER) {
		value->at = store->values.bytes->len;
		value->size = (guint32)size;
		g_byte_array_append(store->values.bytes, bytes, (guint)size);
	}
	g_array_append_vals(store->values.values, value, 1);
	store_schedule(store);
	return TRUE;
}

gboolean bp_store_add(BpStore *store, const char *series, gint64 time, double value)
{
	StoreValue row = { .time = time, .number = value, .kind = STORE_NUMBER };

	g_return_val_if_fail(store && series, FALSE);
	if (!isnan(value))
		return add(store, series, &row, NULL, 0);
	store->dropped++;
	return FALSE;
}

gboolean bp_store_add_text(BpStore *store, const char *series, gint64 time, const char *text)
{
	StoreValue row = { .time = time, .kind = STORE_TEXT };

	g_return_val_if_fail(store && series && text, FALSE);
	if (g_utf8_validate(text, -1, NULL))
		return add(store, series, &row, text, strlen(text));
	store->dropped++;
	return FALSE;
}

gboolean bp_store_add_bytes(BpStore *store, const char *series, gint64 time, gconstpointer data, gsize size)
{
	StoreValue row = { .time = time, .kind = STORE_BYTES };

	g_return_val_if_fail(store && series && (data || !size), FALSE);
	return add(store, series, &row, data, size);
}

static int compare(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char **bp_store_series(const BpStore *store)
{
	GPtrArray *names = g_ptr_array_new();
	GHashTableIter iter;
	gpointer name;

	g_hash_table_iter_init(&iter, store->series);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, compare);
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(names, FALSE);
}

/* --- questions --- */

typedef struct {
	StoreRequest asked; /* the first */
	BpOwned owned;
	BpPlugin *self; /* NULL: `func` has been called, or `self` is a scope that has ended */
	BpStore *store;
	BpStoreRows func;
	gpointer data;
} PendingRequest;

static void tell(PendingRequest *request, const GError *error)
{
	BpPlugin *self = g_steal_pointer(&request->self);
	const GPtrArray *rows = error ? NULL : request->asked.rows; /* a job may have them still */

	if (!self)
		return;
	bp_owner_unlink(&request->owned);
	/* Of a scope that ends nothing is called. */
	if (!bp_scope_parent(self))
		bp_owner_enter_always(self);
	else if (!bp_owner_enter(self))
		return;
	request->func(self, request->store, rows ? (const BpStoreRow *const *)rows->pdata : NULL, rows ? rows->len : 0,
		      error, request->data);
	bp_owner_leave(self);
}

static void drop(BpOwned *owned)
{
	PendingRequest *request = BP_OWNED_BY(owned, PendingRequest, owned);
	g_autoptr(GError) error = g_error_new(BP_IO_ERROR, BP_CANCELLED, "%s is not asked: %s is closing",
					      request->asked.query.series, bp_plugin_name(request->self));

	tell(request, error); /* it stays, as a job may have it */
}

static void request_free(PendingRequest *request)
{
	g_clear_pointer(&request->asked.rows, g_ptr_array_unref);
	g_free((char *)request->asked.query.series);
	g_free(request->asked.error);
	g_free(request);
}

void store_requests_answer(GPtrArray *requests, const GError *error)
{
	for (guint i = 0; i < requests->len; i++) {
		PendingRequest *request = requests->pdata[i];
		g_autoptr(GError) why = NULL;

		if (request->asked.error)
			why = g_error_new_literal(BP_IO_ERROR, BP_FAILED, request->asked.error);
		else if (!request->asked.rows)
			why = g_error_copy(error);
		tell(request, why);
		request_free(request);
	}
	g_ptr_array_set_size(requests, 0);
}

gboolean bp_store_query_sized(BpPlugin *self, BpStore *store, const BpStoreQuery *query, gsize size, BpStoreRows func,
			      gpointer data, GError **error)
{
	BpStoreQuery wanted;
	PendingRequest *request;

	g_return_val_if_fail(self && store && query && func, FALSE);
	bp_sized_copy(&wanted, sizeof(wanted), query, size);
	if (!wanted.series || wanted.step < 0 || (wanted.to && wanted.to < wanted.from)) {
		g_set_error(error, BP_IO_ERROR, BP_INVALID,
			    "%s: a query needs a series, a step of 0 or more, and an end behind "
			    "its beginning",
			    store->path);
		return FALSE;
	}
	if (store->closing) {
		g_set_error(error, BP_IO_ERROR, BP_CLOSED, "%s: the store is closing", store->path);
		return FALSE;
	}
	if (store->requests->len >= MOST_QUESTIONS) {
		g_set_error(error, BP_IO_ERROR, BP_LIMIT, "%s: %d queries wait already; try again", store->path,
			    MOST_QUESTIONS);
		return FALSE;
	}
	request = g_new0(PendingRequest, 1);
	request->asked.query = wanted;
	request->asked.query.series = g_strdup(wanted.series);
	request->self = self;
	request->store = store;
	request->func = func;
	request->data = data;
	bp_owner_link_notified(self, &request->owned, "query", drop);
	g_ptr_array_add(store->requests, request);
	store_schedule(store);
	return TRUE;
}
