-- A Hammerspoon script, run without Hammerspoon: it sends data and a text to an echo server, and closes.
--
--   lua examples/hammerspoon.lua [URL [CA_FILE]]
--
-- URL is that of an echo server, by default ws://127.0.0.1:8765/mysock. CA_FILE is a PEM file of certificate
-- authorities, which are trusted instead of those of the system.

local url = arg[1] or "ws://127.0.0.1:8765/mysock"
local hs = { websocket = require "websocket.hammerspoon" }
hs.websocket.options = { tls = arg[2] and { ca_file = arg[2] } }

local echoes = 0
local echoTestObj
echoTestObj = hs.websocket.new(url, function(event, message)
   print(event, message)
   if event == "open" then
      echoTestObj:send("ABC123") -- data is the default
   elseif event == "received" then
      echoes = echoes + 1
      if echoes == 1 then
         echoTestObj:send("ABC123", false) -- text
      else
         echoTestObj:close()
      end
   end
end)

require("websocket").run() -- until no connection is alive; Hammerspoon has an event loop of its own
print(echoTestObj:status(), echoTestObj)
assert(echoes == 2, "the echoes did not come")
