/* SPDX-License-Identifier: MIT */
/* module.h - modules: classes of which named instances with typed parameters are opened, any number of times.
 *
 *	static const BpModule modules[] = {
 *		{ "TCPServer", .help = "bytes of TCP connections on channels", .params = params,
 *		  .size = sizeof(TcpServer), .open = open_server, .close = close_server },
 *		{ NULL },
 *	};
 *
 * If `open` fails it sets `error` to a sentence; the kernel removes all that it made through the instance. `close` is only for what the
 * kernel does not know of.
 */
#pragma once
#include <backplane/param.h>
#include <backplane/registry.h>

G_BEGIN_DECLS

struct BpModule {
	const char *name;
	const char *help;
	const BpParam *params;
	gsize size; /* of the zeroed memory that bp_instance_data gives */
	gboolean (*open)(BpInstance *self, GError **error);
	void (*close)(BpInstance *self);
	/* Optional: applies changed parameters without closing. FALSE without an error: the instance must be reopened. */
	gboolean (*update)(BpInstance *self, const BpValues *before, GError **error);
	/* Optional: appends a line or two about its condition, for `module info`. */
	void (*describe)(BpInstance *self, GString *text);
};

BP_API gpointer bp_instance_data(const BpInstance *self);
BP_API const BpValues *bp_instance_values(const BpInstance *self);
BP_API const char *bp_instance_string(const BpInstance *self, const char *param);
BP_API gint64 bp_instance_int(const BpInstance *self, const char *param);
BP_API gboolean bp_instance_bool(const BpInstance *self, const char *param);
BP_API gint64 bp_instance_duration(const BpInstance *self, const char *param);
/* Channel NAME/suffix of this instance, held by it. */
BP_API BpChannel *bp_instance_channel(BpInstance *self, const char *suffix);
BP_API const BpModule *bp_instance_module(const BpInstance *self);

/* The state of an instance, BP_STATE_OK after it was opened. Shown by console, page, REST and metrics; each change is a line of JSON on
 * the channel "problems": {"instance","module","state","reason","since"}.
 *   ok       it works; the text says where: "listening on 127.0.0.1:2323"
 *   waiting  it is not at fault, but what it needs is not there yet: a first connection, a device, another instance
 *   failed   something went wrong; it may retry by itself (backoff.h). The text says what happened and what to do. It must not contain
 *            times or counts that differ with each attempt, since each new text is a new line on "problems" */
typedef enum { BP_STATE_OK, BP_STATE_WAITING, BP_STATE_FAILED } BpState;
/* `format`: a short reason, such as "cannot connect to laser:23: refused"; NULL: none. Setting the same state and text again has no
 * effect and keeps the time of the change. */
BP_API void bp_instance_set_state(BpInstance *self, BpState state, const char *format, ...) G_GNUC_PRINTF(3, 4);
typedef struct {
	BpState state;
	const char *reason; /* "" for none; borrowed until the state changes */
	gint64 since;	    /* of the state, monotonic */
} BpInstanceState;
BP_API void bp_instance_state_sized(const BpInstance *self, BpInstanceState *result, gsize size);
static inline BpInstanceState bp_instance_state(const BpInstance *self)
{
	BpInstanceState result;

	bp_instance_state_sized(self, &result, sizeof(result));
	return result;
}
BP_API const char *bp_state_text(BpState state); /* "ok", "waiting", "failed" */

/* The instance with that name, or NULL. Borrowed; do not keep it. */
BP_API BpInstance *bp_instance_find(const char *name);
/* Open instances of a class (NULL: all), in order of opening; free the array. */
BP_API GPtrArray *bp_instance_list(const char *module);
BP_API const BpModule *bp_module_find(const char *name);
BP_API GPtrArray *bp_module_list(void);
/* Who may open a class: an operator, unless its plugin has registered a BpRole as "module-role/CLASS"; BP_ADMIN for one that runs
 * programs or scripts of its parameters. */
#define BP_MODULE_ROLE "module-role/"
static inline BpRole bp_module_role(const char *module)
{
	g_autofree char *path = g_strconcat(BP_MODULE_ROLE, module, NULL);
	const BpRole *role = (const BpRole *)bp_registry_find(path);

	return role ? *role : BP_OPERATOR;
}

/* Opens `module` as `name` in the context `path` (usually "/"). The instance belongs to the plugin that defines the module, not to the
 * caller. `take_values` (NULL: all fallbacks) is taken also when this fails. */
BP_API BpInstance *bp_module_open(const char *module, const char *name, const char *path, BpValues *take_values,
				  GError **error);
/* Closes immediately, or, if code of the instance is running on this stack or on another loop, when that has returned. `why` (may be
 * NULL) is sent to its peers. Any thread. */
BP_API void bp_instance_close(BpInstance *self, const char *why);
BP_API const char *bp_instance_close_reason(const BpInstance *self);

G_END_DECLS
