-- The number of timers is bounded.
for i = 1, 100000 do setTimeout(function() end, 10) end
