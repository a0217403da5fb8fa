/* SPDX-License-Identifier: MIT */
/* module.c - classes and their open instances. */
#include "host/module.h"
#include <string.h>
#include "bus/port.h"
#include <backplane/registry.h>
#include "loop/loop.h"

static GPtrArray *instances; /* in order of opening */
static guint last_number;

gboolean module_add_tables(BpPlugin *plugin, const BpPluginInfo *info, GError **error)
{
	for (const BpModule *module = info->modules; module && module->name; module++) {
		g_autofree char *path = g_strconcat("module/", module->name, NULL);

		if (!bp_registry_add(plugin, path, module, error))
			return FALSE;
	}
	return TRUE;
}

const BpModule *bp_module_find(const char *name)
{
	g_autofree char *path = g_strconcat("module/", name, NULL);

	return bp_registry_find(path);
}

GPtrArray *bp_module_list(void)
{
	return bp_registry_objects("module/");
}

/* --- what an instance is --- */

gpointer bp_instance_data(const BpInstance *self)
{
	return self->instance->memory;
}

const BpValues *bp_instance_values(const BpInstance *self)
{
	return self->instance->values;
}

const char *bp_instance_string(const BpInstance *self, const char *param)
{
	return bp_values_string(self->instance->values, param);
}

gint64 bp_instance_int(const BpInstance *self, const char *param)
{
	return bp_values_int(self->instance->values, param);
}

gboolean bp_instance_bool(const BpInstance *self, const char *param)
{
	return bp_values_bool(self->instance->values, param);
}

gint64 bp_instance_duration(const BpInstance *self, const char *param)
{
	return bp_values_duration(self->instance->values, param);
}

BpChannel *bp_instance_channel(BpInstance *self, const char *suffix)
{
	g_autofree char *name = g_strconcat(self->name, "/", suffix, NULL);

	return bp_channel(self, name);
}

const BpModule *bp_instance_module(const BpInstance *self)
{
	return self->instance->module;
}

const char *bp_instance_close_reason(const BpInstance *self)
{
	return self->instance->reason ? self->instance->reason : "";
}

gboolean bp_is_instance(const BpPlugin *self)
{
	return self->instance != NULL;
}

BpPlugin *bp_plugin_of(BpPlugin *self)
{
	return self->parent ? self->parent : self;
}

const char *bp_instance_path(const BpInstance *self)
{
	return self->instance->path;
}

gint64 bp_instance_since(const BpInstance *self)
{
	return g_get_real_time() - (g_get_monotonic_time() - self->instance->since);
}

gboolean bp_instance_is_closing(const BpInstance *self)
{
	return self->instance->closing;
}

char *bp_instance_describe(BpInstance *self)
{
	GString *text = g_string_new(NULL);

	if (self->instance->module->describe && owner_enter(self)) {
		self->instance->module->describe(self, text);
		owner_leave(self);
	}
	return g_strchomp(g_string_free(text, FALSE));
}

gboolean bp_instance_update(BpInstance *self, BpValues *take_values, BpValues **before, GError **error)
{
	BpValues *old = self->instance->values;
	gboolean good;

	self->instance->values = take_values;
	good = self->instance->module->update && bp_values_complete(take_values, error) && owner_enter(self);
	if (good) {
		good = self->instance->module->update(self, old, error);
		owner_leave(self);
	}
	if (good) {
		*before = old;
	} else {
		self->instance->values = old;
		bp_values_free(take_values);
	}
	return good;
}

BpInstance *bp_instance_find(const char *name)
{
	for (guint i = 0; instances && i < instances->len; i++) {
		BpInstance *instance = instances->pdata[i];

		if (!strcmp(instance->name, name))
			return instance;
	}
	return NULL;
}

GPtrArray *bp_instance_list(const char *module)
{
	GPtrArray *list = g_ptr_array_new();

	for (guint i = 0; instances && i < instances->len; i++) {
		BpInstance *instance = instances->pdata[i];

		if (!module || !strcmp(instance->instance->module->name, module))
			g_ptr_array_add(list, instance);
	}
	return list;
}

/* --- closing --- */

void module_dispose(BpInstance *self)
{
	Instance *instance = self->instance;

	owner_drop_all(self);
	g_free(instance->memory);
	bp_values_free(instance->values);
	g_free(instance->path);
	g_free(instance->reason);
	g_free(instance->state_reason);
	g_free(instance);
	owner_clear(self);
	g_free(self);
}

static void ask_finish(BpInstance *self);

/* The close function says goodbye through the instance, so for that long its calls are let through again. */
static void call_close(BpInstance *self)
{
	if (!self->instance->opened || !self->instance->module->close)
		return;
	self->instance->opened = FALSE;
	g_atomic_int_set(&self->dying, FALSE);
	self->depth++;
	frame_push(self, "close of", self->instance->module->name);
	self->instance->module->close(self);
	frame_pop();
	self->depth--;
	g_atomic_int_set(&self->dying, TRUE);
}

/* The close function is called when no code of the instance runs on any loop. Objects that it leaves open end after it, and holds that it
 * takes are waited for. */
