# SPDX-License-Identifier: MIT
"""mutations.py - the safety mechanisms, each with what takes it away and the tests that must notice; see mutate.py."""
from collections import namedtuple

Mutation = namedtuple("Mutation", "name takes_away text instead tests")
MUTATIONS = []


def mutation(name, takes_away, text, instead, *tests):
    MUTATIONS.append(Mutation(name, takes_away, text, instead, tests))


# --- the bus and the loop ---

mutation("hop-limit", "a message that causes others is dropped after some hops",
         "if (G_UNLIKELY((message->hops & ~(HOP_OF_LOG | HOP_OF_COPY)) > BP_MAX_HOPS)) {", "if (0) {", "bus:feedback_ends")
mutation("link-cycle", "links that close a circle are refused",
         "if (!leads_to(to, from))", "", "links:links")
mutation("channel-names", "a channel's name has neither blanks nor control characters",
         "if (!g_unichar_isgraph(letter))", "if (0)", "bus:names")
mutation("inbox-bound", "a loop that cannot keep up loses messages, not memory",
         "inbox->state == INBOX_OPEN && inbox->entries->len < BP_INBOX_LIMIT", "inbox->state == INBOX_OPEN", "bus-threads:full_inbox")
mutation("loop-descriptors", "a loop that is closed keeps no descriptor",
         "g_clear_pointer(&loop->context, g_main_context_unref);", "loop->context = NULL;", "bus-threads:closed_loops_keep_nothing")
mutation("job-bound", "jobs that wait are bounded",
         "if (job_count >= JOB_LIMIT) {", "if (0) {", "loop:jobs_are_bounded")
mutation("replay-bound", "the replay buffer keeps no more than it was told",
         "while (state->replay.length > state->options.replay)", "while (0)", "bus:greet_and_replay")
mutation("log-of-log", "what watching the log causes is not logged again",
         "(traits & TRAIT_LOG && message->hops & HOP_OF_LOG)", "0", "bus:log_channel_in_a_circle")

mutation("end-in-time", "the program ends 5 s after it was told to",
         "if (end && now >= end) on_deadline(now - end);", "", "turns.py:ends_when_told")
mutation("slow-reader", "output that is read slowly is not cut off",
         "turns_end_expected(); return kernel_wants", "return kernel_wants", "turns.py:quit_with_a_plugin_that_stays")
mutation("second-signal", "a second signal ends the program at once",
         "if (ending.signal_at && now - ending.signal_at >= TWICE)", "if (0)", "turns.py:second_signal_ends_at_once")
mutation("crash-line", "a crash names what ran",
         "if (SANITIZED) return; sigaltstack", "return; sigaltstack", "turns.py:crash_is_named")
mutation("crash-effect", "a signal that was sent has its usual effect after the line",
         "if (info->si_code <= 0 || before)", "if (0)", "turns.py:signal_from_outside")
mutation("crash-stack", "a plugin that has used up the stack is named",
         "sigaltstack(&stack, NULL);", "", "turns.py:crash_is_named")

# --- plugins and their owners ---

mutation("plugin-abi", "a plugin of another ABI is refused",
         "if (info->abi != BP_ABI)", "if (0)", "plugin:refusals")
mutation("plugin-needs", "what a plugin needs is not a part of what it leaves behind",
         "if (state->brought) {", "state->brought = 0; if (0) {", "unload:needs")
mutation("plugin-rows", "rows of an earlier size are not taken for ours",
         "if (!rows || size == known)", "if (1)", "abi:earlier_rows")
mutation("abi-order", "a member in the middle of a struct is noticed",
         "guint64 drops; /* not delivered: a full inbox, too many hops, bp_channel_dropped */", "guint64 lost, drops;", "abi.py:libraries")
mutation("plugin-name", "a plugin's name has plain letters only",
         'strspn(info->name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(info->name)', "0", "plugin:refusals")
mutation("plugin-twice", "a name that is loaded is taken",
         'if (other || !strcmp(info->name, "kernel"))', "if (0)", "plugin:twice")
mutation("plugin-symbol", "a library without the symbol is no plugin",
         "image->info = dlsym(image->handle, BP_PLUGIN_SYMBOL);",
         "image->info = dlsym(image->handle, BP_PLUGIN_SYMBOL); if (!image->info) {"
         " static const BpPluginInfo none = { BP_PLUGIN_BUILT, .name = \"none\" }; image->info = &none; }", "plugin:refusals")
mutation("plugin-writable", "a plugin that others may write is not loaded",
         "if (info->st_mode & (is_private ? S_IWOTH : S_IWGRP | S_IWOTH))", "if (0)", "plugin:writable_by_others")
mutation("plugin-folder", "a plugin in a folder that others may write is not loaded",
         "good = info.st_mode & S_ISVTX ||", "good = TRUE ||", "reloads.py:folders")
mutation("plugin-copy", "what runs is a private copy of the file",
         "image->copy = copy_to_memory(name, from, size);", "image->copy = dup(from);", "reloads.py:overwritten_while_loaded")
mutation("plugin-copy-file", "where memory cannot be executed, the copy is a file",
         "i < G_N_ELEMENTS(folders) && image->copy < 0", "i < 0", "reloads.py:no_memory_to_execute")
mutation("plugin-copy-name", "each copy is another object to the loader",
         "for (guint bits = ++number; bits; bits >>= 1)", "for (guint bits = number; bits; bits >>= 1)", "reloads.py:cxx")
mutation("plugin-damage", "a file that is not whole is not mapped",
         "if (image && check)", "if (0)", "reloads.py:partly_written")
mutation("plugin-tables", "a file whose tables point elsewhere is not mapped",
         "if (!is_good_row(library, &rows[i]))", "if (0)", "reloads.py:damaged_tables")
mutation("plugin-being-written", "a file that is being written is not loaded",
         "return open || fstat(file, &now)", "return fstat(file, &now)", "reloads.py:being_written")
mutation("reload-fits", "what does not fit the open instances is refused while the old one runs",
         "return reload->fresh && plugin_image_fits(", "return reload->fresh || plugin_image_fits(", "reloads.py:what_does_not_fit")
mutation("reload-goes-back", "the old plugin comes back when the new one does not start",
         "if (start(reload, plugin_image_again(reload->old, &why), &why))", "if (0)", "reloads.py:what_does_not_start")
mutation("state-claim", "one process has a state folder",
         "if (!flock(fd, LOCK_EX | LOCK_NB)) {", "if (1) {", "reloads.py:one_state_folder")
