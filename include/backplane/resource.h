/* SPDX-License-Identifier: MIT */
/* resource.h - resources that plugins offer to programs and web pages, independent of HTTP.
 *
 * A resource is registered as "resource/NAME" (registry.h) and is then GET /api/v1/NAME, GET /api/v1/NAME/ID,
 * POST /api/v1/NAME/ID/ACTION (or POST /api/v1/NAME/ACTION where an action needs no ID), in openapi.json, and "list NAME" over the WebSocket. A view is
 * registered as "view/NAME" and is then a page of the web interface of its own.
 */
#pragma once
#include <backplane/json.h>

G_BEGIN_DECLS

typedef struct BpReply BpReply; /* the pending answer to an action */

typedef struct {
	const char *name; /* "open", "close", "pause" */
	const char *help;
	const BpParam *params; /* of its body; may be NULL */
	BpRole role;
	gboolean on_all; /* the action takes no ID */
	/* Returns a new reference to the answer (a JSON null for none), or NULL with an error. `id` is NULL with `on_all`. */
	json_t *(*run)(BpPlugin *self, const char *id, const BpValues *values, GError **error);
	/* Instead of `run`, for actions that need time: bp_reply_done ends it, here or later. `id` and `values` are valid during the call. */
	void (*begin)(BpPlugin *self, const char *id, const BpValues *values, BpReply *reply);
	gpointer reserved[2]; /* NULL */
} BpAction;

/* Sends the answer (as that of `run`) or an error, and frees the reply. Not needed any more when the plugin ends before. */
BP_API void bp_reply_done(BpReply *reply, json_t *take_value, GError *take_error);

typedef struct {
	gsize size;	  /* sizeof(BpResource), so that it can grow */
	const char *name; /* "nodes" */
	const char *help;
	BpRole role; /* for `list` and `get` */
	/* Returns a new array of objects, each with "id". `query` (may be NULL) is the value of ?match=, a glob for the ids. */
	json_t *(*list)(BpPlugin *self, const char *query, GError **error);
	/* Optional; NULL: the object is searched in the list. */
	json_t *(*get)(BpPlugin *self, const char *id, GError **error);
	const BpAction *actions; /* ends with { NULL } */
	const char *channel; /* on which changes are said, or NULL: the page then asks again when something is said */
	/* The members of its objects, for openapi.json: "id:string rate:number params:array note:string?". Types are those of JSON, or
	 * any; a member with ? may be missing. NULL: an id, and what there is. */
	const char *members;
} BpResource;

/* An ES module that exports `title` and `show(element, api)`, which gives a function that ends it; `api` has
 * get(path), post(path, body), watch(glob, function), run(command). See data/web/README.md. */
typedef struct {
	gsize size;	   /* sizeof(BpView), so that it can grow */
	const char *name;  /* "nodes" */
	const char *title; /* "Nodes" */
	const char *script;
	gsize script_size; /* bytes of it */
} BpView;

/* --- for plugins that serve resources: the web server, WebSockets --- */
/* New references; NULL with an error: BP_NOT_FOUND, BP_NOT_PERMITTED, BP_INVALID, or the resource's own. `name` is the
 * part after "resource/"; `query`, `id` and `body` (an object with the parameters of the action) may be NULL. */
BP_API json_t *bp_resource_list(const char *name, const char *query, BpRole role, GError **error);
BP_API json_t *bp_resource_get(const char *name, const char *id, BpRole role, GError **error);
/* `done` is called once, possibly before this returns, with a value or an error, both borrowed. If `self` ends before, it is called with
 * BP_CANCELLED, and the action continues. */
typedef void (*BpResourceDone)(BpPlugin *self, json_t *value, const GError *error, gpointer data);
BP_API void bp_resource_act(BpPlugin *self, const char *name, const char *id, const char *action, json_t *body,
			    BpRole role, BpResourceDone done, gpointer data);

G_END_DECLS
