-- SPDX-License-Identifier: MIT
-- http.lua - net.HTTPClient, _PY.call_http and _PY.http_request_sync, on _PY.http_start.

local class, tell, _, take_callback = ...
local start_request = _PY.http_start
_PY.http_start = nil

-- Headers: by the names that the server has sent; found by any spelling. Those of one name are joined.
local any_case = {
	__index = function(headers, name)
		if type(name) ~= "string" then return nil end
		name = name:lower()
		for key, value in next, headers do
			if key:lower() == name then return value end
		end
	end,
}

local function headers_of(pairs)
	local headers, spelling = {}, {}
	for i = 1, #pairs, 2 do
		local name = pairs[i]
		local known = spelling[name:lower()]
		if known then
			headers[known] = headers[known] .. ", " .. pairs[i + 1]
		else
			spelling[name:lower()] = name
			headers[name] = pairs[i + 1]
		end
	end
	return setmetatable(headers, any_case)
end

local function escape(value)
	return (tostring(value):gsub("[^%w%-%._~]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

local function form(fields)
	local parts = {}
	for name, value in pairs(fields) do parts[#parts + 1] = escape(name) .. "=" .. escape(value) end
	table.sort(parts)
	return table.concat(parts, "&")
end

-- Starts a request; run(result) is called later, also with what is wrong with the request itself.
local function start(url, options, run)
	local headers, typed, body = {}, false, options.data
	for name, value in pairs(options.headers or {}) do
		name = tostring(name)
		headers[name] = tostring(value)
		typed = typed or name:lower() == "content-type"
	end
	if type(body) == "table" then
		body = form(body)
		if not typed then headers["Content-Type"] = "application/x-www-form-urlencoded" end
	elseif body ~= nil then
		body = tostring(body)
	end
	local id = _PY.registerCallback(run)
	local wrong = start_request(tostring(options.method or "GET"):upper(), tostring(url), headers, body, id,
		tonumber(options.timeout) or 30000, options.checkCertificate ~= false, options.certificateAuthority)
	if wrong then
		_PY.clearRegisteredCallback(id)
		setTimeout(function() run { success = false, error = wrong } end, 0)
	end
end

local HTTP = class("HTTPClient", function() end)

function HTTP:request(url, options)
	options = options or {}
	local request = setmetatable({}, { __index = self.opts })
	for name, value in pairs(options.options or {}) do request[name] = value end
	start(url, request, function(result)
		if not result.success then
			tell(options, "HTTP", "error", result.error)
			return
		end
		tell(options, "HTTP", "success", {
			status = result.status, data = result.data, headers = headers_of(result.headers),
			statusText = result.reason, url = result.url,
		})
	end)
end

local function response_of(result)
	return {
		status = result.status, status_text = result.reason, headers = headers_of(result.headers),
		text = result.data, json = (json.decode(result.data)), url = result.url, ok = result.status < 400,
	}
end

function _PY.call_http(url, options, callback)
	start(url, options or {}, function(result)
		local run = callback
		if type(run) == "number" then run = take_callback(callback) end
		if not run then return end
		if result.success then
			run(nil, response_of(result))
		else
			run(result.error, nil)
		end
	end)
end

-- Calls start(done) and waits, this coroutine only, until done(...) is called: returns those values.
function _PY.await(start_it)
	local co = coroutine.running()
	local results, waits
	if not coroutine.isyieldable() then error("this cannot wait here: it is called inside a function that cannot yield", 3) end
	start_it(function(...)
		results = table.pack(...)
		if waits then
			local good, why = coroutine.resume(co)
			if not good then error(why, 0) end
		end
	end)
	while not results do
		waits = true
		coroutine.yield()
	end
	return table.unpack(results, 1, results.n)
end

function _PY.http_request_sync(options)
	local result = _PY.await(function(done) start(options.url, options, done) end)
	if not result.success then return { error = result.error } end
	return response_of(result)
end

-- http_call_sync(method, url, headers, body): whether there was an answer, its status, its body, what went wrong
function _PY.http_call_sync(method, url, headers, body)
	local result = _PY.await(function(done)
		start(url, { method = method, headers = headers, data = body, timeout = 10000 }, done)
	end)
	if not result.success then return false, nil, nil, result.error end
	return true, result.status, result.data, nil
end

-- http_get(url, callback), http_post(url, data, callback)
function _PY.http_get(url, callback) _PY.call_http(url, {}, callback) end
function _PY.http_post(url, data, callback) _PY.call_http(url, { method = "POST", data = data }, callback) end
