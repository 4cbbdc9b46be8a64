-- libev's loop (lua-ev): sends the time each second, and stops after three while the connection is open.
--
--   lua5.4 examples/hosts/ev.lua                     docs/hosts/ev.md says more
--
-- WEBSOCKET_URL: an echo server, ws://127.0.0.1:8765/ by default.

local ev = require "ev"
local websocket = require "websocket"

require("websocket.loop.ev").attach()

local ws = websocket.new(os.getenv("WEBSOCKET_URL") or "ws://127.0.0.1:8765/", function(event, message, detail)
   print(event, message, detail)
end)

local loop = ev.Loop.default
local seconds = 0
ev.Timer.new(function()
   seconds = seconds + 1
   ws:send(os.date("%X"))
   if seconds == 3 then
      loop:unloop()
   end
end, 1, 1):start(loop)

loop:loop()
