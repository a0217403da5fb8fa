/* SPDX-License-Identifier: MIT */
/* scope.h - scopes: owners for timers, jobs and watches of one connection, session, request or command.
 *
 * A scope is a handle like that of an instance, for an object with a shorter life within the instance. Every function that takes a
 * BpPlugin takes a scope: for a timer, a job, a name resolution, a deferred call, a watch, a channel, a descriptor. All that is made
 * through the scope ends with the object, so no timer can outlive its connection:
 *
 *	bp_timer_once(&connection->timer, bp_stream_scope(stream), PATIENCE, on_no_answer, connection);
 *
 * Streams, WebSockets, exchanges, sessions and calls have a scope each (bp_stream_scope, bp_websocket_scope, bp_http_scope,
 * bp_session_scope, bp_call_scope), made on demand: do not keep the pointer beyond your callback, call the function again. For an
 * object of your own use bp_scope_open; that pointer may be kept. A scope ends in two steps:
 *
 * 1. The object begins to end (a stream is closed by either side, a session is ended): from here on no callback of the scope is called.
 *    Its timers are stopped; pointers to them stay valid.
 * 2. The object has ended (`closed`, `gone` or `end` has returned; or it got another user, see bp_stream_set_user): all that the
 *    scope owns is dropped, newest first, and destroy notifies run. Pointers to its timers, watches and channels are invalid then. You
 *    may, but need not, remove them before.
 *
 * `self` in the callbacks is the scope: bp_plugin_name and bp_instance_... return those of the instance, bp_plugin_data is separate for
 * each scope. A job of a scope that has ended is cancelled; its `done` is not called, only its `destroy` when the work has returned. The
 * plugin is not unmapped before that. A scope belongs to the loop on which it was made.
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

/* For an object of your own within `self`, which may be a scope itself; it ends with `self` at the latest. */
BP_API BpScope *bp_scope_open(BpPlugin *self);
/* Both steps at once; may be called inside a callback of the scope. */
BP_API void bp_scope_close(BpScope *scope);
/* The owner of the scope; NULL if `self` is a plugin or an instance. */
BP_API BpPlugin *bp_scope_parent(const BpPlugin *self);

G_END_DECLS
