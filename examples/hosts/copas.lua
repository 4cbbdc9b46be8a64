-- copas: a thread sends the time each second and waits for the answer; the script ends after three, while the
-- connection is open. Other threads go on meanwhile.
--
--   lua5.1 examples/hosts/copas.lua                  docs/hosts/copas.md says more
--
-- WEBSOCKET_URL: an echo server, ws://127.0.0.1:8765/ by default.

local copas = require "copas"
local websocket = require "websocket"

require("websocket.loop.copas").attach()

local is_over = false

copas.addthread(function()
   local ws = assert(websocket.connect(os.getenv("WEBSOCKET_URL") or "ws://127.0.0.1:8765/"))
   for _ = 1, 3 do
      websocket.sleep(1)
      ws:send(os.date("%X"))
      print(ws:receive(5))
   end
   is_over = true
end)

repeat copas.step() until is_over