mutation("plugin-foreign", "a plugin of another user is not loaded",
         "if (owner && info->st_uid && info->st_uid != geteuid())", "if (0)", "plugin:writable_by_others")
mutation("unload-depth", "a plugin whose code is on the stack is not unmapped", "return !plugin->depth && (!is_held(plugin)", "return (!is_held(plugin)",
         "unload:its_code_is_on_the_stack")
mutation("reload-taken-back", "a plugin that was unloaded while its reload waited is not loaded again",
         "if (!comes_back && first)", "if (0)", "unloads.py:reload_is_taken_back")
mutation("load-at-end", "no plugin is loaded while the program ends",
         "return !at_end;", "return TRUE;", "unload:nothing_is_loaded_at_the_end")
mutation("unload-holds", "a plugin with calls under way is not unmapped", "return g_atomic_int_get(&plugin->holds) > 0;", "return FALSE;",
         "plugin:unload_waits_for_holds", "plugin:holds_are_named")
mutation("setting-watches", "watches that change their setting end",
         "if (context->depth >= NOTIFY_DEPTH) {", "if (0) {", "context:watch-for-ever")

# --- what users make ---

mutation("timers-bound", "timers that make timers come to an end",
         "if (!timer && timers.length >= TIMERS_MOST)", "if (0)", "limits.py:timers")
mutation("timer-runs-bound", "a command that takes longer than its timer's interval does not pile up",
         "if (timer->running >= RUNS_MOST) {", "if (0) {", "limits.py:runs_that_do_not_end")
mutation("aliases-bound", "aliases are bounded",
         "if (g_strv_length(keys) >= ALIASES_MOST)", "if (0)", "limits.py:aliases")
mutation("batch-bound", "the batch is not longer than a setting can be",
         "if (lines->len >= LINES_MOST || size > BYTES_MOST)", "if (lines->len >= LINES_MOST)", "limits.py:batch_of_long_lines")
mutation("links-bound", "links that users make are bounded",
         "if (g_hash_table_size(links) >= LINKS_MOST)", "if (0)", "limits.py:links")
mutation("contexts-bound", "asking for a context makes none",
         'BpContext *context = path ? bp_context_find(path) : NULL;', 'BpContext *context = path ? bp_context(path) : NULL;', "limits.py:contexts")
mutation("memory-back", "memory that was freed is given back",
         "malloc_trim(0);", "", "limits.py:memory_comes_back")
mutation("recordings-bound", "recordings are bounded",
         "if (recordings.length >= RECORDINGS_MOST)", "if (0)", "limits.py:recordings")

# --- parameters, settings, configuration, JSON ---

mutation("json-depth", "JSON is not nested deeper than what recurses over it takes",
         "if (++depth > BP_JSON_DEPTH)", "if (++depth == 0)", "json:depth")
mutation("json-size", "JSON texts have a limit", "if (limit && size > limit) {", "if (0) {", "json:size")
mutation("param-secret-shown", "a secret is not in what is shown of values",
         'if (values->rows[i]->secret) g_string_append(line, "***");', "if (0) ;", "param:secret")
mutation("param-secret-json", "a secret is not in the JSON of values",
         "if (row->secret) return bp_values_is_set(values, row->name) ?", "if (0) return bp_values_is_set(values, row->name) ?",
         "param:secret")
mutation("param-secret-error", "a wrong secret is not in the sentence that refuses it",
         "g_autofree char *shown = param->secret ? NULL : bp_param_quote(text);", "g_autofree char *shown = bp_param_quote(text);",
         "param:words")
mutation("setting-secret-console", "a secret setting is not shown at the console",
         'param->secret && value ? "***" : value', "value", "session:secret_settings")
mutation("setting-secret-rest", "a secret setting is not in a resource",
         'if (row->secret) return json_string("***");', "", "web.py:secret_settings")
mutation("settings-fsync", "settings are on the disk before they replace the old ones",
         "bp_file_write(fd, data, size) && !fsync(fd);", "bp_file_write(fd, data, size);", "blocking.py:settings_on_a_slow_card")
mutation("settings-backups", "the old settings are kept",
         "if (shift && !shift_backups(path, error)) {", "if (0) {", "settings:backups")
mutation("settings-mode", "only the user reads the settings",
         "flags & BP_FILE_PRIVATE ? 0600 : 0640", "flags & BP_FILE_PRIVATE ? 0644 : 0640",
         "settings:private-and-lazy")
mutation("settings-new-first", "settings are written beside and renamed",
         "if (!bp_file_create(fresh, text, size, error)) return fail(", "unlink(path); if (!bp_file_create(fresh, text, size, error)) return fail(",
         "settings:never-without")
mutation("config-depth", "a configuration is not nested for ever",
         "if (parser->depth == CONFIG_DEPTH_MAX) {", "if (parser->depth == CONFIG_DEPTH_MAX - 1) parser->depth--; if (0) {", "config:refuses")
mutation("history-pairs", "a line with a secret as key=value is not kept",
         "if (is_secret_pair(text) ||", "if (0 ||", "session:secrets_in_lines")
mutation("history-settings", "a line that sets a secret is not kept",
         "(is_set && i + 1 < words->count && is_secret_setting(text))", "0", "session:secrets_in_lines")
mutation("history-later", "a line that is to run later is looked at too",
         "return rest != G_MAXSIZE && line_has_secret(words->command + rest, depth + 1);", "return FALSE;", "session:secrets_in_lines")
mutation("lists-secret", "lists do not show the secrets of commands",
         "if (!line_has_secret(line, 0)) return g_strdup(line);", "return g_strdup(line);", "session:secrets_in_lines", "program.py:secrets_are_not_shown")
mutation("config-secret", "a reload does not show secrets", 'return secret ? "***" : text;', "return text;", "config-reload:diff")

# --- streams and servers ---

mutation("backlog", "a client that does not read is cut off",
         "else if (before > stream->limit) refuse_slow(stream);", "", "io:a slow reader is closed")
mutation("backlog-while-connecting", "a stream that is still connecting does not take any amount",
         "} else if (G_UNLIKELY(stream->queued > stream->limit) && before > stream->limit) {", "} else if (0) {",
         "connect:the backlog is bounded")
mutation("backlog-drop-oldest", "a client that may lose messages loses them",
         "if (stream->policy == BP_BACKLOG_DROP_OLDEST) drop_oldest(stream);", "if (stream->policy == BP_BACKLOG_DROP_OLDEST) ;",
         "io:a slow reader loses whole messages")
