-- SPDX-License-Identifier: MIT
-- quickapp.lua - class, and QuickApp: what scripts that define QuickApp:onInit() expect.

-- class "Name" (Base): makes the global Name; Name(...) makes an object and calls its __init.
function class(name)
	local made = {}
	made.__index = made
	setmetatable(made, {
		__call = function(_, ...)
			local object = setmetatable({}, made)
			if made.__init then made.__init(object, ...) end
			return object
		end,
	})
	_G[name] = made
	return function(base)
		local meta = getmetatable(made)
		meta.__index = base
		return made
	end
end

local ID = 5555

local function writer(level)
	return function(self, ...)
		local words = {}
		for i = 1, select("#", ...) do words[i] = tostring((select(i, ...))) end
		print(string.format("%s[%-7s][%s%d]: %s", os.date("[%d.%m.%Y][%H:%M:%S]"), level, self.name, self.id, table.concat(words, " ")))
	end
end

local methods = { debug = writer("DEBUG"), trace = writer("TRACE"), warning = writer("WARNING"), error = writer("ERROR") }

local function start()
	local self = setmetatable({ name = _PY.declared("name") or bp.name, id = ID }, { __index = QuickApp })
	quickApp = self
	self:onInit()
end

-- Once the main chunk has defined QuickApp:onInit, an object is made and its onInit is called.
QuickApp = setmetatable({}, {
	__index = methods,
	__newindex = function(self, key, value)
		rawset(self, key, value)
		if key == "onInit" then setTimeout(start, 0) end
	end,
})
