-- SPDX-License-Identifier: MIT
-- sender.lua - a G-code sender: `gcode send FILE` sends a file line by line and waits for each "ok".
--
--	lua run data/samples/sender.lua laser --unsafe
--
-- The argument is the name of the UART; unsafe, since it reads files anywhere.
local uart = arg[1] or "uart0"
local out, answers = bp.channel(uart .. "/send"), uart .. "/recv"
local busy, stopped = false, false

local function answer_of(line)
	out:print(line)
	local which, text = bp.expect(answers, { "ok", "error[^\n]*" }, 30)
	if which == 1 then return true end
	return false, line .. ": " .. (which and text or "no answer within 30 seconds")
end

bp.command {
	name = "gcode send", help = "send a file of G-code, line by line",
	params = { { name = "file", required = true, help = "the file" } },
	run = function(call)
		if busy then return false, "a job is running; gcode stop ends it" end
		local lines = {}
		for line in io.lines(call.file) do
			line = line:gsub("[;(].*", ""):match("^%s*(.-)%s*$")
			if line ~= "" then lines[#lines + 1] = line end
		end
		busy, stopped = true, false
		bp.listen(answers)
		for i, line in ipairs(lines) do
			local good, why = answer_of(line)
			if stopped then good, why = false, "stopped" end
			if not good then
				busy = false
				return false, why
			end
			call:progress(("%d of %d lines"):format(i, #lines))
		end
		busy = false
		return #lines .. " lines were sent"
	end,
}

bp.command { name = "gcode stop", help = "end the job after this line", run = function() stopped = true end }