mutation("linger-bound", "a peer that goes on sending after our end is not heard for ever",
         "if (stream->shut && (stream->unheard += size) > STREAM_LINGER_BYTES) {", "if (0) {", "io:a peer that goes on sending")
mutation("max-connections", "connections are bounded",
         "if (server->options.max_connections && server->stats.connections >= server->options.max_connections) return g_strdup_printf(",
         "if (0) return g_strdup_printf(", "server:most connections")
mutation("max-per-address", "connections of an address are bounded",
         "if (count && count->count >= server->options.max_per_address)", "if (0)", "server:most per address")
mutation("rate-limit", "new connections are paced", "if (server->tokens < 1) return FALSE;", "", "server:rate")
mutation("idle-timeout", "who is silent is closed",
         "at && now - at->stats.last_in >= server->options.idle_timeout;", "at && 0;", "server:idle timeout")
mutation("session-timeout", "who stays too long is closed",
         "at && now - at->stats.opened >= server->options.session_timeout;", "at && 0;", "server:session timeout")
mutation("bind-loopback", "beyond this machine only with insecure=yes",
         'if (insecure) return TRUE;', "return TRUE;", "server:open to the network")
mutation("socket-mode", "a Unix socket is for its user", "fchmod(fd, 0600);", "fchmod(fd, 0666);", "server:socket file")
mutation("socket-foreign-file", "a file that is no socket is not removed",
         "if (!S_ISSOCK(info.st_mode)) {", "if (!S_ISSOCK(info.st_mode)) { unlink(path); return TRUE; } if (0) {", "server:socket file")
mutation("spare-descriptor", "with no descriptor left connections are refused, not left to spin",
         "if (errno == EMFILE || errno == ENFILE) turn_away(door, errno);", "if (errno == EMFILE || errno == ENFILE) ;",
         "server:no descriptors left")
mutation("tls-client-ca", "clients show a certificate where it is asked for",
         "SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT", "SSL_VERIFY_PEER", "tls:client certificates")
mutation("datagram-queue", "datagrams that wait are bounded",
         "datagram->queue.length >= QUEUE_DATAGRAMS || datagram->queued + size > QUEUE_BYTES", "0", "datagram:the queue is bounded")

# --- HTTP and WebSocket ---

mutation("http-host", "a name of somebody else's is not ours (DNS rebinding)",
         "if (!is_loopback_name(host, name_size) && !is_listed(server->hosts, host, name_size) && !is_listed(server->hosts, host, size))",
         "if (0)", "http:refused")
mutation("http-origin", "pages of other sites are refused",
         'return OTHER_SITE("the Origin of the request is another site");', ";", "http:refused")
mutation("http-fetch-site", "Sec-Fetch-Site is looked at",
         'if (site && !origin && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)', "if (0)", "http:refused")
mutation("http-browser-proof", "a browser must say where a change comes from",
         'strncmp(agent, "Mozilla/", 8) != 0', "TRUE", "http:refused")
mutation("http-get-command", "a command by GET needs a client that is no browser, or one that says where it comes from",
         "!bp_http_is_proven(exchange)", "FALSE", "web.py:statuses_of_curl")
mutation("http-two-lengths", "two lengths are refused", "if (head->has_length) return bad(head, 400, \"there are two",
         "if (0) return bad(head, 400, \"there are two", "http-codec:heads")
mutation("http-length-and-chunked", "a length and chunks are refused",
         'if (head->has_length) return bad(head, 400, "there are Content-Length and', 'if (0) return bad(head, 400, "there are Content-Length and',
         "http-codec:heads")
mutation("http-bare-lf", "a bare LF ends no line", "if (data[at] != '\\r') return bad(head, 400, data[at] ==",
         "if (data[at] != '\\r' && data[at] != '\\n') return bad(head, 400, data[at] ==", "http-codec:heads")
mutation("http-field-name", "a field's name is a token right before its colon",
         "while (colon < end && kind_of((guint8)data[colon]) & TOKEN)", "while (colon < end && data[colon] != ':')", "http-codec:heads")
mutation("http-max-head", "heads are bounded", "if (at >= limit) return too_long(head, data);", "", "http-codec:limits")
mutation("http-max-uri", "addresses are bounded", "if (end - at > head->max_uri)", "if (0)", "http-codec:limits")
mutation("http-max-fields", "fields are bounded", "if (head->count == HTTP_MOST_FIELDS ||", "if (head->count == HTTP_MOST_FIELDS) head->count--; if (0 ||",
         "http-codec:limits")
mutation("http-max-body", "bodies are bounded", "if (size > most || have > most - size) {", "if (0) {", "http:refused")
mutation("http-pipeline-bound", "what is pipelined ahead is bounded",
         "if (connection->pending->len > MOST_PENDING && !connection->paused) {", "if (0) {", "http:pipelining is bounded")
mutation("http-slow-head", "a head that does not come ends", "if (waited > server->header_timeout) http_answer_refuse(",
         "if (0) http_answer_refuse(", "http:slow clients")
mutation("http-slow-body", "a body that trickles ends", "if ((gint64)(exchange->body ? exchange->body->len : 0) < due)", "if (0)",
         "http:slow clients")
mutation("http-path-dots", "paths do not climb", "!http_path_decode(bytes + head->path.at, size, path)",
         "(memcpy(path, bytes + head->path.at, size), path[size] = 0, 0)", "http:refused")
mutation("chunk-size", "a chunk's size has an end", "if (++chunks->digits > MOST_DIGITS)", "if (0)", "http-codec:chunks")
mutation("chunk-end", "a chunk is no longer than its size", "if (byte != '\\r') return bad(chunks, \"a chunk is longer",
         "if (0) return bad(chunks, \"a chunk is longer", "http-codec:chunks")
mutation("chunk-lf", "lines of chunks end with CR LF", "if (byte != '\\n') return bad(chunks,", "if (0) return bad(chunks,", "http-codec:chunks")
mutation("chunk-overhead", "extensions and trailers are bounded", "return chunks->overhead > MOST_OVERHEAD ?", "return 0 ?",
         "http-codec:chunk extensions are bounded")
mutation("ws-mask", "a client's frames are masked", "if (!frame->mask)", "if (0)", "websocket:mask")
mutation("ws-bits", "reserved bits are refused", "if (frame->rsv & ~allowed)", "if (0)", "websocket:bits-and-opcodes")
mutation("ws-message-limit", "messages are bounded", "if (frame->payload_length > codec->limit - gathered)", "if (0)", "websocket:lengths",
         "websocket:bad-lengths", "websocket:fragments")
