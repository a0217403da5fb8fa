-- SPDX-License-Identifier: MIT
-- logger.lua - a temperature logger: the numbers on a channel, and the average of the last ten on NAME/average.
--
--	lua run data/samples/logger.lua uart1/recv
local source = arg[1] or "sensor/recv"
local average = bp.channel(bp.name .. "/average")
local values = {}

average:options { replay = 100, timestamp = true }

bp.watch(source, function(message)
	local value = tonumber(message.data:match("[-+%d.]+"))
	if not value then return bp.log("warning", "no number: " .. message) end
	table.insert(values, value)
	if #values > 10 then table.remove(values, 1) end
	local sum = 0
	for _, one in ipairs(values) do sum = sum + one end
	average:print(("%.2f"):format(sum / #values))
end)

bp.command {
	name = "temperatures", help = "the last readings", role = "observer",
	run = function(call)
		local rows = {}
		for i, value in ipairs(values) do rows[i] = { i, value } end
		call:table({ ">Number", ">Degrees" }, rows)
	end,
}
