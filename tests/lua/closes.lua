local closes = setmetatable({}, { __close = function() error("in close") end })

print(pcall(function()
    local a <close> = closes
    error("first")
end))
setTimeout(function() local a <close> = closes end, 0)
setTimeout(function() print("later") end, 0)
