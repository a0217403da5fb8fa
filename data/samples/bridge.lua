-- bridge.lua - channels to topics of an MQTT broker, and back: lua run bridge.lua mqtt://127.0.0.1 home/
--
-- Each message of uart*/recv becomes one of the topic home/uart0/recv, and what is published at home/uart0/send is sent
-- on the channel of that name. When the broker has gone it is connected again.
local uri, prefix = arg[1] or "mqtt://127.0.0.1", arg[2] or "home/"
local client = mqtt.Client.connect(uri, { reconnect = true })

client:addEventListener("connected", function()
	client:subscribe(prefix .. "+/send", { qos = 1 })
	print("connected to " .. uri)
end)
client:addEventListener("closed", function(event) print("closed: " .. event.message) end)
client:addEventListener("error", function(event) print("error: " .. event.message) end)
client:addEventListener("message", function(event)
	bp.channel(event.topic:sub(#prefix + 1)):send(event.payload)
end)

bp.watch("uart*/recv", function(message, channel)
	local id, why = client:publish(prefix .. channel:name(), message.data, { qos = 1 })
	if not id then print("not published: " .. why) end
end)
