-- The functions of _PY, as scripts of the network API use them: numbered callbacks, results as tables; the main chunk is a coroutine.
local port = tonumber(arg[1])
local main = coroutine.running()
print(coroutine.isyieldable(), select(2, coroutine.running()))

local function wait(start)
	local result
	start(_PY.registerCallback(function(got)
		result = got
		coroutine.resume(main)
	end))
	if not result then coroutine.yield() end
	return result
end

local function show(result)
	local keys = {}
	for key, value in pairs(result) do
		if key ~= "client_port" and key ~= "port" then keys[#keys + 1] = key .. "=" .. tostring(value) end
	end
	table.sort(keys)
	print(table.concat(keys, " "))
end

local server, accepted = _PY.tcp_server_create(), nil
local accept = _PY.registerCallback(function(result)
	accepted = result
	_PY.tcp_read_until(result.conn_id, ";", 100, _PY.registerCallback(function(got)
		_PY.tcp_write(result.conn_id, "re:" .. got.data, _PY.registerCallback(function(done) print("wrote", done.bytes_written) end))
	end))
end, true)
_PY.tcp_server_start(server, "localhost", port, accept)

local connected = wait(function(id) _PY.tcp_connect("127.0.0.1", port, id) end)
print(connected.success, connected.message == "Connected to 127.0.0.1:" .. port)
show(wait(function(id) _PY.tcp_write(connected.conn_id, "one;two", id) end))
show(wait(function(id) _PY.tcp_read(connected.conn_id, 3, id) end))
show(wait(function(id) _PY.tcp_read_until(connected.conn_id, ";", 100, id) end))
print(accepted.client_ip, math.type(accepted.client_port))
show(wait(function(id) _PY.tcp_read(connected.conn_id, 10, id, 5) end))
show(wait(function(id) _PY.tcp_close(connected.conn_id, id) end))
show(wait(function(id) _PY.tcp_close(connected.conn_id, id) end))
show(wait(function(id) _PY.tcp_read(12345, 10, id) end))
show(wait(function(id) _PY.tcp_write(12345, "x", id) end))
show(wait(function(id) _PY.tcp_read_until(accepted.conn_id, ";", 2, id) end))
show(wait(function(id) _PY.tcp_read_until(accepted.conn_id, ";", 100, id) end))
show(wait(function(id) _PY.tcp_read_until(accepted.conn_id, ";", 100, id) end))
show(wait(function(id) _PY.tcp_close(accepted.conn_id, id) end))
show(wait(function(id) _PY.tcp_server_stop(server, id) end))
show(wait(function(id) _PY.tcp_server_stop(server, id) end))
_PY.clearRegisteredCallback(accept)

local udp = wait(function(id) _PY.udp_create_socket(id) end)
print(udp.success, udp.message, math.type(udp.socket_id))
show(wait(function(id) _PY.udp_bind(udp.socket_id, "127.0.0.1", port, id) end).success and { bound = true } or {})
show(wait(function(id) _PY.udp_send_to(udp.socket_id, "self", "127.0.0.1", port, id) end))
show(wait(function(id) _PY.udp_receive(udp.socket_id, id) end))
show(wait(function(id) _PY.udp_receive(udp.socket_id, id, 5) end))
_PY.udp_close(udp.socket_id)
show(wait(function(id) _PY.udp_send_to(udp.socket_id, "x", "127.0.0.1", port, id) end))

local handle = _PY.set_timeout(_PY.registerCallback(function() print("never") end), 1)
print(type(handle))
_PY.clear_timeout(handle)
wait(function(id) _PY.set_timeout(id, 5) end)
_PY.print("waited", _PY.get_timer_count(), _PY.getPendingCallbackCount(), _PY.getRunningIntervalsCount())
print(_PY.base64_decode(_PY.base64_encode("a\0b")) == "a\0b", _PY.math_add(1, 2), _PY.get_platform(), _PY.config.fileSeparator)
print(_PY.parse_json(_PY.to_json({ 1, 2 }))[2], _PY.get_time() > 1e9, _PY.random_number(3, 3))
print(dofile("src/lua/net.lua") == net, require("net") == net, net:TCPSocket() ~= nil)
