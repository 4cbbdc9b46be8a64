-- A process that ends in a given way: ending.lua PHASE WAY PLACE URL CA. __main__.py starts it and checks how it ended.
--
-- Prints "ready" when the connection has reached the phase. After that the process ends by itself, or runs until a
-- signal ends it.
local phase, way, place, url, ca = arg[1], arg[2], arg[3], arg[4], arg[5]

if rawget(_G, "jit") then
   jit.off() -- a compiled loop sees no Ctrl-C, with us or without
end

local websocket = require "websocket"
local ws, reached
ws = websocket.new(url, function(event, message)
   if event == "fail" or event == "closed" then
      error(event .. ": " .. tostring(message))
   end
   reached = reached or event == (phase == "flood" and "received" or "open")
end, { tls = { ca_file = ca } })

if phase ~= "connecting" and phase ~= "handshake" then
   repeat
      websocket.poll(1)
   until reached
   ws:send("hello")
   if phase == "closing" then
      ws:close()
   end
end

local ways = {
   ["end"] = function() end,
   exit = function() os.exit(7) end,
   ["exit-closing"] = function() os.exit(7, true) end,
   error = function() error("on purpose") end,
   signal = function() while true do string.rep("x", 10) end end,
}

local places = {
   script = function(finish) finish() end,
   callback = function(finish)
      websocket.defer(finish)
      websocket.run()
   end,
   run = function() websocket.run() end,
   poll = function() while true do websocket.poll(60) end end,
}

io.write("ready\n")
io.flush()
places[place](ways[way])
