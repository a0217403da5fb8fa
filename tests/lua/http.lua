-- net.HTTPClient against the server of tests/scenario/lua-http.py: methods, headers both ways, bodies, redirects, limits, errors.
local plain, secure, wrong, dead, authority = "http://127.0.0.1:" .. arg[1], "https://localhost:" .. arg[2],
	"https://127.0.0.1:" .. arg[2], "http://127.0.0.1:" .. arg[3], dofile("authority.lua")
local client = net.HTTPClient()

local function ask(url, options, http)
	return _PY.await(function(done)
		(http or client):request(url, { options = options, success = done, error = function(why) done(nil, why) end })
	end)
end

-- Methods, headers, bodies.
local bytes = {}
for i = 0, 255 do bytes[i + 1] = string.char(i) end
bytes = table.concat(bytes)
for _, method in ipairs { "GET", "POST", "put", "DELETE", "PATCH", "OPTIONS" } do
	local answer = ask(plain .. "/say", { method = method, data = method ~= "GET" and bytes or nil, headers = { ["X-Ask"] = "yes", n = 5 } })
	print(answer.status, answer.data == method:upper() .. " yes 5 " .. (method ~= "GET" and bytes or ""), answer.headers["x-answer"], answer.statusText)
end
print("head", ask(plain .. "/say", { method = "HEAD" }).status, ask(plain .. "/missing").status, ask(plain .. "/missing").data)
local answer = ask(plain .. "/say", { method = "POST", data = { b = "x y", a = "ä&" } })
print(answer.data, answer.headers["X-Type"], answer.headers["CONTENT-LENGTH"], answer.headers.nothing)
print("twice:", ask(plain .. "/twice").headers["X-Twice"])

-- The shape of the answer on the wire.
print("chunks", ask(plain .. "/chunks").data)
print("gzip", ask(plain .. "/gzip").data)
print("until the end", ask(plain .. "/close").data)
print("large", #ask(plain .. "/large?4000000").data)
print("too large", ask(plain .. "/large?20000000"))
print("endless", ask(plain .. "/endless"))
print("bomb", ask(plain .. "/bomb"))
print("cut", ask(plain .. "/cut"))
print("no HTTP", ask(plain .. "/garbage") == nil)

-- Redirects.
answer = ask(plain .. "/redirect?/say")
print(answer.status, answer.data, answer.url == plain .. "/say")
print("loop", ask(plain .. "/redirect?/redirect"))
print("see other", ask(plain .. "/redirect?/say", { method = "POST", data = "x" }).data)

-- Time.
print("never", ask(plain .. "/never", { timeout = 100 }))
print("of the client", ask(plain .. "/never", nil, net.HTTPClient { timeout = 100 }))
print("slow body", ask(plain .. "/drip", { timeout = 300 }))

-- What cannot be asked.
for _, case in ipairs { { "nonsense" }, { "ftp://x/" }, { "http:///" }, { plain, { method = "BREW" } },
	{ plain, { headers = { ["a b"] = "x" } } }, { plain, { headers = { a = "x\r\nb: c" } } } } do
	local good, why = ask(table.unpack(case))
	print("wrong", good, (why:gsub(":%d+", "")))
end
local _, why = ask(dead)
print("dead", why:match("^Cannot connect to host 127.0.0.1"))
_, why = ask("http://no.such.host.invalid/")
print("no host", why:match("^Cannot connect to host no.such.host.invalid:80"))

-- Certificates: unknown authority, told authority, wrong name, not checked; connections are not shared between these.
print(ask(secure .. "/say"))
print(ask(secure .. "/say", { certificateAuthority = authority }).data)
print(ask(secure .. "/say"))
print(ask(wrong .. "/say", { certificateAuthority = authority }))
print(ask(wrong .. "/say", { checkCertificate = false }).data)
print(ask(wrong .. "/say"))
print(ask(wrong .. "/say", nil, net.HTTPClient { checkCertificate = false }).data)
print(ask(secure .. "/say", { certificateAuthority = "none" }))

-- The functions below.
local id = _PY.registerCallback(function(err, response)
	print("low", err, response.status, response.ok, response.json.answer, response.headers["content-type"], response.text)
	local failed = _PY.http_request_sync { url = dead }
	print("sync", failed.error:match("^Cannot connect"))
	print("sync", _PY.http_request_sync({ url = plain .. "/say", method = "POST", data = "x" }).text, _PY.http_call_sync("GET", plain .. "/missing"))
	client:request(plain .. "/say")
	client:request(plain .. "/say", { success = function()
		_PY.http_get(plain .. "/say", function(_, got) print("get", got.text) end)
		error("on purpose")
	end })
end)
_PY.call_http(plain .. "/json", { method = "get" }, id)
