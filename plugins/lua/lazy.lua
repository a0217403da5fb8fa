-- SPDX-License-Identifier: MIT
-- lazy.lua - the parts of the network that few scripts use, each loaded when something of it is asked for: a state of their own for each
-- script is most of what a script costs.

local load, class, tell, report, take_callback = ...
local parts = {
	http = "HTTPClient await call_http http_call_sync http_get http_post http_request_sync",
	websocket = "HTTPServer WebSocketClient WebSocketClientTls WebSocketEchoServer WebSocketServer websocket_close websocket_connect " ..
		"websocket_is_open websocket_send websocket_server_create websocket_server_is_running websocket_server_send " ..
		"websocket_server_start websocket_server_stop",
	mqtt = "Client MQTTClient MQTTConnectReturnCode QoS mqtt_client_add_event_listener mqtt_client_connect mqtt_client_disconnect " ..
		"mqtt_client_get_info mqtt_client_is_connected mqtt_client_publish mqtt_client_remove_event_listener " ..
		"mqtt_client_subscribe mqtt_client_unsubscribe",
	sync = "close_all_socket_connections get_socket_connection_count tcp_close_sync tcp_connect_sync tcp_read_sync " ..
		"tcp_set_timeout_sync tcp_write_sync",
}
local part_of = {}
local raw = {} -- part -> the functions in C that it is made of; nil: it is loaded

for part, names in pairs(parts) do
	raw[part] = {}
	for name in names:gmatch("%S+") do part_of[name] = part end
end
for name, func in pairs(_PY) do
	local part = name == "http_start" and "http" or name:match("^broker_") and "mqtt" or name:match("^web") and "websocket"
	if part then raw[part][name] = func end
end
for _, names in pairs(raw) do
	for name in pairs(names) do _PY[name] = nil end
end

local function need(part)
	local names = raw[part]
	if not names then return end
	for name, func in pairs(names) do rawset(_PY, name, func) end
	load(part, class, tell, report, take_callback)
	raw[part] = nil
end

local function find(where, name)
	local part = part_of[name]
	if part then need(part) end
	return rawget(where, name)
end

-- A table that is one part as a whole.
local function whole(part)
	return setmetatable({}, { __index = function(where, name)
		need(part)
		return rawget(where, name)
	end })
end

setmetatable(net, { __index = find })
setmetatable(_PY, { __index = find })
mqtt = whole("mqtt")
package.loaded.mqtt, package.loaded.socket = mqtt, whole("sync")
