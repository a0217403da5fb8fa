/* SPDX-License-Identifier: MIT */
/* module.h - classes opened any number of times under names of their own, with typed parameters.
 *
 *	static const BpModule modules[] = {
 *		{ "TCPServer", .help = "bytes of TCP connections on channels", .params = params,
 *		  .size = sizeof(TcpServer), .open = open_server, .close = close_server },
 *		{ NULL },
 *	};
 *
 * `open` says what is wrong in a sentence and leaves nothing behind when it fails: what it made
 * through the instance is undone by the kernel. `close` is for what the kernel does not know of.
 */
#pragma once
#include <backplane/param.h>

G_BEGIN_DECLS

struct BpModule {
	const char *name;
	const char *help;
	const BpParam *params;
	gsize size; /* of the zeroed memory that bp_instance_data gives */
	gboolean (*open)(BpInstance *self, GError **error);
	void (*close)(BpInstance *self);
	/* Optional: takes what changed of its parameters without closing. FALSE without error: reopen me. */
	gboolean (*update)(BpInstance *self, const BpValues *before, GError **error);
	/* Optional: a line or two about how it is, for `module info`. */
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

/* How an instance is. It is ok when it opens, unless it says otherwise. Console, page, REST, metrics and the channel "problems" show
 * it: "problems" gets a line of JSON for each change: {"instance","module","state","reason","since"}.
 *   ok       it does its work; the text says where: "listening on 127.0.0.1:2323"
 *   waiting  nothing is wrong with it, but what it needs is not there yet: a first connection, a plug, another instance
 *   failed   something went wrong; it may go on trying by itself (backoff.h). The text says what happened and what to do; no times
 *            or counts that change with each try, since each text is a line */
typedef enum { BP_STATE_OK, BP_STATE_WAITING, BP_STATE_FAILED } BpState;
/* `format` says it in a few words, as in "cannot connect to laser:23: refused"; NULL: nothing. The same state and text again
 * change nothing, and keep the time of the change. */
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

/* The instance named so, or NULL. Borrowed; do not keep it. */
BP_API BpInstance *bp_instance_find(const char *name);
/* Open instances of a class (NULL: all), in order of opening; free the array. */
BP_API GPtrArray *bp_instance_list(const char *module);
BP_API const BpModule *bp_module_find(const char *name);
BP_API GPtrArray *bp_module_list(void);

/* Opens `module` as `name` in the context `path` ("/" usually). The instance belongs to the plugin that
 * has the module, not to the caller. `take_values` (NULL: all fallbacks) is taken in any case. */
BP_API BpInstance *bp_module_open(const char *module, const char *name, const char *path, BpValues *take_values,
				  GError **error);
/* Now if its code is not on the stack and runs on no other loop, else as soon as it has returned. `why` is told to its
 * peers; may be NULL. Any thread. */
BP_API void bp_instance_close(BpInstance *self, const char *why);
BP_API const char *bp_instance_close_reason(const BpInstance *self);

G_END_DECLS