mutation("ws-inflated-limit", "what is inflated is bounded", "if (out->len > limit) {", "if (0) {", "websocket:deflate-limits")
mutation("ws-utf8", "text is UTF-8",
         "if (codec->opcode == WEBSOCKET_TEXT && !codec->deflated && !websocket_utf8_check(&codec->utf8, frame->data, frame->data_length))",
         "if (0)", "websocket:utf8")
mutation("ws-continuation", "a continuation continues something", "if (!codec->opcode) return broken(codec, 1002, \"nothing",
         "if (0) return broken(codec, 1002, \"nothing", "websocket:fragments-out-of-order")
mutation("ws-close-code", "close codes are valid", "if (!websocket_code_is_valid(code)) return broken(", "if (0) return broken(", "websocket:close")
mutation("web-token", "who does not know the token stays outside", "return auth != BP_AUTH_REQUIRED && !(own && *own);", "return TRUE;", "web.py:tokens")
mutation("web-token-prefix", "the token is compared to its end", "for (gsize i = 0; i < size; i++) differ |=",
         "for (gsize i = 0; i < 0; i++) differ |=", "lines:secrets", "web.py:tokens")
mutation("token-constant-time", "secrets are compared in constant time", "return token && *token && bp_secret_equal(given, token);",
         "return token && *token && !strcmp(given, token);", "lint")
mutation("monitor-token", "viewers know the token", "if (token && *token && !knows_token(exchange, token)) {", "if (0) {",
         "monitor.py:monitor_token")
mutation("monitor-passwords", "passwords are on no channel", "if (!bp_session_is_hidden(session) && bp_channel_wants(recv)) {",
         "if (bp_channel_wants(recv)) {", "session:secrets_are_on_no_channel")

# --- sessions and commands ---

mutation("roles", "a command needs its role", "if (command && command->role > run->session->role)", "if (0)", "console:roles")
mutation("role-of-actions", "an action of a resource needs its role", "if (role < needed) {", "if (0) {", "json:roles")
mutation("script-depth", "commands do not run each other for ever", "if (run->depth > DEPTH_LIMIT) {", "if (0) {", "script:alias", "script:execute")
mutation("expression-depth", "expressions are not nested for ever", "if (e->bad || ++e->depth > DEPTH) {", "if (e->bad || ++e->depth > 100000000) {",
         "script:loop")
mutation("line-limit", "lines are bounded", "bp_session_end(session, BP_END_LIMIT, text);", ";", "session:line_limit", "console:endless_line")
mutation("typed-ahead", "what is typed ahead of a command is bounded", "if (session->waiting + cost > TYPED_LIMIT) {", "if (0) {",
         "console:many_lines_wait")
mutation("visible-control-characters", "data does not drive a terminal", "append_hidden(to, character >= (gunichar)-2 ? byte : character);",
         "g_string_append_len(to, text + at, (gssize)length);", "history:safe-text")
mutation("history-limit", "the history is bounded", "if (history->lines.length > history->limit) {", "if (0) {", "history:history-rules",
         "history:history-file")
mutation("history-blank", "a line that begins with a blank is not kept", "return *line && *line != ' ' &&", "return *line &&", "history:history-rules")
mutation("control-peer", "the control socket serves its user and root",
         "return !getsockopt(bp_stream_fd(stream), SOL_SOCKET, SO_PEERCRED, &peer, &size) && (!peer.uid || peer.uid == geteuid());",
         "return !getsockopt(bp_stream_fd(stream), SOL_SOCKET, SO_PEERCRED, &peer, &size);", "control.py:control_of_another_user")
mutation("control-header", "the first line of a control client is bounded", "if (!end && client->pending->len > HEADER_LIMIT)", "if (0)",
         "control.py:control_nonsense")
mutation("telnet-subnegotiation", "what is negotiated is bounded", "if (in_sub && sub_size + part > SUB_LIMIT) {", "if (0) {",
         "telnet-codec:nonsense_breaks")
mutation("telnet-types", "a terminal does not name types for ever", "#define TYPES_LIMIT 8", "#define TYPES_LIMIT 250", "telnet-codec:endless_types")

# --- devices, meshes, peers ---

mutation("frame-limit", "frames are bounded", "if (size > decoder->limit || decoder->used > decoder->limit - size) {", "if (0) {", "framing:mesh facts",
         "framing:slip facts", "framing:cobs facts", "framing:line facts")
mutation("rfc2217-sub", "subnegotiations of RFC 2217 are bounded", "codec->sub_size > SUB_LIMIT ||", "", "rfc2217:nonsense")
mutation("uart-writer", "only the writer writes", "if (!may_write(connection, uart))\n		return;\n	message =", "message =", "uart-server.py:one_writer_taken_over")
mutation("mqtt-keep", "what a rule keeps is on the disk", "	if (!bp_store_set(bridge->store, item->key, text, &error))\n", "	if (0)\n",
         "mqtt.py:killed_with_messages_waiting")
mutation("mqtt-done", "what the broker has acknowledged is sent no more", "			bp_store_remove(bridge->store, item->key);\n", "			;\n",
         "mqtt.py:killed_with_messages_waiting")
mutation("mqtt-echo", "with 3.1.1 what was published does not come back", "	if (sent == BP_SENT && bridge->version == 3)\n", "	if (0)\n", "mqtt.py:nothing_comes_back")
mutation("mqtt-origin", "what came over a bridge does not go back over it", "	    (!origin[size] || g_str_has_prefix(origin + size, BRIDGE_VIA)))\n",
         "	    0)\n", "mqtt.py:nothing_comes_back")
mutation("mqtt-channels", "topics do not make channels without end", "g_hash_table_size(bridge->channels) >= bridge->max_channels", "0", "mqtt.py:topics_without_end")
mutation("mqtt-order", "what is kept is sent in order", "	bridge->last_key = MAX(bridge->last_key + 1, g_get_real_time());\n",
         "	bridge->last_key = g_random_int();\n", "mqtt.py:killed_with_messages_waiting")
mutation("mqtt-name", "the name in the certificate of a broker is checked", "			X509_VERIFY_PARAM_set1_host(check, name, 0);\n", "			;\n", "mqtt.py:tls")
mutation("mqtt-payload", "a rule has a largest message", "	if (bp_message_size(message) > rule->payload) {\n", "	if (0) {\n", "mqtt.py:rules")
mutation("nats-before-tls", "what a server sends before the handshake does not count", "		if (rest) {\n", "		if (0) {\n",
         "nats.py:nothing_before_tls_counts")
