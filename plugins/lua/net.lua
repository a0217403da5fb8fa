-- SPDX-License-Identifier: MIT
-- net.lua - the table net: TCP and UDP with callbacks, on the functions of _PY. It returns what the other parts of the network use.

net = {}
package.loaded.net = net

local function report(what, kind, ...)
	local good, why = ...
	if not good then print("Error in " .. what .. " " .. kind .. " callback: " .. tostring(why)) end
end

-- Calls options.success or options.error, if there is one.
local function tell(options, what, kind, ...)
	local run = options and options[kind]
	if run then report(what, kind, pcall(run, ...)) end
end

-- The constructor of a class; both net.Name(options) and net:Name(options).
local function class(name, init)
	local methods = {}
	local meta = { __index = methods, __tostring = function(self) return name .. " object: " .. tostring(self.socket or self.server) end }
	net[name] = function(options, more)
		if options == net then options = more end
		local self = setmetatable({ opts = options or {} }, meta)
		init(self, self.opts)
		return self
	end
	return methods
end

-- TCP

local TCP = class("TCPSocket", function(self, options)
	self.timeout = options.timeout or 10000
end)

local function failed(result) return result.message or result.error or "it failed" end

function TCP:connect(host, port, options)
	local id = _PY.registerCallback(function(result)
		if result.success then
			self.socket = result.conn_id
			tell(options, "TCP connect", "success")
		else
			tell(options, "TCP connect", "error", failed(result))
		end
	end)
	_PY.tcp_connect(tostring(host), math.tointeger(tonumber(port)), id, self.timeout)
end

local function reading(self, what, options, start)
	if not self.socket then error("Not connected", 3) end
	start(self.socket, _PY.registerCallback(function(result)
		if result.success then
			tell(options, what, "success", result.data)
		else
			tell(options, what, "error", failed(result))
		end
	end), self.opts.timeout)
end

function TCP:read(options)
	reading(self, "TCP read", options, function(socket, id, timeout) _PY.tcp_read(socket, 1024, id, timeout) end)
end

function TCP:readUntil(delimiter, options)
	reading(self, "TCP readUntil", options, function(socket, id, timeout)
		_PY.tcp_read_until(socket, delimiter, 8192, id, timeout)
	end)
end

function TCP:send(data, options)
	if not self.socket then error("Not connected", 2) end
	_PY.tcp_write(self.socket, data, _PY.registerCallback(function(result)
		if result.success then
			tell(options, "TCP send", "success")
		else
			tell(options, "TCP send", "error", failed(result))
		end
	end))
end

TCP.write = TCP.send

function TCP:close()
	local socket = self.socket
	if not socket then return end
	self.socket = nil
	_PY.tcp_close(socket, _PY.registerCallback(function(result)
		if not result.success then print("Error closing TCP connection: " .. failed(result)) end
	end))
end

local function wrap(id, options)
	local socket = net.TCPSocket(options)
	socket.socket = id
	return socket
end

function TCP:_wrap(id) return wrap(id) end

local Server = class("TCPServer", function() end)

function Server:start(host, port, run, on_error)
	local id
	if self.server then error("Server already running", 2) end
	self.server = _PY.tcp_server_create()
	id = _PY.registerCallback(function(result)
		if result.success then
			if run then report("TCP server", "client", pcall(run, wrap(result.conn_id), result.client_ip, result.client_port)) end
			return
		end
		self.server = nil
		_PY.clearRegisteredCallback(id)
		if on_error then
			report("TCP server", "error", pcall(on_error, failed(result)))
		else
			print("Error starting TCP server: " .. failed(result))
		end
	end, true)
	self.callback = id
	_PY.tcp_server_start(self.server, host or "localhost", port, id)
end

function Server:stop()
	local server = self.server
	if not server then return end
	self.server = nil
	_PY.clearRegisteredCallback(self.callback)
	_PY.tcp_server_stop(server, _PY.registerCallback(function(result)
		if result.success then
			print("TCP Server stopped successfully")
		else
			print("Error stopping TCP server: " .. failed(result))
		end
	end))
end

