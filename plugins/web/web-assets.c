/* SPDX-License-Identifier: MIT */
/* web-assets.c - the files of the page, compiled in, and the scripts of plugins' views. */
#include <string.h>
#include "web.h"

#define PREFIX "/backplane/web/"

typedef struct {
	GBytes *content, *gzip;
	char *etag;
	const char *type;
} Asset;

static GHashTable *assets; /* by name; made when asked for */

static const struct {
	const char *suffix, *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".svg", "image/svg+xml" },
	{ ".json", "application/json" },
	{ ".png", "image/png" },
	{ ".woff2", "font/woff2" },
	{ ".txt", "text/plain; charset=utf-8" },
	{ ".md", "text/markdown; charset=utf-8" },
};

static const char *type_of(const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(types); i++)
		if (g_str_has_suffix(name, types[i].suffix))
			return types[i].type;
	return "application/octet-stream";
}

static void asset_free(gpointer data)
{
	Asset *asset = data;

	g_bytes_unref(asset->content);
	if (asset->gzip)
		g_bytes_unref(asset->gzip);
	g_free(asset->etag);
	g_free(asset);
}

static GBytes *compress(GBytes *content)
{
	g_autoptr(GConverter) gzip = G_CONVERTER(g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 9));
	gsize size, read, written;
	gconstpointer bytes = g_bytes_get_data(content, &size);
	g_autofree guint8 *out = g_malloc(size + 64);

	if (size < 512 ||
	    g_converter_convert(gzip, bytes, size, out, size + 64, G_CONVERTER_INPUT_AT_END, &read, &written, NULL) !=
		    G_CONVERTER_FINISHED ||
	    written >= size)
		return NULL;
	return g_bytes_new_take(g_steal_pointer(&out), written);
}

static Asset *find_asset(const char *name)
{
	g_autofree char *path = g_strconcat(PREFIX, name, NULL);
	Asset *asset = g_hash_table_lookup(assets, name);
	GBytes *content;
	char *hash;

	if (asset)
		return asset;
	content = g_resource_lookup_data(web_get_resource(), path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
	if (!content)
		return NULL;
	hash = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, content);
	hash[16] = '\0';
	asset = g_new0(Asset, 1);
	asset->content = content;
	asset->type = type_of(name);
	asset->gzip = g_str_has_prefix(asset->type, "text/") || strstr(asset->type, "svg") ? compress(content) : NULL;
	asset->etag = hash;
	g_hash_table_insert(assets, g_strdup(name), asset);
	return asset;
}

void web_assets_load(void)
{
	assets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, asset_free);
	web_register_resource();
}

void web_assets_unload(void)
{
	g_clear_pointer(&assets, g_hash_table_unref);
	web_unregister_resource();
}

static void serve(BpHttpExchange *exchange, const char *name)
{
	Asset *asset = find_asset(name);

	if (asset)
		bp_http_respond_asset(exchange, asset->type, asset->content, asset->gzip, asset->etag);
	else
		bp_http_respond_problem(exchange, 404, "there is no such file");
}

GBytes *web_index(void)
{
	return find_asset("index.html")->content;
}

void web_serve_asset(WebServer *server, BpHttpExchange *exchange)
{
	serve(exchange, bp_http_path(exchange) + strlen("/assets/"));
}

void web_serve_index(WebServer *server, BpHttpExchange *exchange)
{
	Asset *index = find_asset("index.html");
	gsize size;
	gconstpointer bytes;

	/* A form without a command shows the page too, but is no GET. */
	if (web_is_method(exchange, "POST")) {
		bytes = g_bytes_get_data(index->content, &size);
		bp_http_respond(exchange, 200, index->type, bytes, size);
	} else {
		serve(exchange, "index.html");
	}
}

/* --- views of plugins --- */

void web_serve_view(WebServer *server, BpHttpExchange *exchange)
{
	const char *name = bp_http_path(exchange) + strlen("/views/");
	g_autofree char *path = g_strconcat("view/", name, NULL), *etag = NULL;
	const BpView *view = NULL;

	if (g_str_has_suffix(path, ".js")) {
		path[strlen(path) - 3] = '\0';
		view = bp_registry_find(path);
	}
	if (!view) {
		bp_http_respond_problem(exchange, 404, "there is no such view");
		return;
	}
	etag = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)view->script, view->script_size);
	memmove(etag + 1, etag, 16);
	etag[0] = etag[17] = '"';
	etag[18] = '\0';
	bp_http_add_header(exchange, "ETag", etag);
	bp_http_respond(exchange, 200, "text/javascript; charset=utf-8", view->script, view->script_size);
}

void web_serve_views(WebServer *server, BpHttpExchange *exchange)
{
	g_auto(GStrv) names = bp_registry_list("view/");
	json_t *list = json_array();

	for (char **name = names; *name; name++) {
		g_autofree char *path = g_strconcat("view/", *name, NULL), *url = g_strdup_printf("views/%s.js", *name);
		const BpView *view = bp_registry_find(path);

		json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "id", *name, "title", view->title, "url", url));
	}
	bp_http_respond_json(exchange, 200, list);
}