static void finish(BpInstance *self)
{
	self->when_idle = ask_finish;
	if (!loops_quiet(self))
		return;
	call_close(self);
	owner_end_notified(self);
	if (!loops_leave(self) || g_atomic_int_get(&self->holds))
		return;
	self->when_idle = NULL;
	g_ptr_array_remove(instances, self);
	module_dispose(self);
}

/* By number: it may have been closed with its plugin meanwhile. */
static void run_finish(gpointer a, gpointer b, guint64 number)
{
	for (guint i = 0; instances && i < instances->len; i++) {
		BpInstance *self = instances->pdata[i];

		if (self->instance->number == number && !self->depth && !g_atomic_int_get(&self->holds)) {
			finish(self);
			return;
		}
	}
}

static void ask_finish(BpInstance *self)
{
	inbox_post(bp_loop_main(), run_finish, NULL, NULL, self->instance->number, TRUE);
}

static void cancel(BpInstance *self)
{
	owner_die(self);
	job_cancel_all(self);
	loops_stop(self);
}

static void begin_close(BpInstance *self, const char *why)
{
	if (self->instance->closing)
		return;
	self->instance->closing = TRUE;
	self->instance->reason = g_strdup(why);
	cancel(self);
	if (self->depth || g_atomic_int_get(&self->holds))
		self->when_idle = ask_finish;
	else
		finish(self);
}

static void run_close(gpointer a, gpointer b, guint64 number)
{
	g_autofree char *why = a;

	for (guint i = 0; instances && i < instances->len; i++) {
		BpInstance *self = instances->pdata[i];

		if (self->instance->number == number) {
			begin_close(self, why);
			return;
		}
	}
}

void bp_instance_close(BpInstance *self, const char *why)
{
	if (bus_on_main())
		begin_close(self, why);
	else
		inbox_post(bp_loop_main(), run_close, g_strdup(why), NULL, self->instance->number, TRUE);
}

void module_cancel_all(BpPlugin *plugin)
{
	for (guint i = 0; instances && i < instances->len; i++) {
		BpInstance *self = instances->pdata[i];

		if (self->parent == plugin)
			cancel(self);
	}
}

/* The plugin is idle, so its instances are. */
void module_close_all(BpPlugin *plugin, const char *why)
{
	for (guint i = instances ? instances->len : 0; i > 0; i = MIN(i - 1, instances->len)) {
		BpInstance *self = instances->pdata[i - 1];

		if (self->parent != plugin)
			continue;
		if (!self->instance->reason)
			self->instance->reason = g_strdup(why);
		self->instance->closing = TRUE;
		finish(self);
	}
}

/* Calls that have not returned may still access the instance, so its memory is kept. */
GPtrArray *module_abandon_all(BpPlugin *plugin)
{
	GPtrArray *abandoned = g_ptr_array_new_with_free_func((GDestroyNotify)module_dispose);

	for (guint i = instances ? instances->len : 0; i > 0; i = MIN(i - 1, instances->len)) {
		BpInstance *self = instances->pdata[i - 1];

		if (self->parent != plugin)
			continue;
		call_close(self);
		self->when_idle = NULL;
		g_ptr_array_remove(instances, self);
		owner_drop_all(self);
		g_ptr_array_add(abandoned, self);
	}
	return abandoned;
}

void module_close_everything(const char *why)
{
	for (guint i = instances ? instances->len : 0; i > 0; i = MIN(i - 1, instances->len))
		bp_instance_close(instances->pdata[i - 1], why);
}

/* --- opening --- */

static gboolean check_name(const char *name, GError **error)
{
	g_autoptr(GError) why = NULL;
	BpInstance *other = bp_instance_find(name);

	if (other)
		return bus_fail(error, BP_HOST_ERROR, BP_EXISTS,
				"%s is open already (a %s); module close %s first, or take another name", name,
				other->instance->module->name, name);
	if (!bp_channel_check_name(name, &why) || strlen(name) > 100)
		return bus_fail(error, BP_HOST_ERROR, BP_INVALID, "an instance cannot be named \"%s\": %s", name,
				why ? strchr(why->message, ':') + 2 : "it is longer than 100 bytes");
	return TRUE;
}

static const BpModule *find_class(const char *name, GError **error)
{
	const BpModule *module = bp_module_find(name);
	g_auto(GStrv) names = NULL;
	const char *nearest;

	if (module)
		return module;
	names = bp_registry_list("module/");
	nearest = bp_nearest(name, (const char *const *)names);
	g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no module %s%s%s; module classes lists them", name,
		    nearest ? "; did you mean " : "", nearest ? nearest : "");
	return NULL;
}

static BpInstance *instance_new(const BpModule *module, BpPlugin *plugin, const char *name, const char *path,
				BpValues *values)
{
	BpInstance *self = g_new0(BpInstance, 1);

	owner_init(self, plugin, name);
	self->instance = g_new0(Instance, 1);
	self->instance->module = module;
	self->instance->path = g_strdup(path);
	self->instance->values = values;
	self->instance->memory = g_malloc0(MAX(module->size, 1));
	self->instance->since = self->instance->state_since = g_get_monotonic_time();
	self->instance->number = ++last_number;
	if (!instances)
		instances = g_ptr_array_new();
	g_ptr_array_add(instances, self);
	return self;
}

