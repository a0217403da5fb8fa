-- Echo servers, as the network API has them.
net.TCPEchoServer("127.0.0.1", tonumber(arg[1]), false, true)
net.EchoServer("127.0.0.1", tonumber(arg[2]))
