-- cqueues: a coroutine sends the time each second and waits for the answer; the script ends after three, while the
-- connection is open. Other coroutines of the controller go on meanwhile.
--
--   lua5.4 examples/hosts/cqueues.lua                docs/hosts/cqueues.md says more
--
-- WEBSOCKET_URL: an echo server, ws://127.0.0.1:8765/ by default.

local cqueues = require "cqueues"
local websocket = require "websocket"

local controller = cqueues.new()
require("websocket.loop.cqueues").attach(controller)

local is_over = false

controller:wrap(function()
   local ws = assert(websocket.connect(os.getenv("WEBSOCKET_URL") or "ws://127.0.0.1:8765/"))
   for _ = 1, 3 do
      websocket.sleep(1)
      ws:send(os.date("%X"))
      print(ws:receive(5))
   end
   is_over = true
end)

repeat assert(controller:step()) until is_over