local function echo(host, port, debug, prefix)
	local server = net.TCPServer()
	server:start(host, port, function(client, ip, from)
		local function again()
			client:read {
				success = function(data)
					if data == "" then
						client:close()
						return
					end
					if debug then print("[Echo] " .. ip .. ":" .. from .. " " .. data) end
					client:send(prefix .. data, { success = again, error = function() client:close() end })
				end,
				error = function() client:close() end,
			}
		end
		again()
	end)
	return server
end

-- Both net.EchoServer(...) and net:EchoServer(...).
function net.EchoServer(host, port, debug, more)
	if host == net then host, port, debug = port, debug, more end
	return echo(host, port, debug, "Echo: ")
end

function net.TCPEchoServer(host, port, system, quiet)
	if host == net then host, port, system, quiet = port, system, quiet, true end
	return echo(host, port, not quiet, "")
end

-- UDP

local UDP = class("UDPSocket", function(self, options)
	self.ready = false
	self.pending_operations = {}
	_PY.udp_create_socket(_PY.registerCallback(function(result)
		if not result.success then
			self.failed = "Socket creation failed: " .. failed(result)
			print("Error creating UDP socket: " .. failed(result))
		elseif self.closed then
			_PY.udp_close(result.socket_id)
		else
			self.socket, self.ready = result.socket_id, true
			_PY.print("UDP socket created with ID: " .. result.socket_id)
		end
		local waiting = self.pending_operations
		self.pending_operations = {}
		for _, operation in ipairs(waiting) do operation() end
	end), options.broadcast)
end)

-- Runs it when the socket is there; options.error if there will be none.
local function when_ready(self, what, options, operation)
	if self.closed then
		setTimeout(function() tell(options, what, "error", "Socket closed") end, 0)
	elseif self.failed then
		setTimeout(function() tell(options, what, "error", self.failed) end, 0)
	elseif self.ready then
		operation()
	else
		table.insert(self.pending_operations, function() when_ready(self, what, options, operation) end)
	end
end

function UDP:sendTo(data, ip, port, options)
	when_ready(self, "UDP sendTo", options, function()
		_PY.udp_send_to(self.socket, data, ip, port, _PY.registerCallback(function(result)
			if result.success then
				tell(options, "UDP sendTo", "success")
			else
				tell(options, "UDP sendTo", "error", failed(result))
			end
		end))
	end)
end

function UDP:send(host, port, data, options) self:sendTo(data, host, port, options) end

function UDP:receive(options)
	when_ready(self, "UDP receive", options, function()
		_PY.udp_receive(self.socket, _PY.registerCallback(function(result)
			if result.success then
				tell(options, "UDP receive", "success", result.data, result.ip, result.port)
			else
				tell(options, "UDP receive", "error", failed(result))
			end
		end), self.opts.timeout)
	end)
end

function UDP:bind(ip, port, options)
	when_ready(self, "UDP bind", options, function()
		_PY.udp_bind(self.socket, ip, port, _PY.registerCallback(function(result)
			if result.success then
				tell(options, "UDP bind", "success")
			else
				tell(options, "UDP bind", "error", failed(result))
			end
		end))
	end)
end

function UDP:join(group)
	if not self.ready then return nil, "the socket is not ready" end
	return _PY.udp_join(self.socket, group)
end

function UDP:close()
	if self.ready and not self.closed then _PY.udp_close(self.socket) end
	self.closed = true
end

-- Files: only where the script has io.

if io then
	function _PY.read_file(path)
		local file, why = io.open(path, "rb")
		if not file then return nil, why end
		local text = file:read("a")
		file:close()
		return text
	end

	function _PY.write_file(path, text)
		local file, why = io.open(path, "wb")
		if not file then return false, why end
		local good, problem = file:write(text)
		local closed, late = file:close()
		if good and closed then return true end
		return false, problem or late
	end

	function _PY.file_exists(path)
		local file = io.open(path, "rb")
		return file ~= nil and file:close()
	end

	_PY.fread_file, _PY.fwrite_file = _PY.read_file, _PY.write_file
end

function _PY.get_system_info() return { platform = _PY.get_platform(), lua_version = _VERSION } end

local take_callback = _PY.take_callback
_PY.take_callback = nil
return class, tell, report, take_callback
