-- mqtt.Client against a broker: numbers for callbacks, the seven events, lists of topics, bytes, what cannot be done.
local uri, dead = "mqtt://127.0.0.1:" .. arg[1], "mqtt://127.0.0.1:" .. arg[2]
local got = {}

local function text(value)
	if type(value) ~= "table" then return tostring(value) end
	local parts = {}
	for key, one in pairs(value) do
		if key == "packetId" then one = math.type(one) end
		if key == "message" then one = one:gsub(":%d+", "") end
		if type(one) == "table" then one = "{" .. table.concat(one, " ") .. "}" end
		parts[#parts + 1] = tostring(key) .. "=" .. tostring(one)
	end
	table.sort(parts)
	return table.concat(parts, " ")
end

local function step(what, value) got[#got + 1] = what .. " " .. text(value) end
local function expect(count)
	while #got < count do bp.sleep(0.002) end
	table.sort(got)
	for _, one in ipairs(got) do print(one) end
	got = {}
end
local function done(what) return function(code) step("callback of " .. what, code) end end
local function watch(name, client)
	for _, event in ipairs { "connected", "closed", "message", "error", "subscribed", "unsubscribed", "published" } do
		client:addEventListener(event, function(value) step(name .. event, value) end)
	end
end

local client = mqtt.Client.connect(uri, { clientId = "first", keepAlivePeriod = 0, callback = done("connect") })
watch("", client)
print(client:isConnected(), client:publish("a", "too early", { callback = done("early publish") }))
expect(3)
print(client:isConnected(), client:getInfo().host, client:getInfo().use_tls)

-- Subscribing.
print(math.type(client:subscribe("a/#", { qos = 1, callback = done("subscribe") })))
expect(2)
print(math.type(client:subscribe({ "b", { "c", 2 }, { "d", 0 }, "e" }, { qos = 1 })))
expect(1)
print(client:subscribe("x/#/y", { callback = done("bad subscribe") }))
expect(1)
print(table.concat(client:getInfo().subscriptions, " "))

-- Publishing.
print(math.type(client:publish("a/b", "QoS 0", { callback = done("publish") })))
expect(2)
print(math.type(client:publish("a/b", "QoS 1", { qos = 1 })))
expect(2)
print(math.type(client:publish("c", "QoS 2", { qos = mqtt.QoS.EXACTLY_ONCE })))
expect(2)
client:publish("d", "retained", { retain = true, qos = 1 })
expect(2)
client:publish("b", "")
expect(1)
local bytes = "\0\xff\r\n" .. ("x"):rep(100000)
client:addEventListener("message", function(event) step("bytes", event.payload == bytes) end)
client.listeners.message = { client.listeners.message[2] }
client:publish("a", bytes, { qos = 1 })
expect(2)
client:removeEventListener("message")
print(client:publish("a/+", "wildcard", { callback = done("bad publish") }))
expect(1)

-- A second one gets what is retained, and ends the first one by its name.
local second = net.MQTTClient()
watch("second ", second)
second:connect("127.0.0.1", { port = tonumber(arg[1]), clientId = "second", cleanSession = false })
expect(1)
second:subscribe("d")
expect(2)
second:publish("d", "", { retain = true })
expect(1)
print(math.type(client:unsubscribe { "a/#", "b" }))
expect(1)
client:unsubscribe("c", { callback = done("unsubscribe") })
expect(2)
second:disconnect { callback = done("disconnect") }
expect(2)
second:disconnect { callback = done("second disconnect") }
expect(1)
second:connect(uri, { clientId = "second", cleanSession = false })
expect(1)
second:publish("nobody", "x", { qos = 1 })
expect(1)
second:disconnect()
expect(1)
mqtt.Client.connect(uri, { clientId = "first" }):addEventListener("connected", function() step("third", "connected") end)
expect(2)

-- What cannot be connected.
local none = mqtt.Client.connect(dead, { callback = done("dead") })
none:addEventListener("error", function(event) step("dead", event.code) end)
expect(2)
mqtt.Client.connect("", { callback = done("no name") })
expect(1)
mqtt.Client.connect(uri, { clientId = "", cleanSession = false, callback = done("no id") })
expect(1)
mqtt.Client.connect(uri, { clientId = "\xff", callback = done("bad id") })
expect(1)
print(pcall(mqtt.Client.connect, uri, { tls = { certificateAuthority = "/etc/passwd" } }))

-- The functions below.
local name
name = _PY.mqtt_client_connect(uri, { clientId = "low" }, _PY.registerCallback(function(event) step("low", event.event) end, true))
expect(1)
print(name, _PY.mqtt_client_is_connected(name), _PY.mqtt_client_get_info(name).port == tonumber(arg[1]))
_PY.mqtt_client_add_event_listener(name, "message", _PY.registerCallback(function(event) step("listener", event.topic .. " " .. event.payload) end, true))
_PY.mqtt_client_subscribe(name, "low", { qos = 1 }, _PY.registerCallback(function(result) step("subscribed", result.success) end))
expect(1)
_PY.mqtt_client_publish(name, "low", "down", { qos = 0 }, _PY.registerCallback(function(result) step("published", result.success) end))
expect(3)
_PY.mqtt_client_unsubscribe(name, "low", _PY.registerCallback(function(result) step("unsubscribed", result.success) end))
expect(1)
_PY.mqtt_client_disconnect(name, _PY.registerCallback(function(result) step("end", result.success) end))
expect(2)
_PY.mqtt_client_publish("nobody", "x", "y", {}, _PY.registerCallback(function(result) step("nobody", result.error) end))
expect(1)
os.exit(0)
