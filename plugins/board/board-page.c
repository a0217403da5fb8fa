/* SPDX-License-Identifier: MIT */
/* board-page.c - resource page: small documents in JSON that the page keeps on the host, such as the order of its cards. Each is a root
 * setting page_ID. */
#include <string.h>
#include "board.h"

#define BYTES_MOST (60 * 1024)

static const char *const documents[] = { "home", "boards", "devices", NULL };

static json_t *document(const char *id)
{
	g_autofree char *key = g_strconcat("page_", id, NULL), *text = bp_setting_stored("/", key);
	json_t *value = text ? bp_json_parse(text, strlen(text), BYTES_MOST, NULL) : NULL;

	return json_pack("{s:s,s:o}", "id", id, "value", value ? value : json_null());
}

static json_t *list(BpPlugin *self, const char *query, GError **error)
{
	json_t *all = json_array();

	for (const char *const *id = documents; *id; id++)
		if (!query || !*query || g_pattern_match_simple(query, *id))
			json_array_append_new(all, document(*id));
	return all;
}

static json_t *set(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	const char *text = bp_values_string(values, "value");
	g_autofree char *key = g_strconcat("page_", id, NULL), *compact = NULL;
	json_auto_t *value = NULL;

	if (!g_strv_contains(documents, id)) {
		bp_fail(error, BP_NOT_FOUND, "there is no document %s; there are home, boards and devices", id);
		return NULL;
	}
	if (text && !(value = bp_json_parse(text, strlen(text), BYTES_MOST, error)))
		return NULL;
	compact = value ? bp_json_text(value) : NULL;
	bp_setting_store(bp_context("/"), key, compact);
	return document(id);
}

static const BpParam set_params[] = {
	{ "value", .help = "the document, as a text of JSON; none removes it" },
	{ NULL },
};

static const BpAction actions[] = {
	{ "set", .help = "keep a document", .params = set_params, .role = BP_OPERATOR, .run = set },
	{ NULL },
};

const BpResource board_page_resource = {
	.size = sizeof(board_page_resource),
	.name = "page",
	.help = "documents of the page that are kept on the host: home, boards, devices",
	.members = "id:string value:any",
	.list = list,
	.actions = actions,
};
