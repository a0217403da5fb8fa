-- net.HTTPServer, asked by net.HTTPClient: what handlers return, headers both ways, errors, waiting.
local port = tonumber(arg[1])
local plain = "http://127.0.0.1:" .. port
local server, client = net.HTTPServer(), net.HTTPClient()

local function ask(path, options)
	local answer, why = _PY.await(function(done)
		client:request(plain .. path, { options = options, success = done, error = function(text) done(nil, text) end })
	end)
	if not answer then return "no answer", why end
	return answer.status, answer.data, answer.headers["content-type"]
end

server:start("127.0.0.1", port, function(method, path, body, headers, request)
	if path == "/echo" then return method .. " " .. body .. " " .. tostring(headers["x-test"]), 201, { ["Content-Type"] = "text/plain", ["X-Back"] = "yes" } end
	if path == "/table" then return { list = { 1, 2 }, query = request.query } end
	if path == "/wait" then
		bp.sleep(0.01)
		return "waited"
	end
	if path == "/error" then error("on purpose") end
	if path == "/bytes" then return body end
	if path == "/evil" then return "x", 200, { ["X-A"] = "b\r\nX-C: d", ["a b"] = "c", ["Content-Length"] = "7" } end
	if path == "/status" then return "x", 12345 end
end)
print(pcall(server.start, server, "127.0.0.1", port))
net.HTTPServer():start("127.0.0.1", port, nil, function(why) print("taken", why:match("is taken")) end)
print(ask("/echo", { method = "POST", data = "body", headers = { ["X-Test"] = "a" } }))
print(ask("/table?a=b"))
print(ask("/wait"))
print(ask("/error"))
print(ask("/nothing"))
local bytes = ("\0\xff\r\n"):rep(1000)
print(select(2, ask("/bytes", { method = "POST", data = bytes })) == bytes)
print(ask("/evil"))
print(ask("/status"))
print(ask("/%41%2e%2e/x"))
server:stop()
server:stop()
local empty = net.HTTPServer()
empty:start("127.0.0.1", port)
print(ask("/"))
empty:stop()
print(ask("/"))
