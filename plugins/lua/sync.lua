-- SPDX-License-Identifier: MIT
-- sync.lua - TCP that reads like a plain program: _PY.tcp_..._sync and require("socket"). Only the coroutine that calls waits.

local waits = {} -- connection -> what has been received, timeout in seconds

local function ask(start) return _PY.await(function(done) start(_PY.registerCallback(done)) end) end

local function wrong(result) return result.message or result.error or "it failed" end

function _PY.tcp_connect_sync(host, port)
	local result = ask(function(id) _PY.tcp_connect(tostring(host), math.tointeger(tonumber(port)), id, 1000) end)
	if not result.success then return false, nil, "TCP connect error: " .. wrong(result) end
	waits[result.conn_id] = { data = "" }
	return true, result.conn_id, ("Connected to %s:%s"):format(host, port)
end

function _PY.tcp_write_sync(id, data)
	if not waits[id] then return false, nil, "Invalid connection ID" end
	local result = ask(function(callback) _PY.tcp_write(id, data, callback) end)
	if not result.success then return false, nil, wrong(result) end
	return true, #data, ("Sent %d bytes"):format(#data)
end

-- More bytes; "" at the end; nil and what went wrong.
local function more(id, state)
	local result = ask(function(callback) _PY.tcp_read(id, 65536, callback, state.timeout and state.timeout * 1000) end)
	if not result.success then return nil, wrong(result) end
	return result.data
end

local function take(state, size, skip)
	local data = state.data:sub(1, size)
	state.data = state.data:sub(size + (skip or 0) + 1)
	return data
end

-- How many of the bytes that are there are the answer, and how many follow that are left out; nil: not enough yet.
local function enough(state, pattern)
	if type(pattern) == "number" then return #state.data >= pattern and pattern or nil, 0 end
	if pattern:find("a", 1, true) then return nil end
	local line = state.data:find("\n", 1, true)
	return line and line - 1, 1
end

-- data; nil, "timeout" or "closed", and what has come so far
local function read(id, pattern)
	local state = waits[id]
	pattern = pattern or "*l"
	while true do
		local size, skip = enough(state, pattern)
		if size then
			local data = take(state, size, skip)
			return skip == 1 and data:gsub("\r", "") or data
		end
		local data, why = more(id, state)
		if data and data ~= "" then
			state.data = state.data .. data
		else
			local rest = take(state, #state.data)
			if data and type(pattern) == "string" and pattern:find("a", 1, true) then return rest end
			return nil, why == "timeout" and "timeout" or "closed", rest
		end
	end
end

function _PY.tcp_read_sync(id, pattern)
	if not waits[id] then return false, nil, nil end
	local data, why, rest = read(id, pattern)
	if data then return true, data, nil end
	if why == "timeout" and rest == "" and (pattern or "*l") == "*l" then return true, "", nil end
	return false, nil, rest ~= "" and rest or nil
end

function _PY.tcp_close_sync(id)
	if not waits[id] then return false, "Invalid connection ID" end
	waits[id] = nil
	_PY.tcp_close(id, 0)
	return true, ("Connection %d closed"):format(id)
end

-- seconds; 0 and nil: none
function _PY.tcp_set_timeout_sync(id, seconds)
	if not waits[id] then return false, "Invalid connection ID" end
	waits[id].timeout = seconds and seconds > 0 and seconds or nil
	return true, ("Socket set to %s"):format(seconds and seconds .. " s" or "blocking")
end

function _PY.get_socket_connection_count()
	local count = 0
	for _ in pairs(waits) do count = count + 1 end
	return count
end

function _PY.close_all_socket_connections()
	for id in pairs(waits) do _PY.tcp_close_sync(id) end
end

-- As LuaSocket has it.

local Socket = {}
Socket.__index = Socket

function Socket:connect(host, port)
	local good, id, why = _PY.tcp_connect_sync(host, port)
	if not good then return nil, why end
	self.id = id
	if self.seconds then _PY.tcp_set_timeout_sync(id, self.seconds) end
	return 1
end

function Socket:send(data)
	if not self.id then return nil, "closed" end
	local good, count, why = _PY.tcp_write_sync(self.id, data)
	if good then return count end
	return nil, why
end

function Socket:receive(pattern)
	if not self.id then return nil, "closed" end
	return read(self.id, pattern)
end

function Socket:settimeout(seconds)
	self.seconds = seconds
	if self.id then _PY.tcp_set_timeout_sync(self.id, seconds) end
	return 1
end

function Socket:close()
	if self.id then _PY.tcp_close_sync(self.id) end
	self.id = nil
	return 1
end

local socket = package.loaded.socket
function socket.tcp() return setmetatable({}, Socket) end
socket.gettime, socket.sleep = bp.time, bp.sleep