mutation("nats-silent", "a server that does not answer is given up", "	if (connection->unanswered++ >= 2) {\n", "	if (0) {\n",
         "nats.py:server_that_does_not_answer")
mutation("nats-path", "what has passed this host does not come again", "	if (has_passed(bridge, path)) {\n", "	if (0) {\n", "nats.py:path_of_hosts")
mutation("nats-payload", "what a server would close for is not sent",
         "	if (connection->max_payload && out->len + size > connection->max_payload) {\n", "	if (0) {\n", "nats.py:larger_than_the_server_allows")
mutation("nats-first", "of the rules that a subject matches the first is the one",
         "	if (bp_bridge_rule_of(bridge->bridge, message->subject) != subscription->rule)\n", "	if (0)\n", "nats.py:rules")
mutation("nats-again", "what was not acknowledged goes again", "	bp_bridge_again(bridge->bridge);\n", "	;\n", "nats.py:link_that_breaks")
mutation("nats-line", "a line of NATS has a largest size", "	if ((end ? (gsize)(end - at) : left) > NATS_LINE_LIMIT)\n", "	if (0)\n",
         "nats:lines have a limit")
mutation("nats-header", "no header ends its line", """g_strdelimit(g_strdup(headers[1]), "\\r\\n", ' ')""", "g_strdup(headers[1])", "nats:publish")
mutation("nats-ack", "what a stream has delivered is acknowledged", """bp_message_new("+ACK", 4, BP_TEXT)""", """bp_message_new("-NAK", 4, BP_TEXT)""",
         "nats-streams.py:stream_is_read")
mutation("nats-order", "what a stream had sent before a cut comes before what is newer", "(was_ready || !must_wait(consumer, answer))", "TRUE",
         "nats-streams.py:stream_over_a_cut")
mutation("uart-program", "a program on a port is read as fast as the line takes it", "		bp_child_set_reading(child, FALSE);\n", "",
         "uart-remote.py:exec_loses_nothing")
mutation("uart-remote-linger", "what was sent before a remote port is closed arrives", "	if (!remote->wire || !remote->pair || remote->other >= 0)\n",
         "	if (1)\n", "uart-remote.py:sent_and_closed_at_once")
mutation("uart-held", "what a client has suspended is bounded",
         "if (!connection->unheld && connection->held->len + size <= UART_HELD_LIMIT) {", "if (1) {", "uart-rfc2217.py:suspended")
mutation("uart-backlog", "what waits for a line is bounded", "/* One alone may be over the limit: its memory is there anyway. */", "return;",
         "uart.py:backlog_is_bounded")
mutation("uart-stale", "what was sent to a device that was unplugged does not reach the next one",
         "	if (!uart->wait)\n		uart_servers_cut(uart);\n", "", "uart-unplug.py:nothing_stale_from_any_queue")
mutation("uart-wait", "what waits for an absent device waits for a limited time",
         "uart_queue_give_up(data);", "", "uart-unplug.py:wait_keeps_for_a_time")
mutation("uart-resume", "a client that was paused is read again when the UART has closed",
         "	uart_servers_resume(uart);\n	uart_terms_note(", "	uart_terms_note(", "uart-clients.py:paused_client_after_changed_settings")
mutation("uart-pause", "a device with flow control is not read while its client is slow",
         "bp_stream_set_reading(uart->stream, !paused);", "", "uart-clients.py:slow_reader_pauses_the_device")
mutation("uart-lock-first", "a port of another program is not changed",
         "(!lock(line, path, error) ||", "(", "uart-lock.py:port_of_another_program_is_not_changed")
mutation("uart-lock-file", "a port with the lock file of another program is not opened",
         "if (settings->exclusive && !uart_lock_check(path, settings->lock_dir, error)) return FALSE;", "", "uart-lock.py:lock_files")
mutation("uart-replay-end", "a recording that is being written is played to its former end",
         "(gsize)MIN(replay->left, READ_SIZE)", "READ_SIZE", "uart.py:replay_of_a_growing_recording")
mutation("uart-log-text", "the log of a device has no escape sequences",
         "if (log->format == LOG_TEXT && !filter(log, data[i]))", "if (0)", "uart.py:log")
mutation("mesh-nodes", "nodes are bounded", "if (nodes->nodes->len >= nodes->limit) {", "if (0) {", "mesh-node:limit")
mutation("mesh-series", "types of a node are bounded", "if (node->series->len >= MESH_SERIES_LIMIT)", "if (0)", "mesh-node:values")
mutation("mesh-request", "requests are bounded", "if (peer->request->len + size > set->request_limit) {", "if (0) {", "mesh.py:whole_or_nothing")
mutation("mesh-known-gap", "a request to a known node is not waited for", "return MIN(set->gap, set->known_gap);", "return set->gap;",
         "mesh.py:known_node_is_not_waited_for")
mutation("mesh-clean-time", "a root has time to forget its nodes", "#define CLEAN_TIME (2 * G_USEC_PER_SEC)", "#define CLEAN_TIME 1000",
         "mesh.py:console")
mutation("mesh-escapes", "another escape_xor is noticed after good frames too",
         "else if (counts->foreign - gateway->mark_foreign >= FOREIGN_TOLD)", "else if (0)",
         "mesh-root.py:another_root_after_a_thousand_frames")
mutation("mesh-table", "the nodes are known after a reload", "mesh_table_read(gateway);", "", "mesh.py:nodes_survive_a_reload")
mutation("mesh-token", "who shuts down knows the token", "} else if (!of_page && !has_token(shutdown, exchange)) {", "} else if (0) {",
         "mesh-pages.py:shutdown")
mutation("peer-secret", "a peer proves that it knows the secret", "if (bp_secret_equal(given, right))", "if (1)",
         "peer-handshake:changed on the way")
mutation("peer-nonce", "a secret is not proven without a nonce", "else if (!nonce && has_secret(handshake))", "else if (0)", "peer-handshake:originals")
mutation("peer-project", "another project is refused", "if (strcmp(project, self->project) != 0) refuse(", "if (0) refuse(",
         "peer-handshake:who does not fit")
mutation("peer-binding", "a proof is for its connection", "static gboolean has_secret(const Handshake *handshake) {",
         "static gboolean has_secret(const Handshake *handshake) { g_clear_pointer(&((Handshake *)handshake)->binding, g_free);",
         "peer-handshake:binding")
mutation("peer-crossings", "a message does not cross hosts for ever", "(foreign && foreign->crossings >= PEER_MOST_CROSSINGS) ||", "",
         "peer.py:hosts_that_send_to_each_other")
