-- WebSocket clients and servers of scripts: text, binary, events of both sides, ends, errors.
local port, dead = tonumber(arg[1]), arg[2]
local url = "ws://127.0.0.1:" .. port
local server, client = net.WebSocketServer(), net.WebSocketClient()
local step

local function events(name, socket)
	for _, event in ipairs { "connected", "disconnected", "error", "dataReceived" } do
		socket:addEventListener(event, function(...) step(name .. " " .. event, ...) end)
	end
end

-- Waits for these events, in whatever order they come.
local got = {}
function step(what, ...)
	local one = { what, ... }
	if one[#one] == true then one[#one - 1] = #one[#one - 1] end -- bytes cannot be printed
	got[#got + 1] = one
end
local function expect(count)
	while #got < count do bp.sleep(0.002) end
	table.sort(got, function(a, b) return a[1] < b[1] end)
	for _, one in ipairs(got) do print(table.unpack(one)) end
	got = {}
end

events("client", client)
client:send("too early")
print(server:isRunning(), client:isOpen(), pcall(server.send, server, 1, "x"))
local callbacks = {}
for _, event in ipairs { "started", "connected", "receive", "disconnected", "error" } do
	callbacks[event] = function(...) step("server " .. event, ...) end
end
expect(1)
server:start("127.0.0.1", port, callbacks)
while not server:isRunning() do bp.sleep(0.002) end
got = {}
server:start("127.0.0.1", port, callbacks)
expect(1)
local second = net.WebSocketServer()
second:start("127.0.0.1", port, { error = function(why) step("second", why:match("^Failed to start server: "), why:match("is taken")) end })
expect(1)
net.WebSocketServer():start("0.0.0.0", port + 1, { error = function(why) step("beyond", why:match("insecure=yes")) end })
expect(1)

client:connect(url .. "/path?x=1")
expect(2)
print(client:isOpen(), client.conn_id, #server:getClients())
client:connect(url)
expect(1)
client:send("hello äöü")
client:send(42)
expect(2)
client:sendBinary("\0\xff\xfe")
expect(1)
client:send("with\0NUL")
client:send("\xff no UTF-8")
while #got < 2 do bp.sleep(0.002) end
print(got[1][3] == "with\0NUL", got[1][4], got[2][3], got[2][4])
got = {}
server:send(1, "answer")
server:send(1, "\xff")
server:send(7, "x")
expect(3)

-- A large message each way, longer than what is read at once.
local large = ("0123456789"):rep(300000)
client:send(large)
while #got < 1 do bp.sleep(0.002) end
print(got[1][1], got[1][3] == large)
server:send(1, got[1][3])
got = {}
while #got < 1 do bp.sleep(0.002) end
print(got[1][1], got[1][2] == large)
got = {}

client:close()
expect(2)
print(client:isOpen(), #server:getClients())
client:connect(url)
expect(2)
server:close(2, 4001, "enough")
expect(2)
client:connect(url)
expect(2)
server:stop()
server:stop()
expect(1)
print(server:isRunning(), client:isOpen())
client:connect(url)
while #got < 1 do bp.sleep(0.002) end
print(got[1][1], got[1][2]:match("^Connection error: Cannot connect to host 127.0.0.1"))
got = {}
client:connect("nonsense")
expect(1)
client:connect("http://127.0.0.1:" .. dead)
expect(1)

-- The echo server, which prints.
local echo = net:WebSocketEchoServer("127.0.0.1", port, true)
local other = net.WebSocketClientTls()
other:addEventListener("connected", function() other:send("over there") end)
other:addEventListener("dataReceived", function(data, binary)
	print(data, binary)
	other:close()
end)
other:addEventListener("disconnected", function(code)
	while #echo:getClients() > 0 do bp.sleep(0.002) end
	print("other disconnected", code)
	setTimeout(function() echo:stop() end, 20)
	error("on purpose")
end)
while not echo:isRunning() do bp.sleep(0.002) end
other:connect(url)
