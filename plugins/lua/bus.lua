-- SPDX-License-Identifier: MIT
-- bus.lua - the parts of the table bp that are written in Lua.

local help = {}

local function text_of(value)
	return (tostring(value):gsub("[\t\n]", " "))
end

-- Calls of commands: the values of the parameters, and methods.

local Call = {}

function Call:print(...)
	local words = table.pack(...)
	for i = 1, words.n do words[i] = tostring(words[i]) end
	bp._say(self.number, "print", table.concat(words, " "))
end

function Call:styled(style, text)
	bp._say(self.number, "styled", tostring(text), style)
end

function Call:progress(text)
	bp._say(self.number, "progress", text and tostring(text) or "")
end

function Call:table(columns, rows)
	local lines = {}
	for i, row in ipairs { columns, table.unpack(rows) } do
		local cells = {}
		for k = 1, #columns do cells[k] = text_of(row[k] == nil and "" or row[k]) end
		lines[i] = table.concat(cells, "\t")
	end
	bp._say(self.number, "table", table.concat(lines, "\n"))
end

local call_class = {
	__index = function(call, key) return Call[key] or call.values[key] end,
}

function bp.command(description)
	local run = description.run
	if type(run) ~= "function" then error("a command needs a function: run = function(call) ... end", 2) end
	local good, why = bp._command(description, function(values, number)
		return run(setmetatable({ values = values, number = number }, call_class))
	end)
	if not good then error(why or "the command was not added", 2) end
	bp._keep()
end

-- Questions to the host

function bp.run(line)
	return bp._run(line)
end

function bp.setting(key, value, path)
	local good, text = bp._setting(key, value ~= nil and tostring(value) or nil, path)
	if good then return text end
	if value ~= nil then error(text, 2) end
	return nil
end

local function quote(word)
	return '"' .. tostring(word):gsub('[\\"]', "\\%0") .. '"'
end

bp.module = {}

function bp.module.open(module, name, params)
	local words = { "module open", quote(module), quote(name) }
	for key, value in pairs(params or {}) do
		if type(value) == "boolean" then value = value and "yes" or "no" end
		words[#words + 1] = quote(key .. "=" .. tostring(value))
	end
	return bp.run(table.concat(words, " "))
end

function bp.module.close(name) return bp.run("module close " .. quote(name)) end

function bp.module.info(name) return bp.run("module info " .. quote(name)) end

-- Timers, in seconds

function bp.after(seconds, run) return setTimeout(run, seconds * 1000) end

function bp.every(seconds, run) return setInterval(run, seconds * 1000) end

-- Waiting for text

local unread = {}

function bp.expect(channel, patterns, timeout)
	local name, limit = tostring(channel), timeout and bp.time() + timeout
	local text = unread[name] or ""
	if type(patterns) == "string" then patterns = { patterns } end
	while true do
		local first, last, which
		for i, pattern in ipairs(patterns) do
			local from, to = text:find(pattern)
			if from and (not first or from < first) then first, last, which = from, to, i end
		end
		if first then
			unread[name] = text:sub(last + 1)
			return which, text:sub(first, last), text:sub(1, first - 1)
		end
		local message, why = bp.receive(name, limit and math.max(0, limit - bp.time()))
		if not message then
			unread[name] = text
			return nil, why, text
		end
		text = text .. message.data
		if not message.binary and text:sub(-1) ~= "\n" then text = text .. "\n" end
		if #text > 65536 then text = text:sub(-32768) end
	end
end

-- help(bp.watch)

local function describe(value, text) help[value] = text end

describe(bp.channel, "bp.channel(name): a channel with send(bytes), print(text), options{replay=, greet=, ...}, stats() and name()")
describe(bp.watch, "bp.watch(glob, function(message, channel)): calls it for each message; returns an object with remove()")
describe(bp.command, "bp.command{name=, help=, params={{name=, type=, default=}, ...}, run=function(call)}: adds a command")
describe(bp.run, "bp.run(line): runs commands; returns whether they succeeded, and what they printed")
describe(bp.setting, "bp.setting(key, value, path): returns a setting, after setting it if a value is given")
describe(bp.log, "bp.log(level, text): level is error, warning, notice, info or debug; info if left out")
describe(bp.sleep, "bp.sleep(seconds): this coroutine waits")
describe(bp.listen, "bp.listen(channel): keeps messages from now on, for receive and expect")
describe(bp.receive, "bp.receive(channel, seconds): the next message; or nil and \"timeout\"")
describe(bp.deaf, "bp.deaf(channel): ends listen")
describe(bp.expect, "bp.expect(channel, patterns, seconds): which pattern came first, its text, the text before it; or nil, \"timeout\", the text so far")
describe(bp.after, "bp.after(seconds, function): calls it once; clearTimeout ends it")
describe(bp.every, "bp.every(seconds, function): calls it again and again; clearInterval ends it")
describe(bp.time, "bp.time(): seconds of a clock that is never set")

function _G.help(value)
	if value then return print(help[value] or "there is no help for that") end
	local lines = {}
	for _, text in pairs(help) do lines[#lines + 1] = text end
	table.sort(lines)
	print(table.concat(lines, "\n"))
end
