-- A callback that ends its own script.
setTimeout(function() os.exit(false) print("never") end, 1)
setInterval(function() end, 10)