BpInstance *bp_module_open(const char *module_name, const char *name, const char *path, BpValues *take_values,
			   GError **error)
{
	g_autoptr(BpValues) values = take_values;
	const BpModule *module = find_class(module_name, error);
	g_autofree char *class_path = g_strconcat("module/", module_name, NULL);
	BpPlugin *plugin = bp_registry_owner(class_path);
	BpInstance *self;
	gboolean good;

	if (!module || !check_name(name, error))
		return NULL;
	if (owner_is_dying(plugin)) {
		g_set_error(error, BP_HOST_ERROR, BP_CLOSED, "%s is being unloaded, and %s is its module", plugin->name,
			    module_name);
		return NULL;
	}
	if (!values)
		values = bp_values_new(module->params);
	if (!bp_values_complete(values, error))
		return NULL;
	self = instance_new(module, plugin, name, path ? path : "/", g_steal_pointer(&values));
	frame_mark();
	owner_enter_as(self, "open of", module->name);
	good = module->open(self, error);
	frame_mark();
	owner_leave(self);
	if (!good) {
		if (error && !*error)
			g_set_error(error, BP_HOST_ERROR, BP_FAILED, "%s could not be opened", name);
		bp_instance_close(self, "it could not be opened");
		return NULL;
	}
	self->instance->opened = TRUE;
	return self;
}

/* --- plans --- */

void bp_plan_free(BpPlan *plan)
{
	g_free(plan->module);
	g_free(plan->name);
	g_free(plan->path);
	g_strfreev(plan->pairs);
	g_free(plan);
}

BpPlan *bp_plan_instance(BpInstance *self)
{
	BpPlan *plan = g_new0(BpPlan, 1);
	const BpValues *values = self->instance->values;
	GPtrArray *pairs = g_ptr_array_new();
	guint count;
	g_autofree const BpParam **rows = bp_param_rows(bp_values_table(values), &count);

	for (guint i = 0; i < count; i++) {
		if (!bp_values_is_set(values, rows[i]->name))
			continue;
		for (const char *const *text = bp_values_list(values, rows[i]->name); *text; text++)
			g_ptr_array_add(pairs, g_strconcat(rows[i]->name, "=", *text, NULL));
	}
	g_ptr_array_add(pairs, NULL);
	plan->module = g_strdup(self->instance->module->name);
	plan->name = g_strdup(self->name);
	plan->path = g_strdup(self->instance->path);
	plan->pairs = (char **)g_ptr_array_free(pairs, FALSE);
	return plan;
}

GPtrArray *bp_plan_instances(BpPlugin *plugin)
{
	GPtrArray *plans = g_ptr_array_new_with_free_func((GDestroyNotify)bp_plan_free);

	for (guint i = 0; instances && i < instances->len; i++) {
		BpInstance *self = instances->pdata[i];

		if ((!plugin || self->parent == plugin) && !self->instance->closing)
			g_ptr_array_add(plans, bp_plan_instance(self));
	}
	return plans;
}

static BpValues *plan_values(const BpPlan *plan, const BpModule *module, GError **error)
{
	BpValues *values = bp_values_new(module->params);

	if (bp_values_set_pairs(values, (const char *const *)plan->pairs, error) && bp_values_complete(values, error))
		return values;
	bp_values_free(values);
	return NULL;
}

static gboolean reopen(const BpPlan *plan, GError **error)
{
	const BpModule *module = find_class(plan->module, error);
	BpValues *values = module ? plan_values(plan, module, error) : NULL;

	return values && bp_module_open(plan->module, plan->name, plan->path, values, error);
}

gboolean module_plans_fit(GPtrArray *plans, const BpModule *modules, GError **error)
{
	for (guint i = 0; i < plans->len; i++) {
		const BpPlan *plan = plans->pdata[i];
		const BpModule *module = modules;
		g_autoptr(BpValues) values = NULL;

		while (module && module->name && strcmp(module->name, plan->module))
			module++;
		if (!module || !module->name)
			return bus_fail(error, BP_HOST_ERROR, BP_INVALID, "it has no module %s any more, and %s is one",
					plan->module, plan->name);
		values = plan_values(plan, module, error);
		if (!values) {
			g_prefix_error(error, "the parameters of %s: ", plan->name);
			return FALSE;
		}
	}
	return TRUE;
}

gboolean bp_plan_open(GPtrArray *plans, GError **error)
{
	gboolean good = TRUE;

	for (guint i = 0; i < plans->len; i++) {
		BpPlan *plan = plans->pdata[i];
		BpInstance *there = bp_instance_find(plan->name);

		/* One that an earlier one has opened as a part of itself. */
		if (there && strcmp(there->instance->module->name, plan->module) == 0)
			continue;
		if (!reopen(plan, good ? error : NULL))
			good = FALSE;
	}
	return good;
}
