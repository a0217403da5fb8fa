-- SPDX-License-Identifier: MIT
-- websocket.lua - WebSocket clients, WebSocket and HTTP servers, on _PY.websocket_... and _PY.web_server_...

local class, tell, report, take_callback = ...
local web = {}
for _, name in ipairs { "start", "stop", "port", "answer", "send", "close" } do
	web[name] = _PY["web_server_" .. name]
	_PY["web_server_" .. name] = nil
end

local function later(callback, ...)
	local run = callback and take_callback(callback)
	if not run then return end
	local values = table.pack(...)
	setTimeout(function() run(table.unpack(values, 1, values.n)) end, 0)
end

-- Clients

local function strings(headers)
	local copy = {}
	for name, value in pairs(headers or {}) do copy[tostring(name)] = tostring(value) end
	return copy
end

local connect = _PY.websocket_connect
function _PY.websocket_connect(url, callback, headers, check, authority)
	local id, why = connect(tostring(url), callback, strings(headers), check ~= false, authority)
	if not id then
		later(callback, { event = "error", success = false, error = "Connection error: " .. why })
		_PY.clearRegisteredCallback(callback)
	end
	return id
end

local function client(name)
	local Client = class(name, function(self, options)
		self.options = options
		self.connected = false
		self.event_listeners = {}
	end)

	local function fire(self, event, ...)
		for _, run in ipairs(self.event_listeners[event] or {}) do
			report("WebSocket " .. event, "event", pcall(run, ...))
		end
	end

	function Client:addEventListener(event, run)
		self.event_listeners[event] = self.event_listeners[event] or {}
		table.insert(self.event_listeners[event], run)
	end

	function Client:removeEventListener(event, run)
		local list = {}
		for _, one in ipairs(self.event_listeners[event] or {}) do
			if run and one ~= run then list[#list + 1] = one end
		end
		self.event_listeners[event] = list
	end

	function Client:connect(url, headers)
		if self.connected or self.connecting then
			fire(self, "error", "Already connected")
			return
		end
		self.connecting = true
		self.conn_id = _PY.websocket_connect(url, _PY.registerCallback(function(event)
			if event.event == "connected" then
				self.connecting, self.connected = false, true
				fire(self, "connected")
			elseif event.event == "dataReceived" then
				fire(self, "dataReceived", event.data, event.binary)
			elseif event.event == "disconnected" then
				self.connected = false
				fire(self, "disconnected", event.code, event.reason)
			else
				self.connecting, self.connected = false, false
				fire(self, "error", event.error)
			end
		end, true), headers or self.options.headers, self.options.checkCertificate, self.options.certificateAuthority)
	end

	local function send(self, data, binary)
		if not self.connected then
			fire(self, "error", "Not connected")
			return
		end
		_PY.websocket_send(self.conn_id, tostring(data), _PY.registerCallback(function(result)
			if not result.success then fire(self, "error", result.error) end
		end), binary)
	end

	function Client:send(data) send(self, data, false) end
	function Client:sendBinary(data) send(self, data, true) end

	function Client:isOpen() return self.connected and _PY.websocket_is_open(self.conn_id) end

	function Client:close(code, reason)
		if self.connected or self.connecting then _PY.websocket_close(self.conn_id, nil, code, reason) end
	end
end

client "WebSocketClient"
client "WebSocketClientTls"

-- Servers

_PY.websocket_server_create = _PY.tcp_server_create
local running = {}

function _PY.websocket_server_start(id, host, port, callback, options)
	options = options or {}
	host = host or "localhost"
	local why = web.start(id, host, math.tointeger(tonumber(port)), callback, true, options.origins, options.hosts)
	if why then
		later(callback, { event = "error", server_id = id, success = false, error = "Failed to start server: " .. why })
		return
	end
	running[id] = true
	later(callback, { event = "started", server_id = id, host = host, port = web.port(id) })
end

function _PY.websocket_server_send(id, to, data, callback, binary)
	local why = web.send(id, to, tostring(data), binary, callback)
	if why then later(callback, { success = false, error = why }) end
	return why
end

function _PY.websocket_server_stop(id, callback)
	running[id] = nil
	if web.stop(id) then
		later(callback, { success = true })
	else
		later(callback, { success = false, error = ("Server %d not found"):format(id) })
	end
end

function _PY.websocket_server_is_running(id) return running[id] == true end

local Server = class("WebSocketServer", function(self, options)
	self.options = options
	self.clients = {}
	self.running = false
end)

local function fire(self, event, ...)
	local run = self.callbacks and self.callbacks[event]
	if run then report("WebSocket server", event, pcall(run, ...)) end
end

function Server:start(host, port, callbacks)
	if self.running or self.server_id then
		self.callbacks = callbacks or self.callbacks
		fire(self, "error", "Server already running")
		return
	end
	self.callbacks = callbacks
	self.server_id = _PY.websocket_server_create()
	local id
	id = _PY.registerCallback(function(event)
		if event.event == "started" then
			self.running, self.port = true, event.port
			fire(self, "started", event.port)
		elseif event.event == "connected" then
			self.clients[event.client_id] = true
			fire(self, "connected", event.client_id, event.path)
		elseif event.event == "receive" then
			fire(self, "receive", event.client_id, event.data, event.binary)
		elseif event.event == "disconnected" then
			self.clients[event.client_id] = nil
			fire(self, "disconnected", event.client_id, event.code, event.reason)
		else
			self.server_id = nil
			_PY.clearRegisteredCallback(id)
			fire(self, "error", event.error)
		end
	end, true)
	self.callback = id
	_PY.websocket_server_start(self.server_id, host, port, id, self.options)
end

local function send(self, to, data, binary)
	local why
	if not self.running then
		why = "Server not running"
	elseif not self.clients[to] then
		why = ("Client %s not connected"):format(tostring(to))
	else
		why = _PY.websocket_server_send(self.server_id, to, data, nil, binary)
	end
	if why then fire(self, "error", why) end
end

function Server:send(to, data) send(self, to, data, false) end
function Server:sendBinary(to, data) send(self, to, data, true) end

-- The client is disconnected, with a code.
function Server:close(to, code, reason)
	if self.clients[to] then web.close(self.server_id, to, code, reason) end
end

function Server:stop()
	local id = self.server_id
	if not id then return end
	self.server_id, self.running, self.clients = nil, false, {}
	_PY.clearRegisteredCallback(self.callback)
	_PY.websocket_server_stop(id)
end

function Server:isRunning() return self.running end

function Server:getClients()
	local list = {}
	for id in pairs(self.clients) do list[#list + 1] = id end
	table.sort(list)
	return list
end

-- Both net.WebSocketEchoServer(...) and net:WebSocketEchoServer(...).
function net.WebSocketEchoServer(host, port, debug, more)
	if host == net then host, port, debug = port, debug, more end
	local server = net.WebSocketServer()
	local function say(text)
		if debug then print("[EchWS]", server.server_id, text) end
	end
	server:start(host, port, {
		started = function() say(("Echo server started on %s:%s"):format(host, port)) end,
		connected = function(id) say("Client connected: " .. id) end,
		receive = function(id, data, binary)
			say("Received from client: " .. data)
			if binary then server:sendBinary(id, "Echo: " .. data) else server:send(id, "Echo: " .. data) end
		end,
		disconnected = function(id) say("Client disconnected: " .. id) end,
		error = function(why) say("Server error: " .. why) end,
	})
	return server
end

-- HTTP

local HTTP = class("HTTPServer", function(self, options) self.options = options end)

local function pairs_of(headers)
	local list, type = {}, "application/json"
	for name, value in pairs(headers or {}) do
		if tostring(name):lower() == "content-type" then
			type = tostring(value)
		else
			list[#list + 1] = tostring(name)
			list[#list + 1] = tostring(value)
		end
	end
	return list, type
end

local function answer_to(run, request, headers)
	if not run then return '{"error": "Not found"}', 404 end
	local results = table.pack(pcall(run, request.method, request.path, request.body, headers, request))
	if not results[1] then
		report("HTTP server", "request", false, results[2])
		return '{"error": "Internal server error"}', 500
	end
	local data, status, more = results[2], results[3], results[4]
	if data == nil then return '{"error": "No data returned"}', status or 200, more end
	if type(data) == "table" then data = json.encode(data) end
	return tostring(data), status or 200, more
end

-- run(method, path, body, headers, request) returns body, status, headers; it may wait.
function HTTP:start(host, port, run, on_error)
	if self.server then error("Server already running", 2) end
	local id = _PY.tcp_server_create()
	local callback = _PY.registerCallback(function(request)
		local headers = {}
		for i = 1, #request.headers, 2 do
			local name, value = request.headers[i]:lower(), request.headers[i + 1]
			headers[name] = headers[name] and headers[name] .. ", " .. value or value
		end
		local data, status, more = answer_to(run, request, headers)
		local list, kind = pairs_of(more)
		status = math.tointeger(tonumber(status)) or 200
		if status < 200 or status > 599 then status = 500 end
		web.answer(id, request.request_id, status, kind, data, list)
	end, true)
	local why = web.start(id, host or "localhost", math.tointeger(tonumber(port)), callback, false, self.options.origins, self.options.hosts)
	if not why then
		self.server, self.callback, self.port = id, callback, web.port(id)
		return
	end
	_PY.clearRegisteredCallback(callback)
	if on_error then
		setTimeout(function() report("HTTP server", "error", pcall(on_error, why)) end, 0)
	else
		print("Error starting HTTP server: " .. why)
	end
end

function HTTP:stop()
	local server = self.server
	if not server then return end
	self.server = nil
	web.stop(server)
	_PY.clearRegisteredCallback(self.callback)
	print("HTTP Server stopped successfully")
end
