-- Channels, watches, waiting, commands run, settings.
local door, hall = bp.channel("door"), bp.channel("hall")
print(door, door:name(), tostring(hall), bp.channel("door") == door)
print(pcall(bp.channel, "no good"))
print(pcall(bp.watch, "door"))

local watch = bp.watch("doo*", function(message, channel)
	if message.data ~= "\0\255" then print("watched", channel, message, #message, message.size, message.binary, message.origin, "<" .. message .. ">") end
	hall:print("heard " .. message)
end)
bp.listen(hall)
door:send("one")
assert(#bp.receive(hall, 5) == 9)
door:send("\0\255")
assert(bp.receive(hall, 5).data == "heard \0\255")
door:print("three")
print(bp.receive(hall, 5))
print(bp.receive(hall, 0.01))
watch:remove()
watch:remove()
door:print("nobody watches")
print(bp.receive("hall", 0.01))

-- Messages that come while it waits.
bp.after(0.01, function() hall:print("boot: loading") hall:print("login: ") end)
print(bp.expect(hall, { "panic", "login: *", "never" }, 5))
print(bp.expect(hall, "password", 0.01))
bp.deaf(hall)

-- Waiting in a callback, and in a coroutine of its own.
bp.every(10, function() end)
local order = {}
local co = coroutine.wrap(function() bp.sleep(0.02) order[#order + 1] = "coroutine" end)
co()
setTimeout(function() bp.sleep(0.001) order[#order + 1] = "callback" end, 1)
bp.sleep(0.1)
print(table.concat(order, " "))
print(pcall(table.sort, { 2, 1 }, function(a, b) bp.sleep(0) return a < b end))

-- Messages and replies.
local stats = door:stats()
print(stats.watchers, stats.messages)
door:options { replay = 2, greet = "welcome" }
door:print("a") door:print("b") door:print("c")
local got = {}
local again = bp.watch("door", function(message) got[#got + 1] = tostring(message) end)
bp.sleep(0.01)
print(table.concat(got, " "))
door:options { replay = 0, greet = false }
again:remove()

print(bp.run("echo hello"))
print(bp.run("no-such-command"))
print(bp.run("channel send hall x | echo two"))
print(bp.setting("lua_path", "/nowhere"), bp.setting("lua_path"), bp.setting("lua_path", ""))
print(pcall(bp.setting, "no_such_setting", "x"))
print(bp.name, type(bp.time()))
help(bp.sleep)
os.exit()
