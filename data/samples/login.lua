-- SPDX-License-Identifier: MIT
-- login.lua - talks to the serial console of a small computer: stops the boot menu, chooses an entry, logs in, runs a command.
--
--	lua run data/samples/login.lua uart0 root secret -u
local uart, user, password = arg[1] or "uart0", arg[2] or "root", arg[3] or ""
local out, console = bp.channel(uart .. "/send"), uart .. "/recv"

local function wait(patterns, seconds)
	local which, text, before = bp.expect(console, patterns, seconds)
	if not which then error("the console does not answer; its last words: " .. before:sub(-200), 0) end
	return which, before
end

bp.listen(console)
out:send("\r")
while true do
	local which = wait({ "Hit any key to stop autoboot", "=> ", "login: ", "[Pp]assword: ", "[#$] " }, 60)
	if which == 1 then
		out:send(" ")
	elseif which == 2 then
		out:send("run bootcmd\r")
	elseif which == 3 then
		out:send(user .. "\r")
	elseif which == 4 then
		out:send(password .. "\r")
	else
		break
	end
end
out:send("uname -a\r")
local _, text = wait({ "[#$] " }, 10)
print((text:gsub("\r", "")))
