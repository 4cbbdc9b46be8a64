-- libuv's loop (luv): sends the time each second, and stops after three while the connection is open.
--
--   lua5.4 examples/hosts/luv.lua                    docs/hosts/luv.md says more
--
-- WEBSOCKET_URL: an echo server, ws://127.0.0.1:8765/ by default.

local uv = require "luv"
local websocket = require "websocket"

require("websocket.loop.luv").attach()

local ws = websocket.new(os.getenv("WEBSOCKET_URL") or "ws://127.0.0.1:8765/", function(event, message, detail)
   print(event, message, detail)
end)

local timer = uv.new_timer()
local seconds = 0
timer:start(1000, 1000, function()
   seconds = seconds + 1
   ws:send(os.date("%X"))
   if seconds == 3 then
      uv.stop()
   end
end)

uv.run()
