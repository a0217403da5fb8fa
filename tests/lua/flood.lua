-- A peer that does not read: the callback of a write waits, and writes beyond the limit fail.
net.TCPServer():start("127.0.0.1", tonumber(arg[1]), function(client)
	local sent, failed = 0, 0
	for i = 1, 40 do
		client:send(("x"):rep(1000000), {
			success = function() sent = sent + 1 end,
			error = function() failed = failed + 1 end,
		})
	end
	setInterval(function() print("sent " .. sent .. " failed " .. failed) end, 50)
end)
