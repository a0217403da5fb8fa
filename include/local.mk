# SPDX-License-Identifier: MIT
# What a plugin author may see; nothing else is installed.

pkginclude_HEADERS = \
	include/backplane/access.h \
	include/backplane/address.h \
	include/backplane/backoff.h \
	include/backplane/backplane.h \
	include/backplane/bridge.h \
	include/backplane/bytes.h \
	include/backplane/channel.h \
	include/backplane/command.h \
	include/backplane/config.h \
	include/backplane/context.h \
	include/backplane/control.h \
	include/backplane/datagram.h \
	include/backplane/endpoint.h \
	include/backplane/file.h \
	include/backplane/framing.h \
	include/backplane/gio.h \
	include/backplane/handler.h \
	include/backplane/host.h \
	include/backplane/http.h \
	include/backplane/input.h \
	include/backplane/json.h \
	include/backplane/kernel.h \
	include/backplane/leftovers.h \
	include/backplane/listener.h \
	include/backplane/loop.h \
	include/backplane/message.h \
	include/backplane/metric.h \
	include/backplane/module.h \
	include/backplane/mqtt.h \
	include/backplane/net.h \
	include/backplane/networks.h \
	include/backplane/owner.h \
	include/backplane/param.h \
	include/backplane/plugin.h \
	include/backplane/process.h \
	include/backplane/program.h \
	include/backplane/registry.h \
	include/backplane/resource.h \
	include/backplane/scope.h \
	include/backplane/serve.h \
	include/backplane/server.h \
	include/backplane/session.h \
	include/backplane/sessions.h \
	include/backplane/store.h \
	include/backplane/stream.h \
	include/backplane/telnet.h \
	include/backplane/text.h \
	include/backplane/types.h \
	include/backplane/websocket.h \
	include/backplane/writer.h
