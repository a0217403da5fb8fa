-- json
local json = require("json")
assert(json == _G.json)
print(json.encode { b = 1, a = { 1, 2.0, "x" }, c = { d = {} } })
print(json.encode("\1\"\\\n\u{e4}"), json.encode(3.0), json.encode(1e20), json.encode(0.1), json.encode(nil))
print(json.encode { 1, nil, 3 }, json.encode { [5] = true, x = print })
print(json.encode(json.util.InitArray {}), json.encode(1 / 0))
print(pcall(json.encode, "\255"))
local loop = {}
loop.x = loop
print(pcall(json.encode, loop))
print(json.encodeFormated { a = { 1, 2 }, b = {} })
local value = json.decode('{"a":[1,2.0,null,"\\u00e4"],"b":{"c":true}}')
print(value.a[1], value.a[2], value.a[3], value.a[4], value.b.c)
print(json.decode("5"), json.decode('"x"'), json.decode("null"))
print(select("#", json.decode("[1,")), (json.decode("[1,")))
print(type(select(2, json.decode(("["):rep(100)))))
for i = 1, 3 do value = json.decode(json.encode(value)) end
print(json.encode(value))