mutation("peer-typed", "what users type is not exported", "if (handler && *handler) return TRUE;", "",
         "peer.py:typed_input_stays_here")
mutation("peer-once", "a message that comes a second way is not delivered again",
         "return said->host == session->net->tag || (foreign && foreign->session != session);", "return FALSE;", "peer.py:a_ring_of_hosts")
mutation("peer-resend", "what was on its way when a link broke is sent again",
         "for (GList *at = session->unacked.head; at; at = at->next) peer_link_send(session->link, at->data);", "",
         "peer.py:in_flight_when_the_link_breaks")
mutation("peer-unacknowledged", "what was not acknowledged is counted and reported", "else lose(session, session->before);", "",
         "peer.py:in_flight_to_a_host_that_begins_anew")
mutation("peer-superseded", "a host that lost its state gets its channels back", "end_superseded(link); if", "if",
         "peer.py:host_that_lost_its_state")
mutation("peer-level", "what an exporter dropped last is seen by the importer", "peer_on_level(link->session, number);", "(void)0;",
         "peer.py:drops_are_seen_on_both_sides")
mutation("endpoint-one-request", "a server that returns no ids gets one request at a time",
         "if (!client->echoes && at->prev) return;", "", "endpoint.py:client_to_an_original_server")
mutation("endpoint-nul", "a NUL is no end of a JSON text", "json_t *message = memchr(line, 0, *size) ? NULL : bp_json_parse(line, *size, 0, &why);",
         "json_t *message = bp_json_parse(line, *size, 0, &why);", "endpoint.py:one_answer_a_segment")
mutation("endpoint-quotes", "the data of a request is one word of a command", "return bp_quote(text, '\"');", "return g_strdup(text);",
         "endpoint.py:data_of_a_request_in_a_command")
mutation("discovery-loopback", "discovery of servers on loopback is on loopback",
         "gboolean everywhere = here.browsers_here > 0;", "gboolean everywhere = TRUE;", "peer-loopback.py:loopback_means_loopback")
mutation("discovery-project", "hosts of other projects are not connected to", "!is_of_own_project(node) || !discovery_may_probe(&node->address, now))",
         "!discovery_may_probe(&node->address, now))", "peer-loopback.py:another_project_is_not_connected_to")
mutation("discovery-source", "one address does not cause connections without bound", "if (count >= PROBES_OF_ADDRESS)", "if (0)",
         "peer-loopback.py:probes_of_one_source_are_limited")
mutation("peer-echo", "a message is not sent back to where it came from",
         "foreign->session == session && foreign->channel == bp_channel_number(channel)", "0", "peer.py:three_hosts_no_loop")
mutation("endpoint-clients", "clients of endpoints are bounded", "if (server->clients >= server->max_clients) {", "if (0) {", "endpoint.py:max_clients")
mutation("json-line-limit", "a line of JSON is bounded", "*lines = (JsonLine){ .limit = limit ? limit : JSON_LINE_LIMIT };",
         "*lines = (JsonLine){ .limit = G_MAXSIZE / 4 };", "json-line:limit")
mutation("media-streams", "media streams are bounded", "if (g_hash_table_size(media->streams) >= MEDIA_MOST_STREAMS &&", "if (0 &&",
         "endpoint:streams are bounded")
mutation("discovery-nodes", "an address does not announce hosts for ever",
         "if (g_hash_table_size(here.nodes) >= MOST_NODES || count_of(from) >= MOST_OF_ADDRESS) {", "if (0) {", "peer-net.py:hostile_datagrams")
mutation("discovery-text", "names in datagrams are bounded", "json_string_length(value) > MOST_TEXT ||", "", "discovery:long names")
mutation("udp-senders", "senders of datagrams are bounded", "if (g_hash_table_size(port->peers) >= port->most_peers) {", "if (0) {",
         "udp.py:senders_are_bounded")

# --- what connections and sessions leave behind ---

mutation("session-watch", "a session takes its watch with it", "if (session->shown) bp_watch_remove(session->shown);", "", "leaks:control")
mutation("stream-hung", "a peer that has ended and hung up is not waited for", "if (stream->ended && !stream->shut)", "if (0)", "leaks:control")
mutation("http-left", "a client that leaves before its answer is found", "if (is_busy(connection)) look_for_client(connection->exchange);",
         "if (is_busy(connection)) ;", "leaks:web_cut")
mutation("udp-silence", "the channel of a silent sender is closed",
         "while (port->first && port->first->heard + port->peer_timeout <= bp_loop_now()) release_longest_silent(port);", "", "leaks:udp")
mutation("channel-made", "a channel that is made to be watched goes with its watch", "release_made(made); return good;", "return good;", "leaks:tcp")
mutation("census", "what a scenario leaves behind fails it", "if (session->shown) bp_watch_remove(session->shown);", "", "telnet.py:echo_handler")

# --- stores, states ---

mutation("store-backlog", "values that wait for a disk are bounded",
         "used <= store->options.backlog && !store->closing", "!store->closing", "store:backlog")
mutation("store-keys", "the keys of a store are bounded",
         "if (size > store->options.keys_limit) {", "if (0) {", "store:keys_limit")
mutation("store-damaged", "a damaged store is set aside",
         "file->damaged && set_aside(file, round)", "0 && set_aside(file, round)", "store-disk:damaged")
mutation("store-foreign", "a database of another program is left alone",
         "if (tables && application != APPLICATION)", "if (0)", "store-disk:refused_files")
mutation("store-kept", "values that could not be written are kept",
         "if (!round->written) return;", "", "store-disk:full_disk")
mutation("store-removed", "the file of a store is made again when it was removed",
         "if (file->database && !has_moved(file))", "if (file->database)", "store-disk:removed_while_open")
mutation("store-blocked", "a store waits until the one before it on the same path has ended",
         "if (!store->opened && is_blocked(store)) return;", "", "store:opened_while_closing")
mutation("server-shut", "a server without descriptors says so, and when it has some again",
         "server->shut = !!number;", "", "states.py:server_without_descriptors")
mutation("backoff-works", "what works for a moment only is not tried more often",
         "if (backoff->works && g_get_monotonic_time() - backoff->works >= STEADY)", "if (backoff->works)",
         "backoff:short_success")

# --- the control socket, and what sessions are shown ---

mutation("control-folder", "a folder of another user is not trusted with the control socket",
         "if (owner && owner != geteuid() && owner != root.st_uid && owner != keeper)", "if (0)", "control.py:folder_that_others_can_write")
