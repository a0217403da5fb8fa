/* SPDX-License-Identifier: MIT */
/* resource.c - asking what plugins have registered as resources, in their names. */
#include <string.h>
#include <backplane/resource.h>
#include <backplane/owner.h>
#include <backplane/plugin.h>
#include <backplane/registry.h>

static const BpResource *find(const char *name, BpPlugin **owner, GError **error)
{
	g_autofree char *path = g_strconcat("resource/", name, NULL);
	const BpResource *resource = bp_registry_find(path);

	if (!resource) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no resource %s", name);
		return NULL;
	}
	*owner = bp_registry_owner(path);
	return resource;
}

static gboolean enter(BpPlugin *owner, BpRole needed, BpRole role, GError **error)
{
	static const char *const roles[] = { "an observer", "an operator", "an admin" };

	if (role < needed) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_PERMITTED, "this needs %s", roles[needed]);
		return FALSE;
	}
	if (bp_owner_enter_as(owner, "resource", NULL))
		return TRUE;
	g_set_error(error, BP_HOST_ERROR, BP_CLOSED, "plugin %s is being unloaded", bp_plugin_name(owner));
	return FALSE;
}

/* A resource that fails must set an error; one that does not is named in the answer. */
static json_t *checked(json_t *take_value, const char *name, GError **error)
{
	if (!take_value && error && !*error)
		g_set_error(error, BP_HOST_ERROR, BP_FAILED, "resource %s failed without saying why", name);
	return take_value;
}

json_t *bp_resource_list(const char *name, const char *query, BpRole role, GError **error)
{
	g_autoptr(GError) own = NULL;
	BpPlugin *owner;
	const BpResource *resource = find(name, &owner, error);
	json_t *list;

	if (!resource || !enter(owner, resource->role, role, error))
		return NULL;
	list = checked(resource->list(owner, query, &own), name, &own);
	bp_owner_leave(owner);
	if (!list)
		g_propagate_error(error, g_steal_pointer(&own));
	return list;
}

static json_t *pick(json_t *take_list, const char *id)
{
	json_t *item, *found = NULL;
	size_t at;

	json_array_foreach(take_list, at, item)
	{
		const char *text = json_string_value(json_object_get(item, "id"));

		if (text && strcmp(text, id) == 0) {
			found = json_incref(item);
			break;
		}
	}
	json_decref(take_list);
	return found;
}

json_t *bp_resource_get(const char *name, const char *id, BpRole role, GError **error)
{
	g_autoptr(GError) own = NULL;
	BpPlugin *owner;
	const BpResource *resource = find(name, &owner, error);
	json_t *value;

	if (!resource)
		return NULL;
	if (!resource->get) {
		json_t *list = bp_resource_list(name, NULL, role, error);

		if (!list)
			return NULL;
		value = pick(list, id);
		if (!value)
			g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no %s in %s", id, name);
		return value;
	}
	if (!enter(owner, resource->role, role, error))
		return NULL;
	value = checked(resource->get(owner, id, &own), name, &own);
	bp_owner_leave(owner);
	if (!value)
		g_propagate_error(error, g_steal_pointer(&own));
	return value;
}

static const BpAction *find_action(const BpResource *resource, const char *id, const char *action, GError **error)
{
	const BpAction *row = resource->actions;

	while (row && row->name && strcmp(row->name, action) != 0)
		row++;
	if (!row || !row->name || (!id && !row->on_all)) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "%s has no action %s%s", resource->name, action,
			    row && row->name ? " without an id" : "");
		return NULL;
	}
	return row;
}

/* --- actions --- */

/* Held by who asked and by who answers: either may go first. */
struct BpReply {
	BpOwned asker, answerer;
	char *name;
	BpResourceDone done;
	gpointer data;
};

static void tell(BpReply *reply, json_t *value, const GError *error)
{
	BpPlugin *asker = g_steal_pointer(&reply->asker.owner);

	bp_owner_unlink(&reply->asker);
	bp_owner_enter_always(asker);
	reply->done(asker, value, error, reply->data);
	bp_owner_leave(asker);
}

void bp_reply_done(BpReply *reply, json_t *take_value, GError *take_error)
{
	json_auto_t *value = take_value;
	g_autoptr(GError) error = take_error;

	g_return_if_fail(reply);
	bp_owner_unlink(&reply->answerer);
	checked(value, reply->name, &error);
	if (reply->asker.owner)
		tell(reply, value, value ? NULL : error);
	g_free(reply->name);
	g_free(reply);
}

static void drop_asker(BpOwned *owned)
{
	g_autoptr(GError) error = g_error_new(BP_HOST_ERROR, BP_CANCELLED, "the answer was not waited for");

	tell(BP_OWNED_BY(owned, BpReply, asker), NULL, error);
}

static void drop_answerer(BpOwned *owned)
{
	BpReply *reply = BP_OWNED_BY(owned, BpReply, answerer);

	bp_reply_done(reply, NULL,
		      g_error_new(BP_HOST_ERROR, BP_CLOSED, "resource %s has gone without an answer", reply->name));
}

static BpReply *reply_new(BpPlugin *asker, BpPlugin *answerer, const char *name, BpResourceDone done, gpointer data)
{
	BpReply *reply = g_new0(BpReply, 1);

	reply->name = g_strdup(name);
	reply->done = done;
	reply->data = data;
	bp_owner_link_notified(asker, &reply->asker, "reply", drop_asker);
	bp_owner_link(answerer, &reply->answerer, "reply", drop_answerer);
	return reply;
}

static BpValues *values_of(const BpAction *row, json_t *body, GError **error)
{
	static const BpParam none[] = { { NULL } };
	g_autoptr(BpValues) values = bp_values_new(row->params ? row->params : none);

	if (body && !json_is_object(body) && !json_is_null(body)) {
		g_set_error(error, BP_HOST_ERROR, BP_INVALID, "the parameters of %s must be an object", row->name);
		return NULL;
	}
	if ((json_is_object(body) && !bp_values_set_json(values, body, error)) || !bp_values_complete(values, error)) {
		(*error)->code = BP_INVALID; /* a parameter that is not there: what was asked for is */
		return NULL;
	}
	return g_steal_pointer(&values);
}

void bp_resource_act(BpPlugin *self, const char *name, const char *id, const char *action, json_t *body, BpRole role,
		     BpResourceDone done, gpointer data)
{
	BpReply *reply;
	BpPlugin *owner;
	GError *error = NULL;
	const BpResource *resource = find(name, &owner, &error);
	const BpAction *row = resource ? find_action(resource, id, action, &error) : NULL;
	BpValues *values = row ? values_of(row, body, &error) : NULL;
	json_t *value = NULL;

	if (!values || !enter(owner, row->role, role, &error)) {
		g_clear_pointer(&values, bp_values_free);
		done(self, NULL, error, data);
		g_error_free(error);
		return;
	}
	reply = reply_new(self, owner, name, done, data);
	if (row->begin)
		row->begin(owner, id, values, reply);
	else
		value = row->run(owner, id, values, &error);
	/* The values are those of the owner's table. */
	bp_values_free(values);
	if (!row->begin)
		bp_reply_done(reply, value, error);
	bp_owner_leave(owner);
}
