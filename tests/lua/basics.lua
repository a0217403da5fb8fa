-- The language, what the sandbox leaves out, timers.
print("hello", nil, 3, nil)
print(...)
print(arg[1], arg[2], #arg)
print(("hello world"):find("o w"), ("key = value"):match("^(%w+)%s*=%s*(%w+)$"))
print(("abc"):gsub("%w", "%0%0"))
for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do print(k, v) end
print(pcall(load, "\27Lua", "chunk", "b"))
print(type(io), type(os.execute), type(package.loadlib), type(string.dump), type(debug.sethook), type(os.getenv))
print(pcall(setmetatable, {}, { __gc = function() end }))
print(pcall(string.rep, "x", 1 << 30))
print((""):rep(1 << 40) == "", pcall(table.move, {}, 1, 1 << 40, 2))
print(pcall(table.insert, setmetatable({}, { __len = function() return 1 << 40 end }), 1, 2))
local n, id = 0, nil
id = setInterval(function()
	n = n + 1
	print("tick", n)
	if n == 3 then clearInterval(id) end
end, 1)
setTimeout(function() print("first") end, 20)
setTimeout(function() print("second") end, 20)
setTimeout(function() error("oops") end, 30)
clearTimeout(nil)
clearInterval(nil)
clearTimeout(setTimeout(function() print("never") end, 1))
