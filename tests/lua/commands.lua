-- Commands of a script.
bp.command {
	name = "shop add",
	help = "add an article",
	params = {
		{ name = "article", required = true, help = "its name" },
		{ name = "count", type = "int", default = 1, min = 1, max = 99, help = "how many" },
		{ name = "size", letter = "s", kind = "option", choices = "small|large", default = "small" },
		{ name = "every", kind = "option", type = "duration" },
		{ name = "gift", kind = "option", type = "bool" },
	},
	run = function(call)
		call:print("adding", call.article, call.count, math.type(call.count), call.size, call.every, call.gift)
		bp.sleep(0.01)
		call:styled("good", "added")
		call:table({ "Article", "Count" }, { { call.article, call.count }, { "tab\there", 2 } })
		return "done"
	end,
}
bp.command { name = "shop fail", run = function(call) error("out of stock") end }
bp.command { name = "shop refuse", run = function(call) return false, "closed today" end }
bp.command { name = "shop wait", run = function(call) bp.receive("never") end }
bp.command { name = "shop end", run = function(call) os.exit() end }
bp.command { name = "shop nested", run = function(call) call:print(select(2, bp.run("shop add nested"))) end }
bp.command { name = "shop many", params = { { name = "words", many = true } }, run = function(call) return #call.words .. " words" end }
print(pcall(bp.command, { name = "shop add", run = print }))
print(pcall(bp.command, { name = "Shop", run = print }))
print(pcall(bp.command, { name = "x", params = { { name = "n", type = "int", default = "y" } }, run = print }))
print(pcall(bp.command, { name = "echo" }))
