-- SPDX-License-Identifier: MIT
-- mqtt.lua - mqtt.Client, which is net.Client and net.MQTTClient too, and _PY.mqtt_client_..., on _PY.broker_...

local _, _, report, take_callback = ...
local broker = {}
for _, name in ipairs { "open", "close", "publish", "subscribe", "unsubscribe", "is_connected" } do
	broker[name] = _PY["broker_" .. name]
	_PY["broker_" .. name] = nil
end

local mqtt = package.loaded.mqtt
mqtt.QoS = { AT_MOST_ONCE = 0, AT_LEAST_ONCE = 1, EXACTLY_ONCE = 2 }
mqtt.MQTTConnectReturnCode = {
	CONNECTION_ACCEPTED = 0, UNACCEPTABLE_PROTOCOL_VERSION = 1, IDENTIFIER_REJECTED = 2, SERVER_UNAVAILABLE = 3,
	BAD_USERNAME_OR_PASSWORD = 4, NOT_AUTHORIZED = 5,
}
net.QoS, net.MQTTConnectReturnCode = mqtt.QoS, mqtt.MQTTConnectReturnCode

local methods = {}
local meta = { __index = methods, __tostring = function(self) return "MQTTClient object: " .. tostring(self.id) end }

local function new() return setmetatable({ listeners = {}, subscriptions = {}, waiting = {}, unacknowledged = {} }, meta) end

