/* SPDX-License-Identifier: MIT */
/* scope.h - what waits for one connection, session, request or command, and ends with it.
 *
 * A scope is a handle like an instance's, for something that comes and goes within the instance. Everything that takes a
 * BpPlugin takes a scope: a timer, a job, a name to be resolved, a deferred call, a watch, a channel, a descriptor. What is made
 * through it is gone when the thing is gone, so nothing that waits can outlive what it waits for:
 *
 *	bp_timer_once(&connection->timer, bp_stream_scope(stream), PATIENCE, on_no_answer, connection);
 *
 * Streams, WebSockets, exchanges, sessions and calls have a scope each (bp_stream_scope, bp_websocket_scope, bp_http_scope,
 * bp_session_scope, bp_call_scope), made when it is asked for: do not keep the pointer beyond your callback, ask again. An object of
 * your own has one by bp_scope_open, which is yours to keep. The end has two steps:
 *
 * 1. The thing begins to end (a stream is closed by either side, a session is ended): from here on nothing of the scope is called
 *    any more. Its timers stand still, so what you keep of them stays valid.
 * 2. The thing is gone (`closed`, `gone` or `end` has returned; or its user is another one: bp_stream_set_user): all that the
 *    scope owns is dropped, newest first, and destroy notifies run. Pointers to its timers, watches and channels are dead then. You
 *    may remove them by hand before, and need not.
 *
 * `self` in the callbacks is the scope: bp_plugin_name and bp_instance_... tell of the instance, bp_plugin_data is the scope's
 * own. A job of a scope that is gone is cancelled; its `done` is not called, only its `destroy` when the work has returned. The
 * instance is not unmapped before that. A scope belongs to the loop on which it was made.
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

/* For an object of your own within `self`, which may be a scope itself; it ends with `self` at the latest. */
BP_API BpScope *bp_scope_open(BpPlugin *self);
/* Both steps at once; also inside a callback of the scope. */
BP_API void bp_scope_close(BpScope *scope);
/* What it is within; NULL: it is a plugin or an instance. */
BP_API BpPlugin *bp_scope_parent(const BpPlugin *self);

G_END_DECLS
