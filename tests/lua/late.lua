-- A callback that takes too long is interrupted; the script goes on.
setTimeout(function() while true do end end, 0)
setTimeout(function() print("still here") end, 200)
