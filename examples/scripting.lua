-- A script of the app Scripting, run without the app: a text, some Data, and goodbye.
--
--   lua examples/scripting.lua [URL [CA_FILE]]
--
-- URL: an echo server, ws://127.0.0.1:8765/ by default. CA_FILE: trusted instead of the system's authorities.

local url = arg[1] or "ws://127.0.0.1:8765/"
local options = { tls = arg[2] and { ca_file = arg[2] } }
local scripting = require "websocket.scripting"
local WebSocket, Data = scripting.WebSocket, scripting.Data

local ws, echo = WebSocket(url, options), nil

ws.onopen = function()
   print("WebSocket connection opened")
   ws:send("Hello, server!")
   ws:send(Data.fromString("Hello, bytes!"))
end

ws.onmessage = function(message)
   if Data.is(message) then
      print("Received data", message, message:toHexString())
      echo = message:toRawString()
      ws:close(1000, "done")
   else
      print("Received message", message)
   end
end

ws.onerror = function(err)
   print("WebSocket error", err.message)
end

ws:addEventListener("close", function(reason)
   print("WebSocket closed", reason)
end)

require("websocket").run() -- what the app's own loop does there
assert(echo == "Hello, bytes!", "the echo did not come")