local function fire(self, name, event)
	for _, run in ipairs(table.move(self.listeners[name] or {}, 1, #(self.listeners[name] or {}), 1, {})) do
		report("MQTT " .. name, "event", pcall(run, event))
	end
end

-- The callback of an operation: 0, or -1.
local function finish(options, code)
	local run = options and options.callback
	if run then setTimeout(function() report("MQTT operation", "completion", pcall(run, code)) end, 0) end
end

local function parse(uri, port)
	local scheme, rest = uri:match("^(%a+)://(.*)$")
	local tls = scheme == "mqtts" or scheme == "ssl" or scheme == "wss"
	rest = (rest or uri):match("^[^/]*")
	local who, where = rest:match("^(.*)@(.*)$")
	rest = where or rest
	local user, password = (who or ""):match("^([^:]*):?(.*)$")
	local host, number = rest:match("^%[(.-)%]:?(%d*)$")
	if not host then host, number = rest:match("^([^:]*):?(%d*)$") end
	return host or rest, tonumber(port) or tonumber(number), tls, who and user, who and password
end

-- What a list of topics consists of: pairs of topic and quality of service.
local function entries(topics, qos)
	if type(topics) ~= "table" then return { { tostring(topics), qos } } end
	local list = {}
	for _, one in ipairs(topics) do
		if type(one) == "table" then
			list[#list + 1] = { tostring(one[1] or one.topic), one[2] or one.qos or qos }
		else
			list[#list + 1] = { tostring(one), qos }
		end
	end
	return list
end

local function closed(self, event)
	self.connected = false
	self.waiting = {}
	if event.last then self.id = nil end
end

-- A request for several topics is several packets, and one event, with the number of the first.
local function acknowledged(self, event)
	local group = self.waiting[event.packetId]
	if not group then return end
	self.waiting[event.packetId] = nil
	group.results[group.places[event.packetId]] = event.results and event.results[1] or 0
	group.left = group.left - 1
	if group.left > 0 then return end
	fire(self, event.event, { packetId = group.first, results = event.results and group.results or nil })
end

local function handle(self, event)
	local name = event.event
	event.client = nil
	if name == "subscribed" or name == "unsubscribed" then
		acknowledged(self, event)
		return
	end
	if name == "connected" then
		self.connected = true
		finish(self.options, 0)
		self.options.callback = nil
		fire(self, name, { sessionPresent = event.sessionPresent, returnCode = event.returnCode })
	elseif name == "published" then
		if not self.unacknowledged[event.packetId] then return end -- QoS 0 has left
		self.unacknowledged[event.packetId] = nil
		fire(self, name, { packetId = event.packetId, code = event.code >= 128 and event.code or nil })
	elseif name == "message" then
		event.event = nil
		fire(self, name, event)
	elseif name == "error" then
		closed(self, event)
		finish(self.options, -1)
		self.options.callback = nil
		fire(self, name, { code = event.code, message = event.message })
		if event.last then fire(self, "closed", { code = event.code, message = event.message }) end
	else
		closed(self, event)
		fire(self, "closed", { code = event.code, message = event.message })
		fire(self, "disconnected", { code = event.code, message = event.message })
	end
end

local function connect(self, uri, options)
	local tls, copy = nil, {}
	for name, value in pairs(options or {}) do copy[name] = value end
	self.options = copy
	tls = copy.tls
	local host, port, secure, user, password = parse(tostring(uri), copy.port)
	local named = copy.clientId and tostring(copy.clientId)
	local details = type(tls) == "table" and tls or {}
	self.host, self.port, self.secure = host, port or (secure or tls) and 8883 or 1883, secure or tls and true or false
	local will = copy.lastWill
	local callback
	callback = _PY.registerCallback(function(event) handle(self, event) end, true)
	local id, why = broker.open({
		host = host, port = port, tls = self.secure,
		clientId = named or ("backplane-%08x"):format(math.random(0, 0xffffffff)),
		username = copy.username and tostring(copy.username) or user,
		password = copy.password and tostring(copy.password) or password,
		keepalive = copy.keepAlivePeriod or copy.keepalive, clean = copy.cleanSession ~= false, version = copy.version,
		unchecked = details.allowUnauthorized or details.rejectUnauthorized == false,
		certificateAuthority = details.certificateAuthority, clientCertificate = details.clientCertificate,
		clientKey = details.clientKey, reconnect = copy.reconnect,
		will = will and { topic = tostring(will.topic), payload = tostring(will.payload or ""), qos = will.qos, retain = will.retain },
	}, callback)
	if id then
		self.id, self.callback = id, callback
		return self
	end
	_PY.clearRegisteredCallback(callback)
	setTimeout(function() handle(self, { event = "error", code = -1, message = why, last = true }) end, 0)
	return self
end

function methods:addEventListener(name, run)
	self.listeners[name] = self.listeners[name] or {}
	table.insert(self.listeners[name], run)
end

-- Without a function: all of that name.
function methods:removeEventListener(name, run)
	local list = {}
	for _, one in ipairs(self.listeners[name] or {}) do
		if run and one ~= run then list[#list + 1] = one end
	end
	self.listeners[name] = list
end

-- Calls request(topic, qos) for each; the number of the first packet, or nil and what is wrong.
local function each(self, topics, options, request)
	local group = { left = 0, results = {}, places = {} }
	local list, problem = entries(topics, options and options.qos or 0), nil
	for i, entry in ipairs(list) do
		local id, why
		if self.id then
			id, why = request(entry[1], entry[2])
		else
			id, why = nil, "Client not connected"
		end
		if id then
			group.first = group.first or id
			group.left = group.left + 1
			group.places[id] = i
			self.waiting[id] = group
		else
			group.results[i] = -1
			problem = why
		end
	end
	finish(options, problem and -1 or 0)
	if not group.first then return nil, problem or "no topics" end
	return group.first
end

function methods:subscribe(topics, options)
	return each(self, topics, options, function(topic, qos)
		local id, why = broker.subscribe(self.id, topic, qos)
		if id then self.subscriptions[topic] = qos end
		return id, why
	end)
end

function methods:unsubscribe(topics, options)
	return each(self, topics, options, function(topic)
		self.subscriptions[topic] = nil
		return broker.unsubscribe(self.id, topic)
	end)
end

function methods:publish(topic, payload, options)
	options = options or {}
	local id, why
	if self.id then
		id, why = broker.publish(self.id, tostring(topic), tostring(payload or ""), options.qos or 0, options.retain)
	else
		id, why = nil, "Client not connected"
	end
	if id and (options.qos or 0) > 0 then self.unacknowledged[id] = true end
	finish(options, id and 0 or -1)
	return id, why
end

function methods:disconnect(options)
	local id = self.id
	if id and broker.close(id) then
		_PY.clearRegisteredCallback(self.callback)
		setTimeout(function()
			handle(self, { event = "closed", code = 0, message = "", last = true })
			finish(options, 0)
		end, 0)
	else
		finish(options, -1)
	end
end

function methods:isConnected() return self.id ~= nil and broker.is_connected(self.id) end

function methods:getInfo()
	local topics = {}
	for topic in pairs(self.subscriptions) do topics[#topics + 1] = topic end
	table.sort(topics)
	return {
		connected = self:isConnected(), client_id = self.id, host = self.host, port = self.port, use_tls = self.secure,
		subscriptions = topics,
	}
end

-- mqtt.Client.connect(uri, options), and mqtt.Client:connect(...)
mqtt.Client = {
	connect = function(uri, options, more)
		if uri == mqtt.Client then uri, options = options, more end
		return connect(new(), uri, options)
	end,
}
net.Client = mqtt.Client

-- net.MQTTClient():connect(uri, options), after listeners were added
function methods:connect(uri, options) return connect(self, uri, options) end
function net.MQTTClient() return new() end

-- The functions below; their callbacks get tables.

local clients, count = {}, 0

local function tell(callback, result)
	local run = callback and take_callback(callback)
	if run then setTimeout(function() run(result) end, 0) end
end

local function result_of(id, why, topic)
	if id then return { success = true, topic = topic } end
	return { success = false, error = why, topic = topic }
end

function _PY.mqtt_client_connect(uri, options, callback)
	local client = new()
	count = count + 1
	local name = "eplua_mqtt_" .. count
	clients[name] = client
	for _, event in ipairs { "connected", "message", "error", "disconnected" } do
		client:addEventListener(event, function(what)
			local table = { event = event, client_id = name, success = event ~= "error", error = event == "error" and what.message or nil }
			for key, value in pairs(what) do table[key] = value end
			local run = callback and take_callback(callback)
			if run then run(table) end
			local own = client.low and client.low[event]
			run = own and take_callback(own)
			if run then run(table) end
		end)
	end
	connect(client, uri, options)
	return name
end

function _PY.mqtt_client_add_event_listener(name, event, callback)
	local client = clients[name]
	if not client then return end
	client.low = client.low or {}
	client.low[event] = callback
end

function _PY.mqtt_client_remove_event_listener(name, event)
	local client = clients[name]
	if client and client.low then client.low[event] = nil end
end

function _PY.mqtt_client_disconnect(name, callback)
	local client = clients[name]
	if client then client:disconnect() end
	tell(callback, result_of(client, "Client not found"))
end

function _PY.mqtt_client_publish(name, topic, payload, options, callback)
	local client = clients[name]
	local id, why = nil, "Client not found"
	if client then id, why = client:publish(topic, payload, options) end
	tell(callback, result_of(id, why, topic))
end

function _PY.mqtt_client_subscribe(name, topic, options, callback)
	local client = clients[name]
	local id, why = nil, "Client not found"
	if client then id, why = client:subscribe(topic, options) end
	tell(callback, result_of(id, why, topic))
end

function _PY.mqtt_client_unsubscribe(name, topic, options, callback)
	local client = clients[name]
	if type(options) == "number" then callback = options end
	local id, why = nil, "Client not found"
	if client then id, why = client:unsubscribe(topic) end
	tell(callback, result_of(id, why, topic))
end

function _PY.mqtt_client_is_connected(name) return clients[name] ~= nil and clients[name]:isConnected() end
function _PY.mqtt_client_get_info(name) return clients[name] and clients[name]:getInfo() end
