-- SPDX-License-Identifier: MIT
-- chat.lua - a chat room for everybody who connects by TCP; the channel NAME/room has what is said, from both sides.
--
--	lua run data/samples/chat.lua 4000
--	nc localhost 4000
local room = bp.channel(bp.name .. "/room")
local names, server = {}, net.TCPServer()

room:options { replay = 20 }

local function leave(client)
	if not names[client] then return end
	room:print(names[client] .. " has left")
	names[client] = nil
	client:close()
end

bp.watch(room, function(message)
	for client in pairs(names) do
		client:send(message .. "\n", { error = function() leave(client) end })
	end
end)

local function serve(client)
	client:readUntil("\n", {
		success = function(line)
			if line == "" then return leave(client) end
			line = line:match("^%s*(.-)%s*$")
			if not names[client] then
				names[client] = line ~= "" and line or "somebody"
				room:print(names[client] .. " has come")
			else
				room:print(names[client] .. ": " .. line)
			end
			serve(client)
		end,
		error = function() leave(client) end,
	})
end

server:start("localhost", tonumber(arg[1]) or 4000, function(client)
	client:send("Your name? ")
	serve(client)
end, function(why)
	print(why)
	os.exit(1)
end)
