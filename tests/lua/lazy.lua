-- SPDX-License-Identifier: MIT
-- Parts are there as soon as something of them is asked for, by whatever name, and are loaded once.
print(rawget(net, "HTTPClient"), type(net.HTTPClient), net.HTTPClient == rawget(net, "HTTPClient"))
print("raw", rawget(_PY, "http_start"), _PY.http_start)
for _, name in ipairs { "WebSocketClient", "WebSocketClientTls", "WebSocketServer", "WebSocketEchoServer", "HTTPServer", "MQTTClient" } do print(name, type(net[name])) end
print(type(mqtt.Client.connect), mqtt.QoS.EXACTLY_ONCE, net.QoS == mqtt.QoS, net.Client == mqtt.Client, require("mqtt") == mqtt)
print(type(require("socket").tcp), type(_PY.tcp_connect_sync), _PY.get_socket_connection_count())
for _, name in ipairs { "call_http", "await", "http_get", "websocket_connect", "websocket_is_open", "websocket_server_start", "mqtt_client_publish" } do
	print(name, type(_PY[name]))
end
print("none", net.nothing, _PY.nothing, mqtt.nothing, _PY.broker_open, _PY.web_server_start)
local client = net.HTTPClient
net.HTTPClient = 5
print(net.HTTPClient, client ~= 5)