mutation("control-folder-mode", "neither is one that others can write",
         "if (info.st_mode & (S_IWGRP | S_IWOTH) && !(info.st_mode & S_ISVTX))", "if (0)", "control.py:folder_that_others_can_write")
mutation("control-answer", "the client asks who answers",
         "if (is_trusted(fd, keeper))", "if (1)", "control.py:answer_of_another_user")
mutation("control-deleted", "a control socket that is deleted is made again",
         "if (!control->look) look_in(control, LOOK_SOON);", "", "control.py:deleted_while_it_runs")
mutation("control-erased", "what stands behind -x is not in the list of processes",
         "memset(argv[i], 0, strlen(argv[i]));", "", "control.py:command_is_not_in_the_list_of_processes")
mutation("control-reader", "a reader of -x that pauses after the end of the command is waited for",
         "client->ending = !bp_stream_has_room(client->stream) && why != BP_END_SHUTDOWN;", "client->ending = FALSE;",
         "control.py:reader_that_pauses")
mutation("control-reserve", "descriptors are kept for the control socket",
         "((errno == EMFILE || errno == ENFILE) && use_reserve(server))", "0", "control.py:descriptors_used_up")
mutation("held-output", "what a command prints at once waits for the reader",
         "if (!session->held.length && (session->writable || !session->current))", "if (1)", "control.py:much_output_of_one_command")
mutation("held-end", "a session ends when all that it was shown has been sent",
         "if (session->held.length) return; session->held_size", "session->held_size", "control.py:much_output_of_one_command")
mutation("telnet-probe", "a telnet client that has left is told from one that only sends no more",
         "if (connection->session && connection->codec) probe(self, connection);", "", "control.py:client_that_leaves_cancels_its_command")
mutation("copy-watch", "what shows a message of another channel is not shown to those who watch",
         "if (channel != bp_session_channel(watch->session, TRUE) && !(bp_message_flags(message) & BP_COPY))",
         "if (channel != bp_session_channel(watch->session, TRUE))", "watching.py:two_that_watch_everything")
mutation("copy-watch-name", "neither to those who watch a session by its name",
         "if (!(bp_message_flags(message) & BP_COPY)) show(", "show(", "watching.py:each_other")
mutation("terminal-loss", "what a terminal could not show is reported",
         "if (session && drops > lost) {", "if (0) {", "watching.py:terminal_that_watches_everything")
mutation("keepalive-scatter", "connections that were opened together are not probed together",
         "if (server->options.keepalive) scatter_keepalive(take_fd, peer);", "", "servers.py:thousands_are_not_asked_together")
mutation("restart-sockets", "a restart keeps the sockets of the service manager",
         "fcntl(fd, F_SETFD, 0); execv(", "; execv(", "servers.py:socket_of_the_service_manager")
mutation("restart-notify", "a restart is not an end for the service manager",
         'kernel_wants_restart() ? "RELOADING=1" : "STOPPING=1"', '"STOPPING=1"', "servers.py:socket_of_the_service_manager")
mutation("hangups", "SIGHUP while the configuration is being read is remembered",
         "wanted = bp_config_running() != NULL;", "wanted = !looking && bp_config_running();", "program.py:hangups_in_a_row")
mutation("writer-reopen", "a log file is opened again though no job was free",
         "writer->reopen |= writer->again;", "", "file:reopening_is_remembered")
mutation("web-role", "commands over HTTP have the role of whoever asks",
         ".role = known ? subject.role : BP_OBSERVER,", ".role = BP_ADMIN,", "access-web.py:roles")
mutation("web-send-role", "who only looks does not send over /ws",
         "if (peer->subject.role < BP_OPERATOR) {", "if (0) {", "access-web.py:roles")
mutation("web-module-role", "modules that run programs are for admins",
         "if (needed > role) {", "if (0) {", "access-web.py:roles")
mutation("web-forget", "the next request is not that of who has left",
         "bp_plugin_defer_undo(bp_http_scope(exchange), forget, exchange);", "", "access-web.py:who_left_leaves_nothing_to_the_next")
mutation("web-put-out", "who loses rights loses what he has open",
         "web_ws_put_out(text + 8);", "", "access-web.py:put_out")
mutation("web-logout", "a cookie is worth nothing after the end",
         "bp_access()->forget(token);", "", "access-web.py:cookie")
mutation("networks-deny", "deny counts before allow",
         "return !has(networks->deny, bytes) && (", "return (", "servers.py:addresses_that_may_come")
mutation("networks-allow", "who is not among those of allow stays outside",
         "(!networks->allow->len || has(networks->allow, bytes))", "TRUE", "servers.py:addresses_that_may_come")
mutation("networks-udp", "datagrams are asked where they come from",
         "if (!bp_networks_allow(port->networks, from)) {", "if (0) {", "servers.py:datagrams_of_those_who_may_send")
mutation("audit-refused", "what was refused is recorded",
         "if (command) audit(run, command, parsed->text, error);", "if (command && !error) audit(run, command, parsed->text, error);", "access.py:audit")
mutation("audit-secret", "the audit has no secrets",
         "audit ? bp_command_shown(text) : NULL;", "audit ? g_strdup(text) : NULL;", "access.py:audit")
mutation("audit-private", "the audit is private", ".flags = BP_FILE_APPEND | BP_FILE_PRIVATE | BP_FILE_NO_LINK,", ".flags = BP_FILE_APPEND | BP_FILE_NO_LINK,",
         "access.py:audit")
mutation("access-listen", "tcp listen asks as module open does",
         "!bp_access_may_open(module, take_values, bp_session_role(bp_call_session(call)), error)", "FALSE",
         "access.py:an_operator_opens_nothing_that_makes_him_admin")
mutation("bind-login", "without encryption a password does not cross the network",
         'bp_param_find(table, "tls") && bp_values_bool(values, "tls") &&', "", "access.py:reached_from_elsewhere")
# --- web ---

mutation("proxy-trust", "addresses of clients are believed of trusted proxies only",
         "return server->proxies && exchange->connection->stream && is_trusted(", "return TRUE || is_trusted(", "web.py:trusted_proxies")
mutation("proxy-invented", "what a client invents of itself is not believed",
         "if (!is_trusted(exchange->connection->server, &address)) break;", "", "web.py:trusted_proxies")
mutation("log-query", "commands are not in the log", "if (!query || (is_harmless && !token))", "if (1)", "web.py:commands_are_not_logged")
mutation("monitor-own", "a monitor shows its own server's sessions", "if (session && !known && is_shown(monitor, session)) {",
         "if (session && !known) {", "monitor.py:monitor_of_its_own_server")
