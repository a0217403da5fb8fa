-- TCP: a server for several clients, binary data, readUntil, ends, errors.
local port = tonumber(arg[1])
local server = net.TCPServer()
server:start("127.0.0.1", port, function(client, ip, from)
	print("client", ip, math.type(from))
	client:readUntil("\n", {
		success = function(line)
			client:send("got " .. line, { success = function() client:close() end })
		end,
		error = function(why) print("server error", why) end,
	})
end)

local taken = net.TCPServer()
taken:start("127.0.0.1", port, nil, function(why) print("taken:", why:match("is taken")) end)
local beyond = net.TCPServer()
beyond:start("0.0.0.0", port + 1, nil, function(why) print("beyond:", why:match("insecure=yes")) end)

local first, second = net.TCPSocket(), net.TCPSocket { timeout = 5000 }
print(pcall(first.send, first, "x"))
print(pcall(first.read, first, {}))

local function finish()
	first:close()
	first:close()
	local refused = net.TCPSocket()
	server:stop()
	server:stop()
	refused:connect("127.0.0.1", port, {
		success = function() print("connected?") end,
		error = function(why)
			print("refused:", why:lower():match("refused"), refused.socket)
			net.TCPSocket():connect("no.such.host.invalid", 1, { error = function(text) print("no host", #text > 0) end })
		end,
	})
	net.TCPSocket():connect("127.0.0.1", 99999, { error = function(why) print(why) end })
end

local function at_end(data)
	print("end", #data)
	first:read { success = function(again)
		print("end again", #again)
		error("in a callback")
	end }
	setTimeout(finish, 1)
end

first:connect("127.0.0.1", tostring(port), {
	success = function()
		second:connect("localhost", port, {
			success = function()
				second:send("second\n")
				second:read { success = function(data)
					print(data:gsub("\n", "."))
					first:send("a\0\255", { success = function() print("sent") end })
					first:send("b\n")
					first:readUntil("\255", { success = function(part)
						print(#part, part == "got a\0\255")
						first:read { success = function(rest)
							print(rest == "b\n")
							first:read { success = at_end }
						end }
					end })
					print(pcall(function() first:read { error = function(why) print(why:match("already waiting")) end } end))
				end }
			end,
			error = print,
		})
	end,
	error = print,
})
