-- A Hammerspoon script, run without Hammerspoon: an echo of data, an echo of text, and goodbye.
--
--   lua examples/hammerspoon.lua [URL [CA_FILE]]
--
-- URL: an echo server, ws://127.0.0.1:8765/mysock by default. CA_FILE: trusted instead of the system's authorities.

local url = arg[1] or "ws://127.0.0.1:8765/mysock"
local hs = { websocket = require "websocket.hammerspoon" }
hs.websocket.options = { tls = arg[2] and { ca_file = arg[2] } }

local echoes = 0
local echoTestObj
echoTestObj = hs.websocket.new(url, function(event, message)
   print(event, message)
   if event == "open" then
      echoTestObj:send("ABC123") -- data, as by default
   elseif event == "received" then
      echoes = echoes + 1
      if echoes == 1 then
         echoTestObj:send("ABC123", false) -- text
      else
         echoTestObj:close()
      end
   end
end)

require("websocket").run() -- what Hammerspoon's own loop does there: until no connection is alive
print(echoTestObj:status(), echoTestObj)
assert(echoes == 2, "the echoes did not come")