mutation("tls-ciphers", "TLS 1.2 has forward secrecy", 'SSL_CTX_set_cipher_list(context, CIPHERS) != 1 ||', "", "servers.py:tls_1_2")
mutation("tls-tickets", "the keys of tickets change", "if (age < KEY_LIFE)", "if (1)", "servers.py:keys_of_tickets_change")
mutation("chunk-extension", "chunk extensions are checked", "if (stage < 0) return bad(", "if (0) return bad(", "http-codec:chunks")
mutation("events-bounded", "the log of events is bounded", "log->events.length > EVENTS_LIMIT ||", "", "web.py:events_resume")
mutation("events-counted", "lost events are counted", "web_count_lost(log->self, WEB_LOST_EVENTS);", "", "web.py:events_not_read")

# --- who may come in ---

mutation("access-needed", "users make login necessary",
         'return bp_access_is_needed() ? BP_AUTH_REQUIRED : BP_AUTH_NONE;', "return BP_AUTH_NONE;", "access.py:a_user_logs_in")
mutation("access-role", "a session has the role of its user",
         "bp_session_become(session, handler, subject->role, welcome);",
         "bp_session_become(session, handler, BP_ADMIN, welcome);", "access.py:roles")
mutation("access-open", "an operator cannot open a server that makes everybody admin",
         "if (!needs_admin(values, rows[i])) continue;", "continue;", "access.py:an_operator_opens_nothing_that_makes_him_admin")
mutation("access-password", "a wrong password is refused",
         "bp_secret_equal(made, try->hash) && try->known", "try->known", "access.py:three_wrong_passwords")
mutation("access-tries", "the third wrong password ends the connection",
         "if (++login->tries >= TRIES) {", "if (0) {", "access.py:three_wrong_passwords")
mutation("access-waiting", "tries that wait are bounded",
         "by_address->waiting >= WAITING_LIMIT || by_user->waiting >= WAITING_LIMIT ||", "", "access.py:guessing_is_slow")
mutation("access-ends", "what a user may do no more ends",
         "forget_if(NULL, name); login_end_of(name);", "", "access.py:a_user_who_is_removed_is_put_out")
mutation("access-damaged", "a damaged file of users locks the host",
         'access_locked = !good || g_key_file_get_boolean(keys, "access", "locked", NULL);', "access_locked = FALSE;",
         "access.py:a_damaged_file_locks")
mutation("access-plugin", "without its plugin the file of users closes the host",
         "return path && g_file_test(path, G_FILE_TEST_EXISTS);", "return FALSE;",
         "access.py:without_the_plugin_it_stays_closed")
mutation("access-typed", "what is typed while somebody logs in is on no channel",
         "return bp_session_is_hidden(session) || strcmp(bp_session_handler(session)->name, LOGIN) == 0;",
         "return bp_session_is_hidden(session);", "access.py:a_password_is_on_no_channel")

# --- scripts ---

mutation("lua-trust", "a request is sent to a trusted server only, also when GnuTLS resumes a session that was not checked",
         "if (!is_trusted(message, soup_message_get_tls_peer_certificate(message)))", "if (0)", "lua-http.py:http")
mutation("lua-answer", "the body of an answer is bounded",
         "return request->received->len + size <= MOST_BODY && run->fetched + size <= run->limit;",
         "return request->received->len + size <= 4 * MOST_BODY;", "lua-http.py:http")
mutation("lua-slow-client", "what waits for a WebSocket that does not read is bounded",
         "if (bp_stream_queued(stream) + size > BACKLOG || client->waiting->len >= MOST_WAITING) {", "if (0) {", "lua-ws.py:peer_does_not_read")
mutation("lua-goodbye", "clients of a script's WebSocket server are closed when it stops",
         "bp_websocket_set_user(socket, &nothing, NULL); bp_websocket_close(socket, BP_CLOSE_GOING_AWAY, NULL);",
         "bp_websocket_set_user(socket, &nothing, NULL);", "lua-ws.py:websocket")
mutation("lua-client-id", "an MQTT client with a bad id closes no descriptor of the host",
         "if (id && (strlen(id) > 65535 || mosquitto_validate_utf8(id, (int)strlen(id)) != MOSQ_ERR_SUCCESS)) {", "if (0) {", "lua-mqtt.py:mqtt")
mutation("lua-pem", "a script opens no files through the options of MQTT",
         'if (text && !strstr(text, "-----BEGIN "))', "if (0)", "lua-mqtt.py:mqtt")

# --- import, tools, the log ---

mutation("import-wider", "a port that only some hosts could use is not opened to all",
         "if (import->insecure && !is_limited) {", "if (import->insecure) {", "import.py:the_host_takes_them")
mutation("import-secret", "a password that is taken over is in a file of its own, which others cannot read",
         "write_new(path, secret, 0600)", "write_new(path, secret, 0644)", "import.py:a_password_is_no_secret_of_the_yaml")
mutation("import-encryption", "a bridge whose encryption is not possible does not become one without",
         "if (bridge->is_plain) {", "if (0) {", "import.py:results")
mutation("mqtt-password-file", "a password in a file that others can read is not used",
         "if (!stat(path, &file) && file.st_mode & S_IRWXO)", "if (0)", "import.py:a_password_is_no_secret_of_the_yaml")
mutation("tool-watch-itself", "what a watch is shown is not shown to it again",
         "channel != bp_session_channel(bp_call_session(watcher->call), TRUE) && !(bp_message_flags(message) & BP_COPY);", "TRUE;",
         "tools.py:watch_all_does_not_see_itself")
mutation("tool-regex", "no expression keeps the loop busy",
         'g_strconcat("(*LIMIT_MATCH=20000)", bp_call_string(call, "regex"), NULL);', 'g_strconcat("", bp_call_string(call, "regex"), NULL);',
         "tools.py:a_costly_expression_is_given_up")
mutation("tool-end-of-host", "a script does not take the end of the host for success",
         "(why == BP_END_SHUTDOWN && client->script)", "FALSE", "tools.py:the_end_of_the_host_is_a_failure")
mutation("control-limit", "a line that is too long is a failure",
         "why == BP_END_LIMIT ||", "", "tools.py:send")
mutation("log-journal-busy", "records wait while the journal is slow",
         "if (sent == LOG_BUSY && log->waiting.length < WAITING_MOST) {", "if (0) {", "logs.py:journal")
mutation("log-levels", "the level of a plugin counts over that of the output",
         "return (gint)level <= GPOINTER_TO_INT(given);", "return FALSE;", "logs.py:levels")
