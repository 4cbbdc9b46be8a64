-- A GLib program (lgi): sends the time each second, and quits after three while the connection is open.
--
--   lua5.3 examples/hosts/glib.lua                   docs/hosts/glib.md says where the module goes
--
-- WEBSOCKET_URL: an echo server, ws://127.0.0.1:8765/ by default.

local GLib = require("lgi").GLib
local websocket = require "websocket"

require("websocket.loop.glib").attach()

local loop = GLib.MainLoop()

local ws = websocket.new(os.getenv("WEBSOCKET_URL") or "ws://127.0.0.1:8765/", function(event, message, detail)
   print(event, message, detail)
end)

local seconds = 0
GLib.timeout_add(GLib.PRIORITY_DEFAULT, 1000, function()
   seconds = seconds + 1
   ws:send(os.date("%X"))
   if seconds == 3 then
      loop:quit()
   end
   return seconds < 3
end)

loop:run()
