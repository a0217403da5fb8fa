-- UDP: queued operations, datagrams in order, binary, bind, timeouts.
local port = tonumber(arg[1])
local server = net.UDPSocket()

local function finish(client)
	local patient = net.UDPSocket { timeout = 10 }
	patient:receive { error = function(why)
		print(why)
		client:sendTo(("x"):rep(70000), "127.0.0.1", port, { error = function(text) print("too large", #text > 0) end })
		client:sendTo("x", "127.0.0.1", 0, { error = print })
		client:sendTo("x", "localhost", port, { success = function()
			print("by name")
			client:close()
			client:sendTo("x", "127.0.0.1", port, { error = function(text)
				print(text)
				server:close()
			end })
		end })
	end }
end

server:bind("127.0.0.1", port, { success = function()
	local client = net.UDPSocket()
	local function serve()
		server:receive { success = function(data, ip, from)
			server:sendTo("echo " .. data, ip, from)
			serve()
		end }
	end
	serve()
	for i = 1, 3 do client:sendTo("\0" .. i, "127.0.0.1", port) end
	local got = {}
	local function read()
		client:receive {
			success = function(data, ip, from)
				got[#got + 1] = data:gsub("\0", "")
				if #got < 3 then return read() end
				print(ip, from == port, table.concat(got, ","))
				finish(client)
			end,
			error = print,
		}
	end
	read()
end, error = print })
net.UDPSocket():bind("0.0.0.0", port, { error = function(why) print(why:match("insecure=yes")) end })
